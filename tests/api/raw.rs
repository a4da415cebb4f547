//! Requests as bytes: what no client library would send.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// Sends bytes and reads what is answered until the end; an empty answer is a connection that was closed.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let exchanged = async {
        let mut stream = TcpStream::connect(address).await?;
        // A server that refuses early closes before it has read all.
        let _ = stream.write_all(request).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        anyhow::Ok(answer)
    };
    timeout(PATIENCE, exchanged).await.context("no answer in time")?
}

/// The statuses in an answer: one for each request that the server saw in the bytes.
pub(crate) fn statuses(answer: &[u8]) -> Result<Vec<u16>> {
    let text = String::from_utf8_lossy(answer);
    let lines = text.split("HTTP/1.1 ").skip(1);
    let statuses: Option<Vec<u16>> = lines.map(|line| line.get(..3)?.parse().ok()).collect();
    let statuses = statuses.context("a status that is no number")?;
    ensure!(answer.is_empty() || !statuses.is_empty(), "no answer of HTTP: {text}");
    Ok(statuses)
}
