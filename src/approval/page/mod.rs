//! The approval page: one loopback listener on a random port, for the person's own browser.
//!
//! Guarantees: it only answers requests for its exact host, and only from this user. A GET serves
//! static files, the same for everyone, and has no effect. The page's script exchanges the code in
//! its address, which works once, for a secret that it keeps in `sessionStorage` and sends as a
//! header. Everything else needs a POST from this origin with that secret. A value is only sent
//! when the person uncovers it, and no script, style or font is loaded from anywhere else.

mod enroll;
mod http;
mod plans;
mod shown;
mod step_up;

pub use enroll::Enrolment;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::task::JoinHandle;

use super::access::Access;
use super::pending::Pending;
use super::{Passkeys, StepUp};
use crate::audit::{Action, Audit};
use crate::error::Result;
use crate::loopback::{self, Loopback, Serving};
use http::{Answer, Refusal, check_host, read_body, refuse, reply, secret_of, static_file, text};

/// How long a request of the page waits for news.
const POLL: Duration = Duration::from_secs(15);

const UNKNOWN_VISITOR: &str = "This machine cannot tell which user this browser belongs to, as in a container or behind a forwarder, \
                               so nothing is shown here.\n\nIn a terminal of your own, run: claude-vault approve pending\n";
const USED_UP: &str = "this address was used already, or a newer one replaced it";
const OUT_OF_DATE: &str = "this page is open in another tab, or a newer address replaced it";
const PENDING_COMMAND: &str = "claude-vault approve pending";

/// The data and services that the page needs.
pub struct PageContext {
    /// The plans.
    pub pending: Arc<Pending>,
    /// Scheme, host and port of Vault, as shown to the person.
    pub vault: String,
    /// The person's passkeys.
    pub passkeys: Passkeys,
    /// The login that approves a write, if a login is the required proof.
    pub step_up: Option<Arc<dyn StepUp>>,
    /// The audit log, for plans that were shown and requests that were refused.
    pub audit: Audit,
}

/// The listener, open until it is dropped.
pub struct Page {
    /// Scheme, host and port, as a browser sends them.
    pub origin: String,
    pending: Arc<Pending>,
    _serving: Serving,
}

struct Shared {
    context: PageContext,
    origin: String,
    port: u16,
    sign_in: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = self
            .sign_in
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            task.abort();
        }
    }
}

impl Page {
    /// Listens on a free port, and shows the plans of `context` there.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub async fn open(context: PageContext) -> Result<Self> {
        let loopback = Loopback::bind(0).await?;
        // `localhost`, because WebAuthn does not accept an IP address as a relying party.
        let origin = format!("http://localhost:{}", loopback.port);
        let pending = context.pending.clone();
        pending.set_access(Some(Access::new(format!("{origin}/approve"))));
        let shared = Arc::new(Shared {
            context,
            origin: origin.clone(),
            port: loopback.port,
            sign_in: Mutex::default(),
        });
        let serving = loopback.each(
            || text(StatusCode::FORBIDDEN, UNKNOWN_VISITOR),
            move |connection| {
                let shared = shared.clone();
                async move { loopback::answer(connection, |request| shared.respond(request)).await }
            },
        );
        Ok(Self {
            origin,
            pending,
            _serving: serving,
        })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let is_ours = |access: &mut Access| {
            access.page().strip_suffix("/approve") == Some(self.origin.as_str())
        };
        // Another page may have been opened for the same plans in the meantime.
        if self.pending.with_access(is_ours) == Some(true) {
            self.pending.set_access(None);
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Poll {
    /// The revision that the page shows; `None` if it has just loaded.
    seen: Option<u64>,
}

impl Shared {
    async fn respond(self: &Arc<Self>, request: Request<Bytes>) -> Answer {
        if let Some(refusal) = check_host(&request, self.port) {
            return refusal;
        }
        if let Some(file) = static_file(&request, "approve") {
            return file;
        }
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let is_action = matches!(
            parts.as_slice(),
            ["approve", "exchange" | "list"] | ["approve", "plan", _, _]
        );
        match parts.as_slice() {
            _ if is_action && request.method() != Method::POST => {
                refuse(StatusCode::METHOD_NOT_ALLOWED, "wrong method")
            }
            ["approve", "exchange"] => self.exchange(&request),
            ["approve", "list"] => self.list(&request).await,
            ["approve", "plan", id, what] => match self.authenticate(&request) {
                Ok((secret, sent)) => self.act(id, what, sent, secret).await,
                Err(refusal) => {
                    if refusal.status == StatusCode::UNAUTHORIZED {
                        self.mismatch("", "a request without the secret of the page that is open");
                    }
                    refusal.into()
                }
            },
            ["approve"] => refuse(StatusCode::METHOD_NOT_ALLOWED, "wrong method"),
            _ => refuse(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    fn exchange(&self, request: &Request<Bytes>) -> Answer {
        let sent: Exchange = match read_body(request, &self.origin) {
            Ok(sent) => sent,
            Err(refusal) => return refusal.into(),
        };
        match self
            .context
            .pending
            .with_access(|access| access.exchange(&sent.code))
        {
            Some(Ok(Some(secret))) => {
                self.context.pending.presence().arrived();
                self.context.pending.changed(); // tells the previous tab that it is out of date
                reply(&json!({ "secret": secret }))
            }
            Some(Ok(None)) | None => {
                self.mismatch("", "an address of the page that was used already");
                Refusal::with(StatusCode::FORBIDDEN, USED_UP, PENDING_COMMAND).into()
            }
            Some(Err(_)) => refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the operating system gives no random numbers",
            ),
        }
    }

    /// Answers with the plans as soon as they differ from what the page shows, or after [`POLL`].
    async fn list(&self, request: &Request<Bytes>) -> Answer {
        let (secret, Poll { seen }) = match self.authenticate(request) {
            Ok(sent) => sent,
            Err(refusal) => return refusal.into(),
        };
        let pending = &self.context.pending;
        let mut revisions = pending.revisions();
        let mut polling = Polling::begin(pending, seen.is_none());
        let _ = tokio::time::timeout(POLL, revisions.wait_for(|revision| Some(*revision) != seen))
            .await;
        polling.was_answered = true;
        if !self.admits(&secret) {
            return Refusal::with(StatusCode::UNAUTHORIZED, OUT_OF_DATE, PENDING_COMMAND).into();
        }
        let revision = *revisions.borrow();
        reply(&json!({ "revision": revision, "plans": self.shown() }))
    }

    fn admits(&self, secret: &str) -> bool {
        self.context
            .pending
            .with_access(|access| access.admits(secret))
            == Some(true)
    }

    /// The secret and the body of a POST from the tab that is open.
    fn authenticate<T: DeserializeOwned>(
        &self,
        request: &Request<Bytes>,
    ) -> std::result::Result<(String, T), Refusal> {
        let sent = read_body(request, &self.origin)?;
        let secret = secret_of(request);
        if !self.admits(secret) {
            return Err(Refusal::with(
                StatusCode::UNAUTHORIZED,
                OUT_OF_DATE,
                PENDING_COMMAND,
            ));
        }
        Ok((secret.to_owned(), sent))
    }

    /// Records a refused request in the audit log.
    fn mismatch(&self, service: &str, what: &str) {
        self.context
            .audit
            .note(Action::ApprovalMismatch, service, what);
    }
}

/// A request that waits for news. If the browser breaks the connection first, the tab was closed.
struct Polling<'a> {
    pending: &'a Pending,
    was_answered: bool,
}

impl<'a> Polling<'a> {
    fn begin(pending: &'a Pending, is_first: bool) -> Self {
        pending.presence().begin_poll(is_first);
        Self {
            pending,
            was_answered: false,
        }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.pending.presence().end_poll(self.was_answered);
    }
}

/// The first digits of a plan's id, enough to distinguish plans in the log.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
