//! A running daemon, asked over its own HTTP API: the command line sees what every other client sees.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use super::Arguments;

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
    /// `http://host:port`, without a slash at the end.
    pub(super) fn base(&self, arguments: &Arguments) -> Result<String, super::Failure> {
        match &self.url {
            Some(url) => Ok(url.trim_end_matches('/').to_owned()),
            None => Ok(format!("http://{}", arguments.load()?.server.listen)),
        }
    }

    /// GETs a list.
    pub(super) async fn get(&self, base: &str, path: &str) -> anyhow::Result<Value> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let mut request = client.get(format!("{base}{path}"));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("no daemon answers at {base}; is `hookswitch serve` running?"))?;
        let status = response.status();
        let body: Value =
            response.json().await.with_context(|| format!("{base}{path} answered {status} without JSON"))?;
        if !status.is_success() {
            bail!(
                "{base}{path}: {status}: {}{}",
                body["detail"].as_str().or_else(|| body["title"].as_str()).unwrap_or("no reason given"),
                if status == 401 { "\nhint: give a token with --token or HOOKSWITCH_TOKEN" } else { "" }
            );
        }
        Ok(body)
    }
}
