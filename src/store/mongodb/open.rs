//! Connecting: what the URL may say and what it may not, who the store is, and its indexes.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::{
    Acknowledgment, ClientOptions, IndexOptions, ReadConcern, ReturnDocument, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Database, IndexModel};

use super::documents::IdentityDoc;
use super::error::unless_there;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::store::common::{FORMAT, fresh_id};
use crate::store::display;

/// How long we look for a primary before we say that there is none; the URL may say otherwise.
const SELECTION: Duration = Duration::from_secs(10);
/// Version of the indexes below: raised with every change of them.
const INDEXES: u32 = 1;

/// Connects, and makes the store when the database is empty.
pub(super) async fn open(url: &str) -> PortResult<Database> {
    enter(url, true).await?.ok_or_else(|| gone("identity"))
}

/// Connects if the database holds a store.
pub(super) async fn open_existing(url: &str) -> PortResult<Option<Database>> {
    enter(url, false).await
}

async fn enter(url: &str, make: bool) -> PortResult<Option<Database>> {
    let options = options(url).await?;
    let name = options.default_database.clone().ok_or_else(|| {
        PortError::new(ErrorClass::Rejected, format!("{} names no database", display(url))).remedy(
            "write the database behind the hosts, as in mongodb://HOST/cap: each database is a store of its own",
        )
    })?;
    connect(options, &name, make).await.map_err(|error| at(url, error))
}

fn at(url: &str, error: PortError) -> PortError {
    PortError { message: format!("{}: {}", display(url), error.message), ..error }
}

async fn connect(options: ClientOptions, name: &str, make: bool) -> PortResult<Option<Database>> {
    let database = Client::with_options(options)?.database(name);
    let Some(identity) = identify(&database, make).await? else { return Ok(None) };
    if identity.format != FORMAT {
        let message =
            format!("the store has format {}, and this version of cap knows format {FORMAT}", identity.format);
        return Err(PortError::new(ErrorClass::Rejected, message)
            .remedy("use the version of cap that wrote it, or another store"));
    }
    if identity.indexes < INDEXES {
        prepare(&database).await?;
    }
    Ok(Some(database))
}

/// What the URL says, and what the store needs whatever the URL says: acknowledged by a majority and in the journal,
/// read as a majority has it from the primary, retried once.
async fn options(url: &str) -> PortResult<ClientOptions> {
    let mut options = ClientOptions::parse(url).await.map_err(|error| {
        // The driver's words may hold a piece of a password that was not escaped.
        let words = if url.contains('@') { String::new() } else { format!(": {}", error.kind) };
        PortError::new(ErrorClass::Rejected, format!("{} is not a usable MongoDB URL{words}", display(url)))
            .remedy("write it as mongodb://USER:PASSWORD@HOST:PORT/DATABASE?OPTIONS, with special characters of user and password percent-encoded")
    })?;
    let limit = options.write_concern.as_ref().and_then(|concern| concern.w_timeout);
    let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(limit).build();
    options.write_concern = Some(concern);
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(mongodb::options::ReadPreference::Primary));
    options.retry_reads = Some(true);
    options.retry_writes = Some(true);
    options.app_name.get_or_insert_with(|| "cap".to_owned());
    options.server_selection_timeout.get_or_insert(SELECTION);
    Ok(options)
}

/// Who the store is. In an empty database it is made, or none is there; a database that holds something else is refused.
async fn identify(database: &Database, make: bool) -> PortResult<Option<IdentityDoc>> {
    let meta = database.collection::<IdentityDoc>("meta");
    if let Some(identity) = meta.find_one(doc! { "_id": "identity" }).await? {
        return Ok(Some(identity));
    }
    let others = database.list_collection_names().await?;
    if others.iter().any(|name| name != "meta" && !name.starts_with("system.")) {
        let message = format!("the database \"{}\" is not a store of cap: it holds something else", database.name());
        return Err(PortError::new(ErrorClass::Rejected, message)
            .remedy("name another database in the store's URL: one that does not exist is made"));
    }
    if !make {
        return Ok(None);
    }
    let fresh = doc! { "$setOnInsert": { "id": fresh_id("store")?, "format": FORMAT } };
    let made = meta.find_one_and_update(doc! { "_id": "identity" }, fresh).upsert(true);
    made.return_document(ReturnDocument::After).await?.ok_or_else(|| gone("identity")).map(Some)
}

/// The error of a document that was there a moment ago.
pub(super) fn gone(what: &str) -> PortError {
    PortError::new(ErrorClass::Conflict, format!("the store's {what} went away meanwhile"))
        .remedy("see whether another program changes the database")
}

fn index(keys: Document, options: IndexOptions) -> IndexModel {
    IndexModel::builder().keys(keys).options(options).build()
}

fn indexes() -> [(&'static str, Vec<IndexModel>); 6] {
    let plain = IndexOptions::default;
    let sparse = || IndexOptions::builder().sparse(true).build();
    let unique = || IndexOptions::builder().unique(true).build();
    [
        ("records", vec![index(doc! { "claim": 1 }, sparse()), index(doc! { "reserved": 1 }, sparse())]),
        ("runs", vec![index(doc! { "stage": 1 }, plain()), index(doc! { "attempt": 1 }, plain())]),
        ("staged", vec![index(doc! { "attempt": 1, "number": 1 }, plain())]),
        (
            "jobs",
            vec![
                index(doc! { "place": 1, "index": 1 }, plain()),
                index(doc! { "run": 1, "index": 1 }, plain()),
                index(doc! { "final": 1, "place": 1, "index": 1 }, plain()),
                index(doc! { "worker": 1 }, sparse()),
                index(doc! { "unsettled": 1 }, sparse()),
            ],
        ),
        ("events", vec![index(doc! { "position": 1 }, unique()), index(doc! { "job": 1, "position": 1 }, plain())]),
        ("links", vec![index(doc! { "chain": 1, "sequence": 1 }, unique())]),
    ]
}

/// What has to be there before anything is written: counters that start at nothing, and indexes.
async fn prepare(database: &Database) -> PortResult<()> {
    let counters = ["commits", "events"].map(|counter| doc! { "_id": counter, "last": 0_i64 });
    unless_there(database.collection::<Document>("meta").insert_many(counters).ordered(false).await)?;
    for (collection, models) in indexes() {
        database.collection::<Document>(collection).create_indexes(models).await?;
    }
    let meta = database.collection::<Document>("meta");
    meta.update_one(doc! { "_id": "identity" }, doc! { "$set": { "indexes": INDEXES } }).await?;
    Ok(())
}
