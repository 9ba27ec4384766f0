//! Asking a person: a question made from a plan, and the ways to get an answer.
//!
//! An [`Approver`] is handed a [`Question`] and gives an [`Approval`] or an error. What is done
//! with it is `core::plan`'s business; nothing here can write to Vault. How strongly a person must
//! prove to be one is a [`Strength`]: the strongest that is set up, and no less than the user
//! config asks.

mod access;
pub mod page;
pub mod passkey;
pub mod pending;
mod socket;
mod store;

pub use socket::{Socket, Waiting, listen, waiting};
pub use store::{Passkey, Passkeys};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::Strength;
use crate::error::{Error, Result};
use crate::secret::{Secret, Value};

/// What is asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// A new version in Vault.
    Write,
    /// A file with the values.
    Inject,
    /// The values, in clear.
    Show,
    /// A service at another path.
    Copy,
    /// The same, and the old one is deleted.
    Rename,
    /// A version is marked as deleted.
    Delete,
    /// The mark of a deletion is taken away.
    Undelete,
    /// Values are destroyed for good.
    Destroy,
}

impl Asked {
    /// The word for the audit log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Inject => "inject",
            Self::Show => "show",
            Self::Copy => "copy",
            Self::Rename => "rename",
            Self::Delete => "delete",
            Self::Undelete => "undelete",
            Self::Destroy => "destroy",
        }
    }

    /// What is done, for a person; `base` is the version that it is done to.
    #[must_use]
    pub fn verb(self, base: u64) -> &'static str {
        match self {
            Self::Write if base == 0 => "create",
            Self::Write => "update",
            Self::Inject => "write the file",
            Self::Show => "show the assistant the values of",
            Self::Copy => "copy",
            Self::Rename => "rename",
            Self::Delete => "delete",
            Self::Undelete => "undelete",
            Self::Destroy => "destroy for good",
        }
    }
}

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
    /// It goes.
    Removed,
}

impl Change {
    /// The word for a person.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "new",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
        }
    }
}

/// A plan as a person must judge it.
pub struct Question<'a> {
    /// What would be done.
    pub asked: Asked,
    /// The service's name.
    pub service: &'a str,
    /// `MOUNT/PREFIX/SERVICE`, or the file.
    pub path: &'a str,
    /// The version that would be replaced; 0 when the service is new.
    pub base: u64,
    /// The keys of the request, with their new values; without one, the person types it.
    pub keys: Vec<(&'a str, Change, Option<&'a Value>)>,
    /// How many other keys stay as they are.
    pub untouched: usize,
    /// What changes in the service's custom metadata.
    pub metadata: &'a [String],
    /// What deserves a second look.
    pub warnings: &'a [String],
    /// The files that would be written, as the person sees them.
    pub files: &'a [FilePreview],
    /// Why the change cannot be made. The person is shown this and can only close the page.
    pub obstacle: Option<&'a str>,
}

/// A file that would be written. Its text is shown whole, with values masked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FilePreview {
    /// The path below the root.
    pub path: String,
    /// The whole text with each value replaced by a mask of fixed length.
    pub masked_text: String,
    /// What happens to the file that is there now, in words of ours.
    pub note: String,
}

/// A token for one write, from a login that approved one plan.
#[derive(Clone)]
pub struct WriteToken {
    /// The token.
    pub token: Secret,
    /// Whose login it was.
    pub user: String,
}

/// That somebody entitled said yes, and how.
#[derive(Clone)]
pub enum Proof {
    /// `yes` typed at the terminal.
    Typed,
    /// `yes` typed at another terminal of the same person.
    Elsewhere,
    /// `yes` typed on the page.
    Page,
    /// This passkey.
    Passkey(String),
    /// A login for the role that may write.
    StepUp(WriteToken),
    /// The caller took responsibility beforehand (`--no-confirm`).
    NoConfirm,
}

impl Proof {
    /// How strong it is.
    #[must_use]
    pub fn strength(&self) -> Strength {
        match self {
            Self::Typed | Self::Elsewhere | Self::Page | Self::NoConfirm => Strength::Typed,
            Self::Passkey(_) => Strength::Passkey,
            Self::StepUp(_) => Strength::StepUp,
        }
    }

    /// The words for the audit log.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Typed => "typed at the terminal".into(),
            Self::Elsewhere => "typed at another terminal".into(),
            Self::Page => "typed on the page".into(),
            Self::Passkey(name) => format!("passkey {name}"),
            Self::StepUp(token) => format!("step-up as {}", token.user),
            Self::NoConfirm => "--no-confirm".into(),
        }
    }
}

/// A yes.
pub struct Approval {
    /// How it was proved.
    pub proof: Proof,
    /// The values that the person typed, by key.
    pub typed: BTreeMap<String, Secret>,
}

impl From<Proof> for Approval {
    fn from(proof: Proof) -> Self {
        Self {
            proof,
            typed: BTreeMap::new(),
        }
    }
}

/// What became of an approved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "stage", content = "detail")]
pub enum Outcome {
    /// It is this version now; 0 for what has none.
    Done(u64),
    /// Somebody else wrote first: it is asked about anew.
    Conflict,
    /// Nothing was done, for this reason.
    Failed(String),
    /// It cannot be told whether it was done, for this reason.
    Unknown(String),
}

/// Somebody who can be asked.
pub trait Approver {
    /// Shows the question and waits for an answer.
    ///
    /// # Errors
    /// [`Error::Declined`], [`Error::NoPerson`], or what kept the question from being asked.
    fn ask(&self, question: &Question<'_>) -> impl Future<Output = Result<Approval>>;

    /// Hears what became of it.
    fn ended(&self, _outcome: &Outcome) {}
}

/// For what asks nobody, as a dry run.
pub struct Nobody;

impl Approver for Nobody {
    async fn ask(&self, _: &Question<'_>) -> Result<Approval> {
        Err(Error::NoPerson {
            question: "is the change to be written?",
            hint: "run it in a terminal of your own",
        })
    }
}

/// A login that only approves: for a role that may write, at the person's identity provider.
pub trait StepUp: Send + Sync {
    /// Begins a login that stands for the plan of this digest. `goes` is called once with where the
    /// person signs in; afterwards the browser is sent to `back`.
    fn sign_in(
        &self,
        digest: String,
        service: String,
        back: Url,
        goes: Box<dyn FnOnce(Url) + Send>,
    ) -> Later<'_, Result<WriteToken>>;

    /// Takes back a token that nobody waits for any more.
    fn give_back(&self, token: WriteToken) -> Later<'_, ()>;
}

/// What an object-safe trait gives in place of an `async fn`.
pub type Later<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How strongly a person must prove to be one here.
///
/// # Errors
/// [`Error::Invalid`] when the config demands more than is set up, or the passkeys were changed by
/// something else.
pub fn required(
    minimum: Option<Strength>,
    write_role: Option<&str>,
    passkeys: &Passkeys,
) -> Result<Strength> {
    let strongest = if write_role.is_some() {
        Strength::StepUp
    } else if passkeys.load()?.is_empty() {
        Strength::Typed
    } else {
        Strength::Passkey
    };
    let minimum = minimum.unwrap_or_default();
    if strongest >= minimum {
        return Ok(strongest);
    }
    let hint = match minimum {
        Strength::StepUp => "set write_role in the config to a Vault role that may write",
        _ => "claude-vault approve enroll laptop   (in a terminal of your own)",
    };
    Err(Error::invalid(
        format!(
            "your config demands approval by {}, which is not set up",
            minimum.word()
        ),
        hint,
    ))
}
