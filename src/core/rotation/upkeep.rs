//! Changes the owner and the rotation intervals of a service.

use jiff::{SignedDuration, Timestamp};

use super::{AFTER, FROM, OWNER};
use crate::error::{Error, Result};
use crate::names::{Key, printable, short};
use crate::vault::CustomMetadata;

/// Vault's limits for custom metadata: number of pairs, bytes of a name, bytes of a value.
const MAX_PAIRS: usize = 64;
const MAX_NAME: usize = 128;
const MAX_TEXT: usize = 512;

/// A rotation interval such as `90d`. The units are `s`, `m`, `h`, `d` and `w`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interval {
    pub(super) text: String,
    pub(super) length: SignedDuration,
}

impl std::str::FromStr for Interval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid(
                "that is not a valid interval",
                "--rotate-after 90d   (units: s, m, h, d, w; none removes the interval)",
            )
        };
        let split = text.len().saturating_sub(1);
        let (number, unit) = text.split_at_checked(split).ok_or_else(refuse)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return Err(refuse()),
        };
        let number = number
            .parse::<u32>()
            .ok()
            .filter(|number| *number > 0 && !text.starts_with('+'))
            .ok_or_else(refuse)?;
        // The maximum of a hundred years is long enough and prevents overflows.
        let length = i64::from(number)
            .checked_mul(seconds)
            .filter(|length| *length <= 36_525 * 86_400)
            .ok_or_else(refuse)?;
        Ok(Self {
            text: text.to_owned(),
            length: SignedDuration::from_secs(length),
        })
    }
}

/// The argument of `--rotate-after`: an interval, or `none`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RotateAfter(Option<Interval>);

impl std::str::FromStr for RotateAfter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "none" {
            Ok(Self(None))
        } else {
            text.parse().map(|interval| Self(Some(interval)))
        }
    }
}

/// The name of an owner; empty to remove the owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner(String);

impl Owner {
    /// Sets or removes the owner. Returns a description if that is a change.
    fn apply(&self, custom: &mut CustomMetadata) -> Option<String> {
        let changed = match self.0.as_str() {
            "" => custom.remove(OWNER).is_some(),
            name => custom.insert(OWNER.to_owned(), name.to_owned()).as_deref() != Some(name),
        };
        changed.then(|| match self.0.as_str() {
            "" => "owner: none".to_owned(),
            name => format!("owner: {}", short(name)),
        })
    }
}

impl std::str::FromStr for Owner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MAX_TEXT || printable(text, false) != text {
            return Err(Error::invalid(
                "the owner may have at most 512 bytes and no control characters",
                "--owner alice",
            ));
        }
        Ok(Self(text.trim().to_owned()))
    }
}

/// Changes to the metadata of a service.
#[derive(Clone, Default, clap::Args)]
pub struct Upkeep {
    /// Rotate the named keys (or all keys of the service) at least this often, such as 90d or 12w;
    /// none removes the interval
    #[arg(long, value_name = "INTERVAL")]
    pub rotate_after: Option<RotateAfter>,
    /// The person to ask about the service; empty removes it
    #[arg(long, value_name = "NAME")]
    pub owner: Option<Owner>,
}

impl Upkeep {
    /// Whether there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rotate_after.is_none() && self.owner.is_none()
    }

    /// The custom metadata after the change, and a description of each change. An interval applies
    /// to `keys`, or to the whole service if there are none.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the result exceeds Vault's limits.
    pub fn applied(
        &self,
        before: &CustomMetadata,
        keys: &[&Key],
    ) -> Result<(CustomMetadata, Vec<String>)> {
        let mut after = before.clone();
        let mut words = Vec::new();
        if let Some(owner) = &self.owner {
            words.extend(owner.apply(&mut after));
        }
        if let Some(RotateAfter(interval)) = &self.rotate_after {
            let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            for suffix in suffixes(keys) {
                words.extend(rotate(&mut after, &suffix, interval.as_ref(), &now)?);
            }
        }
        if words.is_empty() {
            return Ok((before.clone(), words));
        }
        if after.len() > MAX_PAIRS {
            return Err(Error::invalid(
                "Vault stores at most 64 metadata entries per service, and this would exceed them",
                "set one interval for all keys: claude-vault set SERVICE --rotate-after 90d",
            ));
        }
        Ok((after, words))
    }
}

/// The suffixes of the metadata names: an empty one for the whole service, else one `.KEY` for each
/// key.
fn suffixes(keys: &[&Key]) -> Vec<String> {
    if keys.is_empty() {
        vec![String::new()]
    } else {
        keys.iter().map(|key| format!(".{key}")).collect()
    }
}

/// Sets or removes one interval, from the time `now` on. Returns a description if that is a change.
fn rotate(
    custom: &mut CustomMetadata,
    suffix: &str,
    interval: Option<&Interval>,
    now: &str,
) -> Result<Option<String>> {
    let (name, from) = (format!("{AFTER}{suffix}"), format!("{FROM}{suffix}"));
    if name.len() > MAX_NAME {
        return Err(Error::invalid(
            "the key's name is too long for an interval of its own",
            "set one for the whole service: claude-vault set SERVICE --rotate-after 90d",
        ));
    }
    let what = suffix.strip_prefix('.').unwrap_or("every key");
    let Some(interval) = interval else {
        custom.remove(&from);
        let was_there = custom.remove(&name).is_some();
        return Ok(was_there.then(|| format!("rotate {what}: never")));
    };
    let is_same = custom
        .insert(name, interval.text.clone())
        .is_some_and(|old| old == interval.text);
    // Setting the same interval for all keys again changes nothing, so `rotate_from` must stay.
    if !is_same || !suffix.is_empty() {
        custom.insert(from, now.to_owned());
    }
    Ok(if !is_same {
        Some(format!("rotate {what} after {}", interval.text))
    } else if !suffix.is_empty() {
        Some(format!("rotate {what} after {} from now on", interval.text))
    } else {
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naming_the_same_interval_for_all_keys_again_does_not_restart_it() {
        let Ok(interval) = "90d".parse::<Interval>() else {
            panic!("refused")
        };
        let mut custom = CustomMetadata::new();
        assert!(matches!(
            rotate(&mut custom, "", Some(&interval), "then"),
            Ok(Some(_))
        ));
        assert!(matches!(
            rotate(&mut custom, "", Some(&interval), "now"),
            Ok(None)
        ));
        assert_eq!(custom.get(FROM).map(String::as_str), Some("then"));
    }

    #[test]
    fn an_interval_is_a_number_and_a_unit() {
        for (text, seconds) in [
            ("90d", 7_776_000),
            ("1s", 1),
            ("12w", 7_257_600),
            ("2h", 7200),
            ("3m", 180),
        ] {
            assert_eq!(
                text.parse::<Interval>()
                    .map(|interval| interval.length.as_secs())
                    .ok(),
                Some(seconds)
            );
        }
        for bad in [
            "",
            "d",
            "90",
            "0d",
            "-1d",
            "+1d",
            "90 d",
            "1.5d",
            "90D",
            "99999999w",
            "ü",
            "9ü",
            "none",
        ] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
        assert_eq!("none".parse::<RotateAfter>().ok(), Some(RotateAfter(None)));
    }

    #[test]
    fn foreign_metadata_is_kept_and_existing_settings_are_not_changes() {
        let before = CustomMetadata::from([
            ("team".to_owned(), "x".to_owned()),
            (OWNER.to_owned(), "bob".to_owned()),
        ]);
        let upkeep = |owner: &str, after: &str| Upkeep {
            owner: owner.parse().ok(),
            rotate_after: after.parse().ok(),
        };
        let Ok((after, words)) = upkeep("alice", "90d").applied(&before, &[]) else {
            panic!("refused")
        };
        assert_eq!(words, ["owner: alice", "rotate every key after 90d"]);
        assert_eq!(
            (
                after["team"].as_str(),
                after["owner"].as_str(),
                after["rotate_after"].as_str()
            ),
            ("x", "alice", "90d")
        );
        let Ok((same, words)) = upkeep("alice", "90d").applied(&after, &[]) else {
            panic!("refused")
        };
        assert!(words.is_empty() && same == after);
        let Ok((gone, words)) = upkeep("", "none").applied(&after, &[]) else {
            panic!("refused")
        };
        assert_eq!((words.len(), gone.len()), (2, 1));
    }
}
