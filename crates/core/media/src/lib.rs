//! What callers hear and key, as bytes and time: SDP, RTP, G.711, telephone events, music and the mixer.
//!
//! It refuses to know what a dialog or a call is (that is `switch`), and holds no socket, clock or task: packets and
//! the time come in, packets and digits go out.
//!
//! ```
//! use hookswitch_media::{Codec, sdp::{self, Description, Direction, Local}};
//!
//! let phone = b"v=0\r\no=alice 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
//!     m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
//! let offer = Description::parse(phone)?;
//! let ours = Local { address: "198.51.100.1:20000".parse()?, codecs: &Codec::ALL, direction: Direction::SendRecv };
//! let (answer, agreed) = sdp::answer(&offer, &ours)?;
//! assert_eq!(agreed.codec, Codec::Pcma, "what the phone likes best");
//! assert_eq!(agreed.events, Some(101));
//! assert!(answer.to_string().contains("m=audio 20000 RTP/AVP 8 101\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants:
//! - No input panics; what is read has a bound in bytes, lines and media sections.
//! - A description that is read and written again is the same, also in what we do not understand.
//! - A key that is pressed once is one digit, however its packets are repeated, lost or mixed up.
//! - Nobody hears themselves.

pub mod clip;
pub mod digits;
pub mod g711;
pub mod mixer;
pub mod reorder;
pub mod rtp;
pub mod sdp;
pub mod stream;

pub use clip::{Clip, ClipError};
pub use digits::{DigitEvent, DigitReader, Key, Keying};
pub use g711::Codec;
pub use mixer::{Hearing, Supervision, mix};
pub use reorder::Reorder;
pub use stream::{Heard, Stream};

/// Samples a second of everything here.
pub const SAMPLE_RATE: u32 = 8_000;
/// Samples in a packet: 20 ms.
pub const FRAME_SAMPLES: usize = 160;
/// 20 ms of one voice.
pub type Frame = [i16; FRAME_SAMPLES];
/// 20 ms in which nobody speaks.
pub const SILENCE: Frame = [0; FRAME_SAMPLES];
