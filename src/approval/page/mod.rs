//! The approval page: one loopback listener on a random port, for the person's own browser.
//!
//! Promises: it answers only its exact host, and only this user where the system tells who
//! connects; a change needs a POST of this origin with the token of a page that shows this plan.
//! Nothing of it is in a URL but a plan's name, values come only when they are uncovered, and no
//! script, style or font comes from anywhere else.

mod enroll;
mod html;

pub use enroll::Enrolment;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use super::passkey::{self, Assertion};
use super::pending::{Pending, Plan, Stage, hash_of, hex, random_id};
use super::{Approval, Passkeys, Proof, StepUp};
use crate::audit::{Action, Audit};
use crate::config::Strength;
use crate::error::{Error, Result};
use crate::loopback::{self, Loopback, Serving};
use crate::secret::{Secret, WayOut};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
/// The longest body of a request, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// How many tabs may show a plan; the oldest counts for nothing any more.
const TABS: usize = 8;

type Answer = Response<Full<Bytes>>;

/// What the page needs to know.
pub struct Desk {
    /// The plans.
    pub pending: Arc<Pending>,
    /// Scheme, host and port of Vault, as the person is told.
    pub vault: String,
    /// The person's passkeys.
    pub passkeys: Passkeys,
    /// How to log in for a write, where that is the proof.
    pub step_up: Option<Arc<dyn StepUp>>,
    /// Where it is noted who saw what.
    pub audit: Audit,
}

/// The listener, open until it is dropped.
pub struct Page {
    /// Scheme, host and port, as a browser says them.
    pub origin: String,
    _serving: Serving,
}

struct Shared {
    desk: Desk,
    origin: String,
    port: u16,
    sign_in: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = self.sign_in.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl Page {
    /// Listens on a free port.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn open(desk: Desk) -> Result<Self> {
        let loopback = Loopback::bind(0).await?;
        // `localhost`, since an address is no relying party of WebAuthn.
        let origin = format!("http://localhost:{}", loopback.port);
        let shared = Arc::new(Shared { desk, origin: origin.clone(), port: loopback.port, sign_in: Mutex::default() });
        let serving = loopback.each(move |stream| {
            let shared = shared.clone();
            async move { loopback::answer(stream, |request| shared.respond(request)).await }
        });
        Ok(Self { origin, _serving: serving })
    }
}

fn refuse(status: StatusCode, why: &str) -> Answer {
    loopback::response(status, "application/json", POLICY, json!({ "error": why }).to_string())
}

fn reply(value: &Value) -> Answer {
    loopback::response(StatusCode::OK, "application/json", POLICY, value.to_string())
}

fn answer_or(outcome: std::result::Result<Value, &'static str>, refused: impl FnOnce(&str)) -> Answer {
    outcome.map_or_else(
        |why| {
            refused(why);
            refuse(StatusCode::FORBIDDEN, why)
        },
        |value| reply(&value),
    )
}

/// What a page sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    page: String,
    key: Option<String>,
    word: Option<String>,
    #[serde(default)]
    typed: BTreeMap<String, Secret>,
    assertion: Option<Assertion>,
}

impl Shared {
    async fn respond(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        if let Some(refusal) = check_host(&request, self.port) {
            return refusal;
        }
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["page.css"]) => css(),
            (&Method::GET, ["page.js"]) => js(),
            (&Method::GET, ["plan", id]) => self.show(id),
            (&Method::POST, ["plan", id, what]) => {
                let sent = match read_sent(request, &self.origin).await {
                    Ok(sent) => sent,
                    Err(refusal) => return refusal,
                };
                match self.act(id, what, sent) {
                    Acted::Now(answer) => answer,
                    Acted::Later(there) => match there.await {
                        Ok(url) => reply(&json!({ "location": url.as_str() })),
                        Err(_) => refuse(StatusCode::BAD_GATEWAY, "the sign-in could not begin"),
                    },
                }
            }
            (_, ["plan", _] | ["plan", _, _]) => refuse(StatusCode::METHOD_NOT_ALLOWED, "not this way"),
            _ => refuse(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    fn show(&self, id: &str) -> Answer {
        let Ok(token) = random_id() else { return refuse(StatusCode::INTERNAL_SERVER_ERROR, "no random numbers") };
        let mut plans = self.desk.pending.plans();
        let Some(plan) = plans.get_mut(id) else {
            return refuse(StatusCode::NOT_FOUND, "nothing waits here: it was answered, or its time is over");
        };
        if plan.pages.len() >= TABS {
            plan.pages.remove(0);
        }
        plan.pages.push(token.clone());
        self.desk.audit.note(Action::ApprovalShown, &plan.shown.service, &format!("plan {}", short(id)));
        loopback::response(StatusCode::OK, HTML, POLICY, html::of(plan, &token, &self.desk.vault))
    }

    fn act(self: &Arc<Self>, id: &str, what: &str, sent: Sent) -> Acted {
        let mut plans = self.desk.pending.plans();
        let Some(plan) = plans.get_mut(id) else { return Acted::Now(refuse(StatusCode::NOT_FOUND, "nothing waits here")) };
        if !plan.pages.contains(&sent.page) {
            self.mismatch(plan, "a token of another page");
            return Acted::Now(refuse(StatusCode::FORBIDDEN, "this page is out of date: load it again"));
        }
        if what == "stage" {
            plan.told |= !matches!(plan.stage, Stage::Waiting | Stage::Approved);
            let mut told = json!(plan.stage);
            told["notice"] = json!(plan.notice);
            return Acted::Now(reply(&told));
        }
        if !plan.waits() {
            return Acted::Now(refuse(StatusCode::CONFLICT, "nobody waits for this any more"));
        }
        if (plan.shown.proof, what) == (Strength::StepUp, "step-up") && plan.shown.is_filled_by(&sent.typed) {
            return match self.begin_step_up(plan, sent.typed) {
                Ok(there) => Acted::Later(there),
                Err(why) => Acted::Now(refuse(StatusCode::FORBIDDEN, why)),
            };
        }
        Acted::Now(match what {
            "value" => match sent.key.and_then(|key| plan.values.get(&key)) {
                Some(value) => reply(&json!({ "value": value.expose(WayOut::ApprovalPage) })),
                None => refuse(StatusCode::NOT_FOUND, "there is no such value"),
            },
            "deny" => {
                plan.answer(Err(Error::Declined));
                reply(&json!({}))
            }
            "challenge" => answer_or(self.challenge(plan, sent), |why| self.refused(plan, why)),
            "approve" => {
                let outcome = self.approve(plan, sent);
                answer_or(outcome.map(|()| json!({})), |why| self.refused(plan, why))
            }
            "step-up" => refuse(StatusCode::FORBIDDEN, NOT_FILLED),
            _ => refuse(StatusCode::NOT_FOUND, "there is nothing here"),
        })
    }

    /// What a passkey must sign for this plan: fresh random bits and the digest of all of it.
    fn challenge(&self, plan: &mut Plan, sent: Sent) -> std::result::Result<Value, &'static str> {
        if plan.shown.proof != Strength::Passkey {
            return Err(OTHER_PROOF);
        }
        if !plan.shown.is_filled_by(&sent.typed) {
            return Err(NOT_FILLED);
        }
        let passkeys = self.desk.passkeys.load().map_err(|_| STORE_CHANGED)?;
        let fresh = random_id().map_err(|_| "the operating system gives no random numbers")?;
        let challenge = format!("{fresh}{}", digest_with(plan, &sent.typed));
        plan.challenge = Some((challenge.clone(), sent.typed));
        let ids: Vec<&str> = passkeys.iter().map(|one| one.id.as_str()).collect();
        Ok(json!({ "challenge": challenge, "passkeys": ids }))
    }

    fn approve(&self, plan: &mut Plan, sent: Sent) -> std::result::Result<(), &'static str> {
        let approval = match plan.shown.proof {
            Strength::Typed if !plan.shown.is_filled_by(&sent.typed) => return Err(NOT_FILLED),
            Strength::Typed if sent.word.as_deref().map(str::trim) != Some("yes") => return Err(NOT_YES),
            Strength::Typed => Approval { proof: Proof::Page, typed: sent.typed },
            Strength::Passkey => {
                // A challenge is answered once, whatever the answer is worth.
                let (challenge, typed) = plan.challenge.take().ok_or("no answer of a passkey is waited for")?;
                Approval { proof: Proof::Passkey(self.check_passkey(&challenge, sent.assertion)?), typed }
            }
            Strength::StepUp => return Err(OTHER_PROOF),
        };
        plan.answer(Ok(approval));
        Ok(())
    }

    /// Gives the passkey's name.
    fn check_passkey(&self, challenge: &str, assertion: Option<Assertion>) -> std::result::Result<String, &'static str> {
        let assertion = assertion.ok_or("there is no answer of a passkey")?;
        let passkeys = self.desk.passkeys.load().map_err(|_| STORE_CHANGED)?;
        let id = hex(&assertion.id.0);
        let passkey = passkeys.iter().find(|one| one.id == id).ok_or("this passkey is not enrolled")?;
        let challenge = passkey::unhex(challenge).unwrap_or_default();
        let counter = passkey::check(passkey, &assertion, &challenge, &self.origin)?;
        self.desk.passkeys.used(&id, counter).map_err(|_| STORE_CHANGED)?;
        Ok(passkey.name.clone())
    }

    /// A person's slip is told; anything else is noted too.
    fn refused(&self, plan: &Plan, why: &str) {
        if why != NOT_YES && why != NOT_FILLED {
            self.mismatch(plan, why);
        }
    }

    /// Begins a login that stands for this plan; gives where it goes on, as soon as that is known.
    fn begin_step_up(
        self: &Arc<Self>,
        plan: &mut Plan,
        typed: BTreeMap<String, Secret>,
    ) -> std::result::Result<oneshot::Receiver<Url>, &'static str> {
        let step_up = self.desk.step_up.clone().ok_or("no role may write: set write_role in the config")?;
        let back = Url::parse(&plan.shown.url).map_err(|_| "the page has no address")?;
        let (id, service, digest) = (plan.shown.id.clone(), plan.shown.service.clone(), digest_with(plan, &typed));
        plan.notice.clear();
        let (found, there) = oneshot::channel();
        let goes = Box::new(move |url: Url| drop(found.send(url)));
        let mut running = self.sign_in.lock().unwrap_or_else(PoisonError::into_inner);
        let before = running.take();
        let (desk, pending) = (Arc::downgrade(self), self.desk.pending.clone());
        *running = Some(tokio::spawn(async move {
            // One at a time, since all come back to one port; the one before lets go of it first.
            if let Some(before) = before {
                before.abort();
                let _ = before.await;
            }
            let outcome = tokio::select! {
                outcome = step_up.sign_in(digest, service, back, goes) => outcome,
                () = pending.is_over(&id) => return,
            };
            match outcome {
                Ok(token) => {
                    let approval = Approval { proof: Proof::StepUp(token.clone()), typed };
                    let taken = pending.plans().get_mut(&id).is_some_and(|plan| plan.answer(Ok(approval)));
                    if !taken {
                        step_up.give_back(token).await;
                    }
                }
                Err(error) => {
                    if let (Some(plan), Some(desk)) = (pending.plans().get_mut(&id), desk.upgrade()) {
                        plan.notice = format!("The sign-in did not approve it: {}. You can try again.", error.for_person());
                        desk.mismatch(plan, error.code());
                    }
                }
            }
        }));
        Ok(there)
    }

    /// Notes what was sent to a plan and does not belong to it.
    fn mismatch(&self, plan: &Plan, why: &str) {
        self.desk.audit.note(Action::ApprovalMismatch, &plan.shown.service, &format!("plan {}; {why}", short(&plan.shown.id)));
    }
}

const OTHER_PROOF: &str = "this change asks for another proof";
const NOT_YES: &str = "type the word yes to approve";
const NOT_FILLED: &str = "fill in every value: 1 byte to 8 KiB each";
const STORE_CHANGED: &str = "the passkeys were changed by something else: see claude-vault approve list in a terminal";

/// What an action comes to: an answer, or one that waits for where a login goes on.
enum Acted {
    Now(Answer),
    Later(oneshot::Receiver<Url>),
}

/// The plan's digest and what the person typed.
fn digest_with(plan: &Plan, typed: &BTreeMap<String, Secret>) -> String {
    let values = typed.iter().flat_map(|(key, value)| [key.as_bytes(), value.expose(WayOut::Inspection).as_bytes()]);
    hex(&hash_of(std::iter::once(plan.shown.digest.as_bytes()).chain(values)))
}

fn css() -> Answer {
    loopback::response(StatusCode::OK, "text/css; charset=utf-8", POLICY, include_str!("page.css"))
}

fn js() -> Answer {
    loopback::response(StatusCode::OK, JAVASCRIPT, POLICY, include_str!("page.js"))
}

/// Only `localhost` and our port: a page whose name was made to lead here is turned away.
fn check_host(request: &Request<Incoming>, port: u16) -> Option<Answer> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let ours = format!("localhost:{port}");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.as_bytes() == ours.as_bytes() => None,
        _ => Some(refuse(StatusCode::MISDIRECTED_REQUEST, "this address is for one page on this machine only")),
    }
}

/// The body of a POST of our own page, as JSON.
async fn read_sent<T: serde::de::DeserializeOwned>(request: Request<Incoming>, origin: &str) -> std::result::Result<T, Answer> {
    let header = |name| request.headers().get(name).map(header::HeaderValue::as_bytes);
    if header(header::ORIGIN) != Some(origin.as_bytes()) {
        return Err(refuse(StatusCode::FORBIDDEN, "not from this page"));
    }
    if header(header::CONTENT_TYPE) != Some(b"application/json") {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not JSON"));
    }
    let body = Limited::new(request.into_body(), MAX_BODY).collect();
    let Ok(Ok(body)) = tokio::time::timeout(std::time::Duration::from_secs(10), body).await else {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "too much"));
    };
    let body = zeroize::Zeroizing::new(body.to_bytes().to_vec());
    serde_json::from_slice(&body).map_err(|_| refuse(StatusCode::BAD_REQUEST, "not what the page sends"))
}

/// Enough of a plan's name to tell it from others in the log.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
