//! One function for each entry: any bytes, and what must hold of them. The mutations here and the fuzz targets (`fuzz` at the
//! root) call the same.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "the fuzz targets have them from a library of their own, and need no others"
)]

use hookswitch_media::{
    Codec,
    rtp::Packet,
    sdp::{self, Description, Direction, Local},
};

/// A session description. True when it was read.
pub fn description(bytes: &[u8]) -> bool {
    let address = std::net::SocketAddr::from(([198, 51, 100, 1], 20_000));
    let local = Local { address, codecs: &Codec::ALL, direction: Direction::SendRecv };
    let Ok(description) = Description::parse(bytes) else { return false };
    let written = description.to_string();
    let again = Description::parse(written.as_bytes());
    assert_eq!(again.as_ref().ok(), Some(&description), "{written}");
    let _hold = (description.holds(), description.target());
    if let Ok((answer, agreed)) = sdp::answer(&description, &local) {
        assert_eq!(answer.media.len(), description.media.len(), "{written}");
        assert_eq!(answer.target(), Some(local.address), "{written}");
        assert!(local.codecs.contains(&agreed.codec));
    }
    let mut anchored = description.clone();
    anchored.anchor(local.address);
    let target = description.audio().map(|_| local.address);
    assert_eq!(anchored.target(), target, "{written}");
    true
}

/// An RTP packet.
pub fn packet(bytes: &[u8]) {
    if let Ok(packet) = Packet::parse(bytes) {
        let written = packet.to_bytes();
        assert_eq!(Packet::parse(&written).ok(), Some(packet));
    }
}
