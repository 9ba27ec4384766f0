//! An HTTP listener for the person's own browser. It listens on one port of both 127.0.0.1 and ::1,
//! so that `localhost` works whichever address the browser tries first (RFC 8252, 7.3).
//!
//! Guarantees: requests are served only if the system shows that the connection belongs to this
//! user. A connection of another user is closed. If the user is unknown, the response is a fixed
//! text. Silent or slow connections cannot block the listener. No response can be cached, framed or
//! read by another origin.

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

/// The most connections that are open at the same time. [`Open::admit`] describes what happens to a
/// further one.
const MAX_CONNECTIONS: usize = 32;
/// The most connections of unknown users that are answered with the fixed text at the same time.
const MAX_UNKNOWN: usize = 4;
/// The time limit for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// The time limit for the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for a connection, including its response. A response may wait for Vault or for
/// the person.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);
/// The longest body of a request, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// A bound port, on IPv4 and usually IPv6, that does not serve requests yet.
pub(crate) struct Loopback {
    pub(crate) port: u16,
    sockets: Vec<TcpListener>,
}

/// A running listener. It stops when dropped.
pub(crate) struct Serving(Vec<JoinHandle<()>>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// A connection of this user.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Set after the whole request has arrived.
    is_received: Arc<AtomicBool>,
}

impl Loopback {
    /// Binds the port `preferred`, or another port if that one is taken on IPv4 or IPv6. 0 means
    /// any port.
    ///
    /// # Errors
    /// [`Error::Io`] if no port can be bound.
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
                    tried = pair(0).await;
                }
                Err(error) => return Err(Error::io("listen on", "127.0.0.1")(error)),
            }
        }
        Err(Error::io("listen on", "127.0.0.1")(
            ErrorKind::AddrInUse.into(),
        ))
    }

    /// Passes each connection of this user to `serve`. `unknown` creates the response for a visitor
    /// whose user is unknown.
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

/// Binds one port on IPv4 and IPv6, or only on IPv4 if the machine has no IPv6.
async fn pair(port: u16) -> std::io::Result<(u16, Vec<TcpListener>)> {
    let four = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = four.local_addr()?.port();
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
        Ok(six) => Ok((port, vec![four, six])),
        Err(error) if matches!(error.kind(), ErrorKind::AddrInUse) => Err(error),
        Err(_) => Ok((port, vec![four])),
    }
}

/// The open connections of a listener.
struct Open {
    /// This user's connections, oldest first.
    connections: Mutex<Vec<(Arc<AtomicBool>, AbortHandle)>>,
    unknown: Arc<Semaphore>,
}

impl Open {
    /// Serves a connection of this user. If too many are open, the oldest one that has not sent its
    /// request is closed, or else the oldest of all. A new connection is therefore always served.
    fn admit<F>(&self, stream: TcpStream, serve: &impl Fn(Connection) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let is_received = Arc::new(AtomicBool::new(false));
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connections.retain(|(_, task)| !task.is_finished());
        if connections.len() >= MAX_CONNECTIONS {
            let unsent = connections
                .iter()
                .position(|(is_received, _)| !is_received.load(Ordering::Relaxed));
            connections.remove(unsent.unwrap_or(0)).1.abort();
        }
        let serving = tokio::time::timeout(
            CONNECTION_TIMEOUT,
            serve(Connection {
                stream,
                is_received: is_received.clone(),
            }),
        );
        connections.push((is_received, tokio::spawn(serving).abort_handle()));
    }

    /// Sends the fixed response to a visitor whose user is unknown.
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
            // For example, out of file descriptors. Wait, to avoid a busy loop, and go on.
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

/// Reads the request of a connection and sends the response from `respond`.
pub(crate) async fn answer<F>(connection: Connection, respond: impl Fn(Request<Bytes>) -> F)
where
    F: Future<Output = Response<Full<Bytes>>>,
{
    let Connection {
        stream,
        is_received,
    } = connection;
    let (is_received, respond) = (&is_received, &respond);
    let service = service_fn(|request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect());
        let Ok(Ok(body)) = body.await else {
            return Ok(too_long_or_slow());
        };
        is_received.store(true, Ordering::Relaxed);
        Ok::<_, Infallible>(respond(Request::from_parts(head, body.to_bytes())).await)
    });
    // Ignore a broken connection; the browser reports it.
    let _ = http().serve_connection(TokioIo::new(stream), service).await;
}

fn too_long_or_slow() -> Response<Full<Bytes>> {
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

/// A response with headers that forbid caching, framing and reading by other origins. `policy` is
/// its content security policy.
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
