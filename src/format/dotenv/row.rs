//! The description of one dialect: a row of the table in [`super`].

use super::Dialect;
use super::beside::Sign;
use super::collect::Outside;
use super::parse::Escapes;
use super::reading::Reading;
use super::write::{Quoting, Reason};

/// One dialect. Every field must be filled in, which a test checks.
pub(super) struct DialectRow {
    /// The variant of [`Dialect`].
    pub(super) dialect: Dialect,
    /// The name on the command line.
    pub(super) name: &'static str,
    /// The description of the reader in the command-line help.
    pub(super) help: &'static str,
    /// The reader's name within a sentence.
    pub(super) reader: &'static str,
    /// Files next to a `.env` that point to this reader.
    pub(super) neighbours: &'static [Sign],
    /// Whether this is a variant of another dialect: the same program in another version or mode.
    /// Warnings name the main dialect only.
    pub(super) is_variant: bool,
    /// Whether a portable file must work for this reader.
    pub(super) is_portable: bool,
    /// Whether the reader takes everything after the `=` literally, including quotes.
    pub(super) is_raw: bool,
    /// The versions of the reader that are in use, the newest first.
    pub(super) versions: &'static [ReaderVersion],
    /// Old versions that must be able to read what we write. They do not affect how we read a file.
    pub(super) older: &'static [ReaderVersion],
    /// Unmaintained versions. We prefer a way to write that they can read too.
    pub(super) retired: &'static [ReaderVersion],
    /// Which versions must agree on a line when a file is read.
    pub(super) agreement: Agreement,
    /// The ways to write a value, the plainest first.
    pub(super) ways: &'static [Quoting],
    /// Lines that must still be read correctly below a value with quotes in it.
    pub(super) below: &'static [&'static str],
    /// How to find the end of quotes if there is more than one candidate: this reader's rule first,
    /// then the rules of others.
    pub(super) escapes: [Escapes; 4],
    /// The reason why this value cannot be written.
    pub(super) reason: fn(&str) -> Reason,
}

impl DialectRow {
    /// The versions to read this text with: the newest, and those that may read it differently.
    pub(super) fn versions_for(&self, text: &str) -> impl Iterator<Item = &'static ReaderVersion> {
        self.versions
            .iter()
            .filter(move |version| version.matters(text))
    }

    /// The versions that must read this text back after it was written.
    pub(super) fn written_for(&self, text: &str) -> impl Iterator<Item = &'static ReaderVersion> {
        self.versions_for(text).chain(
            self.older
                .iter()
                .filter(move |version| version.matters(text)),
        )
    }
}

/// One version, or range of versions, of a reader.
pub(super) struct ReaderVersion {
    /// The name in messages.
    pub(super) name: &'static str,
    /// Parses a file like this version.
    pub(super) read: fn(&str, Outside<'_>) -> Reading,
    /// This version can differ from the newest only if the file contains one of these texts. Empty:
    /// it can always differ.
    pub(super) only_with: &'static [&'static str],
}

impl ReaderVersion {
    /// Whether this version may read this text differently from the newest one.
    fn matters(&self, text: &str) -> bool {
        self.only_with.is_empty() || self.only_with.iter().any(|part| text.contains(part))
    }
}

/// Which versions must read a line the same way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// All of them.
    Every,
    /// Those that can read the line at all. For a file whose reader is unknown.
    AbleReaders,
}
