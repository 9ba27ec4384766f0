//! What a model is told when a call fails: a code, a fixed sentence and what to do next. No message
//! of an error is repeated: it may hold a path, a server's words, or a name out of a file.

use super::public::{Handle, InSentence, Sentence};
use crate::error::Error;

/// A failed call.
pub(super) struct Refusal {
    code: &'static str,
    what: Sentence,
    next: Sentence,
    /// The reason in full, for the person alone.
    for_person: Option<String>,
}

impl Refusal {
    /// With fixed sentences.
    pub(super) fn new(code: &'static str, what: &'static str, next: &'static str) -> Self {
        Self {
            code,
            what: Sentence::fixed(what),
            next: Sentence::fixed(next),
            for_person: None,
        }
    }

    /// An argument that is wrong by its form alone.
    pub(super) fn argument(
        what: &'static str,
        names: &[&dyn InSentence],
        next: &'static str,
    ) -> Self {
        Self {
            code: "invalid_arguments",
            what: Sentence::about(what, names),
            next: Sentence::fixed(next),
            for_person: None,
        }
    }

    /// Something that the rules for models do not allow.
    pub(super) fn not_allowed(what: &'static str, next: &'static str) -> Self {
        Self::new("not_allowed", what, next)
    }

    /// A change that waits for the person. `token` is what to come back with, where one is needed.
    pub(super) fn approval_pending(tool: &'static str, token: Option<&Handle>) -> Self {
        let code = "approval_pending";
        let what = Sentence::fixed("the user has not answered yet");
        const LOOK: &str = "ask the user to look at the page that opened in their browser (without a browser: in a terminal of \
                            their own, claude-vault approve pending), then call ";
        let next = match token {
            Some(token) => Sentence::about(
                "{}{} again with the same arguments and approval_token: {}",
                &[&LOOK, &tool, token],
            ),
            None => Sentence::about("{}{} again with the same arguments", &[&LOOK, &tool]),
        };
        Self {
            code,
            what,
            next,
            for_person: None,
        }
    }

    /// The reason in full, for the person alone: it may tell what a model must not learn.
    pub(super) fn take_reason(&mut self) -> Option<String> {
        self.for_person.take()
    }

    /// `code: what is wrong. Next: what to do.`
    pub(super) fn text(&self) -> String {
        format!(
            "{}: {}. Next: {}.",
            self.code,
            self.what.as_str(),
            self.next.as_str()
        )
    }
}

const ASK_THE_USER: &str =
    "ask the user to run claude-vault doctor in a terminal, which shows what is wrong";

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        let (code, what, next) = match error {
            Error::Invalid { .. } => (
                "invalid_arguments",
                "the arguments, the settings or a file of the project cannot be used",
                "check the arguments; the user sees the reason with claude-vault approve pending, \
                 in a terminal",
            ),
            Error::NoAddress => (
                "invalid_arguments",
                "no Vault address is set",
                "ask the user to set VAULT_ADDR for this server",
            ),
            Error::NoSession => (
                "login_required",
                "there is no session",
                "call vault_login: the user signs in in the browser",
            ),
            Error::SessionExpired => (
                "login_required",
                "the session has expired or was revoked",
                "call vault_login: the user signs in in the browser",
            ),
            Error::OtherVault { .. } => (
                "login_required",
                "the inherited session is for another Vault than the one that is configured",
                "call vault_login: the user signs in in the browser",
            ),
            Error::LoginFailed { .. } | Error::LoginTimeout { .. } | Error::NotRenewed { .. } => (
                "login_required",
                "the login did not succeed",
                "to try again, call vault_login; the user sees the reason with claude-vault \
                 approve pending, in a terminal",
            ),
            Error::Forbidden { .. } => (
                "forbidden",
                "Vault's policy forbids this",
                "tell the user that the session's policies do not allow it; claude-vault status \
                 shows them",
            ),
            Error::NotFound { .. } => (
                "not_found",
                "there is no such service, key, version or file",
                "vault_list shows what there is",
            ),
            Error::Deleted { .. } => (
                "not_found",
                "that version was deleted",
                "vault_history shows the versions; the user can bring it back with claude-vault \
                 undelete",
            ),
            Error::InTheWay { .. } | Error::Conflict { .. } => (
                "conflict",
                "it was changed by someone else in the meantime",
                "look at it again, then call again if it is still wanted",
            ),
            Error::OutcomeUnknown { .. } => (
                "vault_unreachable",
                "the connection broke, and Vault cannot say whether the change was made",
                "call vault_list for the service to see its version",
            ),
            Error::KvVersion1 { .. } => (
                "invalid_arguments",
                "the mount is KV version 1; version 2 is needed",
                ASK_THE_USER,
            ),
            Error::Sealed { .. } => (
                "vault_sealed",
                "Vault is sealed",
                "tell the user that Vault must be unsealed",
            ),
            Error::Unreachable { .. } | Error::BadReply { .. } | Error::Server { .. } => (
                "vault_unreachable",
                "Vault does not answer as it should",
                ASK_THE_USER,
            ),
            Error::Certificate { .. }
            | Error::WrongScheme { .. }
            | Error::InsecureHttp { .. }
            | Error::ForeignRedirect { .. } => (
                "vault_unreachable",
                "the connection to Vault is not safe to use",
                ASK_THE_USER,
            ),
            Error::Declined => (
                "approval_denied",
                "the user did not approve it",
                "ask the user what they want instead; do not try again unasked",
            ),
            Error::NoPerson { .. } | Error::UnderAgent { .. } => (
                "not_allowed",
                "no person can be asked here",
                "ask the user to do it in a terminal of their own",
            ),
            Error::ApprovalPending { .. } => (
                "approval_pending",
                "the user has not answered yet",
                "call again with the same arguments",
            ),
            Error::ApprovalExpired => (
                "approval_expired",
                "nobody approved the change in time",
                "call again without approval_token if the user still wants it",
            ),
            Error::ApprovalUnknown => (
                "approval_expired",
                "no change waits under this approval_token",
                "vault_list shows the service as it is now; call again without approval_token if \
                 it still is to be changed",
            ),
            Error::ApprovalMismatch => (
                "approval_mismatch",
                "this approval is for another change: nothing was written",
                "call again without approval_token",
            ),
            Error::WeakProof { .. } => (
                "approval_denied",
                "the approval was weaker than the user's settings demand",
                "ask the user to approve it on the page",
            ),
            Error::AuditUnwritable { .. } | Error::AuditBroken(_) | Error::Io { .. } => (
                "forbidden",
                "a file on the user's machine cannot be used",
                "tell the user: claude-vault doctor shows which one",
            ),
            Error::NotOurs { .. } => (
                "forbidden",
                "the file or its folder belongs to another user of the machine",
                "tell the user: files with secrets are written into their own folders only",
            ),
            Error::Confined { .. } => (
                "invalid_arguments",
                "that path cannot be used: it lies outside the project's root or is not a plain \
                 file",
                "use a path below the project's root",
            ),
            Error::Unwritable { .. } => (
                "not_allowed",
                "it could not be done; the user was told why",
                "the user sees the reason with claude-vault approve pending, in a terminal",
            ),
            Error::Drift { .. }
            | Error::CannotRun { .. }
            | Error::Dev { .. }
            | Error::Several { .. }
            | Error::Interrupted => ("not_allowed", "it could not be done", ASK_THE_USER),
        };
        let for_person =
            is_for_person(error).then(|| format!("{} ({})", error.for_person(), error.hint()));
        Self {
            for_person,
            ..Self::new(code, what, next)
        }
    }
}

/// Whether the fixed sentence leaves out what the person needs to know.
fn is_for_person(error: &Error) -> bool {
    !matches!(
        error,
        Error::NoSession
            | Error::SessionExpired
            | Error::NotFound { .. }
            | Error::Deleted { .. }
            | Error::Declined
            | Error::ApprovalPending { .. }
            | Error::ApprovalExpired
            | Error::ApprovalUnknown
            | Error::ApprovalMismatch
            | Error::Interrupted
    )
}

impl From<crate::core::entries::Refused> for Refusal {
    fn from(refused: crate::core::entries::Refused) -> Self {
        use crate::core::entries::Refused;
        match refused {
            Refused::OtherKind => Self::argument(
                "this tool does not read files of that name",
                &[],
                "env tools read .env files, compose tools compose files, from_file also \
                 secrets.yaml; no backups or logs",
            ),
            Refused::Missing => Self::new(
                "not_found",
                "there is no such file",
                "paths start at the project's root",
            ),
            Refused::Outside => Self::argument(
                "that path cannot be used: it lies outside the project's root or is not a plain \
                 file",
                &[],
                "use a path below the project's root",
            ),
            Refused::Unreadable => Self::not_allowed(
                "the file cannot be read as what its name says",
                "ask the user to run claude-vault scan on it in a terminal, which shows the reason",
            ),
        }
    }
}
