//! Bodies and headers that have a reader of their own: what a PBX tells of its lines, what a server asks and a phone answers.

use hookswitch_sip::Random;

use crate::chance::{below, mutate};
use crate::entries;

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
        match entries::dialog_info(&mutate(&mut random, seed, other)) {
            true => read += 1,
            false => refused += 1,
        }
    }
    assert!(read > 1_000 && refused > 5_000, "both come: {read} read, {refused} refused");
}

#[test]
fn changed_challenges_and_answers_open_no_door() {
    let mut random = Random::new(8760);
    let (mut answered, mut refused) = (0, 0);
    for round in 0..20_000_usize {
        let seed = CHALLENGES[round % CHALLENGES.len()].as_bytes();
        let other = CHALLENGES[below(&mut random, CHALLENGES.len())].as_bytes();
        let bytes = mutate(&mut random, seed, other);
        entries::credentials(&bytes);
        match entries::challenge(&bytes) {
            true => answered += 1,
            false => refused += 1,
        }
    }
    assert!(answered > 500 && refused > 500, "both come: {answered} answered, {refused} refused");
}
