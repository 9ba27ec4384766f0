//! TLS to Vault with `ring`, built only for https.
//!
//! One CA file or folder when the person names one, the system's roots only otherwise: loading
//! those costs milliseconds.

use std::net::ToSocketAddrs;
use std::path::Path;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, ClientBuilder, Identity};

use crate::config::Tls;
use crate::error::{Error, Result};

/// Adds what plain http needs: nothing. No roots are read and no verifier is built.
pub(crate) fn none(builder: ClientBuilder) -> ClientBuilder {
    provide_ring();
    builder.tls_certs_only([])
}

/// Adds the person's TLS settings.
pub(super) fn apply(builder: ClientBuilder, tls: &Tls, host: &str) -> Result<ClientBuilder> {
    provide_ring();
    let mut builder = builder.tls_danger_accept_invalid_certs(tls.skip_verify);
    let roots = roots(tls)?;
    if tls.skip_verify {
        builder = builder.tls_certs_only([]);
    } else if let Some(roots) = roots {
        builder = builder.tls_certs_only(roots);
    }
    match (&tls.client_certificate, &tls.client_key) {
        (Some(certificate), Some(key)) => {
            let mut pem = read(key)?;
            pem.extend(read(certificate)?);
            let identity = Identity::from_pem(&pem).map_err(|_| {
                unusable(
                    certificate,
                    "VAULT_CLIENT_CERT and VAULT_CLIENT_KEY are not a PEM certificate and its key",
                )
            })?;
            builder = builder.identity(identity);
        }
        (None, None) => {}
        _ => {
            return Err(Error::invalid(
                "VAULT_CLIENT_CERT and VAULT_CLIENT_KEY go together, and one is missing",
                "set both, or unset both",
            ));
        }
    }
    if tls.server_name.is_some() {
        builder = builder.dns_resolver(Arc::new(Always(host.to_owned())));
    }
    Ok(builder)
}

/// The system's roots, and the person's beside them.
pub(crate) fn merge(builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder> {
    provide_ring();
    Ok(match roots(tls)? {
        Some(roots) => builder.tls_certs_merge(roots),
        None => builder,
    })
}

fn provide_ring() {
    // A second call finds the provider in place, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn roots(tls: &Tls) -> Result<Option<Vec<Certificate>>> {
    if let Some(file) = &tls.ca_file {
        return bundle(file).map(Some);
    }
    let Some(folder) = &tls.ca_folder else {
        return Ok(None);
    };
    let mut roots = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        if path.is_file() {
            roots.extend(bundle(&path)?);
        }
    }
    if roots.is_empty() {
        Err(unusable(folder, "VAULT_CAPATH holds no certificate"))
    } else {
        Ok(Some(roots))
    }
}

fn bundle(file: &Path) -> Result<Vec<Certificate>> {
    let certificates = Certificate::from_pem_bundle(&read(file)?).unwrap_or_default();
    if certificates.is_empty() {
        Err(unusable(file, "the file holds no PEM certificate"))
    } else {
        Ok(certificates)
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(Error::io("read", file))
}

fn unusable(path: &Path, what: &str) -> Error {
    Error::invalid(
        format!("{}: {what}", path.display()),
        "openssl x509 -in FILE -noout -subject   shows what a file holds",
    )
}

/// Resolves every name to the addresses of one host: with `VAULT_TLS_SERVER_NAME` the URL carries
/// the certificate's name, and the connection still goes to the host of `VAULT_ADDR`.
struct Always(String);

impl Resolve for Always {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            let found =
                tokio::task::spawn_blocking(move || (host.as_str(), 0).to_socket_addrs()).await??;
            Ok(Box::new(found) as Addrs)
        })
    }
}

/// What was wrong with a certificate, from the depths of an error; `None` when it was not that.
pub(crate) fn certificate_problem(
    error: &(dyn std::error::Error + 'static),
) -> Option<(&'static str, &'static str)> {
    use rustls::CertificateError as Bad;
    const OWN_CA: &str =
        "export VAULT_CACERT=/path/to/ca.pem   (the CA that signed the server's certificate)";
    const NAME: &str =
        "use a name that the certificate holds in VAULT_ADDR, or set VAULT_TLS_SERVER_NAME to it";
    let rustls::Error::InvalidCertificate(problem) = find::<rustls::Error>(error)? else {
        return None;
    };
    Some(match problem {
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            ("it was made for another name", NAME)
        }
        Bad::Expired | Bad::ExpiredContext { .. } => {
            ("it has expired", "renew the server's certificate")
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => (
            "it is not valid yet",
            "check the clocks of both machines: date",
        ),
        Bad::UnknownIssuer | Bad::BadSignature => (
            "it was signed by an authority that is not trusted here",
            OWN_CA,
        ),
        Bad::Revoked => ("it was revoked", "renew the server's certificate"),
        _ => ("it cannot be verified", OWN_CA),
    })
}

/// Whether the other side answered a TLS greeting with something that is not TLS.
pub(super) fn is_not_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(
        find::<rustls::Error>(error),
        Some(rustls::Error::InvalidMessage(_))
    )
}

/// Looks for an error of type `T` down the chain, also inside I/O errors, which hide theirs.
fn find<'a, T: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = match error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The operating system's reason in a chain of errors, in words.
pub(crate) fn io_reason(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    use std::io::ErrorKind as Kind;
    let io = find::<std::io::Error>(error)?;
    Some(match io.kind() {
        Kind::ConnectionRefused => "connection refused".into(),
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof => "the connection was cut".into(),
        Kind::TimedOut => "timed out".into(),
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
            "the network does not lead there".into()
        }
        _ if io.raw_os_error().is_none() && io.to_string().contains("lookup") => {
            "the host name is not known".into()
        }
        kind => kind.to_string(),
    })
}
