//! Handles: what a model sees in place of a value.
//!
//! A handle is `@token-` and 16 hex digits. It is random, so nothing about the value can be derived
//! from it, and only this process can resolve it. It belongs to a key in one version of a service,
//! or to an entry in one scan of a file, never to a value: a stable handle would reveal that the
//! value is unchanged.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::core::entries::HiddenValue;
use crate::error::Result;
use crate::random;

/// The prefix of every handle.
pub(super) const MARK: &str = "@token-";
const DIGITS: usize = 16;
/// How many handles are kept before the oldest is dropped. Only their number counts: a limit in
/// bytes would reveal how long the values are.
const MAX_HANDLES: usize = 4096;

/// Where a value came from: a place and a key in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HandleOrigin {
    pub(super) place: HandlePlace,
    /// The key, or the number of the entry in the file.
    pub(super) key: String,
}

/// A place that holds values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HandlePlace {
    /// A version of a service.
    Version { service: String, version: u64 },
    /// A scan of a file.
    File(String),
}

impl HandleOrigin {
    /// The service and the key, if the value came from Vault.
    pub(super) fn in_vault(&self) -> Option<(&str, &str)> {
        match &self.place {
            HandlePlace::Version { service, .. } => Some((service, &self.key)),
            HandlePlace::File(_) => None,
        }
    }

    /// The origin in words, for the person and the audit log.
    pub(super) fn describe(&self) -> String {
        match &self.place {
            HandlePlace::Version { service, version } => {
                format!("{} of {service} (version {version})", self.key)
            }
            HandlePlace::File(file) => format!("{} of the file {file}", self.key),
        }
    }
}

struct Entry {
    value: HiddenValue,
    origin: HandleOrigin,
    made: Instant,
}

/// The handles of this process.
pub(super) struct Handles {
    life: Duration,
    entries: BTreeMap<String, Entry>,
    by_origin: BTreeMap<HandleOrigin, String>,
    order: VecDeque<String>,
}

impl Handles {
    pub(super) fn new(life: Duration) -> Self {
        Self {
            life,
            entries: BTreeMap::new(),
            by_origin: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    /// The handle for a key of one version of a service. Its value cannot change, so the handle is
    /// reused until it expires.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub(super) fn get_or_add(
        &mut self,
        origin: HandleOrigin,
        value: &HiddenValue,
    ) -> Result<String> {
        if let Some(handle) = self.by_origin.get(&origin)
            && let Some(entry) = self.entries.get(handle)
            && entry.made.elapsed() < self.life
        {
            return Ok(handle.clone());
        }
        let handle = self.add(origin.clone(), value)?;
        self.by_origin.insert(origin, handle.clone());
        Ok(handle)
    }

    /// A new handle, even if the origin already has one.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub(super) fn add(&mut self, origin: HandleOrigin, value: &HiddenValue) -> Result<String> {
        let bytes = random::bytes::<{ DIGITS / 2 }>()?;
        let handle = format!("{MARK}{:016x}", u64::from_be_bytes(bytes));
        self.entries.insert(
            handle.clone(),
            Entry {
                value: value.clone(),
                origin,
                made: Instant::now(),
            },
        );
        self.order.push_back(handle.clone());
        self.forget_old();
        Ok(handle)
    }

    /// The value behind a handle and its origin; `None` if the handle is unknown or has expired.
    pub(super) fn value(&self, handle: &str) -> Option<(&HiddenValue, &HandleOrigin)> {
        let entry = self
            .entries
            .get(handle)
            .filter(|entry| entry.made.elapsed() < self.life)?;
        Some((&entry.value, &entry.origin))
    }

    /// Forgets all handles, and overwrites their values in memory.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.by_origin.clear();
        self.order.clear();
    }

    fn forget_old(&mut self) {
        while let Some(oldest) = self.order.front() {
            let gone = match self.entries.get(oldest) {
                None => true,
                Some(entry) => {
                    self.entries.len() > MAX_HANDLES || entry.made.elapsed() >= self.life
                }
            };
            if !gone {
                return;
            }
            if let Some(entry) = self.entries.remove(oldest)
                && self.by_origin.get(&entry.origin) == Some(oldest)
            {
                self.by_origin.remove(&entry.origin);
            }
            self.order.pop_front();
        }
    }
}

/// Whether a text has the form of a handle. The handle may be unknown or expired.
pub(super) fn is_handle(text: &str) -> bool {
    text.strip_prefix(MARK).is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Secret, Value};

    fn origin(key: &str) -> HandleOrigin {
        HandleOrigin {
            place: HandlePlace::Version {
                service: "plex".into(),
                version: 1,
            },
            key: key.into(),
        }
    }

    fn hidden(value: &str) -> HiddenValue {
        HiddenValue::Value(Value::Text(Secret::from(value.to_owned())))
    }

    fn of(handles: &mut Handles, key: &str, value: &str) -> String {
        handles
            .get_or_add(origin(key), &hidden(value))
            .unwrap_or_else(|_| panic!("no handle"))
    }

    #[test]
    fn the_same_origin_keeps_its_handle_and_another_origin_or_scan_gets_a_new_one() {
        let mut handles = Handles::new(Duration::from_secs(60));
        let first = of(&mut handles, "A", "1");
        assert!(is_handle(&first) && !is_handle("@token-xyz") && !is_handle("@token-0"));
        assert_eq!(of(&mut handles, "A", "1"), first);
        let second = of(&mut handles, "B", "1");
        assert_ne!(second, first);
        for _ in 0..1000 {
            of(&mut handles, "A", "1");
        }
        assert_eq!(handles.entries.len(), 2);
        let third = handles.add(origin("A"), &hidden("1")).unwrap_or_default();
        assert!(
            third != first && handles.value(&third).is_some() && handles.value(&first).is_some()
        );
        handles.clear();
        assert!(handles.value(&second).is_none());
    }

    #[test]
    fn a_handle_expires() {
        let mut handles = Handles::new(Duration::ZERO);
        let handle = of(&mut handles, "A", "1");
        assert!(handles.value(&handle).is_none());
        of(&mut handles, "B", "1");
        assert!(handles.entries.len() <= 1);
    }
}
