//! The suite's subject in SQLite: every handle opens the file anew. And what only a file can get wrong.

use std::path::Path;
use std::process::{Command, Stdio};

use cap::job::{ErrorClass, JobStatus};
use cap::ports::PortError;
use cap::ports::store::{Advance, EventFilter, JobFilter, LeaseError};
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

/// Names the directory of the store that a process of [`several_processes_share_the_work`] works on.
const SHARED: &str = "CAP_TEST_SHARED_STORE";

/// What each of the processes does; nothing when it runs as a test of its own.
#[test]
fn one_of_several_processes() {
    let Some(directory) = std::env::var_os(SHARED) else { return };
    run(async {
        let store = store::open("sqlite:state.db", Path::new(&directory)).await.expect("the store opens");
        let worker = format!("process {}", std::process::id());
        for job in store.jobs(&JobFilter::default()).await.expect("jobs") {
            let lease = match store.lease(&job.id, &worker, fixtures::LONG).await {
                Ok(lease) => lease,
                Err(LeaseError::Held { .. } | LeaseError::Final) => continue,
                Err(error) => panic!("{error}"),
            };
            let number = job.id.0.rsplit('.').next().and_then(|number| number.parse().ok()).expect("a number");
            let mut advance = Advance { release: true, ..fixtures::progress(&lease, number, 1) };
            advance.job.status = JobStatus::Succeeded;
            store.advance(&lease, &advance).await.expect("it moves");
        }
    });
}

#[test]
fn several_processes_share_the_work() {
    const JOBS: usize = 30;
    let scratch = Scratch::new("processes");
    let directory = scratch.join(".cap");
    let child = || {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "conformance::store::sqlite::one_of_several_processes"]);
        command.env(SHARED, &directory).stdout(Stdio::null()).spawn().expect("it starts")
    };
    // Some before there is any store: they make it at once.
    let mut first: Vec<_> = (0..2).map(|_| child()).collect();
    run(async {
        let store = store::open("sqlite:state.db", &directory).await.expect("the store opens");
        store.submit(&fixtures::with_jobs("r1", JOBS)).await.expect("it is written");
        first.extend((0..3).map(|_| child()));
        for child in &mut first {
            assert!(child.wait().expect("it ends").success());
        }
        let events = store.events(0, 1000, &EventFilter::default()).await.expect("events");
        assert_eq!(events.len(), JOBS);
        let open = store.jobs(&JobFilter { unfinished: true, ..Default::default() }).await.expect("jobs");
        assert!(open.is_empty());
    });
}
