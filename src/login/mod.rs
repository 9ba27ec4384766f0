//! Getting a token: by Vault's own OIDC method, or straight from the identity provider.
//!
//! Promises: a listener is on loopback only and ends on this login's state alone; nothing of a
//! login is written anywhere; however it ends, nothing of it is left.

mod browser;
mod callback;
mod provider;

pub use browser::{Surroundings, has_desktop as can_open_browser, open as open_browser};
pub use callback::Farewell;
pub use oidc::auth_url;
pub use provider::look_at_provider;

use std::time::Duration;

use url::Url;

use crate::config::{Method, Settings, login_methods};
use crate::error::{Error, Result, Said};
use crate::names::printable;
use crate::secret::Secret;
use crate::vault::Granted;
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

/// How long the sign-in may take, where nobody says otherwise.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(300);

impl<'a> Options<'a> {
    /// As the settings have it for a method.
    #[must_use]
    pub fn of(settings: &'a Settings, method: Method) -> Self {
        Self {
            role: settings.role.as_deref(),
            mount: mount_of(settings, asks_provider(settings, method)),
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
pub enum LoginPlace {
    /// A person's shell.
    Shell,
    /// The server of an assistant, whose person has a browser and no terminal.
    Assistant,
    /// An approval by a fresh sign-in.
    StepUp,
}

/// A login method: one file with one implementation, and a line in `config::login_methods`.
trait SignInMethod {
    /// Where it can run.
    const RUNS_IN: &'static [LoginPlace];
    /// Whether it opens a browser on this machine.
    const OPENS_A_BROWSER: bool;
    /// Whether the token is made by this login: then it is ours to revoke.
    const MAKES_THE_TOKEN: bool;

    /// Whether this program asks the identity provider itself.
    fn asks_provider(settings: &Settings) -> bool;

    /// Gets a token.
    fn obtain(
        settings: &Settings,
        options: Options<'_>,
        face: &mut impl Face,
    ) -> impl Future<Output = Result<LoggedIn>>;
}

macro_rules! define_ways {
    ($($(#[$about:meta])* $variant:ident $name:ident,)*) => {
        $(mod $name;)*

        /// Logs in by `method` for a token of the Vault of these settings.
        ///
        /// # Errors
        /// [`Error::LoginFailed`] with Vault's or the provider's reason, [`Error::LoginTimeout`],
        /// and what keeps either from answering.
        pub async fn log_in(
            settings: &Settings,
            method: Method,
            options: Options<'_>,
            face: &mut impl Face,
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
        pub fn opens_a_browser(method: Method) -> bool {
            match method {
                $(Method::$variant => $name::$variant::OPENS_A_BROWSER,)*
            }
        }

        /// Whether the token of a method is made by its login: then it is ours to revoke.
        #[must_use]
        pub fn makes_the_token(method: Method) -> bool {
            match method {
                $(Method::$variant => $name::$variant::MAKES_THE_TOKEN,)*
            }
        }

        /// Whether this program asks the identity provider itself by this method.
        #[must_use]
        pub fn asks_provider(settings: &Settings, method: Method) -> bool {
            match method {
                $(Method::$variant => $name::$variant::asks_provider(settings),)*
            }
        }
    };
}
login_methods!(define_ways);

/// The method of the settings where it can run in a place, else Vault's own login.
#[must_use]
pub fn method_for(settings: &Settings, place: LoginPlace) -> Method {
    if runs_in(settings.method).contains(&place) {
        settings.method
    } else {
        Method::Oidc
    }
}

/// Where the login method is mounted, without slashes at its ends. `auth_mount` is that of the
/// method which the settings name; Vault's `oidc` is where step-up signs in, whatever they name.
#[must_use]
pub fn mount_of(settings: &Settings, at_provider: bool) -> &str {
    let named = settings
        .auth_mount
        .as_deref()
        .filter(|_| at_provider == asks_provider(settings, settings.method));
    named.unwrap_or(if at_provider { "jwt" } else { "oidc" })
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
    /// Asks for a token that the person has; [`Error::NoPerson`] where nobody can be asked.
    fn token(&mut self) -> impl Future<Output = Result<Secret>>;
}

/// Shows where to sign in with a browser that comes back to `port`, and why that is not the one
/// meant.
fn send_to(url: &Url, port: u16, options: &Options<'_>, face: &mut impl Face) {
    if port != options.port {
        face.note(&format!(
            "port {} is taken by another program; waiting on {port} instead",
            options.port
        ));
    }
    face.sign_in(&SignIn {
        url,
        port: Some(port),
        code: None,
    });
}

/// The address that the browser comes back to. `localhost`, not 127.0.0.1: Vault and the providers
/// compare the name (RFC 8252, 8.3 aside).
fn loopback_address(port: u16) -> String {
    format!("http://localhost:{port}/oidc/callback")
}

/// What the browser brings to the listener, or the person pastes.
async fn answer(
    listener: &mut Listener,
    face: &mut impl Face,
    state: &str,
) -> (Answer, Option<callback::Reply>) {
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
        ("access_denied", "") => {
            Error::login_failed("it was declined at the identity provider", HINT)
        }
        (error, "") => Error::LoginFailed {
            reason: REFUSED,
            said: Said::new(error),
            hint: HINT.into(),
        },
        (error, description) => Error::LoginFailed {
            reason: REFUSED,
            said: Said::new(&format!("{error}: {description}")),
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
