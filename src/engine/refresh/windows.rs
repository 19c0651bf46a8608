//! Asks CAs for the windows in which they want certificates renewed (RFC 9773).

use std::collections::BTreeMap;
use std::future::Future;

use futures_util::{StreamExt as _, stream};

use crate::address::Address;
use crate::engine::progress::{News, Progress};
use crate::ports::providers::Providers;
use crate::state::facts::{Facts, RenewalWindow};
use crate::state::{Record, State};
use crate::time::{Duration, Timestamp};

/// A CA is asked again for its window after this long (RFC 9773 section 4.3 leaves it to the client between answers).
const HEARD_AGAIN: Duration = Duration::from_millis(6 * 3_600_000);
/// How long all CAs together may take to say their windows: a plan does not wait for a slow one.
const WINDOWS_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// The windows in which CAs ask for a renewal now, of certificates past half of their life; what a CA says of younger
/// ones is heard by the scheduler. Best effort: whatever is not heard in time stays as it was heard before. Of each that is
/// asked for `progress` hears when that begins, and when the CA has answered or is not waited for any longer.
pub async fn windows(
    state: &State,
    providers: &dyn Providers,
    now: Timestamp,
    parallelism: usize,
    progress: &dyn Progress,
) -> BTreeMap<Address, RenewalWindow> {
    let asked = state.records.values().filter(|record| is_due_for_asking(record, now));
    let asked = asked
        .map(|record| async move { Some((record.address.clone(), window(state, record, providers, progress).await?)) });
    let heard = stream::iter(asked).buffer_unordered(parallelism.max(1)).filter_map(|one| async move { one });
    within(WINDOWS_WITHIN, heard).await
}

fn is_due_for_asking(record: &Record, now: Timestamp) -> bool {
    let Facts::Certificate(facts) = &record.facts else { return false };
    let Some(current) = facts.current() else { return false };
    let life = current.not_after.since(current.not_before).millis();
    let heard = facts.window.is_some_and(|window| now.since(window.heard_at) < HEARD_AGAIN);
    !heard && now.since(current.not_before).millis() > life / 2
}

async fn window(
    state: &State,
    record: &Record,
    providers: &dyn Providers,
    progress: &dyn Progress,
) -> Option<RenewalWindow> {
    let Facts::Certificate(facts) = &record.facts else { return None };
    let issuer: Address = record.spec.as_ref()?.get("issuer")?.get("$ref")?.as_str()?.parse().ok()?;
    let issuer = state.records.get(&issuer).filter(|issuer| matches!(issuer.facts, Facts::Account(_)))?;
    let _looking = Looking::begin(&record.address, progress);
    providers.issuer(issuer).await.ok()?.renewal_window(facts.current()?).await.ok()?
}

/// Tells that a look has begun, and when dropped that it is over: one that takes too long is dropped where it stands.
struct Looking<'a> {
    address: &'a Address,
    progress: &'a dyn Progress,
}

impl<'a> Looking<'a> {
    fn begin(address: &'a Address, progress: &'a dyn Progress) -> Self {
        progress.tell(&News::Looking(address));
        Self { address, progress }
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.progress.tell(&News::Looked(self.address));
    }
}

/// Everything a stream yields until the time is up.
async fn within<K: Ord, V>(
    limit: std::time::Duration,
    items: impl futures_util::Stream<Item = (K, V)>,
) -> BTreeMap<K, V> {
    let mut found = BTreeMap::new();
    let mut items = std::pin::pin!(items);
    let all = async {
        while let Some((key, value)) = items.next().await {
            found.insert(key, value);
        }
    };
    timeout(limit, all).await;
    found
}

async fn timeout(limit: std::time::Duration, work: impl Future<Output = ()>) {
    // Running out of time is one of the two good ends here.
    let _ = tokio::time::timeout(limit, work).await;
}
