//! Many agents at their desktops at once: some are pages in real Chromium, the others clients that do what the page does.
//! Each caller is handed to one agent, and lets it ring until the agent's screen shows who calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use hookswitch_sim::{CallIn, Pbx, PbxConfig, Sim};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::daemon::{Daemon, token};
use crate::events::{Reader, kind, text};
use crate::http::Api;

/// How long anything of this may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a client reads at once, in bytes.
const READ: usize = 8 * 1024;
/// The phone of the first agent; the others' numbers follow.
const FIRST_PHONE: usize = 2_000;

/// Who sits there, and who calls.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Agents who are signed in at a page in Chromium.
    pub pages: usize,
    /// Agents who are signed in at a client of the same interface.
    pub clients: usize,
    /// Callers for each page.
    pub calls_to_page: usize,
    /// Callers for each client.
    pub calls_to_client: usize,
    /// Callers that come in a second.
    pub per_second: u32,
}

/// How long it took until a screen showed who calls.
#[derive(Debug, Clone, Copy)]
pub struct Pop {
    /// Since the caller came to the PBX: who it is for was asked and answered, too.
    pub since_arrival: Duration,
    /// Since the PBX rang the agent's phone.
    pub since_ring: Duration,
}

/// How long it took, call by call.
#[derive(Debug, Default)]
pub struct Took {
    /// Until the caller's card was painted, of calls to pages.
    pub painted: Vec<Pop>,
    /// Until the pop had arrived, of calls to clients.
    pub arrived: Vec<Pop>,
}

/// What the screens have shown, by the caller's number.
#[derive(Debug, Default)]
struct Shown {
    /// Pops that came to a client, and whose it is: of any agent's, not only its own.
    arrived: BTreeMap<String, Vec<(String, SystemTime)>>,
    /// Cards that were painted, and whose page it is.
    painted: BTreeMap<String, Vec<(String, SystemTime)>>,
    /// `screen.popped`: on whose screen, as the daemon has it.
    popped: BTreeMap<String, Vec<String>>,
    /// `call.ended`: the agent can be called again.
    ended: BTreeSet<String>,
}

impl Shown {
    /// When the first screen showed this caller; none before the daemon has heard of it, too.
    fn at(&self, ani: &str, on_page: bool) -> Option<SystemTime> {
        let screens = if on_page { &self.painted } else { &self.arrived };
        self.popped.get(ani)?;
        screens.get(ani)?.first().map(|(_, at)| *at)
    }
}

/// Has everybody called as planned.
///
/// # Errors
/// When a caller is not shown on exactly the one screen it is for, exactly once, or something fails.
pub async fn run(plan: Plan) -> Result<Took> {
    let mut office = Office::open(plan).await?;
    let shown = watch::Sender::<Shown>::default();
    let api = office.daemon.api();
    let reader = Reader::websocket(&api, "types=screen.popped,call.ended").await?;
    let mut desktops = JoinSet::new();
    for place in plan.pages..plan.pages + plan.clients {
        let (api, shown) = (api.with_token(Some(&agent(place))), shown.clone());
        let (socket, _) = sign_in(&api).await?;
        desktops.spawn(async move { desktop(&api, socket, &agent(place), &shown).await });
    }
    let mut pages = Pages::open(&office.daemon, plan.pages).await?;
    let outcome = async {
        tokio::select! {
            took = office.calls(&shown) => took,
            error = follow(&reader, &shown) => Err(error),
            error = pages.watch(&shown) => Err(error),
            Some(desktop) = desktops.join_next() => Err(desktop?.err().context("a client left")?),
        }
    };
    let took = outcome.await.with_context(|| format!("daemon:\n{}", office.daemon.log()))?;
    pages.close().await?;
    once_each(&office.destinations(), &shown.borrow())?;
    desktops.shutdown().await;
    office.daemon.stop().await?;
    Ok(took)
}

/// Every caller was shown on the one screen, once, and the daemon knows it.
fn once_each(destinations: &[usize], shown: &Shown) -> Result<()> {
    for (number, place) in destinations.iter().enumerate() {
        let ani = caller(number);
        let who = |screens: &BTreeMap<String, Vec<(String, SystemTime)>>| {
            let seen = screens.get(&ani).into_iter().flatten();
            seen.map(|(agent, _)| agent.clone()).collect::<Vec<_>>()
        };
        let screens = [who(&shown.arrived), who(&shown.painted)].concat();
        ensure!(screens == [agent(*place)], "{ani} for {} was seen by {screens:?}", agent(*place));
        let popped = shown.popped.get(&ani);
        ensure!(popped.is_some_and(|on| *on == [agent(*place)]), "{ani} for {}: {popped:?}", agent(*place));
    }
    Ok(())
}

fn agent(place: usize) -> String {
    format!("agent{place}")
}

fn phone(place: usize) -> usize {
    FIRST_PHONE + place
}

fn caller(number: usize) -> String {
    format!("+4930{:07}", 5_000_000 + number)
}

/// The PBX, the daemon, and whom each caller is for.
struct Office {
    plan: Plan,
    daemon: Daemon,
    sim: Sim,
}

impl Office {
    async fn open(plan: Plan) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut daemon = Daemon::prepare(&configuration(plan, listener.local_addr()?.port())?)?;
        let dialplan = daemon.command(&["dialplan"]).await?;
        ensure!(dialplan.status.success(), "dialplan: {}", String::from_utf8_lossy(&dialplan.stderr));
        let mut world = PbxConfig::lab_with_generated(7, &String::from_utf8(dialplan.stdout)?)?;
        world = world.with_phones(u32::try_from(FIRST_PHONE)?, u32::try_from(plan.pages + plan.clients)?);
        // What the PBX takes to answer is not what is asked here.
        (world.answer_wait, world.latency) = (0, (0, 0));
        let sim = hookswitch_sim::serve(listener, |now| Pbx::new(world, now))?;
        daemon.launch().await?;
        daemon.wait_links_up().await?;
        Ok(Self { plan, daemon, sim })
    }

    /// The place each caller is for. Callers for pages come spread among the others.
    fn destinations(&self) -> Vec<usize> {
        let Plan { pages, clients, calls_to_page, calls_to_client, .. } = self.plan;
        let round = |first: usize, places: usize, calls: usize| {
            let all = places * calls;
            (0..all).map(move |number| ((2 * number + 1) * 1_000_000 / (2 * all), first + number % places))
        };
        let mut all: Vec<_> =
            round(0, pages, calls_to_page).chain(round(pages, clients, calls_to_client)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, place)| place).collect()
    }

    /// Lets everybody call at a steady rate, whatever becomes of those before.
    async fn calls(&self, shown: &watch::Sender<Shown>) -> Result<Took> {
        let mut clock = interval(Duration::from_secs(1) / self.plan.per_second);
        let free: Vec<_> =
            (0..self.plan.pages + self.plan.clients).map(|_| Arc::<Mutex<()>>::default()).collect();
        let mut calls = JoinSet::new();
        for (number, place) in self.destinations().into_iter().enumerate() {
            clock.tick().await;
            let (sim, on_page, free) = (self.sim.clone(), place < self.plan.pages, Arc::clone(&free[place]));
            let shown = shown.subscribe();
            calls.spawn(async move {
                // Who is for an agent that is busy would wait for the agent, not for the screen.
                let _free = free.lock().await;
                anyhow::Ok((on_page, call(&sim, number, place, on_page, shown).await?))
            });
        }
        let mut took = Took::default();
        while let Some(call) = calls.join_next().await {
            let (on_page, after) = call??;
            if on_page { took.painted.push(after) } else { took.arrived.push(after) }
        }
        Ok(took)
    }
}

/// Rings until the screen shows who calls, then gives up.
async fn call(
    sim: &Sim,
    number: usize,
    place: usize,
    on_page: bool,
    mut shown: watch::Receiver<Shown>,
) -> Result<Pop> {
    let ani = caller(number);
    let begun = SystemTime::now();
    let leg = sim.call_in(CallIn::new(&ani, format!("6{place:03}")));
    let phone = phone(place).to_string();
    let rings = sim.until(|pbx| pbx.ringing_leg(&phone).map(|_| pbx.now()));
    let rings = timeout(PATIENCE, rings).await.with_context(|| format!("{phone} does not ring for {ani}"))?;
    let at = {
        let seen = timeout(PATIENCE, shown.wait_for(|shown| shown.at(&ani, on_page).is_some())).await;
        let seen = seen.with_context(|| format!("{ani} for {} is not shown", agent(place)))??;
        seen.at(&ani, on_page).context("it is shown")?
    };
    sim.hang_up(leg);
    let ended = timeout(PATIENCE, shown.wait_for(|shown| shown.ended.contains(&ani))).await;
    drop(ended.with_context(|| format!("{ani} for {} does not end", agent(place)))??);
    Ok(Pop {
        since_arrival: at.duration_since(begun).context("shown before it began: the clocks differ")?,
        // A screen may be told by what the PBX says just before.
        since_ring: at.duration_since(UNIX_EPOCH + Duration::from_micros(rings)).unwrap_or_default(),
    })
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// As the page does it: whose token, the whole state, then every event behind it. The state is kept, as there.
async fn sign_in(api: &Api) -> Result<(Socket, Value)> {
    api.post("/v1/session", &json!({})).await?;
    let snapshot = api.get("/v1/snapshot").await?;
    let after = text(&snapshot, "/sequence").context("a sequence")?;
    let mut request = format!("ws://{}/v1/events?after={after}", api.address()).into_client_request()?;
    let token = api.token().context("a token")?;
    request.headers_mut().insert("Authorization", format!("Bearer {token}").parse()?);
    // Two hundred clients that clear 128 KiB before each event would take the pages' time.
    let small = WebSocketConfig::default().read_buffer_size(READ);
    let (socket, _) = connect_async_with_config(request, Some(small), true).await?;
    Ok((socket, snapshot))
}

/// Takes every event, claims what pops for its agent, and tells that it is shown.
async fn desktop(api: &Api, mut socket: Socket, own: &str, shown: &watch::Sender<Shown>) -> Result<()> {
    while let Some(frame) = socket.next().await {
        let event: Value = match serde_json::from_slice(&frame?.into_data()) {
            Ok(event) => event,
            // A ping.
            Err(_) => continue,
        };
        if kind(&event) != "screen.pop" {
            continue;
        }
        let at = SystemTime::now();
        let (pop, ani) = (text(&event, "/data/pop/id"), text(&event, "/data/call/ani/e164"));
        let (pop, ani) = (pop.context("a pop")?, ani.context("a caller")?.to_owned());
        shown.send_modify(|shown| shown.arrived.entry(ani).or_default().push((own.to_owned(), at)));
        if text(&event, "/data/pop/agent") == Some(own) {
            api.post(&format!("/v1/pops/{pop}/claim"), &json!({ "client": own })).await?;
            let path = format!("/v1/pops/{pop}/shown");
            let reply = api.request(reqwest::Method::POST, &path, Some(&json!({ "client": own }))).await?;
            ensure!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.body);
        }
    }
    anyhow::bail!("the stream of {own} ended")
}

/// Keeps what the daemon tells was shown and has ended, until it tells nothing more.
async fn follow(reader: &Reader, shown: &watch::Sender<Shown>) -> anyhow::Error {
    let mut mark = 0;
    loop {
        let told = |event: &Value| matches!(kind(event), "screen.popped" | "call.ended");
        let (next, event) = match reader.find_after(mark, "what is shown", told).await {
            Ok(found) => found,
            Err(error) => return error,
        };
        mark = next;
        let field = |pointer| text(&event, pointer).unwrap_or_default().to_owned();
        let (ani, agent) = (field("/data/call/ani/e164"), field("/data/pop/agent"));
        shown.send_modify(|shown| match kind(&event) {
            "call.ended" => drop(shown.ended.insert(ani)),
            _ => shown.popped.entry(ani).or_default().push(agent),
        });
    }
}

/// Pages in Chromium, driven by `tests/browser/desktops.mjs`.
struct Pages {
    node: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Pages {
    /// Signs everybody in, and waits until they are.
    async fn open(daemon: &Daemon, pages: usize) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tokens: Vec<String> = (0..pages).map(agent).collect();
        let mut node = Command::new("node")
            .arg(root.join("browser/desktops.mjs"))
            .env("URL", format!("http://{}", daemon.api().address()))
            .env("TOKENS", tokens.join(" "))
            .env("PEERS", root.join("../target/test-peers/browser"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("Node is needed: apt-get install nodejs npm")?;
        let lines = BufReader::new(node.stdout.take().context("its standard output")?).lines();
        let mut pages = Self { node, lines };
        for said in ["ready", "live"] {
            let line = timeout(PATIENCE, pages.lines.next_line()).await;
            let line = line.with_context(|| format!("the pages are not {said}"))??;
            ensure!(line.as_deref() == Some(said), "{line:?}: {}", pages.errors().await?);
        }
        Ok(pages)
    }

    /// Keeps what they paint: `painted AGENT NUMBER MILLISECONDS`.
    async fn watch(&mut self, shown: &watch::Sender<Shown>) -> anyhow::Error {
        while let Ok(Some(line)) = self.lines.next_line().await {
            let words: Vec<&str> = line.split(' ').collect();
            let ["painted", agent, ani, at] = words[..] else {
                return anyhow::anyhow!("the pages say {line}");
            };
            let Ok(at) = at.parse() else { return anyhow::anyhow!("no time in {line}") };
            let seen = (agent.to_owned(), UNIX_EPOCH + Duration::from_millis(at));
            shown.send_modify(|shown| shown.painted.entry(ani.to_owned()).or_default().push(seen));
        }
        self.errors().await.map_or_else(|error| error, anyhow::Error::msg)
    }

    /// Has them checked and closed.
    async fn close(mut self) -> Result<()> {
        drop(self.node.stdin.take());
        let status = timeout(PATIENCE, self.node.wait()).await.context("the pages do not close")??;
        ensure!(status.success(), "{status}: {}", self.errors().await?);
        Ok(())
    }

    async fn errors(&mut self) -> Result<String> {
        let mut said = String::new();
        if let Some(mut stderr) = self.node.stderr.take() {
            timeout(PATIENCE, stderr.read_to_string(&mut said)).await??;
        }
        Ok(said)
    }
}

/// Each agent has a number of one's own, a phone and a token.
fn configuration(plan: Plan, port: u16) -> Result<String> {
    let mut text = format!(
        "[server.limits]\ntoken_per_second = 0\naddress_per_second = 0\n\n[numbers]\ncountry = \"DE\"\n\n\
         [[pbx]]\nname = \"hq\"\nkind = \"asterisk\"\naddress = \"127.0.0.1:{port}\"\nusername = \"hookswitch\"\n\
         secret = \"hookswitch\"\nmode = \"route\"\nfallback = {{ goto = \"from-internal,600,1\" }}\n\n\
         [crm]\npop = {{ none = \"https://crm.example.com/new?tel={{{{ ani.e164 | urlencode }}}}\" }}\n\n"
    );
    for place in 0..plan.pages + plan.clients {
        let (id, phone) = (agent(place), phone(place));
        text += &token(&id, "agent", Some(&id));
        write!(
            text,
            "[[agent]]\nid = \"{id}\"\npbx = \"hq\"\ndevices = [\"PJSIP/{phone}\"]\nstart = \"ready\"\n\n\
             [[route]]\nname = \"{id}\"\nwhen = 'dnis == \"6{place:03}\"'\nagent = \"{id}\"\n\n"
        )?;
    }
    Ok(text)
}
