//! Orders that the CA has made and whose answer was never heard: looked for in the account's list (RFC 8555 section
//! 7.1.2.1) before another one is placed. Some CAs keep no such list, and hand out the open order for the same names again
//! by themselves. Nothing is changed here.

use std::collections::BTreeSet;

use hyper::header::LINK;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::http::Reply;
use super::jws::{AccountKey, Signed};
use super::session::Session;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};

/// Pages of the list that are read: a list without an end must not hold up a renewal.
const PAGES: usize = 100;
/// Orders that are looked into, the last of the list first: what was just placed stands there.
const ORDERS: usize = 100;

/// An account (RFC 8555 section 7.1.2), as far as it matters here.
#[derive(Deserialize)]
struct Account {
    orders: Option<String>,
}

/// One page of an account's orders.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    orders: Vec<String>,
}

/// An order (RFC 8555 section 7.1.3), as far as it matters here.
#[derive(Deserialize)]
struct Order {
    status: String,
    identifiers: Vec<Identifier>,
}

#[derive(Deserialize)]
struct Identifier {
    value: String,
}

/// Who asks.
pub(super) struct Asking<'a> {
    pub session: &'a Session,
    pub key: &'a AccountKey,
    /// URL of the account.
    pub account: &'a str,
}

impl Asking<'_> {
    /// The URL of an order for exactly these names that is still open, and that `is_taken` does not name.
    ///
    /// # Errors
    /// When the CA cannot be asked. One that keeps no list has none.
    pub(super) async fn find(&self, names: &[String], is_taken: impl Fn(&str) -> bool) -> PortResult<Option<String>> {
        match self.look(names, is_taken).await {
            Err(PortError {
                class: ErrorClass::NotFound | ErrorClass::Unauthorized | ErrorClass::Rejected, ..
            }) => Ok(None),
            found => found,
        }
    }

    async fn look(&self, names: &[String], is_taken: impl Fn(&str) -> bool) -> PortResult<Option<String>> {
        let wanted: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        for url in self.list().await?.into_iter().rev().filter(|url| !is_taken(url)).take(ORDERS) {
            let order: Order = read(&self.get(&url).await?)?;
            let names: BTreeSet<String> = order.identifiers.into_iter().map(|one| one.value).collect();
            if names == wanted && ["pending", "ready"].contains(&order.status.as_str()) {
                return Ok(Some(url));
            }
        }
        Ok(None)
    }

    /// The URLs of all orders that the CA lists.
    async fn list(&self) -> PortResult<Vec<String>> {
        let payload = json!({"onlyReturnExisting": true});
        let new_account = &self.session.directory.new_account;
        let reply = self.session.post(self.key, Signed::WithKey, new_account, Some(&payload)).await?;
        let (mut page, mut orders) = (read::<Account>(&reply)?.orders, Vec::new());
        for _ in 0..PAGES {
            let Some(url) = page else { break };
            let reply = self.get(&url).await?;
            orders.extend(read::<Page>(&reply)?.orders);
            page = next(&reply);
        }
        Ok(orders)
    }

    async fn get(&self, url: &str) -> PortResult<Reply> {
        self.session.post(self.key, Signed::By(self.account), url, None).await
    }
}

fn read<T: DeserializeOwned>(reply: &Reply) -> PortResult<T> {
    serde_json::from_slice(&reply.body).map_err(|error| {
        PortError::new(
            ErrorClass::Transient,
            format!("what the CA answers about earlier orders cannot be read: {error}"),
        )
    })
}

/// The page after this one (RFC 8288).
fn next(reply: &Reply) -> Option<String> {
    let links = reply.parts.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|value| value.split(',')).find(|link| link.contains("rel=\"next\""))?;
    let (_, rest) = next.split_once('<')?;
    Some(rest.split_once('>')?.0.to_owned())
}
