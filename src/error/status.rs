//! The code and the exit status of each error.

use super::Error;

impl Error {
    /// A stable code for programs: `code` in the output of `--json`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } | Self::NoAddress => "invalid_arguments",
            Self::NoSession | Self::SessionExpired | Self::OtherVault { .. } => "login_required",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } | Self::Deleted { .. } => "not_found",
            Self::Blocked { .. } | Self::Conflict { .. } => "conflict",
            Self::HalfDone { source, .. } => source.code(),
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::KvVersion1 { .. } => "kv_version_1",
            Self::Unreachable { .. } => "vault_unreachable",
            Self::Certificate { .. } => "certificate",
            Self::WrongScheme { .. } => "wrong_scheme",
            Self::InsecureHttp { .. } => "insecure_http",
            Self::ForeignRedirect { .. } => "foreign_redirect",
            Self::Sealed { .. } => "vault_sealed",
            Self::Server { .. } => "vault_error",
            Self::BadReply { .. } => "bad_reply",
            Self::LoginFailed { .. } => "login_failed",
            Self::LoginTimeout { .. } => "login_timeout",
            Self::NotRenewed { .. } => "not_renewed",
            Self::Declined => "approval_denied",
            Self::NoPerson { .. } => "no_person",
            Self::ApprovalPending { .. } => "approval_pending",
            Self::ApprovalExpired | Self::ApprovalUnknown => "approval_expired",
            Self::ApprovalMismatch => "approval_mismatch",
            Self::WeakProof { .. } => "weak_proof",
            Self::UnderAgent { .. } => "refused_under_agent",
            Self::Unwritable { .. } => "unwritable_value",
            Self::Drift { .. } => "drift",
            Self::Confined { .. } | Self::NotOurs { .. } => "confined",
            Self::Io { .. } => "io",
            Self::AuditUnwritable { .. } => "audit_unwritable",
            Self::AuditBroken(_) => "audit_broken",
            Self::CannotRun { .. } => "cannot_run",
            Self::Dev { .. } => "dev",
            Self::Several { .. } => "several",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether a failing connection, node or cluster can cause this error, so that the same request
    /// may succeed a moment later. After a write, it is unknown whether Vault carried it out.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::BadReply { .. }
            | Self::Sealed { .. }
            | Self::ForeignRedirect { .. } => true,
            Self::Server { status, .. } => *status >= 500 || matches!(status, 412 | 429),
            Self::HalfDone { source, .. } => source.is_transient(),
            Self::Invalid { .. }
            | Self::NoAddress
            | Self::NoSession
            | Self::SessionExpired
            | Self::OtherVault { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Deleted { .. }
            | Self::Blocked { .. }
            | Self::Conflict { .. }
            | Self::OutcomeUnknown { .. }
            | Self::KvVersion1 { .. }
            | Self::Certificate { .. }
            | Self::WrongScheme { .. }
            | Self::InsecureHttp { .. }
            | Self::LoginFailed { .. }
            | Self::LoginTimeout { .. }
            | Self::NotRenewed { .. }
            | Self::Declined
            | Self::NoPerson { .. }
            | Self::ApprovalPending { .. }
            | Self::ApprovalExpired
            | Self::ApprovalUnknown
            | Self::ApprovalMismatch
            | Self::WeakProof { .. }
            | Self::UnderAgent { .. }
            | Self::Unwritable { .. }
            | Self::Drift { .. }
            | Self::Confined { .. }
            | Self::NotOurs { .. }
            | Self::Io { .. }
            | Self::AuditUnwritable { .. }
            | Self::AuditBroken(_)
            | Self::CannotRun { .. }
            | Self::Dev { .. }
            | Self::Several { .. }
            | Self::Interrupted => false,
        }
    }

    /// The documented exit status: 1 failed, 2 invalid, 3 no session, 4 forbidden, 5 not found,
    /// 6 conflict, 7 Vault failing, 8 not approved by a person, 126 or 127 program not run,
    /// 130 interrupted.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self {
            Self::Invalid { .. }
            | Self::NoAddress
            | Self::Unwritable { .. }
            | Self::Confined { .. }
            | Self::NotOurs { .. } => 2,
            Self::NoSession | Self::SessionExpired | Self::OtherVault { .. } => 3,
            Self::Forbidden { .. } => 4,
            Self::NotFound { .. } | Self::Deleted { .. } => 5,
            Self::Blocked { .. } | Self::Conflict { .. } => 6,
            Self::HalfDone { source, .. } => source.exit(),
            Self::OutcomeUnknown { .. }
            | Self::Unreachable { .. }
            | Self::Certificate { .. }
            | Self::WrongScheme { .. }
            | Self::InsecureHttp { .. }
            | Self::ForeignRedirect { .. }
            | Self::Sealed { .. }
            | Self::BadReply { .. } => 7,
            Self::Server { status, .. } if *status >= 500 || *status == 429 => 7,
            Self::Declined
            | Self::ApprovalPending { .. }
            | Self::ApprovalExpired
            | Self::ApprovalUnknown
            | Self::ApprovalMismatch
            | Self::WeakProof { .. }
            | Self::NoPerson { .. }
            | Self::UnderAgent { .. }
            | Self::LoginTimeout { .. } => 8,
            Self::Several { exit, .. } => *exit,
            // as shells, env and nohup do (POSIX, 2.8.2)
            Self::CannotRun { source, .. } if source.kind() == std::io::ErrorKind::NotFound => 127,
            Self::CannotRun { .. } => 126,
            Self::Interrupted => 130,
            Self::Server { .. }
            | Self::KvVersion1 { .. }
            | Self::LoginFailed { .. }
            | Self::NotRenewed { .. }
            | Self::Drift { .. }
            | Self::Io { .. }
            | Self::AuditUnwritable { .. }
            | Self::AuditBroken(_)
            | Self::Dev { .. } => 1,
        }
    }
}
