//! HTTP: sets up the connection, reads responses within limits, and explains failed exchanges.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::Client;
use super::cluster::Node;
use super::origin::{host_port, is_local_name, is_loopback, origin};
use crate::config::{Proxy, Settings};
use crate::error::{Error, Result};
use crate::vault::reply::VaultReply;
use crate::vault::tls;

/// The largest response body that is accepted, in bytes. Vault limits a version to 1 MiB by
/// default; this leaves room for servers that are configured with a higher limit.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

/// How long the connection to one of a name's addresses may take.
const CONNECT: Duration = Duration::from_secs(3);
/// The most addresses that the time to connect is meant for.
const MOST_ADDRESSES: u32 = 5;
/// How long a look-up of a name may take that only searches for other nodes.
const LOOK_UP: Duration = Duration::from_secs(2);

/// Builds the HTTP client for a node. Its look-ups are recorded in `addresses`.
pub(super) fn build(
    settings: &Settings,
    node: &Node,
    addresses: &Addresses,
) -> Result<reqwest::Client> {
    let base = &node.base;
    let host = base.host_str().unwrap_or_default();
    // hyper shares the time among the addresses of the name.
    let connect = match node.pinned {
        Some(_) => CONNECT,
        None => CONNECT * MOST_ADDRESSES,
    };
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(connect.min(settings.timeout))
        .user_agent(concat!("claude-vault/", env!("CARGO_PKG_VERSION")));
    builder = apply_proxy(builder, settings, base)?;
    builder = if base.scheme() == "https" {
        tls::apply(builder, &settings.tls)?
    } else {
        tls::apply_without_roots(builder)
    };
    // With `VAULT_TLS_SERVER_NAME`, the URL contains the certificate's name, but the connection
    // must still go to the host of the node.
    let name = server_name(settings, base).unwrap_or(host);
    builder = match node.pinned {
        Some(address) => builder.resolve(name, address),
        None => builder.dns_resolver(Arc::new(Resolver {
            name: name.to_owned(),
            host: host.to_owned(),
            addresses: addresses.clone(),
        })),
    };
    builder.build().map_err(|_| {
        Error::invalid(
            "TLS cannot be set up: no certificate authorities were found",
            "apt install ca-certificates   (or export VAULT_CACERT=FILE)",
        )
    })
}

/// The certificate's name from `VAULT_TLS_SERVER_NAME`, for https only.
fn server_name<'a>(settings: &'a Settings, url: &Url) -> Option<&'a str> {
    settings
        .tls
        .server_name
        .as_deref()
        .filter(|_| url.scheme() == "https")
}

/// The URL to request, and the `Host` header if it differs from the URL's host.
pub(super) fn url_and_host(settings: &Settings, url: &Url) -> Result<(Url, Option<String>)> {
    let mut named = url.clone();
    let Some(name) = server_name(settings, url) else {
        return Ok((named, None));
    };
    named.set_host(Some(name)).map_err(|_| {
        Error::invalid(
            "VAULT_TLS_SERVER_NAME is not a host name",
            "unset VAULT_TLS_SERVER_NAME",
        )
    })?;
    Ok((named, Some(host_port(url))))
}

/// The addresses that the system found for a name.
#[derive(Clone, Default)]
pub(super) struct Addresses(Arc<Mutex<Vec<SocketAddr>>>);

impl Addresses {
    pub(super) fn get(&self) -> Vec<SocketAddr> {
        self.0.lock().map(|found| found.clone()).unwrap_or_default()
    }

    fn set(&self, found: &[SocketAddr]) {
        if let Ok(mut kept) = self.0.lock() {
            kept.clear();
            for address in found {
                if !kept.contains(address) {
                    kept.push(*address);
                }
            }
        }
    }

    /// Looks the name up again, since nodes come and go. Returns whether that succeeded; if not,
    /// the addresses of the last look-up stay. An address needs no look-up.
    pub(super) async fn refresh(&self, base: &Url, left: Duration) -> bool {
        let found = match base.host() {
            Some(Host::Domain(name)) => {
                match tokio::time::timeout(LOOK_UP.min(left), look_up(name)).await {
                    Ok(Ok(found)) => found,
                    Ok(Err(_)) | Err(_) => return false,
                }
            }
            Some(Host::Ipv4(ip)) => vec![(ip, 0).into()],
            Some(Host::Ipv6(ip)) => vec![(ip, 0).into()],
            None => return false,
        };
        self.set(&found);
        true
    }

    /// Whether another URL leads to one of several addresses.
    pub(super) async fn include(&self, other: &Url, left: Duration) -> bool {
        let (own, others) = (self.get(), Self::default());
        own.len() > 1
            && others.refresh(other, left).await
            && others
                .get()
                .iter()
                .any(|address| own.iter().any(|own| own.ip() == address.ip()))
    }
}

/// The addresses of a name, with port 0. Names at and below `localhost` stand for this machine
/// (RFC 6761, 6.3), and tokens travel to them unencrypted, but the network's name service may give
/// other addresses for them. These are left out.
async fn look_up(name: &str) -> std::io::Result<Vec<SocketAddr>> {
    let loopback_only = is_local_name(name);
    let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0))
        .await?
        .filter(|address| !loopback_only || address.ip().is_loopback())
        .collect();
    if found.is_empty() {
        // `tls::io_reason` says why.
        return Err(std::io::ErrorKind::AddrNotAvailable.into());
    }
    Ok(found)
}

/// Looks names up with the system, and records the addresses of the server's name.
#[derive(Default)]
struct Resolver {
    /// The name in the URL: the host, or the certificate's name.
    name: String,
    /// The host to connect to.
    host: String,
    addresses: Addresses,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        // A proxy has a name of its own.
        let is_server = name.as_str().eq_ignore_ascii_case(&self.name);
        let host = if is_server { &self.host } else { name.as_str() }.to_owned();
        let addresses = is_server.then(|| self.addresses.clone());
        Box::pin(async move {
            let found = look_up(&host).await?;
            if let Some(addresses) = addresses {
                addresses.set(&found);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Lets names at and below `localhost` stand for this machine only.
pub(crate) fn keep_local_names(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.dns_resolver(Arc::new(Resolver::default()))
}

impl Client {
    /// Maps a failed exchange to an error. reqwest's own text is not used because it contains the
    /// URL.
    #[allow(clippy::needless_pass_by_value)] // for map_err
    pub(super) fn transport(&self, node: &Node, error: reqwest::Error) -> Error {
        let address = origin(&node.base);
        if let Some((reason, hint)) = tls::certificate_problem(&error) {
            return Error::Certificate {
                address,
                reason,
                hint,
            };
        }
        if tls::is_not_tls(&error) {
            return Error::WrongScheme {
                address,
                expected: "https",
            };
        }
        let reason = if error.is_timeout() && error.is_connect() {
            "the connection timed out".into()
        } else if error.is_timeout() {
            format!(
                "no answer within {} s",
                self.settings().timeout.as_secs_f64()
            )
        } else {
            match tls::io_reason(&error) {
                Some(reason) => reason,
                None if error.is_connect() => "the connection failed".into(),
                None if tls::is_cut_off(&error) => "the connection was closed".into(),
                None => return self.bad("it is not HTTP"),
            }
        };
        Error::Unreachable { address, reason }
    }

    /// Reads the response of `node`.
    pub(super) async fn receive(
        &self,
        node: &Node,
        response: reqwest::Response,
    ) -> Result<VaultReply> {
        let status = response.status().as_u16();
        match body(response, MAX_BODY).await {
            Ok(body) => Ok(VaultReply {
                status,
                body,
                address: origin(&node.base),
                was_redirected: false,
            }),
            Err(BodyError::TooLarge) => Err(self.bad("it is larger than 16 MiB")),
            Err(BodyError::Broken(error)) => Err(self.transport(node, error)),
        }
    }
}

/// Why a response has no usable body.
pub(super) enum BodyError {
    TooLarge,
    Broken(reqwest::Error),
}

/// Reads at most `limit` bytes of the body, into memory that is overwritten when dropped.
pub(super) async fn body(
    mut response: reqwest::Response,
    limit: usize,
) -> std::result::Result<Zeroizing<Vec<u8>>, BodyError> {
    let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(BodyError::TooLarge);
    }
    let mut body = Zeroizing::new(Vec::with_capacity(announced.max(4096)));
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Applies the proxy settings for requests to `address`.
pub(crate) fn apply_proxy(
    builder: reqwest::ClientBuilder,
    settings: &Settings,
    address: &Url,
) -> Result<reqwest::ClientBuilder> {
    let proxy = match &settings.proxy {
        // As in Go's proxy rules, which users of the `vault` CLI know.
        _ if is_loopback(address) => return Ok(builder.no_proxy()),
        Proxy::Environment => return Ok(builder),
        Proxy::None => return Ok(builder.no_proxy()),
        Proxy::Through(proxy) => reqwest::Proxy::all(proxy.clone()),
    };
    let unusable = |_| {
        Error::invalid(
            "the proxy in the config cannot be used",
            "claude-vault config   (shows where it comes from)",
        )
    };
    Ok(builder.no_proxy().proxy(proxy.map_err(unusable)?))
}

pub(super) fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds: u64 = response
        .headers()
        .get(reqwest::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}
