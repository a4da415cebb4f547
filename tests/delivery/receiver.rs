//! A CRM's end of a webhook that does what a test wants, down to the bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::events::text;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

/// For back-offs of many attempts.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is done with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Answers with this status, these header lines and this body.
    Answer(u16, &'static str, &'static str),
    /// Says nothing until the client leaves.
    Silence,
    /// Resets the connection once the request is there.
    Reset,
}

impl Reply {
    pub(crate) const OK: Self = Self::Answer(200, "", r#"{"success":true}"#);
    pub(crate) const REFUSED: Self = Self::Answer(200, "", r#"{"success":false,"error":"unknown call"}"#);
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// It was answered with [`Reply::OK`].
    pub(crate) taken: bool,
}

impl Request {
    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Decides what is done with the n-th request, from 0.
type Policy = Box<dyn Fn(usize, &Value) -> Reply + Send + Sync>;

/// See the module. Ends when it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    requests: Mutex<Vec<Request>>,
    count: watch::Sender<usize>,
    policy: Mutex<Policy>,
    /// Ids of the requests that are being answered.
    under_way: Mutex<BTreeSet<String>>,
    /// Ids of which two were under way at once.
    twice: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    pub(crate) async fn start(
        policy: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        Ok(Self::on(TcpListener::bind("127.0.0.1:0").await?, policy)?)
    }

    /// Takes what is refused and what is not yet: on a port that was closed until now.
    pub(crate) fn on(
        listener: TcpListener,
        policy: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            count: watch::Sender::new(0),
            policy: Mutex::new(Box::new(policy)),
            under_way: Mutex::default(),
            twice: Mutex::default(),
        });
        let state = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&state)));
            }
        });
        Ok(Self { address, shared, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does this from now on; requests are counted on.
    pub(crate) fn behave(&self, policy: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static) {
        *lock(&self.shared.policy) = Box::new(policy);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// The events it took, in the order in which it took them.
    pub(crate) fn taken(&self) -> Vec<Value> {
        self.requests().iter().filter(|request| request.taken).map(Request::event).collect()
    }

    /// Waits for requests of which this holds.
    pub(crate) async fn wait(&self, what: &str, holds: impl Fn(&[Request]) -> bool) -> Result<()> {
        let mut count = self.shared.count.subscribe();
        let waiting = async {
            while !holds(&self.requests()) {
                count.changed().await.context("the receiver is gone")?;
            }
            Ok(())
        };
        let waited = time::timeout(PATIENCE, waiting).await;
        waited.with_context(|| {
            let story: Vec<_> = self.requests().iter().map(story).collect();
            format!("{what}: not in time; so far:\n{}", story.join("\n"))
        })?
    }

    /// Waits until it has taken all of these.
    pub(crate) async fn wait_for_all(&self, events: &[Value]) -> Result<()> {
        let wanted: BTreeSet<&str> = events.iter().filter_map(|event| text(event, "/id")).collect();
        self.wait("all events", |requests| {
            let taken = requests.iter().filter(|request| request.taken);
            let ids: BTreeSet<_> = taken.map(|request| request.header("webhook-id").to_owned()).collect();
            wanted.iter().all(|id| ids.contains(*id))
        })
        .await
    }

    /// No event was being answered twice at once.
    pub(crate) fn check_one_at_a_time(&self) -> Result<()> {
        let twice = lock(&self.shared.twice);
        ensure!(twice.is_empty(), "two attempts of one event at once: {twice:?}");
        Ok(())
    }
}

fn story(request: &Request) -> String {
    let event = request.event();
    format!("{} {} taken: {}", event["sequence"], event["type"], request.taken)
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(connection: TcpStream, shared: Arc<Shared>) {
    let mut connection = BufReader::new(connection);
    while let Some((headers, body)) = read(&mut connection).await {
        let mut request = Request { headers, body, taken: false };
        let id = request.header("webhook-id").to_owned();
        if !lock(&shared.under_way).insert(id.clone()) {
            lock(&shared.twice).push(id.clone());
        }
        let number = lock(&shared.requests).len();
        let reply = lock(&shared.policy)(number, &request.event());
        request.taken = matches!(&reply, Reply::Answer(200..=299, _, body) if !body.contains("false"));
        lock(&shared.requests).push(request);
        shared.count.send_modify(|count| *count += 1);
        let goes_on = match reply {
            Reply::Answer(status, headers, body) => {
                // It is over for the receiver before the client can know.
                lock(&shared.under_way).remove(&id);
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} -\r\n{headers}content-length: {length}\r\n\r\n{body}");
                connection.write_all(answer.as_bytes()).await.is_ok()
            }
            Reply::Silence => {
                // Until the client is gone.
                let _ = connection.read(&mut [0; 1]).await;
                false
            }
            Reply::Reset => {
                let _ = connection.get_ref().set_zero_linger();
                false
            }
        };
        lock(&shared.under_way).remove(&id);
        if !goes_on {
            return;
        }
    }
}

async fn read(connection: &mut BufReader<TcpStream>) -> Option<(BTreeMap<String, String>, Vec<u8>)> {
    let (mut headers, mut line) = (BTreeMap::new(), String::new());
    connection.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    loop {
        line.clear();
        connection.read_line(&mut line).await.ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    connection.read_exact(&mut body).await.ok()?;
    Some((headers, body))
}
