//! Lines of another PBX that are only watched: a real Asterisk's by its hints, and a PBX that wants to do harm.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use hookswitch_tests::asterisk::{Asterisk, Options, Version, skipped};
use hookswitch_tests::daemon::Daemon;
use hookswitch_tests::events::{Reader, kind, text};
use hookswitch_tests::phone::Phone;
use hookswitch_tests::phone::message::{Message, uri};
use hookswitch_tests::ports::free_port;
use libtest_mimic::Trial;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, timeout};

use crate::block_on;

/// For what another program does in its own time.
const PATIENCE: Duration = Duration::from_secs(60);
/// The modules that tell of hints; the lab's Asterisk does without them otherwise.
const MODULES: [&str; 3] =
    ["res_pjsip_outbound_publish", "res_pjsip_exten_state", "res_pjsip_dialog_info_body_generator"];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("watch::calls_of_an_asterisk_are_seen_by_its_hints_alone", || {
            if skipped() { Ok(()) } else { block_on(by_hints()) }
        }),
        Trial::test("watch::what_a_pbx_tells_wrongly_changes_nothing_and_is_asked_again", || {
            block_on(told_wrongly())
        }),
    ]
}

/// alice and bob have phones of the other PBX, which Hookswitch only watches.
fn configuration(here: SocketAddr, pbx: SocketAddr) -> String {
    format!(
        r#"[[pbx]]
name = "edge"
kind = "sip"
listen = ["udp:{here}"]
trunks = [{{ name = "office", from = ["{ip}"], address = "sip:{pbx}", outside = false, watch = true }}]

[[agent]]
id = "alice"
devices = ["sip:1001@office"]
start = "ready"

[[agent]]
id = "bob"
devices = ["sip:1002@office"]
start = "ready"
"#,
        ip = pbx.ip(),
    )
}

/// Waits until a device is told to be so.
async fn device_is(daemon: &Daemon, agent: &str, state: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = daemon.api().get(&format!("/v1/agents/{agent}")).await?;
        if told["devices"][0]["state"] == state {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{agent}'s device is not {state}: {told:#}\ndaemon:\n{}", daemon.log());
        }
        // A device's state is no event: ask again.
        sleep(Duration::from_millis(50)).await;
    }
}

async fn by_hints() -> Result<()> {
    let hints = "[from-trunk](+)\nexten => 1001,hint,PJSIP/1001\nexten => 1002,hint,PJSIP/1002\n";
    let options = Options { dialplan: hints.to_owned(), ..Options::default() };
    let asterisk = Asterisk::start(Version::V22, options).await?;
    for module in MODULES {
        let said = asterisk.cli(&format!("module load {module}.so")).await?;
        ensure!(said.contains("Loaded"), "{module}: {said}");
    }
    let alice = Phone::registered("1001", asterisk.sip()).await?;
    let bob = Phone::registered("1002", asterisk.sip()).await?;
    let customer = Phone::registered("1003", asterisk.sip()).await?;
    let mut daemon = Daemon::start(&configuration(asterisk.trunk(), asterisk.sip())).await?;
    daemon.wait_links_up().await?;
    let reader = Reader::websocket(&daemon.api(), "after=0").await?;
    for agent in ["alice", "bob"] {
        device_is(&daemon, agent, "idle").await?;
    }
    let story = || format!("events:\n{}\ndaemon:\n{}", reader.story(), daemon.log());

    // Somebody nobody watches calls alice.
    let call = customer.call("1001").await?;
    let rings = alice.next_call().await.with_context(story)?;
    let offered =
        reader.wait("call.offered", |event| kind(event) == "call.offered").await.with_context(story)?;
    ensure!(text(&offered, "/data/offer/agent") == Some("alice"), "{offered:#}");
    ensure!(text(&offered, "/data/call/ani/raw") == Some("1003"), "{offered:#}");
    ensure!(text(&offered, "/data/call/direction") == Some("inbound"), "{offered:#}");
    rings.answer().await?;
    call.wait_up().await?;
    let answered =
        reader.wait("call.answered", |event| kind(event) == "call.answered").await.with_context(story)?;
    let legs =
        answered.pointer("/data/call/legs").and_then(serde_json::Value::as_array).context("its legs")?;
    let offers = |leg: &&serde_json::Value| leg["actions"] != serde_json::json!([]);
    ensure!(legs.len() == 2 && !legs.iter().any(|leg| offers(&leg)), "it can only be watched: {legs:#?}");
    reader
        .wait("alice talks", |event| {
            kind(event) == "agent.state" && text(event, "/data/to") == Some("talking")
        })
        .await
        .with_context(story)?;
    rings.hang_up().await?;
    let ended = reader.wait("call.ended", |event| kind(event) == "call.ended").await.with_context(story)?;
    let ledger = &ended["data"]["ledger"];
    ensure!(ledger["disposition"] == "answered", "{ledger:#}");
    ensure!(ledger["handled_by"] == serde_json::json!(["alice"]), "{ledger:#}");
    call.wait_ended().await?;

    // bob calls alice, who does not answer: one internal call, missed.
    let mark = reader.mark();
    let call = bob.call("1001").await?;
    let rings = alice.next_call().await.with_context(story)?;
    let offered = reader.wait_after(mark, "call.offered", |event| kind(event) == "call.offered").await;
    let offered = offered.with_context(story)?;
    ensure!(text(&offered, "/data/call/direction") == Some("internal"), "{offered:#}");
    ensure!(text(&offered, "/data/call/ani/raw") == Some("1002"), "{offered:#}");
    call.hang_up().await?;
    rings.wait_ended().await?;
    let ended = reader.wait_after(mark, "call.ended", |event| kind(event) == "call.ended").await;
    let ended = ended.with_context(story)?;
    ensure!(ended["data"]["ledger"]["disposition"] == "missed", "{ended:#}");
    let began = reader.events().iter().filter(|event| kind(event) == "call.started").count();
    ensure!(began == 2, "two calls, not {began}: {}", story());
    for agent in ["alice", "bob"] {
        device_is(&daemon, agent, "idle").await?;
    }
    Ok(())
}

/// A PBX of the test's own: it takes subscriptions.
struct Pbx {
    socket: UdpSocket,
    cseq: u32,
}

impl Pbx {
    /// The next SUBSCRIBE of a line, answered. Repeats of one that was answered before are passed over.
    async fn subscribed(&self, line: &str, not: Option<&str>) -> Result<(Message, SocketAddr)> {
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, from) = timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await??;
            let Some(message) = Message::parse(&buffer[..length]) else { continue };
            if message.method() != "SUBSCRIBE" || message.status().is_some() {
                continue;
            }
            let answer = message.response(200, "OK", "pbx").with("Expires", "600");
            let contact = format!("<sip:pbx@{}>", self.socket.local_addr()?);
            self.socket.send_to(&answer.with("Contact", contact).to_bytes(), from).await?;
            if message.start_line.contains(line) && not != Some(message.branch()) {
                return Ok((message, from));
            }
        }
    }

    /// Tells something under a subscription; the status that it gets.
    async fn tell(
        &mut self,
        (subscribe, to): &(Message, SocketAddr),
        state: &str,
        body: &str,
    ) -> Result<u16> {
        self.cseq += 1;
        let (cseq, here) = (self.cseq, self.socket.local_addr()?);
        let remote = uri(subscribe.header("Contact").context("a Contact")?);
        let notify = Message::new(format!("NOTIFY {remote} SIP/2.0"))
            .with("Via", format!("SIP/2.0/UDP {here};branch=z9hG4bKn{cseq}"))
            .with("Max-Forwards", "70")
            .with("From", format!("{};tag=pbx", subscribe.header("To").context("a To")?))
            .with("To", subscribe.header("From").context("a From")?)
            .with("Call-ID", subscribe.call_id())
            .with("CSeq", format!("{cseq} NOTIFY"))
            .with("Contact", format!("<sip:pbx@{here}>"))
            .with("Event", "dialog")
            .with("Subscription-State", state)
            .with_body("application/dialog-info+xml", body);
        self.socket.send_to(&notify.to_bytes(), to).await?;
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, from) = timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await??;
            let Some(answer) = Message::parse(&buffer[..length]) else { continue };
            match answer.status() {
                Some(status) if answer.cseq() == cseq => return Ok(status),
                Some(_) => {}
                // Another line's subscription, or a repeat.
                None => {
                    let granted = answer.response(200, "OK", "pbx").with("Expires", "600");
                    let contact = format!("<sip:pbx@{here}>");
                    self.socket.send_to(&granted.with("Contact", contact).to_bytes(), from).await?;
                }
            }
        }
    }
}

fn document(version: u32, inside: &str) -> String {
    format!(
        "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{version}\" state=\"full\" \
         entity=\"sip:1001@office\">{inside}</dialog-info>"
    )
}

async fn told_wrongly() -> Result<()> {
    let here = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let socket = UdpSocket::bind(("127.0.0.2", 0)).await?;
    let mut pbx = Pbx { cseq: 1, socket };
    let mut daemon = Daemon::start(&configuration(here, pbx.socket.local_addr()?)).await?;
    daemon.wait_links_up().await?;
    let reader = Reader::websocket(&daemon.api(), "after=0").await?;
    let subscription = pbx.subscribed("1001", None).await?;
    let caller = "<remote><identity>sip:030555@office</identity></remote>";
    let early = format!("<dialog id=\"1\" direction=\"recipient\">{caller}<state>early</state></dialog>");

    ensure!(pbx.tell(&subscription, "active", &document(0, "")).await? == 200);
    device_is(&daemon, "alice", "idle").await?;
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    let deep = "<a>".repeat(5_000);
    let many = early.repeat(500);
    for body in [
        format!("{bomb}{}", document(1, &early.replace("030555", "&b;"))),
        document(1, &deep),
        document(1, &many),
        document(1, "<dialog id=\"1\"><state>&b;</state></dialog>"),
        document(1, &early)[..120].to_owned(),
        "\u{0}\u{1}rubbish".to_owned(),
    ] {
        let status = pbx.tell(&subscription, "active", &body).await?;
        ensure!(status == 400, "{status} for {:.80}", body);
    }
    ensure!(pbx.tell(&subscription, "nonsense", &document(1, &early)).await? == 400);
    let mut stranger = subscription.clone();
    stranger.0 = Message::parse(
        String::from_utf8_lossy(&subscription.0.to_bytes()).replace("tag=", "tag=0").as_bytes(),
    )
    .context("a message")?;
    ensure!(pbx.tell(&stranger, "active", &document(1, &early)).await? == 481);
    ensure!(reader.events().iter().all(|event| !kind(event).starts_with("call.")), "{}", reader.story());

    // What could not be read is asked for as a whole; then the truth is believed.
    let again = pbx.subscribed("sip:", Some(subscription.0.branch())).await?;
    ensure!(again.0.tag("To").is_some(), "it is refreshed: {}", again.0.start_line);
    ensure!(pbx.tell(&subscription, "active", &document(2, &early)).await? == 200);
    let offered = reader.wait("call.offered", |event| kind(event) == "call.offered").await?;
    ensure!(text(&offered, "/data/call/ani/raw") == Some("030555"), "{offered:#}");
    // The PBX restarts: the subscription is made anew, and what ended meanwhile is told as recovered.
    ensure!(pbx.tell(&subscription, "terminated;reason=deactivated", "").await? == 200);
    let anew = loop {
        let next = pbx.subscribed("1001@", None).await?;
        if next.0.call_id() != subscription.0.call_id() {
            break next;
        }
    };
    ensure!(pbx.tell(&anew, "active", &document(0, "")).await? == 200);
    let ended = reader.wait("call.ended", |event| kind(event) == "call.ended").await?;
    ensure!(ended["recovered"] == true, "{ended:#}");
    Ok(())
}
