//! Renewal information (RFC 9773): when the CA asks for a renewal.

use std::time::Duration;

use serde::Deserialize;

use super::session::Session;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::state::facts::RenewalWindow;
use crate::time::Timestamp;
use crate::x509::renewal_id;

/// Time for the answer: a plan asks for many windows and goes by its own schedule where one is late.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenewalInfo {
    suggested_window: Suggested,
}

#[derive(Deserialize)]
struct Suggested {
    start: Timestamp,
    end: Timestamp,
}

/// The window for a certificate (PEM chain). `None` when the CA suggests none, or the certificate cannot be named to it.
pub(super) async fn window(session: &Session, chain: &str) -> PortResult<Option<RenewalWindow>> {
    let Some(base) = &session.directory.renewal_info else { return Ok(None) };
    let id = renewal_id(chain).map_err(|error| PortError::new(ErrorClass::Rejected, error.to_string()))?;
    let Some(id) = id else { return Ok(None) };
    let url = format!("{}/{id}", base.trim_end_matches('/'));
    let reply = session.http.get(&url, LIMIT).await.map_err(|error| session.fault(error))?;
    read(&reply.body, session.http.now()).map(Some)
}

fn read(body: &[u8], heard_at: Timestamp) -> PortResult<RenewalWindow> {
    let broken =
        |why: String| PortError::new(ErrorClass::Transient, format!("the CA's renewal window is broken: {why}"));
    let info: RenewalInfo = serde_json::from_slice(body).map_err(|error| broken(error.to_string()))?;
    let Suggested { start, end } = info.suggested_window;
    if start < end {
        Ok(RenewalWindow { start, end, heard_at })
    } else {
        Err(broken("it ends before it begins".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_or_said_to_be_broken() {
        let check = |body: &str, expected: bool| {
            assert_eq!(read(body.as_bytes(), Timestamp::from_millis(0)).is_ok(), expected, "{body}");
        };
        let window = |start: &str, end: &str| format!(r#"{{"suggestedWindow":{{"start":"{start}","end":"{end}"}}}}"#);
        check(&window("2026-01-02T04:00:00Z", "2026-01-03T04:00:00Z"), true);
        check(&window("2026-01-03T04:00:00Z", "2026-01-02T04:00:00Z"), false);
        check(&window("soon", "later"), false);
        check("{}", false);
        check("<html>", false);
    }
}
