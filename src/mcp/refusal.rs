//! The error that a model gets when a call fails: a code, a fixed sentence and the next step. The
//! message of the original error is never repeated: it may hold a path, text from a server, or a
//! name from a file.

use super::public::{Handle, InSentence, Sentence};
use crate::error::Error;

/// A failed call.
pub(super) struct Refusal {
    code: &'static str,
    what: Sentence,
    next: Sentence,
    /// The full reason, for the person only.
    for_person: Option<String>,
}

impl Refusal {
    /// A refusal made of fixed sentences.
    pub(super) fn new(code: &'static str, what: &'static str, next: &'static str) -> Self {
        Self {
            code,
            what: Sentence::fixed(what),
            next: Sentence::fixed(next),
            for_person: None,
        }
    }

    /// An argument of the wrong form. `names` are filled into `what`.
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

    /// Something that models are not allowed to do.
    pub(super) fn not_allowed(what: &'static str, next: &'static str) -> Self {
        Self::new("not_allowed", what, next)
    }

    /// A change that waits for the person. `token` is the approval token for the next call, if the
    /// tool takes one.
    pub(super) fn approval_pending(tool: &'static str, token: Option<&Handle>) -> Self {
        let code = "approval_pending";
        let what = Sentence::fixed("the user has not answered yet");
        const LOOK: &str = "ask the user to answer on the page that opened in their browser (or, without a browser, to run in a \
                            terminal of their own: claude-vault approve pending), then call ";
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

    /// Takes the full reason. It is for the person only: it may contain what a model must not
    /// learn.
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
                "check the arguments; claude-vault approve pending, in a terminal, shows the user \
                 the reason",
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
                "the inherited session belongs to a different Vault than the configured one",
                "call vault_login: the user signs in in the browser",
            ),
            Error::LoginFailed { .. } | Error::LoginTimeout { .. } | Error::NotRenewed { .. } => (
                "login_required",
                "the login did not succeed",
                "to try again, call vault_login; claude-vault approve pending, in a terminal, \
                 shows the user the reason",
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
            Error::Blocked { .. } | Error::Conflict { .. } => (
                "conflict",
                "someone else changed it in the meantime",
                "read it again, then call again if the user still wants the change",
            ),
            Error::OutcomeUnknown { .. } => (
                "vault_unreachable",
                "the connection broke, so it is unknown whether the change was made",
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
                "Vault does not answer as expected",
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
                 the user still wants the change",
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
                "tell the user to run claude-vault doctor, which shows the file",
            ),
            Error::NotOurs { .. } => (
                "forbidden",
                "the file or its folder belongs to another user of the machine",
                "tell the user that files with secrets are only written into folders that they own",
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
                "claude-vault approve pending, in a terminal, shows the user the reason",
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

/// Whether the error has details that the fixed sentence omits and the person needs.
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
                "this tool does not read files with that name",
                &[],
                "env tools read .env files, compose tools read compose files, and from_file reads \
                 .env and secrets.yaml files; none reads backups or logs",
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
                "the file cannot be read in the format that its name implies",
                "ask the user to run claude-vault scan on it in a terminal, which shows the reason",
            ),
        }
    }
}
