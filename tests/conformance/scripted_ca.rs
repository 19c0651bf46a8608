//! A CA that says whatever a test wants: for what no real one does on demand.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value as Json, json};

use crate::peers::Scratch;
use crate::peers::pebble::write_identity;

/// A request as the CA read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// `POST /new-order`.
    pub what: String,
    /// The signed payload; null for POST-as-GET and for requests without one.
    pub payload: Json,
}

/// What it answers.
pub struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    /// JSON with that status.
    pub fn json(status: u16, body: &Json) -> Self {
        Self { status, headers: String::new(), body: body.to_string() }
    }

    /// A problem document of an ACME type.
    pub fn problem(status: u16, kind: &str) -> Self {
        Self::json(status, &json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": "as scripted"}))
    }

    /// Anything at all.
    pub fn text(status: u16, body: String) -> Self {
        Self { status, headers: String::new(), body }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }
}

/// The CA while it runs.
pub struct ScriptedCa {
    /// `https://127.0.0.1:port`, to which paths are added.
    pub base: String,
    /// PEM of the root of its TLS.
    pub trust: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Script = dyn Fn(&Asked, &str) -> Answer + Send + Sync;

impl ScriptedCa {
    /// Starts it on loopback. `more` is added to its directory; `script` answers everything but the directory and nonces,
    /// and is told the base of the CA's URLs.
    pub fn start(more: Json, script: impl Fn(&Asked, &str) -> Answer + Send + Sync + 'static) -> Self {
        let scratch = Scratch::new("scripted-ca");
        let trust = write_identity(&scratch);
        let read = |name: &str| std::fs::read(scratch.join(name)).expect("an identity");
        let chain = vec![CertificateDer::from_pem_slice(&read("server.pem")).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(&read("server.key")).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.expect("versions").with_no_client_auth().with_single_cert(chain, key).expect("an identity");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let base = format!("https://{}", listener.local_addr().expect("its address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = Arc::new(Server { base: base.clone(), more, script: Box::new(script), asked: Arc::clone(&asked) });
        let tls = Arc::new(tls);
        // The threads end with the test's process; they hold nothing that outlives it.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, tls) = (Arc::clone(&server), Arc::clone(&tls));
                std::thread::spawn(move || server.talk(stream, tls));
            }
        });
        Self { base, trust, asked }
    }

    /// What it was asked so far, without directory and nonces.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// How often it was asked this: `POST /new-order`.
    pub fn count(&self, what: &str) -> usize {
        self.asked().iter().filter(|asked| asked.what == what).count()
    }
}

struct Server {
    base: String,
    more: Json,
    script: Box<Script>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn talk(&self, mut tcp: TcpStream, tls: Arc<rustls::ServerConfig>) {
        let mut session = rustls::ServerConnection::new(tls).expect("a session");
        let mut stream = BufReader::new(rustls::Stream::new(&mut session, &mut tcp));
        let mut nonce = 0;
        while let Some(asked) = read(&mut stream) {
            let head_only = asked.what.starts_with("HEAD");
            let Answer { status, headers, body } = self.answer(asked);
            nonce += 1;
            let head = format!(
                "HTTP/1.1 {status} x\r\nReplay-Nonce: nonce-{nonce}\r\n{headers}Content-Length: {}\r\n\r\n",
                body.len()
            );
            let body = if head_only { "" } else { &body };
            if stream.get_mut().write_all((head + body).as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, asked: Asked) -> Answer {
        match asked.what.as_str() {
            "GET /dir" => Answer::json(200, &self.directory()),
            "HEAD /new-nonce" => Answer::text(200, String::new()),
            _ => {
                let answer = (self.script)(&asked, &self.base);
                self.asked.lock().expect("no panic").push(asked);
                answer
            }
        }
    }

    fn directory(&self) -> Json {
        let url = |path: &str| format!("{}/{path}", self.base);
        let mut directory = json!({
            "newNonce": url("new-nonce"), "newAccount": url("new-account"), "newOrder": url("new-order"),
            "revokeCert": url("revoke-cert"), "keyChange": url("key-change"),
            "kXzb-Zf9": "https://a.random.entry.example/"
        });
        for (name, value) in self.more.as_object().into_iter().flatten() {
            directory[name] = value.clone();
            if name == "renewalInfo" {
                directory[name] = url("renewal-info").into();
            }
        }
        directory
    }
}

/// One request; `None` at the connection's end.
fn read(stream: &mut impl std::io::BufRead) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let what = line.rsplit_once(' ')?.0.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body: Json = serde_json::from_slice(&body).unwrap_or(Json::Null);
    let payload = body["payload"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default();
    Some(Asked { what, payload: serde_json::from_slice(&payload).unwrap_or(Json::Null) })
}
