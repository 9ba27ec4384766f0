//! The loopback listener that the browser returns to (RFC 8252, 7.3).
//!
//! Other requests get a short answer and change nothing: only a GET of the callback path, by this
//! user, with this login's state ends the wait, once. A visitor of another user does not use it up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode, header};
use tokio::sync::{Notify, mpsc, oneshot};
use url::Url;

use crate::error::Result;
use crate::loopback::{self, Connection, Loopback, Serving, escape};
use crate::secret::Secret;

const PATH: &str = "/oidc/callback";
/// How long the last page may take to reach the browser.
const FAREWELL: Duration = Duration::from_secs(2);

/// What came back.
pub(super) enum Answer {
    /// The one-time code.
    Code(Secret),
    /// The provider's `error` and `error_description`.
    Denied { error: String, description: String },
}

/// An answer, and the browser waiting for a page.
pub(super) struct Arrival {
    pub(super) answer: Answer,
    pub(super) page: Reply,
}

/// What the browser is told.
pub(super) enum Page {
    SignedIn,
    Failed(String),
    /// Sign in once more, there.
    GoTo(Url),
}

/// A browser waiting for its page.
pub(super) struct Reply(oneshot::Sender<Page>);

impl Reply {
    pub(super) fn send(self, page: Page) {
        // The browser may have gone; the login does not depend on it.
        let _ = self.0.send(page);
    }
}

struct Shared {
    port: u16,
    /// The state waited for; taken by the first request that carries it.
    state: Mutex<Option<String>>,
    arrivals: mpsc::Sender<Arrival>,
    last_page_sent: Notify,
}

/// The listener, open until it is dropped.
pub(super) struct Listener {
    shared: Arc<Shared>,
    arrivals: mpsc::Receiver<Arrival>,
    _serving: Serving,
}

impl Listener {
    /// Listens on `preferred`, or on another port where that is taken in either family.
    pub(super) async fn bind(preferred: u16) -> Result<Self> {
        let loopback = Loopback::bind(preferred).await?;
        let (sender, arrivals) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            port: loopback.port,
            state: Mutex::new(None),
            arrivals: sender,
            last_page_sent: Notify::new(),
        });
        let each = shared.clone();
        let _serving = loopback.each(unknown_visitor, move |stream| {
            connection(stream, each.clone())
        });
        Ok(Self {
            shared,
            arrivals,
            _serving,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.shared.port
    }

    /// From now on this state is the one that ends the wait.
    pub(super) fn expect(&self, state: &str) {
        *self
            .shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(state.to_owned());
    }

    /// Waits for the browser.
    pub(super) async fn arrival(&mut self) -> Arrival {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            None => std::future::pending().await,
        }
    }
}

/// What the browser is told at the end of a login.
pub struct Farewell(Option<(Listener, Reply, Page)>);

impl Farewell {
    pub(super) fn of(listener: Listener, browser: Option<Reply>, page: Page) -> Self {
        Self(browser.map(|browser| (listener, browser, page)))
    }

    /// No browser waits here.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Tells it, and sees that it got the page: two seconds at most.
    pub async fn say(self) {
        let Some((listener, browser, page)) = self.0 else {
            return;
        };
        browser.send(page);
        let _ = tokio::time::timeout(FAREWELL, listener.shared.last_page_sent.notified()).await;
    }
}

async fn connection(connection: Connection, shared: Arc<Shared>) {
    let was_answer = Arc::new(Mutex::new(false));
    loopback::answer(connection, |request| {
        let (shared, was_answer) = (Arc::clone(&shared), Arc::clone(&was_answer));
        async move {
            let response = respond(&request, &shared).await;
            *was_answer.lock().unwrap_or_else(PoisonError::into_inner) |= response.1;
            response.0
        }
    })
    .await;
    if *was_answer.lock().unwrap_or_else(PoisonError::into_inner) {
        shared.last_page_sent.notify_one();
    }
}

/// For a browser whose user the system does not tell: in a container, behind a forwarded port.
fn unknown_visitor() -> Response<Full<Bytes>> {
    page(
        StatusCode::FORBIDDEN,
        "One more step",
        "This machine does not tell which user's browser this is, so the login cannot end here. Copy the address of this page \
         from the address bar, and paste it into the terminal where claude-vault login waits.",
    )
}

/// The response, and whether it answers this login's callback.
async fn respond(request: &Request<Bytes>, shared: &Shared) -> (Response<Full<Bytes>>, bool) {
    let stray = |status, title: &str, text: &str| (page(status, title, text), false);
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let ours = ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|name| host == format!("{name}:{}", shared.port));
    if !ours {
        return stray(
            StatusCode::BAD_REQUEST,
            "Not here",
            "This address is for a login on this machine only.",
        );
    }
    if request.uri().path() != PATH {
        return stray(
            StatusCode::NOT_FOUND,
            "Nothing here",
            "This port waits for a login to come back from the browser.",
        );
    }
    if request.method() != Method::GET {
        return stray(
            StatusCode::METHOD_NOT_ALLOWED,
            "Not this way",
            "The browser comes back with GET.",
        );
    }
    let query = request.uri().query().unwrap_or_default();
    let answer = {
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.as_deref().map(|expected| parse(query, expected)) {
            Some(Ok(answer)) => {
                *state = None;
                answer
            }
            Some(Err(why)) => return stray(StatusCode::BAD_REQUEST, "Another login", why),
            None => {
                return stray(
                    StatusCode::BAD_REQUEST,
                    "Already used",
                    "This login has come back already. Look at the terminal.",
                );
            }
        }
    };
    let (sender, receiver) = oneshot::channel();
    if shared
        .arrivals
        .send(Arrival {
            answer,
            page: Reply(sender),
        })
        .await
        .is_err()
    {
        return stray(
            StatusCode::GONE,
            "Too late",
            "Nobody waits for this login any more.",
        );
    }
    let response = match receiver.await {
        Ok(Page::SignedIn) => page(
            StatusCode::OK,
            "You are signed in",
            "The terminal has the session now. You can close this page.",
        ),
        Ok(Page::Failed(why)) => page(
            StatusCode::OK,
            "The login failed",
            &format!("{why}. The terminal says what to do. You can close this page."),
        ),
        // The last page, or one more on the way.
        Ok(Page::GoTo(url)) => redirect(&url),
        Err(_) => page(
            StatusCode::GONE,
            "The login was given up",
            "Start it again in the terminal. You can close this page.",
        ),
    };
    (response, true)
}

/// Reads a callback's query; whatever does not carry `state` is not this login's.
fn parse(query: &str, state: &str) -> std::result::Result<Answer, &'static str> {
    const OTHER: &str =
        "This is not the login that the terminal waits for. It is still waiting for its own.";
    let get = |wanted: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    if get("state").as_deref() != Some(state) {
        return Err(OTHER);
    }
    if let Some(error) = get("error") {
        return Ok(Answer::Denied {
            error,
            description: get("error_description").unwrap_or_default(),
        });
    }
    get("code")
        .filter(|code| !code.is_empty())
        .map(|code| Answer::Code(Secret::from(code)))
        .ok_or(OTHER)
}

/// Reads what a person pasted: the address that the browser ended at.
pub(super) fn from_pasted(line: &str, state: &str) -> std::result::Result<Answer, &'static str> {
    let query = line
        .trim()
        .split_once('?')
        .map(|(_, query)| query.split('#').next().unwrap_or_default());
    match query {
        Some(query) => parse(query, state)
            .map_err(|_| "that address is not this login's; paste the one the browser ended at"),
        None => Err(
            "paste the whole address that the browser ended at: http://localhost:…/oidc/callback?…",
        ),
    }
}

fn redirect(url: &Url) -> Response<Full<Bytes>> {
    let mut response = page(
        StatusCode::SEE_OTHER,
        "Once more",
        "Vault asks to sign in once more.",
    );
    if let Ok(location) = url.as_str().parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn page(status: StatusCode, title: &str, text: &str) -> Response<Full<Bytes>> {
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'";
    let html = include_str!("page.html")
        .replace("{title}", &escape(title))
        .replace("{text}", &escape(text));
    loopback::response(status, "text/html; charset=utf-8", POLICY, html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_logins_state_counts() {
        assert!(parse("state=right&code=c", "right").is_ok());
        for stray in [
            "",
            "code=c",
            "state=wrong&code=c",
            "state=right",
            "state=right&code=",
            "state=&code=c",
        ] {
            assert!(parse(stray, "right").is_err(), "{stray}");
        }
        assert!(matches!(
            parse("state=s&error=access_denied", "s"),
            Ok(Answer::Denied { .. })
        ));
    }

    #[test]
    fn a_pasted_address_works_with_its_fragment_and_blanks() {
        assert!(
            from_pasted(
                " http://localhost:8250/oidc/callback?state=s&code=c#x \n",
                "s"
            )
            .is_ok()
        );
        assert!(from_pasted("hello", "s").is_err());
    }
}
