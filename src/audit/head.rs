//! The end of the log, recorded in the private state folder. With the log alone, lines could be
//! removed from its end unnoticed. With this record, a change of the log goes unnoticed only if the
//! attacker can also write to the state folder.

use std::fs::{File, OpenOptions};
use std::io::{Error, Result};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::chain::{Link, text_of};
use crate::private;

/// The recorded end of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// The link of the last line.
    pub(super) link: Link,
    /// The number of chained lines; `None` in a head that version 2.0.0 wrote.
    pub(super) count: Option<u64>,
    /// The number of the first file of the chain; files before it belong to an older chain.
    pub(super) first: u64,
    /// The link of a line that is being written. After a crash, the line may or may not be in the
    /// log.
    pub(super) next: Option<Link>,
}

impl Head {
    /// Reads the head; `None` if the file does not exist or is not a head.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut words = text.split_ascii_whitespace();
        let link = link_of(words.next()?)?;
        let Some(count) = words.next() else {
            return Some(Self {
                link,
                count: None,
                first: 1,
                next: None,
            });
        };
        let (count, first) = (count.parse().ok()?, words.next()?.parse().ok()?);
        let next = match words.next()? {
            "-" => None,
            next => Some(link_of(next)?),
        };
        Some(Self {
            link,
            count: Some(count),
            first,
            next,
        })
    }

    /// Overwrites the previous head. Returns the file so that the caller can sync it.
    pub(super) fn write(&self, path: &Path) -> Result<File> {
        let next = self.next.as_ref().map_or_else(|| "-".to_owned(), text_of);
        let text = format!(
            "{} {} {} {next}\n",
            text_of(&self.link),
            self.count.unwrap_or(0),
            self.first
        );
        let named = |error: Error| {
            Error::new(
                error.kind(),
                format!("its end cannot be recorded in {}: {error}", path.display()),
            )
        };
        if let Some(folder) = path.parent() {
            private::create_folder(folder).map_err(named)?;
        }
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(named)?;
        file.write_all_at(text.as_bytes(), 0).map_err(named)?;
        file.set_len(text.len() as u64).map_err(named)?;
        Ok(file)
    }
}

fn link_of(word: &str) -> Option<Link> {
    let link: Link = word.as_bytes().try_into().ok()?;
    link.iter().all(u8::is_ascii_hexdigit).then_some(link)
}
