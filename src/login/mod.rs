//! Getting a token: the OIDC login through the browser.
//!
//! Promises: the listener is on loopback only and ends on this login's state alone; nothing of a
//! login is written anywhere; however it ends, nothing of it is left.

mod browser;
mod callback;

pub use browser::{has_desktop as can_open_browser, open as open_browser};

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use crate::error::{Error, Result};
use crate::names::printable;
use crate::secret::Secret;
use crate::vault::{AuthUrl, Callback, Client, Granted};
use callback::{Answer, Arrival, Listener, Page};

/// How long Vault is waited for when it fails over in the middle of a login.
const FAILOVER: Duration = Duration::from_secs(30);

/// How to log in.
pub struct Options<'a> {
    /// The role; Vault's default without one.
    pub role: Option<&'a str>,
    /// Where the method is mounted, `oidc` as a rule.
    pub mount: &'a str,
    /// The callback's port, if it is free.
    pub port: u16,
    /// How long to wait for the person.
    pub timeout: Duration,
    /// What the login stands for, if not for a session: a digest that goes into its nonce.
    pub bound_to: Option<&'a str>,
    /// Where the browser goes afterwards, instead of a page that says how it ended.
    pub afterwards: Option<Url>,
}

/// Where a login speaks with the person.
pub trait Face {
    /// Shows where to sign in, and opens it where a browser can be opened.
    fn sign_in(&mut self, url: &Url, port: u16);
    /// Tells something.
    fn note(&self, text: &str);
    /// Waits for a line that the person pastes; never ends where nobody can.
    fn pasted(&mut self) -> impl Future<Output = String>;
}

/// Logs in through the browser and Vault's `oidc` method.
///
/// # Errors
/// [`Error::LoginFailed`] with Vault's or the provider's reason, [`Error::LoginTimeout`], and
/// what keeps Vault from answering.
pub async fn oidc(vault: &Client, options: &Options<'_>, face: &mut impl Face) -> Result<Granted> {
    let deadline = Instant::now() + options.timeout;
    let mut listener = Listener::bind(options.port).await?;
    let port = listener.port();
    if port != options.port {
        face.note(&format!("port {} is taken by another program; waiting on {port} instead", options.port));
    }
    let (mut nonce, mut auth) = start(vault, options, port).await?;
    listener.expect(&auth.state);
    face.sign_in(&auth.url, port);
    let mut lost = false;
    loop {
        let waited = timeout_at(deadline, answer(&mut listener, face, &auth.state)).await;
        let Ok((answer, page)) = waited else { return Err(Error::LoginTimeout { seconds: options.timeout.as_secs() }) };
        let outcome = match answer {
            Answer::Code(code) => finish(vault, options.mount, Callback { state: auth.state.clone(), code }, &nonce, lost).await,
            Answer::Denied { error, description } => Err(denied(&error, &description)),
        };
        match outcome {
            Ok(Some(granted)) => {
                match options.afterwards.clone() {
                    None => listener.end(page, Page::SignedIn).await,
                    // Nothing waits for the browser: a token must not be held up, or dropped, here.
                    Some(back) => drop(tokio::spawn(async move { listener.end(page, Page::GoTo(back)).await })),
                }
                return Ok(granted);
            }
            Ok(None) => {
                lost = true;
                face.note("Vault lost the login's state, as after a failover: starting over once");
                (nonce, auth) = start_after_failover(vault, options, port).await?;
                listener.expect(&auth.state);
                match page {
                    Some(page) => page.send(Page::GoTo(auth.url.clone())),
                    None => face.sign_in(&auth.url, port),
                }
            }
            Err(error) => {
                let told = options.afterwards.clone().map_or_else(|| Page::Failed(error.to_string()), Page::GoTo);
                listener.end(page, told).await;
                return Err(error);
            }
        }
    }
}

async fn start(vault: &Client, options: &Options<'_>, port: u16) -> Result<(Secret, AuthUrl)> {
    let nonce = nonce(options.bound_to)?;
    // `localhost`, not 127.0.0.1: Vault and the providers compare the name (RFC 8252, 8.3 aside).
    let redirect_uri = format!("http://localhost:{port}/oidc/callback");
    let auth = vault.auth_url(options.mount, options.role, &redirect_uri, &nonce).await?;
    Ok((nonce, auth))
}

async fn start_after_failover(vault: &Client, options: &Options<'_>, port: u16) -> Result<(Secret, AuthUrl)> {
    let until = Instant::now() + FAILOVER;
    loop {
        match start(vault, options, port).await {
            Err(error) if is_passing(&error) && Instant::now() < until => sleep(Duration::from_millis(500)).await,
            outcome => return outcome,
        }
    }
}

/// `Ok(None)` when the login's state is lost and this has not happened before.
async fn finish(vault: &Client, mount: &str, callback: Callback, nonce: &Secret, lost_before: bool) -> Result<Option<Granted>> {
    match vault.finish_oidc(mount, &callback, nonce).await {
        Ok(None) if lost_before => Err(Error::LoginFailed {
            reason: "Vault lost the login's state twice".into(),
            hint: "several servers behind one address must share one cluster: ask whoever runs Vault".into(),
        }),
        Err(error) if !lost_before && is_passing(&error) => Ok(None),
        outcome => outcome,
    }
}

fn is_passing(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } | Error::Sealed { .. } | Error::BadReply { .. } => true,
        Error::Server { status, .. } => *status >= 500,
        _ => false,
    }
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

fn denied(error: &str, description: &str) -> Error {
    let cut = |text: &str| printable(text, false).chars().take(300).collect::<String>();
    let reason = match (error, description) {
        ("access_denied", "") => "it was declined at the identity provider".into(),
        (error, "") => format!("the identity provider said {}", cut(error)),
        (error, description) => format!("the identity provider said {}: {}", cut(error), cut(description)),
    };
    Error::LoginFailed { reason, hint: "start over when you are ready: source claude-vault login".into() }
}

/// Ties the callback to this process, and to what it stands for: 128 random bits and a digest.
fn nonce(bound_to: Option<&str>) -> Result<Secret> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::invalid("the operating system gives no random numbers", "try again"))?;
    let random: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Secret::from(random + bound_to.unwrap_or_default()))
}
