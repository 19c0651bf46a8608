//! When a certificate is due: a pure decision over its validity, its settings, the CA's suggestion and the time.
//!
//! The CA's window (RFC 9773) comes first, then the time that the user asked for, then a share of the certificate's life.
//! A stable splay keeps certificates that were issued together from being renewed together; no randomness is needed, so
//! that planning again says the same.

use crate::address::Address;
use crate::digest::Digest;
use crate::state::Spec;
use crate::state::facts::{CertificateFacts, CertificateVersion, RenewalWindow};
use crate::time::{Duration, Timestamp};

/// Lifetimes under this are short: half of them is left at renewal, instead of a third.
const SHORT_LIVED: Duration = Duration::from_days(10);

/// Nobody needs more time than this before the end, unless it is asked for.
const AT_MOST: Duration = Duration::from_days(30);

/// What a certificate says about its renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether it is renewed at all.
    pub auto_renew: bool,
    /// Time left at which it is renewed, where one was asked for.
    pub renew_before: Option<Duration>,
}

/// When a certificate's renewal begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// From when on it is due.
    pub at: Timestamp,
    /// Whether the CA asked for it.
    pub suggested: bool,
}

impl Settings {
    /// Those in a certificate's spec, whose shapes were checked when it was planned.
    pub fn of(spec: &Spec) -> Self {
        let before = spec.get("renew_before").and_then(serde_json::Value::as_str);
        Self {
            auto_renew: spec.get("auto_renew").and_then(serde_json::Value::as_bool).unwrap_or(true),
            renew_before: before.and_then(|text| text.parse().ok()),
        }
    }
}

/// When the renewal of the current version begins; `None` when there is no version, or it is not to be renewed.
pub fn opening(address: &Address, facts: &CertificateFacts, settings: Settings) -> Option<Opening> {
    let version = facts.current().filter(|_| settings.auto_renew)?;
    let splay = Splay::of(address, version);
    Some(match facts.window {
        Some(window) => Opening { at: within(window, splay), suggested: true },
        None => Opening { at: before_end(version, settings.renew_before, splay), suggested: false },
    })
}

/// The opening, if it has come.
pub fn due(address: &Address, facts: &CertificateFacts, settings: Settings, now: Timestamp) -> Option<Opening> {
    opening(address, facts, settings).filter(|opening| opening.at <= now)
}

/// A point of the CA's window, the same each time for one version (RFC 9773 section 4.2 asks for a uniform choice).
fn within(window: RenewalWindow, splay: Splay) -> Timestamp {
    window.start + splay.part_of(window.end.since(window.start))
}

fn before_end(version: &CertificateVersion, asked: Option<Duration>, splay: Splay) -> Timestamp {
    let life = version.not_after.since(version.not_before);
    // A CA may give less than was hoped for; a window as long as the life would renew without end.
    if let Some(asked) = asked.filter(|asked| *asked < life) {
        return version.not_after - asked;
    }
    let share = if life < SHORT_LIVED { 2 } else { 3 };
    let left = Duration::from_millis(life.millis() / share).min(AT_MOST);
    version.not_after - left + splay.part_of(Duration::from_millis(left.millis() / 10))
}

/// A number that one version of one certificate always has.
#[derive(Clone, Copy)]
struct Splay(u32);

impl Splay {
    fn of(address: &Address, version: &CertificateVersion) -> Self {
        let [a, b, c, d, ..] = Digest::of(format!("{address} {}", version.fingerprint)).0;
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    /// A share of a length of time, from nothing to just under the whole.
    fn part_of(self, whole: Duration) -> Duration {
        let share = (i128::from(whole.millis().max(0)) * i128::from(self.0)) >> 32;
        Duration::from_millis(share as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUED: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn facts(life: Duration, serial: u32) -> CertificateFacts {
        let version = CertificateVersion {
            number: 1,
            fingerprint: Digest::of(serial.to_be_bytes()),
            spki: Digest::of("key"),
            serial: serial.to_string(),
            issuer: "CN=Test".to_owned(),
            issuer_id: None,
            not_before: ISSUED,
            not_after: ISSUED + life,
            names: Vec::new(),
            chain: String::new(),
            key: None,
            issued_at: ISSUED,
        };
        CertificateFacts { versions: vec![version], ..CertificateFacts::default() }
    }

    fn opens(facts: &CertificateFacts, renew_before: Option<&str>) -> Duration {
        let renew_before = renew_before.map(|text| text.parse().expect("a length"));
        let address = "certificate.www".parse().expect("an address");
        let opening = opening(&address, facts, Settings { auto_renew: true, renew_before }).expect("a version");
        opening.at.since(ISSUED)
    }

    /// A life, what was asked for, and the days from issue between which the window opens.
    fn check(life: i64, asked: Option<&str>, earliest: i64, latest: f64) {
        let opens = opens(&facts(Duration::from_days(life), 1), asked).millis() as f64 / 86_400_000.0;
        assert!(opens >= earliest as f64 && opens <= latest, "{life} days: opens after {opens} days");
    }

    #[test]
    fn a_share_of_life_is_left() {
        check(90, None, 60, 63.0);
        check(45, None, 30, 31.5);
        check(6, None, 3, 3.3);
        check(365, None, 335, 338.0);
        check(90, Some("40d"), 50, 50.0);
        check(365, Some("60d"), 305, 305.0);
        check(6, Some("10d"), 3, 3.3);
    }

    #[test]
    fn the_splay_is_stable_and_spreads() {
        let all: std::collections::BTreeSet<Duration> =
            (0..20).map(|serial| opens(&facts(Duration::from_days(90), serial), None)).collect();
        assert_eq!(all.len(), 20);
        assert_eq!(opens(&facts(Duration::from_days(90), 7), None), opens(&facts(Duration::from_days(90), 7), None));
    }

    #[test]
    fn the_ca_is_heard_first() {
        let mut facts = facts(Duration::from_days(90), 1);
        let (start, end) = (ISSUED + Duration::from_days(10), ISSUED + Duration::from_days(12));
        facts.window = Some(RenewalWindow { start, end, heard_at: ISSUED });
        let address = "certificate.www".parse().expect("an address");
        let settings = Settings { auto_renew: true, renew_before: Some(Duration::from_days(5)) };
        let heard = opening(&address, &facts, settings).expect("a version");
        assert!(heard.suggested && heard.at >= start && heard.at < end);
        assert_eq!(due(&address, &facts, settings, start - Duration::from_millis(1)), None);
        assert_eq!(due(&address, &facts, settings, end), Some(heard));
        assert_eq!(due(&address, &facts, Settings { auto_renew: false, ..settings }, end), None);
    }
}
