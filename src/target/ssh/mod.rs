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
//!
//! The host needs a POSIX shell with the usual tools (coreutils or busybox) and an account with a POSIX login shell. With
//! `sudo = true` that account needs the right to run `sh` by sudo without a password.
//!
//! Root works by names there, and cannot be kept from following a link that somebody swaps in at the wrong moment. So as
//! root a slot is refused, before anything is touched, when a directory on the way to it belongs to another user, can be
//! written to by others, or is a symbolic link (access control lists show in the group's rights). `files.owner` may be
//! anybody: files are given to that user, the directories that are made for them stay with root.

mod host_key;
mod remote;
mod session;

use std::path::PathBuf;
use std::sync::Arc;

use host_key::HostKey;
use remote::Remote;
use session::Login;

use super::files::Files;
use super::slot::Slot;
use super::verify::{Commands, Endpoint};
use super::{args, files, verify};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, BodySchema, KindSchema, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::model::{Kind, Role};
use crate::ports::PortResult;
use crate::ports::secrets::Secrets;
use crate::ports::target::Target;
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
        optional(
            "sudo",
            Type::Bool,
            "Whether files are written and commands are run as root, through sudo -n. The files must then lie where only root can write: another directory is refused.",
        )
        .or(Value::Bool(false)),
    ]
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    files::check_block(instance, args::absolute, faults);
    verify::check_arguments(instance, faults);
    args::check(instance, "address", address, faults);
    args::check(instance, "user", user, faults);
    args::check(instance, "host_key", host_key::parse, faults);
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
    let bare = text.split('%').next().unwrap_or_default();
    if let Some((host, port)) = text.rsplit_once(':').filter(|_| bare.parse::<std::net::Ipv6Addr>().is_err()) {
        return Err(match port.parse::<u16>() {
            Ok(port) => format!("\"{text}\" holds a port; write address = \"{host}\" and port = {port}"),
            Err(_) => format!("\"{text}\" is neither a name nor an address"),
        });
    }
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

fn slots(config: &Spec) -> Vec<String> {
    let host = args::text(config, "address").unwrap_or_default().to_ascii_lowercase();
    let port = args::whole(config, "port").unwrap_or(22);
    files::places(config).iter().map(|place| format!("ssh:{host}:{port}:{place}")).collect()
}

/// The host as known_hosts writes it: the port only where it is not the usual one.
fn host(login: &Login) -> String {
    let address = login.address.to_ascii_lowercase();
    if login.port == 22 { address } else { format!("[{address}]:{}", login.port) }
}

/// One slot. The key is resolved here; the connection is made when it is first needed.
///
/// # Errors
/// `Rejected` for a configuration that cannot be used, and whatever `secrets` says.
pub async fn connect(config: &Spec, secrets: &dyn Secrets) -> PortResult<Arc<dyn Target>> {
    let files = Files::decode(config, args::absolute)?;
    let shaped = |path: &str, shape: fn(&str) -> Result<String, String>| {
        shape(args::needed(config, path)?).map_err(|why| args::unusable(path, why))
    };
    let port =
        u16::try_from(args::whole(config, "port").unwrap_or(22)).map_err(|error| args::unusable("port", error))?;
    let login = Login {
        address: shaped("address", address)?,
        port,
        user: shaped("user", user)?,
        key: secrets.resolve(&args::secret(config, "key")?).await?,
        host_key: decode_host_key(config)?,
    };
    Ok(Arc::new(Slot {
        // A host that moves to another address or port and keeps its key is the same host: its files are in force.
        machines: [host(&login)].into_iter().chain(login.host_key.fingerprint()).collect(),
        name: format!("{}:{}", host(&login), files.place()),
        commands: Commands::decode(config)?,
        endpoint: Endpoint::decode(config)?,
        machine: Remote::new(login, files.owner.clone(), args::truth(config, "sudo")),
        files,
    }))
}

fn decode_host_key(config: &Spec) -> PortResult<HostKey> {
    if let Some(text) = args::text(config, "host_key") {
        return host_key::parse(text).map_err(|why| args::unusable("host_key", why));
    }
    let path = args::text(config, "known_hosts").ok_or_else(|| args::unusable("host_key", NO_HOST_KEY))?;
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    let below = path.strip_prefix("~/").and_then(|rest| Some(home()?.join(rest)));
    let path = std::path::absolute(below.unwrap_or_else(|| path.into()));
    path.map(HostKey::KnownHosts).map_err(|error| args::unusable("known_hosts", error))
}
