//! Making links, and finding what is wrong with those that are there.

use super::{Append, Head, Sealed};
use crate::digest::{Digest, canonical_json, framed};
use crate::state::Event;

/// The two HMAC functions: whoever can seal links cannot seal heads. Neither key is seen here.
pub struct Macs<'a> {
    /// With the key of links.
    pub link: &'a dyn Fn(&[u8]) -> Digest,
    /// With the key of heads.
    pub head: &'a dyn Fn(&[u8]) -> Digest,
}

/// What is wrong with a chain, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{chain}, entry {sequence}: {flaw}")]
pub struct Finding {
    /// The chain.
    pub chain: String,
    /// The first sequence number that is not as it should be.
    pub sequence: u64,
    /// What is wrong there.
    pub flaw: Flaw,
}

/// Kinds of damage. An honest store shows none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The link's MAC does not fit its content and its place.
    #[error("it was edited, or sealed with another key")]
    Edited,
    /// The link is not there, and a later one is.
    #[error("it is missing, and later entries are there")]
    Gap,
    /// A link stands here that stood before already, or out of order.
    #[error("an earlier entry stands here again")]
    Repeated,
    /// A link of another chain stands here.
    #[error("an entry of another chain stands here")]
    Swapped,
    /// The chain ends before its head says.
    #[error("it and what follows was cut off: the chain's sealed head says that it was there")]
    CutTail,
    /// The chain goes on after its head.
    #[error("it lies beyond the chain's sealed head: an older head was put back, or links were added without right")]
    OldHead,
    /// The head's seal does not fit.
    #[error("the chain's head is forged")]
    ForgedHead,
    /// There are links and no head.
    #[error("the chain's head is missing")]
    MissingHead,
    /// The head, or a checkpoint, was sealed over another link than the one that stands here.
    #[error("another entry stood here: the history was rewritten with the right key")]
    Rewritten,
    /// Nothing is left of a chain that is known to have been there.
    #[error("the whole chain is gone")]
    Vanished,
}

impl Finding {
    /// That in this chain, from this sequence number on.
    pub fn new(chain: &str, sequence: u64, flaw: Flaw) -> Self {
        Self { chain: chain.to_owned(), sequence, flaw }
    }
}

/// The entry that a chain holds for an event: its canonical JSON.
///
/// # Errors
/// When a time lies outside the calendar.
pub fn entry(event: &Event) -> Result<String, serde_json::Error> {
    canonical_json(event)
}

fn link_mac(macs: &Macs<'_>, chain: &str, sequence: u64, previous: &str, entry: &str) -> String {
    let place = sequence.to_string();
    (macs.link)(&framed(&["cap timeline link v1", chain, &place, previous, entry])).to_string()
}

fn head_seal(macs: &Macs<'_>, chain: &str, sequence: u64, mac: &str) -> String {
    (macs.head)(&framed(&["cap timeline head v1", chain, &sequence.to_string(), mac])).to_string()
}

/// Links for `entries` after `before` (absent for a new chain), and the head afterwards. `None` when there is no entry.
#[must_use]
pub fn append(macs: &Macs<'_>, chain: &str, before: Option<&Head>, entries: &[String]) -> Option<Append> {
    let (mut sequence, mut mac) = before.map_or((0, String::new()), |head| (head.sequence, head.mac.clone()));
    let mut links = Vec::with_capacity(entries.len());
    for entry in entries {
        sequence += 1;
        mac = link_mac(macs, chain, sequence, &mac, entry);
        links.push(Sealed { chain: chain.to_owned(), sequence, entry: entry.clone(), mac: mac.clone() });
    }
    let seal = head_seal(macs, chain, sequence, &mac);
    let after = Head { chain: chain.to_owned(), sequence, mac, seal };
    (!links.is_empty()).then(|| Append { links, before: before.cloned(), after })
}

/// Checks a whole chain, links in the order of their sequence numbers, against its head. A chain of which nothing is there
/// is fine here: whoever knows that it was there reports [`Flaw::Vanished`].
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(macs: &Macs<'_>, chain: &str, links: &[Sealed], head: Option<&Head>) -> Result<(), Finding> {
    verify_between(macs, chain, links, head, head)
}

/// Likewise, when the chain may have grown while it was read: its head was read before the links, and again after them.
/// The links go on from the one and end where the other says, or before.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify_between(
    macs: &Macs<'_>,
    chain: &str,
    links: &[Sealed],
    before: Option<&Head>,
    after: Option<&Head>,
) -> Result<(), Finding> {
    let mut previous = "";
    for (expected, link) in (1..).zip(links) {
        check_link(macs, chain, expected, previous, link).map_err(|flaw| Finding::new(chain, expected, flaw))?;
        previous = &link.mac;
    }
    let last = links.len() as u64;
    if let Some(before) = before.filter(|before| Some(*before) != after) {
        let held = &links[..links.len().min(before.sequence as usize)];
        check_head(macs, chain, held.len() as u64, held.last().map_or("", |link| &link.mac), before)?;
    }
    match after {
        None if links.is_empty() => Ok(()),
        None => Err(Finding::new(chain, last, Flaw::MissingHead)),
        // What follows was written after the links had been read, if the head was another one before.
        Some(after) if before != Some(after) && after.sequence > last => check_seal(macs, chain, after),
        Some(after) => check_head(macs, chain, last, previous, after),
    }
}

fn check_link(macs: &Macs<'_>, chain: &str, expected: u64, previous: &str, link: &Sealed) -> Result<(), Flaw> {
    if link.chain != chain {
        return Err(Flaw::Swapped);
    }
    match link.sequence.cmp(&expected) {
        std::cmp::Ordering::Greater => Err(Flaw::Gap),
        std::cmp::Ordering::Less => Err(Flaw::Repeated),
        std::cmp::Ordering::Equal if link_mac(macs, chain, expected, previous, &link.entry) == link.mac => Ok(()),
        std::cmp::Ordering::Equal => Err(Flaw::Edited),
    }
}

/// Checks that a head was sealed with the right key, for this chain: nothing is added behind one that was not.
///
/// # Errors
/// When it was forged.
pub fn check_seal(macs: &Macs<'_>, chain: &str, head: &Head) -> Result<(), Finding> {
    let genuine = head.chain == chain && head_seal(macs, chain, head.sequence, &head.mac) == head.seal;
    if genuine { Ok(()) } else { Err(Finding::new(chain, head.sequence, Flaw::ForgedHead)) }
}

fn check_head(macs: &Macs<'_>, chain: &str, last: u64, mac: &str, head: &Head) -> Result<(), Finding> {
    check_seal(macs, chain, head)?;
    let finding = |sequence, flaw| Err(Finding::new(chain, sequence, flaw));
    match head.sequence.cmp(&last) {
        std::cmp::Ordering::Greater => finding(last + 1, Flaw::CutTail),
        std::cmp::Ordering::Less => finding(head.sequence + 1, Flaw::OldHead),
        std::cmp::Ordering::Equal if head.mac == mac => Ok(()),
        std::cmp::Ordering::Equal => finding(last, Flaw::Rewritten),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Keys for tests: a digest over the key and the message is enough to tell messages apart.
    pub fn with_keys<T>(link: &str, head: &str, run: impl FnOnce(&Macs<'_>) -> T) -> T {
        let keyed = |key: &str, message: &[u8]| Digest::of([key.as_bytes(), message].concat());
        run(&Macs { link: &|message| keyed(link, message), head: &|message| keyed(head, message) })
    }

    /// Chains of four links each and their heads, and the heads when they had two links.
    pub struct Made {
        pub links: Vec<Sealed>,
        pub head: Head,
        pub old_head: Head,
    }

    pub fn make(chain: &str) -> Made {
        let entries = |numbers: [u8; 2]| numbers.map(|number| format!("{{\"entry\":{number}}}"));
        with_keys("link", "head", |macs| {
            let first = append(macs, chain, None, &entries([1, 2])).expect("links");
            let second = append(macs, chain, Some(&first.after), &entries([3, 4])).expect("links");
            assert_eq!(second.before.as_ref(), Some(&first.after));
            Made { links: [first.links, second.links].concat(), head: second.after, old_head: first.after }
        })
    }

    fn check(change: impl FnOnce(&mut Made), expected: Result<(), (u64, Flaw)>) {
        let mut made = make("a");
        change(&mut made);
        let found = with_keys("link", "head", |macs| verify(macs, "a", &made.links, Some(&made.head)));
        assert_eq!(found, expected.map_err(|(sequence, flaw)| Finding::new("a", sequence, flaw)));
    }

    #[test]
    fn an_honest_chain_is_fine() {
        check(|_| {}, Ok(()));
        with_keys("link", "head", |macs| {
            assert_eq!(verify(macs, "new", &[], None), Ok(()));
            assert_eq!(append(macs, "new", None, &[]), None);
        });
    }

    #[test]
    fn what_was_done_to_links_is_found_where_it_begins() {
        check(|made| made.links[1].entry = "{}".to_owned(), Err((2, Flaw::Edited)));
        check(|made| made.links[3].mac.replace_range(0..1, "x"), Err((4, Flaw::Edited)));
        check(|made| drop(made.links.remove(1)), Err((2, Flaw::Gap)));
        check(|made| drop(made.links.remove(0)), Err((1, Flaw::Gap)));
        check(|made| drop(made.links.pop()), Err((4, Flaw::CutTail)));
        check(|made| made.links.clear(), Err((1, Flaw::CutTail)));
        check(|made| made.links.insert(1, made.links[0].clone()), Err((2, Flaw::Repeated)));
        check(|made| made.links.swap(1, 2), Err((2, Flaw::Gap)));
        check(|made| made.links[2] = make("b").links[2].clone(), Err((3, Flaw::Swapped)));
    }

    #[test]
    fn numbering_links_anew_does_not_hide_what_was_done() {
        let renumber = |made: &mut Made| {
            (1..).zip(&mut made.links).for_each(|(sequence, link)| {
                link.sequence = sequence;
                link.chain = "a".to_owned();
            });
        };
        check(|made| (made.links.swap(1, 2), renumber(made)).1, Err((2, Flaw::Edited)));
        check(|made| (made.links.remove(1), renumber(made)).1, Err((2, Flaw::Edited)));
        check(|made| (made.links[2] = make("b").links[2].clone(), renumber(made)).1, Err((3, Flaw::Edited)));
    }

    #[test]
    fn what_was_done_to_the_head_is_found() {
        check(|made| made.head = made.old_head.clone(), Err((3, Flaw::OldHead)));
        check(|made| made.head = make("b").head, Err((4, Flaw::ForgedHead)));
        check(|made| made.head.sequence = 3, Err((3, Flaw::ForgedHead)));
        // An old head hides a cut tail only from who has no checkpoint; it does not hide half a cut.
        check(|made| (made.links.truncate(3), made.head = made.old_head.clone()).1, Err((3, Flaw::OldHead)));
        let made = make("a");
        let without = with_keys("link", "head", |macs| verify(macs, "a", &made.links, None));
        assert_eq!(without, Err(Finding::new("a", 4, Flaw::MissingHead)));
    }

    /// The chain when it had this many links, judged by heads that were read around them.
    fn between(count: usize, heads: [Option<&Head>; 2], expected: Result<(), (u64, Flaw)>) {
        let made = make("a");
        let judge = |macs: &Macs<'_>| verify_between(macs, "a", &made.links[..count], heads[0], heads[1]);
        let found = with_keys("link", "head", judge);
        assert_eq!(found, expected.map_err(|(sequence, flaw)| Finding::new("a", sequence, flaw)), "{count} {heads:?}");
    }

    #[test]
    fn a_chain_may_grow_while_it_is_read() {
        let Made { head, old_head: old, .. } = make("a");
        let forged = Head { seal: "forged".to_owned(), ..head.clone() };
        for count in 2..=4 {
            between(count, [Some(&old), Some(&head)], Ok(()));
            between(count, [None, Some(&head)], Ok(()));
            between(count, [Some(&old), Some(&forged)], Err((4, Flaw::ForgedHead)));
        }
        between(0, [None, Some(&head)], Ok(()));
        between(1, [Some(&old), Some(&head)], Err((2, Flaw::CutTail)));
        between(3, [Some(&head), Some(&head)], Err((4, Flaw::CutTail)));
        // The end went back: nobody's honest writing does that.
        between(4, [Some(&head), Some(&old)], Err((3, Flaw::OldHead)));
        between(4, [Some(&head), None], Err((4, Flaw::MissingHead)));
    }

    #[test]
    fn other_keys_fit_nothing() {
        let made = make("a");
        let found = |link, head| with_keys(link, head, |macs| verify(macs, "a", &made.links, Some(&made.head)));
        assert_eq!(found("other", "head"), Err(Finding::new("a", 1, Flaw::Edited)));
        assert_eq!(found("link", "other"), Err(Finding::new("a", 4, Flaw::ForgedHead)));
        // Whoever has the key of links rewrites them, and the head still tells.
        let rewritten = with_keys("link", "other", |macs| {
            append(macs, "a", None, &["1", "2", "3", "4"].map(str::to_owned)).expect("links").links
        });
        let found = with_keys("link", "head", |macs| verify(macs, "a", &rewritten, Some(&made.head)));
        assert_eq!(found, Err(Finding::new("a", 4, Flaw::Rewritten)));
    }
}
