//! From a PBX event to the WebSocket frame, durable in between, at a steady rate on loopback.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use hookswitch_tests::daemon::{ADMIN, Daemon};
use serde_json::Value;
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};

use crate::pbx;

const RATE: u32 = 2_000;
const SECONDS: u32 = 10;

/// Stamps events with the time they are sent at, and reads the stamp off the frame.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(latency())
}

async fn latency() -> anyhow::Result<()> {
    let origin = Instant::now();
    let (start, started) = std::sync::mpsc::channel::<()>();
    let started = std::sync::Mutex::new(started);
    let port = pbx::serve(move |socket| {
        let wait = started.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if wait.recv().is_ok() { send(socket, origin) } else { Ok(()) }
    })?;
    let mut daemon = Daemon::start(&pbx::configuration(port)).await?;
    daemon.wait_links_up().await?;
    let url = format!("ws://{}/v1/events?types=call.data", daemon.api().address());
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("Authorization", format!("Bearer {ADMIN}").parse()?);
    let (mut socket, _) = connect_async(request).await?;
    socket.next().await.context("no hello")??;
    start.send(())?;
    let wanted = (RATE * SECONDS) as usize;
    let mut took = Vec::with_capacity(wanted);
    while took.len() < wanted {
        let frame = tokio::time::timeout(Duration::from_secs(20), socket.next())
            .await?
            .context("the stream ended")??;
        let now = origin.elapsed().as_micros() as u64;
        let event: Value = serde_json::from_slice(&frame.into_data())?;
        let stamp: u64 = event["data"]["changed"]["stamp"].as_str().context("no stamp")?.parse()?;
        took.push(now.saturating_sub(stamp));
    }
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize] as f64 / 1_000.0;
    println!("\nPBX event to WebSocket frame, durable, {RATE} events/s for {SECONDS} s on loopback, ms");
    println!("  p50 {:.2}   p90 {:.2}   p99 {:.2}   max {:.2}", at(0.5), at(0.9), at(0.99), at(1.0));
    ensure!(took.len() == wanted, "events were lost");
    daemon.stop().await?;
    Ok(())
}

/// One waiting call, and data on it `RATE` times a second.
fn send(mut socket: TcpStream, origin: Instant) -> std::io::Result<()> {
    const CHANNEL: &str = "Channel: PJSIP/trunk-00000001\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: +49305550001\r\n\
        CallerIDName: <unknown>\r\nConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\n\
        Context: from-trunk\r\nExten: 5001\r\nPriority: 1\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n";
    write!(socket, "Event: Newchannel\r\nPrivilege: call,all\r\n{CHANNEL}\r\n")?;
    let begun = Instant::now();
    for number in 0..RATE * SECONDS {
        let due = begun + Duration::from_secs(1) / RATE * number;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let stamp = origin.elapsed().as_micros();
        write!(
            socket,
            "Event: UserEvent\r\nPrivilege: user,all\r\n{CHANNEL}UserEvent: HookswitchData\r\nstamp: {stamp}\r\n\r\n"
        )?;
    }
    // The daemon closes when it has been told to stop.
    std::io::Read::read(&mut socket, &mut [0]).map(drop)
}
