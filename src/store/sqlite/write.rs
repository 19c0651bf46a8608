//! Submitting an apply and advancing a job: everything is checked first, in the transaction that then writes.

use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{jobs, locks, read, to_text};
use crate::address::Address;
use crate::job::JobId;
use crate::ports::PortResult;
use crate::ports::store::{Advance, LeaseError, LogLine, RecordWrite, Submission, SubmitError};
use crate::state::{Event, Record};
use crate::store::common::{Move, Stored, continues, is_expected, may_submit, object_of, overgrown};
use crate::timeline::{Append, Finding, Head, Sealed};

/// Begins an apply. The caller's transaction makes it all or nothing.
pub(super) fn submit(connection: &Connection, submission: &Submission) -> Result<(), SubmitError> {
    let known = connection.prepare_cached("SELECT 1 FROM runs WHERE id = ?1")?.exists([&submission.run.id.0])?;
    if known {
        return Ok(());
    }
    if let Some(lock) = &submission.lock
        && !locks::is_held(connection, lock)?
    {
        return Err(SubmitError::LockLost);
    }
    let stale = stale(connection, submission)?;
    if !stale.is_empty() {
        return Err(SubmitError::Stale(stale));
    }
    write(connection, &submission.writes, &submission.events, &submission.appends)??;
    jobs::insert(connection, &submission.jobs)?;
    set_outputs(connection, submission)?;
    let run = &submission.run;
    connection.execute("INSERT INTO runs (id, body) VALUES (?1, ?2)", params![run.id.0, to_text(run)?])?;
    Ok(())
}

fn stale(connection: &Connection, submission: &Submission) -> PortResult<Vec<Address>> {
    let mut stale = Vec::new();
    for write in &submission.writes {
        if !may_submit(write, stored(connection, &write.address)?.as_ref()) {
            stale.push(write.address.clone());
        }
    }
    for append in &submission.appends {
        if !continues(append, read::head(connection, &append.after.chain)?.as_ref()) {
            stale.push(object_of(append, submission)?);
        }
    }
    stale.sort();
    stale.dedup();
    Ok(stale)
}

fn set_outputs(connection: &Connection, submission: &Submission) -> PortResult<()> {
    for (name, output) in &submission.outputs {
        match output {
            Some(output) => connection
                .prepare_cached("INSERT OR REPLACE INTO outputs (name, body) VALUES (?1, ?2)")?
                .execute(params![name, to_text(output)?])?,
            None => connection.prepare_cached("DELETE FROM outputs WHERE name = ?1")?.execute([name])?,
        };
    }
    Ok(())
}

fn stored(connection: &Connection, address: &Address) -> PortResult<Option<Stored>> {
    let mut statement = connection.prepare_cached("SELECT revision, claim FROM records WHERE address = ?1")?;
    let found = statement.query_row([address.to_string()], |row| {
        Ok(Stored { revision: row.get(0)?, claim: row.get::<_, Option<String>>(1)?.map(JobId) })
    });
    Ok(found.optional()?)
}

/// Moves a job. Knows a move that was made before by its mark.
pub(super) fn advance(connection: &Connection, token: u64, advance: &Advance, made: &Move) -> Result<(), LeaseError> {
    if jobs::is_done(connection, &advance.job.id, token, &made.mark)? {
        return Ok(());
    }
    check(connection, advance)?;
    write(connection, &advance.writes, &advance.events, &advance.appends)??;
    add_log(connection, &advance.job.id, &advance.log)?;
    jobs::set_advanced(connection, &advance.job, made, advance.release)?;
    Ok(())
}

fn check(connection: &Connection, advance: &Advance) -> Result<(), LeaseError> {
    for write in &advance.writes {
        if !is_expected(write, stored(connection, &write.address)?.as_ref()) {
            return Err(LeaseError::Stale(write.address.clone()));
        }
    }
    for append in &advance.appends {
        if !continues(append, read::head(connection, &append.after.chain)?.as_ref()) {
            return Err(LeaseError::Stale(advance.job.address().clone()));
        }
    }
    Ok(())
}

fn write(
    connection: &Connection,
    writes: &[RecordWrite],
    events: &[Event],
    appends: &[Append],
) -> PortResult<Result<(), Finding>> {
    for write in writes {
        put(connection, &write.address, write.record.as_ref())?;
    }
    add_events(connection, events)?;
    add_links(connection, appends)
}

/// Keeps a record under its address, or removes it.
pub(super) fn put(connection: &Connection, address: &Address, record: Option<&Record>) -> PortResult<()> {
    let Some(record) = record else {
        connection.prepare_cached("DELETE FROM records WHERE address = ?1")?.execute([address.to_string()])?;
        return Ok(());
    };
    let claim = record.claim.as_ref().map(|job| &job.0);
    change_or_add(
        connection,
        "UPDATE records SET revision = ?2, claim = ?3, body = ?4 WHERE address = ?1",
        "INSERT INTO records (address, revision, claim, body) VALUES (?1, ?2, ?3, ?4)",
        params![address.to_string(), record.revision, claim, to_text(record)?],
    )
}

/// Changes the row that is there, or adds it. One statement for both would keep copies of the pages it changes, to be able
/// to undo itself alone, and a row that is replaced would leave its page for the table's last one.
fn change_or_add(connection: &Connection, change: &str, add: &str, values: &[&dyn ToSql]) -> PortResult<()> {
    if connection.prepare_cached(change)?.execute(values)? == 0 {
        connection.prepare_cached(add)?.execute(values)?;
    }
    Ok(())
}

fn add_events(connection: &Connection, events: &[Event]) -> PortResult<()> {
    let sql = "INSERT INTO events (job, number, address, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let mut insert = connection.prepare_cached(sql)?;
    for event in events {
        insert.execute(params![event.job.0, event.number, event.address.to_string(), to_text(event)?])?;
    }
    Ok(())
}

/// Adds links, and says where it could not: the caller's transaction then takes all of it back.
fn add_links(connection: &Connection, appends: &[Append]) -> PortResult<Result<(), Finding>> {
    let sql = "INSERT INTO links (chain, sequence, entry, mac) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let mut insert = connection.prepare_cached(sql)?;
    for append in appends {
        for link in &append.links {
            let Sealed { chain, sequence, entry, mac } = link;
            if insert.execute(params![chain, sequence, entry, mac])? == 0 {
                return Ok(Err(overgrown(append)));
            }
        }
        let Head { chain, sequence, mac, seal } = &append.after;
        change_or_add(
            connection,
            "UPDATE heads SET sequence = ?2, mac = ?3, seal = ?4 WHERE chain = ?1",
            "INSERT INTO heads (chain, sequence, mac, seal) VALUES (?1, ?2, ?3, ?4)",
            params![chain, sequence, mac, seal],
        )?;
    }
    Ok(Ok(()))
}

/// One row holds what a move adds to the log.
fn add_log(connection: &Connection, job: &JobId, lines: &[LogLine]) -> PortResult<()> {
    if !lines.is_empty() {
        let mut insert = connection.prepare_cached("INSERT INTO logs (job, body) VALUES (?1, ?2)")?;
        insert.execute(params![job.0, to_text(&lines)?])?;
    }
    Ok(())
}

/// Keeps something sealed under its name; what was there before stays, unless it is to be replaced. Returns what is there.
pub(super) fn put_sealed(connection: &Connection, name: &str, sealed: &str, replace: bool) -> PortResult<String> {
    let sql = "INSERT INTO sealed (name, value) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET value = iif(?3, excluded.value, value) RETURNING value";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(params![name, sealed, replace], |row| row.get(0))?)
}
