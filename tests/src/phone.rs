//! A scripted SIP phone over UDP: what a person does with a telephone, as `async` verbs with deadlines.
//!
//! It speaks the part of RFC 3261 that matters on loopback: requests and 2xx are retransmitted, duplicates
//! absorbed, CANCEL may cross an answer. It refuses to know anything of Hookswitch: what it sees is the truth the
//! events are compared with.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use hookswitch_tests::phone::Phone;
//! let pbx = "127.0.0.1:5060".parse()?;
//! let alice = Phone::registered("1001", pbx).await?;
//! let bob = Phone::registered("1002", pbx).await?;
//! let call = bob.call("1001").await?;
//! alice.next_call().await?.answer().await?;
//! call.wait_up().await?;
//! call.hang_up().await
//! # }
//! ```

mod call;
mod dialog;
mod digest;
mod media;
pub mod message;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{self, Instant};

use call::CallInner;
pub use call::{Call, CallState, Ending};
use message::Message;

/// How long any wait of a phone lasts before it fails. Longer than the slowest thing a PBX does in the tests
/// (a dialplan's 20 s of ringing).
pub const PATIENCE: Duration = Duration::from_secs(25);

/// RFC 3261 timer T1 and the longest interval, T2.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

/// What a phone does with a new call while nobody touches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Rings until told otherwise.
    Ring,
    /// Rings and answers after this time.
    Answer(Duration),
    /// Refuses with this status.
    Refuse(u16),
    /// Takes the INVITE and says nothing: a phone whose network has gone.
    Mute,
}

/// A telephone, or the far end of a trunk.
#[derive(Debug)]
pub struct Phone {
    inner: Arc<PhoneInner>,
    incoming: tokio::sync::Mutex<mpsc::UnboundedReceiver<Call>>,
    reader: JoinHandle<()>,
}

#[derive(Debug)]
struct PhoneInner {
    user: String,
    /// What it answers challenges with.
    password: Option<String>,
    socket: UdpSocket,
    address: SocketAddr,
    ip: Ipv4Addr,
    server: SocketAddr,
    state: Mutex<State>,
    ringing: mpsc::UnboundedSender<Call>,
    manner: watch::Sender<Manner>,
    /// Answers when a NOTIFY tells it to.
    obeys: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    calls: HashMap<String, Arc<CallInner>>,
    /// Our requests that wait for responses, by branch and method.
    asked: HashMap<(String, String), mpsc::UnboundedSender<Message>>,
    /// What we answered, by branch and method: a duplicate gets the same again.
    answered: HashMap<(String, String), Vec<u8>>,
    /// Call-ID and sequence of the registration (RFC 3261 section 10.2.4: the same for all).
    registration: Option<(String, u32)>,
}

impl Phone {
    /// A phone that registers from 127.0.0.1.
    ///
    /// # Errors
    /// When the PBX does not accept the registration in time.
    pub async fn registered(user: &str, server: SocketAddr) -> Result<Self> {
        let phone = Self::unregistered(user, (Ipv4Addr::LOCALHOST, 0).into(), server).await?;
        phone.register().await?;
        Ok(phone)
    }

    /// A phone that registers from 127.0.0.1 and answers challenges with a password (RFC 3261 section 22).
    ///
    /// # Errors
    /// When the PBX does not accept the registration in time.
    pub async fn with_password(user: &str, password: &str, server: SocketAddr) -> Result<Self> {
        let phone = Self::at((Ipv4Addr::LOCALHOST, 0).into(), (user, Some(password)), server).await?;
        phone.register().await?;
        Ok(phone)
    }

    /// Registers an address for somebody else who will be reached there; nothing is left at it.
    ///
    /// # Errors
    /// When the PBX does not accept the registration in time.
    pub async fn enrol(
        (user, password): (&str, &str),
        address: SocketAddr,
        server: SocketAddr,
        expires: u32,
    ) -> Result<()> {
        let mut phone = Self::at(address, (user, Some(password)), server).await?;
        phone.inner.register(expires).await?;
        // Who comes after us binds the same port: ours is free only when the reader has let go of it, too.
        phone.reader.abort();
        let _ = (&mut phone.reader).await;
        Ok(())
    }

    /// A phone that is only reachable at its address: a trunk, or one that registers later.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn unregistered(user: &str, address: SocketAddr, server: SocketAddr) -> Result<Self> {
        Self::at(address, (user, None), server).await
    }

    async fn at(
        address: SocketAddr,
        (user, password): (&str, Option<&str>),
        server: SocketAddr,
    ) -> Result<Self> {
        let socket = UdpSocket::bind(address).await.with_context(|| format!("phone {user} at {address}"))?;
        let address = socket.local_addr()?;
        let SocketAddr::V4(v4) = address else { bail!("phones speak IPv4, not {address}") };
        let (ringing, incoming) = mpsc::unbounded_channel();
        let inner = Arc::new(PhoneInner {
            user: user.to_owned(),
            password: password.map(str::to_owned),
            socket,
            address,
            ip: *v4.ip(),
            server,
            state: Mutex::default(),
            ringing,
            manner: watch::Sender::new(Manner::Ring),
            obeys: AtomicBool::new(false),
        });
        let reader = tokio::spawn(Arc::clone(&inner).read());
        Ok(Self { inner, incoming: tokio::sync::Mutex::new(incoming), reader })
    }

    /// The number it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.inner.user
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Registers for an hour.
    ///
    /// # Errors
    /// When the PBX does not say 200 in time.
    pub async fn register(&self) -> Result<()> {
        self.inner.register(3600).await
    }

    /// Takes the registration back.
    ///
    /// # Errors
    /// When the PBX does not say 200 in time.
    pub async fn unregister(&self) -> Result<()> {
        self.inner.register(0).await
    }

    /// Sets what new calls meet from now on.
    pub fn set_manner(&self, manner: Manner) {
        self.inner.manner.send_replace(manner);
    }

    /// From now on it answers when a NOTIFY with `Event: talk` tells it to, as Polycom's and Yealink's phones do.
    pub fn obey(&self) {
        self.inner.obeys.store(true, Ordering::Relaxed);
    }

    /// Dials a number. Returns as soon as the INVITE is on its way.
    ///
    /// # Errors
    /// When no media port can be had.
    pub async fn call(&self, number: &str) -> Result<Call> {
        self.call_as(number, &format!("sip:{}@{}", self.inner.user, self.inner.ip), &[]).await
    }

    /// Dials with a `From` and headers of its own: what a carrier does.
    ///
    /// # Errors
    /// When no media port can be had.
    pub async fn call_as(&self, number: &str, from: &str, headers: &[(&str, &str)]) -> Result<Call> {
        call::dial(&self.inner, number, from, headers).await
    }

    /// The next call that arrives here, whatever state it is in by now; those not asked for yet are kept in order.
    ///
    /// # Errors
    /// When none arrives in time.
    pub async fn next_call(&self) -> Result<Call> {
        let mut incoming = self.incoming.lock().await;
        let call = time::timeout(PATIENCE, incoming.recv()).await;
        call.ok().flatten().with_context(|| format!("no call arrived at phone {} in time", self.inner.user))
    }

    /// Whether a call has arrived that nobody has asked for yet; taken when there is one.
    pub async fn waiting_call(&self) -> Option<Call> {
        self.incoming.lock().await.try_recv().ok()
    }

    /// Hangs up every call that is not over.
    pub async fn hang_up_all(&self) {
        let calls: Vec<_> = self.inner.state().calls.values().cloned().collect();
        for call in calls {
            // At the end of a test the PBX may be gone already.
            let _ = Call::from(call).hang_up().await;
        }
    }

    /// What happened at this phone, one line each, for notes and failures.
    #[must_use]
    pub fn diary(&self) -> Vec<(std::time::SystemTime, String)> {
        let calls: Vec<_> = self.inner.state().calls.values().cloned().collect();
        let mut lines: Vec<_> = calls.iter().flat_map(|call| call.diary()).collect();
        lines.sort();
        lines
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl PhoneInner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, message: &Message, to: SocketAddr) {
        self.send_bytes(&message.to_bytes(), to).await;
    }

    async fn send_bytes(&self, bytes: &[u8], to: SocketAddr) {
        // A datagram may be lost anyway; who waits for the answer says so.
        let _ = self.socket.send_to(bytes, to).await;
    }

    /// Asks, and asks again with a password when that is asked for.
    async fn ask(&self, request: Message) -> Result<Message> {
        let response = self.ask_once(request.clone()).await?;
        match self.answer_challenge(&request, &response) {
            Some(again) => self.ask_once(again).await,
            None => Ok(response),
        }
    }

    /// The request once more, with what a challenge asks for (RFC 3261 section 22.2); none when it is none.
    fn answer_challenge(&self, request: &Message, response: &Message) -> Option<Message> {
        let (challenge, header) = match response.status()? {
            401 => (response.header("WWW-Authenticate")?, "Authorization"),
            407 => (response.header("Proxy-Authenticate")?, "Proxy-Authorization"),
            _ => return None,
        };
        let uri = request.start_line.split(' ').nth(1)?;
        let credentials =
            digest::credentials(challenge, &self.user, self.password.as_deref()?, (request.method(), uri))?;
        let again = request.again(&self.via(), request.cseq() + 1);
        Some(again.with(header, credentials))
    }

    /// Sends a request other than INVITE until its final response is here (RFC 3261 section 17.1.2).
    async fn ask_once(&self, request: Message) -> Result<Message> {
        let mut responses = self.expect_responses(&request);
        let give_up = Instant::now() + PATIENCE;
        let mut interval = T1;
        loop {
            self.send(&request, self.server).await;
            let resend = Instant::now() + interval;
            interval = (interval * 2).min(T2);
            while let Ok(Some(response)) = time::timeout_at(resend, responses.recv()).await {
                if response.status().is_some_and(|status| status >= 200) {
                    self.state().asked.remove(&transaction(&request));
                    return Ok(response);
                }
            }
            if Instant::now() > give_up {
                bail!("phone {}: no response to {}", self.user, request.start_line);
            }
        }
    }

    fn expect_responses(&self, request: &Message) -> mpsc::UnboundedReceiver<Message> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().asked.insert(transaction(request), sender);
        receiver
    }

    async fn register(&self, expires: u32) -> Result<()> {
        let (call_id, cseq) = {
            let mut state = self.state();
            let (call_id, cseq) = state.registration.take().unwrap_or_else(|| (dialog::token(), 0));
            // One for the answer to a challenge.
            state.registration = Some((call_id.clone(), cseq + 2));
            (call_id, cseq + 1)
        };
        let us = format!("<sip:{}@{}>", self.user, self.server.ip());
        let request = Message::new(format!("REGISTER sip:{} SIP/2.0", self.server))
            .with("Via", self.via())
            .with("Max-Forwards", "70")
            .with("From", format!("{us};tag={}", dialog::token()))
            .with("To", us)
            .with("Call-ID", call_id)
            .with("CSeq", format!("{cseq} REGISTER"))
            .with("Contact", self.contact())
            .with("Expires", expires.to_string());
        let response = self.ask(request).await?;
        if response.status() != Some(200) {
            bail!("phone {}: REGISTER was answered {}", self.user, response.start_line);
        }
        Ok(())
    }

    fn via(&self) -> String {
        format!("SIP/2.0/UDP {};rport;branch=z9hG4bK{}", self.address, dialog::token())
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.user, self.address)
    }

    /// Answers a request and remembers the answer for duplicates.
    async fn respond(&self, request: &Message, response: &Message) {
        let bytes = response.to_bytes();
        self.state().answered.insert(transaction(request), bytes.clone());
        self.send_bytes(&bytes, self.server).await;
    }

    async fn read(self: Arc<Self>) {
        let mut buffer = vec![0; 65536];
        loop {
            // Errors here are the kernel's news that a peer's port is closed.
            let Ok((length, _)) = self.socket.recv_from(&mut buffer).await else { continue };
            let Some(message) = Message::parse(&buffer[..length]) else { continue };
            if message.status().is_some() {
                self.take_response(message).await;
            } else {
                self.take_request(message).await;
            }
        }
    }

    async fn take_response(&self, response: Message) {
        let asked = self.state().asked.get(&transaction(&response)).cloned();
        if let Some(asked) = asked {
            // The asker may have stopped listening.
            let _ = asked.send(response);
        } else if response.method() == "INVITE" && response.status().is_some_and(|s| s >= 200) {
            // A final response again: our ACK was lost.
            let call = self.state().calls.get(response.call_id()).cloned();
            if let Some(call) = call {
                call.acknowledge_again(response.cseq()).await;
            }
        }
    }

    async fn take_request(self: &Arc<Self>, request: Message) {
        let duplicate = self.state().answered.get(&transaction(&request)).cloned();
        if let Some(bytes) = duplicate {
            return self.send_bytes(&bytes, self.server).await;
        }
        let call = self.state().calls.get(request.call_id()).cloned();
        let manner = *self.manner.borrow();
        match (call, request.method()) {
            (Some(call), _) => call.take_request(request).await,
            (None, "INVITE") => call::ring(self, request, manner).await,
            (None, "ACK") => {}
            (None, "OPTIONS") => self.respond(&request, &request.response(200, "OK", "options")).await,
            (None, _) => {
                let gone = request.response(481, "Call/Transaction Does Not Exist", "none");
                self.respond(&request, &gone).await;
            }
        }
    }
}

/// Key of a transaction: branch and method (RFC 3261 section 17.2.3).
fn transaction(message: &Message) -> (String, String) {
    (message.branch().to_owned(), message.method().to_owned())
}
