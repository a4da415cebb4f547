//! What each preset makes of recorded courses of calls, request by request, over real sockets.
//!
//! The courses are what the daemon told of calls on the simulated PBX (`tests/presets/courses`); what is sent stands in
//! `tests/presets/golden`, one file a preset. After a change that is meant: `UPDATE_GOLDEN=1 cargo test -p
//! hookswitch-publish --test presets`, and read the difference.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use hookswitch_journal::{Journal, Kind, MemoryJournal, Record};
use hookswitch_publish::{
    AgentCard, DeliveryState, Dialect, Meta, Preset, Types, WebhookSecret, WebhookSettings, Webhooks,
};
use hookswitch_wire::{
    model::{AgentId, CallId, Timestamp},
    template::{Numbers, PlainNumbers},
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// The courses, in the order in which they are told.
const COURSES: [&str; 15] = [
    "queue-answered",
    "direct-missed",
    "queue-abandoned",
    "rona",
    "ring-all",
    "blind-to-agent",
    "blind-to-number",
    "attended",
    "outbound-by-phone",
    "outbound-by-phone-busy",
    "click-to-dial",
    "withheld",
    "diverted",
    "direct-busy",
    "direct-rejected",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/presets")
}

/// A CRM that answers as those do, and keeps what it was sent.
struct Crm {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Crm {
    async fn start(answer: fn(&str) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&kept), answer));
            }
        });
        Self { address, requests }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

async fn serve(connection: TcpStream, requests: Arc<Mutex<Vec<String>>>, answer: fn(&str) -> String) {
    let mut connection = BufReader::new(connection);
    while let Some(request) = read_request(&mut connection).await {
        let body = answer(&request);
        requests.lock().unwrap().push(request);
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// A request as people read it: what is the connection's or of the moment is left out, a body is written line by line.
async fn read_request(connection: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    connection.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut text = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        connection.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    for moment in ["host", "content-length", "user-agent", "accept", "webhook-timestamp"] {
        headers.remove(moment);
    }
    for (name, value) in headers {
        write!(text, "\n{name}: {value}").unwrap();
    }
    let body = String::from_utf8(body).unwrap();
    let body = match serde_json::from_str::<Value>(&body) {
        Ok(json) => serde_json::to_string_pretty(&json).unwrap(),
        Err(_) => body.replace('&', "\n&"),
    };
    write!(text, "\n\n{body}").unwrap();
    Some(text)
}

fn events(course: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder().join(format!("courses/{course}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn append(journal: &mut MemoryJournal, event: &Value) {
    let call: CallId = event["data"]["call"]["id"].as_str().unwrap().parse().unwrap();
    let legs = event["data"]["call"]["legs"].as_array().unwrap();
    let agents = legs.iter().filter_map(|leg| leg["agent"].as_str());
    let meta = Meta {
        type_name: event["type"].as_str().unwrap().to_owned().into(),
        call: Some(call),
        agents: agents.map(|id| AgentId::new(id).unwrap()).collect(),
        queue: None,
    };
    let payload = event.to_string().into();
    let record = Record { kind: Kind::Event, at: Timestamp::default(), meta: Some(meta), payload };
    journal.append(&mut vec![record]).unwrap();
}

fn settings(name: &str, crm: &Crm) -> WebhookSettings {
    let path = match name {
        "zammad" => "/api/v1/cti/0f3a",
        "bitrix24" => "/rest/1/token/",
        "frappe" => "/api/method/crm.integrations.exotel.handler.handle_request?key=verify",
        "zoho" => "/phonebridge/v3/callnotify",
        "zadarma" => "/voip/zd/",
        _ => "/",
    };
    let numbers: Arc<dyn Numbers> = Arc::new(PlainNumbers);
    let preset = Preset::built_in(name, &numbers).unwrap().unwrap();
    let users = |user: [&str; 2]| user.map(str::to_owned);
    let [alice, bob] = match name {
        // Bob has no user id: he is meant by his telephone.
        "bitrix24" => users(["17", ""]),
        "zoho" => users(["645001", "645002"]),
        "frappe" => users(["alice@example.com", "bob@example.com"]),
        _ => users(["", ""]),
    };
    let card = |id: &str, name: &str, extension: &str, user: String| AgentCard {
        id: id.to_owned(),
        name: name.to_owned(),
        extension: extension.to_owned(),
        device: format!("PJSIP/{extension}"),
        user,
    };
    let agents = vec![card("alice", "Alice Zhang", "1001", alice), card("bob", "Bob Okafor", "1002", bob)];
    let given = |name: &str| if name == "create_lead" { "1" } else { "17" }.to_owned();
    let values = preset.value_names().map(|name| (name.to_owned(), given(name))).collect();
    let url = format!("http://{}{path}", crm.address);
    let mut settings = WebhookSettings::new("crm", &url, Types::default()).unwrap();
    settings.allow_private = true;
    if preset.signs_itself() {
        settings.secrets = vec![WebhookSecret::plain("secret")];
    }
    settings.dialect = Some(Dialect::new(preset, agents, &values, Some("secret")).unwrap());
    settings
}

/// Waits until everything is settled.
async fn settled(webhooks: &Webhooks, journal: &MemoryJournal) {
    let all = async {
        loop {
            let view = webhooks.list().remove(0);
            if view.pending == 0 && view.cursor.0 == journal.reader().last() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(30), all).await;
    done.unwrap_or_else(|_| panic!("{:#?}\n{:#?}", webhooks.list(), webhooks.deliveries("crm")));
}

/// Everything a preset sends, course by course.
async fn told(name: &str, answer: fn(&str) -> String, expected: DeliveryState) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let crm = Crm::start(answer).await;
    let mut journal = MemoryJournal::new();
    let stop = CancellationToken::new();
    let cursors = journal.cursors();
    let settings = settings(name, &crm);
    let webhooks = Webhooks::start(&journal.reader(), &cursors, vec![settings], &stop).unwrap();
    while cursors.get("webhook crm").is_none() {
        tokio::task::yield_now().await;
    }
    let mut text = String::new();
    for course in COURSES {
        for event in events(course) {
            append(&mut journal, &event);
        }
        settled(&webhooks, &journal).await;
        writeln!(text, "# {course}\n").unwrap();
        for request in crm.take() {
            writeln!(text, "{}\n", request.replace(&crm.address.to_string(), "CRM")).unwrap();
        }
    }
    let deliveries = webhooks.deliveries("crm").unwrap();
    for delivery in &deliveries {
        assert_eq!(delivery.state, expected, "{name}: {delivery:#?}");
    }
    stop.cancel();
    webhooks.ended().await;
    // What is told of calls is forgotten with them.
    let notes: Value = serde_json::from_slice(&cursors.get("webhook crm").unwrap().state).unwrap();
    assert_eq!(notes["told"], serde_json::json!({}), "{name}");
    text
}

async fn check(name: &str, answer: fn(&str) -> String, expected: DeliveryState) {
    let told = told(name, answer, expected).await;
    let path = folder().join(format!("golden/{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &told).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let first = golden.lines().zip(told.lines()).position(|(golden, told)| golden != told);
    assert!(golden == told, "{} differs from line {}:\n{told}", path.display(), first.unwrap_or(0) + 1);
}

fn empty(_: &str) -> String {
    "{}".to_owned()
}

#[tokio::test]
async fn zammad_is_told_in_its_words() {
    check("zammad", empty, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn sipgate_is_told_in_its_words() {
    check("sipgate", empty, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn vtiger_is_told_in_its_words_and_confirms_nothing() {
    check("vtiger", empty, DeliveryState::Unconfirmed).await;
}

/// Bitrix24 gives a call an id of its own.
fn bitrix24(request: &str) -> String {
    let is_register = request.starts_with("POST /rest/1/token/telephony.externalcall.register");
    let body = if is_register { r#"{"result":{"CALL_ID":"externalCall.7f"}}"# } else { r#"{"result":true}"# };
    body.to_owned()
}

#[tokio::test]
async fn bitrix24_is_told_in_its_words_under_the_id_it_gave() {
    check("bitrix24", bitrix24, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn after_a_restart_nothing_is_told_again_and_the_id_it_gave_is_still_known() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let crm = Crm::start(bitrix24).await;
    let mut journal = MemoryJournal::new();
    let cursors = journal.cursors();
    let (before, after): (Vec<Value>, Vec<Value>) =
        events("rona").into_iter().partition(|event| event["type"] != "call.ended");
    let mut methods = Vec::new();
    for life in [before, after] {
        let stop = CancellationToken::new();
        let settings = settings("bitrix24", &crm);
        let webhooks = Webhooks::start(&journal.reader(), &cursors, vec![settings], &stop).unwrap();
        while cursors.get("webhook crm").is_none() {
            tokio::task::yield_now().await;
        }
        for event in &life {
            append(&mut journal, event);
        }
        settled(&webhooks, &journal).await;
        stop.cancel();
        webhooks.ended().await;
        methods.extend(crm.take());
    }
    let name = |request: &String| request.lines().next().unwrap().rsplit('.').next().unwrap().to_owned();
    assert_eq!(methods.iter().map(name).collect::<Vec<_>>(), ["register", "show", "hide", "finish"]);
    assert!(methods[3].contains(r#""CALL_ID": "externalCall.7f""#), "{}", methods[3]);
}

#[tokio::test]
async fn zoho_is_told_in_its_words() {
    check("zoho", |_| r#"{"status":"success","code":"SUCCESS"}"#.to_owned(), DeliveryState::Delivered).await;
}

#[tokio::test]
async fn frappe_is_told_in_its_words_and_confirms_nothing() {
    check("frappe", empty, DeliveryState::Unconfirmed).await;
}

#[tokio::test]
async fn zadarma_is_told_of_ends_signed_and_confirms_nothing() {
    check("zadarma", |_| String::new(), DeliveryState::Unconfirmed).await;
}

#[tokio::test]
async fn creme_is_told_nothing_and_opens_its_page() {
    let told = told("creme", empty, DeliveryState::Delivered).await;
    assert!(told.lines().all(|line| line.is_empty() || line.starts_with('#')), "{told}");
    let numbers: Arc<dyn Numbers> = Arc::new(PlainNumbers);
    let preset = Preset::built_in("creme", &numbers).unwrap().unwrap();
    let pop = preset.pop("http://crm.example.com/");
    let page = "http://crm.example.com/cti/respond_to_a_call?number={{ ani | digits }}";
    assert_eq!(
        [pop.one, pop.many, pop.none],
        [Some(page), Some(page), Some(page)].map(|page| page.map(str::to_owned))
    );
}
