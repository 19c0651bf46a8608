//! ACME accounts: the issuers' contract at Pebble, and what Pebble does not do at a CA that follows a script.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cap::issuer::acme::{AcmeIssuer, establish};
use cap::job::ErrorClass;
use cap::limits::{NONCE_ATTEMPTS, REPLY_BYTES};
use cap::ports::PortResult;
use cap::ports::clock::Clock;
use cap::ports::issuer::{Challenge, Issuer, OrderHandle, OrderRequest, OrderStatus};
use cap::ports::vault::{Flush, KeyType, KeyVault};
use cap::secret::LocalSecrets;
use cap::state::Spec;
use cap::state::facts::{AccountFacts, CertificateVersion, Facts, KeyId};
use cap::time::{Duration, Timestamp};
use cap::x509::{Leaf, top_issuer};
use serde_json::{Value as Json, json};

use super::issuer::{Subject, csr, fulfil, issue, make_ready, request, settled, suite};
use super::scripted_ca::{Answer, ScriptedCa};
use super::vault::sealed_in_memory;
use crate::peers::pebble::{Options, Pebble};

/// The wall clock: Pebble goes by it.
struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::from_offset(time::OffsetDateTime::now_utc())
    }
}

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

const HMAC: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// An account at Pebble.
struct Account {
    pebble: Pebble,
    vault: Arc<dyn KeyVault>,
    facts: AccountFacts,
}

fn spec(pebble: &Pebble, more: Json) -> Spec {
    let mut spec = json!({
        "directory": pebble.directory, "trust": pebble.trust, "key_type": "ecdsa-p256", "email": "pki@example.com"
    });
    let more: Spec = serde_json::from_value(more).expect("a spec");
    spec.as_object_mut().expect("an object").extend(more);
    serde_json::from_value(spec).expect("a spec")
}

async fn register(vault: &dyn KeyVault, spec: &Spec, job: &str, known: Option<&Facts>) -> PortResult<AccountFacts> {
    let environment: cap::secret::Environment = Box::new(|name| match name {
        "HMAC" => Some(HMAC.into()),
        "WRONG" => Some("d3Jvbmc".into()),
        _ => None,
    });
    let secrets = LocalSecrets::with_environment(environment, ".", Default::default());
    let address = "acme_account.pebble".parse().expect("an address");
    match establish((vault, &secrets, Arc::new(Wall)), &address, spec, job, known).await? {
        Facts::Account(facts) => Ok(facts),
        other => panic!("an account: {other:?}"),
    }
}

impl Account {
    async fn start(options: &Options) -> Option<Self> {
        let pebble = Pebble::start(options)?;
        let vault = sealed_in_memory().await;
        let facts = register(&*vault, &spec(&pebble, json!({})), "run.1", None).await.expect("an account");
        Some(Self { pebble, vault, facts })
    }
}

#[async_trait]
impl Subject for Account {
    async fn issuer(&self) -> Arc<dyn Issuer> {
        let key = self.vault.get(&self.facts.key).await.expect("the key");
        let opened = AcmeIssuer::open(&self.facts, &key, Some(&self.pebble.trust), Arc::new(Wall)).await;
        Arc::new(opened.expect("an issuer"))
    }

    async fn publish(&self, challenge: &Challenge) {
        assert_eq!(challenge.value.len(), 43, "base64url of a SHA-256");
        assert!(!challenge.identifier.starts_with("*."));
        self.pebble.set_txt(&format!("_acme-challenge.{}", challenge.identifier), &challenge.value);
    }

    fn vault(&self) -> Arc<dyn KeyVault> {
        Arc::clone(&self.vault)
    }

    fn now(&self) -> Timestamp {
        Wall.now()
    }
}

#[tokio::test]
async fn pebble_keeps_the_contract() {
    let Some(account) = Account::start(&Options::default()).await else { return };
    suite(&account).await;
}

#[tokio::test]
async fn half_of_all_nonces_refused_is_no_obstacle_and_places_no_second_order() {
    let Some(account) = Account::start(&Options { nonce_reject: 50, ..Options::default() }).await else { return };
    issue(&account, &request(&["nonces.example.test"]), "nonces").await;
    assert_eq!(account.pebble.issued(), 1);
}

#[tokio::test]
async fn a_certificate_costs_seven_signed_requests() {
    let Some(account) = Account::start(&Options { nonce_reject: 0, ..Options::default() }).await else { return };
    let (issuer, before) = (account.issuer().await, account.pebble.posts());
    let request = request(&["cost.example.test"]);
    let order = issuer.order(&request).await.expect("an order");
    // What the reply told is not asked for again.
    assert_eq!(issuer.status(&order).await, Ok(OrderStatus::Pending(None)));
    for challenge in issuer.challenges(&order).await.expect("the challenges") {
        account.publish(&challenge).await;
        issuer.respond(&order, &challenge).await.expect("answered");
    }
    let polls = std::cell::Cell::new(0);
    let poll = |wanted| {
        let polls = &polls;
        move |status: &OrderStatus| {
            polls.set(polls.get() + 1);
            *status == wanted
        }
    };
    settled(&*issuer, &order, poll(OrderStatus::Ready)).await;
    issuer.finalize(&order, &csr(&account, "cost", &request.names).await).await.expect("finalized");
    settled(&*issuer, &order, poll(OrderStatus::Valid)).await;
    issuer.download(&order, None).await.expect("a chain");
    assert_eq!(account.pebble.posts() - before, 5 + polls.get(), "and two polls make seven");
}

#[tokio::test]
async fn an_account_is_bound_once_and_found_again_by_its_key() {
    let bindings = vec![("kid-1", HMAC)];
    let Some(pebble) = Pebble::start(&Options { bindings, ..Options::default() }) else { return };
    let vault = sealed_in_memory().await;
    let bound =
        |kid: &str, secret: &str| spec(&pebble, json!({"eab": {"kid": kid, "hmac": {"$secret": {"env": secret}}}}));
    let unbound = spec(&pebble, json!({}));
    for (job, spec) in [("none", &unbound), ("wrong", &bound("kid-1", "WRONG"))] {
        let fault = register(&*vault, spec, job, None).await.expect_err("refused");
        assert_eq!(fault.class, ErrorClass::Unauthorized, "{job}: {fault}");
        assert!(!fault.message.contains("d3Jvbmc"), "{fault}");
    }
    let absent = register(&*vault, &bound("kid-1", "ABSENT"), "absent", None).await.expect_err("no secret");
    assert_eq!(absent.class, ErrorClass::Absent);

    let first = register(&*vault, &bound("kid-1", "HMAC"), "run.1", None).await.expect("an account");
    // The binding is used up; the key is still known.
    assert_eq!(register(&*vault, &unbound, "run.1", None).await, Ok(first.clone()));
    let changed = spec(&pebble, json!({"email": "other@example.com"}));
    let known = Facts::Account(first.clone());
    assert_eq!(register(&*vault, &changed, "run.2", Some(&known)).await, Ok(first.clone()));
    let other = register(&*vault, &bound("kid-1", "HMAC"), "run.3", None).await.expect("another account");
    assert_ne!(other.account_uri, first.account_uri);
}

#[tokio::test]
async fn the_chain_that_is_preferred_is_taken_where_it_is_offered() {
    let Some(account) = Account::start(&Options::default()).await else { return };
    for number in [0, 1] {
        let root = Leaf::from_pem(&account.pebble.root(number)).expect("a root").common_name;
        let request = OrderRequest { preferred_chain: root.clone(), ..request(&["chain.example.test"]) };
        let (order, chain) = issue(&account, &request, "chain").await;
        assert_eq!(top_issuer(&chain), Ok(root.clone()), "root {number}");
        assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 3, "a leaf and two intermediates");
        let unknown = account.issuer().await.download(&order, Some("No Such Root")).await.expect("the default chain");
        assert_eq!(Leaf::from_pem(&unknown), Leaf::from_pem(&chain));
    }
}

#[tokio::test]
async fn an_order_that_failed_says_which_name_and_why() {
    let Some(account) = Account::start(&Options::default()).await else { return };
    let issuer = account.issuer().await;
    let order = issuer.order(&request(&["fails.example.test"])).await.expect("an order");
    for challenge in issuer.challenges(&order).await.expect("the challenges") {
        account.pebble.set_txt(&format!("_acme-challenge.{}", challenge.identifier), "another value");
        issuer.respond(&order, &challenge).await.expect("answered");
    }
    let status = settled(&*issuer, &order, |status| !matches!(status, OrderStatus::Pending(_))).await;
    let OrderStatus::Invalid(words) = status else { panic!("it fails: {status:?}") };
    assert!(words.contains("fails.example.test"), "{words}");
}

#[tokio::test]
async fn a_certificate_is_revoked_as_often_as_one_asks() {
    let Some(account) = Account::start(&Options::default()).await else { return };
    let (_, chain) = issue(&account, &request(&["revoked.example.test"]), "revoked").await;
    for _ in 0..2 {
        account.issuer().await.revoke(&chain, 4).await.expect("revoked");
    }
}

/// An account at the newest Pebble.
async fn newest() -> Option<Account> {
    Account::start(&Options { newest: true, ..Options::default() }).await
}

fn version_of(chain: String) -> CertificateVersion {
    let leaf = Leaf::from_pem(&chain).expect("a leaf");
    let issued_at = leaf.not_before;
    CertificateVersion::of(leaf, chain, issued_at)
}

#[tokio::test]
async fn the_newest_pebble_keeps_the_contract_and_its_profiles() {
    let Some(account) = newest().await else { return };
    suite(&account).await;
    for (profile, days) in [("default", 90), ("shortlived", 6)] {
        let request = OrderRequest { profile: Some(profile.to_owned()), ..request(&["profile.example.test"]) };
        let (_, chain) = issue(&account, &request, profile).await;
        let leaf = Leaf::from_pem(&chain).expect("a leaf");
        let lifetime = (leaf.not_after + Duration::from_secs(1)).since(leaf.not_before);
        assert_eq!(lifetime, Duration::from_days(days), "{profile}");
    }
    let wrong = OrderRequest { profile: Some("shortlive".to_owned()), ..request(&["profile.example.test"]) };
    let fault = account.issuer().await.order(&wrong).await.expect_err("no such profile");
    assert_eq!(fault.remedy.as_deref(), Some("did you mean \"shortlived\"?"));
}

#[tokio::test]
async fn renewals_go_by_the_window_and_name_what_they_replace() {
    let Some(account) = Account::start(&Options { newest: true, nonce_reject: 0, ..Options::default() }).await else {
        return;
    };
    let ninety = OrderRequest { profile: Some("default".to_owned()), ..request(&["ari.example.test"]) };
    let (_, chain) = issue(&account, &ninety, "ari").await;
    let version = version_of(chain.clone());
    let issuer = account.issuer().await;
    let window = issuer.renewal_window(&version).await.expect("an answer").expect("a window");
    assert_eq!(window.end.since(window.start), Duration::from_days(2));
    let third = Duration::from_days(60);
    assert!(window.start < version.not_before + third && version.not_before + third < window.end, "{window:?}");

    let renewal = OrderRequest { replaces: Some(chain.clone()), ..ninety };
    // Pebble knows which order a certificate came of a moment after it has issued it.
    let mut order = issuer.order(&renewal).await;
    let begin = std::time::Instant::now();
    while order.as_ref().is_err_and(|fault| fault.class == ErrorClass::Transient) && begin.elapsed().as_secs() < 30 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        order = issuer.order(&renewal).await;
    }
    fulfil(&account, &order.expect("an order"), &renewal, "renewed").await;
    assert_eq!(account.pebble.orders(), 2, "the CA took what is replaced");
    // Pebble marks it a moment after it has issued.
    let begin = std::time::Instant::now();
    while !account.pebble.log().contains("has been marked as replaced") {
        assert!(begin.elapsed().as_secs() < 30, "it is not marked as replaced");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let before = account.pebble.posts();
    issuer.order(&renewal).await.expect("an order all the same");
    assert_eq!(account.pebble.posts() - before, 2, "alreadyReplaced, and an order that does not say what it replaces");
    assert_eq!(account.pebble.orders(), 3);

    issuer.revoke(&chain, 4).await.expect("revoked");
    let window = issuer.renewal_window(&version).await.expect("an answer").expect("a window");
    assert!(window.end <= Wall.now(), "at once: {window:?}");
}

#[tokio::test]
async fn a_ca_that_is_not_trusted_is_not_spoken_to() {
    let Some(account) = Account::start(&Options::default()).await else { return };
    let key = account.vault.get(&account.facts.key).await.expect("the key");
    let fault = AcmeIssuer::open(&account.facts, &key, None, Arc::new(Wall)).await.err().expect("not trusted");
    assert_eq!(fault.class, ErrorClass::Rejected, "{fault}");
    assert!(fault.remedy.is_some_and(|remedy| remedy.contains("trust")));
    let plain = AccountFacts { directory: account.facts.directory.replace("https", "http"), ..account.facts.clone() };
    let fault = AcmeIssuer::open(&plain, &key, Some(&account.pebble.trust), Arc::new(Wall)).await.err();
    assert!(fault.is_some(), "nothing is sent in clear");
}

// At a CA that follows a script.

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().expect("a time")
}

async fn account_at(ca: &ScriptedCa) -> AcmeIssuer {
    let vault = sealed_in_memory().await;
    let key = KeyId("account".to_owned());
    vault.ensure(&key, KeyType::EcdsaP256, Flush::Now).await.expect("a key");
    let facts = AccountFacts {
        account_uri: format!("{}/account/1", ca.base),
        directory: format!("{}/dir", ca.base),
        key: key.clone(),
        thumbprint: String::new(),
    };
    let key = vault.get(&key).await.expect("the key");
    AcmeIssuer::open(&facts, &key, Some(&ca.trust), Arc::new(At(noon()))).await.expect("an issuer")
}

/// An order that is ready at once, as from a CA where the account is trusted with the name already.
fn ready(base: &str, payload: &Json) -> Answer {
    let mut order = json!({"status": "ready", "authorizations": [], "finalize": format!("{base}/finalize/1")});
    if let Some(replaces) = payload.get("replaces") {
        order["replaces"] = replaces.clone();
    }
    Answer::json(201, &order).header("Location", &format!("{base}/order/1"))
}

/// A chain to be replaced: from a private CA, whose leaves name the key of their issuer.
async fn old_chain() -> String {
    super::issuer::private_ca::a_chain(&["www.example.test"]).await
}

#[tokio::test]
async fn an_order_that_is_ready_at_once_has_no_challenges() {
    let ca = ScriptedCa::start(json!({}), |asked, base| ready(base, &asked.payload));
    let issuer = account_at(&ca).await;
    let order = issuer.order(&request(&["www.example.test", "192.0.2.1"])).await.expect("an order");
    assert_eq!(issuer.status(&order).await, Ok(OrderStatus::Ready));
    assert_eq!(issuer.challenges(&order).await, Ok(Vec::new()));
    assert_eq!(ca.asked().len(), 1, "everything was in the reply");
    let identifiers = json!([{"type": "dns", "value": "www.example.test"}, {"type": "ip", "value": "192.0.2.1"}]);
    assert_eq!(ca.asked()[0].payload["identifiers"], identifiers);
}

#[tokio::test]
async fn a_rate_limit_says_until_when() {
    for (retry_after, seconds) in [("120", 120), ("Tue, 24 Nov 2026 12:05:00 GMT", 300)] {
        let ca = ScriptedCa::start(json!({}), move |_, _| {
            Answer::problem(429, "rateLimited").header("Retry-After", retry_after)
        });
        let fault = account_at(&ca).await.order(&request(&["www.example.test"])).await.expect_err("limited");
        assert_eq!(
            fault.class,
            ErrorClass::RateLimited { until: noon() + Duration::from_secs(seconds), of_account: false }
        );
        assert_eq!(ca.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_certificate_that_was_replaced_already_is_renewed_all_the_same() {
    for refusal in ["alreadyReplaced", "malformed"] {
        let ca =
            ScriptedCa::start(json!({"renewalInfo": true}), move |asked, base| match asked.payload.get("replaces") {
                Some(_) => Answer::problem(409, refusal),
                None => ready(base, &asked.payload),
            });
        let request = OrderRequest { replaces: Some(old_chain().await), ..request(&["www.example.test"]) };
        account_at(&ca).await.order(&request).await.expect("an order");
        let replaces: Vec<bool> = ca.asked().iter().map(|asked| asked.payload.get("replaces").is_some()).collect();
        assert_eq!(replaces, [true, false], "{refusal}");
    }
}

#[tokio::test]
async fn what_an_order_replaces_is_told_to_cas_that_ask_for_renewals() {
    for (directory, told) in [(json!({"renewalInfo": true}), true), (json!({}), false)] {
        let ca = ScriptedCa::start(directory, |asked, base| ready(base, &asked.payload));
        let request = OrderRequest { replaces: Some(old_chain().await), ..request(&["www.example.test"]) };
        account_at(&ca).await.order(&request).await.expect("an order");
        assert_eq!(ca.asked()[0].payload.get("replaces").is_some(), told);
        assert_eq!(ca.asked().len(), 1);
    }
}

async fn version() -> CertificateVersion {
    version_of(old_chain().await)
}

#[tokio::test]
async fn renewal_windows_are_heard_where_they_are_offered() {
    let version = version().await;
    let window = |body: Json| {
        ScriptedCa::start(json!({"renewalInfo": true}), move |asked, _| {
            assert!(asked.what.starts_with("GET /renewal-info/") && asked.what.contains('.'), "{asked:?}");
            Answer::json(200, &body)
        })
    };
    let good = json!({"suggestedWindow": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-02T00:00:00Z"}});
    let heard = account_at(&window(good)).await.renewal_window(&version).await.expect("a window").expect("a window");
    assert_eq!(heard.end.since(heard.start), Duration::from_days(1));
    assert_eq!(heard.heard_at, noon());

    let broken = account_at(&window(json!({"suggestedWindow": "soon"}))).await.renewal_window(&version).await;
    assert_eq!(broken.expect_err("broken").class, ErrorClass::Transient);
    let silent = ScriptedCa::start(json!({}), |_, _| Answer::problem(500, "serverInternal"));
    assert_eq!(account_at(&silent).await.renewal_window(&version).await, Ok(None));
    assert_eq!(silent.asked(), []);
}

#[tokio::test]
async fn an_order_whose_answer_was_not_heard_is_found_again() {
    let Some(account) = Account::start(&Options::default()).await else { return };
    let names = ["*.lost.example.test", "lost.example.test"];
    // More than one page of Pebble's list, which holds three orders.
    for at in 0..4 {
        let other = format!("other-{at}.example.test");
        account.issuer().await.order(&request(&[&other])).await.expect("an order");
    }
    let lost = account.issuer().await.order(&request(&names)).await.expect("an order");
    let again = |taken: &[&OrderHandle]| OrderRequest {
        again: Some(taken.iter().map(|order| (*order).clone()).collect()),
        ..request(&names)
    };
    let issuer = account.issuer().await;
    assert_eq!(issuer.order(&again(&[])).await, Ok(lost.clone()));
    assert_eq!(account.pebble.orders(), 5);
    let next = issuer.order(&again(&[])).await.expect("an order");
    assert_ne!(next, lost, "one that is worked on here is not taken");
    let third = account.issuer().await.order(&again(&[&lost, &next])).await.expect("an order");
    assert!(third != lost && third != next, "nor is one that others hold");
    assert_eq!(account.pebble.orders(), 7);
    make_ready(&account, &*issuer, &lost).await;
    let fresh = account.issuer().await.order(&request(&names)).await.expect("an order");
    assert!(fresh != lost && fresh != next, "nobody asked for an earlier one");
}

#[tokio::test]
async fn profiles_and_lifetimes_are_asked_for_where_they_are_offered() {
    let profiles = json!({"meta": {"profiles": {"classic": "90 days", "shortlived": "6 days"}}});
    let ca = ScriptedCa::start(profiles, |asked, base| ready(base, &asked.payload));
    let issuer = account_at(&ca).await;
    let with = |profile: &str, lifetime| OrderRequest {
        profile: Some(profile.to_owned()),
        lifetime,
        ..request(&["www.example.test"])
    };
    let fault = issuer.order(&with("shortlive", None)).await.expect_err("no such profile");
    assert_eq!(fault.class, ErrorClass::Rejected);
    assert_eq!(fault.remedy.as_deref(), Some("did you mean \"shortlived\"?"));
    assert_eq!(ca.asked(), [], "the directory says so already");
    issuer.order(&with("shortlived", None)).await.expect("an order");
    issuer.order(&with("classic", Some(Duration::from_days(3)))).await.expect("an order");
    let asked = ca.asked();
    assert_eq!((&asked[0].payload["profile"], asked[0].payload.get("notAfter")), (&json!("shortlived"), None));
    assert_eq!(asked[1].payload["notAfter"], json!("2026-11-27T12:00:00Z"));
    assert_eq!(asked[1].payload["profile"], json!("classic"));
}

#[tokio::test]
async fn a_ca_that_refuses_every_nonce_is_given_up_on() {
    let ca = ScriptedCa::start(json!({}), |_, _| Answer::problem(400, "badNonce"));
    let issuer = account_at(&ca).await;
    let chosen = OrderRequest { lifetime: Some(Duration::from_days(1)), ..request(&["www.example.test"]) };
    for request in [request(&["www.example.test"]), chosen] {
        let before = ca.asked().len();
        let fault = issuer.order(&request).await.expect_err("refused");
        assert_eq!(fault.class, ErrorClass::Transient, "{fault}");
        assert_eq!(ca.count("POST /new-order") - before, NONCE_ATTEMPTS);
    }
}

#[tokio::test]
async fn a_reply_without_end_or_sense_is_an_error() {
    let replies = [
        ("x".repeat(REPLY_BYTES + 1), 200),
        ("not JSON".to_owned(), 201),
        ("<html>Bad gateway</html>".to_owned(), 502),
        ("{}".to_owned(), 201),
    ];
    for (body, status) in replies {
        let start = body.chars().take(20).collect::<String>();
        let ca = ScriptedCa::start(json!({}), move |_, _| Answer::text(status, body.clone()));
        let fault = account_at(&ca).await.order(&request(&["www.example.test"])).await.expect_err("an error");
        assert_eq!(fault.class, ErrorClass::Transient, "{start}: {fault}");
    }
}

#[tokio::test]
async fn a_ca_that_is_still_issuing_says_when_to_ask_again() {
    let ca = ScriptedCa::start(json!({}), |asked, base| match asked.what.as_str() {
        "POST /new-order" => ready(base, &asked.payload),
        asked => {
            let finalize = format!("{base}/finalize/1");
            let order = json!({"status": "processing", "authorizations": [], "finalize": finalize});
            Answer::json(200, &order).header("Retry-After", if asked == "POST /finalize/1" { "7" } else { "9" })
        }
    });
    let issuer = account_at(&ca).await;
    let order = issuer.order(&request(&["www.example.test"])).await.expect("an order");
    issuer.finalize(&order, b"a request").await.expect("finalized");
    let wait = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(issuer.status(&order).await, Ok(OrderStatus::Processing(wait(7))));
    assert_eq!(ca.count("POST /order/1"), 0, "not before the CA wants to be asked");
    assert_eq!(issuer.status(&order).await, Ok(OrderStatus::Processing(wait(9))));
    let early = issuer.download(&order, None).await.expect_err("not yet");
    assert_eq!(early.class, ErrorClass::Conflict);
    assert_eq!(
        issuer.status(&OrderHandle("http://127.0.0.1/order/1".to_owned())).await.err().map(|f| f.class),
        Some(ErrorClass::NotFound)
    );
}

/// A lone certificate whose issuer has that common name.
fn issued_by(name: &str) -> String {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = rcgen::KeyPair::generate().expect("a key");
    params.self_signed(&key).expect("a certificate").pem()
}

/// A CA whose one order is valid, which hands out its chain ("default") and three alternates ("1" to "3") in this way.
fn issued(certificate: impl Fn(&str) -> Answer + Send + Sync + 'static) -> ScriptedCa {
    ScriptedCa::start(json!({}), move |asked, base| match asked.what.as_str() {
        "POST /order/1" => {
            let (finalize, url) = (format!("{base}/finalize/1"), format!("{base}/cert/1"));
            let order = json!({"status": "valid", "authorizations": [], "finalize": finalize, "certificate": url});
            Answer::json(200, &order)
        }
        "POST /cert/1" => {
            let alternate = |at| format!("<{base}/cert/1/{at}>;rel=\"alternate\"");
            certificate("default").header("Link", &[1, 2, 3].map(alternate).join(", "))
        }
        other => certificate(other.trim_start_matches("POST /cert/1/")),
    })
}

#[tokio::test]
async fn alternate_chains_that_are_broken_are_passed_over() {
    let (default, third) = (issued_by("Default Root"), issued_by("Third Root"));
    let chains = (default.clone(), third.clone());
    let ca = issued(move |which| match which {
        "default" => Answer::text(200, chains.0.clone()),
        "1" => Answer::problem(404, "malformed"),
        "2" => Answer::text(200, "<html>".to_owned()),
        _ => Answer::text(200, chains.1.clone()),
    });
    let order = OrderHandle(format!("{}/order/1", ca.base));
    let issuer = account_at(&ca).await;
    assert_eq!(issuer.download(&order, Some("Third Root")).await, Ok(third));
    assert_eq!(issuer.download(&order, Some("No Such Root")).await, Ok(default.clone()));

    let busy = issued(move |which| match which {
        "default" => Answer::text(200, default.clone()),
        _ => Answer::problem(429, "rateLimited"),
    });
    let order = OrderHandle(format!("{}/order/1", busy.base));
    let fault = account_at(&busy).await.download(&order, Some("Third Root")).await.expect_err("later");
    assert!(matches!(fault.class, ErrorClass::RateLimited { .. }), "{fault}");
}

#[tokio::test]
async fn a_certificate_that_is_missing_is_not_a_lost_order() {
    let ca = issued(|_| Answer::problem(404, "malformed"));
    let order = OrderHandle(format!("{}/order/1", ca.base));
    let fault = account_at(&ca).await.download(&order, None).await.expect_err("missing");
    assert_eq!(fault.class, ErrorClass::Transient, "{fault}");
}

#[tokio::test]
async fn a_ca_sends_us_to_no_other_server() {
    let stranger = ScriptedCa::start(json!({}), |_, _| Answer::problem(500, "serverInternal"));
    let elsewhere = stranger.base.clone();
    let mut ca = ScriptedCa::start(json!({}), move |asked, base| match asked.what.as_str() {
        "POST /new-order" => {
            let order = json!({"status": "pending", "authorizations": [format!("{elsewhere}/authz/1")],
                "finalize": format!("{base}/finalize/1")});
            Answer::json(201, &order).header("Location", &format!("{base}/order/1"))
        }
        _ => Answer::problem(404, "malformed"),
    });
    // It is not for want of trust.
    ca.trust += &stranger.trust;
    let issuer = account_at(&ca).await;
    let order = issuer.order(&request(&["www.example.test"])).await.expect("an order");
    let theirs = OrderHandle(format!("{}/order/1", stranger.base));
    for fault in [issuer.challenges(&order).await.err(), issuer.status(&theirs).await.err()] {
        let fault = fault.expect("refused");
        assert_eq!(fault.class, ErrorClass::Rejected, "{fault}");
        assert!(fault.message.contains(&stranger.base), "{fault}");
    }
    assert_eq!(stranger.asked(), [], "nothing was sent there");
}

/// A CA with one order, whose answer to the first challenge is lost, and which takes no second one.
fn forgetful() -> ScriptedCa {
    let answered = AtomicBool::new(false);
    ScriptedCa::start(json!({}), move |asked, base| {
        let is_answered = answered.load(Ordering::Relaxed);
        let state = if is_answered { "processing" } else { "pending" };
        match asked.what.as_str() {
            "POST /new-order" | "POST /order/1" => {
                let order = json!({"status": "pending", "authorizations": [format!("{base}/authz/1")],
                    "finalize": format!("{base}/finalize/1")});
                let status = if asked.what.ends_with("new-order") { 201 } else { 200 };
                Answer::json(status, &order).header("Location", &format!("{base}/order/1"))
            }
            "POST /authz/1" => Answer::json(
                200,
                &json!({"status": "pending", "identifier": {"type": "dns", "value": "www.example.test"}, "challenges":
                    [{"type": "dns-01", "url": format!("{base}/challenge/1"), "token": "t", "status": state}]}),
            ),
            "POST /challenge/1" if !is_answered => {
                answered.store(true, Ordering::Relaxed);
                Answer::text(502, "<html>Bad gateway</html>".to_owned())
            }
            _ => Answer::problem(400, "malformed"),
        }
    })
}

#[tokio::test]
async fn a_challenge_whose_answer_was_lost_is_looked_at_before_it_is_answered_again() {
    let ca = forgetful();
    let issuer = account_at(&ca).await;
    let order = issuer.order(&request(&["www.example.test"])).await.expect("an order");
    let challenge = issuer.challenges(&order).await.expect("one").remove(0);
    let lost = issuer.respond(&order, &challenge).await.expect_err("the answer is lost");
    assert_eq!(lost.class, ErrorClass::Transient, "{lost}");
    assert!(issuer.challenges(&order).await.expect("one")[0].answered);
    issuer.respond(&order, &challenge).await.expect("the CA is at it");
    assert_eq!(ca.count("POST /challenge/1"), 1);
}

#[tokio::test]
async fn a_ca_that_is_still_validating_says_when_to_ask_again() {
    let ca = ScriptedCa::start(json!({}), |asked, base| {
        let order = json!({"status": "pending", "authorizations": [], "finalize": format!("{base}/finalize/1")});
        match asked.what.as_str() {
            "POST /new-order" => Answer::json(201, &order).header("Location", &format!("{base}/order/1")),
            _ => Answer::json(200, &order).header("Retry-After", "5"),
        }
    });
    let issuer = account_at(&ca).await;
    let order = issuer.order(&request(&["www.example.test"])).await.expect("an order");
    assert_eq!(issuer.status(&order).await, Ok(OrderStatus::Pending(None)));
    assert_eq!(issuer.status(&order).await, Ok(OrderStatus::Pending(Some(Duration::from_secs(5)))));
}
