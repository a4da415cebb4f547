//! What is too much: whatever a CRM or a file says, a question costs no more than this.

use std::time::Duration;

/// Bytes of a CRM's answer. More is an error: a look-up that answers so much did not find one number.
pub const ANSWER_BYTES: usize = 256 * 1024;
/// Candidates of one answer; the best are kept.
pub const CANDIDATES: usize = 20;
/// Records of one answer that are looked at.
pub const RECORDS: usize = 500;
/// Bytes of an id, and of a name.
pub const NAME_BYTES: usize = 256;
/// Further fields of a candidate.
pub const FIELDS: usize = 32;
/// Bytes of one of them.
pub const FIELD_BYTES: usize = 1_024;
/// Numbers of one record or contact.
pub const NUMBERS: usize = 32;
/// Bytes of a number as it is written.
pub const NUMBER_BYTES: usize = 128;
/// Requests to the CRM at a time; further ones wait within their timeout.
pub const AT_ONCE: usize = 16;
/// Different questions that wait at a time; a further one is answered with an error at once.
pub const WAITING: usize = 1_024;
/// Answers that are remembered.
pub const CACHED: usize = 10_000;
/// How long it is believed at most that nobody is known: the agent may be writing the contact just now.
pub const NONE_CACHED: Duration = Duration::from_secs(30);

/// A text cut to so many bytes, at a character.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
