//! HTTP: sets up the connection, reads responses within limits, and explains failed exchanges.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::Client;
use super::cluster::Node;
use super::origin::{host_port, is_loopback, origin};
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
    let other_name = server_name(settings, base).map(|_| host.to_owned());
    let name = server_name(settings, base).unwrap_or(host);
    builder = match node.pinned {
        Some(ip) => builder.resolve(name, SocketAddr::new(ip, 0)),
        None => builder.dns_resolver(Arc::new(addresses.resolver(other_name))),
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
pub(super) struct Addresses(Arc<Mutex<Vec<IpAddr>>>);

impl Addresses {
    pub(super) fn get(&self) -> Vec<IpAddr> {
        self.0.lock().map(|found| found.clone()).unwrap_or_default()
    }

    fn set(&self, found: &[IpAddr]) {
        if let Ok(mut kept) = self.0.lock() {
            kept.clear();
            for ip in found {
                if !kept.contains(ip) {
                    kept.push(*ip);
                }
            }
        }
    }

    /// Looks the name up again, since nodes come and go. An address needs no look-up. If the
    /// look-up fails, the addresses of the last one are returned.
    pub(super) async fn look_up(&self, base: &Url) -> Vec<IpAddr> {
        match base.host() {
            Some(Host::Domain(name)) => {
                let found = tokio::net::lookup_host((name, 0));
                if let Ok(Ok(found)) = tokio::time::timeout(LOOK_UP, found).await {
                    self.set(&found.map(|address| address.ip()).collect::<Vec<_>>());
                }
            }
            Some(Host::Ipv4(ip)) => self.set(&[ip.into()]),
            Some(Host::Ipv6(ip)) => self.set(&[ip.into()]),
            None => {}
        }
        self.get()
    }

    /// Whether another URL leads to one of several addresses.
    pub(super) async fn include(&self, other: &Url) -> bool {
        let own = self.get();
        own.len() > 1
            && Self::default()
                .look_up(other)
                .await
                .iter()
                .any(|ip| own.contains(ip))
    }

    fn resolver(&self, other_name: Option<String>) -> Resolver {
        Resolver {
            other_name,
            addresses: self.clone(),
        }
    }
}

/// Looks names up with the system, and records the addresses.
struct Resolver {
    /// Looked up instead of the name in the URL.
    other_name: Option<String>,
    addresses: Addresses,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = self
            .other_name
            .clone()
            .unwrap_or_else(|| name.as_str().to_owned());
        let addresses = self.addresses.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            addresses.set(&found.iter().map(SocketAddr::ip).collect::<Vec<_>>());
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
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
                None => return self.bad("it is not HTTP, or it was cut off"),
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
        match body(response).await {
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

/// Reads at most [`MAX_BODY`] bytes of the body, into memory that is overwritten when dropped.
pub(super) async fn body(
    mut response: reqwest::Response,
) -> std::result::Result<Zeroizing<Vec<u8>>, BodyError> {
    let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
    if announced > MAX_BODY {
        return Err(BodyError::TooLarge);
    }
    let mut body = Zeroizing::new(Vec::with_capacity(announced.max(4096)));
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > MAX_BODY {
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
