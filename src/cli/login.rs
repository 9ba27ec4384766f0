//! The `login` command.

mod at_shell;

use std::cell::RefCell;
use std::time::Duration;

use super::Context;
use crate::config::{Method, ProviderSettings};
use crate::core::Core;
use crate::core::login::{
    Ended, SignInReply, begin, end_replaced, live_session, other_vault, revoke,
};
use crate::error::{Error, Result};
use crate::login::{
    Options, Surroundings, creates_token, log_in, mount_of, opens_a_browser, route,
};
use crate::secret::{Secret, WayOut};
use crate::session::{CONTEXT, MARK, format_duration};
use crate::shell::Shell;
use crate::signals::stopped;
use crate::ui::Ui;
use at_shell::AtShell;

#[derive(clap::Args)]
pub(super) struct Login {
    /// How to sign in [default: oidc]
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// The role to ask Vault for, instead of its default
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Where the login method is mounted [default: oidc, or jwt]
    #[arg(long, value_name = "PATH")]
    auth_mount: Option<String>,
    /// The identity provider to sign in to directly (jwt, device)
    #[arg(long, value_name = "URL", requires = "client_id")]
    issuer: Option<String>,
    /// The client ID registered there (a public client)
    #[arg(long, value_name = "ID", requires = "issuer")]
    client_id: Option<String>,
    /// The port for the browser's callback; another one if it is busy [default: 8250]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The command that opens the URL, instead of BROWSER or the desktop's own
    #[arg(long, value_name = "COMMAND", conflicts_with = "no_browser")]
    browser: Option<String>,
    /// Do not open a browser here; the URL is printed either way
    #[arg(long)]
    no_browser: bool,
    /// How long to wait for you to sign in
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// Sign in again even if the session is still valid
    #[arg(long)]
    force: bool,
    /// The syntax to print, for: eval "$(claude-vault login)"
    #[arg(long, value_enum, default_value = "sh")]
    shell: Shell,
}

impl Login {
    pub(super) async fn run(self, context: &Context<'_>, sourced: Option<Shell>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        if sourced.is_none() && ui.stdout_is_terminal() {
            return Err(Error::invalid(
                "login sets variables in this shell, so it must be sourced",
                ui.shell().login_with_setup(),
            ));
        }
        if sourced.is_none() && core.settings.agent.is_some() {
            return Err(Error::UnderAgent {
                what: "printing a session",
            });
        }
        core.settings.address()?;
        self.check_locked_settings(core)?;
        if !self.force
            && let Some(reply) = live_session(core).await?
        {
            return print(context, &reply, sourced.unwrap_or(self.shell));
        }
        core.audit.check()?; // fail before the person signs in for nothing
        if let (Some(old), Ok(new)) = (other_vault(core), core.settings.address()) {
            let new = new.as_str().trim_end_matches('/');
            ui.note(&format!(
                "this shell holds a session for {old}: signing in to {new} replaces and revokes it"
            ));
        }
        let granted = RefCell::new(None);
        let outcome = tokio::select! {
            reply = self.sign_in(context, &granted) => reply,
            () = stopped() => Err(Error::Interrupted),
        };
        match outcome {
            Ok(reply) => {
                let status = print(context, &reply, sourced.unwrap_or(self.shell))?;
                self.end_replaced(context, &reply).await;
                Ok(status)
            }
            Err(error) => {
                if let Some(token) = granted.take() {
                    revoke(&core.settings, token).await;
                }
                Err(error)
            }
        }
    }

    /// Refuses options that contradict the system config.
    fn check_locked_settings(&self, core: &Core) -> Result<()> {
        let settings = &core.settings;
        settings.check_lock(
            "role",
            "--role",
            self.role.as_deref(),
            settings.role.as_deref(),
        )?;
        settings.check_lock(
            "auth_mount",
            "--auth-mount",
            self.auth_mount.as_deref(),
            settings.auth_mount.as_deref(),
        )?;
        settings.check_lock(
            "browser",
            "--browser",
            self.browser.as_deref(),
            settings.browser.as_deref(),
        )
    }

    /// Revokes the session that the new one replaces, if claude-vault obtained it, and reports the
    /// outcome.
    async fn end_replaced(&self, context: &Context<'_>, new: &SignInReply) {
        let Context { ui, core, .. } = context;
        let (which, now) = match other_vault(core) {
            Some(old) => (
                format!("the previous session, for {old},"),
                format!("; this shell is signed in to {}", new.address),
            ),
            None => ("the previous session".to_owned(), String::new()),
        };
        match end_replaced(core, &new.token).await {
            Some(Ended::Revoked) => ui.note(&format!("{which} is revoked{now}")),
            Some(Ended::NotRevoked(why)) => {
                ui.warn(&format!(
                    "{which} could not be revoked and lives until it expires{now}: {why}"
                ));
            }
            Some(Ended::AlreadyEnded) if !now.is_empty() => {
                ui.note(&format!("{which} had already ended{now}"));
            }
            Some(Ended::AlreadyEnded | Ended::None | Ended::Forgotten | Ended::Root) => {}
            None if core
                .held_session()
                .is_some_and(|old| old.provenance.is_none() && old.token != new.token) =>
            {
                ui.note(
                    "the previous token was not obtained by claude-vault, so it was not revoked",
                );
            }
            None => {}
        }
    }

    /// Signs in. `granted` receives a token that we obtained, so that the caller can revoke it if a
    /// later step fails.
    async fn sign_in(
        &self,
        context: &Context<'_>,
        granted: &RefCell<Option<Secret>>,
    ) -> Result<SignInReply> {
        let Context { ui, core, env } = context;
        let mut settings = core.settings.clone();
        if self.issuer.is_some() {
            // An issuer from the command line may be used with any Vault: `meant_for` stays empty,
            // because it restricts only the config's issuer.
            settings.provider = ProviderSettings {
                issuer: self.issuer.clone(),
                client_id: self.client_id.clone(),
                ..Default::default()
            };
        }
        let method = self.method.unwrap_or(settings.method);
        // Use the settings without the options: the config's `auth_mount` applies only to the kind
        // of login that the config itself sets up.
        let usual_mount = mount_of(&core.settings, route(&settings, method));
        let mount = self.auth_mount.as_deref().unwrap_or(usual_mount);
        let options = Options {
            role: self.role.as_deref().or(settings.role.as_deref()),
            mount: mount.trim_matches('/'),
            port: self.port.unwrap_or(settings.port),
            timeout: Duration::from_secs(self.timeout),
            ..Options::of(&settings, method)
        };
        let browser = self.browser.as_deref().or(settings.browser.as_deref());
        let here = Surroundings::of(env);
        let opens = !self.no_browser
            && opens_a_browser(method)
            && (browser.is_some() || here != Surroundings::Ssh);
        let mut login_ui = AtShell::new(ui, browser, opens, here);
        let done = log_in(&settings, method, options, &mut login_ui).await?;
        let token = done.granted.into_token();
        if creates_token(method) {
            granted.replace(Some(token.clone()));
        }
        done.farewell.say().await;
        begin(core, method, token).await
    }
}

fn print(context: &Context<'_>, reply: &SignInReply, shell: Shell) -> Result<u8> {
    let ui = context.ui;
    let left = u64::try_from(reply.expiry.saturating_sub(crate::session::now())).unwrap_or(0);
    for warning in &reply.warnings {
        ui.warn(warning);
    }
    let token = reply.token.expose(WayOut::ShellExport);
    let expiry = reply.expiry.to_string();
    let mut variables = vec![
        ("VAULT_ADDR", reply.address.as_str()),
        ("VAULT_TOKEN", token),
        ("VAULT_TOKEN_EXPIRY", &expiry),
    ];
    let mark = reply
        .provenance
        .as_ref()
        .map(|provenance| provenance.mark(&reply.token));
    variables.extend(mark.as_deref().map(|mark| (MARK, mark)));
    variables.extend(
        reply
            .namespace
            .as_deref()
            .map(|namespace| ("VAULT_NAMESPACE", namespace)),
    );
    variables.extend(reply.context.as_deref().map(|name| (CONTEXT, name)));
    // A namespace left over from another Vault: this context has none, but other programs would use
    // the old one.
    let is_left_over = reply.context.is_some()
        && reply.namespace.is_none()
        && context.env.vault("NAMESPACE").is_some();
    let unset: &[&str] = if is_left_over {
        &["VAULT_NAMESPACE", "BAO_NAMESPACE"]
    } else {
        &[]
    };
    let lines = zeroize::Zeroizing::new(shell.change(&variables, unset));
    ui.data(&lines)?;
    if reply.kept {
        ui.note(&format!(
            "still signed in as {} for {}; --force signs in again",
            reply.user,
            format_duration(left)
        ));
    } else {
        ui.note(&format!(
            "signed in as {} for {} (policies: {})",
            reply.user,
            format_duration(left),
            reply.policies.join(", ")
        ));
    }
    Ok(0)
}

/// Warns that the browser exited with an error.
pub(super) fn browser_failed() {
    Ui::warn_aside("the browser exited with an error: open the address above yourself");
}
