//! The handle to the dispatcher that everything else holds.

use std::sync::Arc;

use hookswitch_acd::Engine;
use hookswitch_model::{
    PbxId, Timestamp,
    command::{Answer, Command},
    input::Input,
    pbx::{KnownCall, PbxEvent},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

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
    Facts(Vec<PbxEvent>, Room),
    /// From a client.
    Command(Command, oneshot::Sender<Answer>),
    /// From the configuration.
    Input(Input),
    /// From a reader.
    Question(Question),
}

/// Room for facts, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    _held: Option<OwnedSemaphorePermit>,
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
        Room { _held: Arc::clone(&self.room).acquire_many_owned(wanted).await.ok() }
    }

    /// Hands facts on.
    pub(crate) async fn facts(&self, facts: Vec<PbxEvent>, room: Room) {
        if !facts.is_empty() {
            // A dispatcher that is gone takes the whole daemon with it; nobody is left to tell.
            let _ = self.messages.send(Message::Facts(facts, room)).await;
        }
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
