//! The little media a PBX needs to see: G.711 silence every 20 ms, and digits.
//!
//! Asterisk waits for media in `Answer()`, optimises Local channels away only while frames flow, and hears
//! feature codes in them (RFC 4733).

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{self, MissedTickBehavior};

const PACKET: Duration = Duration::from_millis(20);
const SAMPLES_A_PACKET: u32 = 160;
/// Bytes of an RTP header.
const HEADER: usize = 12;
const PCMU: u8 = 0;
const TELEPHONE_EVENT: u8 = 101;
/// Packets of one digit: five that grow, three that end it (RFC 4733 section 2.5.1.4).
const TONE_PACKETS: u8 = 8;
const GAP_PACKETS: u8 = 6;

/// The media of one call; stops when dropped.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) port: u16,
    shared: Arc<Mutex<Shared>>,
    /// The first samples of packets that came in, each change once.
    pub(super) heard: watch::Receiver<Vec<u8>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    to: Option<SocketAddr>,
    digits: VecDeque<char>,
    all_sent: Option<oneshot::Sender<()>>,
}

impl Media {
    pub(super) async fn start(ip: Ipv4Addr) -> std::io::Result<Self> {
        let socket = UdpSocket::bind((ip, 0)).await?;
        let port = socket.local_addr()?.port();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (hears, heard) = watch::channel(Vec::new());
        let task = tokio::spawn(stream(socket, Arc::clone(&shared), hears));
        Ok(Self { port, shared, heard, task })
    }

    /// Where to send: `c=` and `m=audio` of an SDP (RFC 4566); silent towards a port of 0.
    pub(super) fn follow(&self, sdp: &str) {
        let ip = sdp.lines().find_map(|line| line.strip_prefix("c=IN IP4 ")?.trim().parse::<Ipv4Addr>().ok());
        let port = sdp
            .lines()
            .find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()?.parse::<u16>().ok());
        if let (Some(ip), Some(port)) = (ip, port) {
            self.lock().to = (port != 0).then(|| (ip, port).into());
        }
    }

    /// Sends digits; the receiver hears when the last is out, or (an error) that the call is over.
    pub(super) fn press(&self, digits: &str) -> oneshot::Receiver<()> {
        let (all_sent, done) = oneshot::channel();
        let mut shared = self.lock();
        shared.digits.extend(digits.chars());
        shared.all_sent = Some(all_sent);
        done
    }

    /// No more packets: the call is over. Digits on their way are lost, as on a telephone.
    pub(super) fn stop(&self) {
        self.task.abort();
        self.lock().all_sent = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.stop();
    }
}

/// State of the outgoing stream (RFC 3550 section 5.1).
#[derive(Debug, Default)]
struct Outgoing {
    sequence: u16,
    timestamp: u32,
    /// The digit being sent: its event code, packets sent, timestamp of its start.
    tone: Option<(u8, u8, u32)>,
}

async fn stream(socket: UdpSocket, shared: Arc<Mutex<Shared>>, hears: watch::Sender<Vec<u8>>) {
    let mut ticks = time::interval(PACKET);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outgoing = Outgoing::default();
    let mut incoming = [0; 512];
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Ok((length, _)) = socket.recv_from(&mut incoming) => {
                let packet = &incoming[..length];
                if packet.get(1).is_some_and(|kind| kind & 0x7f == PCMU) && packet.len() > HEADER {
                    let sample = packet[HEADER];
                    hears.send_if_modified(|heard| {
                        let changes = heard.last() != Some(&sample);
                        heard.extend(changes.then_some(sample));
                        changes
                    });
                }
                continue;
            }
        }
        let (to, packet) = {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(to) = shared.to else { continue };
            (to, outgoing.next_packet(&mut shared))
        };
        // The far end may have closed its port already: media is allowed to get lost.
        let _ = socket.send_to(&packet, to).await;
    }
}

impl Outgoing {
    fn next_packet(&mut self, shared: &mut Shared) -> Vec<u8> {
        if self.tone.is_none() {
            if let Some(code) = shared.digits.pop_front().and_then(event_code) {
                self.tone = Some((code, 0, self.timestamp));
            } else if let Some(all_sent) = shared.all_sent.take() {
                let _ = all_sent.send(());
            }
        }
        let packet = match self.tone {
            Some((code, sent, start)) if sent < TONE_PACKETS => {
                self.tone = Some((code, sent + 1, start));
                let end = if sent >= TONE_PACKETS - 3 { 0x80 } else { 0 };
                let duration = u16::from(sent.min(TONE_PACKETS - 3) + 1) * 160;
                let [high, low] = duration.to_be_bytes();
                let marker = if sent == 0 { 0x80 } else { 0 };
                self.packet(marker | TELEPHONE_EVENT, start, &[code, end | 10, high, low])
            }
            Some((code, sent, start)) => {
                self.tone = (sent < TONE_PACKETS + GAP_PACKETS).then_some((code, sent + 1, start));
                self.packet(PCMU, self.timestamp, &[0xff; SAMPLES_A_PACKET as usize])
            }
            None => self.packet(PCMU, self.timestamp, &[0xff; SAMPLES_A_PACKET as usize]),
        };
        self.timestamp = self.timestamp.wrapping_add(SAMPLES_A_PACKET);
        packet
    }

    fn packet(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![0x80, payload_type];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(0x600d_ca11_u32.to_be_bytes());
        packet.extend(payload);
        packet
    }
}

/// Event codes of DTMF (RFC 4733 section 3.2).
fn event_code(digit: char) -> Option<u8> {
    "0123456789*#".find(digit).and_then(|code| u8::try_from(code).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_grows_then_ends_three_times_then_silence_follows() {
        let mut outgoing = Outgoing::default();
        let mut shared = Shared { digits: "#".chars().collect(), ..Shared::default() };
        let packets: Vec<_> = (0..20).map(|_| outgoing.next_packet(&mut shared)).collect();
        let events: Vec<_> = packets.iter().filter(|p| p[1] & 0x7f == TELEPHONE_EVENT).collect();
        assert_eq!(events.len(), usize::from(TONE_PACKETS));
        assert!(events.iter().all(|p| p[12] == 11 && p[4..8] == events[0][4..8]), "one event, one timestamp");
        assert_eq!(events.iter().filter(|p| p[13] & 0x80 != 0).count(), 3);
        assert_eq!(packets.last().map(|p| p.len()), Some(12 + SAMPLES_A_PACKET as usize));
    }
}
