//! The PEM files behind an id: the certificates in them, and where the private keys are. Keys are held only as long as it
//! takes to see whose they are.

use std::path::Path;

use zeroize::Zeroizing;

use super::super::load;
use super::{PATHS, Refusal};
use crate::digest::Digest;
use crate::plan::ImportedKey;
use crate::x509::{self, Signer};

/// What the files of an id hold.
pub(super) struct Files {
    id: String,
    certificates: Vec<String>,
    keys: Vec<ImportedKey>,
}

impl Files {
    /// Reads the files, whose paths the id joins by commas.
    pub(super) fn read(id: &str) -> Result<Self, Refusal> {
        let (mut certificates, mut keys) = (Vec::new(), Vec::new());
        for path in id.split(',').map(str::trim) {
            let text = text(path)?;
            for certificate in x509::each(&text).map_err(|fault| in_file(path, &fault))? {
                if !certificates.contains(&certificate) {
                    certificates.push(certificate);
                }
            }
            keys.extend(keys_of(path, &text)?);
        }
        if certificates.is_empty() {
            return Err((format!("{id} holds no certificate."), PATHS));
        }
        if keys.is_empty() {
            return Err((format!("{id} holds no private key."), PATHS));
        }
        Ok(Self { id: id.to_owned(), certificates, keys })
    }

    /// All certificates of all files in canonical PEM, in order and each once.
    pub(super) fn certificates(&self) -> &[String] {
        &self.certificates
    }

    /// Where the key of this public half is.
    pub(super) fn key(&self, spki: &Digest) -> Option<ImportedKey> {
        self.keys.iter().find(|key| key.spki == *spki).cloned()
    }

    /// The same, where it has to be there.
    pub(super) fn needed_key(&self, spki: &Digest, whose: &str) -> Result<ImportedKey, Refusal> {
        let missing = || (format!("The private key is not that of the {whose}: {} holds another one.", self.id), PATHS);
        self.key(spki).ok_or_else(missing)
    }
}

/// A file's text, wiped when it is dropped: it may hold a key.
fn text(path: &str) -> Result<Zeroizing<String>, Refusal> {
    load::read(Path::new(path)).map(Zeroizing::new).map_err(|fault| (fault.detail, PATHS))
}

fn in_file(path: &str, fault: &x509::X509Error) -> Refusal {
    (format!("{path} cannot be used: {fault}."), PATHS)
}

/// Where the private keys of a file are.
fn keys_of(path: &str, text: &str) -> Result<Vec<ImportedKey>, Refusal> {
    let keys = x509::private_keys(text).map_err(|fault| in_file(path, &fault))?;
    let one = |key: &Zeroizing<Vec<u8>>| {
        let signer = Signer::from_pkcs8(key).map_err(|fault| in_file(path, &fault))?;
        Ok(ImportedKey { path: path.to_owned(), spki: signer.spki() })
    };
    keys.iter().map(one).collect()
}

/// The only private key of a file, as PKCS#8, and its name.
pub(super) fn only_key(path: &str) -> Result<(Zeroizing<Vec<u8>>, ImportedKey), Refusal> {
    let text = text(path)?;
    let mut found = keys_of(path, &text)?;
    let mut keys = x509::private_keys(&text).map_err(|fault| in_file(path, &fault))?;
    match (keys.pop(), found.pop()) {
        (Some(key), Some(named)) if keys.is_empty() => Ok((key, named)),
        (None, _) => Err((format!("{path} holds no private key."), PATHS)),
        _ => Err((format!("{path} holds more than one private key."), PATHS)),
    }
}

/// The key again, as PKCS#8: what it was while planning, or why not.
pub(super) fn again(key: &ImportedKey) -> Result<Zeroizing<Vec<u8>>, String> {
    let text = text(&key.path).map_err(|(why, _)| why)?;
    let keys = x509::private_keys(&text).map_err(|fault| format!("{} cannot be used: {fault}.", key.path))?;
    let is_it = |pkcs8: &Zeroizing<Vec<u8>>| Signer::from_pkcs8(pkcs8).is_ok_and(|signer| signer.spki() == key.spki);
    let found = keys.into_iter().find(is_it);
    found.ok_or_else(|| format!("{} does not hold the private key any more that it held while planning.", key.path))
}
