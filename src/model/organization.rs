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

/// The kind.
pub fn kind() -> Kind {
    let owner = required("owner", Type::reference(["member"]), "The member who may do everything.");
    let schema = KindSchema {
        name: "organization",
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
                optional("active_version", Type::Number, "Version that seals what is made from now on, whole, from 1: the highest one at hand, or nothing is planned. What an \
                     earlier version sealed is not sealed again.").or(Value::number(1)),
            ],
            blocks: Vec::new(),
        },
        occurs: Occurs::Optional,
        doc: "The key-encryption key.",
    }
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    rules::duration(instance, "audit.retention", faults);
    rules::socket(instance, "audit.syslog.address", faults);
    rules::whole_number(instance, "encryption.active_version", 1, faults);
    if instance.get("audit.syslog").is_some() {
        rules::not_enforced(instance, "audit.syslog", "nothing is sent to the collector yet", faults);
    }
}
