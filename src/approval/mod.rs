//! Asks a person to approve a plan.
//!
//! An [`Approver`] gets a [`Question`] made from the plan, and returns an [`Approval`] or an error.
//! `core::plan` acts on the answer; nothing here can write to Vault. The strongest kind of proof
//! that is set up is required (see [`required`]). The user config can demand a minimum
//! [`Strength`].

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

/// The operation that the person is asked to approve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Write a new version in Vault.
    Write,
    /// Write a file with the values.
    Inject,
    /// Show the values to the assistant, in clear text.
    Show,
    /// Copy a service to another path.
    Copy,
    /// Copy a service to another path, and delete the old one.
    Rename,
    /// Mark a version as deleted.
    Delete,
    /// Remove the deletion mark from a version.
    Undelete,
    /// Destroy values permanently.
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

    /// The verb for a person. `base` is [`Question::base`].
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
            Self::Destroy => "destroy permanently",
        }
    }
}

/// How a key changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The service does not have the key yet.
    Added,
    /// The key gets another value.
    Changed,
    /// The key has this value already.
    Unchanged,
    /// The key is removed.
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

/// A plan in the form that a person judges.
pub struct Question<'a> {
    /// The operation.
    pub asked: Asked,
    /// The service's name.
    pub service: &'a str,
    /// `MOUNT/PREFIX/SERVICE`, or the file.
    pub path: &'a str,
    /// The version that the operation replaces, deletes or restores; 0 if there is none.
    pub base: u64,
    /// The keys of the request, each with its new value. In a write, the person types a missing
    /// value unless the key is removed.
    pub keys: Vec<(&'a str, Change, Option<&'a Value>)>,
    /// How many other keys stay as they are.
    pub untouched: usize,
    /// The changes in the service's custom metadata.
    pub metadata: &'a [String],
    /// Points that deserve a second look.
    pub warnings: &'a [String],
    /// The files that would be written, as the person sees them.
    pub files: &'a [FilePreview],
    /// Why the change cannot be made, if it cannot. The person sees the reason and can only close
    /// the question.
    pub obstacle: Option<&'a str>,
}

/// A file that would be written. Its text is shown whole, with values masked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FilePreview {
    /// The path below the root.
    pub path: String,
    /// The whole text with each value replaced by a mask of fixed length.
    pub masked_text: String,
    /// What happens to the existing file, in this program's own words.
    pub note: String,
}

/// A token for one write, from a login that approved one plan.
#[derive(Clone)]
pub struct WriteToken {
    /// The Vault token.
    pub token: Secret,
    /// The user who logged in.
    pub user: String,
}

/// How an entitled person proved the approval.
#[derive(Clone)]
pub enum Proof {
    /// `yes` typed at the terminal.
    Typed,
    /// `yes` typed at another terminal of the same person.
    Elsewhere,
    /// `yes` typed on the page.
    Page,
    /// A signature by the passkey of this name.
    Passkey(String),
    /// A login for the Vault role that may write.
    StepUp(WriteToken),
    /// The caller approved in advance (`--no-confirm`).
    NoConfirm,
}

impl Proof {
    /// How strong the proof is.
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

/// A person's approval.
pub struct Approval {
    /// How the approval was proved.
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

/// The outcome of an approved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "stage", content = "detail")]
pub enum Outcome {
    /// Done, with this as the current version; 0 if the operation has no version.
    Done(u64),
    /// Someone else wrote first, so the person is asked again.
    Conflict,
    /// Nothing was done, for this reason.
    Failed(String),
    /// It is unknown whether it was done, for this reason.
    Unknown(String),
}

/// A way to ask a person.
pub trait Approver {
    /// Shows the question and waits for an answer.
    ///
    /// # Errors
    /// [`Error::Declined`], [`Error::NoPerson`], or the error that kept the question from being
    /// asked.
    fn ask(&self, question: &Question<'_>) -> impl Future<Output = Result<Approval>>;

    /// Called with the final outcome.
    fn finished(&self, _outcome: &Outcome) {}
}

/// Refuses every question: for an operation that must not need an answer, such as a dry run.
pub struct NoApprover;

impl Approver for NoApprover {
    async fn ask(&self, _: &Question<'_>) -> Result<Approval> {
        Err(Error::NoPerson {
            question: "is the change to be written?",
            hint: "run it in a terminal of your own",
        })
    }
}

/// A login that only serves to approve a plan: at the person's identity provider, for a Vault role
/// that may write.
pub trait StepUp: Send + Sync {
    /// Begins a login that approves the plan with this digest. `on_address` is called once with the
    /// address where the person signs in. After the login, the browser is sent to `back`.
    fn sign_in(
        &self,
        digest: String,
        service: String,
        back: Url,
        on_address: Box<dyn FnOnce(Url) + Send>,
    ) -> BoxFuture<'_, Result<WriteToken>>;

    /// Revokes a token that no plan waits for any more.
    fn revoke(&self, token: WriteToken) -> BoxFuture<'_, ()>;
}

/// The return type of an object-safe trait method, in place of an `async fn`.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The strength of proof that an approval needs with these settings.
///
/// # Errors
/// [`Error::Invalid`] if the config demands a stronger proof than is set up, or if something else
/// changed the passkeys.
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
        Strength::Typed | Strength::Passkey => {
            "claude-vault approve enroll laptop   (in a terminal of your own)"
        }
    };
    Err(Error::invalid(
        format!(
            "your config demands approval by {}, which is not set up",
            minimum.word()
        ),
        hint,
    ))
}
