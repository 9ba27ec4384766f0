//! The page that adds a passkey: open only while a person runs `claude-vault approve enroll` in
//! their own terminal. A passkey that a browser sends is only a candidate. The person types the
//! code that their page shows, so a key that another program sent is never enrolled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::{
    Answer, Exchange, Refusal, USED_UP, check_host, read_body, reply, secret_of, static_file, text,
};
use crate::approval::Passkey;
use crate::approval::access::Access;
use crate::approval::passkey::{Registration, register};
use crate::error::Result;
use crate::loopback::{self, Loopback, Serving};
use crate::names::printable;
use crate::random;
use crate::session::now;

/// How many candidates are kept; one more replaces the oldest.
const MAX_CANDIDATES: usize = 5;
const ENROLL_COMMAND: &str = "claude-vault approve enroll NAME";
const UNKNOWN_VISITOR: &str = "This machine cannot tell which user this browser belongs to, as in a container or behind a forwarder, \
                               so no passkey can be added from here.\n\nOpen the page in a browser that runs as you on the \
                               machine where claude-vault approve enroll waits.\n";

/// The page, open until it is dropped.
pub struct Enrolment {
    /// The address for the person, which works once.
    pub url: String,
    shared: Arc<Shared>,
    _serving: Serving,
}

struct Shared {
    origin: String,
    port: u16,
    access: Mutex<Access>,
    challenge: String,
    name: String,
    known: Vec<Passkey>,
    /// The candidates, each with the code that its page shows.
    candidates: Mutex<Vec<(String, Passkey)>>,
    arrived: Notify,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
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
        let mut access = Access::new(format!("{origin}/enroll"));
        let url = access.address()?;
        let shared = Arc::new(Shared {
            origin,
            port: loopback.port,
            access: Mutex::new(access),
            challenge: random::id()? + &random::id()?,
            name: name.to_owned(),
            known,
            candidates: Mutex::default(),
            arrived: Notify::new(),
        });
        let each = shared.clone();
        let serving = loopback.each(
            || text(StatusCode::FORBIDDEN, UNKNOWN_VISITOR),
            move |connection| {
                let shared = each.clone();
                async move {
                    loopback::answer(connection, |request| {
                        std::future::ready(shared.respond(&request))
                    })
                    .await;
                }
            },
        );
        Ok(Self {
            url,
            shared,
            _serving: serving,
        })
    }

    /// Waits until a browser has sent a passkey.
    pub async fn arrival(&self) {
        self.shared.arrived.notified().await;
    }

    /// The candidate whose page shows this code.
    #[must_use]
    pub fn take(&self, code: &str) -> Option<Passkey> {
        let plain = |text: &str| text.replace([' ', '-'], "").to_ascii_uppercase();
        let candidates = lock(&self.shared.candidates);
        candidates
            .iter()
            .find(|(other, _)| plain(other) == plain(code))
            .map(|(_, passkey)| passkey.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn respond(&self, request: &Request<Bytes>) -> Answer {
        if let Some(answer) =
            check_host(request, self.port).or_else(|| static_file(request, "enroll"))
        {
            return answer;
        }
        let outcome = match request.uri().path() {
            "/enroll/exchange" => self.exchange(request),
            "/enroll/begin" => self.begin(request),
            "/enroll/register" => self.register(request),
            "/enroll" => Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong method")),
            _ => Err(Refusal::new(StatusCode::NOT_FOUND, "there is nothing here")),
        };
        outcome.unwrap_or_else(Into::into)
    }

    fn exchange(&self, request: &Request<Bytes>) -> std::result::Result<Answer, Refusal> {
        let sent: Exchange = read_body(request, &self.origin)?;
        match lock(&self.access).exchange(&sent.code) {
            Ok(Some(secret)) => Ok(reply(&json!({ "secret": secret }))),
            Ok(None) => Err(Refusal::with(
                StatusCode::FORBIDDEN,
                USED_UP,
                ENROLL_COMMAND,
            )),
            Err(_) => Err(Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the operating system gives no random numbers",
            )),
        }
    }

    /// Answers with what the browser needs to make a passkey.
    fn begin(&self, request: &Request<Bytes>) -> std::result::Result<Answer, Refusal> {
        let Begin {} = self.authenticate(request)?;
        let known: Vec<&str> = self
            .known
            .iter()
            .map(|passkey| passkey.id.as_str())
            .collect();
        // The user id is random. With a fixed id, the passkey could replace one of the same name
        // that the person enrolled on another machine.
        let user = random::id().unwrap_or_default();
        let name = printable(&self.name, false);
        Ok(reply(
            &json!({ "name": name, "challenge": self.challenge, "known": known, "user": user }),
        ))
    }

    fn register(&self, request: &Request<Bytes>) -> std::result::Result<Answer, Refusal> {
        let sent: Sent = self.authenticate(request)?;
        let challenge = random::unhex(&self.challenge).unwrap_or_default();
        let passkey = register(
            &sent.registration,
            &challenge,
            &self.origin,
            &self.name,
            now(),
        )
        .map_err(|why| Refusal::new(StatusCode::FORBIDDEN, why))?;
        let code = code(&passkey);
        let mut candidates = lock(&self.candidates);
        if candidates.len() >= MAX_CANDIDATES {
            candidates.remove(0);
        }
        candidates.push((code.clone(), passkey));
        self.arrived.notify_one();
        Ok(reply(&json!({ "code": code })))
    }

    fn authenticate<T: serde::de::DeserializeOwned>(
        &self,
        request: &Request<Bytes>,
    ) -> std::result::Result<T, Refusal> {
        let sent = read_body(request, &self.origin)?;
        if lock(&self.access).admits(secret_of(request)) {
            Ok(sent)
        } else {
            Err(Refusal::with(
                StatusCode::UNAUTHORIZED,
                USED_UP,
                ENROLL_COMMAND,
            ))
        }
    }
}

/// The code that the page shows and the person types: eight hexadecimal digits of the public key's
/// hash.
fn code(passkey: &Passkey) -> String {
    let digits = random::hex(&Sha256::digest(passkey.key.as_bytes())[..4]).to_ascii_uppercase();
    format!("{}-{}", &digits[..4], &digits[4..])
}
