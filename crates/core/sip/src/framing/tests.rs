use super::*;

const INVITE: &str = "INVITE sip:a@b SIP/2.0\r\nl: 5\r\n\r\nhello";
const BYE: &str = "BYE sip:a@b SIP/2.0\r\nContent-Length:\r\n 0\r\n\r\n";

fn frames(framer: &mut Framer) -> Vec<Framed> {
    std::iter::from_fn(|| framer.next_frame().expect("a good stream")).collect()
}

fn message(text: &str) -> Framed {
    Framed::Message(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn a_stream_gives_the_same_frames_however_it_is_cut() {
    let stream = format!("\r\n\r\n{INVITE}{BYE}\r\n{INVITE}");
    let whole = [Framed::Pong, Framed::Ping, message(INVITE), message(BYE), Framed::Pong, message(INVITE)];
    for size in 1..=stream.len() {
        let mut framer = Framer::new(Limits::default());
        let mut seen = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            framer.push(piece);
            seen.extend(frames(&mut framer));
        }
        assert_eq!(seen, whole, "in pieces of {size}");
    }
}

#[test]
fn headers_without_end_are_bounded() {
    let mut framer = Framer::new(Limits { message_bytes: 1000, ..Limits::default() });
    framer.push(&[b'x'; 1000]);
    assert_eq!(framer.next_frame(), Ok(None));
    framer.push(b"x");
    assert_eq!(framer.next_frame(), Err(Problem::TooLarge));
    framer.push(INVITE.as_bytes());
    assert_eq!(framer.next_frame(), Err(Problem::TooLarge), "a stream that failed stays failed");
}

#[test]
fn a_body_that_would_be_too_large_is_refused_before_it_comes() {
    let mut framer = Framer::new(Limits::default());
    framer.push(b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 99999999\r\n\r\n");
    assert_eq!(framer.next_frame(), Err(Problem::TooLarge));
}

#[test]
fn a_content_length_that_is_no_length_ends_the_stream() {
    for length in ["-1", "+5", "5, 6", "18446744073709551616", "", "0x10", "5\r\nl: 6"] {
        let mut framer = Framer::new(Limits::default());
        framer.push(format!("INVITE sip:a@b SIP/2.0\r\nContent-Length: {length}\r\n\r\nhello").as_bytes());
        assert_eq!(framer.next_frame(), Err(Problem::ContentLength), "{length:?}");
    }
}
