//! RFC 4475: 49 messages and the one that goes with them.

use sha2::{Digest as _, Sha256};

use crate::outcome::Expected::{self, Dropped, Refused, Served, Unreadable};
use crate::outcome::check;

const MESSAGES: &str = include_str!("rfc4475.txt");

/// What must come of each, in the order of the RFC.
const TABLE: &[(&str, Expected)] = &[
    // 3.1.1: valid.
    (
        "wsinv",
        Served(&[
            ("uri", "sip:vivekg@chair-dnrc.example.com;unknownparam"),
            ("to", "sip:vivekg@chair-dnrc.example.com"),
            ("to tag", "1918181833n"),
            ("from name", "J Rosenberg \\\""),
            ("from tag", "98asjd8"),
            ("hops", "68"),
            ("cseq", "9 INVITE"),
            ("via", "UDP 192.0.2.2 0"),
            ("vias", "UDP TCP UDP"),
            ("branch", "390skdjuw"),
            ("unique branch", "none"),
            ("Subject", ""),
            ("NewFangledHeader", "newfangled value continued newfangled value"),
            ("UnknownHeaderWithUnusualValue", ";;,,;;,;"),
            ("routes", "<sip:services.example.com;lr;unknownwith=value;unknown-no-value>"),
            (
                "contacts",
                "\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com>;newparam=newvalue;secondparam;q=0.33",
            ),
            ("body", "150"),
        ]),
    ),
    // A method nobody knows, spelt with every character a method may have.
    ("intmeth", Refused(501)),
    (
        "esc01",
        Served(&[
            ("uri user", "sips:user@example.com"),
            ("uri host", "example.net"),
            ("to user", "user"),
            ("from", "sip:I%20have%20spaces@example.net"),
            ("contacts", "<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>"),
            ("body", "150"),
        ]),
    ),
    ("escnull", Served(&[("bindings", "sip:%00@host5.example.com, sip:%00%00@host5.example.com")])),
    // `%` is no escape in a method: this is not REGISTER.
    ("esc02", Refused(501)),
    ("lwsdisp", Served(&[("from name", "caller"), ("from", "sip:caller@example.com"), ("from tag", "323")])),
    (
        "longreq",
        Served(&[
            ("via", "TCP sip33.example.com 0"),
            (
                "vias",
                "TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP TCP \
                 TCP TCP TCP TCP TCP TCP TCP TCP TCP",
            ),
            ("cseq", "3882340 INVITE"),
            ("body", "150"),
        ]),
    ),
    // What stands behind the announced length is no part of the message.
    ("dblreq", Served(&[("method", "REGISTER"), ("body", "0"), ("bindings", "sip:j.user@host.example.com")])),
    (
        "semiuri",
        Served(&[
            ("uri user", "user;par=u@example.net"),
            ("uri host", "example.com"),
            ("members of Accept", "6"),
        ]),
    ),
    ("transports", Served(&[("vias", "UDP SCTP TLS UNKNOWN TCP")])),
    ("mpart01", Served(&[("method", "MESSAGE"), ("body", "553"), ("routes", "<sip:127.0.0.1:5080>")])),
    (
        "unreason",
        Served(&[
            ("status", "200"),
            ("reason", "= 2**3 * 5**2 но сто девяносто девять - простое"),
            ("body", "154"),
        ]),
    ),
    ("noreason", Served(&[("status", "100"), ("reason", ""), ("to tag", "902jndnke3")])),
    // 3.1.2: invalid.
    ("badinv01", Unreadable(400)),
    ("clerr", Unreadable(400)),
    ("ncl", Unreadable(400)),
    ("scalar02", Unreadable(400)),
    ("scalarlg", Dropped),
    ("quotbal", Unreadable(400)),
    ("ltgtruri", Unreadable(400)),
    ("lwsruri", Unreadable(400)),
    ("lwsstart", Unreadable(400)),
    ("trws", Unreadable(400)),
    ("escruri", Unreadable(400)),
    // Nobody here reads a Date, so a wrong one harms nobody.
    ("baddate", Served(&[("Date", "Fri, 01 Jan 2010 16:00:00 EST"), ("body", "150")])),
    ("regbadct", Unreadable(400)),
    // The RFC lets the lenient drop the white space.
    ("badaspec", Served(&[("to", "sip:t.watson@example.org"), ("to name", "Watson, Thomas")])),
    // The missing quotes could be inferred, the missing end of the headers not.
    ("baddn", Unreadable(400)),
    ("badvers", Unreadable(505)),
    ("mismatch01", Unreadable(400)),
    ("mismatch02", Unreadable(400)),
    ("bigcode", Dropped),
    // 3.2: transactions.
    ("badbranch", Served(&[("branch", "z9hG4bK"), ("unique branch", "none")])),
    // 3.3: what user agents make of it.
    ("insuf", Unreadable(400)),
    ("unkscm", Refused(416)),
    ("novelsc", Refused(416)),
    // It can be read; the registrar takes no contact that cannot be called.
    ("unksm2", Refused(400)),
    ("bext01", Refused(420)),
    ("invut", Refused(415)),
    // A scheme nobody knows is no credentials: it is asked for some.
    ("regaut01", Refused(401)),
    ("multi01", Unreadable(400)),
    ("mcl01", Unreadable(400)),
    // It can be read, and has a Via too many to be for us: see the layer's tests.
    ("bcast", Served(&[("status", "200"), ("vias", "UDP UDP")])),
    // It goes no further than here.
    ("zeromf", Served(&[("hops", "0")])),
    // A parameter behind the address is the header's, one inside the brackets the address's.
    ("cparam01", Served(&[("bindings", "sip:+19725552222@gw1.example.net")])),
    ("cparam02", Served(&[("bindings", "sip:+19725552222@gw1.example.net;unknownparam")])),
    ("regescrt", Served(&[("bindings", "sip:user@example.com?Route=%3Csip:sip.example.com%3E")])),
    // It says it reads no session description.
    ("sdp01", Refused(406)),
    // 3.4: RFC 2543.
    (
        "inv2543",
        Served(&[
            ("from tag", "none"),
            ("to", "sip:+16505552222@ss1.example.net"),
            ("branch", "none"),
            ("body", "105"),
        ]),
    ),
    // No version at all: no SIP.
    ("test", Dropped),
];

/// One message of the file.
struct Torture {
    name: &'static str,
    digest: &'static str,
    bytes: Vec<u8>,
}

fn messages() -> Vec<Torture> {
    let mut messages: Vec<Torture> = Vec::new();
    for line in MESSAGES.lines() {
        if let Some(head) = line.strip_prefix("=== ") {
            let mut words = head.split(' ');
            let (name, digest) = (words.next().expect("a name"), words.nth(1).expect("a digest"));
            messages.push(Torture { name, digest, bytes: Vec::new() });
        } else if let Some(message) = messages.last_mut() {
            write_line(line, &mut message.bytes);
            message.bytes.extend(b"\r\n");
        }
    }
    messages
}

/// Appends a line with its notation resolved.
fn write_line(line: &str, bytes: &mut Vec<u8>) {
    let Some((plain, rest)) = line.split_once('<') else {
        bytes.extend(line.as_bytes());
        return;
    };
    bytes.extend(plain.as_bytes());
    let between = |open: &str, close: &str| rest.strip_prefix(open)?.split_once(close);
    if let Some((count, rest)) = between("repeat count=", ">") {
        let (text, rest) = rest.split_once("</repeat>").expect("an end of the repetition");
        bytes.extend(text.repeat(count.parse().expect("a count")).as_bytes());
        write_line(rest, bytes);
    } else if let Some((digits, rest)) = between("hex>", "</hex>") {
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
        bytes.extend((0..digits.len()).step_by(2).map(byte));
        write_line(rest, bytes);
    } else if let Some((address, rest)) = between("sdp ", ">") {
        let lines = [
            "v=0",
            &format!("o=mhandley 29739 7272939 IN IP4 {address}"),
            "s=-",
            &format!("c=IN IP4 {address}"),
            "t=0 0",
            "m=audio 49217 RTP/AVP 0 12",
            "m=video 3227 RTP/AVP 31",
            "a=rtpmap:31 LPC",
        ];
        bytes.extend(lines.join("\r\n").as_bytes());
        write_line(rest, bytes);
    } else if let Some(("", rest)) = between("end>", "") {
        write_line(rest, bytes);
    } else {
        bytes.push(b'<');
        write_line(rest, bytes);
    }
}

#[test]
fn every_torture_message_of_rfc_4475_has_the_bytes_of_the_rfc() {
    let messages = messages();
    assert_eq!(messages.len(), 50);
    for message in messages {
        let digest: String =
            Sha256::digest(&message.bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, message.digest, "{}", message.name);
    }
}

#[test]
fn every_torture_message_of_rfc_4475_comes_to_what_the_rfc_wants() {
    let messages = messages();
    let names: Vec<_> = messages.iter().map(|message| message.name).collect();
    assert_eq!(names, TABLE.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "each has its outcome");
    for (message, (name, expected)) in messages.iter().zip(TABLE) {
        check(name, &message.bytes, *expected);
    }
}

#[test]
fn torture_messages_come_to_the_same_in_any_pieces_of_a_stream() {
    use hookswitch_sip::{Framed, Framer, Limits};

    for message in messages() {
        let whole = framed(&mut Framer::new(Limits::default()), &message.bytes, message.bytes.len());
        for size in [1, 2, 3, 7, 64, 500] {
            let pieces = framed(&mut Framer::new(Limits::default()), &message.bytes, size);
            assert_eq!(pieces, whole, "{} in pieces of {size}", message.name);
        }
        let announced = ["ncl", "mcl01"].contains(&message.name);
        assert_eq!(whole.is_err(), announced, "{}: only a length that is none ends a stream", message.name);
        if message.name == "dblreq" {
            let second = whole.expect("a good stream").into_iter().filter(is_message).nth(1);
            assert!(
                matches!(&second, Some(Framed::Message(bytes)) if bytes.starts_with(b"INVITE ")),
                "{second:?}"
            );
        }
    }

    fn is_message(frame: &Framed) -> bool {
        matches!(frame, Framed::Message(_))
    }

    fn framed(
        framer: &mut Framer,
        bytes: &[u8],
        size: usize,
    ) -> Result<Vec<Framed>, hookswitch_sip::message::Problem> {
        let mut frames = Vec::new();
        for piece in bytes.chunks(size) {
            framer.push(piece);
            while let Some(frame) = framer.next_frame()? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }
}
