//! Jobs in SQLite: their rows, their leases, and what withdraws them.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Deserialize;

use super::read::bodies;
use super::{now, to_text, write};
use crate::job::{Job, JobId, JobStatus, LogLine};
use crate::ports::PortResult;
use crate::ports::store::{JobFilter, Lease, LeaseError};
use crate::state::Record;
use crate::store::common::{Move, no_such_job, released, with_status};
use crate::time::{Duration, Timestamp};

pub(super) fn insert(connection: &Connection, jobs: &[Job]) -> PortResult<()> {
    let mut insert = connection.prepare_cached("INSERT INTO jobs (id, run, final, body) VALUES (?1, ?2, ?3, ?4)")?;
    for job in jobs {
        insert.execute(params![job.id.0, job.run.0, job.status.is_final(), to_text(job)?])?;
    }
    Ok(())
}

pub(super) fn list(connection: &Connection, filter: &JobFilter) -> PortResult<Vec<Job>> {
    let run = filter.run.as_ref().map(|run| run.0.as_str());
    let sql = match (filter.unfinished, run) {
        // Written out, so that each has an index of its own.
        (true, None) => "SELECT body FROM jobs WHERE final = 0 AND ?1 IS NULL ORDER BY place",
        (true, Some(_)) => "SELECT body FROM jobs WHERE run = ?1 AND final = 0 ORDER BY place",
        (false, None) => "SELECT body FROM jobs WHERE ?1 IS NULL ORDER BY place",
        (false, Some(_)) => "SELECT body FROM jobs WHERE run = ?1 ORDER BY place",
    };
    bodies(connection, "a job", sql, [run])
}

pub(super) fn find(connection: &Connection, id: &JobId) -> PortResult<Option<Job>> {
    Ok(bodies(connection, "a job", "SELECT body FROM jobs WHERE id = ?1", [&id.0])?.pop())
}

/// Lines of a row of the log. Earlier versions of this program kept each in a row of its own.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Many(Vec<LogLine>),
    One(LogLine),
}

pub(super) fn log(connection: &Connection, id: &JobId) -> PortResult<Vec<LogLine>> {
    let sql = "SELECT body FROM logs WHERE job = ?1 ORDER BY place";
    let rows: Vec<Lines> = bodies(connection, "a log", sql, [&id.0])?;
    let lines = rows.into_iter().flat_map(|row| match row {
        Lines::Many(lines) => lines,
        Lines::One(line) => vec![line],
    });
    Ok(lines.collect())
}

/// Who holds a job, and since which lease.
struct Holding {
    token: u64,
    worker: Option<String>,
    until: Option<Timestamp>,
    mark: Option<String>,
}

fn holding_of(row: &Row<'_>) -> rusqlite::Result<Holding> {
    let until: Option<i64> = row.get(2)?;
    Ok(Holding { token: row.get(0)?, worker: row.get(1)?, until: until.map(Timestamp::from_millis), mark: row.get(3)? })
}

impl Holding {
    fn read(connection: &Connection, id: &JobId) -> PortResult<Self> {
        let mut statement = connection.prepare_cached("SELECT token, worker, until, mark FROM jobs WHERE id = ?1")?;
        statement.query_row([&id.0], holding_of).optional()?.ok_or_else(|| no_such_job(id))
    }

    fn worker(&self, at: Timestamp) -> Option<(&String, Timestamp)> {
        self.worker.as_ref().zip(self.until).filter(|(_, until)| *until > at)
    }

    /// Refuses unless the lease of that token is still valid.
    fn honour(&self, token: u64, at: Timestamp) -> Result<(), LeaseError> {
        if self.token == token && self.worker(at).is_some() { Ok(()) } else { Err(LeaseError::Lost) }
    }
}

/// The job, when it is neither final nor worked on.
fn free(connection: &Connection, id: &JobId, at: Timestamp) -> Result<(Job, u64), LeaseError> {
    let job = find(connection, id)?.ok_or_else(|| no_such_job(id))?;
    let holding = Holding::read(connection, id)?;
    if job.status.is_final() {
        return Err(LeaseError::Final);
    }
    match holding.worker(at) {
        Some((worker, until)) => Err(LeaseError::Held { worker: worker.clone(), until }),
        None => Ok((job, holding.token)),
    }
}

pub(super) fn lease(connection: &Connection, id: &JobId, worker: &str, ttl: Duration) -> Result<Lease, LeaseError> {
    let at = now(connection)?;
    let (job, token) = free(connection, id, at)?;
    let (token, until) = (token + 1, at + ttl);
    let sql = "UPDATE jobs SET token = ?2, worker = ?3, until = ?4 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id.0, token, worker, until.millis()])?;
    Ok(Lease { job, worker: worker.to_owned(), token, until })
}

pub(super) fn renew(connection: &Connection, id: &JobId, token: u64, ttl: Duration) -> Result<Timestamp, LeaseError> {
    let at = now(connection)?;
    Holding::read(connection, id)?.honour(token, at)?;
    let until = at + ttl;
    let sql = "UPDATE jobs SET until = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id.0, until.millis()])?;
    Ok(until)
}

/// Whether the move was made before under the same lease. `Lost` when it was not and the lease is not valid any more.
pub(super) fn is_done(connection: &Connection, id: &JobId, token: u64, mark: &str) -> Result<bool, LeaseError> {
    let holding = Holding::read(connection, id)?;
    if holding.token == token && holding.mark.as_deref() == Some(mark) {
        return Ok(true);
    }
    holding.honour(token, now(connection)?)?;
    Ok(false)
}

pub(super) fn set_advanced(connection: &Connection, job: &Job, made: &Move, release: bool) -> PortResult<()> {
    let (Move { job: body, mark }, is_final) = (made, job.status.is_final());
    if release || is_final {
        let sql = "UPDATE jobs SET body = ?2, mark = ?3, final = ?4,
            worker = iif(?5, NULL, worker), until = iif(?5, NULL, until) WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![job.id.0, body, mark, is_final, release])?;
    } else {
        // The index of jobs that are at no end is left alone.
        let sql = "UPDATE jobs SET body = ?2, mark = ?3 WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![job.id.0, body, mark])?;
    }
    Ok(())
}

pub(super) fn set_status(
    connection: &Connection,
    id: &JobId,
    status: &JobStatus,
    at: Timestamp,
) -> Result<(), LeaseError> {
    let (job, _) = free(connection, id, now(connection)?)?;
    let job = with_status(job, status, at);
    let sql = "UPDATE jobs SET body = ?2, final = ?3, worker = NULL, until = NULL, token = token + 1 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id.0, to_text(&job)?, status.is_final()])?;
    if status.is_final() {
        release_claims(connection, id)?;
    }
    Ok(())
}

fn release_claims(connection: &Connection, job: &JobId) -> PortResult<()> {
    let sql = "SELECT body FROM records WHERE claim = ?1";
    let claimed: Vec<Record> = bodies(connection, "a record", sql, [&job.0])?;
    for record in claimed {
        let address = record.address.clone();
        write::put(connection, &address, released(record).as_ref())?;
    }
    Ok(())
}
