//! Bodies and headers that have a reader of their own: what a PBX tells of its lines, what a server asks and a phone answers.

use hookswitch_sip::auth::{self, Client, Server};
use hookswitch_sip::dialog_info::DialogInfo;
use hookswitch_sip::{Instant, Limits, Message, Name, Random, Request, parse};

use crate::chance::{below, mutate};

const DOCUMENTS: [&str; 3] = [
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"1\" \
     state=\"full\" entity=\"sip:1001@127.0.0.1\">\n <dialog id=\"1001\" direction=\"recipient\">\n  <remote>\n   <identity \
     display=\"Agent 1002\">sip:1002@127.0.0.1</identity>\n   <target uri=\"sip:1002@127.0.0.1\" />\n  </remote>\n  \
     <state>early</state>\n </dialog>\n</dialog-info>\n",
    "<d:dialog-info xmlns:d='urn:x' version='4294967295' state='partial' entity='sip:a@b'><d:dialog id='1'><d:state \
     event='rejected' code='486'>terminated</d:state><d:local><d:target uri='sip:a@b'><d:param pname='+sip.rendering' \
     pval='no'/></d:target></d:local></d:dialog><d:dialog id='2'><d:state><![CDATA[confirmed]]></d:state></d:dialog></d:dialog-info>",
    "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><dialog-info version=\"1\"><dialog id=\"&c;\">&#x41;&amp;<!-- x -->\
     <?pi x?><state>trying</state></dialog></dialog-info>",
];

const CHALLENGES: [&str; 3] = [
    "Digest realm=\"pbx\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", \
     algorithm=MD5, qop=\"auth,auth-int\", stale=TRUE",
    "Digest realm=\"a \\\"b\\\"\", nonce=\"n\", algorithm=SHA-256, qop=auth",
    "Digest nonce = \"n\" , realm = \"r\"",
];

#[test]
fn changed_documents_are_read_within_bounds_or_refused() {
    let mut random = Random::new(4235);
    let (mut read, mut refused) = (0, 0);
    for round in 0..40_000_usize {
        let seed = DOCUMENTS[round % DOCUMENTS.len()].as_bytes();
        let other = DOCUMENTS[below(&mut random, DOCUMENTS.len())].as_bytes();
        match DialogInfo::parse(&mutate(&mut random, seed, other)) {
            Ok(info) => {
                read += 1;
                assert!(info.dialogs.len() <= 128);
                for dialog in &info.dialogs {
                    assert!(!dialog.id.is_empty() && dialog.id.len() <= 1_024, "{dialog:?}");
                    assert!(
                        dialog.remote.display.as_ref().is_none_or(|name| name.len() <= 1_024),
                        "{dialog:?}"
                    );
                    // Nothing is expanded: what is longer than its sender wrote came from an entity.
                    assert!(!dialog.id.contains("bbbb"), "{dialog:?}");
                }
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 1_000 && refused > 5_000, "both come: {read} read, {refused} refused");
}

fn register() -> Request {
    let text = "REGISTER sip:pbx SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:alice@pbx>;tag=1\r\n\
                To: <sip:alice@pbx>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n";
    let Ok(Message::Request(request)) = parse(text.as_bytes(), &Limits::default()) else {
        unreachable!("{text}")
    };
    request
}

#[test]
fn changed_challenges_and_answers_open_no_door() {
    let mut random = Random::new(8760);
    let mut server = Server::new(auth::Settings::new("pbx"), [3; 32], 1);
    let address = "192.0.2.9".parse().expect("an address");
    let (mut answered, mut refused) = (0, 0);
    for round in 0..20_000_usize {
        let seed = CHALLENGES[round % CHALLENGES.len()].as_bytes();
        let other = CHALLENGES[below(&mut random, CHALLENGES.len())].as_bytes();
        let challenge = String::from_utf8_lossy(&mutate(&mut random, seed, other)).into_owned();
        let mut request = register();
        let response = request.reply(401, "").with(Name::WwwAuthenticate, challenge);
        match Client::new("alice", "secret", 1).answer(&mut request, &response) {
            Ok(()) => {
                answered += 1;
                // Whatever nonce that was, this server never gave it.
                let verdict = server.verify(Instant::EPOCH, address, &request, |_| Some("secret"));
                assert!(!matches!(verdict, auth::Verdict::Accepted { .. }), "{request:?}");
                let again = parse(&request.to_bytes(), &Limits::default());
                assert!(matches!(again, Ok(Message::Request(_))), "{again:?}");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(answered > 500 && refused > 500, "both come: {answered} answered, {refused} refused");
}
