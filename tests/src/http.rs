//! Hookswitch's HTTP interface as a client sees it.

use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

/// A client with a token.
#[derive(Debug, Clone)]
pub struct Api {
    address: SocketAddr,
    token: Option<String>,
    client: Client,
}

/// A response: its status, its type, its body (JSON where it is JSON, else a string).
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// `Content-Type`, without parameters.
    pub content_type: String,
    /// The body.
    pub body: Value,
}

impl Api {
    /// A client of the daemon at this address.
    ///
    /// # Panics
    /// When no HTTP client can be made on this machine at all.
    #[must_use]
    pub fn new(address: SocketAddr, token: Option<&str>) -> Self {
        static PROVIDER: Once = Once::new();
        // One cryptography provider a process; another test may have set it.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let client = Client::builder().timeout(Duration::from_secs(30)).no_proxy().build();
        let client = client.expect("an HTTP client needs nothing but memory");
        Self { address, token: token.map(str::to_owned), client }
    }

    /// The same with another token.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// Where the daemon listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token it shows.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Any request.
    ///
    /// # Errors
    /// When there is no answer; a status of failure is an answer.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply> {
        let mut request = self.client.request(method, format!("http://{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| path.to_owned())?;
        let status = response.status();
        let content_type = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("");
        let content_type = content_type.split(';').next().unwrap_or("").trim().to_owned();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply { status, content_type, body })
    }

    /// GET that must succeed; its body.
    ///
    /// # Errors
    /// When it does not.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.request(Method::GET, path, None).await?.success(path)
    }

    /// POST that must succeed; its body.
    ///
    /// # Errors
    /// When it does not.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.request(Method::POST, path, Some(body)).await?.success(path)
    }

    /// PUT that must succeed; its body.
    ///
    /// # Errors
    /// When it does not.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.request(Method::PUT, path, Some(body)).await?.success(path)
    }

    /// Opens a request whose response does not end: server-sent events.
    pub(crate) async fn stream(&self, path: &str) -> Result<reqwest::Response> {
        let client = Client::builder().no_proxy().build()?;
        let mut request =
            client.get(format!("http://{}{path}", self.address)).header("Accept", "text/event-stream");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        ensure!(response.status().is_success(), "{path}: {}", response.status());
        Ok(response)
    }
}

impl Reply {
    fn success(self, path: &str) -> Result<Value> {
        ensure!(self.status.is_success(), "{path}: {} {}", self.status, self.body);
        Ok(self.body)
    }
}
