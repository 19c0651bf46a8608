//! The suite's subject in MongoDB: a database of its own for each case, on a server that all cases share.
//!
//! The server is the one that `CAP_TEST_MONGODB_URI` names, else `mongod`, else a stand-in as a process of its own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cap::job::ErrorClass;
use cap::ports::PortError;
use cap::store;
use mongodb::bson::{Document, doc};

use super::{Subject, run};
use crate::peers::{Outcome, Peer, Running, Scratch, free_port, missing, report, wait_port};

pub fn subject(_case: &str) -> Option<Subject> {
    let url = fresh_url()?;
    Some(Subject::new((), move || {
        let url = url.clone();
        async move { store::open(&url, Path::new("/")).await.expect("the store opens") }
    }))
}

/// The URL of a database that does not exist; nothing, said once, when there is no server.
pub fn fresh_url() -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = server()?;
    let (hosts, options) = server.split_once('?').map_or((server, ""), |(hosts, options)| (hosts, options));
    let since = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_millis();
    let name = format!("cap_test_{}_{since}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    Some(format!("{}/{name}?{options}", hosts.trim_end_matches('/')))
}

/// The server's URL without a database, started when the first case asks for it.
fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    SERVER.get_or_init(given).as_deref()
}

fn given() -> Option<String> {
    if let Ok(url) = std::env::var("CAP_TEST_MONGODB_URI") {
        report("mongodb", &Outcome::Ran { version: "the server that CAP_TEST_MONGODB_URI names".to_owned() });
        return Some(url);
    }
    for name in ["mongod", "secantusd-rs", "secantusd-py"] {
        if let Some(peer) = Peer::find(name) {
            return Some(start(peer));
        }
    }
    missing("mongodb", "neither CAP_TEST_MONGODB_URI nor mongod nor a stand-in was found");
    None
}

fn start(peer: Peer) -> String {
    let version = match peer.name {
        "mongod" => peer.version(&["--version"]),
        _ => format!("{}, a stand-in, not mongod", peer.name),
    };
    report("mongodb", &Outcome::Ran { version });
    let (ready, wait) = std::sync::mpsc::channel();
    // A child ends with the thread that started it, and the thread of a case ends with the case.
    std::thread::spawn(move || {
        let scratch = Scratch::new("mongodb-server");
        sweep(&scratch);
        let port = free_port();
        let mut running = Running::start(peer.name, &mut command(&peer, port, &scratch), &scratch);
        wait_port(port, Duration::from_secs(60), &mut running);
        ready.send(format!("mongodb://127.0.0.1:{port}/?directConnection=true")).expect("somebody waits");
        loop {
            std::thread::park();
        }
    });
    wait.recv().expect("the server starts")
}

fn command(peer: &Peer, port: u16, scratch: &Scratch) -> std::process::Command {
    let data = scratch.join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    let mut command = peer.command();
    let port = port.to_string();
    match peer.name {
        "mongod" => command.args(["--bind_ip", "127.0.0.1", "--port", &port, "--dbpath"]).arg(data),
        name => {
            // Without it acknowledged writes are lost when the server is killed.
            let durable: &[&str] = if name == "secantusd-rs" { &["--sync-on-commit"] } else { &[] };
            command.args(["--host", "127.0.0.1", "--port", &port, "--storage-path"]).arg(data).args(durable)
        }
    };
    command
}

/// Removes what servers of earlier runs have left: theirs were ended together with the run.
fn sweep(own: &Scratch) {
    let own = own.join("");
    let folders = own.parent().and_then(|parent| parent.read_dir().ok());
    for folder in folders.into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let process = name.strip_prefix("mongodb-server-").and_then(|rest| rest.split('-').next().map(PathBuf::from));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

async fn fault(url: &str) -> PortError {
    store::open(url, Path::new("/")).await.err().expect("it does not open")
}

async fn database(url: &str) -> mongodb::Database {
    let client = mongodb::Client::with_uri_str(url).await.expect("a client");
    client.default_database().expect("a database")
}

#[test]
fn faults_of_a_url_say_what_to_do_and_never_the_password() {
    for (url, class, words) in [
        ("mongodb://u:hush@127.0.0.1:1/cap?serverSelectionTimeoutMS=50", ErrorClass::Transient, "cannot be reached"),
        ("mongodb://u:hush@127.0.0.1:1/", ErrorClass::Rejected, "names no database"),
        ("mongodb://u:hu/sh@127.0.0.1/cap", ErrorClass::Rejected, "not a usable MongoDB URL"),
        ("mongodb://127.0.0.1/cap?tlsInsecure=hush", ErrorClass::Rejected, "not a usable MongoDB URL"),
        ("postgres://u:hush@127.0.0.1/cap", ErrorClass::Rejected, "names no store"),
        ("cap", ErrorClass::Rejected, "names no store"),
    ] {
        run(async {
            let fault = fault(url).await;
            assert_eq!(fault.class, class, "{fault}");
            assert!(fault.message.contains(words) && !format!("{fault:?}").contains("hush"), "{fault:?}");
            assert!(fault.remedy.is_some());
        });
    }
}

#[test]
fn a_database_that_is_no_store_is_left_as_it_is() {
    let Some(url) = fresh_url() else { return };
    run(async {
        let database = database(&url).await;
        database.collection::<Document>("theirs").insert_one(doc! { "a": 1 }).await.expect("a document");
        let fault = fault(&url).await;
        assert_eq!(fault.class, ErrorClass::Rejected);
        assert!(fault.message.contains("holds something else"), "{fault}");
        assert_eq!(database.list_collection_names().await.expect("names"), ["theirs"]);
    });
}

#[test]
fn looking_for_a_store_makes_none() {
    let Some(url) = fresh_url() else { return };
    run(async {
        let look = || async { store::open_existing(&url, Path::new("/")).await.expect("the server answers") };
        assert!(look().await.is_none());
        let names = database(&url).await.list_collection_names().await.expect("names");
        assert!(names.is_empty(), "{names:?}");
        let made =
            store::open(&url, Path::new("/")).await.expect("the store opens").identity().await.expect("its name");
        let found = look().await.expect("it is there now").identity().await.expect("its name");
        assert_eq!(found, made);
    });
}

#[test]
fn another_format_is_refused() {
    let Some(url) = fresh_url() else { return };
    run(async {
        drop(store::open(&url, Path::new("/")).await.expect("the store opens"));
        let meta = database(&url).await.collection::<Document>("meta");
        meta.update_one(doc! { "_id": "identity" }, doc! { "$set": { "format": 99 } }).await.expect("another version");
        let fault = fault(&url).await;
        assert!(fault.message.contains("format 99") && fault.message.contains("format 1"), "{fault}");
    });
}

#[test]
fn each_database_is_a_store_of_its_own() {
    let (Some(one), Some(two)) = (fresh_url(), fresh_url()) else { return };
    run(async {
        let one = store::open(&one, Path::new("/")).await.expect("the store opens");
        let two = store::open(&two, Path::new("/")).await.expect("the store opens");
        one.submit(&super::fixtures::submission("r1", 2)).await.expect("it is written");
        assert_ne!(one.identity().await.expect("one"), two.identity().await.expect("two"));
        assert!(two.snapshot().await.expect("a snapshot").state.records.is_empty());
    });
}
