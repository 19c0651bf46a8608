//! The suite's subject in SQLite where the file was made by the first versions of this program, whose tables differ in what
//! is not format: indexes, and where rows lie.

use std::path::Path;

use cap::job::JobId;
use cap::store;

use super::{Subject, fixtures, run};
use crate::peers::Scratch;

const TABLES: &str = include_str!("../../../fixtures/stores/format_1_first.sql");

pub fn subject(case: &str) -> Option<Subject> {
    let scratch = Scratch::new(case);
    let directory = scratch.join("");
    make(&directory);
    Some(Subject::new(scratch, move || {
        let directory = directory.clone();
        async move { store::open("sqlite:state.db", &directory).await.expect("the store opens") }
    }))
}

fn make(directory: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(directory.join("state.db")).expect("a file");
    connection.execute_batch(TABLES).expect("its tables");
    connection
}

#[test]
fn a_log_of_one_line_a_row_is_read_on() {
    let scratch = Scratch::new("earlier-log");
    let directory = scratch.join("");
    let connection = make(&directory);
    for number in [1, 2] {
        let line = serde_json::to_string(&fixtures::line(number)).expect("JSON");
        connection.execute("INSERT INTO logs (job, body) VALUES ('r.1', ?1)", [line]).expect("a row");
    }
    drop(connection);
    run(async {
        let store = store::open("sqlite:state.db", &directory).await.expect("the store opens");
        let submission = fixtures::with_jobs("r", 1);
        let id: &JobId = &submission.jobs[0].id;
        store.submit(&submission).await.expect("it is written");
        let lease = store.lease(id, "a", fixtures::LONG).await.expect("a lease");
        let mut advance = fixtures::progress(&lease, 1, 1);
        advance.log = vec![fixtures::line(3), fixtures::line(4)];
        store.advance(&lease, &advance).await.expect("it moves");
        assert_eq!(store.log(id).await.expect("a log"), [1, 2, 3, 4].map(fixtures::line));
    });
}
