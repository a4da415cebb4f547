//! RFC 5118 (SIP Torture Test Messages for IPv6, V. Gurbani and others, February 2008), section 4. Copyright (C) The
//! IETF Trust (2008), subject to the rights and restrictions of BCP 78.
//!
//! Where the RFC prints a Content-Length that is not its body's (268, 181 and 236 in 4.6, 4.8 and 4.9), the body's
//! stands here; 4.6 is tried as printed too.

use crate::outcome::Expected::{self, Served, Unreadable};
use crate::outcome::check;

const CALLER: &str = "To: sip:user@example.com\nFrom: sip:user@example.com;tag=81x2\n";
const CALL: &str = "Call-ID: SSG9559905523997077@hlau_4100\nMax-Forwards: 70\n";

/// 4.1 to 4.4: only the Request-URI differs.
fn register(uri: &str) -> String {
    format!(
        "REGISTER {uri} SIP/2.0\n{CALLER}Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\n{CALL}\
         Contact: \"Caller\" <sip:caller@[2001:db8::1]>\nCSeq: 98176 REGISTER\nContent-Length: 0\n\n"
    )
}

/// 4.5: an address in `received`, with brackets and without.
fn received(address: &str) -> String {
    format!(
        "OPTIONS sip:[2001:db8::10] SIP/2.0\n{CALLER}\
         Via: SIP/2.0/UDP [2001:db8::9:1];received={address};branch=z9hG4bKas3-111\n\
         Call-ID: SSG95523997077@hlau_4100\nMax-Forwards: 70\n\
         Contact: \"Caller\" <sip:caller@[2001:db8::9:1]>\nCSeq: 921 OPTIONS\nContent-Length: 0\n\n"
    )
}

/// 4.10: the grammar of RFC 3261 lets three colons through.
fn colons(address: &str) -> String {
    format!(
        "OPTIONS sip:user@[{address}] SIP/2.0\nTo: sip:user@[{address}]\nFrom: sip:user@example.com;tag=810x2\n\
         Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111\nCall-ID: G9559905523997077@hlau_4100\n\
         CSeq: 689 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n"
    )
}

const IN_SDP: &str = "INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: \"Caller\" <sip:caller@[2001:db8::20]>
CSeq: 8612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: 251

v=0
o=assistant 971731711378798081 0 IN IP6 2001:db8::20
s=Live video feed for today's meeting
c=IN IP6 2001:db8::20
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
";

const SEVERAL_IN_HEADERS: &str = "BYE sip:user@host.example.net SIP/2.0
Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144
Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200
Call-ID: 997077@lau_4100
Max-Forwards: 70
CSeq: 89187 BYE
To: sip:user@example.net;tag=9817--94
From: sip:user@example.com;tag=81x2
Content-Length: 0

";

const SEVERAL_IN_SDP: &str = "INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: \"Caller\" <sip:caller@[2001:db8::9:1]>
Max-Forwards: 70
CSeq: 8912 INVITE
Content-Type: application/sdp
Content-Length: 189

v=0
o=bob 280744730 28977631 IN IP4 host.example.com
s=
t=0 0
m=audio 22334 RTP/AVP 0
c=IN IP4 192.0.2.1
m=video 6024 RTP/AVP 107
c=IN IP6 2001:db8::1
a=rtpmap:107 H263-1998/90000
";

const MAPPED: &str = "INVITE sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:user@east.example.com;tag=81x2
Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19
Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: \"T. desk phone\" <sip:ted@[::ffff:192.0.2.2]>
CSeq: 612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: 245

v=0
o=assistant 971731711378798081 0 IN IP6 ::ffff:192.0.2.2
s=Call me soon, please!
c=IN IP6 ::ffff:192.0.2.2
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
";

fn table() -> Vec<(&'static str, String, Expected)> {
    let good = Served(&[
        ("uri host", "[2001:db8::10]"),
        ("uri port", "none"),
        ("via", "UDP [2001:db8::9:1] 0"),
        ("bindings", "sip:caller@[2001:db8::1]"),
    ]);
    // The port is part of the address here, wherever it was meant.
    let ambiguous = Served(&[("uri host", "[2001:db8::10:5070]"), ("uri port", "none")]);
    let unambiguous = Served(&[("uri host", "[2001:db8::10]"), ("uri port", "5070")]);
    let seen = Served(&[("received", "2001:db8::9:255")]);
    let several =
        Served(&[("via", "UDP [2001:db8::9:1] 6050"), ("vias", "UDP UDP TCP"), ("to tag", "9817--94")]);
    let mapped = Served(&[
        ("via", "UDP [::ffff:192.0.2.10] 19823"),
        ("contacts", "T. desk phone <sip:ted@[::ffff:192.0.2.2]>"),
    ]);
    let two_colons = Served(&[("uri host", "[2001:db8::c000:201]"), ("to", "sip:user@[2001:db8::c000:201]")]);
    vec![
        ("4.1 a reference", register("sip:[2001:db8::10]"), good),
        ("4.2 no brackets", register("sip:2001:db8::10"), Unreadable(400)),
        ("4.3 an ambiguous port", register("sip:[2001:db8::10:5070]"), ambiguous),
        ("4.4 an unambiguous port", register("sip:[2001:db8::10]:5070"), unambiguous),
        ("4.5 received with brackets", received("[2001:db8::9:255]"), seen),
        ("4.5 received without", received("2001:db8::9:255"), seen),
        ("4.6 in the body", IN_SDP.into(), Served(&[("uri host", "[2001:db8::10]"), ("body", "251")])),
        ("4.6 as printed", IN_SDP.replace("251", "268"), Unreadable(400)),
        ("4.7 several in headers", SEVERAL_IN_HEADERS.into(), several),
        ("4.8 several in the body", SEVERAL_IN_SDP.into(), Served(&[("body", "189")])),
        ("4.9 mapped", MAPPED.into(), mapped),
        ("4.10 three colons", colons("2001:db8:::192.0.2.1"), two_colons),
        ("4.10 two colons", colons("2001:db8::192.0.2.1"), two_colons),
    ]
}

#[test]
fn every_torture_message_of_rfc_5118_comes_to_what_the_rfc_wants() {
    for (name, text, expected) in table() {
        check(name, text.replace('\n', "\r\n").as_bytes(), expected);
    }
}
