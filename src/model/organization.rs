//! `organization`: the tenant. A store holds at most one.
//!
//! ```hcl
//! organization "example" {
//!   owner = member.alice
//!   audit {
//!     retention = "400d"
//!     syslog {
//!       address   = "siem.example.com:6514"
//!       transport = "tls"
//!       format    = "rfc5424"
//!     }
//!   }
//!   encryption {
//!     provider       = "env"
//!     active_version = 1
//!   }
//! }
//! ```

use super::rules;
use super::{Kind, Role};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{BlockSchema, BodySchema, KindSchema, Occurs, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::plan::Work;
use crate::state::Spec;

/// The block's type.
pub const NAME: &str = "organization";

/// The kind.
pub fn kind() -> Kind {
    let owner = required("owner", Type::reference(["member"]), "The member who may do everything.");
    let schema = KindSchema {
        name: NAME,
        doc: "The tenant: who owns it, how long its audit is kept, and which key-encryption key seals its keys.",
        body: BodySchema { attributes: vec![owner], blocks: vec![audit(), encryption()] },
        facts: Vec::new(),
        in_project: false,
    };
    Kind::new(schema, Role::Record).checked(check)
}

fn audit() -> BlockSchema {
    let retention =
        optional("retention", Type::String, "How long entries are kept, such as `400d`; for ever when left out.");
    let syslog = BlockSchema {
        name: "syslog",
        body: BodySchema {
            attributes: vec![
                required("address", Type::String, "`host:port` of the collector."),
                optional("transport", Type::String, "How it is reached.")
                    .one_of(&["udp", "tcp", "tls"])
                    .or(Value::string("tls")),
                optional("format", Type::String, "What is sent.")
                    .one_of(&["rfc5424", "cef"])
                    .or(Value::string("rfc5424")),
            ],
            blocks: Vec::new(),
        },
        occurs: Occurs::Optional,
        doc: "A collector that receives every entry.",
    };
    BlockSchema {
        name: "audit",
        body: BodySchema { attributes: vec![retention], blocks: vec![syslog] },
        occurs: Occurs::Optional,
        doc: "What happens to the audit.",
    }
}

fn encryption() -> BlockSchema {
    BlockSchema {
        name: "encryption",
        body: BodySchema {
            attributes: vec![
                optional("provider", Type::String, "Where the key-encryption key has to come from: the environment, or a file beside the store. Left out, the environment goes before the file.")
                    .one_of(&["env", "file"]),
                optional("active_version", Type::Number, "Version that seals, whole, from 1: the highest one at hand, or nothing is planned. Raising it seals everything \
                     anew that an earlier version sealed, after which the earlier key may be taken away.").or(Value::number(1)),
            ],
            blocks: Vec::new(),
        },
        occurs: Occurs::Optional,
        doc: "The key-encryption key.",
    }
}

/// Version of the key-encryption key that is to seal, by an organization's spec.
pub fn sealing_version(spec: &Spec) -> u32 {
    let version = spec.get("encryption").and_then(|block| block.get("active_version"));
    version.and_then(|version| u32::try_from(version.as_u64()?).ok()).unwrap_or(1)
}

/// What carrying out an organization's spec means: the version that seals was raised, or the record is all there is.
pub fn work(before: Option<&Spec>, after: &Spec) -> Work {
    if sealing_version(after) > before.map_or(1, sealing_version) { Work::Rewrap } else { Work::Record }
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    rules::duration(instance, "audit.retention", faults);
    rules::socket(instance, "audit.syslog.address", faults);
    rules::whole_number(instance, "encryption.active_version", 1, faults);
    if instance.get("audit.syslog").is_some() {
        rules::not_enforced(instance, "audit.syslog", "nothing is sent to the collector yet", faults);
    }
}
