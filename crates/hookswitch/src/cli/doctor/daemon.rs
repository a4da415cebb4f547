//! The daemon that runs on this configuration, asked over its own HTTP.

use std::{collections::BTreeMap, time::Duration};

use hookswitch_config::Config;

use super::finding::{Finding, Subject};

/// Outcomes of a look-up that are answers, whatever the answer was; every other is a failure.
const ANSWERS: [&str; 6] = ["one", "many", "none", "ok", "found", "cached"];

/// What a daemon said of itself; nothing when none answers.
#[derive(Debug, Default)]
pub(super) struct Daemon {
    base: String,
    ready: Option<bool>,
    links_up: Option<bool>,
    metrics: Option<String>,
}

/// Asks; a daemon that is not there is no error.
pub(super) async fn ask(base: &str, token: Option<&str>) -> Daemon {
    let get = async |path: &str| {
        // The certificate is looked at elsewhere, and on loopback it names another host.
        let client =
            reqwest::Client::builder().timeout(Duration::from_secs(5)).danger_accept_invalid_certs(true);
        let mut request = client.no_proxy().build().ok()?.get(format!("{base}{path}"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.ok()
    };
    let Some(ready) = get("/readyz").await else {
        return Daemon { base: base.to_owned(), ..Daemon::default() };
    };
    let links = get("/readyz?links=up").await;
    let metrics = match get("/metrics").await {
        Some(reply) if reply.status().is_success() => reply.text().await.ok(),
        Some(_) | None => None,
    };
    Daemon {
        base: base.to_owned(),
        ready: Some(ready.status().is_success()),
        links_up: links.map(|reply| reply.status().is_success()),
        metrics,
    }
}

impl Daemon {
    pub(super) fn answers(&self) -> bool {
        self.ready.is_some()
    }

    pub(super) fn findings(&self, config: &Config) -> Vec<Finding> {
        let subject = Subject("daemon".to_owned());
        let base = &self.base;
        let mut findings = vec![match (self.ready, self.links_up) {
            (None, _) => {
                subject.warn("running", format!("none answers at {base}")).mend(["hookswitch serve"])
            }
            (Some(false), _) => subject
                .fail("running", format!("it answers at {base} and is not ready"))
                .mend([format!("curl {base}/readyz")]),
            (Some(true), Some(false)) => subject
                .fail("running", "it is ready, but not every PBX link is up")
                .mend(["hookswitch tail --types pbx.link"]),
            (Some(true), Some(true) | None) => {
                subject.ok("running", format!("it answers at {base} and is ready"))
            }
        }];
        if config.crm.lookup.is_some() && self.answers() {
            findings.push(self.lookups());
        }
        findings
    }

    /// What came of look-ups since the daemon started.
    fn lookups(&self) -> Finding {
        let subject = Subject("crm".to_owned());
        let Some(metrics) = &self.metrics else {
            return subject.unknown("look-ups", "the daemon does not show its metrics; give --token");
        };
        let outcomes = counters(metrics, "hookswitch_lookups_total", "outcome");
        let all: f64 = outcomes.values().sum();
        let failed = || {
            outcomes.iter().filter(|(outcome, count)| !ANSWERS.contains(&outcome.as_str()) && **count > 0.0)
        };
        let failures: f64 = failed().map(|(_, count)| count).sum();
        if failures == 0.0 {
            return subject.ok("look-ups", format!("{all} since the daemon started, none failed"));
        }
        let kinds: Vec<String> = failed().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let said = format!("{failures} of {all} look-ups failed: {}", kinds.join(", "));
        let finding = if failures * 2.0 >= all {
            subject.fail("look-ups", said)
        } else {
            subject.warn("look-ups", said)
        };
        finding
            .at("crm.lookup")
            .mend(["the log of the daemon has each reason; a longer `timeout`, if they are too slow"])
    }
}

/// The values of a counter by one of its labels, in Prometheus' text format.
fn counters(metrics: &str, name: &str, label: &str) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    for line in metrics.lines() {
        let Some((labels, value)) =
            line.strip_prefix(name).and_then(|rest| rest.strip_prefix('{')?.rsplit_once("} "))
        else {
            continue;
        };
        let found = labels.split(',').find_map(|pair| pair.trim().strip_prefix(label)?.strip_prefix("=\""));
        if let (Some(found), Ok(value)) = (found, value.trim().parse::<f64>()) {
            *counts.entry(found.trim_end_matches('"').to_owned()).or_insert(0.0) += value;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Status;

    fn check(metrics: &str, status: Status, said: &str) {
        let daemon = Daemon { metrics: Some(metrics.to_owned()), ready: Some(true), ..Daemon::default() };
        let finding = daemon.lookups();
        assert_eq!(finding.status, status, "{finding:?}");
        assert!(finding.said.contains(said), "{finding:?}");
    }

    #[test]
    fn failed_lookups_are_told_from_those_that_found_nobody() {
        let found = "# TYPE hookswitch_lookups_total counter\nhookswitch_lookups_total{outcome=\"one\"} 40\n\
                     hookswitch_lookups_total{outcome=\"none\"} 2\n";
        check(found, Status::Ok, "42 since");
        check(
            &format!("{found}hookswitch_lookups_total{{outcome=\"timeout\"}} 3\n"),
            Status::Warn,
            "3 timeout",
        );
        check("hookswitch_lookups_total{outcome=\"error\",x=\"y\"} 9\n", Status::Fail, "9 of 9");
        check("", Status::Ok, "0 since");
    }
}
