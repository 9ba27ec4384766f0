//! The loopback listener to which the browser returns (RFC 8252, 7.3).
//!
//! Only one request ends the wait: the first GET of the callback path that comes from this user and
//! carries this login's state. All other requests get a short answer and change nothing. A request
//! from another user cannot use up the state.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode, header};
use maud::{DOCTYPE, PreEscaped, html};
use tokio::sync::{Notify, mpsc, oneshot};
use url::Url;

use crate::error::Result;
use crate::loopback::{self, Connection, Loopback, Serving};
use crate::secret::Secret;

const PATH: &str = "/oidc/callback";
/// The time limit for sending the last page to the browser.
const FAREWELL: Duration = Duration::from_secs(2);

/// The identity provider's answer, from the callback's query.
pub(super) enum Answer {
    /// The one-time authorization code.
    Code(Secret),
    /// The provider's `error` and `error_description`.
    Denied { error: String, description: String },
}

/// An answer, and the browser that waits for a page.
pub(super) struct Arrival {
    pub(super) answer: Answer,
    pub(super) page: PageSender,
}

/// The page to send to the browser.
pub(super) enum Page {
    SignedIn,
    Failed(String),
    /// A redirect, for example to sign in again.
    GoTo(Url),
}

/// A browser that waits for its page.
pub(super) struct PageSender(oneshot::Sender<Page>);

impl PageSender {
    pub(super) fn send(self, page: Page) {
        // Ignore a browser that has disconnected; the login does not depend on it.
        let _ = self.0.send(page);
    }
}

struct Shared {
    port: u16,
    /// The expected state. The first request that carries it takes it out.
    state: Mutex<Option<String>>,
    arrivals: mpsc::Sender<Arrival>,
    last_page_sent: Notify,
}

/// The callback listener. It is closed when dropped.
pub(super) struct Listener {
    shared: Arc<Shared>,
    arrivals: mpsc::Receiver<Arrival>,
    _serving: Serving,
}

impl Listener {
    /// Listens on the port `preferred`, or on another port if that one is taken on IPv4 or IPv6.
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

    /// Sets the state that ends the wait, in place of any earlier one.
    pub(super) fn expect(&self, state: &str) {
        *self
            .shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(state.to_owned());
    }

    /// Waits until the browser returns with the expected state.
    pub(super) async fn arrival(&mut self) -> Arrival {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            None => std::future::pending().await,
        }
    }
}

/// The last page of a login, which still has to be sent to the browser.
pub(crate) struct LastPage(Option<(Listener, PageSender, Page)>);

impl LastPage {
    pub(super) fn of(listener: Listener, browser: Option<PageSender>, page: Page) -> Self {
        Self(browser.map(|browser| (listener, browser, page)))
    }

    /// For a login in which no browser waits for a page from this machine.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Sends the page and waits until the browser has it, for two seconds at most.
    pub(crate) async fn say(self) {
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

/// The page for a browser whose user cannot be determined, for example in a container or behind a
/// forwarded port.
fn unknown_visitor() -> Response<Full<Bytes>> {
    page(
        StatusCode::FORBIDDEN,
        "One more step",
        "The login cannot finish here: this machine cannot determine which user this browser belongs to. Copy the address of \
         this page from the address bar, and paste it into the terminal where claude-vault login waits.",
    )
}

/// The response, and whether it answers this login's callback.
async fn respond(request: &Request<Bytes>, shared: &Shared) -> (Response<Full<Bytes>>, bool) {
    let arrived = require_callback(request, shared.port)
        .and_then(|()| take_answer(request.uri().query().unwrap_or_default(), shared));
    let answer = match arrived {
        Ok(answer) => answer,
        Err(stray) => return (stray.page(), false),
    };
    let (sender, receiver) = oneshot::channel();
    let arrival = Arrival {
        answer,
        page: PageSender(sender),
    };
    if shared.arrivals.send(arrival).await.is_err() {
        let late = Stray(
            StatusCode::GONE,
            "Too late",
            "The terminal no longer waits for this login.",
        );
        return (late.page(), false);
    }
    (last_page(receiver.await.ok()), true)
}

/// A request that does not answer this login: the status, title and text of its page.
struct Stray(StatusCode, &'static str, &'static str);

impl Stray {
    fn page(self) -> Response<Full<Bytes>> {
        page(self.0, self.1, self.2)
    }
}

/// Refuses every request except a GET of the callback path at this machine's own name.
fn require_callback(request: &Request<Bytes>, port: u16) -> std::result::Result<(), Stray> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let ours = ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|name| host == format!("{name}:{port}"));
    if !ours {
        return Err(Stray(
            StatusCode::BAD_REQUEST,
            "Wrong address",
            "This address is for a login on this machine only.",
        ));
    }
    if request.uri().path() != PATH {
        return Err(Stray(
            StatusCode::NOT_FOUND,
            "Page not found",
            "This port only waits for the browser to return from a login.",
        ));
    }
    if request.method() != Method::GET {
        return Err(Stray(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
            "A login returns with a GET request.",
        ));
    }
    Ok(())
}

/// The answer in a callback's query. It uses up the expected state.
fn take_answer(query: &str, shared: &Shared) -> std::result::Result<Answer, Stray> {
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(expected) = state.as_deref() else {
        return Err(Stray(
            StatusCode::BAD_REQUEST,
            "Already used",
            "The browser has already returned from this login. See the terminal.",
        ));
    };
    let answer = parse(query, expected)
        .map_err(|why| Stray(StatusCode::BAD_REQUEST, "Another login", why))?;
    *state = None;
    Ok(answer)
}

/// The page at the end of the login; `None` if the login was cancelled.
fn last_page(outcome: Option<Page>) -> Response<Full<Bytes>> {
    match outcome {
        Some(Page::SignedIn) => page(
            StatusCode::OK,
            "You are signed in",
            "The terminal has the session now. You can close this page.",
        ),
        Some(Page::Failed(why)) => page(
            StatusCode::OK,
            "The login failed",
            &format!("{why}. The terminal shows what to do next. You can close this page."),
        ),
        // The page to show after the login, or another sign-in.
        Some(Page::GoTo(url)) => redirect(&url),
        None => page(
            StatusCode::GONE,
            "The login was cancelled",
            "Start it again in the terminal. You can close this page.",
        ),
    }
}

/// Parses a callback's query. A query without this login's `state` belongs to another login.
fn parse(query: &str, state: &str) -> std::result::Result<Answer, &'static str> {
    const OTHER: &str =
        "The terminal waits for another login, not for this one. It is still waiting.";
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

/// Parses the address that the person pasted: the address of the last page in the browser.
pub(super) fn from_pasted(line: &str, state: &str) -> std::result::Result<Answer, &'static str> {
    let query = line
        .trim()
        .split_once('?')
        .map(|(_, query)| query.split('#').next().unwrap_or_default());
    match query {
        Some(query) => parse(query, state)
            .map_err(|_| "that address is from another login; paste the one the browser shows now"),
        None => Err(
            "paste the whole address that the browser shows: http://localhost:…/oidc/callback?…",
        ),
    }
}

fn redirect(url: &Url) -> Response<Full<Bytes>> {
    let mut response = page(
        StatusCode::SEE_OTHER,
        "Continue",
        "The browser continues at another address.",
    );
    if let Ok(location) = url.as_str().parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn page(status: StatusCode, title: &str, text: &str) -> Response<Full<Bytes>> {
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'";
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · claude-vault" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                main {
                    h1 { (title) }
                    p { (text) }
                    footer { "claude-vault" }
                }
            }
        }
    };
    let html = html.into_string();
    loopback::response(status, "text/html; charset=utf-8", POLICY, html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_shows_markup_as_text() {
        use http_body_util::BodyExt;

        let page = page(StatusCode::OK, "<b>&", "<script>\"'");
        let body = page
            .into_body()
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        assert!(
            text.contains("<h1>&lt;b&gt;&amp;</h1>") && text.contains("<p>&lt;script&gt;"),
            "{text}"
        );
    }

    #[test]
    fn a_query_without_this_logins_state_is_refused() {
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
    fn a_pasted_address_may_have_a_fragment_and_blanks() {
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
