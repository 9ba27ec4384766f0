//! Requests and responses of the pages: static files, refusals, JSON, and the checks of a request.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::loopback;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// The header that carries the secret of the tab.
const SECRET: &str = "claude-vault-page";

pub(super) type Answer = Response<Full<Bytes>>;

/// Why a request is refused, and the command that helps the person, if there is one.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    why: &'static str,
    command: Option<&'static str>,
}

impl Refusal {
    pub(super) const fn new(status: StatusCode, why: &'static str) -> Self {
        Self {
            status,
            why,
            command: None,
        }
    }

    /// A refusal with the command that leads to a working page.
    pub(super) const fn with(status: StatusCode, why: &'static str, command: &'static str) -> Self {
        Self {
            status,
            why,
            command: Some(command),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(
        Refusal {
            status,
            why,
            command,
        }: Refusal,
    ) -> Self {
        loopback::response(
            status,
            "application/json",
            POLICY,
            json!({ "error": why, "command": command }).to_string(),
        )
    }
}

pub(super) fn refuse(status: StatusCode, why: &'static str) -> Answer {
    Refusal::new(status, why).into()
}

pub(super) fn reply(value: &Value) -> Answer {
    loopback::response(
        StatusCode::OK,
        "application/json",
        POLICY,
        value.to_string(),
    )
}

pub(super) fn text(status: StatusCode, text: &'static str) -> Answer {
    loopback::response(status, "text/plain; charset=utf-8", POLICY, text)
}

/// The static files of both pages. They are the same for everyone, without plans or secrets.
pub(super) fn static_file(request: &Request<Bytes>, page: &str) -> Option<Answer> {
    if request.method() != Method::GET {
        return None;
    }
    let (kind, text) = match request.uri().path().trim_start_matches('/') {
        "page.css" => ("text/css; charset=utf-8", include_str!("page.css")),
        "page.js" => (JAVASCRIPT, include_str!("page.js")),
        "common.js" => (JAVASCRIPT, include_str!("common.js")),
        "approve.js" => (JAVASCRIPT, include_str!("approve.js")),
        "plan.js" => (JAVASCRIPT, include_str!("plan.js")),
        "enroll.js" => (JAVASCRIPT, include_str!("enroll.js")),
        path if path == page => ("text/html; charset=utf-8", include_str!("index.html")),
        _ => return None,
    };
    Some(loopback::response(StatusCode::OK, kind, POLICY, text))
}

/// Returns a refusal unless the host is `localhost` with this port. This stops DNS rebinding, where
/// the host name of a foreign page is made to resolve to this machine.
pub(super) fn check_host(request: &Request<Bytes>, port: u16) -> Option<Answer> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let ours = format!("localhost:{port}");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.as_bytes() == ours.as_bytes() => None,
        _ => Some(refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "this address is for one page on this machine only",
        )),
    }
}

/// The JSON body of a POST from this page.
pub(super) fn read_body<T: DeserializeOwned>(
    request: &Request<Bytes>,
    origin: &str,
) -> std::result::Result<T, Refusal> {
    let header = |name| {
        request
            .headers()
            .get(name)
            .map(header::HeaderValue::as_bytes)
    };
    if request.method() != Method::POST {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong method"));
    }
    if header(header::ORIGIN) != Some(origin.as_bytes()) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "not from this page"));
    }
    if header(header::CONTENT_TYPE) != Some(b"application/json") {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not JSON"));
    }
    serde_json::from_slice(request.body())
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "not what the page sends"))
}

/// The secret that a request carries; empty if it carries none.
pub(super) fn secret_of(request: &Request<Bytes>) -> &str {
    request
        .headers()
        .get(SECRET)
        .and_then(|secret| secret.to_str().ok())
        .unwrap_or_default()
}
