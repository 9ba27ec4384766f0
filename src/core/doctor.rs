//! `doctor`: checks the setup, in the order in which a person would fix problems. Each check
//! reports what it found, why it matters, and the command that fixes it. No report contains a
//! secret.

use std::path::Path;

use serde::Serialize;

use super::Core;
use super::approve::{passkeys, strength};
use super::step_up::require_safe_destination;
use crate::config::{Env, Method, Strength, has_leftover_lab};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::launcher::LauncherFound;
use crate::login::{
    Options, Surroundings, auth_url, can_open_browser, check_provider, contacts_provider, mount_of,
};
use crate::names::{Service, printable};
use crate::secret::Secret;
use crate::session::format_duration;
use crate::vault::Client;

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// No problem was found.
    Ok,
    /// It works, but the person should know about a problem.
    Warning,
    /// It does not work.
    Failed,
    /// It was not checked because an earlier check failed.
    Skipped,
}

/// A finished check.
#[derive(Serialize, Debug)]
pub struct Check {
    /// What was checked, such as `session`.
    pub name: &'static str,
    /// The result.
    pub state: CheckState,
    /// What the check found.
    pub saw: String,
    /// Why it matters; empty if there is no problem.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub why: &'static str,
    /// The command that fixes the problem, if there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fix: String,
}

/// The result of all checks.
#[derive(Serialize, Debug)]
pub struct DoctorReply {
    /// The checks, in the order in which problems should be fixed.
    pub checks: Vec<Check>,
}

impl DoctorReply {
    /// Whether any check failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.checks
            .iter()
            .any(|check| check.state == CheckState::Failed)
    }
}

fn ok(name: &'static str, saw: impl Into<String>) -> Check {
    Check {
        name,
        state: CheckState::Ok,
        saw: saw.into(),
        why: "",
        fix: String::new(),
    }
}

fn warning(
    name: &'static str,
    saw: impl Into<String>,
    why: &'static str,
    fix: impl Into<String>,
) -> Check {
    Check {
        name,
        state: CheckState::Warning,
        saw: saw.into(),
        why,
        fix: fix.into(),
    }
}

fn failed(name: &'static str, why: &'static str, error: &Error) -> Check {
    Check {
        name,
        state: CheckState::Failed,
        saw: error.for_person(),
        why,
        fix: error.hint(),
    }
}

fn skipped(name: &'static str, since: &'static str) -> Check {
    Check {
        name,
        state: CheckState::Skipped,
        saw: format!("not checked: {since}"),
        why: "",
        fix: String::new(),
    }
}

/// Runs all checks.
pub async fn doctor(core: &Core, env: &Env) -> DoctorReply {
    let address = address(core, env);
    let is_reachable = address.state != CheckState::Failed;
    let mut checks = vec![config(core, env), address];
    if !is_reachable {
        checks.extend(
            ["server", "session", "mount", "policy", "sign-in"]
                .map(|name| skipped(name, "there is no address")),
        );
    } else {
        with_address(core, &mut checks).await;
    }
    checks.push(browser(core, env));
    checks.push(approval(core, env));
    checks.push(audit_log(core));
    checks.push(shell(env));
    DoctorReply { checks }
}

/// Reports the config files in use, and a project config that is ignored because it is not trusted.
fn config(core: &Core, env: &Env) -> Check {
    let settings = &core.settings;
    if has_leftover_lab(env) {
        return warning(
            "config",
            "CLAUDE_VAULT_DEV names a dev server that is not running",
            "the server has exited, so the variable is ignored",
            "unset CLAUDE_VAULT_DEV",
        );
    }
    let marks = Path::new(".claude-vault.toml");
    let is_there = settings.root.join(marks).symlink_metadata().is_ok();
    let is_read = Root::open(&settings.root)
        .is_ok_and(|root| root.read_trusted(marks).is_ok_and(|read| read.is_some()));
    if is_there && !is_read {
        return warning(
            "config",
            format!("{} is not read", settings.root.join(marks).display()),
            "the file decides where values go, so it is read only if it and its folder belong to \
             you or root",
            "ls -ld . .claude-vault.toml   (in that folder, to see who owns them)",
        );
    }
    let files: Vec<String> = settings
        .config_files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let locks = if settings.locked.is_empty() {
        String::new()
    } else {
        format!("; locked: {}", settings.locked.join(", "))
    };
    match files.is_empty() {
        true => ok("config", "no config file: only variables and defaults"),
        false => ok("config", format!("{}{locks}", files.join(", then "))),
    }
}

fn address(core: &Core, env: &Env) -> Check {
    const WHY: &str = "every command connects to Vault at this address";
    let settings = &core.settings;
    let address = match settings.address() {
        Ok(address) => address,
        Err(error) => return failed("address", WHY, &error),
    };
    if let Err(error) = Client::new(settings, None) {
        return failed("address", WHY, &error);
    }
    if settings.tls.skip_verify {
        let why = "anyone between here and Vault can read the token and every value";
        let variable = if env.get("VAULT_SKIP_VERIFY").is_some() {
            "VAULT_SKIP_VERIFY"
        } else {
            "BAO_SKIP_VERIFY"
        };
        return warning(
            "address",
            format!("{address}, and certificates are not verified"),
            why,
            format!("unset {variable}"),
        );
    }
    ok("address", address.as_str().trim_end_matches('/'))
}

async fn with_address(core: &Core, checks: &mut Vec<Check>) {
    let server = match Client::new(&core.settings, None) {
        Ok(client) => client.health().await.map(|version| (client, version)),
        Err(error) => Err(error),
    };
    let client = match server {
        Ok((client, version)) => {
            checks.push(ok(
                "server",
                format!("reachable and unsealed, version {version}"),
            ));
            client
        }
        Err(error) => {
            checks.push(failed(
                "server",
                "without the server, nothing can be read or written",
                &error,
            ));
            checks.extend(
                ["session", "mount", "policy", "sign-in"]
                    .map(|name| skipped(name, "the server does not answer")),
            );
            return;
        }
    };
    let session = session(core).await;
    let alive = session.state != CheckState::Failed;
    checks.push(session);
    if alive {
        // Vault hides a mount from a token without any right on it. In that case the policy check
        // is more informative.
        checks.push(mount(core).await);
        checks.push(policy(core).await);
    } else {
        checks.extend(["mount", "policy"].map(|name| skipped(name, "there is no session")));
    }
    checks.push(sign_in(core, &client, alive).await);
}

async fn session(core: &Core) -> Check {
    const WHY: &str = "reading and writing need a session";
    let looked = match core.session().and_then(crate::session::Session::alive) {
        Ok(session) => match core.vault() {
            Ok(vault) => vault
                .look_up_token()
                .await
                .map(|token| (session.seconds_left(), token)),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    let (ours, token) = match looked {
        Ok(looked) => looked,
        Err(error) => return failed("session", WHY, &error),
    };
    let user = printable(&token.display_name, false);
    if token.policies().iter().any(|policy| policy == "root") {
        return warning(
            "session",
            format!("{user}, a root token"),
            "it has every permission and never expires",
            "source claude-vault login --force",
        );
    }
    match [ours, token.seconds_left()].into_iter().flatten().min() {
        Some(left) => ok("session", format!("{user}, for {}", format_duration(left))),
        None => warning(
            "session",
            format!("{user}, never expires"),
            "it never expires, so a leaked token grants access indefinitely",
            "source claude-vault login --force",
        ),
    }
}

async fn mount(core: &Core) -> Check {
    const WHY: &str = "services are stored as secrets in a KV version 2 mount";
    let mount = &core.settings.mount;
    let outcome = match core.vault() {
        Ok(vault) => vault.require_kv2(mount).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ok("mount", format!("{mount}/ is KV version 2")),
        Err(error) => failed("mount", WHY, &error),
    }
}

async fn policy(core: &Core) -> Check {
    match capabilities(core).await {
        Ok((lists, reads, writes)) => judge_policy(core, lists, reads, writes),
        Err(error) => failed(
            "policy",
            "it decides what this session may read and write",
            &error,
        ),
    }
}

/// Whether the session may list the services, read one, and write one.
async fn capabilities(core: &Core) -> Result<(bool, bool, bool)> {
    let (vault, settings) = (core.vault()?, &core.settings);
    let below = if settings.prefix.is_empty() {
        String::new()
    } else {
        format!("/{}", settings.prefix)
    };
    let listing = vault
        .capabilities(&format!("{}/metadata{below}", settings.mount))
        .await?;
    let service = Service::probe()?;
    let data = vault
        .capabilities(&format!(
            "{}/data/{}",
            settings.mount,
            settings.service_path(&service)
        ))
        .await?;
    let may = |all: &[String], wanted: &str| all.iter().any(|one| one == wanted || one == "root");
    Ok((
        may(&listing, "list"),
        may(&data, "read"),
        vault.may_write(&service).await?,
    ))
}

fn judge_policy(core: &Core, lists: bool, reads: bool, writes: bool) -> Check {
    let path = core.services_path();
    let word = |may: bool, what: &str| {
        if may {
            what.to_owned()
        } else {
            format!("not {what}")
        }
    };
    let saw = format!(
        "{path}: may {}, {}, {}",
        word(lists, "list"),
        word(reads, "read"),
        word(writes, "write")
    );
    let steps_up = core.settings.write_role.is_some();
    let fix = format!("ask your Vault administrator for a policy on {path}: the README has one");
    match (lists && reads, writes, steps_up) {
        (false, ..) => Check {
            name: "policy",
            state: CheckState::Failed,
            saw,
            why: "services cannot be listed or read without it",
            fix,
        },
        (true, true, true) => warning(
            "policy",
            saw,
            "this session can write without write_role, so approval can be bypassed",
            "remove create and update from the policy of the session's role",
        ),
        (true, false, false) => warning("policy", saw, "this session cannot write services", fix),
        _ => ok("policy", saw),
    }
}

/// Requests a login URL from Vault, as a login does. That verifies the auth method, the role and
/// the redirect URI.
async fn sign_in(core: &Core, client: &Client, has_session: bool) -> Check {
    const WHY: &str = "login uses Vault's oidc method";
    let settings = &core.settings;
    if contacts_provider(settings, settings.method) {
        let issuer = settings.provider.issuer_text();
        return match check_provider(settings).await {
            Ok(methods) => ok(
                "sign-in",
                format!(
                    "{issuer}, supports {methods}, then auth/{}",
                    mount_of(settings, true)
                ),
            ),
            Err(error) => failed(
                "sign-in",
                "login uses the identity provider in your config",
                &error,
            ),
        };
    }
    let mount = mount_of(settings, false);
    let nonce = Secret::from("claude-vault-doctor-asks-only".to_owned());
    let ask = async |role, elsewhere| {
        let options = Options {
            role,
            elsewhere,
            ..Options::of(settings, Method::Oidc)
        };
        auth_url(client, &options, settings.port, &nonce).await
    };
    let back = match ask(settings.role.as_deref(), settings.method == Method::Device).await {
        Ok(auth) if auth.poll_interval.is_some() => "with a browser anywhere".to_owned(),
        Ok(_) => format!("back to port {}", settings.port),
        Err(error) => {
            // With a session, for example from a pasted token, this login is not needed.
            let state = if has_session {
                CheckState::Warning
            } else {
                CheckState::Failed
            };
            return Check {
                state,
                ..failed("sign-in", WHY, &error)
            };
        }
    };
    let role = settings.role.as_deref().unwrap_or("the default role");
    let Some(write_role) = settings.write_role.as_deref() else {
        return ok("sign-in", format!("auth/{mount} with {role}, {back}"));
    };
    match ask(Some(write_role), false).await {
        Err(error) => failed(
            "sign-in",
            "write_role is set in your config, so approval needs this login",
            &error,
        ),
        Ok(auth) if !auth.url.query_pairs().any(|(name, _)| name == "max_age") => warning(
            "sign-in",
            format!("auth/{mount} with {role}; {write_role} for writing, without a max_age"),
            "any program that controls your signed-in browser can approve without you",
            format!(
                "vault write auth/{mount}/role/{write_role} max_age=60s …   (with its other \
                 settings)"
            ),
        ),
        Ok(_) => ok(
            "sign-in",
            format!("auth/{mount} with {role}; {write_role} for writing, with a max_age"),
        ),
    }
}

fn browser(core: &Core, env: &Env) -> Check {
    const WHY: &str = "without a browser, login and approval print a URL to open";
    let (here, port) = (Surroundings::of(env), core.settings.port);
    match (&core.settings.browser, can_open_browser()) {
        (Some(command), _) => ok(
            "browser",
            format!("opened with {}", printable(command, false)),
        ),
        (None, true) if here != Surroundings::Ssh => ok("browser", "the desktop's default browser"),
        _ if here == Surroundings::Container => warning(
            "browser",
            "none: there is no screen in this container",
            WHY,
            "source claude-vault login   (open the URL outside the container, then paste the URL \
             at which the browser ends)",
        ),
        _ => warning(
            "browser",
            if here == Surroundings::Ssh {
                "none: this is an SSH session"
            } else {
                "none: there is no screen"
            },
            WHY,
            format!(
                "ssh -L {port}:localhost:{port} THIS-MACHINE   (from your machine), or export \
                 BROWSER=COMMAND"
            ),
        ),
    }
}

/// The config files in which MCP clients list their servers, below the home folder.
const CLIENTS: [&str; 9] = [
    ".claude.json",
    ".cursor/mcp.json",
    ".codex/config.toml",
    ".gemini/settings.json",
    ".vscode/mcp.json",
    ".config/zed/settings.json",
    ".config/Code/User/mcp.json",
    ".config/Claude/claude_desktop_config.json",
    ".codeium/windsurf/mcp_config.json",
];
/// The maximum size of a client config file that is searched, in bytes.
const MAX_CLIENT_FILE: u64 = 16 * 1024 * 1024;

/// Whether an AI assistant runs this process, or an MCP client's config mentions this program.
fn has_assistant(core: &Core, env: &Env) -> bool {
    let home = env.path("HOME");
    let of_home = home
        .iter()
        .flat_map(|home| CLIENTS.iter().map(|file| home.join(file)));
    let of_root = [".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json"]
        .map(|file| core.settings.root.join(file));
    let names_us = |file: std::path::PathBuf| {
        let is_small = std::fs::metadata(&file)
            .is_ok_and(|found| found.is_file() && found.len() <= MAX_CLIENT_FILE);
        is_small && std::fs::read_to_string(&file).is_ok_and(|text| text.contains("claude-vault"))
    };
    core.settings.agent.is_some() || of_home.chain(of_root).any(names_us)
}

fn approval(core: &Core, env: &Env) -> Check {
    const WHY: &str = "changes that an AI assistant requests wait for approval";
    match strength(core) {
        Err(error) => failed("approval", WHY, &error),
        Ok(Strength::Typed) if !has_assistant(core, env) => ok(
            "approval",
            "by typing yes; no AI assistant that uses claude-vault was found",
        ),
        Ok(Strength::Typed) => warning(
            "approval",
            "by typing yes",
            "any program that controls your browser or terminal can type it",
            "claude-vault approve enroll NAME   (or set write_role: see docs/approval.md)",
        ),
        Ok(Strength::Passkey) => {
            let count = passkeys(core).load().map_or(0, |all| all.len());
            ok("approval", format!("by one of {count} passkeys"))
        }
        Ok(Strength::StepUp) => match require_safe_destination(&core.settings) {
            Ok(()) => ok("approval", "by signing in for write_role"),
            Err(error) => failed("approval", WHY, &error),
        },
    }
}

fn audit_log(core: &Core) -> Check {
    const WHY: &str = "nothing is written to Vault unless it can be logged";
    match core.audit.check().and_then(|()| core.audit.verify()) {
        Err(Error::NotFound { .. }) => ok(
            "audit log",
            "none yet; the first command that uses Vault creates it",
        ),
        Ok(verified) => ok(
            "audit log",
            format!(
                "{} with {} lines, intact",
                core.audit.path().display(),
                verified.lines
            ),
        ),
        Err(error) => failed("audit log", WHY, &error),
    }
}

/// Checks which file `source claude-vault` finds.
fn shell(env: &Env) -> Check {
    const WHY: &str = "source reads the first file of that name, and a session lives in the shell \
        that sources it";
    let here = Path::new("claude-vault");
    if here.is_file() {
        return warning(
            "shell",
            "this folder contains a file named claude-vault",
            "source in zsh and fish reads that file instead of the real one",
            ". claude-vault login   (in zsh), or use the function from: claude-vault init SHELL",
        );
    }
    let found = LauncherFound::on_path(env);
    let saw = match &found {
        LauncherFound::Launcher(file) => {
            return ok("shell", format!("{} can be sourced", file.display()));
        }
        LauncherFound::Nothing => "no claude-vault on PATH".into(),
        LauncherFound::Other { file, .. } => {
            format!(
                "{} comes first on PATH, but is not the file that a shell should source",
                file.display()
            )
        }
    };
    warning("shell", saw, WHY, found.fix())
}
