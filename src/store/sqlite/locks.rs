//! Named locks in SQLite: one row a name; a row whose time is over counts as none.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::now;
use crate::ports::PortResult;
use crate::ports::store::{Lock, LockError};
use crate::store::common::fresh_id;
use crate::time::{Duration, Timestamp};

const COLUMNS: &str = "name, id, who, operation, created, until";

fn lock_of(row: &Row<'_>) -> rusqlite::Result<Lock> {
    Ok(Lock {
        name: row.get(0)?,
        id: row.get(1)?,
        who: row.get(2)?,
        operation: row.get(3)?,
        created: row.get(4).map(Timestamp::from_millis)?,
        until: row.get(5).map(Timestamp::from_millis)?,
    })
}

fn held(connection: &Connection, name: &str, at: Timestamp) -> rusqlite::Result<Option<Lock>> {
    let sql = format!("SELECT {COLUMNS} FROM locks WHERE name = ?1 AND until > ?2");
    connection.query_row(&sql, params![name, at.millis()], lock_of).optional()
}

/// Whether that very holding lasts.
pub(super) fn is_held(connection: &Connection, lock: &Lock) -> rusqlite::Result<bool> {
    Ok(held(connection, &lock.name, now(connection)?)?.is_some_and(|held| held.id == lock.id))
}

pub(super) fn take(
    connection: &Connection,
    name: String,
    who: String,
    operation: String,
    ttl: Duration,
) -> Result<Lock, LockError> {
    let created = now(connection)?;
    if let Some(held) = held(connection, &name, created)? {
        return Err(LockError::Held(Box::new(held)));
    }
    let lock = Lock { name, id: fresh_id("lock")?, who, operation, created, until: created + ttl };
    let sql = format!("INSERT OR REPLACE INTO locks ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    let (created, until) = (lock.created.millis(), lock.until.millis());
    connection.execute(&sql, params![lock.name, lock.id, lock.who, lock.operation, created, until])?;
    Ok(lock)
}

pub(super) fn renew(connection: &Connection, lock: &Lock, ttl: Duration) -> Result<Lock, LockError> {
    let at = now(connection)?;
    match held(connection, &lock.name, at)? {
        Some(held) if held.id == lock.id => {
            let until = at + ttl;
            connection.execute("UPDATE locks SET until = ?1 WHERE id = ?2", params![until.millis(), held.id])?;
            Ok(Lock { until, ..held })
        }
        Some(held) => Err(LockError::Held(Box::new(held))),
        None => Err(LockError::Lost),
    }
}

pub(super) fn give_back(connection: &Connection, id: &str) -> PortResult<bool> {
    let at = now(connection)?.millis();
    Ok(connection.execute("DELETE FROM locks WHERE id = ?1 AND until > ?2", params![id, at])? > 0)
}

pub(super) fn list(connection: &Connection) -> PortResult<Vec<Lock>> {
    let at = now(connection)?.millis();
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM locks WHERE until > ?1 ORDER BY name"))?;
    Ok(statement.query_map([at], lock_of)?.collect::<rusqlite::Result<_>>()?)
}
