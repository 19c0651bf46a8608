//! SQLite's errors in the port's terms: whose fault, what happened, what to do.

use rusqlite::ErrorCode;

use crate::job::ErrorClass;
use crate::ports::PortError;
use crate::ports::store::{LeaseError, LockError, SubmitError};

/// What an error code means: its class, what happened, what to do.
fn meaning(code: ErrorCode) -> (ErrorClass, &'static str, &'static str) {
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => (
            ErrorClass::Transient,
            "another process has kept the store busy for too long",
            "wait until it is done, or see which process has the file open",
        ),
        ErrorCode::DiskFull => (
            ErrorClass::Transient,
            "there is no space left for the store",
            "free some space and run the command again: what was written before is whole",
        ),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => (
            ErrorClass::Unauthorized,
            "the store is read-only",
            "give this user the right to write the file and its directory, and check that the file system is not mounted read-only",
        ),
        ErrorCode::CannotOpen => (
            ErrorClass::Unauthorized,
            "the store's file cannot be opened",
            "check that the path is right and that this user may read and write the file and its directory",
        ),
        ErrorCode::NotADatabase => (
            ErrorClass::Rejected,
            "the file is not a store: it is no SQLite database",
            "name another file, or restore a backup if this one has been a store before",
        ),
        ErrorCode::DatabaseCorrupt => (
            ErrorClass::Rejected,
            "the store's file is damaged",
            "restore a backup; `sqlite3 FILE .recover` may save what is left",
        ),
        ErrorCode::SystemIoFailure => (
            ErrorClass::Transient,
            "the store's file cannot be read or written",
            "check the disk and the file system, then run the command again: what was written before is whole",
        ),
        ErrorCode::OutOfMemory => {
            (ErrorClass::Transient, "there is not enough memory", "free some memory and try again")
        }
        _ => (ErrorClass::Bug, "SQLite refused a statement", "please report this"),
    }
}

impl From<rusqlite::Error> for PortError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else {
            return Self::new(ErrorClass::Bug, format!("the store holds something unexpected: {error}"))
                .remedy("the store is damaged or was changed by another program: restore a backup");
        };
        let (class, what, remedy) = meaning(code);
        Self::new(class, format!("{what} ({error})")).remedy(remedy)
    }
}

macro_rules! through_port_error {
    ($($error:ty),*) => {$(
        impl From<rusqlite::Error> for $error {
            fn from(error: rusqlite::Error) -> Self {
                PortError::from(error).into()
            }
        }
    )*};
}
through_port_error!(LeaseError, LockError, SubmitError);

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;

    /// What SQLite itself says when a statement fails.
    fn fault(connection: &Connection, sql: &str) -> PortError {
        connection.execute_batch(sql).expect_err("it fails").into()
    }

    #[test]
    fn a_full_disk_a_read_only_file_and_a_busy_store_are_told_apart() {
        let folder = std::env::temp_dir().join(format!("cap-sqlite-faults-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("state.db");
        let writer = Connection::open(&path).expect("a database");
        writer.execute_batch("CREATE TABLE t (a); PRAGMA max_page_count = 3").expect("a small one");
        let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a reader");
        let other = Connection::open(&path).expect("another process");
        other.busy_timeout(std::time::Duration::ZERO).expect("it does not wait");
        let full = fault(&writer, "INSERT INTO t VALUES (zeroblob(100000))");
        let read_only = fault(&reader, "INSERT INTO t VALUES (1)");
        writer.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
        let busy = fault(&other, "BEGIN IMMEDIATE");
        for (fault, class, words) in [
            (full, ErrorClass::Transient, "no space left"),
            (read_only, ErrorClass::Unauthorized, "read-only"),
            (busy, ErrorClass::Transient, "another process"),
        ] {
            assert_eq!(fault.class, class, "{fault}");
            assert!(fault.message.contains(words) && fault.remedy.is_some(), "{fault}");
        }
        std::fs::remove_dir_all(folder).expect("it is removed");
    }
}
