//! SIPVicious, what strangers on the Internet scan with: it learns that a SIP server is there, and nothing else.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::SIP_PASSWORD;
use hookswitch_tests::phone::Phone;
use hookswitch_tests::phone::message::Message;
use hookswitch_tests::ports::free_port;
use libtest_mimic::Trial;
use tokio::net::UdpSocket;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::block_on;
use crate::office::Office;

/// Where strangers scan from.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const PATIENCE: Duration = Duration::from_secs(120);
/// A refusal that nobody acknowledges would be repeated after 0.5, 1 and 2 s (RFC 3261 timer G).
const REPEATS: Duration = Duration::from_millis(3_700);

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("scans::svmap_learns_that_a_server_is_there", || block_on(mapped())),
        Trial::test("scans::svcrack_finds_what_is_tried_at_once", || block_on(cracked(3, true))),
        Trial::test("scans::svcrack_is_locked_out_before_it_finds_a_password", || {
            block_on(cracked(30, false))
        }),
        Trial::test("scans::a_stranger_is_never_answered_with_more_than_he_sent", || block_on(amplified())),
    ];
    for method in ["REGISTER", "OPTIONS", "INVITE"] {
        let name = format!("scans::svwar_finds_nobody_by_{}", method.to_lowercase());
        trials.push(Trial::test(name, move || block_on(enumerated(method))));
    }
    trials
}

/// Passes datagrams between one stranger and the daemon, and counts.
struct Relay {
    address: SocketAddr,
    counted: Arc<Mutex<Counted>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default, Clone)]
struct Counted {
    bytes_in: usize,
    bytes_out: usize,
    requests: usize,
    /// Status lines and the names of headers of answers, without what differs by the request.
    answers: BTreeSet<String>,
}

impl Relay {
    async fn to(server: SocketAddr) -> Result<Self> {
        let front = UdpSocket::bind((STRANGER, free_port())).await?;
        let back = UdpSocket::bind((STRANGER, free_port())).await?;
        let address = front.local_addr()?;
        let counted = Arc::new(Mutex::new(Counted::default()));
        let task = tokio::spawn(pass((front, back), server, Arc::clone(&counted)));
        Ok(Self { address, counted, task })
    }

    fn counted(&self) -> Counted {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass((front, back): (UdpSocket, UdpSocket), server: SocketAddr, counted: Arc<Mutex<Counted>>) {
    let (mut asked, mut answered) = (vec![0; 65_535], vec![0; 65_535]);
    let mut stranger = None;
    loop {
        tokio::select! {
            Ok((length, from)) = front.recv_from(&mut asked) => {
                stranger = Some(from);
                let _ = back.send_to(&asked[..length], server).await;
                let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
                counted.bytes_in += length;
                counted.requests += 1;
            }
            Ok((length, _)) = back.recv_from(&mut answered) => {
                let bytes = &answered[..length];
                if let Some(stranger) = stranger {
                    let _ = front.send_to(bytes, stranger).await;
                }
                let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
                counted.bytes_out += length;
                counted.answers.insert(shape(bytes));
            }
        }
    }
}

/// What could tell one user from another: the status line, and which headers there are.
fn shape(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let names: Vec<&str> = lines.filter_map(|line| Some(line.split_once(':')?.0)).collect();
    format!("{status} [{}]", names.join(" "))
}

/// Runs a scanner; what it wrote.
///
/// Not every scanner of them sends from the address it is told to: the relay does.
async fn scan(program: &str, arguments: &[&str], target: SocketAddr) -> Result<String> {
    let home = tempfile::tempdir()?;
    let local = free_port().to_string();
    let output = Command::new(program)
        .args(["-b", &STRANGER.to_string(), "-P", &local, "-p", &target.port().to_string()])
        .args(arguments)
        .arg(target.ip().to_string())
        // It keeps its sessions there.
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, output).await.context("it does not end")?;
    let output = output.with_context(|| format!("{program} (tests/sip/peers.sh installs it)"))?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The daemon has not died, and serves who may be served.
async fn still_serves(office: &Office) -> Result<()> {
    ensure!(!office.daemon.log().contains("panicked"), "{}", office.daemon.log());
    office.is_idle().await?;
    Phone::with_password("1002", SIP_PASSWORD, office.own.address).await.map(drop)
}

async fn mapped() -> Result<()> {
    let office = Office::open("").await?;
    let found = scan("svmap", &[], office.own.address).await?;
    ensure!(found.contains(&office.own.address.to_string()), "{found}");
    let version = env!("CARGO_PKG_VERSION");
    ensure!(!found.to_lowercase().contains("hookswitch") && !found.contains(version), "{found}");
    still_serves(&office).await
}

async fn enumerated(method: &str) -> Result<()> {
    let office = Office::open("").await?;
    let relay = Relay::to(office.own.address).await?;
    // 1001 to 1005 are users, 5003 is a queue's number.
    let range = ["--force", "-e", "995-1010,5000-5005", "-m", method];
    let found = scan("svwar", &range, relay.address).await?;
    ensure!(found.contains("found nothing"), "{found}");
    for number in 995..1_010 {
        ensure!(!found.contains(&format!("| {number} ")), "{found}");
    }
    let counted = relay.counted();
    ensure!(counted.requests > 1 && counted.answers.len() == 1, "{counted:?}");
    still_serves(&office).await
}

/// Tries a number of wrong passwords, and then the right one.
async fn cracked(wrong: usize, found: bool) -> Result<()> {
    let office = Office::open("").await?;
    let folder = tempfile::tempdir()?;
    let words = folder.path().join("words");
    let guesses: String = (0..wrong).map(|guess| format!("guess{guess}\n")).collect();
    std::fs::write(&words, guesses + SIP_PASSWORD + "\n")?;
    let words = words.to_string_lossy().into_owned();
    let relay = Relay::to(office.own.address).await?;
    let said = scan("svcrack", &["-u", "1001", "-d", &words], relay.address).await?;
    ensure!(said.contains(SIP_PASSWORD) == found, "{said}");
    // The phone of that user, who lives elsewhere, is none of the stranger's business.
    Phone::with_password("1001", SIP_PASSWORD, office.own.address).await?;
    still_serves(&office).await
}

async fn amplified() -> Result<()> {
    let office = Office::open("").await?;
    for method in ["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "BYE", "ACK", "NONSENSE"] {
        let socket = UdpSocket::bind((STRANGER, free_port())).await?;
        let from = socket.local_addr()?;
        // As short as a stranger can make them.
        let request = format!(
            "{method} sip:1001@h SIP/2.0\r\nv:SIP/2.0/UDP {from};branch=z9hG4bK{method}\r\nf:<sip:a@h>;tag=1\r\n\
             t:<sip:1001@h>\r\ni:{method}\r\nCSeq:1 {method}\r\nm:<sip:a@{from}>\r\nMax-Forwards:9\r\n\r\n"
        );
        socket.send_to(request.as_bytes(), office.own.address).await?;
        // That nothing more comes is only known when its time has passed.
        let until = Instant::now() + REPEATS;
        let (mut answers, mut bytes) = (0, 0);
        let mut buffer = vec![0; 65_535];
        while let Ok(received) = timeout_at(until, socket.recv_from(&mut buffer)).await {
            let (length, _) = received?;
            ensure!(Message::parse(&buffer[..length]).is_some(), "an answer that is no SIP");
            (answers, bytes) = (answers + 1, bytes + length);
        }
        let expected = usize::from(method != "ACK");
        ensure!(answers == expected, "{answers} answers to {method}");
        ensure!(bytes <= request.len() * 3, "{bytes} for {} to {method}", request.len());
    }
    still_serves(&office).await
}
