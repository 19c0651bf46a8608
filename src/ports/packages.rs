//! Getting modules from elsewhere.

use std::path::Path;

use async_trait::async_trait;

use super::PortResult;
use crate::eval::package::Package;

/// Gets packages: repositories and archives.
#[async_trait]
pub trait Packages: Send + Sync {
    /// Puts the files of a package into `into`, a directory that is there and empty. On return all of them are there and
    /// nothing was written elsewhere. Of a repository the commit is returned; with `pinned` it is that commit whatever the
    /// package's reference names by now.
    async fn fetch(&self, package: &Package, pinned: Option<&str>, into: &Path) -> PortResult<Option<String>>;
}
