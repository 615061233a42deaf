//! TLS to the server, as `sslmode` and `sslrootcert` of the URL ask for it.
//!
//! `disable`: none. `prefer` (the default): if the server offers it, unchecked.
//! `require`: always; checked like `verify-full` when `sslrootcert` is given,
//! else unchecked. `verify-full`: the certificate must be valid for the host,
//! issued by `sslrootcert` (a PEM file) or by a CA of the system.

use std::sync::{Arc, Mutex, PoisonError};

use percent_encoding::percent_decode_str;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::warn;

use crate::store::{ErrorClass, Result, StoreError};

/// What the URL says of TLS, and the URL without what tokio-postgres does not
/// know.
#[derive(Debug, PartialEq, Eq)]
struct Settings {
    url: String,
    check: bool,
    root_file: Option<String>,
}

/// How streams to a server are encrypted and whom they trust.
pub(in crate::store::postgres) struct Tls {
    settings: Settings,
    trusted: Mutex<Trusted>,
}

/// The CA certificates that were read last, and a connector that trusts them.
struct Trusted {
    certificates: Vec<CertificateDer<'static>>,
    connector: MakeRustlsConnect,
}

impl Tls {
    /// What the URL asks for, and the URL for tokio-postgres.
    ///
    /// # Errors
    /// Fatal: an `sslmode` that is not supported, CA certificates that cannot
    /// be read.
    pub(in crate::store::postgres) fn of(url: &str) -> Result<(Tls, String)> {
        let mut settings = Settings::of(url)?;
        let url = std::mem::take(&mut settings.url);
        let certificates = settings.certificates()?;
        let connector = settings.connector(&certificates)?;
        let trusted = Mutex::new(Trusted {
            certificates,
            connector,
        });
        Ok((Tls { settings, trusted }, url))
    }

    /// A connector that trusts the CA certificates as they are now: an
    /// operator replaces them while the process runs. Where they cannot be
    /// read, those read before are trusted.
    pub(in crate::store::postgres) fn connector(&self) -> MakeRustlsConnect {
        let mut trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        let read = self.settings.certificates().and_then(|certificates| {
            if certificates != trusted.certificates {
                trusted.connector = self.settings.connector(&certificates)?;
                trusted.certificates = certificates;
            }
            Ok(())
        });
        if let Err(error) = read {
            warn!(
                "{}; the CA certificates read before are used",
                error.message
            );
        }
        trusted.connector.clone()
    }
}

impl Settings {
    fn of(url: &str) -> Result<Settings> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root_file, mut rest) = ("prefer".to_owned(), None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match key {
                "sslmode" => mode = value,
                "sslrootcert" => root_file = Some(value),
                _ => rest.push(pair.to_owned()),
            }
        }
        let (known, check) = match mode.as_str() {
            "disable" => ("disable", false),
            "allow" | "prefer" => ("prefer", false),
            "require" => ("require", root_file.is_some()),
            "verify-full" => ("require", true),
            _ => {
                return Err(fatal(format!(
                    "sslmode={mode} is not supported; use disable, prefer, require or verify-full"
                )));
            }
        };
        rest.push(format!("sslmode={known}"));
        Ok(Settings {
            url: format!("{base}?{}", rest.join("&")),
            check,
            root_file,
        })
    }

    /// The CA certificates to check the server with; none where it is not
    /// checked.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        match &self.root_file {
            _ if !self.check => Ok(Vec::new()),
            Some(file) => CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect)
                .map_err(|error| fatal(format!("sslrootcert {file} cannot be read: {error}"))),
            None => Ok(rustls_native_certs::load_native_certs().certs),
        }
    }

    fn connector(&self, certificates: &[CertificateDer<'static>]) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| fatal(format!("TLS cannot be set up: {error}")))?;
        let config = if self.check {
            let roots = self.roots(certificates)?;
            builder.with_root_certificates(roots).with_no_client_auth()
        } else {
            let unchecked = Arc::new(Unchecked(provider));
            builder
                .dangerous()
                .with_custom_certificate_verifier(unchecked)
                .with_no_client_auth()
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn roots(&self, certificates: &[CertificateDer<'static>]) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        if let Some(file) = &self.root_file {
            for certificate in certificates {
                roots
                    .add(certificate.clone())
                    .map_err(|error| fatal(format!("sslrootcert {file}: {error}")))?;
            }
        } else {
            roots.add_parsable_certificates(certificates.iter().cloned());
        }
        if roots.is_empty() {
            let place = self.root_file.as_deref().unwrap_or("the system's store");
            return Err(fatal(format!(
                "no CA certificate in {place}; name a PEM file in sslrootcert"
            )));
        }
        Ok(roots)
    }
}

fn fatal(message: String) -> StoreError {
    StoreError::new(ErrorClass::Fatal, "read database.url", message)
}

/// Takes whatever certificate the server shows, as libpq does with
/// `sslmode=require`: against listening, not against a server in the middle.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_of_libpq_are_translated() {
        for (query, rest, check) in [
            ("", "?sslmode=prefer", false),
            ("?sslmode=disable", "?sslmode=disable", false),
            (
                "?sslmode=require&connect_timeout=3",
                "?connect_timeout=3&sslmode=require",
                false,
            ),
            (
                "?sslmode=require&sslrootcert=%2Fca.pem",
                "?sslmode=require",
                true,
            ),
            ("?sslmode=verify-full", "?sslmode=require", true),
        ] {
            let settings = Settings::of(&format!("postgres://u:p@h/d{query}")).unwrap();
            assert_eq!(settings.url, format!("postgres://u:p@h/d{rest}"));
            assert_eq!(settings.check, check, "{query}");
        }
        let error = Settings::of("postgres://h/d?sslmode=verify-ca").unwrap_err();
        assert!(error.message.contains("verify-full"), "{error}");
    }
}
