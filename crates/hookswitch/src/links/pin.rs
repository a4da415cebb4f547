//! Which certificates a PBX may show when the configuration names a file: `tls = { ca = "FILE" }`.

use std::sync::Arc;

use rustls::{
    DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// A certificate that stands in the file itself, byte for byte, or one that an issuer in the file vouches for.
///
/// The first is the self-signed certificate of a PBX (`ast_tls_cert`, FreePBX), which X.509 does not take for its own
/// issuer. Being named exactly, it needs no host name and no date: whoever shows it must have its key, and an
/// administrator who copied it meant it. Of the second the host name and the dates are checked as always (RFC 5280,
/// RFC 6125).
#[derive(Debug)]
pub(super) struct PinOrChain {
    pub(super) pinned: Vec<CertificateDer<'static>>,
    pub(super) chain: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for PinOrChain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pinned.iter().any(|pinned| pinned == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
