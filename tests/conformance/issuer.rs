//! What every issuer must do: orders that outlive the process, and one certificate an order however often it is asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cap::job::ErrorClass;
use cap::ports::issuer::{Challenge, Issuer, OrderHandle, OrderRequest, OrderStatus};
use cap::ports::vault::{Flush, KeyType, KeyVault};
use cap::state::facts::KeyId;
use cap::time::Timestamp;
use cap::x509::{Leaf, check_chain};

/// An issuer under test, and the world around it.
#[async_trait]
pub trait Subject: Send + Sync {
    /// A new instance over the same account or CA, as after a restart.
    async fn issuer(&self) -> Arc<dyn Issuer>;
    /// Makes the CA see this challenge's record.
    async fn publish(&self, challenge: &Challenge);
    /// Where keys are.
    fn vault(&self) -> Arc<dyn KeyVault>;
    /// The time by which its certificates are judged.
    fn now(&self) -> Timestamp;
}

/// The whole suite.
pub async fn suite(subject: &dyn Subject) {
    an_order_becomes_one_certificate(subject).await;
    every_call_survives_a_restart(subject).await;
    a_request_for_other_names_is_refused(subject).await;
    what_is_not_there_is_not_found(subject).await;
}

/// A request for these names and nothing else.
pub fn request(names: &[&str]) -> OrderRequest {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    OrderRequest { names, profile: None, lifetime: None, replaces: None, preferred_chain: None, again: None }
}

/// Publishes and answers what is to be met, and asks until the order is no longer pending.
pub async fn make_ready(subject: &dyn Subject, issuer: &dyn Issuer, order: &OrderHandle) {
    for challenge in issuer.challenges(order).await.expect("the challenges") {
        subject.publish(&challenge).await;
        issuer.respond(order, &challenge).await.expect("answered");
    }
    assert_eq!(settled(issuer, order, |status| !matches!(status, OrderStatus::Pending(_))).await, OrderStatus::Ready);
}

/// Asks for the status until it is one to go on from. A real CA works at its own pace.
pub async fn settled(issuer: &dyn Issuer, order: &OrderHandle, enough: impl Fn(&OrderStatus) -> bool) -> OrderStatus {
    let begin = Instant::now();
    loop {
        let status = issuer.status(order).await.expect("the status");
        if enough(&status) || matches!(status, OrderStatus::Invalid(_)) {
            return status;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "the order stays {status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A signing request for these names with a key of that name.
pub async fn csr(subject: &dyn Subject, key: &str, names: &[String]) -> Vec<u8> {
    let (vault, key) = (subject.vault(), KeyId(key.to_owned()));
    vault.ensure(&key, KeyType::EcdsaP256, Flush::Now).await.expect("a key");
    vault.csr(&key, names.first().map(String::as_str), names).await.expect("a request")
}

/// The whole way from an order to a chain.
pub async fn issue(subject: &dyn Subject, request: &OrderRequest, key: &str) -> (OrderHandle, String) {
    let order = subject.issuer().await.order(request).await.expect("an order");
    let chain = fulfil(subject, &order, request, key).await;
    (order, chain)
}

/// The rest of the way.
pub async fn fulfil(subject: &dyn Subject, order: &OrderHandle, request: &OrderRequest, key: &str) -> String {
    let issuer = subject.issuer().await;
    make_ready(subject, &*issuer, order).await;
    issuer.finalize(order, &csr(subject, key, &request.names).await).await.expect("finalized");
    assert_eq!(settled(&*issuer, order, |status| *status == OrderStatus::Valid).await, OrderStatus::Valid);
    let chain = issuer.download(order, request.preferred_chain.as_deref()).await.expect("a chain");
    check(subject, &chain, &request.names, key).await;
    chain
}

/// The chain is for these names and this key.
async fn check(subject: &dyn Subject, chain: &str, names: &[String], key: &str) -> Leaf {
    let key = KeyId(key.to_owned());
    let spki = subject.vault().ensure(&key, KeyType::EcdsaP256, Flush::Now).await.expect("the key");
    check_chain(chain, names, &spki, subject.now()).expect("what was asked for")
}

async fn an_order_becomes_one_certificate(subject: &dyn Subject) {
    let request = request(&["*.one.example.test", "one.example.test"]);
    let (order, chain) = issue(subject, &request, "one").await;
    let issuer = subject.issuer().await;
    // Finalizing again is refused as settled, or finds it done; it never makes a second certificate.
    let again = issuer.finalize(&order, &csr(subject, "one", &request.names).await).await;
    assert!(again.as_ref().err().is_none_or(|fault| fault.class == ErrorClass::Conflict), "{again:?}");
    assert_eq!(issuer.status(&order).await, Ok(OrderStatus::Valid));
    let downloaded = issuer.download(&order, None).await.expect("a chain");
    assert_eq!(Leaf::from_pem(&downloaded), Leaf::from_pem(&chain));

    let (_, other) = issue(subject, &request, "two").await;
    let serial = |chain: &str| Leaf::from_pem(chain).expect("a leaf").serial;
    assert_ne!(serial(&other), serial(&chain), "another order gets another certificate");
}

async fn every_call_survives_a_restart(subject: &dyn Subject) {
    let names = request(&["restart.example.test"]);
    let order = subject.issuer().await.order(&names).await.expect("an order");
    let early = subject.issuer().await.download(&order, None).await.expect_err("nothing is issued yet");
    assert_eq!(early.class, ErrorClass::Conflict);
    for challenge in subject.issuer().await.challenges(&order).await.expect("the challenges") {
        subject.publish(&challenge).await;
        subject.issuer().await.respond(&order, &challenge).await.expect("answered");
        subject.issuer().await.respond(&order, &challenge).await.expect("answering again is fine");
    }
    let ready = settled(&*subject.issuer().await, &order, |status| !matches!(status, OrderStatus::Pending(_))).await;
    assert_eq!(ready, OrderStatus::Ready);
    assert_eq!(subject.issuer().await.challenges(&order).await, Ok(Vec::new()), "nothing is left to be met");
    let csr = csr(subject, "restart", &names.names).await;
    subject.issuer().await.finalize(&order, &csr).await.expect("finalized");
    settled(&*subject.issuer().await, &order, |status| *status == OrderStatus::Valid).await;
    let chain = subject.issuer().await.download(&order, None).await.expect("a chain");
    check(subject, &chain, &names.names, "restart").await;
}

async fn a_request_for_other_names_is_refused(subject: &dyn Subject) {
    let issuer = subject.issuer().await;
    let order = issuer.order(&request(&["names.example.test"])).await.expect("an order");
    make_ready(subject, &*issuer, &order).await;
    let csr = csr(subject, "names", &["other.example.test".to_owned()]).await;
    let fault = issuer.finalize(&order, &csr).await.expect_err("another name");
    assert_eq!(fault.class, ErrorClass::Rejected, "{fault}");
    let fault = issuer.finalize(&order, b"no request").await.expect_err("no request");
    assert!(matches!(fault.class, ErrorClass::Rejected | ErrorClass::Conflict), "{fault}");
}

async fn what_is_not_there_is_not_found(subject: &dyn Subject) {
    let issuer = subject.issuer().await;
    let real = issuer.order(&request(&["absent.example.test"])).await.expect("an order");
    let absent = OrderHandle(real.0.chars().rev().collect());
    for order in [absent, OrderHandle(String::new())] {
        let fault = issuer.status(&order).await.expect_err("no such order");
        assert_eq!(fault.class, ErrorClass::NotFound, "{order:?}: {fault}");
    }
}

pub mod private_ca {
    use cap::issuer::private_ca::{PrivateCa, establish};
    use cap::ports::clock::Clock;
    use cap::state::Spec;
    use cap::state::facts::{AuthorityFacts, Facts};
    use serde_json::json;

    use super::super::vault::sealed_in_memory;
    use super::*;

    /// A clock that stands at one time.
    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    struct House {
        vault: Arc<dyn KeyVault>,
        spec: Spec,
        facts: AuthorityFacts,
        now: Timestamp,
    }

    fn spec(more: serde_json::Value) -> Spec {
        let mut spec = json!({
            "common_name": "Root", "organization": "House", "key_type": "ecdsa-p256",
            "lifetime": "3650d", "default_lifetime": "90d"
        });
        let more: Spec = serde_json::from_value(more).expect("a spec");
        spec.as_object_mut().expect("an object").extend(more);
        serde_json::from_value(spec).expect("a spec")
    }

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().expect("a time")
    }

    async fn make(vault: &Arc<dyn KeyVault>, spec: &Spec, job: &str, known: Option<&Facts>) -> Facts {
        let address = "private_ca.house".parse().expect("an address");
        establish(&**vault, &address, spec, job, known, now()).await.expect("established")
    }

    async fn house(more: serde_json::Value) -> House {
        let (vault, spec) = (sealed_in_memory().await, spec(more));
        let Facts::Authority(facts) = make(&vault, &spec, "run.1", None).await else { panic!("an authority") };
        House { vault, spec, facts, now: now() }
    }

    /// A chain of a private CA made for the purpose.
    pub async fn a_chain(names: &[&str]) -> String {
        issue(&house(json!({})).await, &request(names), "chain").await.1
    }

    #[async_trait]
    impl Subject for House {
        async fn issuer(&self) -> Arc<dyn Issuer> {
            let clock = Arc::new(At(self.now));
            let made = PrivateCa::new(Arc::clone(&self.vault), clock, &self.spec, self.facts.clone());
            Arc::new(made.expect("an issuer"))
        }

        async fn publish(&self, challenge: &Challenge) {
            panic!("a private CA sets no challenge: {challenge:?}");
        }

        fn vault(&self) -> Arc<dyn KeyVault> {
            Arc::clone(&self.vault)
        }

        fn now(&self) -> Timestamp {
            self.now
        }
    }

    #[tokio::test]
    async fn a_root_that_issues_keeps_the_contract() {
        suite(&house(json!({})).await).await;
    }

    #[tokio::test]
    async fn an_intermediate_keeps_the_contract() {
        let house = house(json!({"intermediate": {"common_name": "Issuing", "lifetime": "9999d"}})).await;
        suite(&house).await;
        let (_, chain) = issue(&house, &request(&["www.example.test", "192.0.2.1"]), "chain").await;
        assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "the intermediate is sent, the root is not");
        let [root, below] = [0, 1].map(|at| Leaf::from_pem(&house.facts.certificates[at]).expect("a CA"));
        assert_eq!((root.is_ca, below.is_ca, below.issuer == root.subject), (true, true, true));
        assert!(below.not_after <= root.not_after);
        assert_eq!(house.facts.not_after, below.not_after);
    }

    #[tokio::test]
    async fn making_it_again_finds_it_and_making_it_anew_does_not() {
        let (vault, spec) = (sealed_in_memory().await, spec(json!({"intermediate": {"common_name": "Issuing"}})));
        let spec = {
            let mut spec = spec;
            spec["intermediate"]["lifetime"] = json!("1825d");
            spec
        };
        let first = make(&vault, &spec, "run.1", None).await;
        assert_eq!(make(&vault, &spec, "run.1", None).await, first, "the same job");
        assert_eq!(make(&vault, &spec, "run.2", Some(&first)).await, first, "an update in place");
        assert_ne!(make(&vault, &spec, "run.3", None).await, first, "a replacement");
    }

    #[tokio::test]
    async fn certificates_lie_within_the_lives_of_their_order_and_their_ca() {
        let short = house(json!({"default_lifetime": "30d", "max_lifetime": "60d"})).await;
        let day = cap::time::Duration::from_days;
        let (_, chain) = issue(&short, &request(&["www.example.test"]), "short").await;
        let leaf = Leaf::from_pem(&chain).expect("a leaf");
        assert_eq!(leaf.not_after.since(leaf.not_before), day(30));
        assert!(leaf.not_before < short.now, "backdated");
        let long = OrderRequest { lifetime: Some(day(61)), ..request(&["www.example.test"]) };
        let fault = short.issuer().await.order(&long).await.expect_err("too long");
        assert_eq!(fault.class, ErrorClass::Rejected);

        let late = House { now: short.facts.not_after - day(10), ..house(json!({})).await };
        let (_, chain) = issue(&late, &request(&["www.example.test"]), "late").await;
        assert_eq!(Leaf::from_pem(&chain).map(|leaf| leaf.not_after), Ok(late.facts.not_after));
        let over = House { now: late.facts.not_after, ..late };
        let order = over.issuer().await.order(&request(&["www.example.test"])).await.expect("an order");
        let csr = csr(&over, "over", &["www.example.test".to_owned()]).await;
        assert!(over.issuer().await.finalize(&order, &csr).await.is_err(), "the CA's certificate is over");
    }

    #[tokio::test]
    async fn constraints_bind_and_another_ca_knows_no_order() {
        let bound = house(json!({"name_constraints": {"permitted_dns": ["example.test"]}})).await;
        issue(&bound, &request(&["www.example.test"]), "inside").await;
        let fault = bound.issuer().await.order(&request(&["www.example.com"])).await.expect_err("outside");
        assert_eq!(fault.class, ErrorClass::Rejected);
        let other = house(json!({})).await;
        let order = other.issuer().await.order(&request(&["www.example.test"])).await.expect("an order");
        let fault = bound.issuer().await.status(&order).await.expect_err("another CA's order");
        assert_eq!(fault.class, ErrorClass::NotFound);
        assert!(bound.issuer().await.revoke("", 0).await.is_err());
    }
}

mod fake {
    use cap::ports::clock::Clock;
    use cap::ports::dns::{DnsProvider, TxtRecord};
    use cap::testing::{FakeCa, FakeDns, FakeIssuer, ManualClock};

    use super::super::vault::sealed_in_memory;
    use super::*;

    struct Fake {
        clock: Arc<ManualClock>,
        dns: Arc<FakeDns>,
        ca: Arc<FakeCa>,
        vault: Arc<dyn KeyVault>,
    }

    #[async_trait]
    impl Subject for Fake {
        async fn issuer(&self) -> Arc<dyn Issuer> {
            Arc::new(FakeIssuer(Arc::clone(&self.ca)))
        }

        async fn publish(&self, challenge: &Challenge) {
            let name = format!("_acme-challenge.{}", challenge.identifier);
            let record = TxtRecord { zone: "example.test".to_owned(), name, value: challenge.value.clone() };
            self.dns.present(&record).await.expect("published");
        }

        fn vault(&self) -> Arc<dyn KeyVault> {
            Arc::clone(&self.vault)
        }

        fn now(&self) -> Timestamp {
            self.clock.now()
        }
    }

    #[tokio::test]
    async fn it_keeps_the_contract() {
        let clock = Arc::new(ManualClock::new("2026-11-24T12:00:00Z".parse().expect("a time")));
        let dns = Arc::new(FakeDns::default());
        dns.add_zone("example.test", &["ns1", "ns2"]);
        let ca = FakeCa::new(Arc::<ManualClock>::clone(&clock), Arc::clone(&dns)).expect("a CA");
        suite(&Fake { clock, dns, ca: Arc::new(ca), vault: sealed_in_memory().await }).await;
    }
}
