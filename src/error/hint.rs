//! The hint of each error, in sh syntax. The command line rewrites it for the person's shell.

use std::io::ErrorKind;

use super::Error;

const NO_ADDRESS: &str = "export VAULT_ADDR=https://vault.example.org:8200";
const UNREACHABLE: &str = "check VAULT_ADDR, the network and that Vault is running";
const INSECURE_HTTP: &str =
    "use https, or pass --insecure-http if you trust the whole network path";
const SEALED: &str = "vault operator unseal   (on the server, with the unseal keys)";
const RATE_LIMITED: &str = "the server limits the request rate: wait a moment and try again";
const SERVER: &str = "claude-vault status   (or look into Vault's own log)";
const BAD_REPLY: &str =
    "check that VAULT_ADDR points at Vault itself, not at a web page or a proxy's login";
const LOGIN_TIMEOUT: &str =
    "try again: source claude-vault login   (--timeout SECONDS allows more time)";
const CONFLICT: &str = "run the command again; it starts from the current version";
const DECLINED: &str = "run the command again and approve it, or preview it with --dry-run";
const APPROVAL_PENDING: &str = "approve it on its page, or with: claude-vault approve pending";
const APPROVAL_OVER: &str = "run the command again for the change you want";
const WEAK_PROOF: &str = "approve it on its page; to see the setting: claude-vault config";
const UNDER_AGENT: &str = "run it yourself, in a terminal of your own";
const CONFINED: &str = "use a plain file below the root; symbolic links are not followed (see \
     --root and --file)";
const AUDIT_LOCKED: &str = "end the program that holds the lock (lslocks shows it), or choose \
     another file: export CLAUDE_VAULT_AUDIT_LOG=FILE";
const AUDIT_UNWRITABLE: &str =
    "make it writable, or choose another file: export CLAUDE_VAULT_AUDIT_LOG=FILE";
const AUDIT_BROKEN: &str = "compare it with a backup; once you know the cause, start a new \
     chain: claude-vault audit verify --accept";
const SEVERAL: &str = "each failure is shown above";
const INTERRUPTED: &str = "run the command again; nothing was left behind";

impl Error {
    /// What to do about the error: if possible a command to paste.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::HalfDone { source, .. } => source.hint(),
            Self::Invalid { hint, .. }
            | Self::NotFound { hint, .. }
            | Self::Blocked { hint, .. }
            | Self::LoginFailed { hint, .. }
            | Self::NotOurs { hint, .. }
            | Self::Dev { hint, .. }
            | Self::Unwritable { hint, .. } => hint.clone(),
            Self::Certificate { hint, .. } | Self::NoPerson { hint, .. } => (*hint).into(),
            Self::NoAddress => NO_ADDRESS.into(),
            Self::NoSession | Self::SessionExpired => "source claude-vault login".into(),
            Self::NotRenewed { .. } => "source claude-vault login --force".into(),
            Self::OtherVault { back, .. } => of_other_vault(back),
            Self::Forbidden { operation, path } => of_forbidden(operation, path),
            Self::Deleted {
                service,
                version,
                is_newest,
                is_destroyed,
            } => of_deleted(service, *version, *is_newest, *is_destroyed),
            Self::Conflict { .. } => CONFLICT.into(),
            Self::OutcomeUnknown { service } => format!("claude-vault list {service}"),
            Self::KvVersion1 { mount } => of_kv_version_1(mount),
            Self::Unreachable { .. } => UNREACHABLE.into(),
            Self::WrongScheme { expected, .. } => of_wrong_scheme(expected).into(),
            Self::InsecureHttp { .. } => INSECURE_HTTP.into(),
            Self::ForeignRedirect { target, .. } => of_foreign_redirect(target),
            Self::Sealed { .. } => SEALED.into(),
            Self::Server { status: 429, .. } => RATE_LIMITED.into(),
            Self::Server { .. } => SERVER.into(),
            Self::BadReply { .. } => BAD_REPLY.into(),
            Self::LoginTimeout { .. } => LOGIN_TIMEOUT.into(),
            Self::Declined => DECLINED.into(),
            Self::ApprovalPending { .. } => APPROVAL_PENDING.into(),
            Self::ApprovalExpired | Self::ApprovalUnknown | Self::ApprovalMismatch => {
                APPROVAL_OVER.into()
            }
            Self::WeakProof { .. } => WEAK_PROOF.into(),
            Self::UnderAgent { .. } => UNDER_AGENT.into(),
            Self::Drift { service, .. } => of_drift(service),
            Self::Confined { .. } => CONFINED.into(),
            Self::Io { source, .. } => of_io(source.kind()).into(),
            Self::AuditUnwritable { source, .. } => of_audit_unwritable(source.kind()).into(),
            Self::AuditBroken(_) => AUDIT_BROKEN.into(),
            Self::CannotRun { program, source } => of_cannot_run(program, source.kind()),
            Self::Several { .. } => SEVERAL.into(),
            Self::Interrupted => INTERRUPTED.into(),
        }
    }
}

fn of_other_vault(back: &str) -> String {
    format!("go back: {back}   (or sign in at the new address: source claude-vault login)")
}

fn of_forbidden(operation: &str, path: &str) -> String {
    format!(
        "ask your Vault administrator for a policy with {} on {path}; to see your own policies: \
         claude-vault status",
        capability(operation, path)
    )
}

fn of_deleted(service: &str, version: u64, is_newest: bool, is_destroyed: bool) -> String {
    if is_destroyed {
        format!(
            "restore an older version: claude-vault history {service}, then claude-vault rollback \
             {service} VERSION"
        )
    } else if is_newest {
        format!("claude-vault undelete {service}")
    } else {
        format!("claude-vault undelete {service} {version}")
    }
}

fn of_kv_version_1(mount: &str) -> String {
    format!("vault kv enable-versioning {mount}/   (or choose another mount with --mount)")
}

fn of_wrong_scheme(expected: &str) -> &'static str {
    match expected {
        "https" => "the server speaks plain http: if that is intended, set VAULT_ADDR to http://…",
        _ => "the server expects TLS: set VAULT_ADDR to https://…",
    }
}

fn of_foreign_redirect(target: &str) -> String {
    format!(
        "if {target} is a node of your Vault: export CLAUDE_VAULT_TRUSTED_HOSTS={target}   (a \
         host without a port stands for all its ports)"
    )
}

fn of_drift(service: &str) -> String {
    format!(
        "to see the keys: claude-vault inject {service} --diff; to write the file: claude-vault \
         inject {service}"
    )
}

fn of_io(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied => {
            "check the owner and mode of the file and its folder: ls -la"
        }
        ErrorKind::StorageFull => "free some space on that disk: df -h",
        _ => "check the path and try again",
    }
}

fn of_audit_unwritable(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::TimedOut => AUDIT_LOCKED,
        _ => AUDIT_UNWRITABLE,
    }
}

fn of_cannot_run(program: &str, kind: ErrorKind) -> String {
    match kind {
        _ if program.contains(' ') => "to run a shell command line: -- sh -c '…'".into(),
        ErrorKind::PermissionDenied if program.contains('/') => format!("chmod +x {program}"),
        ErrorKind::NotFound if !program.contains('/') => {
            "check the name and PATH   (for a shell built-in: -- sh -c '…')".into()
        }
        _ => "check the path".into(),
    }
}

/// The capability that the operation needs in a policy. A request to one of the paths `delete/`,
/// `undelete/` and `destroy/` needs `update`.
fn capability<'a>(operation: &'a str, path: &str) -> &'a str {
    match operation {
        "write" => "create and update",
        "delete" | "undelete" | "destroy" if path.contains(&format!("/{operation}/")) => "update",
        other => other,
    }
}
