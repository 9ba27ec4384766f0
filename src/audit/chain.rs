//! The chain that ties each line of the audit log to the one before: pure functions over text.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::Verified;

/// What stands between a line's text and its chain.
pub(super) const CHAIN: &str = " CHAIN=";
const HASH_LENGTH: usize = 64;

/// Checks every line; the error names the first that does not hold.
pub(super) fn check(text: &str, head: Option<&str>) -> std::result::Result<Verified, String> {
    let mut verified = Verified { path: PathBuf::new(), lines: 0, unchained: 0 };
    let mut previous: Option<String> = None;
    let mut offset = 0;
    let mut head_seen = head.is_none();
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let Some((body, chain)) = split_chain(line.trim_end_matches('\n')) else {
            if previous.is_some() {
                return Err(format!("line {number} has no chain: it was edited or added by hand"));
            }
            verified.unchained += 1;
            offset += line.len();
            continue;
        };
        let before = previous.unwrap_or_else(|| seal(&text.as_bytes()[..offset]));
        if link(&before, body) != chain {
            return Err(format!("line {number} does not follow from the one before: a line was edited, removed, added or moved"));
        }
        head_seen |= head == Some(chain);
        verified.lines += 1;
        previous = Some(chain.to_owned());
        offset += line.len();
    }
    if head_seen { Ok(verified) } else { Err("lines at its end are missing".into()) }
}

/// The part that is chained, and the chain.
pub(super) fn split_chain(line: &str) -> Option<(&str, &str)> {
    let (text, chain) = line.rsplit_once(CHAIN)?;
    (chain.len() == HASH_LENGTH && chain.bytes().all(|b| b.is_ascii_hexdigit())).then_some((text, chain))
}

pub(super) fn link(previous: &str, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(previous.as_bytes());
    hash.update(b"\n");
    hash.update(text.as_bytes());
    hex(&hash.finalize())
}

/// What the first chained line follows: everything before it, so that it cannot change unnoticed.
pub(super) fn seal(before: &[u8]) -> String {
    hex(&Sha256::digest(String::from_utf8_lossy(before).as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
