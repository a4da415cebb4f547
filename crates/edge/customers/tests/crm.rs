//! A CRM over HTTP: what is asked, what is remembered, and what is told when it fails.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use hookswitch_customers::{
    Asked, Auth, CrmSettings, CrmSource, Customers, Directory, Format, OAuth2Settings, Source, Told,
    model::call::MatchKind,
};
use hookswitch_wire::template::{Numbers, PlainNumbers};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
};

/// What a CRM does with a connection: given the request and its number, the bytes of the answer; none: it never answers.
type Behaviour = Arc<dyn Fn(&str, usize) -> Option<String> + Send + Sync>;

/// A CRM on loopback that keeps what it was asked.
struct FakeCrm {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
}

async fn crm(behaviour: impl Fn(&str, usize) -> Option<String> + Send + Sync + 'static) -> FakeCrm {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (asked, behaviour): (Arc<Mutex<Vec<String>>>, Behaviour) = (Arc::default(), Arc::new(behaviour));
    let (counted, count) = watch::channel(0);
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (kept, behaviour, counted) = (Arc::clone(&kept), Arc::clone(&behaviour), counted.clone());
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !whole(&request) {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let text = String::from_utf8_lossy(&request).into_owned();
                let number = {
                    let mut kept = kept.lock().expect("nobody panics with it");
                    kept.push(text.clone());
                    kept.len()
                };
                counted.send_modify(|count| *count += 1);
                match behaviour(&text, number) {
                    Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
                    // The connection stays open until the client gives up.
                    None => drop(stream.read(&mut [0; 1]).await),
                }
            });
        }
    });
    FakeCrm { url, asked, count }
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

fn answer(status: &str, media: &str, body: &str) -> Option<String> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {}\r\n", body.len());
    Some(format!("{head}Connection: close\r\n\r\n{body}"))
}

fn json(body: &str) -> Option<String> {
    answer("200 OK", "application/json", body)
}

const ERIKA: &str = r#"{"results":[{"id":42,"name":"Erika","tier":"gold"}]}"#;

fn source(url: &str) -> CrmSource {
    CrmSource {
        url: format!("{url}/find?phone={{{{ ani.e164 | urlencode }}}}"),
        items: "/results".to_owned(),
        allow_private: true,
        timeout: Duration::from_millis(500),
        ..CrmSource::default()
    }
}

fn customers(url: &str, change: impl FnOnce(&mut CrmSource)) -> Customers {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let numbers: Arc<dyn Numbers> = Arc::new(PlainNumbers);
    let mut source = source(url);
    change(&mut source);
    let settings = CrmSettings::new(source, &numbers).expect("good settings");
    let customers = Customers::new(Arc::clone(&numbers), Directory::in_memory(numbers));
    customers.ask_of(Some(settings)).expect("a client");
    customers
}

fn number(digits: &str) -> Asked {
    Asked::number(digits, Some(&format!("+{digits}")))
}

impl FakeCrm {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

#[tokio::test]
async fn a_known_caller_is_one_and_the_answer_is_remembered() {
    let crm = crm(|_, _| json(ERIKA)).await;
    let customers = customers(&crm.url, |_| {});
    assert_eq!(customers.source(), Source::Crm);
    let told = customers.who(&number("49305550001")).await;
    assert_eq!((told.customer.kind, told.outcome(), &told.error), (MatchKind::One, "one", &None));
    let erika = &told.customer.candidates[0];
    assert_eq!((erika.id.as_str(), erika.name.as_deref(), erika.score), ("42", Some("Erika"), 1.0));
    assert_eq!((erika.why.as_str(), erika.fields["tier"].as_str()), ("exact E.164", "gold"));
    let again = customers.who(&number("49305550001")).await;
    assert_eq!((again.outcome(), again.customer), ("cached", told.customer));
    assert_eq!(crm.asked().len(), 1);
    assert!(crm.asked()[0].starts_with("GET /find?phone=%2B49305550001 HTTP/1.1"), "{}", crm.asked()[0]);
}

#[tokio::test]
async fn who_asks_the_same_at_the_same_time_shares_one_request() {
    let crm = crm(|_, _| json(ERIKA)).await;
    let customers = customers(&crm.url, |source| source.cache = Duration::ZERO);
    let ask = || {
        let customers = customers.clone();
        tokio::spawn(async move { customers.who(&number("49305550001")).await })
    };
    let all: Vec<_> = (0..50).map(|_| ask()).collect();
    for one in all {
        assert_eq!(one.await.unwrap().customer.kind, MatchKind::One);
    }
    // A runtime of one thread lets all of them ask before the first answer can be read.
    assert_eq!(crm.asked().len(), 1);
    ask().await.unwrap();
    assert_eq!(crm.asked().len(), 2, "nothing is kept without a cache");
}

#[tokio::test]
async fn nobody_many_and_a_status_for_nobody_are_told_apart() {
    for (reply, kind) in [
        (json(r#"{"results":[]}"#), MatchKind::None),
        (answer("404 Not Found", "text/html", "<html>"), MatchKind::None),
        (answer("204 No Content", "", ""), MatchKind::None),
        (json(r#"{"results":[{"id":1},{"id":2}]}"#), MatchKind::Many),
        (json(r#"{"results":[{"id":1},{"id":1}]}"#), MatchKind::One),
        (answer("200 OK", "text/html", ERIKA), MatchKind::One),
    ] {
        let crm = crm(move |_, _| reply.clone()).await;
        assert_eq!(customers(&crm.url, |_| {}).who(&number("1")).await.customer.kind, kind);
    }
}

#[tokio::test]
async fn the_request_is_what_the_templates_make_of_the_question() {
    let crm = crm(|_, _| json(r#"{"results":[]}"#)).await;
    let customers = customers(&crm.url, |source| {
        source.post = true;
        source.url = source.url.replace("/find?phone=", "/rpc/");
        source.body = Some(r#"{"params":[{{ ani.e164 | tojson }},"{{ ani | last(4) }}"]}"#.to_owned());
        source.headers = vec![("X-Number".into(), "{{ ani | digits }}".into()), ("X-Key".into(), "k".into())];
        source.auth = Auth::Basic("hooks".into(), "secret".into());
    });
    customers.who(&number("49305550001")).await;
    let request = &crm.asked()[0];
    for part in [
        "POST /rpc/%2B49305550001 HTTP/1.1\r\n",
        "\r\nx-number: 49305550001\r\n",
        "\r\nx-key: k\r\n",
        "\r\nauthorization: Basic aG9va3M6c2VjcmV0\r\n",
        "\r\ncontent-type: application/json\r\n",
        "\r\n\r\n{\"params\":[\"+49305550001\",\"0001\"]}",
    ] {
        assert!(request.contains(part), "{part:?} is not in {request}");
    }
}

#[tokio::test]
async fn a_text_is_the_name() {
    let crm = crm(|_, _| answer("200 OK", "text/plain", "Erika Muster\n")).await;
    let customers = customers(&crm.url, |source| source.format = Format::Text);
    let told = customers.who(&number("49305550001")).await;
    assert_eq!(told.customer.candidates[0].name.as_deref(), Some("Erika Muster"));
    assert_eq!(told.customer.candidates[0].id, "+49305550001");
}

#[tokio::test]
async fn a_token_that_ended_early_is_renewed_once() {
    let crm = crm(|request, number| {
        if request.starts_with("POST /token") {
            return json(&format!(r#"{{"access_token":"t{number}","expires_in":3600}}"#));
        }
        // The first token is refused; the second was the third request.
        if request.contains("authorization: Bearer t3\r\n") { json(ERIKA) } else { answer("401 No", "", "") }
    })
    .await;
    let token_url = format!("{}/token", crm.url).parse().unwrap();
    let customers = customers(&crm.url, |source| {
        source.auth = Auth::OAuth2(OAuth2Settings {
            token_url,
            client_id: "hooks".into(),
            client_secret: "secret".into(),
            refresh_token: None,
            scope: None,
        });
    });
    let told = customers.who(&number("1")).await;
    assert_eq!((told.customer.kind, told.error), (MatchKind::One, None));
    let paths: Vec<String> = crm
        .asked()
        .iter()
        .map(|r| r.split('?').next().unwrap_or_default().chars().take(10).collect())
        .collect();
    assert_eq!(paths, ["POST /toke", "GET /find", "POST /toke", "GET /find"]);
}

/// Every way to fail is an error with its reason, within the time allowed, and is not remembered.
#[tokio::test]
async fn what_fails_is_told_in_time_with_its_reason() {
    let huge = format!(r#"{{"results":[{}{{"id":1}}]}}"#, r#"{"id":1,"name":"x"},"#.repeat(20_000));
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let ways: Vec<(Option<String>, &str)> = vec![
        (None, "no answer within 500 ms"),
        (Some(String::new()), "failed"),
        (Some("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".into()), "broke off"),
        (Some("nonsense\r\n\r\n".into()), "failed"),
        (answer("500 Oops", "text/plain", "trace"), "the CRM answers 500"),
        (answer("401 No", "", ""), "credentials"),
        (answer("302 Found\r\nLocation: http://169.254.169.254/", "", ""), "redirects are not followed"),
        (json("{"), "not JSON"),
        (json(&deep), "not JSON"),
        (json(r#"{"error":"no such method"}"#), "nothing at /results"),
        (json(r#"{"results":[{"key":1}]}"#), "has an id"),
        (json(&huge), "more than 256 KiB"),
        (answer("200 OK", "text/html", "<html>Log in</html>"), "is text/html, not JSON"),
    ];
    for (reply, why) in ways {
        let crm = crm(move |_, _| reply.clone()).await;
        let customers = customers(&crm.url, |_| {});
        let began = Instant::now();
        let told = customers.who(&number("1")).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{why}");
        let error = told.error.clone().expect(why);
        assert!(error.contains(why), "{error} and not {why}");
        assert_eq!((told.customer.kind, told.outcome()), (MatchKind::Error, "error"));
        assert_eq!((customers.health().failures, customers.health().last_error), (1, Some(error)));
        customers.who(&number("1")).await;
        assert_eq!(crm.asked().len(), 2, "{why}: an error is not remembered");
    }
}

#[tokio::test]
async fn a_private_address_is_not_reached_without_permission() {
    let crm = crm(|_, _| json(ERIKA)).await;
    let port = crm.url.rsplit(':').next().unwrap().to_owned();
    let customers = customers(&format!("http://localhost:{port}"), |source| source.allow_private = false);
    let told = customers.who(&number("1")).await;
    assert_eq!(told.customer.kind, MatchKind::Error);
    assert!(crm.asked().is_empty(), "{:?}", told.error);
}

#[tokio::test]
async fn a_crm_that_is_down_is_left_alone_and_every_question_still_answered() {
    let crm = crm(|_, _| answer("503 Down", "", "")).await;
    let customers = customers(&crm.url, |_| {});
    for n in 0..20 {
        let told: Told = customers.who(&number(&format!("{n}"))).await;
        assert_eq!(told.customer.kind, MatchKind::Error);
        let left_alone = told.error.unwrap().contains("left alone");
        assert_eq!(left_alone, n >= 5, "{n}");
    }
    assert_eq!(*crm.count.borrow(), 5);
}

#[tokio::test]
async fn a_reload_of_the_same_settings_forgets_nothing() {
    let crm = crm(|_, _| json(ERIKA)).await;
    let customers = customers(&crm.url, |_| {});
    let again = |change: fn(&mut CrmSource)| {
        let numbers: Arc<dyn Numbers> = Arc::new(PlainNumbers);
        let mut source = source(&crm.url);
        change(&mut source);
        CrmSettings::new(source, &numbers).unwrap()
    };
    customers.who(&number("1")).await;
    customers.ask_of(Some(again(|_| {}))).unwrap();
    assert_eq!(customers.who(&number("1")).await.outcome(), "cached");
    customers.ask_of(Some(again(|source| source.cache = Duration::from_secs(7)))).unwrap();
    assert_eq!(customers.who(&number("1")).await.outcome(), "one");
}

#[tokio::test]
async fn more_questions_than_places_wait_and_none_is_lost() {
    let crm = crm(|request, _| {
        let phone = request.split("phone=").nth(1)?.split(' ').next()?.to_owned();
        json(&format!(r#"{{"results":[{{"id":"{phone}"}}]}}"#))
    })
    .await;
    let customers = customers(&crm.url, |source| source.timeout = Duration::from_secs(20));
    let ask = |n: usize| {
        let customers = customers.clone();
        tokio::spawn(async move { (n, customers.who(&number(&format!("4930{n:06}"))).await) })
    };
    let mut found = BTreeMap::new();
    for one in (0..200).map(ask).collect::<Vec<_>>() {
        let (n, told) = one.await.unwrap();
        found.insert(n, told.customer.candidates[0].id.clone());
    }
    assert!(found.iter().all(|(n, id)| *id == format!("%2B4930{n:06}")), "each has its own answer");
    assert_eq!((found.len(), crm.asked().len()), (200, 200));
}

#[tokio::test]
async fn who_hides_the_number_is_not_asked_for() {
    let crm = crm(|_, _| json(ERIKA)).await;
    let customers = customers(&crm.url, |_| {});
    let mut hidden = number("49305550001");
    hidden.number.withheld = true;
    for asked in [hidden, Asked::number("", None)] {
        assert_eq!(customers.who(&asked).await.customer.kind, MatchKind::None);
    }
    assert!(crm.asked().is_empty());
}
