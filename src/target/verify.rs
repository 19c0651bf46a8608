//! What happens around the files: the `test` and `reload` commands and the `verify` block. Arguments only; commands are
//! run by the targets, the endpoint is asked by the endpoint module.

use std::time::Duration;

use super::args::{self, check, check_command, shaped, unusable};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, BlockSchema, BodySchema, Occurs, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::ports::PortResult;
use crate::state::Spec;

/// Commands that make a service take up what was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// Run first; when it fails nothing is reloaded.
    pub test: Option<Vec<String>>,
    /// Run then.
    pub reload: Option<Vec<String>>,
    /// Limit on each.
    pub timeout: Duration,
}

impl Commands {
    /// Reads them from a rendered configuration.
    ///
    /// # Errors
    /// `Rejected`, naming the argument.
    pub fn decode(config: &Spec) -> PortResult<Self> {
        let words = |path: &str| -> PortResult<Option<Vec<String>>> {
            if !args::given(config, path) {
                return Ok(None);
            }
            let words = args::texts(config, path);
            args::command(&words).map_err(|why| unusable(path, why))?;
            Ok(Some(words))
        };
        Ok(Self {
            test: words("test")?,
            reload: words("reload")?,
            timeout: shaped(config, "timeout", TIMEOUT, args::span)?,
        })
    }
}

/// The endpoint to ask after an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address to connect to.
    pub host: String,
    /// Port to connect to.
    pub port: u16,
    /// Name asked for in the handshake; absent for the first DNS name of the certificate that is installed.
    pub server_name: Option<String>,
    /// PEM of anchors that the chain served must lead to; absent to compare the leaf only.
    pub trust: Option<String>,
    /// How long a reload may take to show.
    pub wait: Duration,
}

impl Endpoint {
    /// Reads the block from a rendered configuration, if it is there.
    ///
    /// # Errors
    /// `Rejected`, naming the argument.
    pub fn decode(config: &Spec) -> PortResult<Option<Self>> {
        if !args::given(config, "verify") {
            return Ok(None);
        }
        let endpoint = args::needed(config, "verify.endpoint")?;
        let (host, port) = args::endpoint(endpoint).map_err(|why| unusable("verify.endpoint", why))?;
        let text = |path: &str| args::text(config, path).map(str::to_owned);
        let wait = shaped(config, "verify.wait", WAIT, args::span)?;
        let (server_name, trust) = (text("verify.server_name"), text("verify.trust"));
        Ok(Some(Self { host, port, server_name, trust, wait }))
    }
}

const TIMEOUT: &str = "60s";
const WAIT: &str = "10s";

/// The schemas of `test`, `reload` and `timeout`.
pub fn attributes() -> [AttributeSchema; 3] {
    let words = Type::list(Type::String);
    [
        optional(
            "test",
            words.clone(),
            "Command that checks the service's configuration after the files are in place, as a program and its arguments; no shell is involved. When it fails, what was there before is put back and nothing is reloaded.",
        ),
        optional(
            "reload",
            words,
            "Command that makes the service take up the new files, as a program and its arguments; run after test.",
        ),
        optional("timeout", Type::String, "Longest time each command may take, such as 60s.")
            .or(Value::string(TIMEOUT)),
    ]
}

/// The schema of the block.
pub fn schema() -> BlockSchema {
    let attributes = vec![
        required("endpoint", Type::String, "Where the service answers, as host:port. Every address of the host is asked, and each must serve the new certificate.").per_certificate(),
        optional("server_name", Type::String, "Name sent in the TLS handshake (SNI). Left out, the first DNS name of the installed certificate that is no wildcard.").per_certificate(),
        optional("trust", Type::String, "PEM of trust anchors, as from file(\"ca.pem\"): the chain that is served must lead to one of them. Left out, only the leaf is compared."),
        optional("wait", Type::String, "How long a reload may take until it shows, such as 10s; the endpoint is asked again until then.").or(Value::string(WAIT)),
    ];
    BlockSchema {
        name: "verify",
        body: BodySchema { attributes, blocks: Vec::new() },
        occurs: Occurs::Optional,
        doc: "The endpoint that must serve the certificate after it was installed; when it does not, what was there before is put back.",
    }
}

/// The rules of commands and block.
pub fn check_arguments(instance: &Instance, faults: &mut Diagnostics) {
    check_command(instance, "test", faults);
    check_command(instance, "reload", faults);
    check(instance, "timeout", args::span, faults);
    check(instance, "verify.endpoint", args::endpoint, faults);
    check(instance, "verify.wait", args::span, faults);
}
