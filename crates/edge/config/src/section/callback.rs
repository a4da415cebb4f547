//! `[[queue]] callback`: how a queue calls its callers back.

use hookswitch_model::{Millis, setup::CallbackSetup};

use super::pbx::word;
use crate::{
    defaults,
    read::{
        Node, Reader,
        value::{duration_in, integer, line, text},
    },
};

const DAY: Millis = Millis::from_secs(86_400);

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<CallbackSetup> {
    let mut fields = reader.fields(node)?;
    let key = fields.optional("key", key);
    let attempts = fields.or("attempts", i64::from(defaults::CALLBACK_ATTEMPTS), integer(1, 100));
    let retry = duration_in(Millis::from_secs(1), DAY);
    let retry_after = fields.or("retry_after", defaults::CALLBACK_RETRY_AFTER, retry);
    let kept = duration_in(Millis::from_secs(60), Millis(30 * DAY.0));
    let expires = fields.or("expires", defaults::CALLBACK_EXPIRES, kept);
    let hours = fields.optional("hours", line);
    let prompt = fields.optional("prompt", prompt);
    let agent_wait = fields.or("agent_wait", defaults::CALLBACK_AGENT_WAIT, duration_in(Millis(0), DAY));
    if retry_after >= expires && attempts > 1 {
        fields.warn_at(
            "retry_after",
            "a call-back has expired before it is tried again",
            "let `expires` be longer than `retry_after`",
        );
    }
    fields.finish();
    let attempts = u32::try_from(attempts).unwrap_or(defaults::CALLBACK_ATTEMPTS);
    Some(CallbackSetup { key, attempts, retry_after, expires, hours, prompt, agent_wait })
}

/// One key of a telephone.
fn key(reader: &mut Reader, node: &Node<'_>) -> Option<char> {
    let text = text(reader, node)?;
    let mut keys = text.chars();
    match (keys.next(), keys.next()) {
        (Some(key), None) if key.is_ascii_digit() || matches!(key, '*' | '#') => Some(key),
        _ => {
            reader.error(node, format!("{text:?} is no key of a telephone"), "one of 0 to 9, * and #");
            None
        }
    }
}

/// Sounds of the PBX. A bare number would be taken for one that is to be said.
fn prompt(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let sounds = word("-_/.&")(reader, node)?;
    let is_name = |sound: &str| !sound.is_empty() && !sound.bytes().all(|byte| byte.is_ascii_digit());
    if sounds.split('&').all(is_name) {
        return Some(sounds);
    }
    let hint = "names of sounds with & between them, none a number alone: custom/we-call-you-back&vm-goodbye";
    reader.error(node, format!("{sounds:?} names no sounds"), hint);
    None
}
