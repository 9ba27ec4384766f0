//! What a person does about an error, in the syntax of sh; the face rewrites it for the person's
//! shell.

use super::Error;

impl Error {
    /// What to do: where possible a command that can be pasted.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Invalid { hint, .. }
            | Self::NotFound { hint, .. }
            | Self::InTheWay { hint, .. }
            | Self::LoginFailed { hint, .. }
            | Self::NotOurs { hint, .. }
            | Self::Dev { hint, .. } => hint.clone(),
            Self::Certificate { hint, .. } | Self::NoPerson { hint, .. } => (*hint).into(),
            Self::NoAddress => "export VAULT_ADDR=https://vault.example.org:8200".into(),
            Self::NoSession | Self::SessionExpired => "source claude-vault login".into(),
            Self::NotRenewed { .. } => "source claude-vault login --force".into(),
            Self::OtherVault { back, .. } => {
                format!("go back: {back}   (or sign in to this one: source claude-vault login)")
            }
            Self::Forbidden { operation, path } => format!(
                "ask whoever runs Vault for a policy with {} on {path}; yours are shown by: \
                 claude-vault status",
                capability(operation, path)
            ),
            Self::Deleted {
                service,
                is_destroyed: true,
                ..
            } => {
                format!(
                    "go back to a version that is left: claude-vault history {service}, then \
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
                choose another with --mount)"
            ),
            Self::Unreachable { .. } => {
                "check VAULT_ADDR, the network and that Vault is running".into()
            }
            Self::WrongScheme { expected, .. } => match *expected {
                "https" => "the server there speaks plain http: if that is meant, set VAULT_ADDR \
                    to http://…"
                    .into(),
                _ => "the server there wants TLS: set VAULT_ADDR to https://…".into(),
            },
            Self::InsecureHttp { .. } => "use https, or --insecure-http if you trust the whole \
                network path"
                .into(),
            Self::ForeignRedirect { target, .. } => {
                format!(
                    "if {target} is a node of your Vault: export \
                     CLAUDE_VAULT_TRUSTED_HOSTS={target}   (a host without a port: all its ports)"
                )
            }
            Self::Sealed { .. } => "vault operator unseal   (on the server, by whoever holds the \
                unseal keys)"
                .into(),
            Self::Server { status: 429, .. } => "the server limits the rate of requests: wait a \
                moment and try again"
                .into(),
            Self::Server { .. } => {
                "claude-vault status   (and Vault's own log, if it is yours)".into()
            }
            Self::BadReply { .. } => "check that VAULT_ADDR points at Vault itself, not at a web \
                page or a proxy's login"
                .into(),
            Self::LoginTimeout { .. } => "start over: source claude-vault login   (--timeout \
                SECONDS for more time)"
                .into(),
            Self::Declined => {
                "run the command again and approve it, or look first with --dry-run".into()
            }
            Self::ApprovalPending { .. } => "approve it on its page, or with: claude-vault \
                approve pending"
                .into(),
            Self::ApprovalExpired | Self::ApprovalUnknown | Self::ApprovalMismatch => {
                "start over with the change you want".into()
            }
            Self::WeakProof { .. } => "approve it on its page; see: claude-vault config".into(),
            Self::UnderAgent { .. } => "run it yourself, in a terminal of your own".into(),
            Self::Unwritable { hint, .. } => hint.clone(),
            Self::Drift { service, .. } => {
                format!(
                    "which keys: claude-vault inject {service} --diff; write it: claude-vault \
                    inject {service}"
                )
            }
            Self::Confined { .. } => {
                "nothing outside the root is used, and symbolic links are not followed; see \
                 --root and --file"
                    .into()
            }
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => "check who owns the file and its folder: \
                    ls -la"
                    .into(),
                std::io::ErrorKind::StorageFull => "make room on that disk: df -h".into(),
                _ => "check the path and try again".into(),
            },
            Self::AuditUnwritable { source, .. }
                if source.kind() == std::io::ErrorKind::TimedOut =>
            {
                "lslocks shows which program holds it; end that one, or choose another place: \
                 export CLAUDE_VAULT_AUDIT_LOG=FILE"
                    .into()
            }
            Self::AuditUnwritable { .. } => {
                "make it writable, or choose another place: export CLAUDE_VAULT_AUDIT_LOG=FILE"
                    .into()
            }
            Self::AuditBroken(_) => {
                "compare it with a backup; once you know why, start a new chain: claude-vault \
                 audit verify --accept"
                    .into()
            }
            Self::CannotRun { program, source } => match source.kind() {
                _ if program.contains(' ') => "to run a shell command line: -- sh -c '…'".into(),
                std::io::ErrorKind::PermissionDenied if program.contains('/') => {
                    format!("chmod +x {program}")
                }
                std::io::ErrorKind::NotFound if !program.contains('/') => {
                    "check its name and PATH   (for a shell built-in: -- sh -c '…')".into()
                }
                _ => "check its path".into(),
            },
            Self::Several { .. } => "each failure is shown above".into(),
            Self::Interrupted => "nothing was left behind; run the command again".into(),
        }
    }
}

/// The capability in a policy. Delete, undelete and destroy need `update` on their own paths.
fn capability<'a>(operation: &'a str, path: &str) -> &'a str {
    match operation {
        "write" => "create and update",
        "delete" | "undelete" | "destroy" if path.contains(&format!("/{operation}/")) => "update",
        other => other,
    }
}
