//! Frames about the stream itself: where it starts, where it has a break. They are no events of the journal; each is
//! made for one subscription.

use bytes::Bytes;
use hookswitch_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    event::{CONTENT_TYPE, Event, SPEC_VERSION, source, write},
    object::Text,
    sequence::Sequence,
};

/// `data` of `stream.hello`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The cursor the stream goes on from: `prev` of the next event.
    pub sequence: Sequence,
    /// The oldest event that can still be had; one more than the newest when there is none.
    pub oldest: Sequence,
}

/// `data` of `stream.gap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The cursor that was asked for.
    pub from: Sequence,
    /// The last position that cannot be had: `prev` of the next event.
    pub to: Sequence,
}

/// The first frame of every subscription. `at` is when it was made.
#[must_use]
pub fn hello(at: Timestamp, hello: Hello) -> Bytes {
    frame("stream.hello", at, hello.sequence, hello)
}

/// Admits a break: events after `from` up to `to` are not kept any more.
#[must_use]
pub fn gap(at: Timestamp, gap: Gap) -> Bytes {
    frame("stream.gap", at, gap.to, gap)
}

/// What follows a gap: the state as a whole. `snapshot` is a [`crate::Snapshot`] in JSON, true at `sequence`; none
/// when it is not JSON.
#[must_use]
pub fn snapshot(at: Timestamp, sequence: Sequence, snapshot: &[u8]) -> Option<Bytes> {
    let raw: &RawValue = serde_json::from_slice(snapshot).ok()?;
    Some(frame("stream.snapshot", at, sequence, raw))
}

fn frame(kind: &'static str, at: Timestamp, sequence: Sequence, data: impl Serialize) -> Bytes {
    let event = Event {
        specversion: SPEC_VERSION.into(),
        id: Text::Owned(format!("{kind}-{sequence}-{}", at.as_micros())),
        source: source(None),
        kind: kind.into(),
        subject: None,
        time: at.into(),
        sequence,
        prev: None,
        datacontenttype: CONTENT_TYPE.into(),
        recovered: false,
        action: None,
        data,
    };
    let mut json = Vec::with_capacity(384);
    write(&mut json, &event);
    json.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::read;

    const AT: Timestamp = Timestamp::from_micros(1_795_287_600_000_001);

    #[test]
    fn hello_says_where_the_chain_starts_and_what_is_kept() {
        let json = hello(AT, Hello { sequence: Sequence(41), oldest: Sequence(7) });
        assert_eq!(
            std::str::from_utf8(&json).unwrap(),
            concat!(
                r#"{"specversion":"1.0","id":"stream.hello-00000000000000000041-1795287600000001","#,
                r#""source":"/hookswitch","type":"stream.hello","time":"2026-11-21T19:00:00.000001Z","#,
                r#""sequence":"00000000000000000041","datacontenttype":"application/json","#,
                r#""data":{"sequence":"00000000000000000041","oldest":"00000000000000000007"}}"#
            )
        );
    }

    #[test]
    fn a_gap_names_the_first_and_last_position_that_cannot_be_had() {
        let json = gap(AT, Gap { from: Sequence(3), to: Sequence(99) });
        let event = read::<Gap>(&json).unwrap();
        assert_eq!(event.kind, "stream.gap");
        assert_eq!((event.data.from, event.data.to), (Sequence(3), Sequence(99)));
    }

    #[test]
    fn a_snapshot_that_is_not_json_is_refused() {
        assert!(snapshot(AT, Sequence(1), b"{").is_none());
        let json = snapshot(AT, Sequence(1), br#"{"calls":[]}"#).unwrap();
        assert_eq!(read::<serde_json::Value>(&json).unwrap().data["calls"], serde_json::json!([]));
    }
}
