//! The handle to the dispatcher that everything else holds.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hookswitch_acd::Engine;
use hookswitch_http::JournalState;
use hookswitch_model::{
    PbxId, Timestamp,
    command::{Answer, Command},
    input::Input,
    pbx::{KnownCall, PbxEvent},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::machine::Turned;

/// Facts on their way to the dispatcher at most, all links together. More of a burst waits as bytes in the links.
const FACTS: usize = 4_096;
/// Other messages on their way.
const MESSAGES: usize = 1_024;

/// Reads the engine between two batches, at the last durable sequence.
pub(super) type Question = Box<dyn FnOnce(&Engine, At) + Send>;

/// When a question is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    /// The journal's last sequence: the answer is true after it.
    pub(crate) sequence: u64,
    /// Now.
    pub(crate) now: Timestamp,
}

/// What the dispatcher is sent.
pub(super) enum Message {
    /// From a link, in the order seen, with the room they take until they are handled.
    Facts(Vec<PbxEvent>, OwnedSemaphorePermit),
    /// From a client.
    Command(Command, oneshot::Sender<Answer>),
    /// From the configuration.
    Input(Input),
    /// From a reader.
    Question(Question),
}

/// Room for facts of a link on their way to the dispatcher.
pub(crate) struct Room {
    slot: Option<(mpsc::OwnedPermit<Message>, OwnedSemaphorePermit)>,
}

impl Room {
    /// Hands facts on, in the order of the link.
    pub(crate) fn hand_over(self, facts: Vec<PbxEvent>) {
        // Without a slot the dispatcher is gone, and takes the whole daemon with it; nobody is left to tell.
        if let Some((slot, room)) = self.slot
            && !facts.is_empty()
        {
            slot.send(Message::Facts(facts, room));
        }
    }
}

/// Whether the journal takes records, for readiness: it must not wait for the dispatcher. It was opened before anything
/// listened, and the daemon ends when it fails: what remains is a full disk.
#[derive(Debug, Clone, Default)]
pub(super) struct JournalStatus(Arc<AtomicBool>);

impl JournalStatus {
    pub(super) fn turned(&self, turned: Turned) {
        self.0.store(matches!(turned, Turned::Degraded), Ordering::Release);
    }

    pub(super) fn state(&self) -> JournalState {
        if self.0.load(Ordering::Acquire) { JournalState::Degraded } else { JournalState::Open }
    }
}

/// The handle. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    messages: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
}

impl Core {
    /// A handle, and what the dispatcher reads.
    pub(super) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (messages, inbox) = mpsc::channel(MESSAGES);
        (Self { messages, room: Arc::new(Semaphore::new(FACTS)) }, inbox)
    }

    /// Waits until the dispatcher has room for so many facts. Giving up waiting loses nothing.
    pub(crate) async fn room(&self, facts: usize) -> Room {
        let wanted = u32::try_from(facts.min(FACTS)).unwrap_or(u32::MAX);
        // It is never closed.
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(wanted).await else {
            return Room { slot: None };
        };
        Room { slot: self.messages.clone().reserve_owned().await.ok().map(|slot| (slot, room)) }
    }

    /// Gives the engine an input that nobody waits for.
    pub(crate) async fn input(&self, input: Input) {
        let _ = self.messages.send(Message::Input(input)).await;
    }

    /// Carries a command out; the answer comes when it is durable. None: the daemon stops.
    pub(crate) async fn command(&self, command: Command) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(Message::Command(command, reply)).await.ok()?;
        answer.await.ok()
    }

    /// Reads the engine. None: the daemon stops.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine, At) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |engine, at| drop(reply.send(question(engine, at))));
        self.messages.send(Message::Question(question)).await.ok()?;
        answer.await.ok()
    }

    /// What the engine believes of a PBX's live calls.
    pub(crate) async fn known_calls(&self, pbx: &PbxId) -> Option<Vec<KnownCall>> {
        let pbx = pbx.clone();
        self.ask(move |engine, _| engine.known_calls(&pbx)).await
    }

    /// The dispatcher answers.
    pub(crate) async fn alive(&self) -> bool {
        self.ask(|_, _| ()).await.is_some()
    }
}
