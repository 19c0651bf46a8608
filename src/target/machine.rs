//! A machine that holds files: what layouts ask of it and have done to it. Layouts decide, machines carry out; the same
//! layouts work on this machine and over SSH.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::ports::PortResult;

/// What is asked about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The path. Its last component is never followed when it is a symbolic link.
    pub path: String,
    /// How much.
    pub ask: Ask,
}

/// How much is asked about a path, beyond what it is and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Nothing more.
    Kind,
    /// SHA-256 of a file: for files whose content must not leave the machine.
    Digest,
    /// The content of a file, up to [`crate::limits::REPLY_BYTES`].
    Content,
    /// The names in a directory that is to be worked in. An error where that cannot be done safely: as root, when others
    /// than root could put other names in place of these.
    Names,
}

impl Question {
    /// A question.
    pub fn new(path: impl Into<String>, ask: Ask) -> Self {
        Self { path: path.into(), ask }
    }
}

/// What a path is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    #[default]
    Absent,
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to this.
    Link(String),
    /// Anything else.
    Other,
}

/// The answer about one path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Whether it belongs to whom the configuration says.
    pub owned: bool,
    /// SHA-256, where asked for; of the content, where that was asked for.
    pub digest: Option<Digest>,
    /// Content, where asked for.
    pub content: Vec<u8>,
    /// Names in a directory, where asked for.
    pub names: Vec<String>,
}

/// The answers by path.
#[derive(Debug, Clone, Default)]
pub struct Seen(pub BTreeMap<String, Entry>);

impl Seen {
    /// What a path is; absent when it was not asked about.
    pub fn kind(&self, path: &str) -> &Kind {
        self.0.get(path).map_or(&Kind::Absent, |entry| &entry.kind)
    }

    /// The answer about a path that is there.
    pub fn present(&self, path: &str) -> Option<&Entry> {
        self.0.get(path).filter(|entry| entry.kind != Kind::Absent)
    }

    /// Names in a directory.
    pub fn names(&self, path: &str) -> &[String] {
        self.0.get(path).map_or(&[], |entry| &entry.names)
    }
}

/// One change to the files of a machine. Each is durable when it is done: file and directory are synced.
pub enum Action {
    /// Makes a directory and those above it that are missing; one that is there stays as it is.
    Directory {
        /// Its path.
        path: String,
        /// Mode of those that are made.
        mode: u32,
    },
    /// Makes a directory that must not be there.
    NewDirectory {
        /// Its path.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// Makes a file that must not be there; owner and mode are set before the content is written.
    Write {
        /// Its path.
        path: String,
        /// Its mode.
        mode: u32,
        /// Its content.
        content: Zeroizing<String>,
    },
    /// Renames; a file or link that stands there is replaced in one step.
    Rename {
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// Makes a symbolic link, replacing the one that stands there in one step.
    Link {
        /// What it points to.
        to: String,
        /// Its path.
        path: String,
    },
    /// Gives a file a second name (a hard link), unless that name is taken.
    Keep {
        /// The file.
        path: String,
        /// Its second name.
        name: String,
    },
    /// Removes a file or link; what is not there is fine.
    Remove {
        /// Its path.
        path: String,
    },
    /// Removes a directory if it is empty; anything else is fine and stays.
    RemoveDirectory {
        /// Its path.
        path: String,
    },
}

/// A machine, as one owner of files sees it.
#[async_trait]
pub trait Machine: Send + Sync {
    /// Answers all questions. A path that cannot be looked at is an error, never absent.
    async fn look(&self, questions: Vec<Question>) -> PortResult<Seen>;
    /// Carries out changes in order, up to the first that fails.
    async fn change(&self, actions: Vec<Action>) -> PortResult<()>;
    /// SHA-256 of the SubjectPublicKeyInfo that belongs to a private key; the key stays where it is. `None` when the
    /// machine has no means to tell.
    async fn public_key(&self, path: &str) -> PortResult<Option<Digest>>;
    /// Runs a command without a shell, and ends it when it takes too long.
    async fn run(&self, words: &[String], limit: Duration) -> PortResult<()>;
}
