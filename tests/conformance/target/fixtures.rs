//! Bundles, places, and what stands on the disk.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use cap::digest::Digest;
use cap::eval::value::SecretRef;
use cap::observed::SlotContent;
use cap::ports::PortResult;
use cap::ports::secrets::Secrets;
use cap::ports::target::{Bundle, Holder, Target};
use cap::state::Spec;
use cap::target::connect;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::peers::Scratch;

/// The same secret behind every reference.
pub struct Only(pub String);

#[async_trait]
impl Secrets for Only {
    async fn resolve(&self, _: &SecretRef) -> PortResult<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(self.0.clone().into_bytes()))
    }
}

/// A kind of target, and what it takes besides the files.
pub struct Place {
    pub kind: &'static str,
    pub arguments: Spec,
    pub secret: String,
}

impl Place {
    /// A target of that kind for these files, with further arguments.
    pub async fn target(&self, files: Json, more: Json) -> Arc<dyn Target> {
        let mut config = self.arguments.clone();
        config.insert("files".to_owned(), files);
        config.extend(more.as_object().cloned().unwrap_or_default());
        connect(self.kind, &config, &Only(self.secret.clone())).await.expect("a target")
    }
}

/// The deployment that installs every bundle here.
pub fn holder() -> Holder {
    Holder { name: "certificate.www@file_target.web#run-1.1".to_owned(), leaf: None }
}

/// A bundle for these names: a leaf, a chain of one, and the key.
pub fn bundle(names: &[&str]) -> Bundle {
    bundle_with(names, &rcgen::PKCS_ECDSA_P256_SHA256)
}

/// Likewise, with a key of that kind.
pub fn bundle_with(names: &[&str], algorithm: &'static rcgen::SignatureAlgorithm) -> Bundle {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = rcgen::KeyPair::generate_for(algorithm).expect("a key");
    let leaf = rcgen::CertificateParams::new(names).expect("names").self_signed(&key).expect("a certificate");
    let above = rcgen::generate_simple_self_signed(["above.test".to_owned()]).expect("a certificate");
    Bundle {
        holder: holder().name,
        displaces: None,
        fingerprint: Digest::of(leaf.der()),
        leaf: leaf.pem(),
        chain: above.cert.pem(),
        key: Some(Zeroizing::new(key.serialize_pem())),
    }
}

/// What `inspect` answers for a bundle that is in place.
pub fn in_place(bundle: &Bundle) -> PortResult<SlotContent> {
    Ok(SlotContent::Present { fingerprint: bundle.fingerprint, fault: None })
}

/// The fault that `inspect` finds, with whatever fingerprint.
pub async fn fault(target: &dyn Target) -> String {
    match target.inspect().await {
        Ok(SlotContent::Present { fault: Some(fault), .. }) => fault,
        other => panic!("no fault: {other:?}"),
    }
}

/// Every path below a folder with inode and time of change: equal when nothing was touched.
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let meta = entry.path().symlink_metadata().expect("an entry");
            all.insert(entry.path(), (meta.ino(), meta.ctime(), meta.ctime_nsec()));
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    all
}

/// A folder with another one in it, of that mode and that user. Only root can make one.
pub fn folder_of(path: PathBuf, mode: u32, user: u32) {
    std::fs::create_dir_all(path.join("below")).expect("a folder");
    chown(&path, Some(user), None).expect("as root");
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("as root");
}

/// One way to lay out a slot.
pub struct Layout {
    /// The `files` block.
    pub block: Json,
    /// Where the chain with its leaf is read.
    pub fullchain: PathBuf,
    /// Where the private key is read.
    pub privkey: PathBuf,
}

/// All ways to lay out a slot, in a folder.
pub fn layouts(scratch: &Scratch) -> [Layout; 3] {
    let here = scratch.join("slot");
    let path = |name: &str| here.join(name).to_string_lossy().into_owned();
    std::fs::create_dir_all(&here).expect("a folder");
    [
        Layout {
            block: serde_json::json!({"directory": path("versioned")}),
            fullchain: here.join("versioned/current/fullchain.pem"),
            privkey: here.join("versioned/current/privkey.pem"),
        },
        Layout {
            block: serde_json::json!({"directory": path("plain"), "layout": "plain"}),
            fullchain: here.join("plain/fullchain.pem"),
            privkey: here.join("plain/privkey.pem"),
        },
        Layout {
            block: serde_json::json!({"fullchain": path("certs it's/www.pem"), "privkey": path("private/www.pem")}),
            fullchain: here.join("certs it's/www.pem"),
            privkey: here.join("private/www.pem"),
        },
    ]
}
