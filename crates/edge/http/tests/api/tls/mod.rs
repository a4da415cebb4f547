//! HTTP by TLS, and a certificate that is replaced while the server runs.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::world::World;

/// Certificates of the tests for this machine, signed by themselves, with their keys.
const ONE: (&[u8], &[u8]) = (include_bytes!("one.pem"), include_bytes!("one.key"));
const TWO: (&[u8], &[u8]) = (include_bytes!("two.pem"), include_bytes!("two.key"));

fn certificate(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).unwrap()
}

fn show(world: &World, (pem, key): (&[u8], &[u8])) {
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate(pem)], key);
    let mut access = (**world.access.borrow()).clone();
    access.tls = Some(Arc::new(config.unwrap()));
    world.access.send_replace(access.into());
}

/// The status a client gets that believes this certificate; none when it does not believe the server.
async fn status(world: &World, (pem, _): (&[u8], &[u8])) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(pem)).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(world.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let request = "GET /v1/agents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer alice-secret\r\n\
        Connection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A server may close without saying so.
    let _ = stream.read_to_string(&mut answer).await;
    answer.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_the_next_client() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let world = World::new().await;
    assert_eq!(world.get("/v1/agents").token("alice").status().await, 200, "without TLS");
    show(&world, ONE);
    assert_eq!((status(&world, ONE).await, status(&world, TWO).await), (Some(200), None));
    show(&world, TWO);
    assert_eq!((status(&world, ONE).await, status(&world, TWO).await), (None, Some(200)));
    // Nobody is served in the open any more.
    let mut plain = world.get("/v1/agents").token("alice").open().await;
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"), "{answer:?}");
}
