//! `doctor`: checks the setup, in the order in which a person would fix problems. Each check
//! reports what it found, why it matters, and the command that fixes it. No report contains a
//! secret.

mod approval;
mod server;
mod sign_in;

use std::path::Path;

use serde::Serialize;

use self::approval::approval;
use self::server::with_address;
use self::sign_in::browser;
use super::Core;
use crate::config::{Env, has_leftover_lab};
use crate::error::Error;
use crate::files::Root;
use crate::launcher::LauncherFound;
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
