//! What the AMI user may do and read, against what Hookswitch needs.

use std::collections::BTreeSet;

use super::{Findings, Question, Reply};

/// Classes of events the daemon asks for at the log-in.
pub const NEEDED_READ: [&str; 4] = ["system", "call", "agent", "user"];

/// Classes of actions the daemon sends, and what is not possible without each. The action of the second column is in
/// the core of Asterisk and needs that class and no other, so it tells whether the user has it.
pub const NEEDED_WRITE: [(&str, &str, &str); 4] = [
    ("call", "Setvar", "callers cannot be sent to agents, and the waiting room gets no heartbeat"),
    ("originate", "Originate", "agents cannot dial from their screens, and no call-back is made"),
    ("system", "Filter", "devices and channels cannot be listed after a lost connection"),
    ("reporting", "ShowDialPlan", "the dialplan cannot be compared with the configuration"),
];

/// What the AMI user lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Classes missing in `write`; none: it is not known.
    pub missing_write: Option<Vec<&'static str>>,
    /// Classes missing in `read`; none: it is not known.
    pub missing_read: Option<Vec<&'static str>>,
    /// `eventfilter` lines, which take events away behind the classes' back.
    pub filters: Vec<String>,
}

/// What this user lacks, by what the PBX lets it do and by what its section of `manager.conf` says.
#[must_use]
pub fn rights(findings: &Findings, user: &str) -> Rights {
    let section = findings.user(user);
    let missing_write = (findings.reply(&Question::Commands) == Reply::Given).then(|| {
        let missing = NEEDED_WRITE.iter().filter(|(_, witness, _)| !findings.commands.contains_key(*witness));
        missing.map(|(class, ..)| *class).collect()
    });
    let missing_read = section.as_ref().map(|section| {
        let has = |class: &str| grants(&section.read, class);
        NEEDED_READ.into_iter().filter(|class| !has(class)).collect()
    });
    Rights {
        missing_write,
        missing_read,
        filters: section.map(|section| section.filters).unwrap_or_default(),
    }
}

fn grants(classes: &BTreeSet<String>, class: &str) -> bool {
    classes.contains("all") || classes.contains(class)
}
