//! Listening for the person's own browser: on 127.0.0.1 and ::1 of one port, so that `localhost`
//! leads here whichever family the browser tries first (RFC 8252, 7.3).
//!
//! Promises: only a visitor whom the system shows to be this user is heard; another user's
//! connection is closed, and one that cannot be placed gets a fixed text. Connections that are
//! silent or slow cannot take the listener away. No response can be cached, framed or read by
//! another origin.

mod visitor;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinHandle};

use crate::error::{Error, Result};
use visitor::Visitor;

/// How many connections are open at the same time. One more closes the oldest that has said
/// nothing.
const MAX_CONNECTIONS: usize = 32;
/// How many visitors whom the system does not know get the fixed text at the same time.
const MAX_UNKNOWN: usize = 4;
/// How long a connection may take to send the head of its request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take to send the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection lives, its answer included. An answer may wait for Vault or for the
/// person.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);
/// The longest body of a request, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// A port of both families on which nothing is served yet.
pub(crate) struct Loopback {
    pub(crate) port: u16,
    sockets: Vec<TcpListener>,
}

/// Listens until it is dropped.
pub(crate) struct Serving(Vec<JoinHandle<()>>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// A connection of this user.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Set once the whole request is here.
    heard: Arc<AtomicBool>,
}

impl Loopback {
    /// Takes `preferred`, or another port where that is taken in either family; 0 for any.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) async fn bind(preferred: u16) -> Result<Self> {
        let mut tried = pair(preferred).await;
        for _ in 0..20 {
            match tried {
                Ok((port, sockets)) => return Ok(Self { port, sockets }),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::AddrInUse | ErrorKind::PermissionDenied
                    ) =>
                {
                    tried = pair(0).await
                }
                Err(error) => return Err(Error::io("listen on", "127.0.0.1")(error)),
            }
        }
        Err(Error::io("listen on", "127.0.0.1")(
            ErrorKind::AddrInUse.into(),
        ))
    }

    /// Hands each connection of this user to `serve`. `unknown` makes the response for a visitor
    /// whom the system cannot place.
    pub(crate) fn each<F>(
        self,
        unknown: fn() -> Response<Full<Bytes>>,
        serve: impl Fn(Connection) -> F + Clone + Send + Sync + 'static,
    ) -> Serving
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let open = Arc::new(Open {
            connections: Mutex::default(),
            unknown: Arc::new(Semaphore::new(MAX_UNKNOWN)),
        });
        let tasks = self
            .sockets
            .into_iter()
            .map(|socket| tokio::spawn(accept(socket, unknown, serve.clone(), open.clone())));
        Serving(tasks.collect())
    }
}

/// Both families on one port; the IPv4 one alone where there is no IPv6.
async fn pair(port: u16) -> std::io::Result<(u16, Vec<TcpListener>)> {
    let four = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = four.local_addr()?.port();
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
        Ok(six) => Ok((port, vec![four, six])),
        Err(error) if matches!(error.kind(), ErrorKind::AddrInUse) => Err(error),
        Err(_) => Ok((port, vec![four])),
    }
}

/// The connections of a listener, the oldest first.
struct Open {
    connections: Mutex<Vec<(Arc<AtomicBool>, AbortHandle)>>,
    unknown: Arc<Semaphore>,
}

impl Open {
    /// Serves a connection of this user. Where there are too many, the oldest that has not sent its
    /// request is closed, or else the oldest: a new one always gets its chance.
    fn admit<F>(&self, stream: TcpStream, serve: &impl Fn(Connection) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let heard = Arc::new(AtomicBool::new(false));
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connections.retain(|(_, task)| !task.is_finished());
        if connections.len() >= MAX_CONNECTIONS {
            let silent = connections
                .iter()
                .position(|(heard, _)| !heard.load(Ordering::Relaxed));
            connections.remove(silent.unwrap_or(0)).1.abort();
        }
        let serving = tokio::time::timeout(
            CONNECTION_TIMEOUT,
            serve(Connection {
                stream,
                heard: heard.clone(),
            }),
        );
        connections.push((heard, tokio::spawn(serving).abort_handle()));
    }

    /// Answers a visitor whom the system cannot place.
    fn turn_away(&self, stream: TcpStream, unknown: fn() -> Response<Full<Bytes>>) {
        let Ok(slot) = self.unknown.clone().try_acquire_owned() else {
            return;
        };
        tokio::spawn(async move {
            let service =
                service_fn(|_: Request<Incoming>| async move { Ok::<_, Infallible>(unknown()) });
            let _ = tokio::time::timeout(
                HEAD_TIMEOUT,
                http().serve_connection(TokioIo::new(stream), service),
            )
            .await;
            drop(slot);
        });
    }
}

async fn accept<F>(
    socket: TcpListener,
    unknown: fn() -> Response<Full<Bytes>>,
    serve: impl Fn(Connection) -> F + Clone + Send + Sync + 'static,
    open: Arc<Open>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            // Out of descriptors, say: not a reason to spin or to stop.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        match visitor::of(&stream) {
            Visitor::ThisUser => open.admit(stream, &serve),
            Visitor::OtherUser => {}
            Visitor::Unknown => open.turn_away(stream, unknown),
        }
    }
}

/// Answers the request of a connection.
pub(crate) async fn answer<F>(connection: Connection, respond: impl Fn(Request<Bytes>) -> F)
where
    F: Future<Output = Response<Full<Bytes>>>,
{
    let Connection { stream, heard } = connection;
    let (heard, respond) = (&heard, &respond);
    let service = service_fn(|request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect());
        let Ok(Ok(body)) = body.await else {
            return Ok(too_much());
        };
        heard.store(true, Ordering::Relaxed);
        Ok::<_, Infallible>(respond(Request::from_parts(head, body.to_bytes())).await)
    });
    // A connection that breaks is the browser's affair.
    let _ = http().serve_connection(TokioIo::new(stream), service).await;
}

fn too_much() -> Response<Full<Bytes>> {
    response(
        StatusCode::PAYLOAD_TOO_LARGE,
        "text/plain; charset=utf-8",
        "default-src 'none'",
        "the request is too long or too slow",
    )
}

fn http() -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(64 * 1024)
        .keep_alive(false);
    builder
}

/// A response that stays in this browser tab. `policy` is its content security policy.
pub(crate) fn response(
    status: StatusCode,
    content: &'static str,
    policy: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = [
        (header::CONTENT_TYPE, content),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONNECTION, "close"),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, header::HeaderValue::from_static(value));
    }
    response
}

/// Text for HTML, in an attribute too.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_markup_as_text() {
        assert_eq!(escape("<script>\"&'"), "&lt;script&gt;&quot;&amp;&#39;");
    }
}
