//! What the daemon writes into the journal beside public events: versioned JSON.
//!
//! A record of a version this daemon does not know is an error that names it, never a guess.

use bytes::Bytes;
use hookswitch_model::{Timestamp, input::Input};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The version written. Version 1 is read.
const VERSION: u32 = 1;

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// Not JSON, or not of this form.
    #[error("unreadable record: {0}")]
    Form(#[from] serde_json::Error),
    /// Written by a newer daemon.
    #[error(
        "a record of version {0}, this daemon reads up to {VERSION}; hint: it was written by a newer hookswitch"
    )]
    Version(u32),
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    body: T,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

/// An input with the time it was handled at: together they decide every output.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct InputRecord<I = Input> {
    /// The `now` the engine was given.
    pub(crate) now: Timestamp,
    /// What it was given.
    pub(crate) input: I,
}

/// A record's payload: of an [`InputRecord`], a `PbxAction`, an engine's snapshot or its seed.
pub(crate) fn encode<T: Serialize>(body: &T) -> Bytes {
    // Only a map with keys that are no strings fails here; none of these types has one.
    serde_json::to_vec(&Versioned { v: VERSION, body }).unwrap_or_default().into()
}

/// Reads a payload back.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, RecordError> {
    let VersionOnly { v } = serde_json::from_slice(payload)?;
    if v > VERSION {
        return Err(RecordError::Version(v));
    }
    Ok(serde_json::from_slice::<Versioned<T>>(payload)?.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_comes_back_as_it_went() {
        let bytes = encode(&InputRecord { now: Timestamp::from_micros(7), input: &Input::Tick });
        let record: InputRecord = decode(&bytes).unwrap();
        assert_eq!((record.now, record.input), (Timestamp::from_micros(7), Input::Tick));
    }

    #[test]
    fn a_record_of_a_newer_daemon_is_named_not_guessed() {
        let error = decode::<InputRecord>(br#"{"v":2,"what":"ever"}"#).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}
