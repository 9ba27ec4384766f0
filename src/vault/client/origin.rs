//! The origins of addresses, as they are compared and printed.

use url::Url;

/// Scheme, host and port of a URL: the parts that are safe to print.
pub(crate) fn origin(url: &Url) -> String {
    format!("{}://{}", url.scheme(), host_port(url))
}

pub(super) fn host_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Host and port, including the scheme's default port. As an entry in `trusted_hosts`, this
/// trusts only this port.
pub(super) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether a hint with this host and port is safe to paste into a shell. The URL standard allows
/// `;` and `$(` in a host.
pub(super) fn is_pasteable(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        host.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
    })
}

/// Whether a name, in lower case as in a URL, is at or below `localhost`.
pub(super) fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => is_local_name(name),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
