//! A parsed line of the log, for filters and to find out who wrote a version.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

/// An event in the log.
#[derive(Serialize, Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The time of the event, in UTC, to the second.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// The local user, with the person in Vault before it if known: `person (user)`.
    pub user: String,
    /// The word after `ACTION=`.
    pub action: String,
    /// The service; empty if the event concerns none.
    pub service: String,
    /// Names, versions and the outcome.
    pub details: String,
}

fn as_text<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// The end of the details when a version was written; the version number follows.
pub(crate) const WROTE: &str = "; wrote version ";

impl Event {
    /// Parses a line, with or without its link; `None` if it is not an event.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (time, rest) = line.strip_prefix('[')?.split_once(" UTC] USER=")?;
        let (user, rest) = rest.split_once(" ACTION=")?;
        let (action, rest) = rest.split_once(" SERVICE=")?;
        let (service, details) = rest.split_once(" DETAILS=")?;
        // Equals signs in fields are escaped, so this can only be the line's own link.
        let details = details
            .split_once(super::chain::CHAIN)
            .map_or(details, |(details, _)| details);
        let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", time)
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()?
            .timestamp();
        let text = |field: &str| {
            if field == "-" {
                String::new()
            } else {
                field.to_owned()
            }
        };
        Some(Self {
            time,
            user: text(user),
            action: text(action),
            service: text(service),
            details: text(details),
        })
    }

    /// The version that this event wrote, if any. Names from other sources are in quotes, so a name
    /// cannot imitate this ending.
    fn written(&self) -> Option<u64> {
        let is_write = self.action == "SUCCESS";
        self.details
            .rsplit_once(WROTE)
            .filter(|_| is_write)
            .and_then(|(_, version)| version.parse().ok())
    }

    /// Whether this event wrote this version of this service at about this time. The clocks may
    /// differ by five minutes.
    pub(super) fn wrote(&self, service: &str, version: u64, created: Timestamp) -> bool {
        const CLOCKS: i64 = 300; // seconds
        let apart = self
            .time
            .as_second()
            .saturating_sub(created.as_second())
            .abs();
        self.service == service && self.written() == Some(version) && apart <= CLOCKS
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const LINE: &str = "[2026-01-31 10:35:00 UTC] USER=oidc-eve (eve) ACTION=SUCCESS SERVICE=a/b \
        DETAILS=keys: A, B; wrote version 7";

    #[test]
    fn a_line_is_parsed_with_and_without_its_link() {
        let event = Event::parse(LINE).unwrap();
        assert_eq!(
            (event.user.as_str(), event.service.as_str(), event.written()),
            ("oidc-eve (eve)", "a/b", Some(7))
        );
        assert_eq!(
            Event::parse(&format!("{LINE} CHAIN={}", "0".repeat(64))),
            Some(event)
        );
        assert_eq!(Event::parse(&LINE.replace("a/b", "-")).unwrap().service, "");
        for none in ["", "[", "hello", &LINE[..30]] {
            assert_eq!(Event::parse(none), None);
        }
    }

    #[test]
    fn the_writer_of_a_version_is_matched_by_service_number_and_time() {
        let event = Event::parse(LINE).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(event.wrote("a/b", 7, at("2026-01-31T10:35:02.123Z")));
        assert!(
            !event.wrote("a/b", 7, at("2026-01-31T12:35:02Z"))
                && !event.wrote("a/b", 8, at("2026-01-31T10:35:02Z"))
        );
        assert!(!event.wrote("b", 7, at("2026-01-31T10:35:02Z")));
        for other in [
            "undelete version 7",
            "keys: A; version 7",
            "delete version 2; keys: A, \"Z; wrote version 7\"",
        ] {
            let line = LINE.replace("keys: A, B; wrote version 7", other);
            assert!(
                !Event::parse(&line)
                    .unwrap()
                    .wrote("a/b", 7, at("2026-01-31T10:35:02Z")),
                "{other}"
            );
        }
    }
}
