//! Tests: an installation that is cut off after any of its changes leaves the old pair or the new one, and what follows
//! (again, or back) comes to its end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use zeroize::Zeroizing;

use super::args::{self, Owner};
use super::files::{Files, Layout, Part};
use super::local::Local;
use super::machine::{Action, Machine, Question, Seen};
use super::slot::Slot;
use super::verify::Commands;
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::observed::SlotContent;
use crate::ports::target::{Bundle, Holder, Target};
use crate::ports::{PortError, PortResult};

/// A machine whose power fails after some changes: nothing more is done, not even clearing away.
struct Failing {
    inner: Local,
    left: AtomicUsize,
}

#[async_trait]
impl Machine for Failing {
    async fn look(&self, questions: Vec<Question>) -> PortResult<Seen> {
        self.inner.look(questions).await
    }

    async fn change(&self, actions: Vec<Action>) -> PortResult<()> {
        for action in actions {
            if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
                return Err(PortError::new(ErrorClass::Transient, "the power failed"));
            }
            self.inner.change(vec![action]).await?;
        }
        Ok(())
    }

    async fn public_key(&self, path: &str) -> PortResult<Option<Digest>> {
        self.inner.public_key(path).await
    }

    async fn run(&self, words: &[String], limit: Duration) -> PortResult<()> {
        self.inner.run(words, limit).await
    }
}

fn slot(files: &Files, changes: usize) -> Slot<Failing> {
    Slot {
        name: files.place().to_owned(),
        machines: vec!["file".to_owned()],
        files: files.clone(),
        commands: Commands { test: None, reload: None, timeout: Duration::from_secs(1) },
        endpoint: None,
        machine: Failing { inner: Local::new(Owner::default()), left: AtomicUsize::new(changes) },
    }
}

/// The deployment that installs.
const HOLDER: &str = "certificate.www@file_target.web#run-1.1";

fn bundle(name: &str) -> Bundle {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    Bundle {
        holder: HOLDER.to_owned(),
        displaces: None,
        fingerprint: Digest::of(made.cert.der()),
        leaf: made.cert.pem(),
        chain: String::new(),
        key: Some(Zeroizing::new(made.signing_key.serialize_pem())),
    }
}

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cap-crash-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a scratch folder");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn files(folder: &Path, block: &serde_json::Value) -> Files {
    let text = block.to_string().replace("HERE", &folder.to_string_lossy());
    let config = serde_json::from_str(&format!("{{\"files\":{text}}}")).expect("an object");
    Files::decode(&config, args::path).expect("a good block")
}

/// What stands in the file of a part, as whoever reads the slot would see it.
fn read(files: &Files, wanted: Part) -> String {
    let path = match &files.layout {
        Layout::Versioned { directory } => format!("{directory}/current/{}", wanted.file_name()),
        Layout::Plain { files } => files.iter().find(|(part, _)| *part == wanted).expect("the part").1.clone(),
    };
    std::fs::read_to_string(path).unwrap_or_default()
}

async fn holds(files: &Files, bundle: &Bundle) -> bool {
    let seen = slot(files, 0).inspect().await;
    let key = bundle.key.as_ref().expect("a key");
    seen == Ok(SlotContent::Present { fingerprint: bundle.fingerprint, fault: None })
        && read(files, Part::Privkey) == **key
}

const WHOLE: usize = usize::MAX;

/// Cuts the installation of `new` over `old` off after every number of changes; `atomic` layouts show one of the two pairs
/// at every moment, the others after what follows.
async fn check(block: serde_json::Value, atomic: bool) {
    let (old, new) = (bundle("old.test"), bundle("new.test"));
    let holder = Holder { name: HOLDER.to_owned(), leaf: None };
    for changes in 0.. {
        let scratch = Scratch::new();
        let files = files(&scratch.0, &block);
        slot(&files, WHOLE).install(&old).await.expect("the old pair");
        let previous = slot(&files, 0).previous().await.expect("what is there");
        let cut = slot(&files, changes).install(&new).await;
        if atomic {
            assert!(holds(&files, &old).await || holds(&files, &new).await, "a mixture after {changes} changes");
        }
        if changes % 2 == 0 {
            slot(&files, WHOLE).install(&new).await.expect("again");
            assert!(holds(&files, &new).await, "not the new pair after {changes} changes and again");
        }
        slot(&files, WHOLE).restore(HOLDER, &previous).await.expect("back");
        assert!(holds(&files, &old).await, "not the old pair after {changes} changes and back");
        slot(&files, WHOLE).install(&new).await.expect("forward");
        assert!(holds(&files, &new).await, "not the new pair after {changes} changes, back and forward");
        slot(&files, WHOLE).remove(&holder).await.expect("removed");
        let left = std::fs::read_dir(&scratch.0).expect("the scratch folder").count();
        assert_eq!(left, 0, "something is left after {changes} changes and removal: {}", scratch.0.display());
        if cut.is_ok() {
            assert!(changes > 5, "nothing was cut off");
            return;
        }
    }
}

#[tokio::test]
async fn versions_are_switched_in_one_step() {
    check(json!({"directory": "HERE/tls"}), true).await;
}

#[tokio::test]
async fn files_in_one_directory_come_back() {
    check(json!({"directory": "HERE/tls", "layout": "plain"}), false).await;
}

#[tokio::test]
async fn files_in_places_of_their_own_come_back() {
    check(json!({"fullchain": "HERE/www.crt", "privkey": "HERE/www.key"}), false).await;
}

#[tokio::test]
async fn putting_back_can_be_cut_off_too() {
    let (old, new) = (bundle("old.test"), bundle("new.test"));
    for block in [json!({"directory": "HERE/tls"}), json!({"fullchain": "HERE/www.crt", "privkey": "HERE/www.key"})] {
        for changes in 0..20 {
            let scratch = Scratch::new();
            let files = files(&scratch.0, &block);
            slot(&files, WHOLE).install(&old).await.expect("the old pair");
            let previous = slot(&files, 0).previous().await.expect("what is there");
            slot(&files, WHOLE).install(&new).await.expect("the new pair");
            // Whether it is cut off or not, it comes to its end when it is done again.
            let _ = slot(&files, changes).restore(HOLDER, &previous).await;
            slot(&files, WHOLE).restore(HOLDER, &previous).await.expect("back");
            assert!(holds(&files, &old).await, "not the old pair after {changes} changes");
        }
    }
}

/// A file system that turned read-only: nothing was replaced, so nothing is broken.
#[tokio::test]
async fn where_nothing_can_be_written_the_old_pair_is_still_in_force() {
    let layouts = [
        json!({"directory": "HERE/tls"}),
        json!({"directory": "HERE/tls", "layout": "plain"}),
        json!({"fullchain": "HERE/www.crt", "privkey": "HERE/www.key"}),
    ];
    let all = [bundle("older.test"), bundle("old.test"), bundle("new.test")];
    for block in layouts {
        let scratch = Scratch::new();
        let files = files(&scratch.0, &block);
        for old in &all[..2] {
            slot(&files, WHOLE).install(old).await.expect("the old pair");
        }
        let previous = slot(&files, 0).previous().await.expect("what is there");
        slot(&files, 0).install(&all[2]).await.expect_err("nothing can be written");
        slot(&files, 0).restore(HOLDER, &previous).await.expect("it is there");
        assert!(holds(&files, &all[1]).await, "{block}");
        slot(&files, WHOLE).install(&all[2]).await.expect("the new pair");
        slot(&files, 0).restore(HOLDER, &previous).await.expect_err("the new pair cannot be taken away");
    }
}
