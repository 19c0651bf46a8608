//! Pebble, Let's Encrypt's test CA, and pebble-challtestsrv, the DNS it may ask.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;

use super::{Outcome, Peer, Running, Scratch, free_port, report, wait_port};

/// Seconds of a day.
const DAY: u64 = 86_400;
const START: Duration = Duration::from_secs(60);

/// How Pebble is to behave.
pub struct Options {
    /// Per cent of good nonces that it refuses.
    pub nonce_reject: u8,
    /// Customers that accounts must be bound to: key identifiers, and HMAC keys in base64url. Empty for none.
    pub bindings: Vec<(&'static str, &'static str)>,
    /// Whether it is to be the newest release, which has renewal information (RFC 9773) and profiles: by default one that
    /// it draws at random, and `shortlived`, six days.
    pub newest: bool,
    /// `host:port` of the DNS server it asks; pebble-challtestsrv is started when none is given.
    pub dns: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { nonce_reject: 20, bindings: Vec::new(), newest: false, dns: None }
    }
}

/// Pebble while it runs.
pub struct Pebble {
    /// URL of its directory.
    pub directory: String,
    /// PEM of the root that its own TLS is trusted by. It is not the root of what it issues.
    pub trust: String,
    management: u16,
    zone: Option<Zone>,
    running: Running,
    _scratch: Scratch,
}

/// pebble-challtestsrv while it runs.
struct Zone {
    dns: u16,
    management: u16,
    _running: Running,
}

impl Pebble {
    /// Starts it, or reports that it did not run.
    pub fn start(options: &Options) -> Option<Self> {
        let (program, scratch) = (find(options)?, Scratch::new("pebble"));
        let zone = if options.dns.is_none() { Some(Zone::start(&scratch)?) } else { None };
        let dns = options.dns.clone().or_else(|| zone.as_ref().map(|zone| format!("127.0.0.1:{}", zone.dns)));
        let [listen, management, http, tls] = [(); 4].map(|()| free_port());
        let trust = write_identity(&scratch);
        let mut config = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{listen}"), "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": scratch.join("server.pem"), "privateKey": scratch.join("server.key"),
            "httpPort": http, "tlsPort": tls, "ocspResponderURL": "",
            "externalAccountBindingRequired": !options.bindings.is_empty(),
            "externalAccountMACKeys": options.bindings.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
        }});
        if options.newest {
            config["pebble"]["profiles"] = json!({
                "default": {"description": "ninety days", "validityPeriod": 90 * DAY},
                "shortlived": {"description": "six days", "validityPeriod": 6 * DAY},
            });
        }
        std::fs::write(scratch.join("pebble.json"), config.to_string()).expect("its configuration");
        let mut command = program.command();
        command.arg("-config").arg(scratch.join("pebble.json")).args([
            "-dnsserver",
            &dns.expect("an address"),
            "-strict",
        ]);
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", options.nonce_reject.to_string());
        command.env("PEBBLE_ALTERNATE_ROOTS", "1").env("PEBBLE_CHAIN_LENGTH", "2").env("PEBBLE_AUTHZREUSE", "0");
        let mut running = Running::start("pebble", &mut command, &scratch);
        wait_port(listen, START, &mut running);
        wait_port(management, START, &mut running);
        report(program.name, &Outcome::Ran { version: "nonce rejection on, DNS asked".to_owned() });
        let directory = format!("https://127.0.0.1:{listen}/dir");
        Some(Self { directory, trust, management, zone, running, _scratch: scratch })
    }

    /// Makes the DNS answer this TXT value too at the name. Only where pebble-challtestsrv is the DNS.
    pub fn set_txt(&self, name: &str, value: &str) {
        let zone = self.zone.as_ref().expect("pebble-challtestsrv is the DNS");
        let body = json!({"host": format!("{name}."), "value": value}).to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", zone.management)).expect("its management port");
        let length = body.len();
        write!(stream, "POST /set-txt HTTP/1.0\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains(" 200 "), "{answer}");
    }

    /// PEM of one of the roots that it issues under: the default one is 0, the alternate one 1.
    pub fn root(&self, number: usize) -> String {
        let mut roots = rustls::RootCertStore::empty();
        let trust = CertificateDer::from_pem_slice(self.trust.as_bytes()).expect("PEM");
        roots.add(trust).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let mut session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
        let mut stream = TcpStream::connect(("127.0.0.1", self.management)).expect("its management port");
        let mut tls = rustls::Stream::new(&mut session, &mut stream);
        write!(tls, "GET /roots/{number} HTTP/1.0\r\nHost: x\r\n\r\n").expect("sent");
        let mut answer = Vec::new();
        // It may end without a TLS farewell; what came is whole all the same.
        let _ = tls.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).expect("UTF-8");
        answer[answer.find("-----BEGIN").expect("a certificate")..].to_owned()
    }

    /// Signed requests that it has been sent so far.
    pub fn posts(&self) -> usize {
        self.running.log().lines().filter(|line| line.contains("POST /")).count()
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// Orders that have been placed with it so far.
    pub fn orders(&self) -> usize {
        self.running.log().lines().filter(|line| line.contains("Added order")).count()
    }

    /// Certificates that it has issued so far.
    pub fn issued(&self) -> usize {
        self.running.log().lines().filter(|line| line.contains("Issued certificate serial")).count()
    }
}

/// The program. `tests/run` builds the newest one where there is Go, which is not everywhere: where it is missing, that is
/// said and nothing fails.
fn find(options: &Options) -> Option<Peer> {
    if !options.newest {
        return Peer::find_or_report("pebble");
    }
    let found = Peer::find("pebble-new");
    if found.is_none() {
        let why = "the newest Pebble is not installed: ARI and profiles were tried at a CA that follows a script only";
        report("pebble-new", &Outcome::NotRun { why: why.to_owned() });
    }
    found
}

impl Zone {
    fn start(scratch: &Scratch) -> Option<Self> {
        let program = Peer::find_or_report("pebble-challtestsrv")?;
        let [dns, management] = [free_port(), free_port()];
        let mut command = program.command();
        command.args(["-dns01", &format!("127.0.0.1:{dns}"), "-management", &format!("127.0.0.1:{management}")]);
        command.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]);
        let mut running = Running::start("challtestsrv", &mut command, scratch);
        wait_port(management, START, &mut running);
        wait_port(dns, START, &mut running);
        report("pebble-challtestsrv", &Outcome::Ran { version: "of the pebble package".to_owned() });
        Some(Self { dns, management, _running: running })
    }
}

/// Writes a certificate for loopback and its key; returns PEM of the root above.
pub fn write_identity(scratch: &Scratch) -> String {
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().expect("a key")).expect("a root");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(names).expect("names").signed_by(&key, &root).expect("a certificate");
    std::fs::write(scratch.join("server.pem"), server.pem()).expect("written");
    std::fs::write(scratch.join("server.key"), key.serialize_pem()).expect("written");
    root.pem()
}
