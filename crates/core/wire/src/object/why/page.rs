//! An explanation for people.

use std::fmt;

use hookswitch_model::{Millis, TeamId};

use super::{Asks, Explained, Goes, Keeper, Score};

impl fmt::Display for Explained {
    /// For people: the rules, then the queue, step by step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, local, config_version, routed, queue } = self;
        match local {
            Some(local) => writeln!(f, "configuration {config_version}, {local}")?,
            None => writeln!(f, "configuration {config_version}, {at}")?,
        }
        for tried in &routed.tried {
            let took = if tried.matched { "takes the call" } else { "does not match" };
            write!(f, "  rule {:?} {took}", tried.rule)?;
            match &tried.note {
                Some(note) => writeln!(f, " ({note})")?,
                None => writeln!(f)?,
            }
        }
        match &routed.to {
            Some(to) => writeln!(f, "goes {to}, priority {}", routed.priority)?,
            None => writeln!(f, "no rule takes the call: it goes to the PBX's fallback")?,
        }
        for (key, value) in &routed.set {
            writeln!(f, "  with {key} = {value:?}")?;
        }
        queue.as_ref().map_or(Ok(()), |queue| write!(f, "{queue}"))
    }
}

impl fmt::Display for Goes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(queue) => write!(f, "to queue {queue}"),
            Self::Agent(agent) => write!(f, "to agent {agent}"),
            Self::Transfer(number) => write!(f, "to number {number}"),
            Self::Menu(menu) => write!(f, "into menu {menu}"),
            Self::Hangup(_) => f.write_str("nowhere: hung up"),
            Self::Reject(how) => write!(f, "nowhere: refused as {how}"),
            Self::Callback(_) => f.write_str("nowhere: called back later"),
            Self::Fallback(_) => f.write_str("to the PBX's fallback"),
        }
    }
}

impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "queue {} ({}), {} ahead", self.queue, self.strategy, self.ahead)?;
        if let Some(Keeper { agent, wait_ms, why_not }) = &self.keeper {
            match why_not {
                None => writeln!(f, "  {agent} first")?,
                Some(why) => writeln!(f, "  {agent} first, but {}; waits {}", why.text, seconds(*wait_ms))?,
            }
        }
        for step in &self.steps {
            let asked: Vec<String> =
                step.requires.iter().map(|(skill, level)| format!("{skill} {level}")).collect();
            let asked = if asked.is_empty() { "nothing".to_owned() } else { asked.join(", ") };
            write!(f, "  after {}: {asked} required", seconds(step.after_ms))?;
            let teams: Vec<&str> = step.teams.iter().map(TeamId::as_str).collect();
            writeln!(
                f,
                "{}",
                if teams.is_empty() { String::new() } else { format!(", of {}", teams.join(", ")) }
            )?;
            for (place, ranked) in (1..).zip(&step.ranked) {
                let Score { idle_ms, calls, occupancy, skill } = ranked.score;
                let (idle, busy) = (seconds(idle_ms), occupancy * 100.0);
                writeln!(
                    f,
                    "    {place}. {}  idle {idle}, {calls} calls, {busy:.0} % occupied, skill {skill}",
                    ranked.agent
                )?;
            }
            for excluded in &step.excluded {
                writeln!(f, "    -  {}  {}", excluded.agent, excluded.why.text)?;
            }
        }
        Ok(())
    }
}

fn seconds(ms: u64) -> String {
    format!("{} s", Millis(ms).as_secs_ceil())
}
