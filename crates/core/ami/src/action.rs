//! What a client asks of the PBX, safe to put on the wire.

use std::fmt;

use bytes::{BufMut, BytesMut};

/// Longest line Asterisk reads, in bytes without the line end: `main/manager.c` has a buffer of 1024 with CRLF.
const MAX_LINE: usize = 1022;

/// Most headers Asterisk reads in one action (`AST_MAX_MANHEADERS`), the `Action` line among them.
const MAX_HEADERS: usize = 128;

/// An AMI action: a name and headers, in order, keys may repeat (`Variable`).
///
/// A value with a line end would let whoever chose it write headers or actions of his own, so every key and value
/// is checked; the first refusal is kept and told by [`Action::check`] and [`Action::encode`], which then writes
/// nothing.
///
/// ```
/// use hookswitch_ami::Action;
/// let action = Action::new("Redirect").header("Channel", "PJSIP/trunk-00000001").header("Exten", "1001");
/// assert!(action.check().is_ok());
/// assert!(Action::new("Redirect").header("Exten", "1\r\nAction: Command").check().is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Action {
    headers: Vec<(String, String)>,
    refused: Option<ActionError>,
}

/// Why an action may not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("action {action}: header {field:?} {problem}")]
pub struct ActionError {
    /// The action's name.
    pub action: String,
    /// The header that is wrong.
    pub field: String,
    /// What is wrong with it.
    pub problem: ActionProblem,
}

/// What may be wrong with a header of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionProblem {
    /// CR, LF or NUL in it.
    #[error("holds a line end or a zero byte")]
    ControlByte,
    /// A key that is empty or holds a colon.
    #[error("is not a key")]
    BadKey,
    /// Longer than Asterisk reads.
    #[error("is longer than the 1022 bytes of a line that Asterisk reads")]
    TooLong,
    /// One header more than Asterisk reads.
    #[error("is one more than the 128 headers that Asterisk reads")]
    TooMany,
}

impl Action {
    /// An action of that name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { headers: Vec::with_capacity(8), refused: None }.header("Action", name)
    }

    /// Adds a header; a key may be added again.
    #[must_use]
    pub fn header(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into(), value.into());
        if self.refused.is_none()
            && let Some(problem) = self.problem(&key, &value)
        {
            let action = if self.headers.is_empty() {
                value.escape_debug().to_string()
            } else {
                self.name().to_owned()
            };
            self.refused = Some(ActionError { action, field: key.escape_debug().to_string(), problem });
        }
        self.headers.push((key, value));
        self
    }

    /// Adds the header when there is a value.
    #[must_use]
    pub fn header_if(self, key: impl Into<String>, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.header(key, value),
            None => self,
        }
    }

    /// Sets a channel variable of the new channel: `Variable: NAME=value`.
    #[must_use]
    pub fn variable(self, name: &str, value: &str) -> Self {
        self.header("Variable", format!("{name}={value}"))
    }

    /// Sets the id that the response and the events of this action carry.
    #[must_use]
    pub fn action_id(self, id: impl fmt::Display) -> Self {
        self.header("ActionID", id.to_string())
    }

    /// The action's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.get("Action").unwrap_or_default()
    }

    /// The first value of a key, without regard to case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.headers().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }

    /// All headers in order, `Action` first.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether it may be sent.
    ///
    /// # Errors
    /// The first header that may not go on the wire.
    pub fn check(&self) -> Result<(), ActionError> {
        match &self.refused {
            Some(refused) => Err(refused.clone()),
            None => Ok(()),
        }
    }

    /// Writes it with its blank line.
    ///
    /// # Errors
    /// The first header that may not go on the wire; nothing is written then.
    pub fn encode(&self, dst: &mut BytesMut) -> Result<(), ActionError> {
        self.check()?;
        for (key, value) in &self.headers {
            dst.reserve(key.len() + value.len() + 4);
            dst.put_slice(key.as_bytes());
            dst.put_slice(b": ");
            dst.put_slice(value.as_bytes());
            dst.put_slice(b"\r\n");
        }
        dst.put_slice(b"\r\n");
        Ok(())
    }

    fn problem(&self, key: &str, value: &str) -> Option<ActionProblem> {
        let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        if key.bytes().chain(value.bytes()).any(|byte| breaks(&byte)) {
            Some(ActionProblem::ControlByte)
        } else if key.trim().is_empty() || key.contains(':') {
            Some(ActionProblem::BadKey)
        } else if key.len() + ": ".len() + value.len() > MAX_LINE {
            Some(ActionProblem::TooLong)
        } else if self.headers.len() >= MAX_HEADERS {
            Some(ActionProblem::TooMany)
        } else {
            None
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for (key, value) in self.headers() {
            let hidden = key.eq_ignore_ascii_case("Secret") || key.eq_ignore_ascii_case("Key");
            shown.entry(&key, if hidden { &"***" } else { &value });
        }
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(action: &Action) -> Result<String, ActionError> {
        let mut bytes = BytesMut::new();
        action.encode(&mut bytes)?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn an_action_is_written_in_order_with_repeated_keys() {
        let action = Action::new("Originate")
            .header("Channel", "PJSIP/1001")
            .variable("__OUT_CLI", "4930777")
            .variable("HS_CALL", "c=1")
            .header_if("CallerID", None::<String>)
            .action_id(7);
        assert_eq!(
            encoded(&action).unwrap(),
            "Action: Originate\r\nChannel: PJSIP/1001\r\nVariable: __OUT_CLI=4930777\r\nVariable: HS_CALL=c=1\r\nActionID: 7\r\n\r\n"
        );
        assert_eq!((action.name(), action.get("actionid")), ("Originate", Some("7")));
    }

    #[test]
    fn line_ends_and_zero_bytes_are_refused_in_keys_and_values_and_the_field_is_named() {
        for bad in ["a\rb", "a\nb", "a\0b", "\r\n\r\nAction: Command"] {
            let in_value = Action::new("Redirect").header("Exten", bad).header("Priority", "1");
            let refused = encoded(&in_value).unwrap_err();
            assert_eq!((refused.action.as_str(), refused.field.as_str()), ("Redirect", "Exten"));
            assert_eq!(refused.problem, ActionProblem::ControlByte);
            assert!(Action::new("Redirect").header(bad, "1").check().is_err());
            let in_name = Action::new(bad).check().unwrap_err();
            assert!(!in_name.to_string().contains(['\r', '\n', '\0']), "{in_name:?}");
        }
    }

    #[test]
    fn what_asterisk_would_not_read_is_refused() {
        let problem = |action: Action| action.check().unwrap_err().problem;
        assert_eq!(problem(Action::new("X").header("", "1")), ActionProblem::BadKey);
        assert_eq!(problem(Action::new("X").header("a: b", "1")), ActionProblem::BadKey);
        assert_eq!(problem(Action::new("X").header("K", "v".repeat(1020))), ActionProblem::TooLong);
        assert!(Action::new("X").header("K", "v".repeat(1019)).check().is_ok());
        let many = (0..128).fold(Action::new("X"), |action, n| action.header("K", n.to_string()));
        assert_eq!(problem(many), ActionProblem::TooMany);
    }

    #[test]
    fn the_first_refusal_is_the_one_told() {
        let action = Action::new("X").header("A", "1\n").header("B", "2\n");
        assert_eq!(action.check().unwrap_err().field, "A");
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let action = Action::new("Login").header("Secret", "s3cret").header("Key", "0ff1ce");
        let shown = format!("{action:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("0ff1ce"), "{shown}");
    }
}
