//! Handles: what a model sees in place of a value.
//!
//! A handle is `@token-` and 16 hex digits: random, so that nothing of the value can be derived
//! from it, and known to this process only. A key of one version of a service keeps its handle, so
//! that asking again does not fill the memory; values that a model could compare with guesses of its
//! own, as in a file that it may write, get a new one each time.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::secret::Secret;

/// What a handle starts with.
pub(super) const MARK: &str = "@token-";
const DIGITS: usize = 16;
/// More than these are not kept; the oldest goes.
const MOST: usize = 20_000;

/// Where a value came from: a service or a file, and its key.
pub(super) type Origin = (String, String);

struct Entry {
    secret: Secret,
    origin: Origin,
    made: Instant,
}

/// The handles of this process.
pub(super) struct Handles {
    life: Duration,
    entries: BTreeMap<String, Entry>,
    by_origin: BTreeMap<Origin, String>,
    order: VecDeque<String>,
}

impl Handles {
    pub(super) fn new(life: Duration) -> Self {
        Self { life, entries: BTreeMap::new(), by_origin: BTreeMap::new(), order: VecDeque::new() }
    }

    /// The handle of a value that its origin determines: a key of one version of a service.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub(super) fn of(&mut self, origin: Origin, secret: &Secret) -> Result<String> {
        if let Some(handle) = self.by_origin.get(&origin)
            && let Some(entry) = self.entries.get(handle)
            && entry.made.elapsed() < self.life
        {
            return Ok(handle.clone());
        }
        let handle = self.add(origin.clone(), secret)?;
        self.by_origin.insert(origin, handle.clone());
        Ok(handle)
    }

    /// A new handle.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub(super) fn add(&mut self, origin: Origin, secret: &Secret) -> Result<String> {
        let mut bytes = [0_u8; DIGITS / 2];
        getrandom::fill(&mut bytes).map_err(|_| Error::invalid("the operating system gives no random numbers", "try again"))?;
        let handle = format!("{MARK}{:016x}", u64::from_be_bytes(bytes));
        self.entries.insert(handle.clone(), Entry { secret: secret.clone(), origin, made: Instant::now() });
        self.order.push_back(handle.clone());
        self.forget_old();
        Ok(handle)
    }

    /// The value behind a handle, while it lives.
    pub(super) fn value(&self, handle: &str) -> Option<&Secret> {
        self.entries.get(handle).filter(|entry| entry.made.elapsed() < self.life).map(|entry| &entry.secret)
    }

    /// Forgets all of them, and overwrites the values.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.by_origin.clear();
        self.order.clear();
    }

    fn forget_old(&mut self) {
        while let Some(oldest) = self.order.front() {
            let gone = match self.entries.get(oldest) {
                None => true,
                Some(entry) => self.entries.len() > MOST || entry.made.elapsed() >= self.life,
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

/// Whether a text has the form of a handle, alive or not.
pub(super) fn is_handle(text: &str) -> bool {
    text.strip_prefix(MARK).is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// All that starts like a handle in a longer text, alive or not.
pub(super) fn handles_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(MARK).map(|(start, _)| text.get(start..start + MARK.len() + DIGITS).unwrap_or(MARK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(key: &str) -> Origin {
        ("plex".into(), key.into())
    }

    fn of(handles: &mut Handles, key: &str, value: &str) -> String {
        handles.of(origin(key), &Secret::from(value.to_owned())).unwrap_or_else(|_| panic!("no handle"))
    }

    #[test]
    fn what_is_the_same_by_its_origin_keeps_its_handle_and_anything_else_gets_a_new_one() {
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
        let third = handles.add(origin("A"), &Secret::from("1".to_owned())).unwrap_or_default();
        assert!(third != first && handles.value(&third).is_some() && handles.value(&first).is_some());
        handles.clear();
        assert!(handles.value(&second).is_none());
    }

    #[test]
    fn a_handle_dies_with_its_time() {
        let mut handles = Handles::new(Duration::ZERO);
        let handle = of(&mut handles, "A", "1");
        assert!(handles.value(&handle).is_none());
        of(&mut handles, "B", "1");
        assert!(handles.entries.len() <= 1);
    }
}
