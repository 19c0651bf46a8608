//! `file_target`: files on the machine that `cap` runs on.
//!
//! ```hcl
//! file_target "nginx" {
//!   files {
//!     directory = "/etc/nginx/tls/${certificate.name}"
//!     owner     = "root:www-data"
//!   }
//!   test   = ["nginx", "-t"]
//!   reload = ["systemctl", "reload", "nginx"]
//!   verify { endpoint = "localhost:443" }
//! }
//! ```

use super::{args, files, verify};
use crate::eval::schema::{BodySchema, KindSchema};
use crate::model::{Kind, Role};
use crate::state::Spec;

/// The block's type.
pub const NAME: &str = "file_target";

/// The kind.
pub fn kind() -> Kind {
    let schema = KindSchema {
        name: NAME,
        doc: "Files on the machine that cap runs on, and the service that reads them.",
        body: BodySchema { attributes: verify::attributes().into(), blocks: vec![files::schema(), verify::schema()] },
        facts: Vec::new(),
        in_project: true,
    };
    Kind::new(schema, Role::Target(slots)).checked(|instance, faults| {
        files::check_block(instance, args::path, faults);
        verify::check_arguments(instance, faults);
    })
}

fn slots(config: &Spec) -> Vec<String> {
    files::places(config).iter().map(|place| format!("file:{place}")).collect()
}
