//! A running daemon, asked over its own HTTP API: the command line sees what every other client sees.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{client::IntoClientRequest as _, http::HeaderValue},
};

use super::Arguments;

/// How long a daemon may take to take a connection.
const WAIT: Duration = Duration::from_secs(10);
/// How often it is looked whether it is there.
const LOOK: Duration = Duration::from_millis(50);
/// How long it may be silent: reports of a long time are read from the disk before they are answered.
const READING: Duration = Duration::from_secs(120);

/// Which daemon, and who asks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The daemon's address; by default the one of the configuration's `server.listen`
    #[arg(long, value_name = "URL", env = "HOOKSWITCH_URL")]
    pub(super) url: Option<String>,

    /// An API token of the role crm, supervisor or admin
    #[arg(long, value_name = "TOKEN", env = "HOOKSWITCH_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
}

impl Target {
    /// `http://host:port` or `https://host:port`, without a slash at the end.
    pub(super) fn base(&self, arguments: &Arguments) -> Result<String, super::Failure> {
        match &self.url {
            Some(url) => Ok(url.trim_end_matches('/').to_owned()),
            None => {
                let server = arguments.load()?.server;
                Ok(format!("{}://{}", server.scheme(), server.listen))
            }
        }
    }

    /// GETs a list.
    pub(super) async fn get(&self, base: &str, path: &str) -> anyhow::Result<Value> {
        let response = self.fetch(base, path).await?;
        response.json().await.with_context(|| format!("{base}{path} answered without JSON"))
    }

    /// GETs whatever there is, to be read as it comes; what is no success is an error with its reason.
    pub(super) async fn fetch(&self, base: &str, path: &str) -> anyhow::Result<reqwest::Response> {
        self.send(client()?.get(format!("{base}{path}")), base, path).await
    }

    /// POSTs JSON, and reads the answer.
    pub(super) async fn post(&self, base: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let mut request = client()?.post(format!("{base}{path}"));
        if !body.is_null() {
            request = request.json(body);
        }
        let response = self.send(request, base, path).await?;
        response.json().await.with_context(|| format!("{base}{path} answered without JSON"))
    }

    /// Sends any request with a body, and brings the answer of success.
    pub(super) async fn request(
        &self,
        method: reqwest::Method,
        base: &str,
        path: &str,
        headers: &[(&'static str, &'static str)],
        body: Vec<u8>,
    ) -> anyhow::Result<reqwest::Response> {
        let mut request = client()?.request(method, format!("{base}{path}")).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request, base, path).await
    }

    /// The stream of events by WebSocket.
    pub(super) async fn stream(
        &self,
        base: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
        let mut url =
            reqwest::Url::parse(&format!("{base}/v1/events")).with_context(|| format!("{base} is no URL"))?;
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        if url.set_scheme(scheme).is_err() {
            bail!("{base} is not an http URL");
        }
        url.query_pairs_mut().extend_pairs(query);
        let mut request = url.as_str().into_client_request()?;
        if let Some(token) = &self.token {
            request.headers_mut().insert("Authorization", HeaderValue::from_str(&format!("Bearer {token}"))?);
        }
        let (socket, _) = connect_async(request)
            .await
            .with_context(|| format!("no event stream at {base}; is `hookswitch serve` running?"))?;
        Ok(socket)
    }

    /// Whether a daemon answers there at all.
    pub(super) async fn reaches(&self, base: &str) -> bool {
        match client() {
            Ok(client) => client.get(format!("{base}/healthz")).send().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Waits until a daemon there is linked with every PBX of it.
    pub(super) async fn linked(&self, base: &str) {
        while self.fetch(base, "/readyz?links=up").await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn send(
        &self,
        mut request: reqwest::RequestBuilder,
        base: &str,
        path: &str,
    ) -> anyhow::Result<reqwest::Response> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("no daemon answers at {base}; is `hookswitch serve` running?"))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body: Value =
            response.json().await.with_context(|| format!("{base}{path} answered {status} without JSON"))?;
        let said = body["detail"].as_str().or_else(|| body["title"].as_str()).unwrap_or("no reason given");
        let token = (status == 401).then_some("give a token with --token or HOOKSWITCH_TOKEN");
        match body["hint"].as_str().or(token) {
            Some(hint) => bail!("{base}{path}: {status}: {said}\nhint: {hint}"),
            None => bail!("{base}{path}: {status}: {said}"),
        }
    }
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().connect_timeout(WAIT).read_timeout(READING).build()
}
