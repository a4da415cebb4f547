//! Offers and answers where the switch is an end of the voice: RFC 3264 sections 5 to 8, RFC 4733 section 2.4.

use std::net::SocketAddr;

use thiserror::Error;

use super::{Description, Direction, Media};
use crate::Codec;

/// The payload type that we offer for telephone events; what nearly everybody offers.
const EVENTS: u8 = 101;

/// Our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local<'a> {
    /// Where we hear.
    pub address: SocketAddr,
    /// What we speak, best first.
    pub codecs: &'a [Codec],
    /// Which way.
    pub direction: Direction,
}

/// What both sides settled on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Where their voice is sent to. Its address is zeros where they hold in the old way.
    pub remote: SocketAddr,
    /// What is spoken.
    pub codec: Codec,
    /// The payload type of keys, where they take any.
    pub events: Option<u8>,
    /// Which way, seen from us.
    pub direction: Direction,
}

/// Why there is no voice in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// No voice, or only with keys of its own (SRTP), or at a name.
    #[error("there is no plain voice in it")]
    NoVoice,
    /// No G.711 of ours.
    #[error("there is no codec in common")]
    NoCodec,
}

/// Offers voice.
pub fn offer(local: &Local<'_>) -> Description {
    let mut description = Description::new(local.address.ip());
    description.media.push(voice(local.address.port(), local.codecs, Some(EVENTS), local.direction));
    description
}

/// Answers an offer: its first voice in plain RTP with the first of its codecs that is ours; all else is refused by
/// port 0, in its place (RFC 3264 section 6).
pub fn answer(offer: &Description, local: &Local<'_>) -> Result<(Description, Agreed), Refused> {
    let (at, voice_offered, remote) = plain_voice(offer)?;
    let codec = codec_of(voice_offered, local.codecs).ok_or(Refused::NoCodec)?;
    let events = events_of(voice_offered);
    let direction = offer.direction().answered(local.direction);
    let mut description = Description::new(local.address.ip());
    description.media = offer.media.iter().map(refused).collect();
    description.media[at] = voice(local.address.port(), &[codec], events, direction);
    // Their profile is repeated: RTP/AVPF is answered as RTP/AVPF.
    description.media[at].protocol = voice_offered.protocol.clone();
    Ok((description, Agreed { remote, codec, events, direction }))
}

/// Reads the answer to an offer of ours.
pub fn accept(answer: &Description, local: &Local<'_>) -> Result<Agreed, Refused> {
    let (_, voice, remote) = plain_voice(answer)?;
    let codec = codec_of(voice, local.codecs).ok_or(Refused::NoCodec)?;
    let direction = answer.direction().reversed().answered_by_us(local.direction);
    Ok(Agreed { remote, codec, events: events_of(voice), direction })
}

impl Direction {
    /// Each way only where both want it, both seen from us.
    const fn answered_by_us(self, wish: Self) -> Self {
        Self::of(self.sends() && wish.sends(), self.receives() && wish.receives())
    }
}

fn plain_voice(description: &Description) -> Result<(usize, &Media, SocketAddr), Refused> {
    let plain = |media: &Media| media.is_audio() && matches!(&*media.protocol, "RTP/AVP" | "RTP/AVPF");
    let at = description.media.iter().position(plain).ok_or(Refused::NoVoice)?;
    let media = &description.media[at];
    match description.connection(media) {
        Some(super::Connection::Address(address)) => Ok((at, media, SocketAddr::new(address, media.port))),
        Some(super::Connection::Name(_)) | None => Err(Refused::NoVoice),
    }
}

/// The first of theirs that is one of ours, by its static payload type: that is what both will send.
fn codec_of(media: &Media, ours: &[Codec]) -> Option<Codec> {
    media.payload_types().find_map(|number| {
        let codec = ours.iter().copied().find(|codec| codec.payload_type() == number)?;
        let named = media.encoding(number);
        named
            .is_none_or(|(name, rate)| Codec::of_name(name) == Some(codec) && rate == crate::SAMPLE_RATE)
            .then_some(codec)
    })
}

fn events_of(media: &Media) -> Option<u8> {
    let is_events = |number: &u8| {
        let named = media.encoding(*number);
        named.is_some_and(|(name, rate)| {
            name.eq_ignore_ascii_case("telephone-event") && rate == crate::SAMPLE_RATE
        })
    };
    media.payload_types().find(is_events)
}

fn refused(media: &Media) -> Media {
    Media { port: 0, ports: None, lines: Vec::new(), ..media.clone() }
}

fn voice(port: u16, codecs: &[Codec], events: Option<u8>, direction: Direction) -> Media {
    let numbers = codecs.iter().map(|codec| codec.payload_type()).chain(events);
    let mut media = Media {
        kind: "audio".into(),
        port,
        ports: None,
        protocol: "RTP/AVP".into(),
        formats: numbers.map(|number| number.to_string().into_boxed_str()).collect(),
        lines: Vec::new(),
    };
    for codec in codecs {
        media.attribute(format!("rtpmap:{} {}/{}", codec.payload_type(), codec.name(), crate::SAMPLE_RATE));
    }
    if let Some(events) = events {
        media.attribute(format!("rtpmap:{events} telephone-event/{}", crate::SAMPLE_RATE));
        media.attribute(format!("fmtp:{events} 0-15"));
    }
    media.attribute("ptime:20");
    media.attribute(direction.name());
    media
}
