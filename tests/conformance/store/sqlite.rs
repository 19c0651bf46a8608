//! The suite's subject in SQLite: every handle opens the file anew. And what only a file can get wrong.

use std::path::Path;

use cap::job::ErrorClass;
use cap::ports::PortError;
use cap::store;

use super::{Subject, fixtures, run};
use crate::peers::Scratch;

pub fn subject(case: &str) -> Option<Subject> {
    let scratch = Scratch::new(case);
    let directory = scratch.join("new/.cap");
    Some(Subject::new(scratch, move || {
        let directory = directory.clone();
        async move { store::open("sqlite:state.db", &directory).await.expect("the store opens") }
    }))
}

async fn fault(directory: &Path) -> PortError {
    store::open("sqlite:state.db", directory).await.err().expect("it does not open")
}

#[test]
fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new("mode");
    let directory = scratch.join(".cap");
    run(async {
        let store = store::open("sqlite:state.db", &directory).await.expect("the store opens");
        store.submit(&fixtures::submission("r", 3)).await.expect("it is written");
        let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        for file in ["state.db", "state.db-wal", "state.db-shm"] {
            assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
        }
    });
}

#[test]
fn a_file_that_is_no_store_is_left_as_it_is() {
    let scratch = Scratch::new("foreign");
    let file = scratch.join("state.db");
    let directory = file.parent().expect("a directory").to_owned();
    let foreign = scratch.join("foreign.db");
    let connection = rusqlite::Connection::open(&foreign).expect("a database");
    connection.execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)").expect("a table");
    drop(connection);
    let database = std::fs::read(&foreign).expect("its bytes");
    for (content, words) in
        [(database, "another program's database"), (b"certificate \"www\" {}\n".repeat(200), "no SQLite database")]
    {
        std::fs::write(&file, &content).expect("a file");
        run(async {
            let fault = fault(&directory).await;
            assert_eq!(fault.class, ErrorClass::Rejected);
            assert!(fault.message.contains(words) && fault.message.contains("state.db"), "{fault}");
            assert!(fault.remedy.is_some());
        });
        assert_eq!(std::fs::read(&file).expect("still there"), content);
    }
}

#[test]
fn another_format_is_refused() {
    let scratch = Scratch::new("format");
    let file = scratch.join("state.db");
    let directory = file.parent().expect("a directory").to_owned();
    run(async {
        drop(store::open("sqlite:state.db", &directory).await.expect("the store opens"));
        let connection = rusqlite::Connection::open(&file).expect("a database");
        connection.pragma_update(None, "user_version", 99).expect("another version");
        drop(connection);
        let fault = fault(&directory).await;
        assert!(fault.message.contains("format 99") && fault.message.contains("format 1"), "{fault}");
    });
}

#[test]
fn a_damaged_file_is_reported() {
    let scratch = Scratch::new("damaged");
    let file = scratch.join("state.db");
    let directory = file.parent().expect("a directory").to_owned();
    run(async {
        let store = store::open("sqlite:state.db", &directory).await.expect("the store opens");
        store.submit(&fixtures::submission("r", 300)).await.expect("it is written");
        drop(store);
        let mut bytes = std::fs::read(&file).expect("its bytes");
        bytes[8192..].fill(0xa5);
        std::fs::write(&file, bytes).expect("damaged");
        let store = store::open("sqlite:state.db", &directory).await.expect("the first pages are whole");
        let fault = store.snapshot().await.expect_err("the records are not");
        assert!(fault.message.contains("damaged"), "{fault}");
        assert!(fault.remedy.is_some_and(|remedy| remedy.contains("backup")));
    });
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let scratch = Scratch::new("place");
    std::fs::write(scratch.join("file"), "").expect("a file");
    let directory = scratch.join("file/inside");
    run(async {
        let fault = fault(&directory).await;
        assert!(fault.message.contains("file/inside/state.db"), "{fault}");
        assert!(fault.remedy.is_some());
    });
}
