use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;
use crate::auth::{Client, Unanswerable};
use crate::message::Method;

const PHONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A server, a phone of alice's, and the time.
struct Stage {
    server: Server,
    phone: Client,
    now: Instant,
}

fn stage(settings: Settings) -> Stage {
    let server = Server::new(settings, [1; 32], 1);
    Stage { server, phone: Client::new("alice", "wonderland", 2), now: Instant::from_micros(1 << 50) }
}

fn users(user: &str) -> Option<&'static str> {
    (user == "alice").then_some("wonderland")
}

fn register() -> Request {
    Request::new(Method::Register, "sip:example.com".parse().expect("a URI"))
}

impl Stage {
    fn verify(&mut self, request: &Request) -> Verdict {
        self.verify_from(PHONE, request)
    }

    fn verify_from(&mut self, source: IpAddr, request: &Request) -> Verdict {
        self.server.verify(self.now, source, request, users)
    }

    fn ask(&mut self, verdict: &Verdict) -> Response {
        self.server.answer(self.now, &register(), verdict).expect("an answer")
    }

    /// A request with credentials for a fresh challenge.
    fn authorized(&mut self) -> Request {
        let asked = self.ask(&Verdict::Challenge { stale: false });
        let mut request = register();
        self.phone.answer(&mut request, &asked).expect("a challenge that can be answered");
        request
    }

    fn wrong(&mut self, user: &str) -> Request {
        let asked = self.ask(&Verdict::Challenge { stale: false });
        let mut request = register();
        Client::new(user, "guess", 3).answer(&mut request, &asked).expect("a challenge that can be answered");
        request
    }
}

fn accepted() -> Verdict {
    Verdict::Accepted { user: "alice".into() }
}

#[test]
fn every_algorithm_lets_the_right_password_in() {
    for algorithm in [Algorithm::Md5, Algorithm::Md5Sess, Algorithm::Sha256, Algorithm::Sha256Sess] {
        let mut stage = stage(Settings { algorithms: vec![algorithm], ..Settings::new("example.com") });
        let request = stage.authorized();
        let value = request.headers.get(&Name::Authorization).expect("credentials");
        assert!(value.contains(&format!("algorithm={}", algorithm.as_str())), "{value}");
        assert_eq!(stage.verify(&request), accepted(), "{algorithm:?}");
    }
}

#[test]
fn of_two_challenges_the_better_is_answered() {
    let algorithms = vec![Algorithm::Sha256, Algorithm::Md5];
    let mut stage = stage(Settings { algorithms, ..Settings::new("example.com") });
    let request = stage.authorized();
    let value = request.headers.get(&Name::Authorization).expect("credentials");
    assert!(value.contains("algorithm=SHA-256"), "{value}");
}

#[test]
fn an_algorithm_that_was_not_offered_is_refused() {
    let mut stage = stage(Settings::new("example.com"));
    let mut request = stage.authorized();
    let other = request.headers.get(&Name::Authorization).map(|value| value.replace("MD5", "SHA-256"));
    request.headers.set(Name::Authorization, other.expect("credentials"));
    assert_eq!(stage.verify(&request), Verdict::Refused);
}

#[test]
fn a_use_of_a_nonce_counts_once() {
    let mut stage = stage(Settings::new("example.com"));
    let first = stage.authorized();
    let mut second = register();
    stage.phone.authorize(&mut second);
    let mut third = register();
    stage.phone.authorize(&mut third);
    assert_eq!(stage.verify(&first), accepted());
    assert_eq!(stage.verify(&third), accepted());
    assert_eq!(stage.verify(&second), accepted(), "it was overtaken, not repeated");
    for repeated in [&first, &second, &third] {
        assert_eq!(stage.verify(repeated), Verdict::Challenge { stale: true });
    }
}

#[test]
fn credentials_without_a_count_are_good_once() {
    let mut stage = stage(Settings::new("example.com"));
    let mut asked = stage.ask(&Verdict::Challenge { stale: false });
    let old = asked.headers.get(&Name::WwwAuthenticate).map(|value| value.replace(", qop=\"auth\"", ""));
    asked.headers.set(Name::WwwAuthenticate, old.expect("a challenge"));
    let mut request = register();
    stage.phone.answer(&mut request, &asked).expect("an answer in the old way");
    assert!(!request.headers.get(&Name::Authorization).expect("credentials").contains("cnonce"));
    assert_eq!(stage.verify(&request), accepted());
    assert_eq!(stage.verify(&request), Verdict::Challenge { stale: true });
}

#[test]
fn an_old_nonce_is_stale_and_the_phone_answers_the_next() {
    let mut stage = stage(Settings::new("example.com"));
    let mut request = stage.authorized();
    stage.now += Duration::from_secs(301);
    let verdict = stage.verify(&request);
    assert_eq!(verdict, Verdict::Challenge { stale: true });
    let asked = stage.ask(&verdict);
    stage.phone.answer(&mut request, &asked).expect("stale is no wrong password");
    assert_eq!(stage.verify(&request), accepted());
}

#[test]
fn a_nonce_of_another_key_is_stale_and_never_accepted() {
    let mut stage = stage(Settings::new("example.com"));
    let request = stage.authorized();
    let mut other = Server::new(Settings::new("example.com"), [2; 32], 1);
    assert_eq!(other.verify(stage.now, PHONE, &request, users), Verdict::Challenge { stale: true });
}

#[test]
fn used_nonces_are_bounded_and_a_forgotten_one_is_not_accepted_again() {
    let mut stage = stage(Settings { nonces: 4, ..Settings::new("example.com") });
    let mut used = Vec::new();
    for _ in 0..20 {
        stage.now += Duration::from_secs(1);
        let request = stage.authorized();
        assert_eq!(stage.verify(&request), accepted());
        used.push(request);
        assert!(stage.server.nonces.remembered() <= 4);
    }
    for request in &used {
        assert_eq!(stage.verify(request), Verdict::Challenge { stale: true });
    }
}

#[test]
fn challenges_that_nobody_answers_cost_no_memory() {
    let mut stage = stage(Settings::new("example.com"));
    for _ in 0..1000 {
        let _ = stage.ask(&Verdict::Challenge { stale: false });
    }
    assert_eq!(stage.server.nonces.remembered(), 0);
}

#[test]
fn unknown_users_and_wrong_passwords_get_the_same_answers_to_the_last() {
    let answers = |user: &str| -> Vec<String> {
        let mut stage = stage(Settings::new("example.com"));
        let rounds = 0..15;
        let verdicts = rounds.map(|_| {
            let request = stage.wrong(user);
            let verdict = stage.verify(&request);
            let answer = stage.ask(&verdict);
            String::from_utf8_lossy(&answer.to_bytes()).into_owned()
        });
        verdicts.collect()
    };
    let (known, unknown) = (answers("alice"), answers("nobody"));
    assert_eq!(known, unknown);
    assert!(known.first().is_some_and(|first| first.starts_with("SIP/2.0 401 ")));
    assert!(known.last().is_some_and(|last| last.starts_with("SIP/2.0 403 ")));
}

#[test]
fn after_ten_failures_the_right_password_waits_too() {
    let mut stage = stage(Settings::new("example.com"));
    for _ in 0..10 {
        let request = stage.wrong("alice");
        assert_eq!(stage.verify(&request), Verdict::Refused);
    }
    let request = stage.authorized();
    assert_eq!(stage.verify(&request), Verdict::LockedOut { remaining: Duration::from_secs(300) });
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99));
    assert_eq!(stage.verify_from(elsewhere, &request), accepted(), "the user is not locked out everywhere");
    stage.now += Duration::from_secs(300);
    let request = stage.authorized();
    assert_eq!(stage.verify(&request), accepted());
}

#[test]
fn a_source_that_guesses_names_is_locked_out_too() {
    let lockout = Lockout { failures_of_source: 20, ..Lockout::default() };
    let mut stage = stage(Settings { lockout, ..Settings::new("example.com") });
    let network = |host: u64| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | u128::from(host)));
    for guess in 0..20 {
        let request = stage.wrong(&format!("user{guess}"));
        assert_eq!(stage.verify_from(network(guess), &request), Verdict::Refused);
    }
    let request = stage.authorized();
    assert!(
        matches!(stage.verify_from(network(77), &request), Verdict::LockedOut { .. }),
        "the network counts"
    );
}

#[test]
fn failures_are_remembered_within_bounds() {
    let lockout = Lockout { entries: 50, ..Lockout::default() };
    let mut stage = stage(Settings { lockout, ..Settings::new("example.com") });
    for guess in 0..1000_u32 {
        let request = stage.wrong(&format!("user{guess}"));
        let source = IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + guess));
        assert_eq!(stage.verify_from(source, &request), Verdict::Refused);
        assert!(stage.server.lockouts.remembered() <= 50);
    }
}

#[test]
fn a_wrong_password_is_tried_once_by_the_client() {
    let mut stage = stage(Settings::new("example.com"));
    let mut request = stage.wrong("alice");
    let verdict = stage.verify(&request);
    let asked = stage.ask(&verdict);
    let again = Client::new("alice", "guess", 3).answer(&mut request, &asked);
    assert_eq!(again, Err(Unanswerable::WrongPassword));
}

#[test]
fn credentials_for_one_address_do_not_open_another() {
    let mut stage = stage(Settings::new("example.com"));
    let mut request = stage.authorized();
    request.uri = "sip:boss@example.com".parse().expect("a URI");
    assert_eq!(stage.verify(&request), Verdict::Refused);
    request.uri = "sip:example.com;transport=tcp".parse().expect("a URI");
    assert_eq!(stage.verify(&request), accepted(), "phones leave parameters out of the digest");
}

#[test]
fn unreadable_credentials_are_malformed_and_foreign_ones_ignored() {
    let fields =
        "username=\"alice\", realm=\"example.com\", nonce=\"x\", uri=\"sip:example.com\", response=\"0\"";
    let verdict = |value: String| {
        let mut request = register();
        request.headers.push(Name::Authorization, value);
        stage(Settings::new("example.com")).verify(&request)
    };
    let malformed = [
        ", qop=auth",
        ", qop=auth-int, nc=00000001, cnonce=\"1\"",
        ", qop=auth, nc=1, cnonce=\"1\"",
        ", algorithm=SHA3",
    ];
    for rest in malformed {
        assert_eq!(verdict(format!("Digest {fields}{rest}")), Verdict::Malformed, "{rest}");
    }
    assert_eq!(verdict("Basic YWxpY2U6cGFzcw==".into()), Verdict::Challenge { stale: false });
    assert_eq!(
        verdict(format!("Digest {}", fields.replace("example.com\", n", "else\", n"))),
        Verdict::Challenge { stale: false }
    );
}

#[test]
fn a_user_may_have_a_quote_in_his_name() {
    let mut server = Server::new(Settings::new("example.com"), [1; 32], 1);
    let (now, mut request) = (Instant::EPOCH, register());
    let asked = server.answer(now, &request, &Verdict::Refused).expect("it asks");
    Client::new("al\"ice\\", "p", 1).answer(&mut request, &asked).expect("a challenge that can be answered");
    let verdict = server.verify(now, PHONE, &request, |user| (user == "al\"ice\\").then_some("p"));
    assert_eq!(verdict, Verdict::Accepted { user: "al\"ice\\".into() });
}

/// What it takes to refuse who claims to be somebody with a wrong password: hashes, and their blocks.
fn work_to_refuse(settings: Settings, user: &str, method: Method) -> (usize, usize) {
    let mut stage = stage(settings);
    let asked = stage.ask(&Verdict::Challenge { stale: false });
    let mut request = Request::new(method, "sip:example.com".parse().expect("a URI"));
    Client::new(user, "guess", 3).answer(&mut request, &asked).expect("a challenge that can be answered");
    let work = || crate::auth::digest::WORK.with(std::cell::Cell::get);
    let before = work();
    assert_eq!(stage.verify(&request), Verdict::Refused);
    let after = work();
    (after.0 - before.0, after.1 - before.1)
}

#[test]
fn an_unknown_user_costs_as_many_hashes_as_a_known_one() {
    for algorithm in [Algorithm::Md5, Algorithm::Md5Sess, Algorithm::Sha256, Algorithm::Sha256Sess] {
        for method in [Method::Register, Method::Invite] {
            let settings = || Settings { algorithms: vec![algorithm], ..Settings::new("example.com") };
            let known = work_to_refuse(settings(), "alice", method.clone());
            let unknown = work_to_refuse(settings(), "nobob", method.clone());
            assert_eq!(known, unknown, "{algorithm:?} {method}");
            assert!(known.0 >= 3, "the digest is not computed: {known:?}");
        }
    }
}
