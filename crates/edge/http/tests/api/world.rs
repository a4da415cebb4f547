//! A daemon made of fixed answers, a server in front of it, and a client that shows every byte of an answer.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use hookswitch_config::{Bundle, ServerLimits};
use hookswitch_http::{
    Access, Administration, AppState, Backend, BackendGone, CallJson, CallbacksWanted, ImaginaryCall,
    JournalState, Limits, LinkReadiness, List, Pieces, Readiness, Reply, ReportRefused, ReportWish, Role,
    Snapshot, Token, TokenHash, Unusable, serve,
};
use hookswitch_journal::{self as journal, Journal as _, Kind, MemoryJournal, Record, Retention};
use hookswitch_publish::{Bound, Hub};
use hookswitch_wire::{
    model::{
        AgentId, CallId, CallbackId, EventId, QueueId, Timestamp,
        call::{Call, CallState, Customer, Direction, Leg, LegRole, LegState, PartyNumber},
        command::{Answer, Command, Refusal, Taken},
        event::{Event, EventKind},
    },
    object,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
};

/// The call alice talks on; its caller withheld the number.
pub(crate) const ALICES: CallId = CallId::from_bits(1);
/// The call bob talks on.
pub(crate) const BOBS: CallId = CallId::from_bits(2);

/// When a test begins, in seconds since 1970.
pub(crate) const NOW_S: u64 = 1_795_287_600;

/// The names of the tokens; each token's text is its name with `-secret`.
pub(crate) const TOKENS: [&str; 6] = ["alice", "bob", "crm", "lead", "admin", "homeless"];

/// The daemon: fixed lists, and a command that is answered as the test says.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) commands: Mutex<Vec<Command>>,
    pub(crate) refusal: Mutex<Option<Refusal>>,
    pub(crate) readiness: Mutex<Readiness>,
    pub(crate) gone: AtomicBool,
    pub(crate) gate: Gate,
    /// The call that a command begins.
    pub(crate) begun: Mutex<Option<CallId>>,
    /// The call-back that a command promises.
    pub(crate) promised: Mutex<Option<CallbackId>>,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            commands: Mutex::default(),
            refusal: Mutex::default(),
            readiness: Mutex::new(Readiness { journal: JournalState::Open, links: Vec::new() }),
            gone: AtomicBool::default(),
            gate: Gate::default(),
            begun: Mutex::default(),
            promised: Mutex::default(),
        }
    }
}

/// Where commands wait while a test holds the daemon up.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    held: watch::Sender<bool>,
    reached: watch::Sender<usize>,
}

impl Gate {
    async fn pass(&self) {
        self.reached.send_modify(|reached| *reached += 1);
        self.held.subscribe().wait_for(|held| !held).await.unwrap();
    }

    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    pub(crate) fn open(&self) {
        self.held.send_replace(false);
    }

    /// Returns once this many commands have come to the gate.
    pub(crate) async fn reached(&self, count: usize) {
        self.reached.subscribe().wait_for(|reached| *reached >= count).await.unwrap();
    }
}

pub(crate) fn agent(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

pub(crate) fn call(id: CallId, owner: &str, withheld: bool) -> Call {
    let leg = |n: u128, role, agent| Leg {
        id: n.into(),
        role,
        address: hookswitch_wire::model::call::Address::new("PJSIP/trunk"),
        number: None,
        agent,
        state: LegState::Connected,
        actions: Vec::new(),
    };
    Call {
        id,
        direction: Direction::Inbound,
        state: CallState::Connected,
        pbx: "hq".parse().unwrap(),
        pbx_ref: "1795288742.51".into(),
        ani: PartyNumber {
            raw: "+49305550001".into(),
            e164: Some("+49305550001".into()),
            withheld,
            name: Some("Carla".into()),
        },
        dnis: PartyNumber { raw: "5003".into(), ..PartyNumber::default() },
        via: None,
        trunk: None,
        queue: Some(QueueId::new("support").unwrap()),
        priority: 0,
        rule: None,
        config_version: 1,
        customer: Customer::none(),
        data: BTreeMap::new(),
        legs: vec![leg(10, LegRole::Customer, None), leg(11, LegRole::Agent, Some(agent(owner)))],
        started_at: hookswitch_wire::model::Timestamp::from_millis(1_795_287_600_000),
        queued_at: None,
        answered_at: None,
        ended_at: None,
    }
}

fn call_json(id: CallId) -> Option<CallJson> {
    let (owner, withheld) = match id {
        ALICES => ("alice", true),
        BOBS => ("bob", false),
        _ => return None,
    };
    let json = serde_json::to_vec(&object::Call::from(&call(id, owner, withheld))).unwrap();
    Some(CallJson { agents: vec![agent(owner)], json: json.into() })
}

fn calls() -> Vec<CallJson> {
    [ALICES, BOBS].into_iter().filter_map(call_json).collect()
}

fn named(kind: &str, name: &str) -> Bytes {
    format!("{{\"{kind}\":\"{name}\"}}").into()
}

impl Daemon {
    fn reply<'a, T: Send + 'a>(&'a self, answer: T) -> Reply<'a, T> {
        Box::pin(async move { if self.gone.load(Ordering::SeqCst) { Err(BackendGone) } else { Ok(answer) } })
    }
}

impl Administration for Daemon {
    fn explain(&self, call: ImaginaryCall) -> Reply<'_, Result<Bytes, Unusable>> {
        let asked = Unusable::Asked { why: "no time".into(), hint: "RFC 3339".into() };
        let answer =
            if call.at.as_deref() == Some("soon") { Err(asked) } else { Ok(named("dnis", &call.dnis)) };
        self.reply(answer)
    }
    fn configuration(&self) -> Reply<'_, Bytes> {
        self.reply(r#"{"version":7,"versions":[]}"#.into())
    }
    fn plan(&self, bundle: Bundle) -> Reply<'_, Result<Bytes, Unusable>> {
        let main = bundle.files().find(|(path, _)| *path == bundle.main()).map(|(_, text)| text.to_owned());
        let loaded = hookswitch_config::load_str("hookswitch.toml", &main.unwrap_or_default());
        self.reply(loaded.map(|_| named("main", "fine")).map_err(Unusable::Problems))
    }
    fn what_if(&self, _: Bundle) -> Reply<'_, Result<Bytes, Unusable>> {
        self.reply(Ok(named("identical", "true")))
    }
    fn apply(&self, bundle: Bundle, by: String) -> Reply<'_, Result<Bytes, Unusable>> {
        self.reply(Ok(named(&by, bundle.main().to_str().unwrap())))
    }
    fn roll_back(&self, by: String) -> Reply<'_, Result<Bytes, Unusable>> {
        self.reply(if by == "admin" { Err(Unusable::Oldest) } else { Ok(Bytes::new()) })
    }
}

impl Backend for Daemon {
    fn contacts(&self) -> Option<&dyn hookswitch_http::Contacts> {
        Some(&crate::contacts::Fake)
    }
    fn snapshot(&self) -> Reply<'_, Snapshot> {
        self.reply(Snapshot {
            sequence: 1234,
            calls: calls(),
            agents: vec![named("id", "alice"), named("id", "bob")],
            queues: vec![named("id", "support")],
            pbx: vec![named("pbx", "hq")],
            callbacks: Vec::new(),
        })
    }
    fn calls(&self) -> Reply<'_, List<CallJson>> {
        self.reply(List { sequence: 1234, items: calls() })
    }
    fn call(&self, id: CallId) -> Reply<'_, Option<CallJson>> {
        self.reply(call_json(id))
    }
    fn why(&self, id: CallId) -> Reply<'_, Option<CallJson>> {
        self.reply(call_json(id).map(|call| CallJson { json: named("rule", "gold customers"), ..call }))
    }
    fn agents(&self) -> Reply<'_, List> {
        self.reply(List { sequence: 1234, items: vec![named("id", "alice"), named("id", "bob")] })
    }
    fn agent(&self, id: AgentId) -> Reply<'_, Option<Bytes>> {
        assert_ne!(id, "fault", "a fault inside");
        let calls = match id.as_str() {
            "alice" => vec![ALICES],
            "bob" => vec![BOBS, CallId::from_bits(3)],
            _ => Vec::new(),
        };
        let json = serde_json::json!({ "id": id, "calls": calls }).to_string();
        self.reply((id == "alice" || id == "bob").then(|| json.into()))
    }
    fn why_idle(&self, id: AgentId) -> Reply<'_, Option<Bytes>> {
        self.reply((id == "alice").then(|| named("agent", "alice")))
    }
    fn queues(&self) -> Reply<'_, List> {
        self.reply(List { sequence: 1234, items: vec![named("id", "support")] })
    }
    fn queue(&self, id: QueueId) -> Reply<'_, Option<Bytes>> {
        self.reply((id == "support").then(|| named("id", "support")))
    }
    fn callbacks(&self, wanted: CallbacksWanted) -> Reply<'_, List> {
        self.reply(List {
            sequence: 1234,
            items: vec![named("asked", &format!("{wanted:?}").replace('"', "'"))],
        })
    }
    fn callback(&self, id: CallbackId) -> Reply<'_, Option<Bytes>> {
        self.reply((id == CallbackId::from_bits(1)).then(|| named("id", &id.to_string())))
    }
    fn command(&self, command: Command) -> Reply<'_, Answer> {
        Box::pin(async move {
            self.gate.pass().await;
            if self.gone.load(Ordering::SeqCst) {
                return Err(BackendGone);
            }
            let id = command.id;
            self.commands.lock().unwrap().push(command);
            let taken = Taken { call: *self.begun.lock().unwrap(), callback: *self.promised.lock().unwrap() };
            let result = self.refusal.lock().unwrap().clone().map_or(Ok(taken), Err);
            Ok(Answer { command: id, result })
        })
    }
    fn webhooks(&self) -> Reply<'_, List> {
        self.reply(List { sequence: 1234, items: vec![named("name", "crm")] })
    }
    fn deliveries(&self, webhook: String) -> Reply<'_, Option<List>> {
        self.reply(
            (webhook == "crm").then(|| List { sequence: 1234, items: vec![named("state", "delivered")] }),
        )
    }
    fn report(&self, wish: ReportWish) -> Reply<'_, Result<Pieces, ReportRefused>> {
        let refused = match wish.interval.as_deref() {
            Some("2h") => Some(ReportRefused::Wrong { what: "interval: \"2h\"".into(), hint: "1h".into() }),
            Some("15m") => Some(ReportRefused::TooLarge { what: "so much".into(), hint: "less".into() }),
            Some("30m") => Some(ReportRefused::Busy),
            _ => None,
        };
        let said = Bytes::from(format!("{:?} {:?}\r\n", wish.subject, wish.form));
        let pieces = || -> Pieces { Box::new([said.clone(), said].into_iter()) };
        self.reply(refused.map_or_else(|| Ok(pieces()), Err))
    }
    fn replay(&self, webhook: String, _: u64) -> Reply<'_, bool> {
        self.reply(webhook == "crm")
    }
    fn administration(&self) -> &dyn Administration {
        self
    }
    fn readiness(&self) -> Readiness {
        self.readiness.lock().unwrap().clone()
    }
    fn metrics(&self) -> String {
        "# TYPE hookswitch_calls_total counter\nhookswitch_calls_total 7\n".into()
    }
}

/// A PBX link for [`Daemon::readiness`].
pub(crate) fn link(name: &str, tried: bool, up: bool) -> LinkReadiness {
    LinkReadiness { name: name.into(), tried, up }
}

fn token(name: &str, role: Role, agent: Option<&str>, in_url: bool) -> Token {
    let agent = agent.map(|agent| AgentId::new(agent).unwrap());
    let hash = TokenHash::of(&format!("{name}-secret"));
    Token { name: name.into(), role, agent, hash, in_url, until: None }
}

/// The tokens of [`TOKENS`], one that may stand in an address, and one origin.
pub(crate) fn access() -> Access {
    Access {
        tokens: vec![
            token("alice", Role::Agent, Some("alice"), false),
            token("bob", Role::Agent, Some("bob"), false),
            token("crm", Role::Crm, None, false),
            token("lead", Role::Supervisor, None, false),
            token("admin", Role::Admin, None, false),
            token("homeless", Role::Agent, None, false),
            token("url", Role::Crm, None, true),
            token("desk", Role::Supervisor, Some("alice"), false),
        ],
        allowed_origins: vec!["https://crm.example.com".into()],
        agents: [("alice", "1001"), ("bob", "1002")]
            .map(|(name, extension)| (agent(name), vec![extension.to_owned()]))
            .into(),
        limits: ServerLimits { token_per_second: 0, address_per_second: 0 },
        ..Access::default()
    }
}

/// A running server. Dropping it stops it.
pub(crate) struct World {
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) journal: Mutex<MemoryJournal>,
    pub(crate) hub: Hub,
    pub(crate) access: watch::Sender<Arc<Access>>,
    /// How many streams are open.
    pub(crate) streams: watch::Receiver<usize>,
    pub(crate) address: SocketAddr,
    /// Told or dropped: the server stops.
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) served: tokio::task::JoinHandle<std::io::Result<()>>,
    /// The time of day in seconds, moved by the test.
    pub(crate) clock: Arc<AtomicU64>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::bounded(limits, Bound::default()).await
    }

    /// With these limits, and readers closed that are further behind than `bound`.
    pub(crate) async fn bounded(limits: Limits, bound: Bound) -> Self {
        crate::log::keep();
        let daemon = Arc::new(Daemon::default());
        let journal = MemoryJournal::new();
        let hub = Hub::with_bound(journal.reader(), bound);
        let (sender, receiver) = watch::channel(Arc::new(access()));
        let backend = Arc::clone(&daemon) as Arc<dyn Backend>;
        let clock = Arc::new(AtomicU64::new(NOW_S));
        let seconds = Arc::clone(&clock);
        let time = Arc::new(move || Timestamp::from_millis(seconds.load(Ordering::SeqCst) * 1_000));
        let state = AppState::with_clock(backend, hub.clone(), receiver, limits, time).unwrap();
        let streams = state.streams();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, state, async {
            stopped.await.ok();
        }));
        let (journal, stop) = (journal.into(), Some(stop));
        Self { daemon, journal, hub, access: sender, streams, address, stop, served, clock }
    }

    pub(crate) fn ask(&self, method: &'static str, path: &str) -> Ask {
        Ask {
            address: self.address,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            version: "HTTP/1.1",
        }
    }

    pub(crate) fn get(&self, path: &str) -> Ask {
        self.ask("GET", path)
    }

    /// Journals these events, one batch, and gives their sequences.
    pub(crate) fn publish(&self, kinds: impl IntoIterator<Item = EventKind>) -> Vec<u64> {
        let mut journal = self.journal.lock().unwrap();
        let first = journal.reader().last() + 1;
        let record = |(seq, kind)| {
            let at = Timestamp::from_millis(1_795_287_600_000 + seq);
            let id = EventId::from_bits(u128::from(seq));
            let event = Event { id, at, pbx: None, recovered: false, action: None, kind };
            let encoded = hookswitch_wire::encode(&event, seq, None);
            Record { kind: Kind::Event, at, meta: Some(encoded.meta), payload: encoded.json }
        };
        let mut batch: Vec<Record> = (first..).zip(kinds).map(record).collect();
        journal.append(&mut batch).unwrap().collect()
    }

    /// Deletes every event there is.
    pub(crate) fn delete_all(&self) {
        let mut journal = self.journal.lock().unwrap();
        let seq = journal.reader().last();
        let end = Timestamp::from_micros(u64::MAX);
        journal.snapshots().save(&journal::Snapshot { seq, at: end, payload: Bytes::new() }).unwrap();
        let retained =
            journal.retain(&Retention { keep_from: end, hold_from: end, max_bytes: None }).unwrap();
        assert_eq!(retained.oldest, seq + 1);
    }

    /// Returns once so many streams are open.
    pub(crate) async fn streams_open(&self, count: usize) {
        self.streams.clone().wait_for(|open| *open == count).await.unwrap();
    }

    /// The command the daemon was last asked to do.
    pub(crate) fn last_command(&self) -> Command {
        self.daemon.commands.lock().unwrap().last().expect("a command came").clone()
    }

    pub(crate) fn commands(&self) -> usize {
        self.daemon.commands.lock().unwrap().len()
    }
}

/// A request that is put together.
#[derive(Clone)]
pub(crate) struct Ask {
    address: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// `HTTP/1.0` has no chunks: a stream is read as it is.
    version: &'static str,
}

impl Ask {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With the token of this name.
    pub(crate) fn token(self, name: &str) -> Self {
        self.header("Authorization", &format!("Bearer {name}-secret"))
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &serde_json::Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    pub(crate) fn http_1_0(mut self) -> Self {
        self.version = "HTTP/1.0";
        self
    }

    /// As a client asks for a WebSocket.
    pub(crate) fn upgrade(self) -> Self {
        self.header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    }

    /// Writes the request and leaves the connection to the caller.
    pub(crate) async fn open(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut head =
            format!("{} {} {}\r\nHost: {}\r\n", self.method, self.path, self.version, self.address);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        if !self.headers.iter().any(|(name, _)| name == "Connection") {
            head += "Connection: close\r\n";
        }
        head += "\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // A server that refuses early may close before it has read all.
        stream.write_all(&self.body).await.ok();
        stream
    }

    pub(crate) async fn send(&self) -> Answered {
        let mut stream = self.open().await;
        let mut bytes = Vec::new();
        // A reset after the answer is the server not waiting for the rest of the request.
        while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) && !Answered::is_whole(&bytes) {}
        Answered::parse(&bytes)
    }

    pub(crate) async fn status(&self) -> u16 {
        self.send().await.status
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    /// Whether all that `Content-Length` announces is there.
    fn is_whole(bytes: &[u8]) -> bool {
        bytes.windows(4).any(|w| w == b"\r\n\r\n") && {
            let answered = Self::parse(bytes);
            let announced = answered.header("content-length").and_then(|length| length.parse::<usize>().ok());
            announced.is_some_and(|length| answered.body.len() >= length)
        }
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Checks that this is a problem of this status and kind in the shape of RFC 9457, and gives it.
    pub(crate) fn problem(&self, status: u16, kind: &str) -> serde_json::Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:hookswitch:problem:{kind}"));
        assert_eq!(problem["status"], status);
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        problem
    }
}
