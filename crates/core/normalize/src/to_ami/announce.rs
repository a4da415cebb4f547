//! What a waiting caller is told: sounds and numbers, one after the other.

use hookswitch_model::Millis;

use crate::dialplan::text::Prompt;

/// The sounds of an announcement, in the PBX's own names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sounds {
    /// Said to the first in line.
    pub next: Prompt,
    /// Before the place.
    pub position: Prompt,
    /// After the place.
    pub callers: Prompt,
    /// Before the minutes.
    pub wait: Prompt,
    /// After one minute.
    pub minute: Prompt,
    /// After several.
    pub minutes: Prompt,
    /// At the end.
    pub thanks: Prompt,
}

impl Default for Sounds {
    /// Those that come with Asterisk (`asterisk-core-sounds`), which its own `Queue()` plays.
    fn default() -> Self {
        Self {
            next: Prompt::of_asterisk("queue-youarenext"),
            position: Prompt::of_asterisk("queue-thereare"),
            callers: Prompt::of_asterisk("queue-callswaiting"),
            wait: Prompt::of_asterisk("queue-holdtime"),
            minute: Prompt::of_asterisk("queue-minute"),
            minutes: Prompt::of_asterisk("queue-minutes"),
            thanks: Prompt::of_asterisk("queue-thankyou"),
        }
    }
}

impl Sounds {
    /// Sounds and whole numbers with `&` between them, as the waiting room says them one by one.
    #[must_use]
    pub fn line(&self, position: Option<u32>, wait: Option<Millis>) -> String {
        let mut pieces = Vec::new();
        match position {
            Some(0) | None => {}
            Some(1) => pieces.push(self.next.to_string()),
            Some(place) => {
                pieces.extend([self.position.to_string(), place.to_string(), self.callers.to_string()]);
            }
        }
        if let Some(wait) = wait {
            let minutes = wait.0.div_ceil(60_000).max(1);
            let unit = if minutes == 1 { &self.minute } else { &self.minutes };
            pieces.extend([self.wait.to_string(), minutes.to_string(), unit.to_string()]);
        }
        pieces.push(self.thanks.to_string());
        pieces.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_and_wait_are_said_where_they_are_known() {
        let line =
            |position, wait: Option<u64>| Sounds::default().line(position, wait.map(Millis::from_secs));
        assert_eq!(line(Some(1), None), "queue-youarenext&queue-thankyou");
        assert_eq!(
            line(Some(3), Some(61)),
            "queue-thereare&3&queue-callswaiting&queue-holdtime&2&queue-minutes&queue-thankyou"
        );
        assert_eq!(line(None, Some(0)), "queue-holdtime&1&queue-minute&queue-thankyou");
        assert_eq!(line(None, Some(60)), "queue-holdtime&1&queue-minute&queue-thankyou");
        assert_eq!(line(None, None), "queue-thankyou");
    }
}
