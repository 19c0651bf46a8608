//! Stores: SQLite for one machine, MongoDB for teams, memory for tests; one port, one conformance suite.
//!
//! What all of them have in common lies in `common`: when a record may be written, what releasing a claim means, and how
//! a repeated move is known. An adapter holds no rule of its own, only its way of keeping things.

mod common;
pub mod memory;
pub mod mongodb;
pub mod sqlite;

use std::path::Path;
use std::sync::Arc;

pub use memory::Memory;
pub use mongodb::MongoDb;
pub use sqlite::Sqlite;

use crate::job::ErrorClass;
use crate::ports::store::Store;
use crate::ports::{PortError, PortResult};

/// Opens the store that a URL names, making it when there is none: `sqlite:PATH`, relative to `directory`, or
/// `mongodb://HOST/DATABASE` (also `mongodb+srv://`), where each database is a store of its own.
pub async fn open(url: &str, directory: &Path) -> PortResult<Arc<dyn Store>> {
    match url.split_once(':') {
        Some(("mongodb" | "mongodb+srv", _)) => Ok(Arc::new(MongoDb::open(url).await?)),
        Some(("sqlite", path)) if !path.is_empty() => Ok(Arc::new(Sqlite::open(&directory.join(path)).await?)),
        _ => Err(PortError::new(ErrorClass::Rejected, format!("\"{}\" names no store", display(url)))
            .remedy("a store is named as sqlite:PATH, such as sqlite:.cap/state.db, or as mongodb://HOST/DATABASE")),
    }
}

/// Opens the store that a URL names if there is one: looking makes none.
pub async fn open_existing(url: &str, directory: &Path) -> PortResult<Option<Arc<dyn Store>>> {
    match url.split_once(':') {
        Some(("mongodb" | "mongodb+srv", _)) => {
            Ok(MongoDb::open_existing(url).await?.map(|store| Arc::new(store) as _))
        }
        Some(("sqlite", path)) if !path.is_empty() => match Sqlite::open_existing(&directory.join(path)).await? {
            Some(store) => Ok(Some(Arc::new(store))),
            None => Ok(None),
        },
        _ => open(url, directory).await.map(Some),
    }
}

/// A store's URL for people: without user, password and options, any of which may be a secret.
pub fn display(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let without_user = |text: &str| text.rsplit_once('@').map_or(text, |(_, host)| host).to_owned();
    let without_options = |text: &str| text.split_once('?').map_or(text, |(path, _)| path).to_owned();
    let shown = without_options(&without_user(rest));
    // Where it matters which is cut first, a "?" or "@" stands unescaped in a secret: nothing of it is shown.
    let agreed = shown == without_user(&without_options(rest));
    format!("{scheme}://{}", if agreed { &shown } else { "…" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_credential_is_shown() {
        for (url, shown) in [
            ("sqlite:.cap/state.db", "sqlite:.cap/state.db"),
            ("mongodb://localhost/cap", "mongodb://localhost/cap"),
            ("mongodb://u:hush@a:1,b:2/cap?tlsCertificateKeyFilePassword=hush", "mongodb://a:1,b:2/cap"),
            ("mongodb+srv://u:hush@host/cap", "mongodb+srv://host/cap"),
            ("mongodb://u:hu?sh@host/cap", "mongodb://…"),
            ("mongodb://host/cap?password=hu@sh", "mongodb://…"),
        ] {
            assert_eq!(display(url), shown);
        }
    }
}
