//! The fixed sentences for each error.

use crate::error::Error;

/// The code and the two sentences that a model gets for an error.
pub(super) struct Wording {
    pub(super) code: &'static str,
    pub(super) what: &'static str,
    pub(super) next: &'static str,
}

const fn wording(code: &'static str, what: &'static str, next: &'static str) -> Wording {
    Wording { code, what, next }
}

const ASK_THE_USER: &str =
    "ask the user to run claude-vault doctor in a terminal, which shows what is wrong";

const UNUSABLE: Wording = wording(
    "invalid_arguments",
    "the arguments, the settings or a file of the project cannot be used",
    "check the arguments; claude-vault approve pending, in a terminal, shows the user the reason",
);

const NO_ADDRESS: Wording = wording(
    "invalid_arguments",
    "no Vault address is set",
    "ask the user to set VAULT_ADDR for this server",
);

const NO_SESSION: Wording = wording(
    "login_required",
    "there is no session",
    "call vault_login: the user signs in in the browser",
);

const SESSION_EXPIRED: Wording = wording(
    "login_required",
    "the session has expired or was revoked",
    "call vault_login: the user signs in in the browser",
);

const OTHER_VAULT: Wording = wording(
    "login_required",
    "the inherited session belongs to a different Vault than the configured one",
    "call vault_login: the user signs in in the browser",
);

const LOGIN_FAILED: Wording = wording(
    "login_required",
    "the login did not succeed",
    "to try again, call vault_login; claude-vault approve pending, in a terminal, \
     shows the user the reason",
);

const FORBIDDEN: Wording = wording(
    "forbidden",
    "Vault's policy forbids this",
    "tell the user that the session's policies do not allow it; claude-vault status shows them",
);

const NOT_FOUND: Wording = wording(
    "not_found",
    "there is no such service, key, version or file",
    "vault_list shows what there is",
);

const DELETED: Wording = wording(
    "not_found",
    "that version was deleted",
    "vault_history shows the versions; the user can bring it back with claude-vault undelete",
);

const CONFLICT: Wording = wording(
    "conflict",
    "someone else changed it in the meantime",
    "read it again, then call again if the user still wants the change",
);

const OUTCOME_UNKNOWN: Wording = wording(
    "vault_unreachable",
    "the connection broke, so it is unknown whether the change was made",
    "call vault_list for the service to see its version",
);

const KV_VERSION_1: Wording = wording(
    "invalid_arguments",
    "the mount is KV version 1; version 2 is needed",
    ASK_THE_USER,
);

const SEALED: Wording = wording(
    "vault_sealed",
    "Vault is sealed",
    "tell the user that Vault must be unsealed",
);

const UNREACHABLE: Wording = wording(
    "vault_unreachable",
    "Vault does not answer as expected",
    ASK_THE_USER,
);

const UNSAFE_CONNECTION: Wording = wording(
    "vault_unreachable",
    "the connection to Vault is not safe to use",
    ASK_THE_USER,
);

const DECLINED: Wording = wording(
    "approval_denied",
    "the user did not approve it",
    "ask the user what they want instead; do not try again unasked",
);

const NOBODY_TO_ASK: Wording = wording(
    "not_allowed",
    "no person can be asked here",
    "ask the user to do it in a terminal of their own",
);

const APPROVAL_PENDING: Wording = wording(
    "approval_pending",
    "the user has not answered yet",
    "call again with the same arguments",
);

const APPROVAL_EXPIRED: Wording = wording(
    "approval_expired",
    "nobody approved the change in time",
    "call again without approval_token if the user still wants it",
);

const APPROVAL_UNKNOWN: Wording = wording(
    "approval_expired",
    "no change waits under this approval_token",
    "vault_list shows the service as it is now; call again without approval_token if \
     the user still wants the change",
);

const APPROVAL_MISMATCH: Wording = wording(
    "approval_mismatch",
    "this approval is for another change: nothing was written",
    "call again without approval_token",
);

const WEAK_PROOF: Wording = wording(
    "approval_denied",
    "the approval was weaker than the user's settings demand",
    "ask the user to approve it on the page",
);

const UNUSABLE_FILE: Wording = wording(
    "forbidden",
    "a file on the user's machine cannot be used",
    "tell the user to run claude-vault doctor, which shows the file",
);

const NOT_OURS: Wording = wording(
    "forbidden",
    "the file or its folder belongs to another user of the machine",
    "tell the user that files with secrets are only written into folders that they own",
);

const CONFINED: Wording = wording(
    "invalid_arguments",
    "that path cannot be used: it lies outside the project's root or is not a plain file",
    "use a path below the project's root",
);

const UNWRITABLE: Wording = wording(
    "not_allowed",
    "it could not be done; the user was told why",
    "claude-vault approve pending, in a terminal, shows the user the reason",
);

const NOT_DONE: Wording = wording("not_allowed", "it could not be done", ASK_THE_USER);

/// The sentences for an error.
pub(super) fn of(error: &Error) -> &'static Wording {
    match error {
        Error::Invalid { .. } => &UNUSABLE,
        Error::NoAddress => &NO_ADDRESS,
        Error::NoSession => &NO_SESSION,
        Error::SessionExpired => &SESSION_EXPIRED,
        Error::OtherVault { .. } => &OTHER_VAULT,
        Error::LoginFailed { .. } | Error::LoginTimeout { .. } | Error::NotRenewed { .. } => {
            &LOGIN_FAILED
        }
        Error::Forbidden { .. } => &FORBIDDEN,
        Error::NotFound { .. } => &NOT_FOUND,
        Error::Deleted { .. } => &DELETED,
        Error::Blocked { .. } | Error::Conflict { .. } | Error::HalfDone { .. } => &CONFLICT,
        Error::OutcomeUnknown { .. } => &OUTCOME_UNKNOWN,
        Error::KvVersion1 { .. } => &KV_VERSION_1,
        Error::Sealed { .. } => &SEALED,
        Error::Unreachable { .. } | Error::BadReply { .. } | Error::Server { .. } => &UNREACHABLE,
        Error::Certificate { .. }
        | Error::WrongScheme { .. }
        | Error::InsecureHttp { .. }
        | Error::ForeignRedirect { .. } => &UNSAFE_CONNECTION,
        Error::Declined => &DECLINED,
        Error::NoPerson { .. } | Error::UnderAgent { .. } => &NOBODY_TO_ASK,
        Error::ApprovalPending { .. } => &APPROVAL_PENDING,
        Error::ApprovalExpired => &APPROVAL_EXPIRED,
        Error::ApprovalUnknown => &APPROVAL_UNKNOWN,
        Error::ApprovalMismatch => &APPROVAL_MISMATCH,
        Error::WeakProof { .. } => &WEAK_PROOF,
        Error::AuditUnwritable { .. } | Error::AuditBroken(_) | Error::Io { .. } => &UNUSABLE_FILE,
        Error::NotOurs { .. } => &NOT_OURS,
        Error::Confined { .. } => &CONFINED,
        Error::Unwritable { .. } => &UNWRITABLE,
        Error::Drift { .. }
        | Error::CannotRun { .. }
        | Error::Dev { .. }
        | Error::Several { .. }
        | Error::Interrupted => &NOT_DONE,
    }
}
