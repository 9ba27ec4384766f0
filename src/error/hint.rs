//! The hint of each error, in sh syntax. The command line rewrites it for the person's shell.

use super::Error;

impl Error {
    /// What to do about the error: if possible a command to paste.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Invalid { hint, .. }
            | Self::NotFound { hint, .. }
            | Self::Blocked { hint, .. }
            | Self::LoginFailed { hint, .. }
            | Self::NotOurs { hint, .. }
            | Self::Dev { hint, .. } => hint.clone(),
            Self::Certificate { hint, .. } | Self::NoPerson { hint, .. } => (*hint).into(),
            Self::NoAddress => "export VAULT_ADDR=https://vault.example.org:8200".into(),
            Self::NoSession | Self::SessionExpired => "source claude-vault login".into(),
            Self::NotRenewed { .. } => "source claude-vault login --force".into(),
            Self::OtherVault { back, .. } => {
                format!(
                    "go back: {back}   (or sign in at the new address: source claude-vault login)"
                )
            }
            Self::Forbidden { operation, path } => format!(
                "ask your Vault administrator for a policy with {} on {path}; to see your own \
                 policies: claude-vault status",
                capability(operation, path)
            ),
            Self::Deleted {
                service,
                is_destroyed: true,
                ..
            } => {
                format!(
                    "restore an older version: claude-vault history {service}, then \
                     claude-vault rollback {service} VERSION"
                )
            }
            Self::Deleted {
                service,
                is_newest: true,
                ..
            } => format!(
                "claude-vault undelete \
                {service}"
            ),
            Self::Deleted {
                service, version, ..
            } => format!(
                "claude-vault undelete {service} \
                {version}"
            ),
            Self::Conflict { .. } => {
                "run the command again; it starts from the current version".into()
            }
            Self::OutcomeUnknown { service } => format!("claude-vault list {service}"),
            Self::KvVersion1 { mount } => format!(
                "vault kv enable-versioning {mount}/   (or \
                choose another mount with --mount)"
            ),
            Self::Unreachable { .. } => {
                "check VAULT_ADDR, the network and that Vault is running".into()
            }
            Self::WrongScheme { expected, .. } => match *expected {
                "https" => "the server speaks plain http: if that is intended, set VAULT_ADDR \
                    to http://…"
                    .into(),
                _ => "the server expects TLS: set VAULT_ADDR to https://…".into(),
            },
            Self::InsecureHttp { .. } => "use https, or pass --insecure-http if you trust the \
                whole network path"
                .into(),
            Self::ForeignRedirect { target, .. } => {
                format!(
                    "if {target} is a node of your Vault: export \
                     CLAUDE_VAULT_TRUSTED_HOSTS={target}   (a host without a port stands for \
                     all its ports)"
                )
            }
            Self::Sealed { .. } => "vault operator unseal   (on the server, with the \
                unseal keys)"
                .into(),
            Self::Server { status: 429, .. } => "the server limits the request rate: wait a \
                moment and try again"
                .into(),
            Self::Server { .. } => "claude-vault status   (or look into Vault's own log)".into(),
            Self::BadReply { .. } => "check that VAULT_ADDR points at Vault itself, not at a web \
                page or a proxy's login"
                .into(),
            Self::LoginTimeout { .. } => "try again: source claude-vault login   (--timeout \
                SECONDS allows more time)"
                .into(),
            Self::Declined => {
                "run the command again and approve it, or preview it with --dry-run".into()
            }
            Self::ApprovalPending { .. } => "approve it on its page, or with: claude-vault \
                approve pending"
                .into(),
            Self::ApprovalExpired | Self::ApprovalUnknown | Self::ApprovalMismatch => {
                "run the command again for the change you want".into()
            }
            Self::WeakProof { .. } => {
                "approve it on its page; to see the setting: claude-vault config".into()
            }
            Self::UnderAgent { .. } => "run it yourself, in a terminal of your own".into(),
            Self::Unwritable { hint, .. } => hint.clone(),
            Self::Drift { service, .. } => {
                format!(
                    "to see the keys: claude-vault inject {service} --diff; to write the file: \
                     claude-vault inject {service}"
                )
            }
            Self::Confined { .. } => {
                "use a plain file below the root; symbolic links are not followed (see --root and \
                 --file)"
                    .into()
            }
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => "check the owner and mode of the \
                    file and its folder: ls -la"
                    .into(),
                std::io::ErrorKind::StorageFull => "free some space on that disk: df -h".into(),
                _ => "check the path and try again".into(),
            },
            Self::AuditUnwritable { source, .. }
                if source.kind() == std::io::ErrorKind::TimedOut =>
            {
                "end the program that holds the lock (lslocks shows it), or choose another file: \
                 export CLAUDE_VAULT_AUDIT_LOG=FILE"
                    .into()
            }
            Self::AuditUnwritable { .. } => {
                "make it writable, or choose another file: export CLAUDE_VAULT_AUDIT_LOG=FILE"
                    .into()
            }
            Self::AuditBroken(_) => {
                "compare it with a backup; once you know the cause, start a new chain: \
                 claude-vault audit verify --accept"
                    .into()
            }
            Self::CannotRun { program, source } => match source.kind() {
                _ if program.contains(' ') => "to run a shell command line: -- sh -c '…'".into(),
                std::io::ErrorKind::PermissionDenied if program.contains('/') => {
                    format!("chmod +x {program}")
                }
                std::io::ErrorKind::NotFound if !program.contains('/') => {
                    "check the name and PATH   (for a shell built-in: -- sh -c '…')".into()
                }
                _ => "check the path".into(),
            },
            Self::Several { .. } => "each failure is shown above".into(),
            Self::Interrupted => "run the command again; nothing was left behind".into(),
        }
    }
}

/// The capability that the operation needs in a policy. Delete, undelete and destroy need `update`
/// on their own paths.
fn capability<'a>(operation: &'a str, path: &str) -> &'a str {
    match operation {
        "write" => "create and update",
        "delete" | "undelete" | "destroy" if path.contains(&format!("/{operation}/")) => "update",
        other => other,
    }
}
