//! Vault's own method `oidc`. Vault is the relying party, and the browser returns to this machine.
//!
//! With a role in one of OpenBao's modes `direct` and `device`, the browser does not return here.
//! This program then polls the server for the outcome (<https://openbao.org/docs/auth/jwt/>).

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::callback::{Answer, LastPage, Listener, Page, PageSender};
use super::{
    LoggedIn, LoginPlace, LoginUi, Options, Route, SignIn, SignInMethod, answer, denied,
    loopback_address, send_to, shown_code, timeout,
};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::random;
use crate::secret::Secret;
use crate::vault::{AuthUrl, Callback, Client, Granted, Polled, redirect_not_allowed};

/// How long to retry if Vault fails over in the middle of a login.
const FAILOVER: Duration = Duration::from_secs(30);

pub(super) struct Oidc;

impl SignInMethod for Oidc {
    // The only method for step-up: Vault can require a fresh sign-in only with this method, and an
    // ID token could be used twice.
    const RUNS_IN: &'static [LoginPlace] =
        &[LoginPlace::Shell, LoginPlace::Assistant, LoginPlace::StepUp];
    const OPENS_A_BROWSER: bool = true;
    const MAKES_THE_TOKEN: bool = true;

    fn route(_: &Settings) -> Route {
        Route::VaultOidc { elsewhere: false }
    }

    async fn obtain(
        settings: &Settings,
        options: Options<'_>,
        face: &mut impl LoginUi,
    ) -> Result<LoggedIn> {
        sign_in(&Client::new(settings, None)?, &options, face).await
    }
}

/// Logs in through the browser and Vault's `oidc` method.
///
/// # Errors
/// [`Error::LoginFailed`] with Vault's or the provider's reason, [`Error::LoginTimeout`], and the
/// errors of an unreachable or failing Vault.
pub(super) async fn sign_in(
    vault: &Client,
    options: &Options<'_>,
    face: &mut impl LoginUi,
) -> Result<LoggedIn> {
    let deadline = Instant::now() + options.timeout;
    let listener = if options.elsewhere {
        None
    } else {
        Some(Listener::bind(options.port).await?)
    };
    let port = listener.as_ref().map_or(options.port, Listener::port);
    let (mut nonce, mut auth) = start(vault, options, port).await?;
    let (None, Some(mut listener)) = (auth.poll_interval, listener) else {
        let granted = timeout_at(deadline, poll(vault, options.mount, &auth, &nonce, face)).await;
        return Ok(LoggedIn {
            granted: granted.map_err(|_| timeout(options))??,
            farewell: LastPage::none(),
        });
    };
    listener.expect(&auth.state);
    send_to(&auth.url, port, options, face);
    let mut lost = false;
    loop {
        let waited = timeout_at(deadline, answer(&mut listener, face, &auth.state)).await;
        let Ok((answer, page)) = waited else {
            return Err(timeout(options));
        };
        match outcome_of(answer, vault, options.mount, &auth.state, &nonce, lost).await {
            Ok(Some(granted)) => return Ok(succeeded(granted, options, listener, page)),
            Ok(None) => {
                lost = true;
                face.note(
                    "Vault lost the login's state, probably after a failover: starting over once",
                );
                (nonce, auth) = start_after_failover(vault, options, port).await?;
                listener.expect(&auth.state);
                send_again(&auth.url, port, page, face);
            }
            Err(error) => return Err(failed(error, options, listener, page).await),
        }
    }
}

/// Completes the login with the provider's answer. `Ok(None)` as for [`finish`].
async fn outcome_of(
    answer: Answer,
    vault: &Client,
    mount: &str,
    state: &str,
    nonce: &Secret,
    lost_before: bool,
) -> Result<Option<Granted>> {
    match answer {
        Answer::Code(code) => {
            let state = state.to_owned();
            finish(vault, mount, Callback { state, code }, nonce, lost_before).await
        }
        Answer::Denied { error, description } => Err(denied(&error, &description)),
    }
}

/// The successful login, with the last page for the browser.
fn succeeded(
    granted: Granted,
    options: &Options<'_>,
    listener: Listener,
    browser: Option<PageSender>,
) -> LoggedIn {
    let last = options
        .afterwards
        .clone()
        .map_or(Page::SignedIn, Page::GoTo);
    LoggedIn {
        granted,
        farewell: LastPage::of(listener, browser, last),
    }
}

/// Shows the failure in the browser, or redirects the browser to `afterwards`. Returns the error.
async fn failed(
    error: Error,
    options: &Options<'_>,
    listener: Listener,
    browser: Option<PageSender>,
) -> Error {
    let last = options
        .afterwards
        .clone()
        .map_or_else(|| Page::Failed(error.for_person()), Page::GoTo);
    LastPage::of(listener, browser, last).say().await;
    error
}

/// Sends the browser that has returned, or else the person, to the address of a second attempt.
fn send_again(url: &Url, port: u16, browser: Option<PageSender>, face: &mut impl LoginUi) {
    match browser {
        Some(browser) => browser.send(Page::GoTo(url.clone())),
        None => face.sign_in(&SignIn {
            url,
            port: Some(port),
            code: None,
        }),
    }
}

async fn start(vault: &Client, options: &Options<'_>, port: u16) -> Result<(Secret, AuthUrl)> {
    let nonce = nonce(options.bound_to)?;
    let auth = auth_url(vault, options, port, &nonce).await?;
    Ok((nonce, auth))
}

/// Requests the login URL from Vault. The browser returns to `port`, or to the server if the role's
/// mode requires that.
///
/// # Errors
/// [`Error::LoginFailed`] if the role does not allow a suitable login, and the errors of an
/// unreachable or failing Vault.
pub(crate) async fn auth_url(
    vault: &Client,
    options: &Options<'_>,
    port: u16,
    nonce: &Secret,
) -> Result<AuthUrl> {
    let loopback = loopback_address(port);
    let auth = vault
        .auth_url(options.mount, options.role, &loopback, nonce)
        .await?;
    let comes_back_here = |auth: &AuthUrl| {
        auth.url
            .query_pairs()
            .any(|(name, value)| name == "redirect_uri" && value == loopback)
    };
    match auth {
        Some(auth) if auth.poll_interval.is_none() && options.elsewhere => {
            return Err(Error::login_failed(
                "the role requires a browser on this machine",
                "use the provider's own device flow: --issuer URL --client-id ID   (see docs/sign-in.md)",
            ));
        }
        Some(auth) if auth.poll_interval.is_none() || !comes_back_here(&auth) => return Ok(auth),
        _ => {}
    }
    // In the mode `direct`, the browser must return to the server's own callback.
    let own = vault.oidc_callback(options.mount);
    match vault
        .auth_url(options.mount, options.role, &own, nonce)
        .await?
    {
        Some(direct) if direct.poll_interval.is_some() => Ok(direct),
        _ => Err(redirect_not_allowed(
            options.mount,
            if auth.is_some() { &own } else { &loopback },
        )),
    }
}

/// Polls the server until the person has signed in with any browser.
async fn poll(
    vault: &Client,
    mount: &str,
    auth: &AuthUrl,
    nonce: &Secret,
    face: &mut impl LoginUi,
) -> Result<Granted> {
    face.sign_in(&SignIn {
        url: &auth.url,
        port: None,
        code: auth.user_code.as_deref().map(shown_code),
    });
    let mut interval = auth.poll_interval.unwrap_or(Duration::from_secs(5));
    loop {
        sleep(interval).await;
        vault.renew_timeout();
        match vault.poll_oidc(mount, &auth.state, nonce).await {
            Ok(Polled::Granted(granted)) => return Ok(granted),
            Ok(Polled::SlowDown) => interval *= 2,
            Ok(Polled::Pending) => {}
            Err(error) if error.is_transient() => {}
            Err(error) => return Err(error),
        }
    }
}

async fn start_after_failover(
    vault: &Client,
    options: &Options<'_>,
    port: u16,
) -> Result<(Secret, AuthUrl)> {
    let until = Instant::now() + FAILOVER;
    loop {
        match start(vault, options, port).await {
            Err(error) if error.is_transient() && Instant::now() < until => {
                sleep(Duration::from_millis(500)).await;
            }
            outcome => return outcome,
        }
    }
}

/// Completes the login. `Ok(None)` means that the login must start over: Vault lost its state or
/// failed temporarily, for the first time.
async fn finish(
    vault: &Client,
    mount: &str,
    callback: Callback,
    nonce: &Secret,
    lost_before: bool,
) -> Result<Option<Granted>> {
    match vault.finish_oidc(mount, &callback, nonce).await {
        Ok(None) if lost_before => Err(Error::login_failed(
            "Vault lost the login's state twice",
            "ask your Vault admin: all servers behind one address must belong to one cluster",
        )),
        Err(error) if !lost_before && error.is_transient() => Ok(None),
        outcome => outcome,
    }
}

/// A nonce of 128 random bits and the digest `bound_to`. It binds the callback to this process and
/// to the approval, if the login is for one.
fn nonce(bound_to: Option<&str>) -> Result<Secret> {
    Ok(Secret::from(random::id()? + bound_to.unwrap_or_default()))
}
