//! The `files` block: which files a slot consists of, where they lie, and who may read them. Shared by every target that
//! puts files on a machine; says nothing about how they get there.
//!
//! # Versioned layout
//!
//! With `directory` each version lies in a directory of its own, and one symbolic link says which is in force. Switching
//! is one rename, so whoever reads through the link sees the old pair or the new pair:
//!
//! ```text
//! /etc/nginx/tls/www/current                     -> versions/1f0c3a9be27d4458      what services are pointed at
//! /etc/nginx/tls/www/previous                    -> versions/9d27b2e14c03f6aa      kept for putting back
//! /etc/nginx/tls/www/versions/1f0c3a9be27d4458/  fullchain.pem cert.pem chain.pem privkey.pem .cap-manifest
//! ```
//!
//! A version's name is the beginning of its leaf's SHA-256 fingerprint, with `-2` and so on when the same leaf is
//! installed again with another chain, key, owner or mode. `.cap-manifest` is what `sha256sum -c` reads.
//!
//! # Plain layout
//!
//! With `layout = "plain"` the four files lie in `directory` itself; with `fullchain`, `cert`, `chain`, `privkey` and
//! `combined` each lies where it is told to. Several files cannot be replaced in one step: each is written beside its
//! place and renamed over it, key first, the file that holds the leaf last, so the time in which they do not belong
//! together is that of a few renames. What was there before stays beside it as a hard link until the next installation.

use super::args::{self, Owner, check, fault, shaped, unusable};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, BlockSchema, BodySchema, Occurs, optional};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::ports::PortResult;
use crate::ports::target::Bundle;
use crate::state::Spec;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The private key.
    Privkey,
    /// The chain above the leaf.
    Chain,
    /// Leaf, chain and key, for programs that read one file.
    Combined,
    /// The leaf.
    Cert,
    /// The leaf, then the chain.
    Fullchain,
}

/// All parts, in the order in which files are switched: what holds the leaf comes last, so that a slot is known by its
/// old leaf until everything else is in place.
pub const PARTS: [Part; 5] = [Part::Privkey, Part::Chain, Part::Combined, Part::Cert, Part::Fullchain];

/// The parts of a directory, in the same order.
pub const IN_DIRECTORY: [Part; 4] = [Part::Privkey, Part::Chain, Part::Cert, Part::Fullchain];

impl Part {
    /// The argument that names its path.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Privkey => "privkey",
            Self::Chain => "chain",
            Self::Combined => "combined",
            Self::Cert => "cert",
            Self::Fullchain => "fullchain",
        }
    }

    /// Its file's name in a directory.
    pub fn file_name(self) -> String {
        format!("{}.pem", self.argument())
    }

    /// Whether the private key is in it.
    pub fn is_private(self) -> bool {
        matches!(self, Self::Privkey | Self::Combined)
    }

    /// Whether the leaf comes first in it.
    pub fn begins_with_leaf(self) -> bool {
        matches!(self, Self::Cert | Self::Fullchain | Self::Combined)
    }

    /// What goes into it; `None` when the bundle has no private key and this part needs it.
    pub fn content(self, bundle: &Bundle) -> Option<zeroize::Zeroizing<String>> {
        let key = bundle.key.as_ref();
        let texts: Vec<&str> = match self {
            Self::Privkey => vec![key?.as_str()],
            Self::Chain => vec![&bundle.chain],
            Self::Combined => vec![&bundle.leaf, &bundle.chain, key?.as_str()],
            Self::Cert => vec![&bundle.leaf],
            Self::Fullchain => vec![&bundle.leaf, &bundle.chain],
        };
        let ended = |text: &str| text.is_empty() || text.ends_with('\n');
        let mut all = zeroize::Zeroizing::new(String::with_capacity(texts.iter().map(|text| text.len() + 1).sum()));
        for text in texts {
            all.push_str(text);
            if !ended(text) {
                all.push('\n');
            }
        }
        Some(all)
    }
}

/// Where the files lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Versions below a directory and a link to the one in force.
    Versioned {
        /// The directory.
        directory: String,
    },
    /// Files in fixed places, in the order of [`PARTS`].
    Plain {
        /// Part and path of each.
        files: Vec<(Part, String)>,
    },
}

/// The whole block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Where they lie.
    pub layout: Layout,
    /// Who owns them.
    pub owner: Owner,
    /// Mode of files with the private key.
    pub key_mode: u32,
    /// Mode of files without it.
    pub cert_mode: u32,
}

impl Files {
    /// Reads the block of a rendered configuration; `path` is the shape of its paths.
    ///
    /// # Errors
    /// `Rejected`, naming the argument.
    pub fn decode(config: &Spec, path: fn(&str) -> Result<String, String>) -> PortResult<Self> {
        Ok(Self {
            layout: layout(config, path)?,
            owner: shaped(config, "files.owner", "", args::owner)?,
            key_mode: shaped(config, "files.mode", KEY_MODE, args::mode)?,
            cert_mode: shaped(config, "files.cert_mode", CERT_MODE, args::mode)?,
        })
    }

    /// The mode of a part's file.
    pub fn mode(&self, part: Part) -> u32 {
        if part.is_private() { self.key_mode } else { self.cert_mode }
    }

    /// The mode of directories made for them: whoever may read a file may pass, nobody but who made them may write. They
    /// are not given to the files' owner, who therefore has to be let through with everybody else.
    pub fn directory_mode(&self) -> u32 {
        let readers = (self.key_mode | self.cert_mode) & 0o444;
        let owner = if self.owner.user.is_some() { 0o011 } else { 0 };
        0o700 | readers | (readers >> 2) | owner
    }

    /// Where the slot is, for people.
    pub fn place(&self) -> &str {
        match &self.layout {
            Layout::Versioned { directory } => directory,
            Layout::Plain { files } => files.last().map_or("", |(_, path)| path),
        }
    }
}

const KEY_MODE: &str = "0640";
const CERT_MODE: &str = "0644";

fn layout(config: &Spec, path: fn(&str) -> Result<String, String>) -> PortResult<Layout> {
    let read = |argument: &str| {
        let argument = format!("files.{argument}");
        args::text(config, &argument).map(|text| path(text).map_err(|why| unusable(&argument, why))).transpose()
    };
    let versioned = args::text(config, "files.layout").unwrap_or("versioned") == "versioned";
    if let Some(directory) = read("directory")? {
        let inside = |part: Part| (part, format!("{directory}/{}", part.file_name()));
        return Ok(match versioned {
            true => Layout::Versioned { directory },
            false => Layout::Plain { files: IN_DIRECTORY.map(inside).to_vec() },
        });
    }
    let mut files = Vec::new();
    for part in PARTS {
        files.extend(read(part.argument())?.map(|path| (part, path)));
    }
    if !files.iter().any(|(part, _)| part.begins_with_leaf()) {
        return Err(unusable("files", "it needs directory, or one of fullchain, cert and combined"));
    }
    Ok(Layout::Plain { files })
}

/// Every place that a rendered configuration would write to. What cannot be read yet is left to [`Files::decode`].
pub fn places(config: &Spec) -> Vec<String> {
    let clean = |text: &str| args::path(text).unwrap_or_else(|_| text.to_owned());
    let read = |argument: &str| args::text(config, &format!("files.{argument}")).map(clean);
    read("directory").into_iter().chain(PARTS.iter().filter_map(|part| read(part.argument()))).collect()
}

/// The schema of the block.
pub fn schema() -> BlockSchema {
    let path = |name, doc| optional(name, Type::String, doc).per_certificate();
    let attributes = vec![
        path(
            "directory",
            "Directory of the slot. With the versioned layout services read DIRECTORY/current/fullchain.pem and DIRECTORY/current/privkey.pem. It is made when it is not there.",
        ),
        layout_attribute(),
        path("fullchain", "Path of a file with the leaf and the chain above it; instead of directory."),
        path("cert", "Path of a file with the leaf alone; instead of directory."),
        path("chain", "Path of a file with the chain above the leaf; instead of directory."),
        path("privkey", "Path of a file with the private key (PKCS#8 PEM); instead of directory."),
        path("combined", "Path of a file with leaf, chain and private key, as haproxy reads it; instead of directory."),
        optional(
            "owner",
            Type::String,
            "Owner of the files as user:group, by name or number, set before the content is written. Left out, files belong to whoever writes them, as directories always do.",
        ),
        optional(
            "mode",
            Type::String,
            "Mode of files that hold the private key, in octal, set before the content is written.",
        )
        .or(Value::string(KEY_MODE)),
        optional("cert_mode", Type::String, "Mode of files that hold certificates only, in octal.")
            .or(Value::string(CERT_MODE)),
    ];
    BlockSchema {
        name: "files",
        body: BodySchema { attributes, blocks: Vec::new() },
        occurs: Occurs::Once,
        doc: "Where certificate and key are put: a directory, or a path for each file.",
    }
}

fn layout_attribute() -> AttributeSchema {
    let doc = "\"versioned\" keeps each version in a directory of its own below directory and switches a symbolic link in one step; \"plain\" replaces the files where they are. With paths instead of directory it is always plain.";
    optional("layout", Type::String, doc).one_of(&["versioned", "plain"])
}

/// The rules of the block.
pub fn check_block(instance: &Instance, path: fn(&str) -> Result<String, String>, faults: &mut Diagnostics) {
    check(instance, "files.owner", args::owner, faults);
    check(instance, "files.mode", args::mode, faults);
    check(instance, "files.cert_mode", args::mode, faults);
    check(instance, "files.directory", path, faults);
    PARTS.iter().for_each(|part| check(instance, &format!("files.{}", part.argument()), path, faults));
    check_exclusive(instance, faults);
}

fn check_exclusive(instance: &Instance, faults: &mut Diagnostics) {
    let given = |name: &str| instance.get(&format!("files.{name}")).is_some();
    let paths: Vec<Part> = PARTS.into_iter().filter(|part| given(part.argument())).collect();
    match (given("directory"), paths.first()) {
        (true, Some(part)) => {
            let why = "directory is given too, and a slot is either a directory or single files";
            fault(instance, &format!("files.{}", part.argument()), why, faults);
        }
        (false, _) if !paths.iter().any(|part| part.begins_with_leaf()) => {
            fault(instance, "files", "it needs directory, or one of fullchain, cert and combined", faults);
        }
        (false, _) if instance.get("files.layout").and_then(Value::as_str) == Some("versioned") => {
            fault(instance, "files.layout", "versions need a directory to lie in", faults);
        }
        _ => {}
    }
}
