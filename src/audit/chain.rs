//! The hash chain that links each line of the audit log to the previous one: pure functions on
//! bytes.

use sha2::{Digest, Sha256};

use super::head::Head;
use crate::random;

/// The separator between a line's text and its link.
pub(super) const CHAIN: &str = " CHAIN=";
const HASH_LENGTH: usize = 64;

/// A link of the chain: SHA-256 in lower-case hex.
pub(super) type Link = [u8; HASH_LENGTH];

/// The state of reading the lines of all files of a log in order.
pub(super) struct ChainWalk {
    links: Vec<Link>,
    /// The number of lines before the first chained one; `before` is their hash.
    unchained: usize,
    before: Sha256,
    broken: Option<Broken>,
    /// The last line read, as shown to a person.
    last: String,
}

/// The first line whose link does not follow from the previous line.
struct Broken {
    place: String,
    /// Its text and link; `None` for a line without a link.
    line: Option<(Vec<u8>, Link)>,
}

/// The numbers of lines in an intact log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Counted {
    pub(super) lines: usize,
    pub(super) unchained: usize,
}

impl ChainWalk {
    pub(super) fn new() -> Self {
        Self {
            links: Vec::new(),
            unchained: 0,
            before: Sha256::new(),
            broken: None,
            last: "the first line".to_owned(),
        }
    }

    /// Reads the lines of the next file; messages call the file `name`.
    pub(super) fn read(&mut self, name: &str, text: &[u8]) {
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            let is_whole = line.ends_with(b"\n");
            let bare = line.strip_suffix(b"\n").unwrap_or(line);
            match split_link(bare).filter(|_| is_whole) {
                Some((text, link)) => {
                    let before = self
                        .links
                        .last()
                        .copied()
                        .unwrap_or_else(|| hex(&self.before.clone().finalize()));
                    if self.broken.is_none() && next_link(&before, text) != link {
                        self.broken = Some(Broken {
                            place: place(number, name),
                            line: Some((text.to_vec(), link)),
                        });
                    }
                    self.links.push(link);
                }
                None if self.links.is_empty() && self.broken.is_none() => {
                    self.unchained += 1;
                    self.before.update(String::from_utf8_lossy(line).as_bytes());
                }
                None => drop(self.broken.get_or_insert(Broken {
                    place: place(number, name),
                    line: None,
                })),
            }
            self.last = place(number, name);
        }
    }

    /// The last link and the number of links.
    pub(super) fn end(&self) -> (Link, u64) {
        let link = self
            .links
            .last()
            .copied()
            .unwrap_or_else(|| hex(&self.before.clone().finalize()));
        (link, self.links.len() as u64)
    }

    /// Checks that the chain is unbroken and ends as recorded in `head`. The error describes the
    /// damage for a person.
    pub(super) fn check(&self, head: Option<&Head>) -> Result<Counted, String> {
        let counted = Counted {
            lines: self.links.len(),
            unchained: self.unchained,
        };
        if let Some(broken) = &self.broken {
            return Err(self.explain(broken, head));
        }
        let Some(head) = head else { return Ok(counted) };
        let (last, count) = self.end();
        let is_end = |link: &Link| {
            *link == last || (count == 0 && self.unchained == 0 && *link == hash_of_unchained(b""))
        };
        if is_end(&head.link) || head.next.as_ref().is_some_and(is_end) {
            return Ok(counted);
        }
        let recorded = head.count;
        Err(
            match (
                self.links.iter().position(|link| *link == head.link),
                recorded,
            ) {
                (Some(at), _) => format!(
                    "{} at its end, up to {}, {} not written by this program",
                    lines(count - 1 - at as u64),
                    self.last,
                    was(count - 1 - at as u64)
                ),
                (None, Some(recorded)) if count == 0 => {
                    format!("it is gone: {} missing", are(recorded))
                }
                (None, Some(recorded)) if recorded > count => {
                    format!(
                        "the last {} missing, after {}",
                        are(recorded - count),
                        self.last
                    )
                }
                (None, Some(recorded)) if recorded == count => {
                    format!(
                        "{} was edited: it differs from the last line that this program wrote",
                        self.last
                    )
                }
                (None, Some(_)) => {
                    format!(
                        "it was replaced: {} differs from the last line that this program wrote",
                        self.last
                    )
                }
                (None, None) => format!("lines after {} are missing, or it was edited", self.last),
            },
        )
    }

    fn explain(&self, broken: &Broken, head: Option<&Head>) -> String {
        let place = &broken.place;
        let Some((text, link)) = &broken.line else {
            return format!("{place} has no chain hash: it was edited or added by hand");
        };
        let count = self.links.len() as u64;
        match head.and_then(|head| head.count) {
            Some(recorded) if recorded > count => {
                format!("{} missing before {place}", are(recorded - count))
            }
            Some(recorded) if recorded < count => format!("{place} was added"),
            Some(_)
                if self
                    .links
                    .iter()
                    .any(|before| next_link(before, text) == *link) =>
            {
                format!("{place} was moved")
            }
            Some(_) if self.unchained > 0 && self.links.first() == Some(link) => {
                format!(
                    "{place}, or one of the {} before it, was edited",
                    lines(self.unchained as u64)
                )
            }
            Some(_) => format!("{place} was edited"),
            None => format!(
                "{place} does not follow from the previous line: a line was edited, removed, added \
                 or moved"
            ),
        }
    }
}

fn place(number: usize, name: &str) -> String {
    format!("line {number} of {name}")
}

fn lines(count: u64) -> String {
    if count == 1 {
        "1 line".to_owned()
    } else {
        format!("{count} lines")
    }
}

fn are(count: u64) -> String {
    if count == 1 {
        "1 line is".to_owned()
    } else {
        format!("{count} lines are")
    }
}

fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// Splits a line into its text and its link; `None` if it has no link.
pub(super) fn split_link(line: &[u8]) -> Option<(&[u8], Link)> {
    let (rest, link) = line.split_last_chunk::<HASH_LENGTH>()?;
    let text = rest.strip_suffix(CHAIN.as_bytes())?;
    link.iter()
        .all(u8::is_ascii_hexdigit)
        .then_some((text, *link))
}

/// The link of a line with this text that follows a line with the link `previous`.
pub(super) fn next_link(previous: &Link, text: &[u8]) -> Link {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(b"\n");
    hash.update(text);
    hex(&hash.finalize())
}

/// The link that the first chained line follows: a hash of everything before it, so that those
/// lines cannot change unnoticed.
pub(super) fn hash_of_unchained(before: &[u8]) -> Link {
    hex(&Sha256::digest(before))
}

pub(super) fn hex(hash: &[u8]) -> Link {
    let mut text = [b'0'; HASH_LENGTH];
    text.copy_from_slice(random::hex(hash).as_bytes());
    text
}

/// A link as text.
pub(super) fn text_of(link: &Link) -> String {
    link.iter().map(|byte| char::from(*byte)).collect()
}
