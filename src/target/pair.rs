//! The files in force in a slot, as one set: which leaf they are, whether they belong together, whether they are what a
//! bundle would make of them. Pure.
//!
//! Beside the files lies a manifest with the SHA-256 of each, in the form that `sha256sum -c` reads. While it agrees, key
//! and certificate are those that were installed together, and neither has to be parsed; only when it does not is the
//! public key asked for and compared. Its first line is a comment that names the deployment whose files they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use zeroize::Zeroizing;

use super::args::unusable;
use super::files::{Files, Layout, Part};
use super::machine::{Ask, Entry, Kind, Question, Seen};
use super::{plain, versioned};
use crate::digest::Digest;
use crate::observed::SlotContent;
use crate::ports::PortResult;
use crate::ports::target::{Bundle, Holder};
use crate::x509::Leaf;

/// Where the files in force lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Part and path of each; the last one holds the leaf and gives the slot its identity.
    pub files: Vec<(Part, String)>,
    /// Where the manifest lies.
    pub manifest: String,
}

/// The set of a slot.
pub fn set(files: &Files) -> Set {
    match &files.layout {
        Layout::Versioned { directory } => versioned::current(directory),
        Layout::Plain { files } => Set { files: files.clone(), manifest: plain::manifest(files) },
    }
}

impl Set {
    /// What a plan looks at to judge it: as [`Set::questions`], but of a leaf and a chain that lie beside a full chain
    /// only whether they are there and whose. They repeat what it holds, a plan looks at thousands of slots, and an
    /// installation compares them all the same.
    pub fn questions_to_inspect(&self) -> Vec<Question> {
        let mut questions = self.questions();
        let whole = self.files.last().is_some_and(|(part, _)| *part == Part::Fullchain);
        for (question, (part, _)) in questions.iter_mut().zip(&self.files) {
            if whole && matches!(part, Part::Cert | Part::Chain) {
                question.ask = Ask::Kind;
            }
        }
        questions
    }

    /// What has to be looked at to compare it with a bundle.
    pub fn questions(&self) -> Vec<Question> {
        let last = self.files.len() - 1;
        let ask = |at| if at == last { Ask::Content } else { Ask::Digest };
        let files = self.files.iter().enumerate().map(|(at, (_, path))| Question::new(path, ask(at)));
        files.chain([Question::new(&self.manifest, Ask::Content)]).collect()
    }

    /// The file that holds the leaf. Decoding holds every set to one at least.
    fn identity(&self) -> &str {
        self.files.last().map_or("", |(_, path)| path)
    }
}

/// What judging found.
#[derive(Debug, PartialEq)]
pub enum Finding {
    /// All there is to say.
    Clear(SlotContent),
    /// All is well, if the key at this path belongs to this leaf.
    AskKey {
        /// Where the key lies.
        path: String,
        /// The leaf.
        leaf: Box<Leaf>,
    },
}

/// DER of the first certificate of a PEM text. Cheaper than reading the whole chain: a plan looks at thousands of slots.
fn first_der(pem: &[u8]) -> Option<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let text = std::str::from_utf8(pem).ok()?;
    let body = &text[text.find(BEGIN)? + BEGIN.len()..];
    let body: String = body[..body.find("-----END")?].split_ascii_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(body).ok()
}

/// Fingerprint of the leaf in force, where there is one.
pub fn fingerprint(files: &Files, seen: &Seen) -> Option<Digest> {
    let identity = seen.present(set(files).identity())?;
    first_der(&identity.content).map(Digest::of)
}

/// The leaf in force, where there is one.
pub fn leaf(files: &Files, seen: &Seen) -> Option<Leaf> {
    let identity = seen.present(set(files).identity())?;
    Leaf::from_der(&first_der(&identity.content)?).ok()
}

/// Judges what is in force.
pub fn judge(files: &Files, seen: &Seen) -> Finding {
    let set = set(files);
    let Some(identity) = seen.present(set.identity()) else { return Finding::Clear(SlotContent::Absent) };
    if identity.kind != Kind::File {
        let why = format!("{} is not a regular file", set.identity());
        return Finding::Clear(SlotContent::Unreadable { why });
    }
    let Some(der) = first_der(&identity.content) else {
        // Not a certificate, so not the one that should be there either: it is to be replaced, and the fault says why.
        let fault = Some(format!("{} does not hold a certificate", set.identity()));
        return present(Digest::of(&identity.content), fault);
    };
    let manifest = read_manifest(seen.present(&set.manifest));
    let fingerprint = Digest::of(&der);
    match fault(files, &set, seen, &manifest) {
        Some(fault) => present(fingerprint, Some(fault)),
        None if manifest.get(set.identity()) == identity.digest.as_ref() => present(fingerprint, None),
        None => ask_key(&set, seen, fingerprint, &der),
    }
}

fn present(fingerprint: Digest, fault: Option<String>) -> Finding {
    Finding::Clear(SlotContent::Present { fingerprint, fault })
}

fn ask_key(set: &Set, seen: &Seen, fingerprint: Digest, der: &[u8]) -> Finding {
    let key = set.files.iter().find(|(part, path)| part.is_private() && seen.present(path).is_some());
    match (key, Leaf::from_der(der)) {
        (_, Err(error)) => {
            present(fingerprint, Some(format!("{} does not hold a certificate: {error}", set.identity())))
        }
        (None, Ok(_)) => present(fingerprint, None),
        (Some((_, path)), Ok(leaf)) => Finding::AskKey { path: path.clone(), leaf: Box::new(leaf) },
    }
}

/// The first thing that is not as asked, in the order in which it matters.
fn fault(files: &Files, set: &Set, seen: &Seen, manifest: &BTreeMap<String, Digest>) -> Option<String> {
    let faults = set.files.iter().map(|(part, path)| {
        // Without a manifest every file is expected; with one, those that were installed: a bundle may have no key.
        let expected = manifest.is_empty() || manifest.contains_key(path);
        match seen.present(path) {
            None => expected.then(|| format!("{path} is missing")),
            Some(entry) => file_fault(files.mode(*part), path, entry, manifest.get(path)),
        }
    });
    faults.flatten().next()
}

fn file_fault(mode: u32, path: &str, entry: &Entry, installed: Option<&Digest>) -> Option<String> {
    if entry.kind != Kind::File {
        return Some(format!("{path} is not a regular file"));
    }
    if entry.mode != mode {
        return Some(format!("{path} has mode {:04o} instead of {mode:04o}", entry.mode));
    }
    if !entry.owned {
        return Some(format!("{path} does not belong to its owner"));
    }
    let changed = installed.zip(entry.digest.as_ref()).is_some_and(|(installed, found)| installed != found);
    changed.then(|| format!("{path} is not what was installed"))
}

/// One file as a bundle makes it.
pub struct Wanted {
    /// Its path when it is in force.
    pub path: String,
    /// Its mode.
    pub mode: u32,
    /// Its content.
    pub content: Zeroizing<String>,
}

/// The files that a bundle makes of a set, in the order of the set.
///
/// # Errors
/// `Rejected` when a combined file is asked for and the bundle has no key.
pub fn wanted(files: &Files, set: &Set, bundle: &Bundle) -> PortResult<Vec<Wanted>> {
    let mut all = Vec::with_capacity(set.files.len());
    for (part, path) in &set.files {
        match part.content(bundle) {
            Some(content) => all.push(Wanted { path: path.clone(), mode: files.mode(*part), content }),
            None if *part == Part::Combined => {
                return Err(unusable(
                    "files.combined",
                    "the certificate was issued for a signing request, and its key is not known to cap",
                ));
            }
            None => {}
        }
    }
    Ok(all)
}

/// What stands before the name of the deployment in the manifest's first line.
const HELD_BY: &str = "# cap ";

/// The manifest of files that this deployment installs.
pub fn manifest(holder: &str, files: &[Wanted]) -> String {
    files.iter().fold(format!("{HELD_BY}{holder}\n"), |mut text, file| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", Digest::of(file.content.as_bytes()), file.path);
        text
    })
}

/// Reads a manifest; what cannot be read counts as not there.
pub fn read_manifest(entry: Option<&Entry>) -> BTreeMap<String, Digest> {
    let text = entry.and_then(|entry| std::str::from_utf8(&entry.content).ok()).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once("  "));
    pairs.filter_map(|(digest, path)| Some((path.to_owned(), digest.parse().ok()?))).collect()
}

/// Whether what lies in a slot may be removed for a deployment: it is its own, and was put there by this name of the
/// place. Where another name leads here too, the deployment may have moved to that one, and these are its new files.
pub fn is_held_by(files: &Files, seen: &Seen, deployment: &Holder) -> bool {
    let set = set(files);
    let installed = read_manifest(seen.present(&set.manifest));
    let is_here = installed.is_empty() || installed.contains_key(set.identity());
    let leaf = seen.present(set.identity()).map(|entry| first_der(&entry.content).map(Digest::of));
    // What is no certificate is nobody's leaf, and not nothing either.
    let leaf = leaf.map(|leaf| leaf.unwrap_or_else(|| Digest::of("no certificate")));
    is_here && deployment.holds(holder(files, seen), leaf)
}

/// The name of the deployment whose files lie in a slot, where one is written.
pub fn holder<'a>(files: &Files, seen: &'a Seen) -> Option<&'a str> {
    let manifest = seen.present(&set(files).manifest)?;
    let text = std::str::from_utf8(&manifest.content).ok()?;
    text.lines().next()?.strip_prefix(HELD_BY)
}

/// Whether a set is in force exactly as wanted, manifest included.
pub fn in_force(set: &Set, holder: &str, wanted: &[Wanted], seen: &Seen) -> bool {
    let same = |file: &Wanted| {
        seen.present(&file.path).is_some_and(|entry| {
            let as_asked = entry.kind == Kind::File && entry.mode == file.mode && entry.owned;
            as_asked && entry.digest == Some(Digest::of(file.content.as_bytes()))
        })
    };
    let noted = seen.present(&set.manifest).is_some_and(|entry| entry.content == manifest(holder, wanted).as_bytes());
    noted && wanted.iter().all(same)
}

/// Whether a set is what was installed together: the manifest is there and agrees with every file it names.
pub fn is_consistent(set: &Set, seen: &Seen) -> bool {
    let manifest = read_manifest(seen.present(&set.manifest));
    let agrees = |(path, digest): (&String, &Digest)| {
        seen.present(path).is_some_and(|entry| entry.kind == Kind::File && entry.digest.as_ref() == Some(digest))
    };
    !manifest.is_empty() && manifest.iter().all(agrees)
}
