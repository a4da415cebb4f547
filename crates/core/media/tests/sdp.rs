//! Descriptions of real phones, and RFC 3264's rules, as claims.

use std::net::SocketAddr;

use hookswitch_media::{
    Codec,
    sdp::{self, Connection, Description, Direction, Local, NotSdp, Origin, Refused},
};

/// What a softphone with video, ICE and things of its own sends.
const SOFTPHONE: &str = "v=0\r\n\
    o=alice 2890844526 2890844526 IN IP4 host.example.com\r\n\
    s=a call\r\n\
    i=what it is about\r\n\
    c=IN IP4 192.0.2.7\r\n\
    b=AS:84\r\n\
    t=0 0\r\n\
    a=tool:odd 1.0\r\n\
    m=audio 49170 RTP/AVP 96 0 8 101\r\n\
    a=rtpmap:96 opus/48000/2\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=candidate:1 1 UDP 2130706431 192.0.2.7 49170 typ host\r\n\
    a=rtcp:49171\r\n\
    a=x-unknown\r\n\
    m=video 51372/2 RTP/AVP 31 32\r\n\
    a=rtpmap:31 H261/90000\r\n\
    x=unknown letter\r\n";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn parse(text: &str) -> Description {
    Description::parse(text.as_bytes()).expect("a description")
}

/// One voice at this connection, with these lines behind.
fn voice(connection: &str, lines: &str) -> Description {
    parse(&format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc={connection}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n{lines}"
    ))
}

fn ours(direction: Direction) -> Local<'static> {
    Local { address: address("198.51.100.1:20000"), codecs: &Codec::ALL, direction }
}

#[test]
fn what_passes_through_stays_as_it_was() {
    assert_eq!(parse(SOFTPHONE).to_string(), SOFTPHONE);
}

#[test]
fn a_description_is_read_as_it_is_meant() {
    let description = parse(SOFTPHONE);
    assert_eq!(description.target(), Some(address("192.0.2.7:49170")));
    assert_eq!(description.direction(), Direction::SendRecv);
    let audio = description.audio().unwrap();
    assert_eq!(audio.encoding(96), Some(("opus", 48_000)));
    assert_eq!(audio.encoding(101), Some(("telephone-event", 8_000)));
    assert_eq!(audio.payload_types().collect::<Vec<_>>(), [96, 0, 8, 101]);
    assert_eq!(description.media[1].ports, Some(2));
    assert_eq!(&*description.origin().unwrap().id, "2890844526");
}

#[test]
fn line_feeds_alone_and_noise_between_lines_do_no_harm() {
    let bytes = b"v=0\no=- 1 1 IN IP4 192.0.2.7\n\nnoise\ns=\xe9t\xe9\nc=IN IP4 192.0.2.7\nt=0 0\nm=audio 4000 RTP/AVP 0\n";
    let description = Description::parse(bytes).unwrap();
    assert_eq!(description.target(), Some(address("192.0.2.7:4000")));
    assert_eq!(description.lines.len(), 5);
}

#[test]
fn what_is_no_description_is_refused() {
    assert_eq!(Description::parse(b""), Err(NotSdp::Version));
    assert_eq!(Description::parse(b"s=-\r\nv=0\r\n"), Err(NotSdp::Version));
    assert_eq!(Description::parse(b"v=1\r\n"), Err(NotSdp::Version));
    for media in ["audio", "audio 4000", "audio 4000 RTP/AVP", "audio x RTP/AVP 0", "audio 70000 RTP/AVP 0"] {
        let text = format!("v=0\r\nm={media}\r\n");
        assert_eq!(Description::parse(text.as_bytes()), Err(NotSdp::Media { line: 2 }), "{media}");
    }
}

#[test]
fn bounds_hold() {
    let lines = format!("v=0\r\n{}", "a=x\r\n".repeat(sdp::MOST_LINES));
    assert_eq!(Description::parse(lines.as_bytes()), Err(NotSdp::Long));
    let media = format!("v=0\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(sdp::MOST_MEDIA + 1));
    assert_eq!(Description::parse(media.as_bytes()), Err(NotSdp::Long));
    let bytes = format!("v=0\r\na={}\r\n", "x".repeat(sdp::MOST_BYTES));
    assert_eq!(Description::parse(bytes.as_bytes()), Err(NotSdp::Long));
}

#[test]
fn hold_is_recognised_in_all_its_ways() {
    for (connection, lines, holds) in [
        ("IN IP4 192.0.2.7", "", false),
        ("IN IP4 192.0.2.7", "a=sendrecv\r\n", false),
        ("IN IP4 192.0.2.7", "a=recvonly\r\n", false),
        ("IN IP4 192.0.2.7", "a=sendonly\r\n", true),
        ("IN IP4 192.0.2.7", "a=inactive\r\n", true),
        ("IN IP4 0.0.0.0", "", true),
        ("IN IP6 ::", "", true),
        ("IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0\r\n", true),
        ("IN IP4 0.0.0.0", "c=IN IP4 192.0.2.7\r\n", false),
        ("IN IP4 phone.example.com", "", false),
    ] {
        assert_eq!(voice(connection, lines).holds(), holds, "{connection} {lines}");
    }
    let session = "v=0\r\nc=IN IP4 192.0.2.7\r\na=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n";
    assert!(parse(session).holds(), "a direction of the whole session counts");
    assert!(!parse(&format!("{session}a=sendrecv\r\n")).holds(), "that of the voice counts more");
}

#[test]
fn a_direction_is_set_once() {
    let mut description = voice("IN IP4 192.0.2.7", "a=sendrecv\r\na=ptime:20\r\na=sendrecv\r\n");
    description.set_direction(Direction::SendOnly);
    assert!(description.to_string().ends_with("m=audio 4000 RTP/AVP 0 8\r\na=ptime:20\r\na=sendonly\r\n"));
}

#[test]
fn anchored_voice_goes_by_way_of_us_and_nothing_leads_around() {
    let mut description = parse(SOFTPHONE);
    description.anchor(address("198.51.100.1:20000"));
    assert_eq!(description.target(), Some(address("198.51.100.1:20000")));
    assert_eq!(description.media[1].port, 0, "video is refused");
    let text = description.to_string();
    for gone in ["192.0.2.7", "candidate", "rtcp"] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    assert!(
        text.contains("c=IN IP4 198.51.100.1\r\nb=AS:84\r\nt=0 0\r\n"),
        "in the order of the standard: {text}"
    );
    assert!(text.contains("a=x-unknown\r\n") && text.contains("x=unknown letter\r\n"));
}

#[test]
fn an_address_of_the_voice_alone_is_anchored_too() {
    let mut description = parse("v=0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.7\r\n");
    description.anchor(address("[2001:db8::1]:20000"));
    assert_eq!(
        description.to_string(),
        "v=0\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
    );
}

#[test]
fn an_origin_of_any_length_is_kept() {
    let text = "- 99999999999999999999999999 18446744073709551616 IN IP4 192.0.2.7";
    assert_eq!(Origin::parse(text).unwrap().to_string(), text);
    assert_eq!(Origin::parse("- 1 1"), None);
}

#[test]
fn an_answer_has_a_place_for_each_offered_section() {
    let (answer, agreed) = sdp::answer(&parse(SOFTPHONE), &ours(Direction::SendRecv)).unwrap();
    assert_eq!(agreed.codec, Codec::Pcmu, "what the phone likes best of ours");
    assert_eq!(agreed.events, Some(101));
    assert_eq!(agreed.remote, address("192.0.2.7:49170"));
    let expected = "v=0\r\no=- 0 0 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
        m=audio 20000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
        a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\nm=video 0 RTP/AVP 31 32\r\n";
    assert_eq!(answer.to_string(), expected);
}

#[test]
fn an_offer_of_ours_is_answered_and_accepted() {
    let caller =
        Local { address: address("192.0.2.7:4000"), codecs: &[Codec::Pcma], direction: Direction::SendOnly };
    let offer = sdp::offer(&caller);
    let (answer, theirs) = sdp::answer(&offer, &ours(Direction::SendRecv)).unwrap();
    let agreed = sdp::accept(&answer, &caller).unwrap();
    assert_eq!((agreed.codec, theirs.codec), (Codec::Pcma, Codec::Pcma));
    assert_eq!((agreed.remote, theirs.remote), (address("198.51.100.1:20000"), address("192.0.2.7:4000")));
    assert_eq!((agreed.direction, theirs.direction), (Direction::SendOnly, Direction::RecvOnly));
    assert_eq!(agreed.events, theirs.events);
}

#[test]
fn an_offer_without_voice_in_common_is_refused() {
    let with = |media: &str| {
        let text = format!("v=0\r\nc=IN IP4 192.0.2.7\r\nm={media}\r\n");
        sdp::answer(&parse(&text), &ours(Direction::SendRecv)).map(|(_, agreed)| agreed.codec)
    };
    assert_eq!(with("audio 4000 RTP/AVP 18 3"), Err(Refused::NoCodec));
    assert_eq!(with("audio 4000 RTP/SAVP 0"), Err(Refused::NoVoice), "only with keys");
    assert_eq!(with("audio 0 RTP/AVP 0"), Err(Refused::NoVoice));
    assert_eq!(with("video 4000 RTP/AVP 31"), Err(Refused::NoVoice));
    assert_eq!(
        with("audio 4000 RTP/AVP 0\r\na=rtpmap:0 G726-32/8000"),
        Err(Refused::NoCodec),
        "0 is another codec here"
    );
    assert_eq!(with("audio 4000 RTP/AVP 200 8"), Ok(Codec::Pcma));
    assert_eq!(with("audio 4000 RTP/AVPF 8"), Ok(Codec::Pcma));
    let named = "v=0\r\nc=IN IP4 phone.example.com\r\nm=audio 4000 RTP/AVP 0\r\n";
    assert_eq!(sdp::answer(&parse(named), &ours(Direction::SendRecv)).unwrap_err(), Refused::NoVoice);
    let audio = parse(named);
    assert_eq!(audio.connection(audio.audio().unwrap()), Some(Connection::Name("phone.example.com".into())));
}

#[test]
fn savp_beside_plain_voice_is_passed_over() {
    let text = "v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVP 0\r\n";
    let (answer, agreed) = sdp::answer(&parse(text), &ours(Direction::SendRecv)).unwrap();
    assert_eq!(agreed.remote.port(), 4_002);
    assert_eq!((answer.media[0].port, answer.media[1].port), (0, 20_000));
}
