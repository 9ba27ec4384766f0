//! Listening for the person's own browser: on 127.0.0.1 and ::1 of one port, so that `localhost`
//! leads here whichever family the browser tries first (RFC 8252, 7.3).
//!
//! Other users of the machine are not spoken with, where the system tells who connects. A flood cannot
//! use up memory or descriptors. Every response forbids caching, framing and
//! whatever the page does not need.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// More are not served at the same time.
const CONNECTIONS: usize = 32;
/// How long a connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// A port of both families, not yet listened on by anybody's code.
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
                Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => tried = pair(0).await,
                Err(error) => return Err(Error::io("listen on", "127.0.0.1")(error)),
            }
        }
        Err(Error::io("listen on", "127.0.0.1")(ErrorKind::AddrInUse.into()))
    }

    /// Hands each connection to `serve`.
    pub(crate) fn each<F>(self, serve: impl Fn(TcpStream) -> F + Clone + Send + 'static) -> Serving
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        Serving(self.sockets.into_iter().map(|socket| tokio::spawn(accept(socket, serve.clone(), slots.clone()))).collect())
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

async fn accept<F>(socket: TcpListener, serve: impl Fn(TcpStream) -> F, slots: Arc<Semaphore>)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            // Out of descriptors, say: not a reason to spin or to stop.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if !is_of_this_user(&stream) {
            continue;
        }
        let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
        let serving = serve(stream);
        tokio::spawn(async move {
            serving.await;
            drop(slot);
        });
    }
}

/// Whether the other end is a process of this user (or of root, who may read our memory anyway), by
/// the kernel's table of connections. Where that does not tell of this connection at all, as on other
/// systems or behind a forwarder, what the browser must know has to do.
fn is_of_this_user(stream: &TcpStream) -> bool {
    const ESTABLISHED: &str = "01";
    let (Ok(theirs), Ok(ours)) = (stream.peer_addr(), stream.local_addr()) else { return false };
    let table = if theirs.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    let Ok(table) = std::fs::read_to_string(table) else { return true };
    let (theirs, ours) = (as_in_proc(theirs), as_in_proc(ours));
    let line_of = |local: &str, remote: &str| {
        let lines = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.into_iter().find(|fields| fields.get(1) == Some(&local) && fields.get(2) == Some(&remote))
    };
    match line_of(&theirs, &ours) {
        // One that has gone already has no owner any more, and shows as root's.
        Some(fields) if fields.get(3) == Some(&ESTABLISHED) => {
            let owner = fields.get(7).and_then(|owner| owner.parse::<u32>().ok());
            owner.is_some_and(|owner| owner == 0 || owner == rustix::process::geteuid().as_raw())
        }
        Some(_) => false,
        None => line_of(&ours, &theirs).is_none_or(|fields| fields.get(3) == Some(&ESTABLISHED)),
    }
}

/// An address as the kernel's table spells it: words in the machine's byte order, the port in hexadecimal.
fn as_in_proc(address: SocketAddr) -> String {
    let bytes: Vec<u8> = match address {
        SocketAddr::V4(four) => four.ip().octets().to_vec(),
        SocketAddr::V6(six) => six.ip().octets().to_vec(),
    };
    let words = bytes.chunks_exact(4).map(|word| format!("{:08X}", u32::from_ne_bytes([word[0], word[1], word[2], word[3]])));
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

/// Answers what comes on a connection.
pub(crate) async fn answer<F>(stream: TcpStream, respond: impl Fn(Request<Incoming>) -> F)
where
    F: Future<Output = Response<Full<Bytes>>>,
{
    let service = service_fn(|request| {
        let response = respond(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    // A connection that breaks is the browser's affair.
    let _ = http().serve_connection(TokioIo::new(stream), service).await;
}

/// How each connection is spoken with.
pub(crate) fn http() -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(64 * 1024).keep_alive(false);
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
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONNECTION, "close"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}

/// Text for HTML, in an attribute too.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_markup_as_text() {
        assert_eq!(escape("<script>\"&'"), "&lt;script&gt;&quot;&amp;&#39;");
    }
}
