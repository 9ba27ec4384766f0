//! Gets a token: through Vault's own OIDC method, through a sign-in at the identity provider, or
//! from the person, who pastes one.
//!
//! Guarantees: the listener is on loopback only, and only a request with this login's state ends
//! the wait. Nothing about a login is written to disk, and nothing remains after it, however it
//! ends.

mod browser;
mod callback;
mod provider;

pub(crate) use browser::{Surroundings, has_desktop as can_open_browser, open as open_browser};
pub(crate) use callback::LastPage;
pub(crate) use oidc::auth_url;
pub(crate) use provider::check_provider;

use std::time::Duration;

use url::Url;

use crate::config::{Method, Settings, login_methods};
use crate::error::{Error, ForeignText, Result};
use crate::names::printable;
use crate::secret::Secret;
use crate::vault::Granted;
use callback::{Answer, Arrival, Listener};

/// How to log in.
pub(crate) struct Options<'a> {
    /// The role; `None` for Vault's default role.
    pub role: Option<&'a str>,
    /// The mount of the auth method.
    pub mount: &'a str,
    /// The preferred port for the callback.
    pub port: u16,
    /// How long to wait for the person.
    pub timeout: Duration,
    /// A digest to include in the nonce, if the login approves something instead of starting a
    /// session. It binds the login to that approval.
    pub bound_to: Option<&'a str>,
    /// The address to which the browser goes afterwards, instead of a page with the outcome.
    pub afterwards: Option<Url>,
    /// Whether the browser may be on another machine, so that no callback comes to this one.
    pub elsewhere: bool,
}

/// The default time limit for the sign-in.
pub(crate) const LOGIN_TIMEOUT: Duration = Duration::from_secs(300);

impl<'a> Options<'a> {
    /// The options from the settings, for a login with `method`.
    #[must_use]
    pub(crate) fn of(settings: &'a Settings, method: Method) -> Self {
        Self {
            role: settings.role.as_deref(),
            mount: mount_of(settings, route(settings, method)),
            port: settings.port,
            timeout: LOGIN_TIMEOUT,
            bound_to: None,
            afterwards: None,
            elsewhere: false,
        }
    }
}

/// Where a login runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LoginPlace {
    /// A person's shell.
    Shell,
    /// The MCP server for an assistant. The person has a browser but no terminal.
    Assistant,
    /// An approval by a fresh sign-in.
    StepUp,
}

/// The servers that a login goes through. This decides its mount, and what `doctor` checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// Vault's method `oidc`, which returns the URL of the sign-in page.
    VaultOidc {
        /// Whether the browser may be on another machine.
        elsewhere: bool,
    },
    /// The identity provider itself, then Vault's method `jwt`.
    Provider,
}

impl Route {
    /// The path at which Vault usually mounts the auth method.
    fn usual_mount(self) -> &'static str {
        match self {
            Self::VaultOidc { .. } => "oidc",
            Self::Provider => "jwt",
        }
    }
}

/// A login method. Each has one file with one implementation, and a line in
/// `config::login_methods`.
trait SignInMethod {
    /// The places in which the method can run.
    const RUNS_IN: &'static [LoginPlace];
    /// Whether the method opens a browser on this machine.
    const OPENS_A_BROWSER: bool;
    /// Whether the login creates the token. Only such a token may be revoked without asking.
    const MAKES_THE_TOKEN: bool;

    /// The servers that a login with these settings goes through.
    fn route(settings: &Settings) -> Route;

    fn obtain(
        settings: &Settings,
        options: Options<'_>,
        face: &mut impl LoginUi,
    ) -> impl Future<Output = Result<LoggedIn>>;
}

macro_rules! define_ways {
    ($($(#[$about:meta])* $variant:ident $name:ident,)*) => {
        $(mod $name;)*

        /// Logs in with `method` to the configured Vault.
        ///
        /// # Errors
        /// [`Error::LoginFailed`] with Vault's or the provider's reason, [`Error::LoginTimeout`],
        /// and the errors of unreachable or failing servers.
        pub(crate) async fn log_in(
            settings: &Settings,
            method: Method,
            options: Options<'_>,
            face: &mut impl LoginUi,
        ) -> Result<LoggedIn> {
            match method {
                $(Method::$variant => $name::$variant::obtain(settings, options, face).await,)*
            }
        }

        fn runs_in(method: Method) -> &'static [LoginPlace] {
            match method {
                $(Method::$variant => $name::$variant::RUNS_IN,)*
            }
        }

        /// Whether a method opens a browser on this machine.
        #[must_use]
        pub(crate) fn opens_a_browser(method: Method) -> bool {
            match method {
                $(Method::$variant => $name::$variant::OPENS_A_BROWSER,)*
            }
        }

        /// Whether a method's login creates the token. Only such a token may be revoked without
        /// asking.
        #[must_use]
        pub(crate) fn creates_token(method: Method) -> bool {
            match method {
                $(Method::$variant => $name::$variant::MAKES_THE_TOKEN,)*
            }
        }

        /// The servers that a login with this method goes through.
        #[must_use]
        pub(crate) fn route(settings: &Settings, method: Method) -> Route {
            match method {
                $(Method::$variant => $name::$variant::route(settings),)*
            }
        }
    };
}
login_methods!(define_ways);

/// The configured method if it can run in `place`; otherwise Vault's own login.
#[must_use]
pub(crate) fn method_for(settings: &Settings, place: LoginPlace) -> Method {
    if runs_in(settings.method).contains(&place) {
        settings.method
    } else {
        Method::Oidc
    }
}

/// The mount of the auth method, without slashes at its ends. `auth_mount` applies only if the
/// configured method uses the same auth method of Vault as `route`. Otherwise, the usual mount is
/// used: step-up, for example, always signs in through Vault's `oidc`.
#[must_use]
pub(crate) fn mount_of(settings: &Settings, route: Route) -> &str {
    let configured = self::route(settings, settings.method);
    settings
        .auth_mount
        .as_deref()
        .filter(|_| configured.usual_mount() == route.usual_mount())
        .unwrap_or(route.usual_mount())
}

/// A successful login. The caller must store the token before it sends the last page to the
/// browser, because it can be interrupted while it sends the page.
pub(crate) struct LoggedIn {
    /// The token.
    pub granted: Granted,
    /// The last page, which still has to be sent to the browser.
    pub farewell: LastPage,
}

/// The page on which a person signs in.
pub(crate) struct SignIn<'a> {
    /// The page's address.
    pub url: &'a Url,
    /// The port of this machine to which the browser returns; `None` if a browser on any machine
    /// can be used.
    pub port: Option<u16>,
    /// The code that the page shows, or asks for (RFC 8628, 3.3).
    pub code: Option<String>,
}

/// The interface through which a login communicates with the person.
pub(crate) trait LoginUi {
    /// Shows the page to sign in on, and opens it if a browser can be opened.
    fn sign_in(&mut self, at: &SignIn<'_>);
    /// Shows a message.
    fn note(&self, text: &str);
    /// Waits for a line that the person pastes. Never completes if the person cannot paste one,
    /// which is the default.
    fn pasted(&mut self) -> impl Future<Output = String> {
        std::future::pending()
    }
    /// Asks for an existing token. Without a terminal, the error is [`needs_a_terminal`].
    fn token(&mut self) -> impl Future<Output = Result<Secret>>;
}

/// The error of a [`LoginUi`] that cannot ask for a token.
pub(crate) fn needs_a_terminal() -> Error {
    Error::NoPerson {
        question: "which token?",
        hint: "source claude-vault login --method token   (in a terminal)",
    }
}

/// Shows the page to sign in on, with a browser that returns to `port`. If `port` is not the
/// preferred port, a note explains why.
fn send_to(url: &Url, port: u16, options: &Options<'_>, face: &mut impl LoginUi) {
    if port != options.port {
        face.note(&format!(
            "port {} is taken by another program; waiting on port {port} instead",
            options.port
        ));
    }
    face.sign_in(&SignIn {
        url,
        port: Some(port),
        code: None,
    });
}

/// The callback address. It uses `localhost` and not 127.0.0.1, although RFC 8252, 8.3 recommends
/// the IP address, because Vault and the providers compare the name.
fn loopback_address(port: u16) -> String {
    format!("http://localhost:{port}/oidc/callback")
}

/// Waits for the answer: from the browser at the listener, or from an address that the person
/// pastes.
async fn answer(
    listener: &mut Listener,
    face: &mut impl LoginUi,
    state: &str,
) -> (Answer, Option<callback::PageSender>) {
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

/// Makes the server's code safe to show: printable and at most 64 characters.
fn shown_code(text: &str) -> String {
    printable(text, false).chars().take(64).collect()
}

/// The error for a provider that returned `error` instead of a code or a token.
fn denied(error: &str, description: &str) -> Error {
    const HINT: &str = "start over when you are ready: source claude-vault login";
    match (error, description) {
        ("access_denied", "") => {
            Error::login_failed("it was declined at the identity provider", HINT)
        }
        (error, "") => Error::LoginFailed {
            reason: REFUSED,
            said: ForeignText::new(error),
            hint: HINT.into(),
        },
        (error, description) => Error::LoginFailed {
            reason: REFUSED,
            said: ForeignText::new(&format!("{error}: {description}")),
            hint: HINT.into(),
        },
    }
}

const REFUSED: &str = "the identity provider refused it";

fn timeout(options: &Options<'_>) -> Error {
    Error::LoginTimeout {
        seconds: options.timeout.as_secs(),
    }
}
