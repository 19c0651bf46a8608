//! Opening a file as a store: rights, pragmas, tables, and the checks that it is one of this format.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::store::common::{FORMAT, fresh_id};

/// Marks the file as ours, for `file` and for us: "cap1".
const APPLICATION: i64 = 0x6361_7031;
/// How long another process may hold the file before we give up.
pub(super) const BUSY: Duration = Duration::from_secs(20);
/// Statements kept prepared: all that there are.
const STATEMENTS: usize = 64;

const TABLES: &str = "
CREATE TABLE identity (id TEXT NOT NULL, key_check TEXT);
CREATE TABLE records (address TEXT PRIMARY KEY, revision INTEGER NOT NULL, claim TEXT, body TEXT NOT NULL);
CREATE INDEX records_by_claim ON records (claim) WHERE claim IS NOT NULL;
CREATE TABLE outputs (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE runs (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE jobs (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run TEXT NOT NULL, final INTEGER NOT NULL,
  body TEXT NOT NULL, token INTEGER NOT NULL DEFAULT 0, worker TEXT, until INTEGER, mark TEXT);
CREATE INDEX jobs_by_run ON jobs (run);
CREATE INDEX jobs_unfinished ON jobs (place) WHERE final = 0;
CREATE TABLE logs (place INTEGER PRIMARY KEY, job TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX logs_by_job ON logs (job);
CREATE TABLE events (position INTEGER PRIMARY KEY, job TEXT NOT NULL, number INTEGER NOT NULL,
  address TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (job, number));
CREATE TABLE links (place INTEGER PRIMARY KEY, chain TEXT NOT NULL, sequence INTEGER NOT NULL, entry TEXT NOT NULL,
  mac TEXT NOT NULL, UNIQUE (chain, sequence));
CREATE TABLE heads (chain TEXT PRIMARY KEY, sequence INTEGER NOT NULL, mac TEXT NOT NULL, seal TEXT NOT NULL)
  WITHOUT ROWID;
CREATE TABLE sealed (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE locks (name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, who TEXT NOT NULL, operation TEXT NOT NULL,
  created INTEGER NOT NULL, until INTEGER NOT NULL);
";

/// Opens the file as a store, making it and its directory when there is none. Errors name the file.
pub(super) fn open(path: &Path) -> PortResult<Connection> {
    make_file(path)
        .and_then(|()| connect(path))
        .map_err(|error| PortError { message: format!("{}: {}", path.display(), error.message), ..error })
}

fn make_file(path: &Path) -> PortResult<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| refused(&error))?;
    }
    // Made before SQLite opens it, so that its journals get the same mode.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(refused(&error)),
        _ => Ok(()),
    }
}

fn refused(error: &std::io::Error) -> PortError {
    let (class, remedy) = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            (ErrorClass::Unauthorized, "give this user the right to write there, or name another file with -store")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (ErrorClass::Transient, "free some space and try again"),
        _ => (ErrorClass::Rejected, "name a file in a directory that can be made, with -store"),
    };
    PortError::new(class, format!("the store cannot be made: {error}")).remedy(remedy)
}

fn connect(path: &Path) -> PortResult<Connection> {
    if is_unchangeable(path) {
        return look(path);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Before anything is written: a file of another program is left exactly as it is.
    is_made(&connection)?;
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    make_tables(&mut connection)?;
    Ok(connection)
}

/// Whether nobody can write the file, because its file system is mounted read-only.
fn is_unchangeable(path: &Path) -> bool {
    let opened = OpenOptions::new().write(true).open(path);
    opened.is_err_and(|error| error.kind() == ErrorKind::ReadOnlyFilesystem)
}

/// Opens a file that nobody can write, without the files that SQLite makes beside one: whoever only looks may do so, and
/// whoever writes is told why not.
fn look(path: &Path) -> PortResult<Connection> {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    if std::fs::metadata(journal).is_ok_and(|journal| journal.len() > 0) {
        let what = "the store is read-only, and what was written to it last lies in a journal beside it";
        let remedy = "mount the file system so that this user may write there, or copy the store with its journal";
        return Err(PortError::new(ErrorClass::Unauthorized, what).remedy(remedy));
    }
    // In a file's URI these are no letters of its name.
    let name = path.display().to_string().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    is_made(&connection)?;
    Ok(connection)
}

/// Whether the file holds a store already. An error when it holds something else, or one of another format.
fn is_made(connection: &Connection) -> PortResult<bool> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (number("application_id")?, number("user_version")?, tables) {
        (0, 0, 0) => Ok(false),
        (APPLICATION, version, _) if version == i64::from(FORMAT) => Ok(true),
        (APPLICATION, version, _) => Err(other_format(version)),
        _ => Err(PortError::new(
            ErrorClass::Rejected,
            "the file is not a store of cap: it is another program's database",
        )
        .remedy("name another file with -store")),
    }
}

fn other_format(version: i64) -> PortError {
    let message = format!("the store has format {version}, and this version of cap knows format {FORMAT}");
    PortError::new(ErrorClass::Rejected, message).remedy("use the version of cap that wrote it, or another store")
}

/// Readers go on while one process writes. It stays set in the file, so this changes something only once.
fn write_ahead(connection: &Connection) -> PortResult<()> {
    let deadline = Instant::now() + BUSY;
    loop {
        let set = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match set {
            // Two processes that make a store at once: SQLite does not wait here by itself.
            Err(error) if is_busy(&error) && Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error.into()),
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let message = format!("the file system does not allow a write-ahead log (journal mode \"{mode}\")");
                let remedy = "keep the store on a local file system, or use a mongodb:// store";
                return Err(PortError::new(ErrorClass::Rejected, message).remedy(remedy));
            }
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn make_tables(connection: &mut Connection) -> PortResult<()> {
    if is_made(connection)? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Again, now that nobody else can be making them.
    if !is_made(&transaction)? {
        transaction.execute_batch(TABLES)?;
        transaction.execute("INSERT INTO identity (id) VALUES (?1)", [fresh_id("store")?])?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nobody_can_write_is_looked_at_and_left_alone() {
        let folder = std::env::temp_dir().join(format!("cap-sqlite-look-{}", std::process::id()));
        let path = folder.join("state 50%?.db");
        let id = |connection: &Connection| -> String {
            connection.query_row("SELECT id FROM identity", [], |row| row.get(0)).expect("an identity")
        };
        let written = open(&path).expect("a new store");
        let made = id(&written);
        written.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("the journal is emptied");
        drop(written);
        let files = || std::fs::read_dir(&folder).expect("a folder").count();
        let before = files();
        let looked = look(&path).expect("a store");
        assert_eq!(id(&looked), made);
        let refused = looked.execute("UPDATE identity SET id = 'x'", []).expect_err("nothing is written");
        assert_eq!(PortError::from(refused).message, "the store is read-only (attempt to write a readonly database)");
        assert_eq!(files(), before, "SQLite made files beside it");
        std::fs::write(folder.join("state 50%?.db-wal"), "left behind").expect("a journal");
        let refused = look(&path).expect_err("a part is missing");
        assert!(refused.message.contains("in a journal beside it"), "{refused:?}");
        std::fs::remove_dir_all(folder).expect("the folder");
    }
}
