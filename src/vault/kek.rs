//! Key-encryption keys: where they come from, and which one is active. They are never stored with what they protect.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{derive, random};
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};

/// Prefix of the variables of the environment; the version follows.
const VARIABLE: &str = "CAP_ENCRYPTION_KEY_V";
/// Bytes of a key file that are read: 64 digits and a line's end, with room for a mistake to be recognized.
const FILE_BYTES: u64 = 256;

/// Where the key-encryption keys are: the environment, else files of a directory. Has no Debug on purpose.
pub struct KekSource {
    variables: Vec<(String, Zeroizing<String>)>,
    directory: Option<PathBuf>,
    fleeting: bool,
}

impl KekSource {
    /// `CAP_ENCRYPTION_KEY_V<n>` of this process; where there is none, `encryption.v<n>.key` in `directory`. Without a
    /// directory only the environment counts.
    pub fn from_environment(directory: Option<PathBuf>) -> Self {
        let ours = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with(VARIABLE))?;
            // A value that is not UTF-8 is no key; it is refused below like any other.
            Some((name, Zeroizing::new(value.into_string().unwrap_or_default())))
        });
        Self::new(ours.collect(), directory)
    }

    /// The same from variables handed in.
    pub fn new(variables: Vec<(String, Zeroizing<String>)>, directory: Option<PathBuf>) -> Self {
        Self { variables, directory, fleeting: false }
    }

    /// The same, but where no key is at hand one is made that is kept nowhere: for a store that is not kept either.
    #[must_use]
    pub fn fleeting(self) -> Self {
        Self { fleeting: true, ..self }
    }

    /// All keys at hand. With `make`, a first key is made where there is a directory and none is there.
    pub(super) fn load(&self, make: bool) -> PortResult<Keks> {
        let (provider, mut keys) = self.at_hand()?;
        if let (true, Some(directory)) = (keys.is_empty() && make && !self.fleeting, &self.directory) {
            make_file(directory)?;
            keys = from_files(directory)?;
        }
        if keys.is_empty() && self.fleeting {
            keys.insert(1, random()?);
        }
        let newest = keys.pop_last().ok_or_else(|| self.missing())?;
        Ok(Keks { newest, older: keys, provider })
    }

    /// Refuses keys that are at hand and cannot be used: before a store is made that they would be refused for.
    ///
    /// # Errors
    /// `Unauthorized` when one is broken, or may be read by others.
    pub fn check(&self) -> PortResult<()> {
        self.at_hand().map(drop)
    }

    /// The keys that are there, and where: in the environment, else in files.
    fn at_hand(&self) -> PortResult<(&'static str, BTreeMap<u32, Kek>)> {
        let variables = self.read_variables()?;
        match (&self.directory, variables.is_empty()) {
            (Some(directory), true) => Ok(("file", from_files(directory)?)),
            (None, true) => Ok(("file", variables)),
            (_, false) => Ok(("env", variables)),
        }
    }

    fn read_variables(&self) -> PortResult<BTreeMap<u32, Kek>> {
        let keys = self.variables.iter().filter(|(name, _)| name.starts_with(VARIABLE)).map(|(name, digits)| {
            let version = version(&name[VARIABLE.len()..]);
            let version = version.ok_or_else(|| refused(format!("{name} does not end in a version such as V1")))?;
            Ok((version, decode(digits, name)?))
        });
        keys.collect()
    }

    /// Says that there is no key, and where it was looked for.
    fn missing(&self) -> PortError {
        let message = match &self.directory {
            Some(directory) => {
                let file = file(directory, 1);
                format!("the key-encryption key is missing: {VARIABLE}1 is not set and {} is not there", file.display())
            }
            None => format!("the key-encryption key is missing: {VARIABLE}1 is not set"),
        };
        refused(message).remedy("give the key this store was made with: without it nothing sealed in it can be read")
    }
}

type Kek = Zeroizing<[u8; 32]>;

/// Keys by version. Has no Debug on purpose.
pub(super) struct Keks {
    newest: (u32, Kek),
    older: BTreeMap<u32, Kek>,
    provider: &'static str,
}

impl Keks {
    /// The key that seals: the highest version.
    pub(super) fn active(&self) -> (u32, &Kek) {
        (self.newest.0, &self.newest.1)
    }

    /// Where the keys come from, as `encryption.provider` names it: `env` or `file`.
    pub(super) fn provider(&self) -> &'static str {
        self.provider
    }

    /// The versions at hand, oldest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = u32> {
        self.older.keys().copied().chain([self.newest.0])
    }

    /// The key of that version.
    pub(super) fn get(&self, version: u32) -> PortResult<&Kek> {
        let found = if version == self.newest.0 { Some(&self.newest.1) } else { self.older.get(&version) };
        found.ok_or_else(|| {
            refused(format!("version {version} of the key-encryption key is missing"))
                .remedy(format!("set {VARIABLE}{version}, or put encryption.v{version}.key back in its place"))
        })
    }

    /// Proof that a key is the one this store was made with: `v1:<64 hexadecimal digits>`. It tells nothing of the key.
    pub(super) fn check(&self, version: u32, tenant: &str) -> PortResult<String> {
        let proof = derive(&**self.get(version)?, &format!("key check {version} {tenant}"))?;
        Ok(format!("v{version}:{}", Digest(*proof)))
    }

    #[cfg(test)]
    pub(super) fn for_tests(versions: &[u32]) -> Self {
        let mut keys: BTreeMap<u32, Kek> =
            versions.iter().map(|version| (*version, Zeroizing::new([*version as u8; 32]))).collect();
        let newest = keys.pop_last().expect("a version");
        Self { newest, older: keys, provider: "env" }
    }
}

fn refused(message: impl Into<String>) -> PortError {
    PortError::new(ErrorClass::Unauthorized, message)
}

fn version(digits: &str) -> Option<u32> {
    digits.parse().ok().filter(|version| *version > 0)
}

/// A key from 64 hexadecimal digits. `source` names where they stand.
fn decode(digits: &str, source: &str) -> PortResult<Kek> {
    let digits = digits.trim_end_matches(['\r', '\n']);
    let key: Option<Digest> = digits.parse().ok();
    key.map(|key| Zeroizing::new(key.0)).ok_or_else(|| {
        refused(format!("{source} is not a key: 64 hexadecimal digits are expected"))
            .remedy("make one with `openssl rand -hex 32`, but only for a store that holds nothing yet")
    })
}

fn file(directory: &Path, version: u32) -> PathBuf {
    directory.join(format!("encryption.v{version}.key"))
}

fn version_of_file(name: &str) -> Option<u32> {
    version(name.strip_prefix("encryption.v")?.strip_suffix(".key")?)
}

fn from_files(directory: &Path) -> PortResult<BTreeMap<u32, Kek>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(refused(format!("{} cannot be read: {error}", directory.display()))),
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let versions = names.filter_map(|name| version_of_file(&name));
    versions.map(|version| Ok((version, read_file(&file(directory, version))?))).collect()
}

fn read_file(path: &Path) -> PortResult<Kek> {
    let fault = |error: std::io::Error| refused(format!("{} cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    if metadata.mode() & 0o077 != 0 {
        return Err(refused(format!("{} may be read by others", path.display()))
            .remedy(format!("chmod 0400 {}", path.display())));
    }
    // As much room as may be read, so that no copy is left behind by a reallocation.
    let mut digits = Zeroizing::new(String::with_capacity(FILE_BYTES as usize));
    file.take(FILE_BYTES).read_to_string(&mut digits).map_err(fault)?;
    decode(&digits, &path.display().to_string())
}

/// Makes the first key, whole or not at all: another process may look for it at the same moment, and one of two that make
/// it wins.
fn make_file(directory: &Path) -> PortResult<()> {
    let path = file(directory, 1);
    let fault = |error: std::io::Error| {
        PortError::new(ErrorClass::Rejected, format!("the key file {} cannot be written: {error}", path.display()))
            .remedy(format!("make its directory writable, or set {VARIABLE}1 to 64 hexadecimal digits"))
    };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fault)?;
    let unfinished = directory.join(format!(".encryption.{}", Digest(*random()?).short()));
    let written = write_new(&unfinished).and_then(|()| match std::fs::hard_link(&unfinished, &path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    // What is left of it is of no use, and failing to remove it is no reason to fail.
    let _ = std::fs::remove_file(&unfinished);
    written.and_then(|()| File::open(directory)?.sync_all()).map_err(fault)
}

fn write_new(path: &Path) -> std::io::Result<()> {
    let key = random::<32>().map_err(std::io::Error::other)?;
    let digits = Zeroizing::new(format!("{}\n", Digest(*key)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)?;
    file.write_all(digits.as_bytes())?;
    file.sync_all()
}
