//! One call at a phone: its state, and what a person can do with it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::sync::{mpsc, watch};
use tokio::time::{self, Instant};

use super::dialog::{Dialog, Direction, as_answerer, q850};
use super::media::Media;
use super::message::Message;
use super::{Manner, PATIENCE, PhoneInner, T1, T2};

mod voice;

/// Where a call stands, seen from the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// We dialled; nothing rings yet.
    Calling,
    /// It rings, here or there.
    Ringing,
    /// The parties can talk.
    Up,
    /// It is over.
    Ended(Ending),
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// We hung up, cancelled or refused.
    Here,
    /// The far end hung up or cancelled, with the Q.850 cause of its `Reason` header.
    There(Option<u16>),
    /// Our INVITE was refused with this status.
    Refused(u16),
}

/// A call at a phone. Clones are the same call.
#[derive(Debug, Clone)]
pub struct Call(Arc<CallInner>);

#[derive(Debug)]
pub(super) struct CallInner {
    phone: Arc<PhoneInner>,
    /// Whether we dialled.
    outgoing: bool,
    /// The INVITE that opened it.
    invite: Message,
    /// The one of ours that counts, where it had to be repeated with a password.
    repeated: Mutex<Option<Message>>,
    media: Media,
    dialog: Mutex<Dialog>,
    state: watch::Sender<CallState>,
    /// The far end has acknowledged our answer.
    acknowledged: watch::Sender<bool>,
    /// The latest status of a REFER of ours, from its NOTIFYs.
    referred: watch::Sender<Option<u16>>,
    /// ACKs we sent, for responses that come again.
    acks: Mutex<Vec<Message>>,
    diary: Mutex<Vec<(SystemTime, String)>>,
}

impl From<Arc<CallInner>> for Call {
    fn from(inner: Arc<CallInner>) -> Self {
        Self(inner)
    }
}

/// Sends an INVITE.
pub(super) async fn dial(
    phone: &Arc<PhoneInner>,
    number: &str,
    from: &str,
    headers: &[(&str, &str)],
) -> Result<Call> {
    let media = Media::start(phone.ip).await?;
    let mut dialog = Dialog::caller(number, from, phone.server);
    let sdp = dialog.sdp(phone, media.port, Direction::Both);
    let mut invite = dialog.request(phone, "INVITE");
    for (name, value) in headers {
        invite = invite.with(name, *value);
    }
    let invite = invite.with_body("application/sdp", sdp);
    let call = CallInner::open(phone, true, invite.clone(), media, dialog);
    call.note(&format!("dials {number}"));
    let responses = phone.expect_responses(&invite);
    tokio::spawn(Arc::clone(&call).invite(invite, responses));
    Ok(Call(call))
}

/// Takes an INVITE and does what the phone's manner says.
pub(super) async fn ring(phone: &Arc<PhoneInner>, invite: Message, manner: Manner) {
    let Ok(media) = Media::start(phone.ip).await else { return };
    let dialog = Dialog::called(&invite);
    let call = CallInner::open(phone, false, invite, media, dialog);
    call.note(&format!("INVITE from {}", call.invite.header("From").unwrap_or("nobody")));
    match manner {
        Manner::Mute => return,
        Manner::Refuse(status) => {
            // Nothing to wait for: the answer of an INVITE is sent, not asked.
            let _ = Call(Arc::clone(&call)).reject(status).await;
        }
        Manner::Ring | Manner::Answer(_) => {
            let ringing = as_answerer(call.invite.response(180, "Ringing", &call.dialog().local_tag), phone);
            phone.respond(&call.invite, &ringing).await;
            call.set(CallState::Ringing, "rings");
        }
    }
    if let Manner::Answer(after) = manner {
        let call = Call(Arc::clone(&call));
        tokio::spawn(async move {
            time::sleep(after).await;
            // Answering a call that has gone meanwhile is no failure.
            let _ = call.answer().await;
        });
    }
    let _ = phone.ringing.send(Call(call));
}

impl Call {
    /// Where it stands now.
    #[must_use]
    pub fn state(&self) -> CallState {
        *self.0.state.borrow()
    }

    /// A header of the INVITE that opened it: what the phone could show.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.invite.header(name)
    }

    /// The name shown as the caller's: what stands before the address in `From`; empty for none.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        let from = self.0.invite.header("From").unwrap_or_default();
        from.split('<').next().unwrap_or_default().trim().trim_matches('"')
    }

    /// The number shown as the caller's: the user of `From`.
    #[must_use]
    pub fn shown_number(&self) -> &str {
        super::message::user(self.header("From").unwrap_or(""))
    }

    /// Waits until it rings or is past that.
    ///
    /// # Errors
    /// When it ends instead, or nothing happens in time.
    pub async fn wait_ringing(&self) -> Result<()> {
        let state = self.wait("ringing", |state| !matches!(state, CallState::Calling)).await?;
        ensure!(!matches!(state, CallState::Ended(_)), "{}: ended instead of ringing", self.0.story());
        Ok(())
    }

    /// Waits until the parties can talk.
    ///
    /// # Errors
    /// When it ends instead, or nothing happens in time.
    pub async fn wait_up(&self) -> Result<()> {
        let state = self.wait("up", |state| matches!(state, CallState::Up | CallState::Ended(_))).await?;
        ensure!(state == CallState::Up, "{}: ended instead of answered", self.0.story());
        Ok(())
    }

    /// Waits until it is over, and tells how.
    ///
    /// # Errors
    /// When it is not over in time.
    pub async fn wait_ended(&self) -> Result<Ending> {
        let state = self.wait("ended", |state| matches!(state, CallState::Ended(_))).await?;
        let CallState::Ended(ending) = state else { bail!("{}: waited for its end", self.0.story()) };
        Ok(ending)
    }

    async fn wait(&self, what: &str, reached: impl Fn(&CallState) -> bool) -> Result<CallState> {
        let mut states = self.0.state.subscribe();
        let state = time::timeout(PATIENCE, states.wait_for(reached)).await;
        let state = state.with_context(|| format!("{}: not {what} in time", self.0.story()))??;
        Ok(*state)
    }

    /// Picks up, and waits until the far end has acknowledged that: before it, nothing else may be asked for
    /// (RFC 3261 section 15).
    ///
    /// # Errors
    /// When it is not ringing here, or the far end does not acknowledge in time.
    pub async fn answer(&self) -> Result<()> {
        let call = &self.0;
        ensure!(!call.outgoing && self.state() == CallState::Ringing, "{}: cannot answer", call.story());
        let answer = {
            let mut dialog = call.dialog();
            let sdp = dialog.sdp(&call.phone, call.media.port, Direction::Both);
            as_answerer(call.invite.response(200, "OK", &dialog.local_tag), &call.phone)
                .with_body("application/sdp", sdp)
        };
        call.media.follow(&call.invite.body);
        call.set(CallState::Up, "answers");
        call.phone.respond(&call.invite, &answer).await;
        tokio::spawn(Arc::clone(call).repeat_until_acknowledged(answer));
        let mut acknowledged = call.acknowledged.subscribe();
        let wait = time::timeout(PATIENCE, acknowledged.wait_for(|yes| *yes));
        wait.await.with_context(|| format!("{}: answer not acknowledged", call.story()))??;
        Ok(())
    }

    /// Refuses with a status: 486 busy, 603 decline, 480 do not disturb.
    ///
    /// # Errors
    /// When it is not ringing here.
    pub async fn reject(&self, status: u16) -> Result<()> {
        let call = &self.0;
        ensure!(!call.outgoing && !matches!(self.state(), CallState::Up), "{}: cannot refuse", call.story());
        let response = call.invite.response(status, "Refused", &call.dialog().local_tag);
        call.set(CallState::Ended(Ending::Here), &format!("refuses with {status}"));
        call.phone.respond(&call.invite, &response).await;
        Ok(())
    }

    /// Hangs up: BYE, CANCEL or a refusal, whichever is right now. Fine when it is over already.
    ///
    /// # Errors
    /// When the PBX does not answer.
    pub async fn hang_up(&self) -> Result<()> {
        let call = &self.0;
        match self.state() {
            CallState::Ended(_) => Ok(()),
            CallState::Up => {
                call.set(CallState::Ended(Ending::Here), "hangs up");
                let bye = call.dialog().request(&call.phone, "BYE");
                call.phone.ask(bye).await.map(drop)
            }
            CallState::Calling | CallState::Ringing if call.outgoing => {
                call.set(CallState::Ended(Ending::Here), "gives up");
                let cancel = call.dialog().cancel(&call.phone, &call.sent_invite());
                call.phone.ask(cancel).await.map(drop)
            }
            CallState::Calling | CallState::Ringing => self.reject(603).await,
        }
    }

    /// Puts the far end on hold (re-INVITE, `sendonly`).
    ///
    /// # Errors
    /// When the PBX refuses.
    pub async fn hold(&self) -> Result<()> {
        self.0.note("holds");
        self.reinvite(Direction::SendOnly).await
    }

    /// Takes the far end off hold.
    ///
    /// # Errors
    /// When the PBX refuses.
    pub async fn retrieve(&self) -> Result<()> {
        self.0.note("retrieves");
        self.reinvite(Direction::Both).await
    }

    async fn reinvite(&self, direction: Direction) -> Result<()> {
        let call = &self.0;
        let give_up = Instant::now() + PATIENCE;
        loop {
            let request = {
                let mut dialog = call.dialog();
                let sdp = dialog.sdp(&call.phone, call.media.port, direction);
                dialog.request(&call.phone, "INVITE").with_body("application/sdp", sdp)
            };
            let response = call.phone.ask(request.clone()).await?;
            if response.status() == Some(200) {
                call.dialog().learn(&response, "To");
                call.media.follow(&response.body);
            }
            call.acknowledge(&request, &response).await;
            match response.status() {
                Some(200) => return Ok(()),
                // It crossed one of the far end's (RFC 3261 section 14.1).
                Some(491) if Instant::now() < give_up => time::sleep(T1).await,
                _ => bail!("{}: re-INVITE: {}", call.story(), response.start_line),
            }
        }
    }

    /// Blind transfer: REFER (RFC 3515). The PBX accepts the request here; [`Call::wait_referred`] tells the outcome.
    ///
    /// # Errors
    /// When the PBX refuses the request.
    pub async fn refer(&self, to: &str) -> Result<()> {
        let target = format!("<sip:{to}@{}>", self.0.phone.server.ip());
        self.send_refer(&format!("refers to {to}"), target).await
    }

    /// Attended transfer: REFER with `Replaces` (RFC 3891) naming the consultation.
    ///
    /// # Errors
    /// When the PBX refuses the request.
    pub async fn refer_to(&self, consultation: &Call) -> Result<()> {
        let replaces = consultation.0.dialog().replaces();
        let number = super::message::user(consultation.0.invite.header("To").unwrap_or("")).to_owned();
        let target = format!("<sip:{number}@{}?Replaces={replaces}>", self.0.phone.server.ip());
        self.send_refer(&format!("completes the transfer to {number}"), target).await
    }

    async fn send_refer(&self, note: &str, target: String) -> Result<()> {
        let call = &self.0;
        call.note(note);
        let request = {
            let mut dialog = call.dialog();
            let referred_by = format!("<{}>", dialog.local());
            dialog.request(&call.phone, "REFER").with("Refer-To", target).with("Referred-By", referred_by)
        };
        let response = call.phone.ask(request).await?;
        ensure!(response.status() == Some(202), "{}: REFER: {}", call.story(), response.start_line);
        Ok(())
    }

    /// The final status a REFER of ours was reported with.
    ///
    /// # Errors
    /// When none is reported in time.
    pub async fn wait_referred(&self) -> Result<u16> {
        let mut referred = self.0.referred.subscribe();
        let wait = time::timeout(PATIENCE, referred.wait_for(|status| status.is_some_and(|s| s >= 200)));
        let status = wait.await.with_context(|| format!("{}: REFER not reported", self.0.story()))??;
        status.context("waited for a status")
    }
}

impl CallInner {
    fn open(
        phone: &Arc<PhoneInner>,
        outgoing: bool,
        invite: Message,
        media: Media,
        dialog: Dialog,
    ) -> Arc<Self> {
        let call = Arc::new(Self {
            phone: Arc::clone(phone),
            outgoing,
            invite,
            repeated: Mutex::default(),
            media,
            dialog: Mutex::new(dialog),
            state: watch::Sender::new(CallState::Calling),
            acknowledged: watch::Sender::new(false),
            referred: watch::Sender::new(None),
            acks: Mutex::default(),
            diary: Mutex::default(),
        });
        phone.state().calls.insert(call.invite.call_id().to_owned(), Arc::clone(&call));
        call
    }

    fn dialog(&self) -> MutexGuard<'_, Dialog> {
        self.dialog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: CallState, note: &str) {
        self.note(note);
        if matches!(state, CallState::Ended(_)) {
            self.media.stop();
        }
        self.state.send_replace(state);
    }

    fn note(&self, text: &str) {
        let mut diary = self.diary.lock().unwrap_or_else(PoisonError::into_inner);
        diary.push((SystemTime::now(), format!("[{}'s phone] {text}", self.phone.user)));
    }

    pub(super) fn diary(&self) -> Vec<(SystemTime, String)> {
        self.diary.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The diary in one line, for errors.
    fn story(&self) -> String {
        self.diary().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; ")
    }

    /// The INVITE transaction of a caller (RFC 3261 section 17.1.1).
    async fn invite(self: Arc<Self>, mut invite: Message, mut responses: mpsc::UnboundedReceiver<Message>) {
        let mut interval = T1;
        let mut resend = Some(Instant::now());
        loop {
            if resend.is_some_and(|at| at <= Instant::now()) {
                self.phone.send(&invite, self.phone.server).await;
                resend = Some(Instant::now() + interval);
                interval *= 2;
            }
            let until = resend.unwrap_or_else(|| Instant::now() + PATIENCE * 4);
            let response = match time::timeout_at(until, responses.recv()).await {
                Ok(Some(response)) => response,
                Ok(None) => return,
                Err(_) if resend.is_some() && interval < T1 * 64 => continue,
                Err(_) => return self.set(CallState::Ended(Ending::Refused(408)), "got no answer"),
            };
            match response.status().unwrap_or(0) {
                ..=199 => {
                    resend = None;
                    self.take_provisional(&response);
                }
                status => {
                    self.phone.state().asked.remove(&super::transaction(&invite));
                    let Some(again) = self.phone.answer_challenge(&invite, &response) else {
                        return self.take_final(&invite, &response, status).await;
                    };
                    self.acknowledge(&invite, &response).await;
                    responses = self.phone.expect_responses(&again);
                    self.ask_again(again.clone());
                    (invite, interval, resend) = (again, T1, Some(Instant::now()));
                }
            }
        }
    }

    fn ask_again(&self, invite: Message) {
        self.dialog().count_to(invite.cseq());
        *self.repeated.lock().unwrap_or_else(PoisonError::into_inner) = Some(invite);
    }

    /// Our INVITE as it was sent last.
    fn sent_invite(&self) -> Message {
        let repeated = self.repeated.lock().unwrap_or_else(PoisonError::into_inner);
        repeated.as_ref().unwrap_or(&self.invite).clone()
    }

    fn take_provisional(&self, response: &Message) {
        if response.status() != Some(100) {
            self.dialog().learn(response, "To");
            if !response.body.is_empty() {
                self.media.follow(&response.body);
            }
            if *self.state.borrow() == CallState::Calling {
                self.set(CallState::Ringing, &response.start_line);
            }
        }
    }

    async fn take_final(&self, invite: &Message, response: &Message, status: u16) {
        let over = matches!(*self.state.borrow(), CallState::Ended(_));
        if status >= 300 {
            self.acknowledge(invite, response).await;
            if !over {
                self.set(CallState::Ended(Ending::Refused(status)), &response.start_line);
            }
            return;
        }
        {
            let mut dialog = self.dialog();
            dialog.remote_tag = None;
            dialog.learn(response, "To");
        }
        self.media.follow(&response.body);
        self.acknowledge(invite, response).await;
        if over {
            // Our CANCEL crossed the answer (section 9.1): the call is up and must be ended.
            let bye = self.dialog().request(&self.phone, "BYE");
            // Nobody waits for the outcome of this clean-up.
            let _ = self.phone.ask(bye).await;
        } else {
            self.set(CallState::Up, "is answered");
        }
    }

    async fn acknowledge(&self, invite: &Message, response: &Message) {
        let ack = self.dialog().ack(&self.phone, invite, response);
        self.acks.lock().unwrap_or_else(PoisonError::into_inner).push(ack.clone());
        self.phone.send(&ack, self.phone.server).await;
    }

    pub(super) async fn acknowledge_again(&self, cseq: u32) {
        let acks = self.acks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(ack) = acks.iter().find(|ack| ack.cseq() == cseq) {
            self.phone.send(ack, self.phone.server).await;
        }
    }

    /// A 2xx is repeated until its ACK is here (RFC 3261 section 13.3.1.4).
    async fn repeat_until_acknowledged(self: Arc<Self>, answer: Message) {
        let mut acknowledged = self.acknowledged.subscribe();
        let mut interval = T1;
        for _ in 0..10 {
            if time::timeout(interval, acknowledged.wait_for(|yes| *yes)).await.is_ok() {
                return;
            }
            self.phone.send(&answer, self.phone.server).await;
            interval = (interval * 2).min(T2);
        }
    }

    pub(super) async fn take_request(self: Arc<Self>, request: Message) {
        let tag = self.dialog().local_tag.clone();
        let fine = request.response(200, "OK", &tag);
        match request.method() {
            "ACK" => {
                self.acknowledged.send_replace(true);
                if !request.body.is_empty() {
                    self.media.follow(&request.body);
                }
            }
            "INVITE" => self.take_reinvite(&request, fine).await,
            "BYE" => {
                self.phone.respond(&request, &fine).await;
                self.end_there(&request, "far end hangs up");
            }
            "CANCEL" => {
                self.phone.respond(&request, &fine).await;
                if matches!(*self.state.borrow(), CallState::Ringing | CallState::Calling) {
                    let terminated = self.invite.response(487, "Request Terminated", &tag);
                    self.phone.respond(&self.invite, &terminated).await;
                    self.end_there(&request, "far end gives up");
                }
            }
            "NOTIFY" if request.header("Event") == Some("talk") => {
                self.phone.respond(&request, &fine).await;
                self.note("NOTIFY talk");
                let rings = !self.outgoing && *self.state.borrow() == CallState::Ringing;
                if rings && self.phone.obeys.load(Ordering::Relaxed) {
                    tokio::spawn(async move { Call(self).answer().await });
                }
            }
            "NOTIFY" => {
                self.phone.respond(&request, &fine).await;
                let status =
                    request.body.strip_prefix("SIP/2.0 ").and_then(|s| s.split(' ').next()?.parse().ok());
                if status.is_some() {
                    self.note(&format!("NOTIFY {}", request.body.lines().next().unwrap_or("")));
                    self.referred.send_replace(status);
                }
                if status.is_some_and(|status| (200..300).contains(&status)) {
                    // What phones do: the transfer is done, our leg is not needed any more.
                    tokio::spawn(async move { Call(self).hang_up().await });
                }
            }
            _ => self.phone.respond(&request, &fine).await,
        }
    }

    fn end_there(&self, request: &Message, note: &str) {
        if !matches!(*self.state.borrow(), CallState::Ended(_)) {
            self.set(CallState::Ended(Ending::There(q850(request))), note);
        }
    }

    async fn take_reinvite(&self, request: &Message, fine: Message) {
        let answer = {
            let mut dialog = self.dialog();
            dialog.learn(request, "From");
            let held = request.body.contains("a=sendonly") || request.body.contains("a=inactive");
            let direction = if held { Direction::ReceiveOnly } else { Direction::Both };
            let sdp = dialog.sdp(&self.phone, self.media.port, direction);
            as_answerer(fine, &self.phone).with_body("application/sdp", sdp)
        };
        self.media.follow(&request.body);
        self.phone.respond(request, &answer).await;
    }
}
