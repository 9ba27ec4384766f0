//! Checks that a person can sign in, and that this machine can open a browser for it.

use super::{Check, CheckState, failed, ok, warning};
use crate::config::{Env, Settings};
use crate::core::Core;
use crate::error::Result;
use crate::login::{
    LoginPlace, Options, Route, Surroundings, auth_url, can_open_browser, check_provider,
    method_for, mount_of, route,
};
use crate::names::printable;
use crate::secret::Secret;
use crate::vault::{AuthUrl, Client};

/// Checks the servers that a login with the configured method goes through.
pub(super) async fn sign_in(core: &Core, client: &Client, has_session: bool) -> Check {
    let settings = &core.settings;
    match route(settings, settings.method) {
        Route::Provider => of_provider(settings).await,
        Route::VaultOidc { elsewhere } => {
            let options = Options {
                elsewhere,
                ..Options::of(settings, settings.method)
            };
            of_vault(settings, client, &options, has_session).await
        }
    }
}

/// Checks the sign-in through Vault's method `oidc`, and the one for writing.
async fn of_vault(
    settings: &Settings,
    client: &Client,
    options: &Options<'_>,
    has_session: bool,
) -> Check {
    let back = match request(client, options).await {
        Ok(auth) if auth.poll_interval.is_some() => "with a browser anywhere".to_owned(),
        Ok(_) => format!("back to port {}", options.port),
        Err(error) => {
            // With a session, for example from a pasted token, this login is not needed.
            let state = if has_session {
                CheckState::Warning
            } else {
                CheckState::Failed
            };
            return Check {
                state,
                ..failed("sign-in", "login uses Vault's oidc method", &error)
            };
        }
    };
    let mount = options.mount;
    let role = options.role.unwrap_or("the default role");
    match settings.write_role.as_deref() {
        Some(write_role) => {
            let saw = format!("auth/{mount} with {role}; {write_role} for writing");
            for_writing(settings, client, write_role, &saw).await
        }
        None => ok("sign-in", format!("auth/{mount} with {role}, {back}")),
    }
}

/// Requests a login URL from Vault, as a login does. That verifies the auth method, the role and
/// the redirect URI.
async fn request(client: &Client, options: &Options<'_>) -> Result<AuthUrl> {
    let nonce = Secret::from("claude-vault-doctor-asks-only".to_owned());
    auth_url(client, options, options.port, &nonce).await
}

/// Checks the sign-in through an identity provider that the program itself contacts.
async fn of_provider(settings: &Settings) -> Check {
    let issuer = settings.provider.issuer_text();
    match check_provider(settings).await {
        Ok(methods) => ok(
            "sign-in",
            format!(
                "{issuer}, supports {methods}, then auth/{}",
                mount_of(settings, Route::Provider)
            ),
        ),
        Err(error) => failed(
            "sign-in",
            "login uses the identity provider in your config",
            &error,
        ),
    }
}

/// Checks the login that an approval needs.
async fn for_writing(settings: &Settings, client: &Client, write_role: &str, saw: &str) -> Check {
    let options = Options {
        role: Some(write_role),
        ..Options::of(settings, method_for(settings, LoginPlace::StepUp))
    };
    match request(client, &options).await {
        Err(error) => failed(
            "sign-in",
            "write_role is set in your config, so approval needs this login",
            &error,
        ),
        Ok(auth) if !auth.url.query_pairs().any(|(name, _)| name == "max_age") => warning(
            "sign-in",
            format!("{saw}, without a max_age"),
            "any program that controls your signed-in browser can approve without you",
            format!(
                "vault write auth/{}/role/{write_role} max_age=60s …   (with its other settings)",
                options.mount
            ),
        ),
        Ok(_) => ok("sign-in", format!("{saw}, with a max_age")),
    }
}

pub(super) fn browser(core: &Core, env: &Env) -> Check {
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
