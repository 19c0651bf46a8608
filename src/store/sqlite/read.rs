//! What only reads: records, outputs, events and chains.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};
use serde::de::DeserializeOwned;

use super::from_text;
use crate::address::Address;
use crate::plan::StoredOutput;
use crate::ports::PortResult;
use crate::ports::store::{EventFilter, Snapshot};
use crate::state::{Event, Record, State};
use crate::timeline::{Head, Sealed};

/// What a query finds in its first column, as JSON.
pub(super) fn bodies<T: DeserializeOwned>(
    connection: &Connection,
    what: &str,
    sql: &str,
    params: impl Params,
) -> PortResult<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(body(what, row, 0)?);
    }
    Ok(found)
}

/// JSON in a column, read where it lies.
pub(super) fn body<T: DeserializeOwned>(what: &str, row: &Row<'_>, column: usize) -> PortResult<T> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    from_text(what, text)
}

pub(super) fn snapshot(connection: &Connection) -> PortResult<Snapshot> {
    // One read transaction: records and outputs of the same moment.
    let moment = connection.unchecked_transaction()?;
    let mut snapshot = Snapshot { state: State { records: all_records(&moment)? }, ..Snapshot::default() };
    let mut statement = moment.prepare_cached("SELECT name, body FROM outputs")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let output: StoredOutput = body("an output", row, 1)?;
        snapshot.outputs.insert(row.get(0)?, output);
    }
    Ok(snapshot)
}

/// Each goes to its place as it is read: a list of them all beside the map would take as much room again.
fn all_records(connection: &Connection) -> PortResult<BTreeMap<Address, Record>> {
    let mut statement = connection.prepare_cached("SELECT body FROM records")?;
    let mut rows = statement.query([])?;
    let mut records = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let record: Record = body("a record", row, 0)?;
        records.insert(record.address.clone(), record);
    }
    Ok(records)
}

pub(super) fn records(connection: &Connection, addresses: &[Address]) -> PortResult<Vec<Record>> {
    if let [one] = addresses {
        return Ok(record(connection, one)?.into_iter().collect());
    }
    // One read transaction: records of the same moment.
    let moment = connection.unchecked_transaction()?;
    let mut found = Vec::with_capacity(addresses.len());
    for address in addresses {
        found.extend(record(&moment, address)?);
    }
    Ok(found)
}

fn record(connection: &Connection, address: &Address) -> PortResult<Option<Record>> {
    let sql = "SELECT body FROM records WHERE address = ?1";
    Ok(bodies(connection, "a record", sql, [address.to_string()])?.pop())
}

pub(super) fn events(
    connection: &Connection,
    after: u64,
    limit: usize,
    filter: &EventFilter,
) -> PortResult<Vec<(u64, Event)>> {
    let job = filter.job.as_ref().map(|job| job.0.as_str());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = match job {
        // Written out, so that each has an index of its own.
        Some(_) => "SELECT position, body FROM events WHERE job = ?3 AND position > ?1 ORDER BY position LIMIT ?2",
        None => "SELECT position, body FROM events WHERE position > ?1 AND ?3 IS NULL ORDER BY position LIMIT ?2",
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![after, limit, job])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, body("an event", row, 1)?));
    }
    Ok(found)
}

pub(super) fn chain(connection: &Connection, chain: &str) -> PortResult<Vec<Sealed>> {
    let sql = "SELECT chain, sequence, entry, mac FROM links WHERE chain = ?1 ORDER BY sequence";
    let mut statement = connection.prepare_cached(sql)?;
    let links = statement.query_map([chain], |row| {
        Ok(Sealed { chain: row.get(0)?, sequence: row.get(1)?, entry: row.get(2)?, mac: row.get(3)? })
    });
    Ok(links?.collect::<rusqlite::Result<_>>()?)
}

fn head_of(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head { chain: row.get(0)?, sequence: row.get(1)?, mac: row.get(2)?, seal: row.get(3)? })
}

pub(super) fn head(connection: &Connection, chain: &str) -> PortResult<Option<Head>> {
    let mut statement = connection.prepare_cached("SELECT chain, sequence, mac, seal FROM heads WHERE chain = ?1")?;
    Ok(statement.query_row(params![chain], head_of).optional()?)
}

pub(super) fn heads(connection: &Connection) -> PortResult<Vec<Head>> {
    let mut statement = connection.prepare_cached("SELECT chain, sequence, mac, seal FROM heads ORDER BY chain")?;
    Ok(statement.query_map([], head_of)?.collect::<rusqlite::Result<_>>()?)
}
