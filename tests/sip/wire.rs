//! Ways to Hookswitch: phones by WebSocket and by TLS, trunks by the records of their names.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use hookswitch_tests::cast::SIP_PASSWORD;
use hookswitch_tests::daemon::Daemon;
use hookswitch_tests::phone::Phone;
use hookswitch_tests::phone::message::{Message, uri};
use hookswitch_tests::ports::free_port;
use libtest_mimic::Trial;
use md5::{Digest as _, Md5};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{
    Error, Message as Frame, client::IntoClientRequest as _, http::HeaderValue,
};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::block_on;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("wire::two_phones_call_each_other_by_websocket", || block_on(called("ws"))),
        Trial::test("wire::two_phones_call_each_other_by_websocket_and_tls", || block_on(called("wss"))),
        Trial::test("wire::two_phones_call_each_other_by_tls", || block_on(called("tls"))),
        Trial::test("wire::a_websocket_that_does_not_speak_sip_is_refused", || block_on(not_sip())),
        Trial::test("wire::a_certificate_of_nobody_is_not_spoken_to", || block_on(unknown_certificate())),
        Trial::test(
            "wire::a_trunk_whose_first_server_is_dead_is_reached_by_its_next",
            || block_on(by_name()),
        ),
    ]
}

/// alice and bob, reached this way.
fn configuration(transport: &str, here: SocketAddr, folder: &Path) -> String {
    let tls = match transport {
        "tls" | "wss" => {
            format!("tls = {{ cert = \"{0}/cert.pem\", key = \"{0}/key.pem\" }}\n", folder.display())
        }
        _ => String::new(),
    };
    let agent = |id: &str, extension: &str| {
        format!(
            "[[agent]]\nid = \"{id}\"\nextension = \"{extension}\"\ndevices = [\"sip:{id}\"]\n\
             sip_password = \"{SIP_PASSWORD}\"\nstart = \"ready\"\n\n"
        )
    };
    format!(
        "[[pbx]]\nname = \"edge\"\nkind = \"sip\"\nlisten = [\"{transport}:{here}\"]\n{tls}\n{}{}",
        agent("alice", "1001"),
        agent("bob", "1002")
    )
}

/// A certificate for 127.0.0.1 that vouches for itself, and its key.
fn certify(folder: &Path) -> Result<()> {
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
                     -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
                     -keyout key.pem -out cert.pem";
    let output = std::process::Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, and how messages stand in it.
enum Wire {
    Frames(Box<WebSocketStream<Box<dyn Stream>>>),
    Stream(Box<dyn Stream>, String),
}

async fn tls(stream: TcpStream, folder: &Path) -> Result<Box<dyn Stream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("cert.pem"))?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1")?;
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

async fn websocket(
    stream: Box<dyn Stream>,
    protocol: &'static str,
) -> Result<WebSocketStream<Box<dyn Stream>>, Error> {
    let mut request = "ws://127.0.0.1/".into_client_request()?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(protocol));
    let (socket, response) = client_async(request, stream).await?;
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], protocol);
    Ok(socket)
}

impl Wire {
    async fn open(transport: &str, server: SocketAddr, folder: &Path) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        let stream: Box<dyn Stream> = match transport {
            "tls" | "wss" => tls(stream, folder).await?,
            _ => Box::new(stream),
        };
        Ok(match transport {
            "ws" | "wss" => Self::Frames(Box::new(websocket(stream, "sip").await?)),
            _ => Self::Stream(stream, String::new()),
        })
    }

    async fn send(&mut self, message: &Message) -> Result<()> {
        match self {
            Self::Frames(socket) => {
                let text = String::from_utf8(message.to_bytes())?;
                socket.send(Frame::text(text)).await?;
            }
            Self::Stream(stream, _) => {
                stream.write_all(&message.to_bytes()).await?;
                stream.flush().await?;
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Message> {
        loop {
            let bytes = match self {
                Self::Frames(socket) => match socket.next().await.context("closed")?? {
                    Frame::Text(text) => text.as_bytes().to_vec(),
                    Frame::Binary(bytes) => bytes.to_vec(),
                    Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_) => continue,
                    Frame::Close(frame) => bail!("closed: {frame:?}"),
                },
                Self::Stream(stream, pending) => whole(stream, pending).await?,
            };
            if let Some(message) = Message::parse(&bytes) {
                return Ok(message);
            }
        }
    }
}

/// The next message of a stream, by its Content-Length.
async fn whole(stream: &mut Box<dyn Stream>, pending: &mut String) -> Result<Vec<u8>> {
    loop {
        if let Some(head) = pending.find("\r\n\r\n") {
            let length = pending[..head].lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let end = head + 4 + length.context("a length")?.trim().parse::<usize>()?;
            if pending.len() >= end {
                let rest = pending.split_off(end);
                return Ok(std::mem::replace(pending, rest).into_bytes());
            }
        }
        let mut buffer = [0; 8_192];
        let read = stream.read(&mut buffer).await?;
        ensure!(read > 0, "closed");
        pending.push_str(std::str::from_utf8(&buffer[..read])?);
    }
}

/// A phone at the end of a connection; what it says of itself leads nowhere, as in a browser.
struct Device {
    wire: Wire,
    user: &'static str,
    transport: &'static str,
    sent: u32,
}

impl Device {
    async fn registered(
        user: &'static str,
        transport: &'static str,
        server: SocketAddr,
        folder: &Path,
    ) -> Result<Self> {
        let wire = Wire::open(transport, server, folder).await?;
        let mut device = Self { wire, user, transport, sent: 0 };
        let to = format!("<sip:{user}@hookswitch>");
        let request = device.request("REGISTER", "sip:hookswitch", &to).with("Expires", "600");
        let answer = device.granted(&request).await?;
        ensure!(answer.status() == Some(200), "{}", answer.start_line);
        Ok(device)
    }

    fn via(&mut self) -> String {
        self.sent += 1;
        let Self { user, transport, sent, .. } = self;
        format!("SIP/2.0/{} {user}.invalid;branch=z9hG4bK{user}{sent}", transport.to_uppercase())
    }

    fn request(&mut self, method: &str, target: &str, to: &str) -> Message {
        let via = self.via();
        let Self { user, transport, sent, .. } = self;
        Message::new(format!("{method} {target} SIP/2.0"))
            .with("Via", via)
            .with("Max-Forwards", "70")
            .with("From", format!("<sip:{user}@hookswitch>;tag={user}"))
            .with("To", to)
            .with("Call-ID", format!("{user}-{method}"))
            .with("CSeq", format!("{sent} {method}"))
            .with("Contact", format!("<sip:{user}@{user}.invalid;transport={transport}>"))
    }

    /// Asks, and gives the password when asked for it; the first answer that is neither that nor a 100.
    async fn granted(&mut self, request: &Message) -> Result<Message> {
        self.wire.send(request).await?;
        let challenged = self.answer().await?;
        let (asks, answers) = match challenged.status() {
            Some(401) => ("WWW-Authenticate", "Authorization"),
            Some(407) => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return Ok(challenged),
        };
        if request.method() == "INVITE" {
            let ack = acknowledging(request, &challenged);
            self.wire.send(&ack).await?;
        }
        let challenge = challenged.header(asks).context("a challenge")?;
        let credentials = credentials(challenge, self.user, request)?;
        let via = self.via();
        let again = request.again(&via, self.sent).with(answers, credentials);
        self.wire.send(&again).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Message> {
        loop {
            let message = timeout(PATIENCE, self.wire.next()).await.context("no answer")??;
            if message.status().is_some_and(|status| status != 100) {
                return Ok(message);
            }
        }
    }

    async fn asked(&mut self, method: &str) -> Result<Message> {
        let message = timeout(PATIENCE, self.wire.next()).await.with_context(|| format!("no {method}"))??;
        ensure!(message.status().is_none() && message.method() == method, "{}", message.start_line);
        Ok(message)
    }
}

/// The ACK of a refusal, in its transaction.
fn acknowledging(invite: &Message, answer: &Message) -> Message {
    let copied = |name: &str| invite.header(name).unwrap_or_default().to_owned();
    Message::new(invite.start_line.replacen("INVITE", "ACK", 1))
        .with("Via", copied("Via"))
        .with("Max-Forwards", "70")
        .with("From", copied("From"))
        .with("To", answer.header("To").unwrap_or_default())
        .with("Call-ID", copied("Call-ID"))
        .with("CSeq", format!("{} ACK", invite.cseq()))
}

/// RFC 2617 with `qop=auth`.
fn credentials(challenge: &str, user: &str, request: &Message) -> Result<String> {
    let part = |name: &str| {
        let found = challenge.trim_start_matches("Digest ").split(',').find_map(|part| {
            let (key, value) = part.trim().split_once('=')?;
            (key == name).then(|| value.trim_matches('"').to_owned())
        });
        found.with_context(|| format!("{name} in {challenge}"))
    };
    let hex = |text: String| -> String {
        Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let (realm, nonce) = (part("realm")?, part("nonce")?);
    let mut words = request.start_line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let secret = hex(format!("{user}:{realm}:{SIP_PASSWORD}"));
    let what = hex(format!("{method}:{target}"));
    let response = hex(format!("{secret}:{nonce}:00000001:c:auth:{what}"));
    Ok(format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{target}\", qop=auth, \
         nc=00000001, cnonce=\"c\", response=\"{response}\", algorithm=MD5"
    ))
}

/// A session as a browser describes it: what of it matters to the ends alone must arrive.
fn session(user: &str, port: u16) -> String {
    format!(
        "v=0\r\no={user} 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
         m=audio {port} UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\n\
         a=ice-ufrag:{user}\r\na=ice-pwd:{user}{user}{user}{user}{user}{user}\r\n\
         a=fingerprint:sha-256 {user}:AA:BB\r\na=setup:actpass\r\na=rtcp-mux\r\na=sendrecv\r\n"
    )
}

async fn called(transport: &'static str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    if transport != "ws" {
        certify(folder.path())?;
    }
    let here = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut daemon = Daemon::start(&configuration(transport, here, folder.path())).await?;
    daemon.wait_links_up().await?;
    let mut alice = Device::registered("alice", transport, here, folder.path()).await?;
    let mut bob = Device::registered("bob", transport, here, folder.path()).await?;

    let invite = alice
        .request("INVITE", "sip:1002@hookswitch", "<sip:1002@hookswitch>")
        .with_body("application/sdp", session("alice", 9));
    let (answered, rung) = tokio::join!(alice.granted(&invite), async {
        let invite = bob.asked("INVITE").await?;
        ensure!(invite.body.contains("a=fingerprint:sha-256 alice:AA:BB"), "{}", invite.body);
        ensure!(invite.body.contains("UDP/TLS/RTP/SAVPF") && invite.body.contains("a=ice-ufrag:alice"));
        let contact = format!("<sip:bob@bob.invalid;transport={transport}>");
        bob.wire.send(&invite.response(180, "Ringing", "b").with("Contact", &*contact)).await?;
        let answer = invite.response(200, "OK", "b").with("Contact", contact);
        bob.wire.send(&answer.with_body("application/sdp", session("bob", 9))).await?;
        bob.asked("ACK").await?;
        anyhow::Ok(invite)
    });
    // What came between.
    let mut answer = answered.with_context(|| daemon.log())?;
    let unacknowledged = rung;
    while answer.status().is_some_and(|status| status < 200) {
        answer = alice.answer().await?;
    }
    drop(unacknowledged);
    ensure!(answer.status() == Some(200), "{}\n{}", answer.start_line, daemon.log());
    ensure!(answer.body.contains("a=fingerprint:sha-256 bob:AA:BB"), "{}", answer.body);
    let target = uri(answer.header("Contact").context("a Contact")?).to_owned();
    let to = answer.header("To").context("a To")?.to_owned();
    let inside = |device: &mut Device, method: &str, number: u32| {
        let via = device.via();
        Message::new(format!("{method} {target} SIP/2.0"))
            .with("Via", via)
            .with("Max-Forwards", "70")
            .with("From", "<sip:alice@hookswitch>;tag=alice")
            .with("To", &*to)
            .with("Call-ID", "alice-INVITE")
            .with("CSeq", format!("{number} {method}"))
    };
    let ack = inside(&mut alice, "ACK", answer.cseq());
    alice.wire.send(&ack).await?;
    let bye = inside(&mut alice, "BYE", answer.cseq() + 1);
    alice.wire.send(&bye).await?;
    let ended = loop {
        let message = timeout(PATIENCE, bob.wire.next()).await.context("no BYE")??;
        if message.status().is_none() && message.method() == "BYE" {
            break message;
        }
    };
    bob.wire.send(&ended.response(200, "OK", "b")).await?;
    loop {
        let answer = alice.answer().await?;
        if answer.header("CSeq").is_some_and(|cseq| cseq.ends_with("BYE")) {
            ensure!(answer.status() == Some(200), "{}", answer.start_line);
            return Ok(());
        }
    }
}

async fn not_sip() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut daemon = Daemon::start(&configuration("ws", here, folder.path())).await?;
    daemon.wait_links_up().await?;
    match websocket(Box::new(TcpStream::connect(here).await?), "chat").await {
        Err(Error::Http(response)) => ensure!(response.status() == 400, "{response:?}"),
        Err(other) => bail!("{other:?}"),
        Ok(_) => bail!("a chat is served"),
    }
    // Rubbish ends its own connection and nobody else's.
    let mut bad = websocket(Box::new(TcpStream::connect(here).await?), "sip").await?;
    bad.send(Frame::text("x".repeat(100_000))).await?;
    while let Some(Ok(_)) = timeout(PATIENCE, bad.next()).await.context("it stays open")? {}
    Device::registered("alice", "ws", here, folder.path()).await.map(drop)
}

async fn unknown_certificate() -> Result<()> {
    let (folder, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    certify(folder.path())?;
    certify(other.path())?;
    let here = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut daemon = Daemon::start(&configuration("tls", here, folder.path())).await?;
    daemon.wait_links_up().await?;
    ensure!(Wire::open("tls", here, other.path()).await.is_err(), "a certificate nobody vouches for");
    // In the clear nobody is spoken to, and the port goes on to serve.
    let mut plain = TcpStream::connect(here).await?;
    plain.write_all(b"OPTIONS sip:x SIP/2.0\r\n\r\n").await?;
    let mut rest = Vec::new();
    // An alert, or the end of the connection.
    let _ = timeout(PATIENCE, plain.read_to_end(&mut rest)).await.context("it stays open")?;
    ensure!(!rest.starts_with(b"SIP/"), "{rest:?}");
    Device::registered("alice", "tls", here, folder.path()).await.map(drop)
}

/// A name server that knows one name; counts what it was asked.
async fn name_server(dead: SocketAddr, live: SocketAddr) -> Result<(SocketAddr, watch::Receiver<usize>)> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
    let address = socket.local_addr()?;
    let (asked, count) = watch::channel(0);
    tokio::spawn(async move {
        let mut buffer = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let Some((name, kind, end)) = question(&buffer[..length]) else { continue };
            let mut records: Vec<(u16, Vec<u8>)> = Vec::new();
            match (&*name, kind) {
                // The light one of the lower priority is dead.
                ("_sip._udp.carrier.test", 33) => {
                    records.push((33, server(20, 10, live.port(), "live.carrier.test")));
                    records.push((33, server(10, 1, dead.port(), "dead.carrier.test")));
                }
                ("live.carrier.test", 1) => records.push((1, ip(live))),
                ("dead.carrier.test", 1) => records.push((1, ip(dead))),
                _ => {}
            }
            let mut answer = buffer[..2].to_vec();
            let count = u8::try_from(records.len()).unwrap_or(0);
            answer.extend([0x85, 0x80, 0, 1, 0, count, 0, 0, 0, 0]);
            answer.extend(&buffer[12..end]);
            for (kind, data) in records {
                answer.extend([0xc0, 12, 0, u8::try_from(kind).unwrap_or(0), 0, 1, 0, 0, 0, 60, 0]);
                answer.push(u8::try_from(data.len()).unwrap_or(0));
                answer.extend(data);
            }
            let _ = socket.send_to(&answer, from).await;
            if name == "live.carrier.test" && kind == 1 {
                asked.send_modify(|count| *count += 1);
            }
        }
    });
    Ok((address, count))
}

/// Name, type and end of the question of a query.
fn question(query: &[u8]) -> Option<(String, u16, usize)> {
    let (mut at, mut labels) = (12, Vec::new());
    while *query.get(at)? > 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(query.get(at + 1..=at + length)?).to_lowercase());
        at += length + 1;
    }
    let kind = u16::from_be_bytes([*query.get(at + 1)?, *query.get(at + 2)?]);
    Some((labels.join("."), kind, at + 5))
}

fn server(priority: u16, weight: u16, port: u16, target: &str) -> Vec<u8> {
    let mut data: Vec<u8> = [priority, weight, port].iter().flat_map(|number| number.to_be_bytes()).collect();
    for label in target.split('.') {
        data.push(u8::try_from(label.len()).unwrap_or(0));
        data.extend(label.as_bytes());
    }
    data.push(0);
    data
}

fn ip(address: SocketAddr) -> Vec<u8> {
    match address.ip() {
        std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
        std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

async fn by_name() -> Result<()> {
    let here = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let dead = SocketAddr::from(([127, 0, 0, 4], free_port()));
    let live = SocketAddr::from(([127, 0, 0, 2], free_port()));
    let (names, mut resolved) = name_server(dead, live).await?;
    let mut daemon = Daemon::start(&format!(
        r#"[numbers]
country = "DE"
outbound_allow = ["+49"]

[[pbx]]
name = "edge"
kind = "sip"
listen = ["udp:{here}"]
name_servers = ["{names}"]
trunks = [{{ name = "carrier", from = ["127.0.0.2/32"], address = "sip:carrier.test" }}]

[[agent]]
id = "alice"
devices = ["sip:1001"]
sip_password = "{SIP_PASSWORD}"
start = "ready"
"#
    ))
    .await?;
    daemon.wait_links_up().await?;
    timeout(PATIENCE, resolved.wait_for(|count| *count > 0)).await.context("no name is asked for")??;
    let trunk = Phone::unregistered("trunk", live, here).await?;
    let alice = Phone::with_password("1001", SIP_PASSWORD, here).await?;
    let story = || daemon.log();
    let call = alice.call("+49305550001").await.with_context(story)?;
    let rings = trunk.next_call().await.with_context(story)?;
    rings.answer().await?;
    call.wait_up().await.with_context(story)?;
    call.hang_up().await?;
    rings.wait_ended().await.with_context(story).map(drop)
}
