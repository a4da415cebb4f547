//! What a check found, for people and as JSON.

use serde_json::{Value, json};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It could not be looked at; `said` has the reason.
    Unknown,
    /// Somebody should look.
    Warn,
    /// It does not work.
    Fail,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One check of one thing.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) status: Status,
    /// What was looked at: `pbx hq`, `webhook crm`, `journal`.
    pub(super) subject: String,
    /// Which check, one word or two; fixed, for scripts.
    pub(super) check: &'static str,
    /// What was found; of a failure the culprit and what comes of it.
    pub(super) said: String,
    /// Where it stands.
    pub(super) place: Option<String>,
    /// Lines that mend it.
    pub(super) mend: Vec<String>,
}

impl Finding {
    pub(super) fn new(status: Status, subject: &str, check: &'static str, said: impl Into<String>) -> Self {
        Self { status, subject: subject.to_owned(), check, said: said.into(), place: None, mend: Vec::new() }
    }

    pub(super) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    pub(super) fn mend<T: Into<String>>(mut self, lines: impl IntoIterator<Item = T>) -> Self {
        self.mend.extend(lines.into_iter().map(Into::into));
        self
    }

    fn as_json(&self) -> Value {
        json!({
            "status": self.status.word().to_ascii_lowercase(),
            "subject": self.subject,
            "check": self.check,
            "said": self.said,
            "place": self.place,
            "mend": self.mend,
        })
    }
}

/// What is looked at, so that a finding says it once.
#[derive(Debug)]
pub(super) struct Subject(pub(super) String);

impl Subject {
    pub(super) fn ok(&self, check: &'static str, said: impl Into<String>) -> Finding {
        Finding::new(Status::Ok, &self.0, check, said)
    }

    pub(super) fn unknown(&self, check: &'static str, said: impl Into<String>) -> Finding {
        Finding::new(Status::Unknown, &self.0, check, said)
    }

    pub(super) fn warn(&self, check: &'static str, said: impl Into<String>) -> Finding {
        Finding::new(Status::Warn, &self.0, check, said)
    }

    pub(super) fn fail(&self, check: &'static str, said: impl Into<String>) -> Finding {
        Finding::new(Status::Fail, &self.0, check, said)
    }
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Report(pub(super) Vec<Finding>);

impl Report {
    pub(super) fn failed(&self) -> bool {
        self.count(Status::Fail) > 0
    }

    fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|finding| finding.status == status).count()
    }

    pub(super) fn as_json(&self) -> Value {
        let findings: Vec<Value> = self.0.iter().map(Finding::as_json).collect();
        json!({
            "ok": !self.failed(),
            "failed": self.count(Status::Fail),
            "warnings": self.count(Status::Warn),
            "unknown": self.count(Status::Unknown),
            "findings": findings,
        })
    }

    /// One line a finding; where something is to do, its place and its lines below.
    pub(super) fn print(&self) -> String {
        let width = |of: fn(&Finding) -> usize| self.0.iter().map(of).max().unwrap_or(0);
        let (subjects, checks) = (width(|one| one.subject.chars().count()), width(|one| one.check.len()));
        let mut text = String::new();
        for one in &self.0 {
            let said: String = one.said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let line = format!(
                "{:<7} {:<subjects$}  {:<checks$}  {said}",
                one.status.word(),
                one.subject,
                one.check
            );
            text.push_str(line.trim_end());
            text.push('\n');
            if let Some(place) = &one.place {
                text.push_str(&format!("          at {place}\n"));
            }
            for (number, line) in one.mend.iter().enumerate() {
                let lead = if number == 0 { "mend:" } else { "" };
                text.push_str(&format!("          {lead:<5} {line}\n"));
            }
        }
        text.push_str(&format!(
            "\n{} failed, {} to look at, {} not known, {} fine\n",
            self.count(Status::Fail),
            self.count(Status::Warn),
            self.count(Status::Unknown),
            self.count(Status::Ok)
        ));
        text
    }
}
