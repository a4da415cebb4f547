//! A CRM that is asked who is calling, and behaves as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time;

/// How it treats a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Answers with these records, as JSON.
    Knows(&'static str),
    /// The same after a while.
    KnowsAfter(Duration, &'static str),
    /// Takes the question and says nothing, ever.
    Silent,
    /// The same at the first question; knows at the next.
    KnowsWhenAskedAgain(&'static str),
    /// Closes the connection in the middle.
    Resets,
    /// Status, type of the body, body.
    Says(&'static str, &'static str, &'static str),
    /// A body without an end.
    Endless,
    /// A body that comes a byte at a time.
    Trickles,
    /// More records than anybody could look at.
    Huge,
    /// A redirect to where it listens itself.
    Redirects,
}

/// The CRM. Ends with the test.
#[derive(Debug)]
pub(crate) struct Crm {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Crm {
    pub(crate) async fn start(behaviour: Behaviour) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, behaviour, address, Arc::clone(&kept)));
            }
        });
        Ok(Self { address, asked, task })
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The first lines of what it was asked.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Crm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour, own: SocketAddr, asked: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    let again = {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(line);
        asked.len() > 1
    };
    let behaviour = if let (Behaviour::KnowsWhenAskedAgain(records), true) = (&behaviour, again) {
        Behaviour::Knows(records)
    } else {
        behaviour
    };
    // What the client does not wait for fails here; that is the client's right.
    let _ = answer(&mut stream, behaviour, own).await;
}

async fn answer(stream: &mut TcpStream, behaviour: Behaviour, own: SocketAddr) -> std::io::Result<()> {
    const ENDLESS: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    match behaviour {
        Behaviour::Knows(records) => whole(stream, "200 OK", "application/json", &results(records)).await,
        Behaviour::KnowsAfter(wait, records) => {
            // A slow CRM is what this plays.
            time::sleep(wait).await;
            whole(stream, "200 OK", "application/json", &results(records)).await
        }
        Behaviour::Silent | Behaviour::KnowsWhenAskedAgain(_) => stream.read(&mut [0; 1]).await.map(drop),
        Behaviour::Resets => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"res").await,
        Behaviour::Says(status, media, body) => whole(stream, status, media, body).await,
        Behaviour::Endless => {
            stream.write_all(ENDLESS).await?;
            let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
            loop {
                stream.write_all(chunk.as_bytes()).await?;
            }
        }
        Behaviour::Trickles => {
            stream.write_all(ENDLESS).await?;
            loop {
                stream.write_all(b"1\r\n[\r\n").await?;
                time::sleep(Duration::from_millis(50)).await;
            }
        }
        Behaviour::Huge => {
            let one = r#"{"id":1,"name":"Somebody with a long name"},"#;
            let records = format!("{}{{\"id\":2}}", one.repeat(20_000));
            whole(stream, "200 OK", "application/json", &results(&records)).await
        }
        Behaviour::Redirects => {
            let status = format!("302 Found\r\nLocation: http://{own}/inside");
            whole(stream, &status, "text/plain", "").await
        }
    }
}

fn results(records: &str) -> String {
    format!("{{\"results\":[{records}]}}")
}

async fn whole(stream: &mut TcpStream, status: &str, media: &str, body: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {media}\r\nConnection: close\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await
}
