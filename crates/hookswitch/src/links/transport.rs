//! TCP, or TLS over it.

use std::{fs, io, path::PathBuf, sync::Arc};

use rustls::{ClientConfig, RootCertStore, client::WebPkiServerVerifier, pki_types::ServerName};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::pin::PinOrChain;

/// How a link is protected.
#[derive(Clone)]
pub(crate) enum Tls {
    /// It is not: loopback or a trusted wire.
    Off,
    /// TLS 1.2 or 1.3, the certificate checked against these roots.
    On(Arc<ClientConfig>),
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::On(_) => "On",
        })
    }
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The file of certificates could not be used.
    #[error(
        "{path}: {reason}; hint: `ca` names a PEM file with the certificate (or its issuer) that the PBX shows"
    )]
    Ca {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The platform's verifier is not usable.
    #[error("the system's certificates cannot be used: {0}; hint: name a file: tls = {{ ca = \"FILE\" }}")]
    Platform(rustls::Error),
}

impl Tls {
    /// Checks against the system's certificates, or those of the file: see [`PinOrChain`].
    pub(crate) fn new(ca: Option<PathBuf>) -> Result<Self, TlsError> {
        let builder = ClientConfig::builder();
        let config = match ca {
            None => builder.with_platform_verifier().map_err(TlsError::Platform)?.with_no_client_auth(),
            Some(path) => {
                let problem = |reason: String| TlsError::Ca { path: path.display().to_string(), reason };
                let pem = fs::read(&path).map_err(|error| problem(error.to_string()))?;
                let mut roots = RootCertStore::empty();
                let mut pinned = Vec::new();
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate = certificate.map_err(|error| problem(error.to_string()))?;
                    pinned.push(certificate.clone());
                    roots.add(certificate).map_err(|error| problem(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(problem("no certificate in it".to_owned()));
                }
                let chain = WebPkiServerVerifier::builder(Arc::new(roots)).build();
                let chain = chain.map_err(|error| problem(error.to_string()))?;
                let verifier = Arc::new(PinOrChain { pinned, chain });
                // "Dangerous" is what rustls calls every verifier that is not its own.
                builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
            }
        };
        Ok(Self::On(Arc::new(config)))
    }

    /// Connects to `host:port`.
    pub(crate) async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        match self {
            Self::Off => Ok(Box::new(tcp)),
            Self::On(config) => {
                let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let name = ServerName::try_from(host).map_err(io::Error::other)?;
                Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, tcp).await?))
            }
        }
    }
}

/// A connection, plain or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
