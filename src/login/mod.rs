//! Getting a token: by Vault's own OIDC method, or straight from the identity provider.
//!
//! Promises: a listener is on loopback only and ends on this login's state alone; nothing of a
//! login is written anywhere; however it ends, nothing of it is left.

mod browser;
mod callback;
mod oidc;
mod provider;

pub use browser::{Surroundings, has_desktop as can_open_browser, open as open_browser};
pub use callback::Farewell;
pub use oidc::{auth_url, oidc};
pub use provider::look_at_provider;

use std::time::Duration;

use url::Url;

use crate::config::{Method, Settings};
use crate::error::{Error, Result, Said};
use crate::names::printable;
use crate::vault::{Client, Granted};
use callback::{Answer, Arrival, Listener};

/// How to log in.
pub struct Options<'a> {
    /// The role; Vault's default without one.
    pub role: Option<&'a str>,
    /// Where the method is mounted.
    pub mount: &'a str,
    /// The callback's port, if it is free.
    pub port: u16,
    /// How long to wait for the person.
    pub timeout: Duration,
    /// What the login stands for, if not for a session: a digest that goes into its nonce.
    pub bound_to: Option<&'a str>,
    /// Where the browser goes afterwards, instead of a page that says how it ended.
    pub afterwards: Option<Url>,
    /// Whether the browser may be on another machine: then nothing comes back to this one.
    pub elsewhere: bool,
}

/// A login that came to its end. Whoever logs in takes care of the token first: telling the browser
/// can be interrupted.
pub struct LoggedIn {
    /// The token.
    pub granted: Granted,
    /// The browser that is still to be told.
    pub farewell: Farewell,
}

/// Where a person signs in.
pub struct SignIn<'a> {
    /// The page.
    pub url: &'a Url,
    /// The port of this machine that the browser comes back to; `None` where any browser on any
    /// machine will do.
    pub port: Option<u16>,
    /// The code that the page shows, or asks for (RFC 8628, 3.3).
    pub code: Option<String>,
}

/// Where a login speaks with the person.
pub trait Face {
    /// Shows where to sign in, and opens it where a browser can be opened.
    fn sign_in(&mut self, at: &SignIn<'_>);
    /// Tells something.
    fn note(&self, text: &str);
    /// Waits for a line that the person pastes; never ends where nobody can.
    fn pasted(&mut self) -> impl Future<Output = String>;
}

/// Logs in by `method` for a token of the Vault of these settings.
///
/// # Errors
/// [`Error::LoginFailed`] with Vault's or the provider's reason, [`Error::LoginTimeout`], and
/// what keeps either from answering.
pub async fn log_in(settings: &Settings, method: Method, options: Options<'_>, face: &mut impl Face) -> Result<LoggedIn> {
    let vault = Client::new(settings, None)?;
    match method {
        _ if settings.asks_provider(method) => provider::log_in(settings, method, &vault, &options, face).await,
        Method::Device => oidc(&vault, &Options { elsewhere: true, ..options }, face).await,
        _ => oidc(&vault, &options, face).await,
    }
}

/// Shows where to sign in with a browser that comes back to `port`, and why that is not the one meant.
fn send_to(url: &Url, port: u16, options: &Options<'_>, face: &mut impl Face) {
    if port != options.port {
        face.note(&format!("port {} is taken by another program; waiting on {port} instead", options.port));
    }
    face.sign_in(&SignIn { url, port: Some(port), code: None });
}

/// The address that the browser comes back to. `localhost`, not 127.0.0.1: Vault and the providers
/// compare the name (RFC 8252, 8.3 aside).
fn loopback_address(port: u16) -> String {
    format!("http://localhost:{port}/oidc/callback")
}

/// What the browser brings to the listener, or the person pastes.
async fn answer(listener: &mut Listener, face: &mut impl Face, state: &str) -> (Answer, Option<callback::Reply>) {
    loop {
        let pasted = tokio::select! {
            Arrival { answer, page } = listener.arrival() => return (answer, Some(page)),
            line = face.pasted() => line,
        };
        match callback::from_pasted(&pasted, state) {
            Ok(answer) => return (answer, None),
            Err(why) => face.note(why),
        }
    }
}

/// A code for a person to compare or type, whatever the server sent.
fn shown_code(text: &str) -> String {
    printable(text, false).chars().take(64).collect()
}

/// What the provider said instead of a code or a token.
fn denied(error: &str, description: &str) -> Error {
    const HINT: &str = "start over when you are ready: source claude-vault login";
    match (error, description) {
        ("access_denied", "") => Error::login_failed("it was declined at the identity provider", HINT),
        (error, "") => Error::LoginFailed { reason: REFUSED, said: Said::new(error), hint: HINT.into() },
        (error, description) => {
            Error::LoginFailed { reason: REFUSED, said: Said::new(&format!("{error}: {description}")), hint: HINT.into() }
        }
    }
}

const REFUSED: &str = "the identity provider refused it";

fn timeout(options: &Options<'_>) -> Error {
    Error::LoginTimeout { seconds: options.timeout.as_secs() }
}
