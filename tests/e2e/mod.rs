//! The whole way with the real binary and real peers: a public CA, a name server, hosts reached by ssh, a TLS endpoint.

mod broken;
mod imported;
mod killed;
mod public_certificate;
mod secrets;
mod tampered;
mod team_store;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::cli::{Place, Ran};
use crate::peers::bind::Bind;
use crate::peers::pebble::{Options, Pebble};
use crate::peers::public;

/// The zone all names lie in.
const ZONE: &str = "example.test";

/// Who is responsible, and for what.
const HOUSE: &str = r#"organization "house" {
  owner = member.alice
}

member "alice" {
  email = "alice@example.test"
  role  = "admin"
}

project "web" {}
"#;

/// A name server, a CA that asks it, and a directory in which `cap` runs against both.
pub struct Public {
    /// The name server.
    pub bind: Bind,
    /// The CA.
    pub pebble: Pebble,
    /// Where `cap` runs.
    pub place: Place,
}

impl Public {
    /// Starts them, or reports which did not run. A fifth of all good nonces is refused.
    pub fn start() -> Option<Self> {
        Self::start_with(Options::default())
    }

    /// The same with a CA that behaves in its own way.
    pub fn start_with(options: Options) -> Option<Self> {
        let (bind, pebble) = public::start(ZONE, options)?;
        let place = Place::new();
        place.write("ca.pem", &pebble.trust);
        Some(Self { bind, pebble, place })
    }

    /// The blocks that every estate here begins with: organization, project, account, credential and zone.
    pub fn head(&self) -> String {
        HOUSE.to_owned() + &public::declared(ZONE, &self.bind, &self.pebble)
    }

    /// A command with the secret that the name server asks for.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.place.command(line);
        command.env("TSIG", &self.bind.secret);
        command
    }

    /// Runs it, and insists on its exit code.
    pub fn expect(&self, line: &str, code: i32) -> Ran {
        let ran = Ran::of(self.command(line).output().expect("cap runs"));
        assert_eq!(ran.code, code, "cap {line}\n{}{}", ran.out, ran.err);
        ran
    }

    /// Insists that no challenge is left at any of these names.
    pub fn no_challenge_is_left(&self, names: &[&str]) {
        for name in names {
            assert_eq!(self.bind.texts(&format!("_acme-challenge.{name}")), Vec::<String>::new(), "at {name}");
        }
    }
}

/// The leaf that is served on a port of loopback for a name, in DER. The chain must lead to the root and the leaf must be
/// for the name, as any browser would have it.
pub fn served(port: u16, name: &str, root: &str) -> Vec<u8> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).expect("PEM")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    let mut tls = rustls::Stream::new(&mut session, &mut stream);
    write!(tls, "GET / HTTP/1.0\r\n\r\n").expect("a handshake that this root and this name go with");
    let mut answer = Vec::new();
    // It may end without a TLS farewell.
    let _ = tls.read_to_end(&mut answer);
    session.peer_certificates().and_then(|chain| chain.first()).expect("a leaf").to_vec()
}
