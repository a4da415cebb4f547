//! Commits that calls share: whose facts may wait a moment for company.
//!
//! A commit costs about as much as routing a call, and every message of a SIP call would be one. Under load those of many
//! calls go together; who is alone does not wait.

use std::{collections::BTreeSet, time::Duration};

use hookswitch_model::PbxId;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::core::Message;

/// How long after a commit the next one waits for company: much less than the peers of a SIP queue server notice, who
/// repeat after 500 ms.
const SPAN: Duration = Duration::from_millis(4);

/// When the last commit was, and who may wait for the next.
pub(super) struct Together {
    patient: BTreeSet<PbxId>,
    committed: Instant,
}

impl Together {
    /// Facts of these PBXs may wait.
    pub(super) fn new(patient: impl IntoIterator<Item = PbxId>) -> Self {
        Self { patient: patient.into_iter().collect(), committed: Instant::now() }
    }

    /// A commit is done.
    pub(super) fn committed(&mut self) {
        self.committed = Instant::now();
    }

    /// Waits for company, and takes it, when everything taken so far may wait. What comes meanwhile wakes nobody. At most
    /// so many messages are taken in all.
    pub(super) async fn gather(
        &self,
        messages: &mut mpsc::Receiver<Message>,
        taken: &mut Vec<Message>,
        most: usize,
    ) {
        let until = self.committed + SPAN;
        let full = taken.is_empty() || taken.len() >= most;
        if full || Instant::now() >= until || !taken.iter().all(|message| self.may_wait(message)) {
            return;
        }
        sleep_until(until).await;
        let room = most - taken.len();
        taken.extend(std::iter::from_fn(|| messages.try_recv().ok()).take(room));
    }

    fn may_wait(&self, message: &Message) -> bool {
        match message {
            Message::Facts(facts, _) => facts.iter().all(|fact| self.patient.contains(&fact.pbx)),
            Message::Command(..) | Message::Input(_) | Message::Question(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use hookswitch_model::{
        Timestamp,
        input::Input,
        pbx::{Fact, PbxEvent},
    };

    use super::*;
    use crate::daemon::Core;

    const MOST: usize = 3;

    fn pbx(name: &str) -> PbxId {
        PbxId::new(name).unwrap()
    }

    async fn tell(core: &Core, from: &str) {
        let fact = Fact::ActionResult { action: hookswitch_model::ActionId::from_bits(1), refused: None };
        let event = PbxEvent { pbx: pbx(from), at: Timestamp::default(), recovered: false, fact };
        core.room(1).await.hand_over(vec![event]);
    }

    /// What is gathered with the first message of `first`, which came so long after a commit, when two more come; and how
    /// long that took.
    async fn gathered(first: Option<&str>, after: Duration) -> (usize, Duration) {
        let (core, mut messages) = Core::new();
        let together = Together::new([pbx("sip")]);
        tokio::time::advance(after).await;
        match first {
            Some(from) => tell(&core, from).await,
            None => core.input(Input::Tick).await,
        }
        let mut taken = vec![messages.recv().await.unwrap()];
        for _ in 0..MOST {
            tell(&core, "sip").await;
        }
        let begun = Instant::now();
        together.gather(&mut messages, &mut taken, MOST).await;
        (taken.len(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn facts_of_a_patient_link_that_follow_a_commit_take_others_along() {
        let passed = Duration::from_millis(1);
        let (taken, took) = gathered(Some("sip"), passed).await;
        assert_eq!(taken, MOST, "no more than fit, and no less");
        assert!(took >= SPAN - passed && took <= SPAN, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_long_after_a_commit_waits_for_nobody() {
        assert_eq!(gathered(Some("sip"), SPAN).await, (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn other_links_and_other_messages_wait_for_nobody() {
        assert_eq!(gathered(Some("asterisk"), Duration::ZERO).await, (1, Duration::ZERO));
        assert_eq!(gathered(None, Duration::ZERO).await, (1, Duration::ZERO));
    }
}
