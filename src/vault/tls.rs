//! TLS to Vault with `ring`, set up only for https.
//!
//! If the person names a CA file or folder, only that is trusted, and the system's roots are not
//! loaded, because loading them takes milliseconds.

use std::path::Path;

use reqwest::{Certificate, ClientBuilder, Identity};

use crate::config::Tls;
use crate::error::{Error, Result};

/// Sets up TLS with no roots, for plain http: no certificates are read.
pub(crate) fn apply_without_roots(builder: ClientBuilder) -> ClientBuilder {
    provide_ring();
    builder.tls_certs_only([])
}

/// Applies the TLS settings.
pub(super) fn apply(builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder> {
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
                "VAULT_CLIENT_CERT and VAULT_CLIENT_KEY go together, but only one is set",
                "set both, or unset both",
            ));
        }
    }
    Ok(builder)
}

/// Trusts the configured roots in addition to the system's roots.
pub(crate) fn add_roots(builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder> {
    provide_ring();
    Ok(match roots(tls)? {
        Some(roots) => builder.tls_certs_merge(roots),
        None => builder,
    })
}

fn provide_ring() {
    // Fails if the provider is already installed, which is fine.
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

/// The problem with the server's certificate and a hint, if a certificate error is anywhere in the
/// error's chain of causes.
pub(crate) fn certificate_problem(
    error: &(dyn std::error::Error + 'static),
) -> Option<(&'static str, &'static str)> {
    use rustls::CertificateError as Bad;
    const OWN_CA: &str =
        "export VAULT_CACERT=/path/to/ca.pem   (the CA that signed the server's certificate)";
    const NAME: &str =
        "use a name from the certificate in VAULT_ADDR, or set VAULT_TLS_SERVER_NAME to it";
    let rustls::Error::InvalidCertificate(problem) = find::<rustls::Error>(error)? else {
        return None;
    };
    Some(match problem {
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            ("it is for another host name", NAME)
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

/// Whether the server's answer to the TLS handshake was not TLS.
pub(super) fn is_not_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(
        find::<rustls::Error>(error),
        Some(rustls::Error::InvalidMessage(_))
    )
}

/// Whether the server closed the connection before it answered completely.
pub(super) fn is_cut_off(error: &(dyn std::error::Error + 'static)) -> bool {
    find::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message)
}

/// Finds an error of type `T` in the chain of causes. Also looks inside I/O errors, because their
/// `source` skips the error they wrap.
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

/// The operating system's reason for a failed connection, if an I/O error is in the chain of
/// causes.
pub(crate) fn io_reason(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    use std::io::ErrorKind as Kind;
    let io = find::<std::io::Error>(error)?;
    Some(match io.kind() {
        Kind::ConnectionRefused => "connection refused".into(),
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof => "the connection was closed".into(),
        Kind::TimedOut => "timed out".into(),
        // From the look-up of a name below localhost.
        Kind::AddrNotAvailable if io.raw_os_error().is_none() => {
            "the name has no address of this machine".into()
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
            "the network cannot reach this host".into()
        }
        _ if io.raw_os_error().is_none() && io.to_string().contains("lookup") => {
            "the host name is not known".into()
        }
        kind => kind.to_string(),
    })
}
