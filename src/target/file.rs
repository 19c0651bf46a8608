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

use std::sync::Arc;

use super::files::Files;
use super::local::Local;
use super::slot::Slot;
use super::verify::{Commands, Endpoint};
use super::{args, files, verify};
use crate::eval::schema::{BodySchema, KindSchema};
use crate::model::{Kind, Role};
use crate::ports::PortResult;
use crate::ports::secrets::Secrets;
use crate::ports::target::Target;
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

/// One slot. Needs no secrets.
///
/// # Errors
/// `Rejected` for a configuration that cannot be used.
pub async fn connect(config: &Spec, _secrets: &dyn Secrets) -> PortResult<Arc<dyn Target>> {
    let files = Files::decode(config, args::path)?;
    Ok(Arc::new(Slot {
        name: files.place().to_owned(),
        machines: vec!["file".to_owned()],
        machine: Local::new(files.owner.clone()),
        commands: Commands::decode(config)?,
        endpoint: Endpoint::decode(config)?,
        files,
    }))
}
