//! TLS with rustls and the *ring* provider, with libpq's meaning of each `sslmode`.
//!
//! libpq (PostgreSQL documentation, 34.19.3): `prefer` and `require` verify nothing, `verify-ca`
//! verifies the chain but not the host name, `verify-full` both.

use std::path::Path;
use std::sync::Arc;

use howdah_error::{Code, Error, Kind, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::{ConnectOptions, RootCert, SslMode};

/// The TLS connector that `options` ask for; code HD0108 when the root certificates are unusable.
pub(super) fn connector(options: &ConnectOptions) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS cannot be set up").source(error))?;
    let verifier: Arc<dyn ServerCertVerifier> = match options.effective_ssl_mode() {
        SslMode::Disable | SslMode::Prefer | SslMode::Require => Arc::new(NoVerifier(provider)),
        SslMode::VerifyCa => Arc::new(ChainVerifier(chain_verifier(options, provider)?)),
        SslMode::VerifyFull => chain_verifier(options, provider)?,
    };
    let config =
        builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// What a TLS client needs that verifies chain and host name: by the authorities of a PEM file, or
/// those of the system. Code HD0108 when they are unusable.
pub fn tls_client(authorities: Option<&Path>) -> Result<ClientConfig> {
    let roots = match authorities {
        Some(path) => roots_of_file(path)?,
        None => roots_of_system()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS cannot be set up").source(error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn chain_verifier(
    options: &ConnectOptions,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>> {
    let roots = match &options.ssl_root_cert {
        Some(RootCert::File(path)) => roots_of_file(path)?,
        Some(RootCert::System) | None => roots_of_system()?,
    };
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| tls_failed("the root certificates cannot be used for TLS").source(error))
}

fn roots_of_file(path: &Path) -> Result<RootCertStore> {
    let unusable = || {
        tls_failed(format!("the root certificate file \"{}\" cannot be used", path.display()))
            .hint("sslrootcert names a PEM file with the certificates of trusted authorities.")
    };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| unusable().source(error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable().source(error))?;
        roots.add(certificate).map_err(|error| unusable().source(error))?;
    }
    if roots.is_empty() {
        return Err(unusable().detail("It holds no certificate."));
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(tls_failed("the operating system has no trusted root certificates")
            .hint("Install ca-certificates, or name the authority's file with sslrootcert."));
    }
    Ok(roots)
}

fn tls_failed(message: impl Into<String>) -> Error {
    Error::new(Kind::Refused, message).code(Code::TlsFailed)
}

/// Accepts any certificate: encryption without knowing to whom.
#[derive(Debug)]
struct NoVerifier(Arc<CryptoProvider>);

impl ServerCertVerifier for NoVerifier {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Verifies the chain and forgives only a host name that the certificate does not name.
///
/// webpki checks the name after the chain, the validity and the usage, so that a wrong name is
/// reported only for a certificate that is otherwise good.
#[derive(Debug)]
struct ChainVerifier(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for ChainVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let result =
            self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match result {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
