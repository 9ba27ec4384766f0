//! The one error type: a message, a hint on what to do, a code and an exit status.
//!
//! No variant can contain a secret. Variants contain checked names, paths, fixed texts, and
//! addresses without user information or query. Text from Vault or an identity provider appears
//! only as [`ServerText`] or [`ForeignText`].
//!
//! `Display` shows only our own words, names, paths and addresses. [`Error::for_person`] adds the
//! text of the other side, for a terminal or a page. A model receives separate fixed sentences,
//! from `mcp::refusal`.

mod foreign;
mod hint;
mod status;

use std::path::PathBuf;

pub use foreign::{ForeignText, ServerText};

/// The name of something that Vault does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Missing {
    /// A service.
    Service(String),
    /// A key of a service.
    Key(String),
}

/// `Result` with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong. Each variant is a cause that a person can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments or a file's content are not valid.
    #[error("{message}")]
    Invalid {
        /// What is wrong, without the input itself.
        message: String,
        /// What to do.
        hint: String,
    },
    /// No Vault address is configured.
    #[error("no Vault address is set")]
    NoAddress,
    /// There is no token.
    #[error("no session: VAULT_TOKEN is not set")]
    NoSession,
    /// The token expired, was revoked, or never was valid.
    #[error("the session has expired or was revoked")]
    SessionExpired,
    /// The session belongs to a Vault other than the configured one.
    #[error("the session is for {session}, but Vault's address is now {address}")]
    OtherVault {
        /// The address at which the session was made.
        session: String,
        /// The configured address.
        address: String,
        /// How to return to the Vault of the session.
        back: String,
    },
    /// The token is valid, but Vault's policy denies the path.
    #[error("Vault's policy forbids {operation} on {path}")]
    Forbidden {
        /// `read`, `list`, `write`, …
        operation: &'static str,
        /// The API path.
        path: String,
    },
    /// A service, key, version, mount or namespace does not exist.
    #[error("{what} was not found")]
    NotFound {
        /// What was looked for.
        what: String,
        /// Its name, if it is a service or a key, so that the nearest one can be suggested.
        missing: Option<Missing>,
        /// What to do.
        hint: String,
    },
    /// A version was deleted (which can be undone) or destroyed (which cannot).
    #[error("{}", deleted(service, *version, *is_destroyed))]
    Deleted {
        /// The service.
        service: String,
        /// The version.
        version: u64,
        /// Whether it is the newest one.
        is_newest: bool,
        /// Whether its values were destroyed and cannot be restored.
        is_destroyed: bool,
    },
    /// Existing or changed data prevents the operation.
    #[error("{message}")]
    Blocked {
        /// What is in the way.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A version was written, but not the owner and rotation that belong to it.
    #[error(
        "{service} has version {version} now, but owner and rotation could not be written: {source}"
    )]
    HalfDone {
        /// The service.
        service: String,
        /// The version.
        version: u64,
        /// What kept the metadata from being written.
        source: Box<Error>,
    },
    /// Check-and-set failed: the service changed since it was read.
    #[error("{service} was changed by someone else meanwhile")]
    Conflict {
        /// The service.
        service: String,
    },
    /// The connection broke during a write, so its outcome is unknown.
    #[error(
        "the connection broke during the write of {service}, and it is unknown whether the write \
         happened"
    )]
    OutcomeUnknown {
        /// The service.
        service: String,
    },
    /// The mount is KV version 1.
    #[error("the mount {mount}/ is KV version 1; claude-vault needs version 2")]
    KvVersion1 {
        /// The mount's path.
        mount: String,
    },
    /// Vault did not answer.
    #[error("cannot reach Vault at {address}: {reason}")]
    Unreachable {
        /// Scheme, host and port.
        address: String,
        /// The operating system's reason.
        reason: String,
    },
    /// Vault's certificate was not accepted.
    #[error("the TLS certificate of {address} is not trusted: {reason}")]
    Certificate {
        /// Scheme, host and port.
        address: String,
        /// Why it was not accepted.
        reason: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The address has the wrong scheme: https for a plain http server, or the reverse.
    #[error("{address} does not speak {expected}")]
    WrongScheme {
        /// Scheme, host and port.
        address: String,
        /// `https` or `http`.
        expected: &'static str,
    },
    /// A token would have been sent unencrypted.
    #[error("refusing to send a token to {address} over plain http")]
    InsecureHttp {
        /// Scheme, host and port.
        address: String,
    },
    /// A redirect points to another origin (scheme, host, port) that is not trusted with the token.
    #[error("Vault at {address} redirects to {target}, which is not trusted with the token")]
    ForeignRedirect {
        /// The address that answered with the redirect.
        address: String,
        /// The address that the redirect points to.
        target: String,
    },
    /// Vault is sealed or not initialised.
    #[error("Vault at {address} is sealed")]
    Sealed {
        /// Scheme, host and port.
        address: String,
    },
    /// Vault answered with a status that has no variant of its own.
    #[error("Vault answered {status}{text}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// Vault's message, if it is a known sentence that repeats nothing of the request.
        text: ServerText,
    },
    /// The answer cannot come from Vault.
    #[error("the answer from {address} is not from Vault: {reason}")]
    BadReply {
        /// Scheme, host and port.
        address: String,
        /// What was wrong with the answer.
        reason: &'static str,
    },
    /// The login was refused by Vault or the identity provider.
    #[error("the login failed: {reason}")]
    LoginFailed {
        /// Why, in our words.
        reason: &'static str,
        /// The message of Vault or the provider, or the address in question; for a person only.
        said: ForeignText,
        /// What to do.
        hint: String,
    },
    /// The login was not finished in time.
    #[error("the login was not finished within {seconds} seconds")]
    LoginTimeout {
        /// The time limit.
        seconds: u64,
    },
    /// The session cannot be renewed.
    #[error("{message}")]
    NotRenewed {
        /// Why, and for how long the session remains valid.
        message: String,
    },
    /// The person declined.
    #[error("not confirmed: nothing was written")]
    Declined,
    /// There is no terminal on which to ask a question.
    #[error("no terminal to ask on: {question}")]
    NoPerson {
        /// What would have been asked.
        question: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A change waits for a person's approval.
    #[error("the change is waiting for a person's approval{}", approval_token.as_ref().map(|token| format!("; approval_token: {token}")).unwrap_or_default())]
    ApprovalPending {
        /// The token with which to repeat the call, if there is one.
        approval_token: Option<String>,
    },
    /// A change was not approved in time.
    #[error("the change was not approved in time: nothing was written")]
    ApprovalExpired,
    /// This process is not waiting for that approval.
    #[error("unknown approval: it was already used or refused, or has expired")]
    ApprovalUnknown,
    /// An approval for one change was used for another.
    #[error("that approval is for another change: nothing was written")]
    ApprovalMismatch,
    /// The proof of an approval is weaker than the settings require.
    #[error("the approval is weaker than your settings require: {required} is needed")]
    WeakProof {
        /// The required kind of proof.
        required: &'static str,
    },
    /// Refused because an AI agent runs this process and reads its output.
    #[error("{what} is refused under an AI agent")]
    UnderAgent {
        /// The option or command.
        what: &'static str,
    },
    /// Values that cannot be written so that every requested reader reads them back unchanged.
    #[error("{file}: {keys} cannot be written so that {reader} would read it back: {reason}")]
    Unwritable {
        /// The file that was not written.
        file: String,
        /// The keys of the values.
        keys: String,
        /// The program that would read the file.
        reader: String,
        /// Why that program cannot read the value back.
        reason: String,
        /// What to do instead.
        hint: String,
    },
    /// `inject --check` found files that differ.
    #[error("{} from Vault", differ(*count, *total))]
    Drift {
        /// The first service whose file would change.
        service: String,
        /// How many would change.
        count: usize,
        /// How many were checked.
        total: usize,
    },
    /// A path that is outside the root, leads through a symbolic link, or is not a plain file.
    #[error("{path}: {reason}")]
    Confined {
        /// The path as it was given.
        path: PathBuf,
        /// What is wrong with the path.
        reason: &'static str,
    },
    /// Another user controls the file or a folder on its path.
    #[error("{path}: {reason}, so no value is written there")]
    NotOurs {
        /// The path as it was given.
        path: PathBuf,
        /// What is wrong with the path.
        reason: &'static str,
        /// What to do.
        hint: String,
    },
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// `read`, `write`, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The audit log cannot be written, so nothing may be written to Vault.
    #[error("the audit log {path} cannot be written: {source}", path = path.display())]
    AuditUnwritable {
        /// The log.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The chain of the audit log is broken; the text describes the damage.
    #[error("the audit log is not intact: {0}")]
    AuditBroken(String),
    /// The program of `exec` could not be started.
    #[error("cannot run {program}: {}", why_not_run(source))]
    CannotRun {
        /// The name or path of the program.
        program: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The throwaway server of `dev` could not be found, fetched or set up.
    #[error("{message}")]
    Dev {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// One or more services of a command failed; each failure was already reported.
    #[error("{failed} of {total} services failed{}", also(*differ))]
    Several {
        /// How many of the other services differ from Vault, if that was checked.
        differ: usize,
        /// How many failed.
        failed: usize,
        /// How many were tried.
        total: usize,
        /// The most serious exit status of the failures.
        exit: u8,
    },
    /// Ctrl-C or SIGTERM was received.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// An [`Error::Invalid`] from what is wrong and what to do.
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Turns an I/O error into one that names the file and the operation.
    pub fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// An [`Error::LoginFailed`] without any text from the other side.
    pub fn login_failed(reason: &'static str, hint: impl Into<String>) -> Self {
        Self::LoginFailed {
            reason,
            said: ForeignText::default(),
            hint: hint.into(),
        }
    }

    /// The message for a person's terminal or page, with the text that Vault or the provider sent.
    #[must_use]
    pub fn for_person(&self) -> String {
        if let Self::LoginFailed { said, .. } = self
            && !said.for_person().is_empty()
        {
            return format!("{self}: {}", said.for_person());
        }
        self.to_string()
    }
}

fn why_not_run(source: &std::io::Error) -> String {
    match source.kind() {
        std::io::ErrorKind::NotFound => "no such program".into(),
        std::io::ErrorKind::PermissionDenied => "it is not executable".into(),
        _ => source.to_string(),
    }
}

fn deleted(service: &str, version: u64, is_destroyed: bool) -> String {
    format!(
        "version {version} of {service} was {}",
        if is_destroyed { "destroyed" } else { "deleted" }
    )
}

fn differ(count: usize, total: usize) -> String {
    if count == 1 {
        format!("1 of {total} files differs")
    } else {
        format!("{count} of {total} files differ")
    }
}

fn also(differ: usize) -> String {
    if differ == 0 {
        String::new()
    } else {
        format!(", {differ} differ from Vault")
    }
}
