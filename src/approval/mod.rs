//! Asking a person: a question made from a plan, and the ways to get an answer.
//!
//! An [`Approver`] is handed a [`Question`] and gives a [`Proof`] or an error. What is done with
//! a proof is `core::plan`'s business; nothing here can write to Vault.

pub mod pending;
mod terminal;

pub use terminal::AtTerminal;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::secret::Value;

/// How a key changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The service does not have it yet.
    Added,
    /// It gets another value.
    Changed,
    /// It has this value already.
    Unchanged,
}

/// A plan as a person must judge it.
pub struct Question<'a> {
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: &'a str,
    /// The version that would be replaced; 0 when the service is new.
    pub base: u64,
    /// The keys of the request, with their new values.
    pub keys: Vec<(&'a str, Change, &'a Value)>,
    /// How many other keys stay as they are.
    pub untouched: usize,
    /// What in the values deserves a second look.
    pub warnings: &'a [String],
}

/// That somebody entitled said yes, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proof {
    /// `yes` typed at the terminal.
    Typed,
    /// `yes` typed at another terminal of the same person.
    Elsewhere,
    /// The caller took responsibility beforehand (`--no-confirm`).
    NoConfirm,
}

impl Proof {
    /// The word for the audit log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Typed => "typed at the terminal",
            Self::Elsewhere => "typed at another terminal",
            Self::NoConfirm => "--no-confirm",
        }
    }
}

/// Somebody who can be asked.
pub trait Approver {
    /// Shows the question and waits for an answer.
    ///
    /// # Errors
    /// [`crate::error::Error::Declined`], [`crate::error::Error::NoPerson`], or what kept the
    /// question from being asked.
    fn ask(&self, question: &Question<'_>) -> impl Future<Output = Result<Proof>>;
}
