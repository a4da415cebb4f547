//! The CRM's end of a webhook: takes deliveries, checks signatures, fails on demand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

const PATIENCE: Duration = Duration::from_secs(30);

/// One request, as it came.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Bytes,
    /// What it was answered with.
    pub answered: StatusCode,
}

/// A server that takes deliveries.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    deliveries: Mutex<Vec<Delivery>>,
    count: watch::Sender<usize>,
    answer: Mutex<(StatusCode, Duration)>,
}

impl Sink {
    /// Listens on a port of its own and answers 204.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> Result<Self> {
        let shared = Arc::new(Shared {
            deliveries: Mutex::default(),
            count: watch::Sender::new(0),
            answer: Mutex::new((StatusCode::NO_CONTENT, Duration::ZERO)),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let app = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            // Ends with the test.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, shared, task })
    }

    /// What to write into the configuration.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers with this status from now on, after this time.
    pub fn answer_with(&self, status: StatusCode, after: Duration) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = (status, after);
    }

    /// All requests so far.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.deliveries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first accepted delivery whose event fits.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn wait(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Delivery> {
        let mut count = self.shared.count.subscribe();
        let search = async {
            loop {
                let deliveries = self.deliveries();
                let accepted = deliveries.iter().filter(|delivery| delivery.answered.is_success());
                if let Some(found) = accepted.clone().find(|delivery| fits(&delivery.event())) {
                    return Ok(found.clone());
                }
                count.wait_for(|n| *n > deliveries.len()).await.context("sink stopped")?;
            }
        };
        time::timeout(PATIENCE, search)
            .await
            .with_context(|| format!("webhook {what} not delivered in time"))?
    }

    /// The events of the accepted deliveries, in the order of arrival.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.deliveries().iter().filter(|d| d.answered.is_success()).map(Delivery::event).collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Delivery {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Checks the signature (Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, `v1,`).
    ///
    /// # Errors
    /// When a header is missing or the signature is of another secret.
    pub fn check_signature(&self, secret: &str) -> Result<()> {
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        ensure!(!id.is_empty() && !timestamp.is_empty(), "headers are missing: {:?}", self.headers);
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let signatures = self.header("webhook-signature");
        ensure!(signatures.split(' ').any(|one| one == expected), "{expected} is not in {signatures}");
        Ok(())
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let (status, after) = *shared.answer.lock().unwrap_or_else(PoisonError::into_inner);
    if !after.is_zero() {
        // A slow CRM is what this plays.
        time::sleep(after).await;
    }
    let delivery = Delivery { headers, body, answered: status };
    shared.deliveries.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
    shared.count.send_modify(|n| *n += 1);
    status
}
