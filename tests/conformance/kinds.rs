//! The blocks of targets and DNS credentials: their examples mean what their documentation says, and what is wrong in a
//! block is said at its place.

use cap::cli::wiring::kinds::kinds;
use cap::diagnostic::Diagnostics;
use cap::engine::files::ModuleDirectory;
use cap::eval::desired::{Instance, Render as _};
use cap::eval::encode::to_json;
use cap::eval::value::Value;
use cap::eval::{Evaluation, Inputs, evaluate};
use cap::model::Role;
use cap::source::Sources;
use cap::state::Spec;
use cap::syntax;
use cap::time::Timestamp;

use super::target::Only;

struct Read {
    sources: Sources,
    evaluation: Evaluation,
    faults: Diagnostics,
}

/// Evaluates a text and holds every instance to the rules of its kind.
fn read(text: &str) -> Read {
    let (kinds, mut sources) = (kinds(), Sources::default());
    let (file, mut faults) = syntax::parse(sources.add("main.cap.hcl", text), text);
    let project = "project \"only\" {}\n";
    let (project, _) = syntax::parse(sources.add("project.cap.hcl", project), project);
    let files = ModuleDirectory::new(env!("CARGO_MANIFEST_DIR"), None);
    let (evaluation, found) =
        evaluate(&[file, project], &Inputs::default(), &kinds.catalog(), &files, Timestamp::from_millis(0));
    faults.extend(found);
    for instance in &evaluation.desired.instances {
        (kinds.get(instance.kind.name).expect("its kind").check)(instance, &mut faults);
    }
    Read { sources, evaluation, faults }
}

/// The one instance that is not the project.
fn described(read: &Read) -> &Instance {
    let mut instances = read.evaluation.desired.instances.iter().filter(|one| one.kind.name != "project");
    instances.next().expect("an instance")
}

/// Faults as `what is underlined: why`.
fn shown(read: &Read) -> Vec<String> {
    let one = |fault: &cap::diagnostic::Diagnostic| {
        let place = fault.span.map(|span| read.sources.snippet(span)).unwrap_or_default();
        format!("{place}: {}", fault.detail)
    };
    read.faults.iter().map(one).collect()
}

/// The blocks in a file's own documentation.
fn documented(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_start);
    let inside = lines.scan(false, |within, line| {
        *within = if line.starts_with("```") { line == "```hcl" } else { *within };
        Some(if *within && !line.starts_with("```") { line } else { "" })
    });
    inside.collect::<Vec<_>>().join("\n")
}

fn certificate(name: &str) -> Value {
    Value::object([("name", Value::string(name)), ("common_name", Value::string("www.example.com"))])
}

#[tokio::test]
async fn examples_in_the_documentation_can_be_used() {
    for source in [include_str!("../../src/target/file.rs"), include_str!("../../src/target/ssh/mod.rs")] {
        let read = read(&documented(source));
        assert_eq!(shown(&read), Vec::<String>::new());
        let instance = described(&read);
        let rendered = |name: &str| -> Spec {
            let value = read.evaluation.render(&instance.address, &certificate(name)).expect("rendered");
            to_json(&value).as_object().cloned().unwrap_or_default()
        };
        let secrets = Only("a key".to_owned());
        let target = cap::target::connect(instance.kind.name, &rendered("www"), &secrets).await.expect("a target");
        assert!(target.slot().ends_with("/etc/nginx/tls/www"), "{}", target.slot());
        let kinds = kinds();
        let Role::Target(slots) = kinds.get(instance.kind.name).expect("its kind").role else { panic!("a target") };
        assert_ne!(slots(&rendered("www")), slots(&rendered("api")));
    }
    let read = read(&documented(include_str!("../../src/dns/rfc2136.rs")));
    assert_eq!(shown(&read), Vec::<String>::new());
    let spec = to_json(&described(&read).value).as_object().cloned().unwrap_or_default();
    let secrets = Only("c2VjcmV0".to_owned());
    cap::dns::connect(&spec, &secrets).await.expect("a provider");
    cap::dns::resolver(&spec).expect("a resolver");
}

#[test]
fn slots_are_the_places_that_are_written_to() {
    let slots = |kind: &str, config: serde_json::Value| {
        let kinds = kinds();
        let Role::Target(slots) = kinds.get(kind).expect("a kind").role else { panic!("a target") };
        slots(&config.as_object().cloned().unwrap_or_default())
    };
    let directory = serde_json::json!({"files": {"directory": "/etc//tls/www/"}});
    assert_eq!(slots("file_target", directory), ["file:/etc/tls/www"]);
    let pair = serde_json::json!({"files": {"fullchain": "/a/c.pem", "privkey": "/a/k.pem"}});
    assert_eq!(slots("file_target", pair), ["file:/a/k.pem", "file:/a/c.pem"]);
    let remote = serde_json::json!({"address": "Web1.example.com", "port": 2222, "files": {"directory": "/etc/tls"}});
    assert_eq!(slots("ssh_target", remote), ["ssh:web1.example.com:2222:/etc/tls"]);
}

fn check(text: &str, expected: &[&str]) {
    let shown = shown(&read(text));
    assert_eq!(shown.len(), expected.len(), "{text}\n{shown:#?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(shown.contains(expected), "{text}\n{shown}\nhas no: {expected}");
    }
}

fn file_target(inside: &str) -> String {
    format!("file_target \"t\" {{\n{inside}\n}}\n")
}

fn ssh_target(inside: &str) -> String {
    let common = "address = \"web1\"\nuser = \"deploy\"\nkey = secret_env(\"KEY\")\nfiles { directory = \"/etc/tls\" }";
    format!("ssh_target \"t\" {{\n{common}\n{inside}\n}}\n")
}

fn credential(inside: &str) -> String {
    format!("dns_credential \"c\" {{\nprovider = \"rfc2136\"\n{inside}\n}}\n")
}

#[test]
fn no_time_is_longer_than_a_hundred_years() {
    let authority = |inside: &str| format!("private_ca \"ca\" {{\ncommon_name = \"Root\"\n{inside}\n}}\n");
    let certificate = |inside: &str| {
        format!(
            "{}certificate \"c\" {{\nissuer = private_ca.ca\ncommon_name = \"a.test\"\n{inside}\n}}\n",
            authority("")
        )
    };
    check(&authority("lifetime = \"36525d\""), &[]);
    for name in ["lifetime", "default_lifetime", "max_lifetime"] {
        check(&authority(&format!("{name} = \"36526d\"")), &["\"36526d\": The argument"]);
    }
    let below = |lifetime| format!("intermediate {{\ncommon_name = \"Below\"\nlifetime = \"{lifetime}\"\n}}");
    check(&authority(&below("36525d")), &[]);
    check(&authority(&below("9000000000d")), &["\"9000000000d\": The argument \"intermediate.lifetime\""]);
    check(&certificate("lifetime = \"36525d\""), &[]);
    check(&certificate("lifetime = \"36525d1ms\""), &["it is longer than 36525 days"]);
}

#[test]
fn faults_of_targets_are_said_at_their_place() {
    check(&file_target("files { directory = \"/a/${certificate.name}\" }"), &[]);
    check(&file_target("files { mode = \"0640\" }"), &["it needs directory"]);
    check(
        &file_target("files {\n directory = \"/a\"\n fullchain = \"/b\"\n}"),
        &["\"/b\": The argument files.fullchain cannot be used: directory is given too"],
    );
    check(&file_target("files {\n fullchain = \"/b\"\n layout = \"versioned\"\n}"), &["versions need a directory"]);
    check(&file_target("files {\n directory = \"/a\"\n layout = \"flat\"\n}"), &["versioned"]);
    check(&file_target("files {\n directory = \"/a\"\n mode = \"rw\"\n}"), &["files.mode cannot be used"]);
    check(&file_target("files {\n directory = \"/a\"\n owner = \"a b\"\n}"), &["files.owner cannot be used"]);
    check(&file_target("files { directory = \"/a/../b\" }"), &["files.directory cannot be used"]);
    check(&file_target("files { directory = \"/a\" }\nreload = []"), &["reload cannot be used: it is empty"]);
    check(&file_target("files { directory = \"/a\" }\ntimeout = \"soon\""), &["timeout cannot be used"]);
    check(&file_target("files { directory = \"/a\" }\nverify { endpoint = \"www\" }"), &["host:port"]);
    let pinned = "host_key = \"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"";
    check(&ssh_target(pinned), &[]);
    check(&ssh_target(""), &["a host is never trusted at first sight"]);
    check(&ssh_target(&format!("{pinned}\nknown_hosts = \"/k\"")), &["one of them is enough"]);
    check(&ssh_target("host_key = \"SHA256:short\""), &["neither a fingerprint"]);
    check(&ssh_target(&format!("{pinned}\nport = 70000")), &["70000: The argument port"]);
    check(&ssh_target(&format!("{pinned}\nreload = [\"\"]")), &["the program's name is empty"]);
    let relative = ssh_target(pinned).replace("/etc/tls", "etc/tls").replace("web1", "-oProxyCommand=id");
    check(&relative, &["does not begin with /", "is no host"]);
}

#[test]
fn faults_of_credentials_are_said_at_their_place() {
    let whole = "server = \"ns1.example.com\"\nkey_name = \"cap\"\nkey_secret = secret_env(\"TSIG\")";
    check(&credential(whole), &[]);
    check(&credential(""), &["rfc2136 needs it", "rfc2136 needs it", "rfc2136 needs it"]);
    check(&credential(&whole.replace("ns1.example.com", "ns1:0")), &["\"ns1:0\": The argument server"]);
    check(&credential(&format!("{whole}\nttl = 0")), &["between 1 and 86400"]);
    check(&credential(&format!("{whole}\ntimeout = \"0s\"")), &["longer than nothing"]);
    check(&credential(&format!("{whole}\nkey_algorithm = \"hmac-md5\"")), &["hmac-sha256"]);
    check(&credential(&format!("{whole}\nname_servers = [\"a:b:c\"]")), &["name_servers cannot be used"]);
}
