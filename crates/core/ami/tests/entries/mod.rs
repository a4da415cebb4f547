//! One function for each entry: any bytes, and what must hold of them. The mutations here and the fuzz targets (`fuzz` at the
//! root) call the same.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "the fuzz targets have them from a library of their own, and need no others"
)]

use bytes::BytesMut;
use hookswitch_ami::{AmiCodec, Decoded, Frame, Limits};
use tokio_util::codec::Decoder;

/// Bounds small enough that mutations hit them often.
pub const LIMITS: Limits = Limits { line: 600, frame: 4096, lines: 64 };

/// Every way to what a frame says.
pub fn read(frame: &Frame) {
    let headers = frame.headers().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    assert!(headers <= frame.as_bytes().len());
    let _ = (frame.chan_variable("ACD_CALL_ID"), frame.output().count(), frame.action_id());
}

/// A stream, in one piece.
pub fn stream(bytes: &[u8]) {
    let mut codec = AmiCodec::new(LIMITS);
    let mut buffer = BytesMut::from(bytes);
    while let Ok(Some(decoded)) = codec.decode(&mut buffer) {
        if let Decoded::Frame(frame) = decoded {
            read(&frame);
        }
    }
    assert!(buffer.len() <= LIMITS.frame, "{} bytes are kept", buffer.len());
}
