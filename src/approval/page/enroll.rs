//! The page that adds a passkey: open only while a person runs `claude-vault approve enroll` in a
//! terminal of theirs. What the browser sends is only a candidate: the person types the code that
//! their page shows, so that a key that somebody slipped in is never the one that is kept.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::html::fill;
use super::{Answer, HTML, POLICY, check_host, css, js, read_sent, refuse, reply};
use crate::approval::Passkey;
use crate::approval::passkey::{Registration, register, unhex};
use crate::approval::pending::{hex, random_id};
use crate::error::Result;
use crate::loopback::{self, Loopback, Serving, escape};
use crate::session::now;

/// More candidates are not kept.
const MOST: usize = 5;

/// The page, open until it is dropped.
pub struct Enrolment {
    /// Where the person goes.
    pub url: String,
    shared: Arc<Shared>,
    _serving: Serving,
}

struct Shared {
    origin: String,
    port: u16,
    id: String,
    page: String,
    challenge: String,
    name: String,
    known: Vec<Passkey>,
    candidates: Mutex<Vec<(String, Passkey)>>,
    arrived: Notify,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    page: String,
    registration: Registration,
}

impl Enrolment {
    /// Opens the page for a passkey of this name.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub async fn open(name: &str, known: Vec<Passkey>) -> Result<Self> {
        let loopback = Loopback::bind(0).await?;
        let origin = format!("http://localhost:{}", loopback.port);
        let id = random_id()?;
        let shared = Arc::new(Shared {
            origin: origin.clone(),
            port: loopback.port,
            id: id.clone(),
            page: random_id()?,
            challenge: random_id()? + &random_id()?,
            name: name.to_owned(),
            known,
            candidates: Mutex::default(),
            arrived: Notify::new(),
        });
        let each = shared.clone();
        let serving = loopback.each(move |stream| {
            let shared = each.clone();
            async move { loopback::answer(stream, |request| shared.respond(request)).await }
        });
        Ok(Self { url: format!("{origin}/enroll/{id}"), shared, _serving: serving })
    }

    /// Waits until a browser has sent a passkey.
    pub async fn arrival(&self) {
        self.shared.arrived.notified().await;
    }

    /// The candidate whose page shows this code.
    #[must_use]
    pub fn take(&self, code: &str) -> Option<Passkey> {
        let plain = |text: &str| text.replace([' ', '-'], "").to_ascii_uppercase();
        let candidates = self.shared.candidates.lock().unwrap_or_else(PoisonError::into_inner);
        candidates.iter().find(|(other, _)| plain(other) == plain(code)).map(|(_, passkey)| passkey.clone())
    }
}

impl Shared {
    async fn respond(&self, request: Request<Incoming>) -> Answer {
        if let Some(refusal) = check_host(&request, self.port) {
            return refusal;
        }
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["page.css"]) => css(),
            (&Method::GET, ["page.js"]) => js(),
            (&Method::GET, ["enroll", id]) if *id == self.id => self.show(),
            (&Method::POST, ["enroll", id, "register"]) if *id == self.id => match read_sent(request, &self.origin).await {
                Ok(sent) => self.register(&sent),
                Err(refusal) => refusal,
            },
            _ => refuse(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    fn show(&self) -> Answer {
        let known: Vec<&str> = self.known.iter().map(|passkey| passkey.id.as_str()).collect();
        let parts = [
            ("id", self.id.clone()),
            ("page", self.page.clone()),
            ("name", escape(&self.name)),
            ("challenge", self.challenge.clone()),
            ("known", known.join(" ")),
            // Random: a passkey of the same name on another machine of the person's stays as it is.
            ("user", random_id().unwrap_or_default()),
        ];
        loopback::response(StatusCode::OK, HTML, POLICY, fill(include_str!("enroll.html"), &parts))
    }

    fn register(&self, sent: &Sent) -> Answer {
        if sent.page != self.page {
            return refuse(StatusCode::FORBIDDEN, "this page is out of date: load it again");
        }
        let challenge = unhex(&self.challenge).unwrap_or_default();
        match register(&sent.registration, &challenge, &self.origin, &self.name, now()) {
            Ok(passkey) => {
                let code = code(&passkey);
                let mut candidates = self.candidates.lock().unwrap_or_else(PoisonError::into_inner);
                if candidates.len() < MOST {
                    candidates.push((code.clone(), passkey));
                }
                self.arrived.notify_one();
                reply(&json!({ "code": code }))
            }
            Err(why) => refuse(StatusCode::FORBIDDEN, why),
        }
    }
}

/// Eight digits of the public key's hash, which the page shows and the person types.
fn code(passkey: &Passkey) -> String {
    let digits = hex(&Sha256::digest(passkey.key.as_bytes())[..4]).to_ascii_uppercase();
    format!("{}-{}", &digits[..4], &digits[4..])
}
