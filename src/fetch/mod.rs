//! Getting modules from elsewhere: repositories by the program `git`, archives over HTTP. Neither runs anything of what it
//! gets, and both write into one directory only.

mod archive;
mod download;
mod git;
mod zip;

use std::path::Path;

use async_trait::async_trait;

use crate::eval::package::{Origin, Package};
use crate::ports::PortResult;
use crate::ports::packages::Packages;

/// Gets packages over the network and from the file system.
#[derive(Debug, Default)]
pub struct Fetcher;

#[async_trait]
impl Packages for Fetcher {
    async fn fetch(&self, package: &Package, pinned: Option<&str>, into: &Path) -> PortResult<Option<String>> {
        match &package.origin {
            Origin::Git { url, reference } => git::fetch(url, reference.as_deref(), pinned, into).await.map(Some),
            Origin::Archive { url, checksum } => {
                let bytes = download::download(url).await?;
                archive::check(&bytes, checksum)?;
                archive::unpack(&bytes, into)?;
                Ok(None)
            }
        }
    }
}
