//! Bytes changed by chance, at every entry of the parser.

use hookswitch_sip::Random;

use crate::entries;
use crate::victim::Victim;

/// Messages to start from: what real peers send, and what the RFC thinks of.
const SEEDS: [&str; 5] = [
    "INVITE sip:support@10.99.0.1;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP [2001:db8::9:1]:5060;rport;branch=z9hG4bKPj1,\r\n \
     SIP/2.0/UDP 10.0.0.1;received=192.0.2.1;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nf: \"Käthe \\\"K\\\"\" <tel:+43-1-234;phone-context=x>;tag=1\r\n\
     t: <sip:support@10.99.0.1>\r\nm: <sip:asterisk@10.99.0.2:5060;transport=TCP>;+sip.instance=\"<urn:uuid:1>\"\r\ni: a@b\r\n\
     CSeq: 4711 INVITE\r\nAllow: OPTIONS, REGISTER, SUBSCRIBE\r\nk: 100rel, timer, replaces\r\nx: 1800;refresher=uac\r\nMin-SE: 90\r\n\
     P-Asserted-Identity: \"Anna\" <sip:+431234@10.99.0.2>, <tel:+431234>\r\nPrivacy: id;header\r\nDiversion: <sip:100@pbx>;reason=no-answer\r\n\
     History-Info: <sip:a@b?Reason=SIP%3Bcause%3D302>;index=1\r\nUser-to-User: 56a390f3;encoding=hex\r\nl: 5\r\nc: application/sdp\r\n\r\nv=0\r\n",
    "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;rport;branch=z9hG4bK2\r\nFrom: <sip:alice@example.com>;tag=2\r\n\
     To: <sip:alice@example.com>\r\nCall-ID: r\r\nCSeq: 2 REGISTER\r\nContact: <sip:alice@192.0.2.9:5070>;expires=300;q=0.5;reg-id=1\r\n\
     Supported: path, outbound\r\nPath: <sip:edge;lr>\r\nAuthorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"AAAA\", \
     uri=\"sip:example.com\", response=\"00112233\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"x\"\r\nContent-Length: 0\r\n\r\n",
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK00000000000000000.0;rport=5060\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n\
     From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:c@192.0.2.9>\r\nRSeq: 3\r\nl: 0\r\n\r\n",
    "REFER sip:a@b SIP/2.0\r\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK3\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: d\r\n\
     CSeq: 3 REFER\r\nr: <sip:e@f?Replaces=1%40x%3Bto-tag%3D7%3Bfrom-tag%3D8>\r\nb: <sip:a@b>\r\nEvent: dialog;id=1\r\nl: 0\r\n\r\n",
    "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\nTO :\r\n sip:v@c.example.com ;   tag    = 1918181833n\r\n\
     from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\nCall-ID: w\r\n\
     Content-Length   : 3\r\ncseq: 0009\r\n  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\ns :\r\n\r\nv=0",
];

/// Values to start from, one for each entry that reads a value by itself.
const VALUES: [&str; 6] = [
    "sip:alice:secret@[2001:db8::1]:5061;transport=tcp;lr;maddr=[::1]?Subject=x&Priority=y",
    "\"Anna \\\"A\\\"\" <sips:anna%40home@example.com;user=phone>;tag=7;q=0.3;x=\"y;z\"",
    "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
    "2147483647 SUBSCRIBE",
    "call@x;to-tag=7744;from-tag=8;early-only",
    "1800;refresher=uas",
];

/// Bytes that mean something somewhere.
const MEANING: &[u8] = b"\r\n\t \0\"\\<>;:,=@[]%?&/*()+-.09azAZ\xc3\xff";

pub(crate) fn below(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.next() % bound.max(1) as u64).unwrap_or(0)
}

/// One to four changes.
pub(crate) fn mutate(random: &mut Random, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=below(random, 4) {
        let (at, from) = (below(random, bytes.len()), below(random, other.len()));
        let to = (at + 1 + below(random, 24)).min(bytes.len());
        let meaning = MEANING[below(random, MEANING.len())];
        match below(random, 8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at.min(to)..to)),
            2 if at < bytes.len() => bytes[at] = meaning,
            3 if at < bytes.len() => bytes[at] ^= 1 << below(random, 8),
            4 => bytes.insert(at, meaning),
            5 => drop(bytes.splice(at..at, other[from..].iter().copied().take(60))),
            6 => {
                let copy = bytes[at.min(to)..to].repeat(1 + below(random, 30));
                drop(bytes.splice(at..at, copy));
            }
            _ => drop(bytes.splice(at..at, std::iter::repeat_n(meaning, below(random, 300)))),
        }
    }
    bytes
}

#[test]
fn changed_messages_harm_nobody() {
    let mut random = Random::new(4475);
    let mut victim = Victim::new();
    for round in 0..40_000_usize {
        let seed = SEEDS[round % SEEDS.len()].as_bytes();
        let other = SEEDS[below(&mut random, SEEDS.len())].as_bytes();
        let bytes = mutate(&mut random, seed, other);
        if round % 4 == 0 { victim.stream(&mut random, &bytes) } else { victim.receive(&bytes) }
    }
    let tally = &victim.tally;
    assert!(tally.read > 5000 && tally.refused > 5000 && tally.dropped > 500, "all three come: {tally:?}");
}

#[test]
fn changed_values_are_refused_or_say_the_same_when_written_again() {
    let mut random = Random::new(5118);
    for round in 0..60_000_usize {
        let seed = VALUES[round % VALUES.len()].as_bytes();
        let other = VALUES[below(&mut random, VALUES.len())].as_bytes();
        let bytes = mutate(&mut random, seed, other);
        for entry in [entries::uri, entries::name_addr, entries::via, entries::values] {
            entry(&bytes);
        }
    }
}

#[test]
fn every_seed_is_good() {
    let mut victim = Victim::new();
    for seed in SEEDS {
        victim.receive(seed.as_bytes());
    }
    assert_eq!(victim.tally.read, 5, "{:?}", victim.tally);
}
