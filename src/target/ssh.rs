//! `ssh_target`: files on another machine, reached by the system's `ssh`.
//!
//! ```hcl
//! ssh_target "web" {
//!   address  = "web1.example.com"
//!   user     = "deploy"
//!   key      = secret_file("~/.ssh/deploy_ed25519")
//!   host_key = "SHA256:wHm5sG8nq1zKQhT3Jt7mF0ZxC2eVbYdA9uRkL4pNoXs"
//!   sudo     = true
//!
//!   files {
//!     directory = "/etc/nginx/tls/${certificate.name}"
//!     owner     = "root:www-data"
//!   }
//!   test   = ["nginx", "-t"]
//!   reload = ["systemctl", "reload", "nginx"]
//!   verify { endpoint = "web1.example.com:443" }
//! }
//! ```

use super::{args, files, verify};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, BodySchema, KindSchema, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::model::{Kind, Role};
use crate::state::Spec;

/// The block's type.
pub const NAME: &str = "ssh_target";

/// The kind.
pub fn kind() -> Kind {
    let attributes = attributes().into_iter().chain(verify::attributes()).collect();
    let schema = KindSchema {
        name: NAME,
        doc: "Files on a host reached by SSH, and the service there that reads them. Through the system's ssh.",
        body: BodySchema { attributes, blocks: vec![files::schema(), verify::schema()] },
        facts: Vec::new(),
        in_project: true,
    };
    Kind::new(schema, Role::Target(slots)).checked(check)
}

fn attributes() -> [AttributeSchema; 7] {
    [
        required("address", Type::String, "Name or address of the host."),
        optional("port", Type::Number, "Port of its SSH server.").or(Value::number(22)),
        required("user", Type::String, "User to log in as."),
        required(
            "key",
            Type::Secret,
            "Private key to log in with, in OpenSSH or PEM form and without a passphrase, as from secret_file(\"~/.ssh/id_ed25519\").",
        ),
        optional(
            "host_key",
            Type::String,
            "The host's key: its fingerprint as ssh-keygen -l prints it (SHA256:…), or the key itself (ssh-ed25519 AAAA…). Another key is refused.",
        ),
        optional(
            "known_hosts",
            Type::String,
            "Path of a known_hosts file that holds the host's key, instead of host_key. It is never written to.",
        ),
        optional("sudo", Type::Bool, "Whether files are written and commands are run as root, through sudo -n.")
            .or(Value::Bool(false)),
    ]
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    files::check_block(instance, args::absolute, faults);
    verify::check_arguments(instance, faults);
    args::check(instance, "address", address, faults);
    args::check(instance, "user", user, faults);
    args::check(instance, "host_key", host_key, faults);
    let port = instance.get("port").and_then(Value::as_number).map(|port| port.to_i64());
    if port.is_some_and(|port| !port.is_some_and(|port| (1..=65535).contains(&port))) {
        args::fault(instance, "port", "a port lies between 1 and 65535", faults);
    }
    match (instance.get("host_key"), instance.get("known_hosts")) {
        (None, None) => args::fault(instance, "host_key", NO_HOST_KEY, faults),
        (Some(_), Some(_)) => {
            args::fault(instance, "known_hosts", "host_key is given too; one of them is enough", faults)
        }
        _ => {}
    }
}

const NO_HOST_KEY: &str = "a host is never trusted at first sight; give host_key (ssh-keyscan HOST | ssh-keygen -lf - prints \
     its fingerprint, to be compared with the host's own) or known_hosts";

/// A name or an address, that cannot be taken for an option.
fn address(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
    match text.starts_with('-') || text.is_empty() || !text.chars().all(good) {
        true => Err(format!("\"{text}\" is no host; write a name or an address, the port stands in port")),
        false => Ok(text.to_owned()),
    }
}

fn user(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || ".-_@\\$".contains(c);
    match text.starts_with('-') || text.is_empty() || !text.chars().all(good) {
        true => Err(format!("\"{text}\" is no name of a user")),
        false => Ok(text.to_owned()),
    }
}

/// How the host is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKey {
    /// By the SHA-256 fingerprint of its key: base64 without padding.
    Fingerprint(String),
    /// By the key itself: type and base64.
    Key(String, String),
}

/// `SHA256:…` or `ssh-ed25519 AAAA…`.
fn host_key(text: &str) -> Result<HostKey, String> {
    use base64::Engine as _;
    let fault = || "it is neither a fingerprint (SHA256:…, 43 characters) nor a key (ssh-ed25519 AAAA…)".to_owned();
    if let Some(digest) = text.strip_prefix("SHA256:") {
        let digest = digest.trim_end_matches('=');
        let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(digest).map_err(|_| fault())?;
        return if bytes.len() == 32 { Ok(HostKey::Fingerprint(digest.to_owned())) } else { Err(fault()) };
    }
    let mut words = text.split_ascii_whitespace();
    let (Some(kind), Some(key)) = (words.next(), words.next()) else { return Err(fault()) };
    base64::engine::general_purpose::STANDARD.decode(key).map_err(|_| fault())?;
    Ok(HostKey::Key(kind.to_owned(), key.to_owned()))
}

fn slots(config: &Spec) -> Vec<String> {
    let host = args::text(config, "address").unwrap_or_default().to_ascii_lowercase();
    let port = args::whole(config, "port").unwrap_or(22);
    files::places(config).iter().map(|place| format!("ssh:{host}:{port}:{place}")).collect()
}
