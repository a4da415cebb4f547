//! Bytes as no good peer sends them: pieces, heaps, rubbish, giants, strangers; calls that lose their ground.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hookswitch_tests::cast::OUTSIDE;
use hookswitch_tests::events::kind;
use hookswitch_tests::phone::message::Message;
use hookswitch_tests::phone::{CallState, Ending};
use libtest_mimic::Trial;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::block_on;
use crate::office::Office;

const PATIENCE: Duration = Duration::from_secs(10);
/// Where the trunk's packets come from, and a stranger's.
const TRUNK: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("raw::a_message_in_single_bytes_is_one_message", || block_on(in_single_bytes())),
        Trial::test("raw::two_messages_in_one_segment_are_two", || block_on(two_in_a_segment())),
        Trial::test("raw::a_ping_of_a_connection_is_answered", || block_on(ping())),
        Trial::test("raw::a_stream_that_is_no_sip_is_closed_and_others_are_served", || block_on(no_sip())),
        Trial::test("raw::a_datagram_larger_than_the_network_carries_at_once_is_read", || block_on(giant())),
        Trial::test("raw::what_is_malformed_is_told_once", || block_on(malformed())),
        Trial::test("raw::rubbish_changes_nothing", || block_on(rubbish())),
        Trial::test("raw::a_connection_that_breaks_in_a_call_keeps_nobody", || block_on(broken_connection())),
        Trial::test("raw::a_registration_that_ends_in_a_call_leaves_it", || block_on(unregistered())),
        Trial::test("raw::a_wrong_password_is_answered_as_an_unknown_name", || block_on(wrong_password())),
        Trial::test("raw::a_large_call_goes_out_by_tcp", || block_on(large())),
        Trial::test("raw::a_large_call_goes_out_by_udp_to_who_refuses_tcp", || block_on(large_refused())),
        Trial::test("raw::a_stranger_hears_the_same_whoever_is_asked_for", || block_on(stranger())),
    ]
}

fn options(from: SocketAddr, transport: &str, number: u32) -> String {
    format!(
        "OPTIONS sip:5003@hookswitch SIP/2.0\r\nVia: SIP/2.0/{transport} {from};rport;branch=z9hG4bK{number}x\r\n\
         Max-Forwards: 70\r\nFrom: <sip:peer@{from}>;tag=1\r\nTo: <sip:5003@hookswitch>\r\nCall-ID: {number}\r\n\
         CSeq: {number} OPTIONS\r\n"
    )
}

async fn connected(office: &Office) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((TRUNK, 0).into())?;
    let stream = socket.connect(office.own.address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until so many responses have come.
async fn responses(stream: &mut TcpStream, wanted: usize) -> Result<Vec<u16>> {
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    loop {
        let statuses: Vec<u16> = text
            .match_indices("SIP/2.0 ")
            .filter_map(|(at, _)| text.get(at + 8..at + 11)?.parse().ok())
            .collect();
        if statuses.len() >= wanted && text.ends_with("\r\n\r\n") {
            return Ok(statuses);
        }
        let read =
            timeout(PATIENCE, stream.read(&mut buffer)).await.with_context(|| format!("only {text}"))??;
        ensure!(read > 0, "closed after {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

async fn in_single_bytes() -> Result<()> {
    let office = Office::open("").await?;
    let mut stream = connected(&office).await?;
    let message = options(stream.local_addr()?, "TCP", 1) + "Content-Length: 4\r\n\r\nbody";
    for byte in message.as_bytes() {
        stream.write_all(&[*byte]).await?;
    }
    ensure!(responses(&mut stream, 1).await? == [200]);
    Ok(())
}

async fn two_in_a_segment() -> Result<()> {
    let office = Office::open("").await?;
    let mut stream = connected(&office).await?;
    let from = stream.local_addr()?;
    let both =
        options(from, "TCP", 1) + "Content-Length: 4\r\n\r\nbody" + &options(from, "TCP", 2) + "l: 0\r\n\r\n";
    stream.write_all(both.as_bytes()).await?;
    ensure!(responses(&mut stream, 2).await? == [200, 200]);
    Ok(())
}

async fn ping() -> Result<()> {
    let office = Office::open("").await?;
    let mut stream = connected(&office).await?;
    stream.write_all(b"\r\n\r\n").await?;
    let mut pong = [0; 2];
    timeout(PATIENCE, stream.read_exact(&mut pong)).await.context("no answer")??;
    ensure!(&pong == b"\r\n");
    Ok(())
}

async fn no_sip() -> Result<()> {
    let office = Office::open("").await?;
    let (mut good, mut bad) = (connected(&office).await?, connected(&office).await?);
    let length = options(bad.local_addr()?, "TCP", 1) + "Content-Length: 99999999\r\n\r\n";
    bad.write_all(length.as_bytes()).await?;
    let mut rest = Vec::new();
    timeout(PATIENCE, bad.read_to_end(&mut rest)).await.context("it stays open")??;
    let message = options(good.local_addr()?, "TCP", 2) + "Content-Length: 0\r\n\r\n";
    good.write_all(message.as_bytes()).await?;
    ensure!(responses(&mut good, 1).await? == [200]);
    Ok(())
}

async fn asked(office: &Office, from: Ipv4Addr, bytes: impl Fn(SocketAddr) -> String) -> Result<Message> {
    let socket = UdpSocket::bind((from, 0)).await?;
    let message = bytes(socket.local_addr()?);
    socket.send_to(message.as_bytes(), office.own.address).await?;
    answer(&socket).await
}

async fn answer(socket: &UdpSocket) -> Result<Message> {
    let mut buffer = vec![0; 65_535];
    let (read, _) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.context("no answer")??;
    Message::parse(&buffer[..read]).context("an answer that is no SIP")
}

async fn giant() -> Result<()> {
    let office = Office::open("").await?;
    let padded = |from| {
        let padding = "X-Padding: ".to_owned() + &"x".repeat(1_000) + "\r\n";
        options(from, "UDP", 1) + &padding.repeat(20) + "Content-Length: 0\r\n\r\n"
    };
    ensure!(asked(&office, TRUNK, padded).await?.status() == Some(200));
    Ok(())
}

async fn malformed() -> Result<()> {
    let office = Office::open("").await?;
    let good = |from| options(from, "UDP", 1) + "Content-Length: 0\r\n\r\n";
    for (what, with) in [
        ("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"),
        ("CSeq: 1 OPTIONS", "CSeq: 99999999999 OPTIONS"),
        ("Call-ID: 1\r\n", ""),
        ("To: <sip:5003@hookswitch>\r\n", ""),
        ("Content-Length: 0", "Content-Length: -1"),
    ] {
        let answer = asked(&office, TRUNK, |from| good(from).replace(what, with)).await;
        let answer = answer.with_context(|| format!("{with:?} for {what:?}"))?;
        ensure!(answer.status() == Some(400), "{with:?} for {what:?}: {}", answer.start_line);
    }
    Ok(())
}

async fn rubbish() -> Result<()> {
    let office = Office::open("").await?;
    let socket = UdpSocket::bind((TRUNK, 0)).await?;
    let from = socket.local_addr()?;
    let good = options(from, "UDP", 7) + "Content-Length: 0\r\n\r\n";
    for length in 0..200 {
        let byte = u8::try_from(length).unwrap_or(0);
        socket.send_to(&vec![byte; length * 11], office.own.address).await?;
        socket.send_to(&good.as_bytes()[..length.min(good.len() - 5)], office.own.address).await?;
    }
    socket.send_to(good.as_bytes(), office.own.address).await?;
    // What was cut after its last mandatory header is a message, and answered too.
    loop {
        let answer = answer(&socket).await?;
        if answer.status() == Some(200) {
            return office.is_idle().await;
        }
    }
}

async fn stranger() -> Result<()> {
    let office = Office::open("").await?;
    let mut heard = Vec::new();
    for whom in ["1001", "1002", "5003", "5999", "nobody"] {
        let invite = |from| {
            let text = options(from, "UDP", 1) + "Contact: <sip:me@127.0.0.3>\r\nContent-Length: 0\r\n\r\n";
            text.replace("OPTIONS", "INVITE").replace("5003", whom)
        };
        let answer = asked(&office, STRANGER, invite).await?;
        ensure!(answer.status().is_some_and(|status| status >= 300), "{}", answer.start_line);
        heard.push(answer.start_line);
    }
    heard.dedup();
    ensure!(heard.len() == 1, "{heard:?}");
    office.is_idle().await
}

/// Byte for byte, but for the name itself and what is drawn anew for each answer.
async fn wrong_password() -> Result<()> {
    let office = Office::open("").await?;
    let socket = UdpSocket::bind((STRANGER, 0)).await?;
    let from = socket.local_addr()?;
    let request = |method: &str, name: &str, number: u32, credentials: &str| {
        let text =
            options(from, "UDP", number).replace("OPTIONS", method).replace("sip:5003@", "sip:hookswitch@");
        text.replace("To: <sip:hookswitch@", &format!("To: <sip:{name}@"))
            .replace(&format!("Call-ID: {number}"), "Call-ID: 7")
            + &format!("Contact: <sip:{name}@{from}>\r\n{credentials}Content-Length: 0\r\n\r\n")
    };
    let mut number = 10;
    for method in ["REGISTER", "INVITE"] {
        let mut heard = Vec::new();
        // One that is, one that is not, as long.
        for name in ["1001", "1999"] {
            number += 10;
            socket.send_to(request(method, name, number, "").as_bytes(), office.own.address).await?;
            let asked = answer(&socket).await?;
            let challenge = asked.header("WWW-Authenticate").context("a challenge")?;
            let part =
                |key: &str| Some(challenge.split(&format!("{key}=\"")).nth(1)?.split('"').next()?.to_owned());
            let (realm, nonce) = part("realm").zip(part("nonce")).context("a realm and a nonce")?;
            let guess = format!(
                "Authorization: Digest username=\"{name}\", realm=\"{realm}\", nonce=\"{nonce}\", \
                 uri=\"sip:hookswitch@hookswitch\", response=\"{}\", algorithm=MD5\r\n",
                "0".repeat(32)
            );
            socket.send_to(request(method, name, number + 1, &guess).as_bytes(), office.own.address).await?;
            let refused = answer(&socket).await?;
            ensure!(refused.status() == Some(401), "{}", refused.start_line);
            let again = refused.header("WWW-Authenticate").context("a challenge")?.to_owned();
            let nonce = again.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next());
            let tag =
                refused.header("To").and_then(|to| to.split("tag=").nth(1)).context("a tag")?.to_owned();
            let text = String::from_utf8(refused.to_bytes())?
                .replace(nonce.context("a nonce")?, "NONCE")
                .replace(&tag, "TAG")
                .replace(name, "NAME");
            let drawn = |line: &&str| !line.starts_with("Via:") && !line.starts_with("CSeq:");
            heard.push((text.lines().filter(drawn).collect::<Vec<_>>().join("\n"), tag.len(), again.len()));
        }
        ensure!(heard[0] == heard[1], "{method}: {heard:#?}");
    }
    office.is_idle().await
}

/// A caller who came by TCP, talks, and whose connection breaks: the agent hangs up, and everything is over.
async fn broken_connection() -> Result<()> {
    let office = Office::open("").await?;
    let telephone = office.telephone_of("A").await?;
    let mut stream = connected(&office).await?;
    let from = stream.local_addr()?;
    let voice =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let invite = options(from, "TCP", 1).replace("OPTIONS", "INVITE")
        + &format!("Contact: <sip:{from};transport=tcp>\r\nContent-Type: application/sdp\r\n")
        + &format!("Content-Length: {}\r\n\r\n{voice}", voice.len());
    stream.write_all(invite.as_bytes()).await?;
    let rings = telephone.next_call().await?;
    rings.answer().await?;
    let to = answered_to(&mut stream).await?;
    let ack = options(from, "TCP", 2).replace("OPTIONS", "ACK").replace("To: <sip:5003@hookswitch>", &to)
        + "Content-Length: 0\r\n\r\n";
    let ack = ack.replace("Call-ID: 2", "Call-ID: 1").replace("CSeq: 2", "CSeq: 1");
    stream.write_all(ack.as_bytes()).await?;
    office.see("the answer", |event| kind(event) == "call.answered").await?;
    drop(stream);
    rings.hang_up().await?;
    ensure!(office.ends(1).await? == ["answered"]);
    office.is_idle().await
}

/// The `To` of a 200.
async fn answered_to(stream: &mut TcpStream) -> Result<String> {
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    loop {
        let answer =
            text.split("SIP/2.0 ").find(|answer| answer.starts_with("200") && answer.contains("\r\n\r\n"));
        if let Some(to) = answer.and_then(|answer| answer.lines().find(|line| line.starts_with("To: "))) {
            return Ok(to.to_owned());
        }
        let read =
            timeout(PATIENCE, stream.read(&mut buffer)).await.with_context(|| format!("only {text}"))??;
        ensure!(read > 0, "closed after {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

/// Alice's phone is registered no more while she talks: she talks on, and is rung no more.
async fn unregistered() -> Result<()> {
    let office = Office::open("").await?;
    let (telephone, trunk) = (office.telephone_of("A").await?, office.trunk().await?);
    let call = trunk.call("5003").await?;
    let rings = telephone.next_call().await?;
    rings.answer().await?;
    call.wait_up().await?;
    telephone.unregister().await?;
    ensure!(rings.state() == CallState::Up && call.state() == CallState::Up, "the call is over");
    call.hang_up().await?;
    ensure!(office.ends(1).await? == ["answered"]);
    let next = trunk.call("5003").await?;
    next.wait_ringing().await?;
    ensure!(telephone.waiting_call().await.is_none(), "alice is rung");
    next.hang_up().await?;
    ensure!(office.ends(2).await? == ["answered", "abandoned"]);
    office.is_idle().await
}

/// Headers that make a call larger than a datagram should be.
fn heavy() -> Vec<(&'static str, String)> {
    ["X-One", "X-Two", "X-Three"].map(|name| (name, "x".repeat(500))).into()
}

async fn large() -> Result<()> {
    let office = Office::open("").await?;
    let carrier = TcpListener::bind(office.own.trunk).await?;
    let telephone = office.telephone_of("A").await?;
    let from = format!("sip:1001@{}", telephone.address().ip());
    let heavy = heavy();
    let headers: Vec<_> = heavy.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let call = telephone.call_as(OUTSIDE, &from, &headers).await?;
    let (mut stream, _) = timeout(PATIENCE, carrier.accept()).await.context("nobody connects")??;
    let invite = message(&mut stream).await?;
    ensure!(invite.method() == "INVITE" && invite.header("X-Three").is_some(), "{}", invite.start_line);
    let via = invite.header("Via").context("a Via")?;
    ensure!(via.starts_with("SIP/2.0/TCP "), "{via}");
    ensure!(invite.to_bytes().len() > 1_300, "it is not large");
    stream.write_all(&invite.response(486, "Busy Here", "carrier").to_bytes()).await?;
    let ack = message(&mut stream).await?;
    ensure!(ack.method() == "ACK", "{}", ack.start_line);
    ensure!(call.wait_ended().await? == Ending::Refused(486));
    office.is_idle().await
}

async fn large_refused() -> Result<()> {
    let office = Office::open("").await?;
    let (telephone, carrier) = (office.telephone_of("A").await?, office.trunk().await?);
    let from = format!("sip:1001@{}", telephone.address().ip());
    let heavy = heavy();
    let headers: Vec<_> = heavy.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let call = telephone.call_as(OUTSIDE, &from, &headers).await?;
    carrier.next_call().await?.answer().await?;
    call.wait_up().await?;
    call.hang_up().await?;
    ensure!(office.ends(1).await? == ["answered"]);
    office.is_idle().await
}

/// The next message of a stream that sends one at a time.
async fn message(stream: &mut TcpStream) -> Result<Message> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8_192]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                return Message::parse(&bytes).with_context(|| format!("no SIP: {text}"));
            }
        }
        let read = timeout(PATIENCE, stream.read(&mut buffer)).await.context("no message")??;
        ensure!(read > 0, "closed");
        bytes.extend_from_slice(&buffer[..read]);
    }
}
