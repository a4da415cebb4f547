use super::*;
use crate::message::{Limits, Message, parse};

/// A registrar, the time, and what changed in words.
struct Stage {
    registrar: Registrar,
    now: Instant,
    cseq: u32,
}

fn stage(settings: Settings) -> Stage {
    Stage { registrar: Registrar::new(settings), now: Instant::EPOCH, cseq: 0 }
}

fn from(port: u16) -> Flow {
    let at = |ip: [u8; 4], port| (ip, port).into();
    Flow::udp(at([192, 0, 2, 1], 5060), at([198, 51, 100, 7], port))
}

fn request(cseq: u32, lines: &str) -> Request {
    let text = format!(
        "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK{cseq}\r\n\
         From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: reboot-1\r\n\
         CSeq: {cseq} REGISTER\r\n{lines}\r\n"
    );
    match parse(text.as_bytes(), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

impl Stage {
    fn register(&mut self, lines: &str) -> Response {
        self.register_from(from(40_000), lines)
    }

    fn register_from(&mut self, flow: Flow, lines: &str) -> Response {
        self.cseq += 1;
        self.registrar.register(self.now, flow, "alice", &request(self.cseq, lines))
    }

    fn contacts(&self) -> Vec<String> {
        let contacts = self.registrar.contacts("alice", self.now);
        contacts.iter().map(|binding| binding.uri.to_string()).collect()
    }

    fn changes(&mut self) -> Vec<String> {
        let changes = std::iter::from_fn(|| self.registrar.poll_change());
        let tell = |change| match change {
            Change::Registered { contact, .. } => format!("+{contact}"),
            Change::Gone { contact, why, .. } => format!("-{contact} {why:?}"),
        };
        changes.map(tell).collect()
    }

    fn after(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.registrar.tick(self.now);
    }
}

fn contact_lines(answer: &Response) -> Vec<&str> {
    answer.headers.all(&Name::Contact).collect()
}

#[test]
fn several_phones_of_one_user_are_told_in_the_order_they_are_preferred() {
    let mut stage = stage(Settings::default());
    stage.register("Contact: <sip:a@10.0.0.1>;q=0.5, <sip:a@10.0.0.2>;expires=120\r\nExpires: 300\r\n");
    stage.after(1);
    let answer = stage.register("Contact: <sip:a@10.0.0.3>\r\n");
    assert_eq!(answer.status, 200);
    let expected = [
        "<sip:a@10.0.0.3>;expires=600",
        "<sip:a@10.0.0.2>;expires=119",
        "<sip:a@10.0.0.1>;expires=299;q=0.500",
    ];
    assert_eq!(contact_lines(&answer), expected);
    assert_eq!(stage.changes(), ["+sip:a@10.0.0.1", "+sip:a@10.0.0.2", "+sip:a@10.0.0.3"]);
}

#[test]
fn a_request_without_contact_asks_what_is_known() {
    let mut stage = stage(Settings::default());
    stage.register("Contact: <sip:a@10.0.0.1>\r\n");
    let answer = stage.register("");
    assert_eq!((answer.status, contact_lines(&answer).len()), (200, 1));
}

#[test]
fn a_contact_ends_with_its_time_unless_it_is_refreshed() {
    let mut stage = stage(Settings::default());
    stage.register("Contact: <sip:a@10.0.0.1>;expires=100\r\n");
    stage.after(99);
    stage.register("Contact: <sip:a@10.0.0.1>;expires=100\r\n");
    stage.after(99);
    assert_eq!(stage.contacts(), ["sip:a@10.0.0.1"]);
    assert_eq!(stage.registrar.next_deadline(), Some(stage.now + Duration::from_secs(1)));
    stage.after(1);
    assert_eq!(stage.contacts(), [""; 0]);
    assert_eq!(stage.changes(), ["+sip:a@10.0.0.1", "-sip:a@10.0.0.1 Expired"], "a refresh is no change");
    assert_eq!(stage.registrar.next_deadline(), None);
}

#[test]
fn too_short_a_time_is_refused_and_too_long_a_one_shortened() {
    let mut stage = stage(Settings::default());
    let answer = stage.register("Contact: <sip:a@10.0.0.1>;expires=59\r\n");
    assert_eq!((answer.status, answer.headers.min_expires()), (423, Some(60)));
    let answer = stage.register("Contact: <sip:a@10.0.0.1>;expires=4294967295\r\n");
    assert_eq!(contact_lines(&answer), ["<sip:a@10.0.0.1>;expires=3600"]);
    let answer = stage.register("Contact: <sip:a@10.0.0.1>;expires=soon\r\n");
    assert_eq!(
        contact_lines(&answer),
        ["<sip:a@10.0.0.1>;expires=600"],
        "what is no number counts as not said"
    );
}

#[test]
fn no_time_left_takes_one_contact_back_and_a_star_takes_all() {
    let mut stage = stage(Settings::default());
    stage.register("Contact: <sip:a@10.0.0.1>, <sip:a@10.0.0.2>, <sip:a@10.0.0.3>\r\n");
    stage.register("Contact: <sip:a@10.0.0.2>;expires=0\r\n");
    assert_eq!(stage.contacts().len(), 2);
    let answer = stage.register("Contact: *\r\nExpires: 0\r\n");
    assert_eq!((answer.status, contact_lines(&answer).len()), (200, 0));
    assert_eq!(stage.changes().len(), 6);
    assert_eq!(stage.registrar.aors().count(), 0);
}

#[test]
fn a_star_with_time_left_or_company_is_refused_and_changes_nothing() {
    let mut stage = stage(Settings::default());
    stage.register("Contact: <sip:a@10.0.0.1>\r\n");
    let wrong =
        ["Contact: *\r\n", "Contact: *\r\nExpires: 60\r\n", "Contact: *, <sip:a@10.0.0.1>\r\nExpires: 0\r\n"];
    for lines in wrong {
        assert_eq!(stage.register(lines).status, 400, "{lines}");
    }
    assert_eq!(stage.contacts().len(), 1);
}

#[test]
fn a_request_that_was_overtaken_changes_nothing() {
    let mut stage = stage(Settings::default());
    stage.register("Contact: <sip:a@10.0.0.1>\r\n");
    stage.register("Contact: <sip:a@10.0.0.1>\r\n");
    stage.cseq = 0;
    let late = "Contact: <sip:a@10.0.0.9>, <sip:a@10.0.0.1>;expires=0\r\n";
    assert_eq!(stage.register(late).status, 500);
    stage.cseq = 0;
    assert_eq!(stage.register("Contact: *\r\nExpires: 0\r\n").status, 500);
    assert_eq!(stage.contacts(), ["sip:a@10.0.0.1"], "all of it or nothing");
}

#[test]
fn a_phone_that_comes_back_with_another_address_replaces_itself() {
    let mut stage = stage(Settings::default());
    let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"";
    stage.register(&format!("Contact: <sip:a@10.0.0.1>;{instance};reg-id=1\r\n"));
    stage.register(&format!("Contact: <sip:a@10.0.0.2>;{instance};reg-id=1\r\n"));
    stage.register(&format!("Contact: <sip:a@10.0.0.2>;{instance};reg-id=2\r\n"));
    assert_eq!(stage.changes(), ["+sip:a@10.0.0.1", "-sip:a@10.0.0.1 Replaced", "+sip:a@10.0.0.2"]);
    let answer =
        stage.register(&format!("Supported: outbound\r\nContact: <sip:a@10.0.0.2>;{instance};reg-id=1\r\n"));
    assert_eq!(answer.headers.get(&Name::Require), Some("outbound"));
    assert_eq!(answer.headers.get(&Name::FlowTimer), Some("110"));
    assert!(contact_lines(&answer).iter().all(|line| line.contains(instance)), "{answer:?}");
}

#[test]
fn contacts_of_one_user_are_bounded_and_the_next_to_end_gives_way() {
    let mut stage = stage(Settings { max_contacts: 3, ..Settings::default() });
    for host in 1..=4 {
        stage.register(&format!("Contact: <sip:a@10.0.0.{host}>;expires={}\r\n", 1000 - host));
    }
    assert_eq!(stage.changes().get(3).map(String::as_str), Some("-sip:a@10.0.0.3 Displaced"));
    assert_eq!(stage.contacts().len(), 3);
    let four = "Contact: <sip:a@1.1.1.1>, <sip:a@1.1.1.2>, <sip:a@1.1.1.3>, <sip:a@1.1.1.4>\r\n";
    assert_eq!(stage.register(four).status, 403);
}

#[test]
fn a_phone_behind_nat_is_reached_where_it_sent_from() {
    let mut stage = stage(Settings::default());
    stage.register_from(from(61_000), "Contact: <sip:a@10.0.0.7:5060>\r\n");
    stage.register_from(from(61_000), "Contact: <sip:a@198.51.100.7:5066>\r\n");
    let contacts = stage.registrar.contacts("alice", stage.now);
    let ports: Vec<_> = contacts.iter().map(|binding| binding.target().remote.port()).collect();
    assert_eq!(ports, [61_000, 5066], "the second names the very host it sent from: it knows its port");
    stage.register_from(from(62_000), "Contact: <sip:a@10.0.0.7:5060>\r\n");
    let contacts = stage.registrar.contacts("alice", stage.now);
    assert!(
        contacts.iter().any(|binding| binding.target().remote.port() == 62_000),
        "a refresh moves the flow"
    );
}

#[test]
fn a_contact_is_gone_with_its_connection() {
    let mut stage = stage(Settings::default());
    let tcp = |connection| Flow { transport: crate::Transport::Tcp, connection: Some(connection), ..from(7) };
    stage.register_from(tcp(1), "Contact: <sip:a@10.0.0.1>\r\n");
    stage.register_from(tcp(2), "Contact: <sip:a@10.0.0.2>\r\n");
    stage.register_from(tcp(2), "Contact: <sip:a@10.0.0.1>\r\n");
    stage.registrar.flow_failed(tcp(1));
    assert_eq!(stage.contacts().len(), 2, "the first phone moved to the second connection");
    stage.registrar.flow_failed(tcp(2));
    assert_eq!(stage.contacts().len(), 0);
    assert_eq!(stage.registrar.next_deadline(), None);
}

#[test]
fn contacts_that_cannot_be_called_are_refused() {
    let mut stage = stage(Settings::default());
    for contact in ["<mailto:alice@example.com>", "<tel:+431234>", "<name:John_Smith>"] {
        assert_eq!(stage.register(&format!("Contact: {contact}\r\n")).status, 400, "{contact}");
    }
}

#[test]
fn the_proxies_on_the_way_are_kept_and_told_back() {
    let mut stage = stage(Settings::default());
    let answer = stage.register("Path: <sip:edge.example.com;lr>\r\nContact: <sip:a@10.0.0.1>\r\n");
    assert_eq!(answer.headers.get(&Name::Path), Some("<sip:edge.example.com;lr>"));
    let contacts = stage.registrar.contacts("alice", stage.now);
    assert_eq!(contacts.first().map(|binding| binding.path.len()), Some(1));
    assert_eq!(
        contacts.first().map(|binding| binding.target()),
        contacts.first().map(|binding| binding.flow)
    );
}

#[test]
fn contacts_that_were_kept_are_there_after_a_restart_as_far_as_they_can_be_reached() {
    let mut before = stage(Settings::default());
    let tcp = Flow { transport: crate::Transport::Tcp, connection: Some(9), ..from(61_000) };
    let tls = Flow { transport: crate::Transport::Tls, ..tcp };
    before.register("Contact: <sip:a@10.0.0.1>;q=0.5;expires=100\r\nPath: <sip:10.0.0.9;lr>\r\n");
    before.register("Contact: <sip:a@10.0.0.2>;expires=300\r\n");
    before.register_from(tcp, "Contact: <sip:a@198.51.100.7:5066;transport=tcp>\r\n");
    before.register_from(tcp, "Contact: <sip:a@10.0.0.7:5066;transport=tcp>\r\n");
    before.register_from(tls, "Contact: <sip:a@198.51.100.7:5067;transport=tls>\r\n");
    assert_eq!(before.registrar.poll_unkept().as_deref(), Some("alice"));
    assert_eq!(before.registrar.poll_unkept(), None);
    let kept: Vec<Binding> = before.registrar.contacts("alice", before.now).into_iter().cloned().collect();

    let mut after = stage(Settings::default());
    after.now = before.now + Duration::from_secs(100);
    after.registrar.restore(after.now, "alice", kept);
    assert_eq!(after.contacts(), ["sip:a@10.0.0.2", "sip:a@198.51.100.7:5066;transport=tcp"]);
    assert_eq!(after.changes().len(), 2);
    assert_eq!(after.registrar.poll_unkept().as_deref(), Some("alice"), "what is over is to be forgotten");
    let contacts = after.registrar.contacts("alice", after.now);
    let flows: Vec<_> = contacts.iter().map(|binding| binding.target()).collect();
    assert_eq!(flows[1].connection, None, "a number of the last run is another connection in this one");
    assert_eq!(flows[1].remote.port(), 5066, "where it takes connections");
    assert_eq!(flows[0], from(40_000));
    after.after(200);
    assert_eq!(after.contacts(), ["sip:a@198.51.100.7:5066;transport=tcp"]);
    // Late copies of old requests change nothing in the new life, either.
    after.cseq = 0;
    assert_eq!(after.register("Contact: <sip:a@198.51.100.7:5066;transport=tcp>;expires=0\r\n").status, 500);
}
