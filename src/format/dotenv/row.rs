//! What the program knows of one dialect: a row of the table in [`super`].

use super::Dialect;
use super::collect::Outside;
use super::parse::Escapes;
use super::reading::Reading;
use super::write::{Reason, Way};

/// A dialect. Every field must be said; a test holds each row to it.
pub(super) struct Row {
    /// Its value in [`Dialect`].
    pub(super) dialect: Dialect,
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// Who reads it, for the help.
    pub(super) help: &'static str,
    /// Its reader, as a person calls it in a sentence.
    pub(super) reader: &'static str,
    /// The files beside a `.env` that its reader is guessed from.
    pub(super) neighbours: &'static [Sign],
    /// Whether a portable file must serve it.
    pub(super) is_portable: bool,
    /// Whether it takes what stands behind the `=` as it is, quotes included.
    pub(super) is_raw: bool,
    /// Its reader in the versions that are in use, the newest first.
    pub(super) versions: &'static [Version],
    /// Old generations that what we write must serve too, though files are not read as they read
    /// them.
    pub(super) older: &'static [Version],
    /// Generations that nobody maintains: served wherever a way to write serves them as well.
    pub(super) retired: &'static [Version],
    /// How far the versions must agree when a file is read.
    pub(super) agreement: Agreement,
    /// The ways to write a value, the plainest first.
    pub(super) ways: &'static [Way],
    /// Lines below a value that must be read in spite of its quotes.
    pub(super) below: &'static [&'static str],
    /// Where quotes end, when that is in doubt: what its reader does, then what others do.
    pub(super) escapes: [Escapes; 4],
    /// Why a value cannot be written.
    pub(super) reason: fn(&str) -> Reason,
}

impl Row {
    /// The versions whose reading of this text counts.
    pub(super) fn versions_for(&self, text: &str) -> impl Iterator<Item = &'static Version> {
        self.versions
            .iter()
            .filter(move |version| version.matters(text))
    }

    /// Every version that this text must be written for.
    pub(super) fn written_for(&self, text: &str) -> impl Iterator<Item = &'static Version> {
        self.versions_for(text).chain(
            self.older
                .iter()
                .filter(move |version| version.matters(text)),
        )
    }
}

/// A file that shows which program reads the `.env` beside it.
pub(super) enum Sign {
    /// This name.
    Named(&'static str),
    /// A name with this end, and something before it.
    Ending(&'static str),
}

impl Sign {
    pub(super) fn fits(&self, name: &str) -> bool {
        match self {
            Self::Named(own) => name == *own,
            Self::Ending(end) => name.len() > end.len() && name.ends_with(end),
        }
    }
}

/// One reader, or one generation of it.
pub(super) struct Version {
    /// As a person knows it.
    pub(super) name: &'static str,
    /// What it makes of a file.
    pub(super) read: fn(&str, Outside<'_>) -> Reading,
    /// It can only differ from the newest where one of these stands in the file; nothing: anywhere.
    pub(super) only_with: &'static [&'static str],
}

impl Version {
    /// Whether it may read this text differently from the newest version.
    fn matters(&self, text: &str) -> bool {
        self.only_with.is_empty() || self.only_with.iter().any(|part| text.contains(part))
    }
}

/// Which versions must read a line alike.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// All of them.
    Every,
    /// Those that can read the line at all: the file's reader is not known.
    WhoeverReads,
}
