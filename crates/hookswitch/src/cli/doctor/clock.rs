//! Whether the clocks agree: this machine's, the PBXs', and those of the web servers.

use std::time::{SystemTime, UNIX_EPOCH};

use super::finding::{Finding, Subject};

/// Beyond this somebody should look: times of calls do not match.
const SUSPICIOUS: f64 = 5.0;
/// Beyond this things fail: receivers of Standard Webhooks refuse what is signed five minutes off, at half of that we
/// say so.
const WRONG: f64 = 150.0;

/// How far other clocks are ahead of this machine's, in seconds.
#[derive(Debug, Default)]
pub(super) struct Clocks(Vec<(String, f64)>);

impl Clocks {
    /// A PBX's clock as it was when it answered.
    pub(super) fn pbx(&mut self, subject: &str, clock: Option<f64>) {
        self.0.extend(clock.map(|clock| (subject.to_owned(), clock - now())));
    }

    /// A `Date` header (RFC 9110 section 6.6.1).
    pub(super) fn http(&mut self, subject: &str, date: Option<&str>) {
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let ahead = date.map(|date| timestamp(&date) - now());
        self.0.extend(ahead.map(|ahead| (subject.to_owned(), ahead)));
    }

    /// Who disagrees. When all others agree with each other, it is this machine's that is wrong.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let subject = Subject("clock".to_owned());
        let off: Vec<&(String, f64)> = self.0.iter().filter(|(_, ahead)| ahead.abs() > SUSPICIOUS).collect();
        if self.0.is_empty() {
            return vec![subject.unknown("time", "nobody told the time")];
        }
        if off.is_empty() {
            return vec![subject.ok("time", format!("this machine agrees with {} others", self.0.len()))];
        }
        let spread = |of: fn(f64, f64) -> f64| off.iter().map(|(_, ahead)| *ahead).reduce(of).unwrap_or(0.0);
        let agree = spread(f64::max) - spread(f64::min) <= SUSPICIOUS;
        if off.len() == self.0.len() && off.len() > 1 && agree {
            let ahead = spread(f64::max);
            return vec![told(
                &subject,
                &format!("this machine is {}", apart(-ahead)),
                "this machine",
                ahead,
            )];
        }
        off.iter()
            .map(|(who, ahead)| {
                told(&subject, &format!("{who} is {} (by this machine)", apart(*ahead)), who, *ahead)
            })
            .collect()
    }
}

fn told(subject: &Subject, said: &str, who: &str, ahead: f64) -> Finding {
    let finding = if ahead.abs() > WRONG {
        subject.fail(
            "time",
            format!("{said}: signatures of webhooks and tokens are refused, times of calls are wrong"),
        )
    } else {
        subject.warn("time", format!("{said}: times of calls do not match"))
    };
    finding
        .at(format!("clock of {who}"))
        .mend(["timedatectl set-ntp true", "chronyc tracking   # or: timedatectl status"])
}

fn apart(ahead: f64) -> String {
    format!("{:.0} s {}", ahead.abs(), if ahead < 0.0 { "behind" } else { "ahead" })
}

/// Seconds of 1970 fit a double to the microsecond.
#[allow(clippy::cast_precision_loss, reason = "exact until the year 2255")]
fn timestamp(date: &jiff::Zoned) -> f64 {
    date.timestamp().as_microsecond() as f64 / 1e6
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Status;

    fn check(ahead: &[(&str, f64)], status: Status, culprit: &str) {
        let clocks = Clocks(ahead.iter().map(|(who, ahead)| ((*who).to_owned(), *ahead)).collect());
        let findings = clocks.findings();
        let [only] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!(only.status, status, "{only:?}");
        assert!(only.said.contains(culprit), "{only:?}");
    }

    #[test]
    fn the_clock_that_differs_from_all_others_is_the_culprit() {
        check(&[("pbx hq", 0.1), ("webhook crm", -0.9)], Status::Ok, "agrees with 2");
        check(&[("pbx hq", 0.1), ("webhook crm", 3600.0)], Status::Fail, "webhook crm is 3600 s ahead");
        check(&[("pbx hq", -20.0)], Status::Warn, "pbx hq is 20 s behind");
        check(&[("pbx hq", 3601.0), ("webhook crm", 3600.0)], Status::Fail, "this machine is 3601 s behind");
        check(&[], Status::Unknown, "nobody");
    }
}
