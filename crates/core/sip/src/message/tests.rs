use super::*;

fn request(headers: &str) -> Result<Message, Malformed> {
    let text = format!(
        "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:a@b>\r\n\
         Call-ID: c\r\nCSeq: 1 INVITE\r\n{headers}\r\n"
    );
    parse(text.as_bytes(), &Limits::default())
}

fn good(headers: &str) -> Request {
    match request(headers) {
        Ok(Message::Request(request)) => request,
        other => panic!("{headers:?}: {other:?}"),
    }
}

fn problem(headers: &str) -> Option<Problem> {
    request(headers).err().map(|bad| bad.what)
}

#[test]
fn compact_and_long_names_are_one() {
    let request = good("k: a, b\r\nSUPPORTED: c\r\nx: 90;refresher=UAC\r\nr: <sip:z@w>\r\n");
    assert_eq!(request.headers.supported().collect::<Vec<_>>(), ["a", "b", "c"]);
    let session = SessionExpires { seconds: 90, refresher: Some(Refresher::Uac) };
    assert_eq!(request.headers.session_expires(), Some(session));
    assert_eq!(request.headers.refer_to().map(|to| to.uri.to_string()).as_deref(), Some("sip:z@w"));
    assert!(request.to_bytes().windows(11).any(|bytes| bytes == b"Refer-To: <"), "long names are written");
}

#[test]
fn the_version_is_known_in_any_case_and_what_names_none_is_no_sip() {
    let what = |line: &str| {
        let text = format!(
            "{line}\r\nv: SIP/2.0/UDP h\r\nf: <sip:x@y>;tag=1\r\nt: <sip:a@b>\r\ni: c\r\nCSeq: 1 BYE\r\n\r\n"
        );
        parse(text.as_bytes(), &Limits::default())
            .map_err(|bad| (bad.what, bad.answer.map(|answer| answer.status)))
            .err()
    };
    assert_eq!(what("BYE sip:a@b Sip/2.0"), None);
    assert_eq!(what("BYE sip:a@b SIP/2.1"), Some((Problem::Version, Some(505))));
    assert_eq!(what("BYE sip:a@b SIP/two"), Some((Problem::StartLine, Some(400))));
    assert_eq!(what("BYE sip:a@b"), Some((Problem::NotSip, None)));
    assert_eq!(what("GET / HTTP/1.1"), Some((Problem::NotSip, None)));
}

#[test]
fn a_line_may_end_without_cr_and_go_on_in_the_next() {
    let text = "OPTIONS sip:a@b SIP/2.0\nv: SIP/2.0/UDP h\n ;branch=z9hG4bK1\nf: <sip:x@y>\n\t;tag=1\nt: <sip:a@b>\ni: c\nCSeq: 1\n OPTIONS\n\nbody";
    let Ok(Message::Request(request)) = parse(text.as_bytes(), &Limits::default()) else {
        panic!("a request")
    };
    assert_eq!(request.headers.from().and_then(|from| from.tag().map(str::to_owned)).as_deref(), Some("1"));
    assert_eq!(&request.body[..], b"body");
}

#[test]
fn a_body_that_is_shorter_than_announced_is_refused_and_a_longer_one_cut() {
    assert_eq!(problem("l: 1\r\n"), Some(Problem::ContentLength));
    assert_eq!(problem("l: 0\r\nContent-Length: 0\r\n"), None, "twice the same is the same");
    for length in ["-1", "1e3", "", "0 0", "99999999999999999999999"] {
        assert_eq!(problem(&format!("l: {length}\r\n")), Some(Problem::ContentLength), "{length:?}");
    }
    let cut = good("l: 2\r\n\r\nabc");
    assert_eq!(&cut.body[..], b"ab");
}

#[test]
fn sizes_and_counts_are_bounded() {
    let long = "x".repeat(9000);
    assert_eq!(problem(&format!("X: {long}\r\n")), Some(Problem::TooLarge));
    let folded = " x\r\n".repeat(5000);
    assert_eq!(problem(&format!("X:\r\n{folded}")), Some(Problem::TooLarge));
    assert_eq!(problem(&"X: 1\r\n".repeat(260)), Some(Problem::TooLarge));
    assert_eq!(problem(&format!("Route: {}\r\n", "<sip:p;lr>,".repeat(140))), Some(Problem::TooLarge));
    assert_eq!(problem(&format!("Contact: <sip:a@b>{}\r\n", ";p=1".repeat(70))), Some(Problem::Params));
    let huge = [b"INVITE sip:a@b SIP/2.0\r\n".as_slice(), &[b'x'; 70_000]].concat();
    let refused = parse(&huge, &Limits::default());
    assert_eq!(refused, Err(Malformed { what: Problem::TooLarge, answer: None }));
}

#[test]
fn what_steers_a_message_must_be_there_once_and_be_readable() {
    let table = [
        ("Max-Forwards: 256\r\n", Problem::Value("Max-Forwards")),
        ("Max-Forwards: 1\r\nMax-Forwards: 1\r\n", Problem::Repeated("Max-Forwards")),
        ("From: <sip:x@y>;tag=2\r\n", Problem::Repeated("From")),
        ("Expires: soon\r\n", Problem::Value("Expires")),
        ("Contact: <sip:a@b\r\n", Problem::Address),
        ("Route: <sip:>\r\n", Problem::Uri),
        ("no colon\r\n", Problem::Header),
        ("two words: x\r\n", Problem::Header),
    ];
    for (headers, what) in table {
        let bad = request(headers).expect_err(headers);
        assert_eq!((bad.what, bad.answer.map(|answer| answer.status)), (what, Some(400)), "{headers}");
    }
    let ack = b"ACK sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n";
    let malformed = parse(ack, &Limits::default()).expect_err("nothing is there");
    assert_eq!(malformed.answer, None, "nobody answers an ACK");
}

#[test]
fn bytes_that_are_no_text_become_question_marks() {
    let mut text = b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: K\xe4the <sip:x@y>;tag=1\r\n".to_vec();
    text.extend(b"t: \"\xff\xfe\" <sip:a@b>\r\ni: c\r\nCSeq: 1 OPTIONS\r\n\r\n");
    let Ok(Message::Request(request)) = parse(&text, &Limits::default()) else { panic!("a request") };
    assert_eq!(request.headers.from().and_then(|from| from.display).as_deref(), Some("K?the"));
}

#[test]
fn no_value_can_smuggle_a_header_in() {
    let mut request = good("");
    request.headers.push("X-Data", "a\r\nInjected: yes");
    request.headers.push("X-Bad Name:", "b");
    let reply = request.reply(200, "OK\r\nInjected: yes");
    for bytes in [request.to_bytes(), reply.to_bytes()] {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("\nInjected"), "{text}");
        assert!(parse(&bytes, &Limits::default()).is_ok(), "{text}");
    }
}

#[test]
fn a_user_of_any_text_makes_a_uri_that_can_be_read() {
    for user in ["+43 1 234", "a@b", "50%", "x\r\nVia: y", "é", "*72#", "a;b?c", ""] {
        let uri = Uri::sip(Some(user), Host::read("example.com").expect("a host"), None);
        let request = Request { headers: good("").headers, ..Request::new(Method::Invite, uri.clone()) };
        match parse(&request.to_bytes(), &Limits::default()) {
            Ok(Message::Request(read)) => {
                assert_eq!(read.uri.user_decoded().as_deref(), Some(user), "{user:?}")
            }
            other => assert_eq!((user, other.map_err(|bad| bad.what)), ("", Err(Problem::Uri))),
        }
    }
}

#[test]
fn a_method_is_known_in_its_own_case_only() {
    assert_eq!(Method::from_token("PRACK"), Method::Prack);
    assert_eq!(Method::from_token("invite"), Method::Other("invite".into()));
    assert_eq!("1 invite".parse::<CSeq>().map(|cseq| cseq.method.to_string()).as_deref(), Ok("invite"));
    for method in rsip::Method::all() {
        assert_eq!(Method::from(method).as_str(), Method::known_name(method));
        assert_eq!(Method::from_token(&method.to_string()), Method::from(method));
    }
}

#[test]
fn where_rsip_can_read_an_address_it_reads_what_we_read() {
    use rsip::headers::untyped::ToTypedHeader as _;
    use rsip::prelude::UntypedHeader as _;

    let addresses = [
        "<sip:alice@example.com>;tag=1",
        "Alice <sip:alice@example.com:5070;transport=tcp>;tag=x.y",
        "\"Alice\" <sips:alice@192.0.2.1;lr>",
        "<sip:example.com;user=phone>;tag=7;x=y",
    ];
    for text in addresses {
        let theirs = rsip::headers::From::new(text).into_typed().expect("rsip reads it");
        let ours: NameAddr = text.parse().expect("we read it");
        assert_eq!(ours.params.typed(), theirs.params, "{text}");
        assert_eq!(ours.uri.params.typed(), theirs.uri.params, "{text}");
        assert_eq!(
            ours.uri.host.as_ref().map(Host::to_string),
            Some(theirs.uri.host().to_string()),
            "{text}"
        );
        assert_eq!(ours.uri.port, theirs.uri.port().map(|port| *port.value()), "{text}");
        assert_eq!(ours.uri.user.as_deref(), theirs.uri.user(), "{text}");
    }
}

#[test]
fn what_rsip_refuses_or_misreads_is_read() {
    for text in
        ["tel:+43-1-234;phone-context=x", "sip:a@[2001:db8::1]:5061", "sip:a@b?Subject=x", "urn:service:sos"]
    {
        let uri: Uri = text.parse().expect(text);
        assert_eq!(uri.to_string(), text);
    }
    let address: NameAddr =
        "\"A \\\"B\\\" <c>\" <sip:a@b>;x=\"1;2,3\";tag=9;transport=pigeon".parse().expect("an address");
    assert_eq!(address.display.as_deref(), Some("A \"B\" <c>"));
    assert_eq!(address.params.get_unquoted("X").as_deref(), Some("1;2,3"));
    assert_eq!((address.tag(), address.params.get("transport")), (Some("9"), Some("pigeon")));
}

/// RFC 3261 section 19.1.4, its own examples and a few of the field's.
#[test]
fn addresses_are_the_same_as_the_rfc_says() {
    let same = [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::1]"),
    ];
    let different = [
        ("sip:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com;transport=udp", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@b", "sips:a@b"),
        ("tel:+12015550123", "tel:2015550123;phone-context=+1"),
    ];
    let read = |text: &str| text.parse::<Uri>().expect(text);
    for (one, two) in same {
        assert!(read(one).same(&read(two)) && read(two).same(&read(one)), "{one} is {two}");
    }
    for (one, two) in different {
        assert!(!read(one).same(&read(two)) && !read(two).same(&read(one)), "{one} is not {two}");
    }
}

#[test]
fn identity_and_transfer_headers_are_read() {
    let request = good(
        "P-Asserted-Identity: \"Anna, B.\" <sip:+431@x>, <tel:+431>\r\nPrivacy: header;id\r\n\
         Diversion: <sip:100@p>;reason=no-answer, <sip:200@p>\r\nRemote-Party-ID: <sip:5@p>;party=calling;privacy=full\r\n\
         Replaces: 98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff;early-only\r\nRAck: 776656 1 INVITE\r\n\
         Event: dialog;id=7\r\nRetry-After: 18000;duration=3600 (maintenance)\r\nMin-SE: 90;x=y\r\n",
    );
    let headers = &request.headers;
    let callers: Vec<_> = headers.p_asserted_identity().iter().map(|caller| caller.uri.to_string()).collect();
    assert_eq!(callers, ["sip:+431@x", "tel:+431"]);
    assert!(headers.wants_privacy("id") && !headers.wants_privacy("user"));
    assert_eq!(headers.diversions().len(), 2);
    assert_eq!(
        headers.remote_party_id().and_then(|party| party.params.get("privacy").map(str::to_owned)).as_deref(),
        Some("full")
    );
    let replaces = headers.replaces().expect("a dialog");
    assert_eq!((&*replaces.to_tag, &*replaces.from_tag, replaces.early_only), ("ff87ff", "r33th4x0r", true));
    assert_eq!(headers.rack().map(|rack| (rack.rseq, rack.cseq.number)), Some((776_656, 1)));
    assert_eq!(headers.event().map(|event| event.package.to_string()).as_deref(), Some("dialog"));
    assert_eq!((headers.retry_after(), headers.min_se()), (Some(18_000), Some(90)));
}

#[test]
fn a_to_tag_is_added_once_and_inside_nothing() {
    for (to, tagged) in [
        ("<sip:a@b>", "<sip:a@b>;tag=t"),
        ("sip:a@b", "sip:a@b;tag=t"),
        ("\"x?\" <sip:a@b>", "\"x?\" <sip:a@b>;tag=t"),
        ("<sip:a@b>;tag=old", "<sip:a@b>;tag=old"),
    ] {
        let mut request = good("");
        request.headers.set("To", to);
        assert_eq!(request.reply(200, "").with_to_tag("t").headers.get(&Name::To), Some(tagged));
    }
}

#[test]
fn a_refusal_says_what_would_be_served() {
    let screen =
        Screen { methods: vec![Method::Invite], extensions: vec![], bodies: vec!["application/sdp".into()] };
    let mut request = good("Require: 100rel, foo\r\n");
    let refusal = screen.refuse(&request).expect("a refusal");
    assert_eq!((refusal.status, refusal.headers.get(&Name::Unsupported)), (420, Some("100rel, foo")));
    request.method = Method::Publish;
    let refusal = screen.refuse(&request).expect("a refusal");
    assert_eq!((refusal.status, refusal.headers.get(&Name::Allow)), (405, Some("INVITE, ACK, CANCEL")));
    request.method = Method::Ack;
    assert_eq!(screen.refuse(&request), None, "nobody answers an ACK");
    assert_eq!(screen.refuse(&good("Max-Forwards: 0\r\n")).map(|refusal| refusal.status), Some(483));
    let optional = good("Content-Type: x/y\r\nContent-Disposition: render; handling=optional\r\n\r\nbody");
    assert_eq!(screen.refuse(&optional), None);
    let zipped = good("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n\r\nbody");
    assert_eq!(screen.refuse(&zipped).map(|refusal| refusal.status), Some(415));
}
