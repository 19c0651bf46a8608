//! What every DNS provider must do, and whether authoritative servers are asked as they should be.

use async_trait::async_trait;
use cap::dns::resolver::Authoritative;
use cap::dns::{connect, resolver};
use cap::eval::value::SecretRef;
use cap::job::ErrorClass;
use cap::ports::PortResult;
use cap::ports::dns::{DnsProvider, Resolver, TxtRecord, Visibility};
use cap::ports::secrets::Secrets;
use cap::state::Spec;
use serde_json::json;
use zeroize::Zeroizing;

use crate::peers::bind::Bind;
use crate::peers::free_port;
use crate::peers::knot::Knot;

const ZONE: &str = "example.test";
const NAME: &str = "_acme-challenge.www.example.test";

/// The same secret behind every reference.
struct Only(String);

#[async_trait]
impl Secrets for Only {
    async fn resolve(&self, _: &SecretRef) -> PortResult<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(self.0.clone().into_bytes()))
    }
}

fn record(value: &str) -> TxtRecord {
    TxtRecord { zone: ZONE.to_owned(), name: NAME.to_owned(), value: value.to_owned() }
}

/// The whole suite; `texts` answers what stands at [`NAME`], asked of the server itself.
async fn suite(provider: &dyn DnsProvider, texts: impl Fn() -> Vec<String>) {
    let (one, two) = (record("one"), record("Two with spaces"));
    provider.retract(&one).await.expect("what is not there is fine");
    provider.present(&one).await.expect("presented");
    provider.present(&one).await.expect("presented again");
    assert_eq!(texts(), ["one"]);
    provider.present(&two).await.expect("a second value at the name");
    assert_eq!(texts(), ["Two with spaces", "one"]);
    provider.retract(&one).await.expect("retracted");
    provider.retract(&one).await.expect("retracted again");
    assert_eq!(texts(), ["Two with spaces"], "only its own value goes");
    provider.retract(&two).await.expect("retracted");
    assert!(texts().is_empty());
    let long = record(&"long ".repeat(60));
    provider.present(&long).await.expect("a value of several character strings");
    assert_eq!(texts(), std::slice::from_ref(&long.value));
    provider.retract(&long).await.expect("retracted");
    assert!(texts().is_empty());
    let stray = TxtRecord { zone: ZONE.to_owned(), name: "www.other.test".to_owned(), value: "x".to_owned() };
    assert_eq!(provider.present(&stray).await.map_err(|error| error.class), Err(ErrorClass::Rejected));
}

#[tokio::test]
async fn rfc2136_over_bind() {
    let Some(bind) = Bind::start(ZONE, "") else { return };
    let provider = connect(&bind.credential(), &Only(bind.secret.clone())).await.expect("a provider");
    suite(&*provider, || bind.texts(NAME)).await;
}

#[tokio::test]
async fn rfc2136_over_knot() {
    let Some(knot) = Knot::start(ZONE) else { return };
    let provider = connect(&knot.credential(), &Only(knot.secret())).await.expect("a provider");
    suite(&*provider, || knot.texts(NAME)).await;
}

#[tokio::test]
async fn the_fake() {
    let provider = cap::testing::FakeDns::default();
    provider.add_zone(ZONE, &["ns1", "ns2"]);
    suite(&provider, || provider.texts(NAME)).await;
}

async fn refused(spec: Spec, secret: &str, expected: (ErrorClass, &str)) {
    let provider = connect(&spec, &Only(secret.to_owned())).await.expect("a provider");
    let error = provider.present(&record("x")).await.expect_err("it must not be taken");
    assert_eq!(error.class, expected.0, "{error}");
    assert!(error.message.contains(expected.1), "{error}");
    assert!(error.remedy.is_some() && !error.message.contains(secret), "{error}");
}

#[tokio::test]
async fn what_the_server_refuses_is_told_apart() {
    let Some(bind) = Bind::start(ZONE, "") else { return };
    let with = |name: &str, value: serde_json::Value| {
        let mut spec = bind.credential();
        spec.insert(name.to_owned(), value);
        spec
    };
    let wrong = "d3Jvbmcgc2VjcmV0IG9mIHRoZSByaWdodCBsZW5ndGg=";
    refused(bind.credential(), wrong, (ErrorClass::Unauthorized, "BADSIG")).await;
    refused(with("key_name", json!("nobody")), &bind.secret, (ErrorClass::Unauthorized, "BADKEY")).await;
    refused(with("key_algorithm", json!("hmac-sha512")), &bind.secret, (ErrorClass::Unauthorized, "BADKEY")).await;
    refused(with("key_name", json!("idle")), &bind.secret, (ErrorClass::Unauthorized, "refuses to update")).await;
    let closed = json!(format!("127.0.0.1:{}", free_port()));
    refused(with("server", closed), &bind.secret, (ErrorClass::Transient, "cannot be reached")).await;
    assert!(bind.texts(NAME).is_empty());

    let provider = connect(&bind.credential(), &Only(bind.secret.clone())).await.expect("a provider");
    let elsewhere = TxtRecord { zone: "other.test".to_owned(), name: "x.other.test".to_owned(), value: "x".to_owned() };
    let error = provider.present(&elsewhere).await.expect_err("not its zone");
    assert_eq!(error.class, ErrorClass::Rejected, "{error}");
    assert!(error.message.contains("not authoritative for the zone other.test"), "{error}");
}

fn asking(servers: &[&Bind]) -> std::sync::Arc<dyn Resolver> {
    let mut spec = Spec::new();
    spec.insert("name_servers".to_owned(), servers.iter().map(|bind| bind.server()).collect());
    resolver(&spec).expect("a resolver")
}

#[tokio::test]
async fn one_stale_server_is_named() {
    let (Some(fresh), Some(stale)) = (Bind::start(ZONE, ""), Bind::start(ZONE, "")) else { return };
    let both = asking(&[&fresh, &stale]);
    let provider = connect(&fresh.credential(), &Only(fresh.secret.clone())).await.expect("a provider");
    provider.present(&record("one")).await.expect("presented");
    let Ok(Visibility::Missing(missing)) = both.visible(&record("one")).await else { panic!("one is stale") };
    let [only] = &missing[..] else { panic!("one of two: {missing:?}") };
    assert!(only.contains(&stale.server()) && only.contains("no such record yet"), "{only}");

    let second = connect(&stale.credential(), &Only(stale.secret.clone())).await.expect("a provider");
    second.present(&record("another")).await.expect("presented");
    let Ok(Visibility::Missing(missing)) = both.visible(&record("one")).await else { panic!("one is stale") };
    assert!(missing[0].contains("1 other values"), "{missing:?}");
    second.present(&record("one")).await.expect("presented");
    assert_eq!(both.visible(&record("one")).await, Ok(Visibility::Everywhere));
}

#[tokio::test]
async fn a_silent_server_is_not_everywhere() {
    let Some(bind) = Bind::start(ZONE, "_acme-challenge.www TXT one") else { return };
    let mut spec = Spec::new();
    spec.insert("name_servers".to_owned(), json!([bind.server(), format!("127.0.0.1:{}", free_port())]));
    let seen = resolver(&spec).expect("a resolver").visible(&record("one")).await;
    let Ok(Visibility::Missing(missing)) = seen else { panic!("one is silent: {seen:?}") };
    assert_eq!(missing.len(), 1, "{missing:?}");
}

#[tokio::test]
async fn servers_are_found_by_the_zones_own_records() {
    let Some(bind) = Bind::start(ZONE, "_acme-challenge.www TXT one") else { return };
    let asker = Authoritative::delegated(vec![([127, 0, 0, 1], bind.port).into()], bind.port);
    assert_eq!(asker.visible(&record("one")).await, Ok(Visibility::Everywhere));
    let Ok(Visibility::Missing(missing)) = asker.visible(&record("two")).await else { panic!("it is not there") };
    assert!(missing[0].starts_with(&format!("ns.{ZONE} (127.0.0.1:{})", bind.port)), "{missing:?}");
    let mut below = record("one");
    below.zone = "www.example.test".to_owned();
    let error = asker.visible(&below).await.expect_err("no apex");
    assert_eq!(error.class, ErrorClass::Rejected, "{error}");
}

#[tokio::test]
async fn an_alias_is_reported_and_not_followed() {
    let records = "_acme-challenge.www CNAME acme\nacme TXT one";
    let Some(bind) = Bind::start(ZONE, records) else { return };
    let error = asking(&[&bind]).visible(&record("one")).await.expect_err("an alias");
    assert_eq!(error.class, ErrorClass::Rejected);
    assert!(error.message.contains("alias (CNAME) of acme.example.test"), "{error}");
}

#[tokio::test]
async fn an_answer_too_big_for_a_datagram_is_fetched_by_tcp() {
    let many: String =
        (0..40).map(|n| format!("_acme-challenge.www TXT foreign-value-number-{n:03}-of-a-flood\n")).collect();
    let Some(bind) = Bind::start(ZONE, &format!("{many}_acme-challenge.www TXT one")) else { return };
    assert_eq!(asking(&[&bind]).visible(&record("one")).await, Ok(Visibility::Everywhere));
}
