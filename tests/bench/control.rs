//! From an HTTP request to the bytes of the AMI action, durable in between, at a steady rate on loopback.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{BufRead, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use hookswitch_tests::daemon::Daemon;
use serde_json::json;
use tokio::{task::JoinSet, time::interval};

use crate::stream::log_in;

const RATE: u32 = 200;
const SECONDS: u32 = 10;

/// When the PBX was asked to ring each device.
type Seen = Arc<Mutex<HashMap<String, Instant>>>;

/// Click-to-dial, each by another agent, whose device the PBX is asked to ring.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(control())
}

async fn control() -> anyhow::Result<()> {
    let seen = Seen::default();
    let port = serve(Arc::clone(&seen))?;
    let mut daemon = Daemon::start(&configuration(port)?).await?;
    daemon.wait_links_up().await?;
    let api = daemon.api();
    let mut clock = interval(Duration::from_secs(1) / RATE);
    let mut asked = JoinSet::new();
    for agent in 0..RATE * SECONDS {
        clock.tick().await;
        let api = api.clone();
        asked.spawn(async move {
            let begun = Instant::now();
            let body = json!({ "agent": format!("a{agent}"), "to": "9000" });
            api.post("/v1/calls", &body).await?;
            anyhow::Ok((device(agent), begun, begun.elapsed()))
        });
    }
    let (mut to_answer, mut begun) = (Vec::new(), Vec::new());
    while let Some(answered) = asked.join_next().await {
        let (device, at, took) = answered??;
        to_answer.push(took);
        begun.push((device, at));
    }
    let to_pbx = wait_all(&seen, &begun)?;
    println!("\nHTTP request to AMI bytes, durable, {RATE} requests/s for {SECONDS} s on loopback, ms");
    print("to the PBX", to_pbx);
    print("to the answer", to_answer);
    daemon.stop().await?;
    Ok(())
}

/// How long each took; fails when an action has not come in ten seconds.
fn wait_all(seen: &Seen, begun: &[(String, Instant)]) -> anyhow::Result<Vec<Duration>> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let took: Option<Vec<Duration>> =
            begun.iter().map(|(device, at)| Some(seen.get(device)?.saturating_duration_since(*at))).collect();
        if let Some(took) = took {
            return Ok(took);
        }
        ensure!(Instant::now() < deadline, "{} of {} actions came", seen.len(), begun.len());
        drop(seen);
        thread::yield_now();
    }
}

fn print(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    println!(
        "  {what:<14} p50 {:.2}   p90 {:.2}   p99 {:.2}   max {:.2}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

fn device(agent: u32) -> String {
    format!("PJSIP/{}", 20_000 + agent)
}

/// As many agents as there are requests, so that each of them is free.
fn configuration(port: u16) -> anyhow::Result<String> {
    let mut text = format!(
        "[server.limits]\ntoken_per_second = 0\naddress_per_second = 0\n\n[numbers]\nextensions = [\"9000\"]\n\n\
         [[pbx]]\nname = \"bench\"\nkind = \"asterisk\"\n\
         address = \"127.0.0.1:{port}\"\nusername = \"u\"\nsecret = \"s\"\nmode = \"route\"\n\
         fallback = {{ goto = \"from-internal,600,1\" }}\n\n"
    );
    for agent in 0..RATE * SECONDS {
        let device = device(agent);
        write!(text, "[[agent]]\nid = \"a{agent}\"\ndevices = [\"{device}\"]\nstart = \"ready\"\n\n")?;
    }
    Ok(text)
}

/// A PBX that logs in, answers every action, and notes when each `Originate` came.
fn serve(seen: Seen) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            // A daemon that stops closes its link.
            thread::spawn(move || log_in(&socket).and_then(|()| talk(&socket, &seen)));
        }
    });
    Ok(port)
}

fn talk(socket: &TcpStream, seen: &Seen) -> std::io::Result<()> {
    let mut out = socket;
    let mut headers: HashMap<String, String> = HashMap::new();
    for line in BufReader::new(socket).lines() {
        let line = line?;
        if let Some((key, value)) = line.split_once(':') {
            let (key, value) = (key.to_ascii_lowercase(), value.trim().to_owned());
            if key == "variable"
                && let Some((_, device)) = value.split_once("HS_RING=")
            {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.entry(device.to_owned()).or_insert_with(Instant::now);
            }
            headers.insert(key, value);
            continue;
        }
        let id = headers.get("actionid").cloned().unwrap_or_default();
        let complete = match headers.get("action").map(String::as_str) {
            Some("CoreShowChannels") => Some("CoreShowChannelsComplete"),
            Some("BridgeList") => Some("BridgeListComplete"),
            Some("QueueStatus") => Some("QueueStatusComplete"),
            Some("PJSIPShowContacts") => Some("ContactListComplete"),
            Some("PJSIPShowEndpoints") => Some("EndpointListComplete"),
            Some("DeviceStateList") => Some("DeviceStateListComplete"),
            _ => None,
        };
        let mut text = format!("Response: Success\r\nActionID: {id}\r\n\r\n");
        if let Some(complete) = complete {
            text += &format!(
                "Event: {complete}\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: 0\r\n\r\n"
            );
        }
        out.write_all(text.as_bytes())?;
        headers.clear();
    }
    Ok(())
}
