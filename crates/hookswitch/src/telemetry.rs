//! Logs and metrics of the process.

use std::io::{IsTerminal, stderr};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt};

/// Structured logs on standard error: for people on a terminal, JSON elsewhere. `RUST_LOG` chooses, as usual.
pub(crate) fn logs(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = fmt().with_env_filter(filter).with_writer(stderr);
    // A second subscriber (tests in one process) keeps the first.
    let _ = if stderr().is_terminal() { builder.compact().try_init() } else { builder.json().try_init() };
}

/// Installs the recorder; `/metrics` renders the handle.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    const SECONDS: &[f64] =
        &[0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
        .install_recorder()?;
    Ok(handle)
}
