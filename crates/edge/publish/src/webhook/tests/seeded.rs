//! Receivers with bad days and a daemon that is restarted, drawn from seeds: whatever is answered, nothing that was
//! journalled is lost, calls stay in order, and what comes twice comes under its own id.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// How many worlds there are.
const SEEDS: u64 = 60;
/// Events of each, over so many calls.
const EVENTS: u64 = 80;
const CALLS: u64 = 7;

/// Numbers drawn from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// How the receiver is for a while.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Well,
    Down,
    Resets,
    Broken,
    Busy,
    Gone,
}

/// A delivery that waits for the receiver's answer.
struct Open {
    event: u64,
    call: u64,
    answer: oneshot::Sender<Answer>,
}

/// The receiver, over all lives of the daemon.
#[derive(Default)]
struct Receiver {
    open: Vec<Open>,
    /// Which events it took, and how often.
    taken: BTreeMap<u64, u32>,
    /// By call: its events, in the order of the journal.
    calls: BTreeMap<u64, BTreeSet<u64>>,
    /// By call: the last event posted in this life of the daemon.
    posted: BTreeMap<u64, u64>,
}

impl Receiver {
    fn post(&mut self, post: &Post, answer: oneshot::Sender<Answer>) {
        let body: Value = serde_json::from_slice(&post.body).unwrap();
        let event: u64 = post.id.strip_prefix("event-").unwrap().parse().unwrap();
        let call = body["data"]["call"].as_u64().unwrap();
        assert!(self.open.iter().all(|open| open.event != event), "{event} is under way twice");
        assert!(self.open.iter().all(|open| open.call != call), "two of call {call} are under way");
        let mut before = self.calls[&call].range(..event);
        assert!(before.all(|before| self.taken.contains_key(before)), "{event} overtakes one of its call");
        let last = self.posted.insert(call, event).unwrap_or(0);
        assert!(last <= event, "{event} after {last} in one life");
        self.open.push(Open { event, call, answer });
    }

    /// Answers one of those that wait, as it can at the moment.
    fn answer(&mut self, dice: &mut Dice, mood: Mood) {
        let Some(count) = (self.open.len() as u64).checked_sub(1) else { return };
        let open = self.open.swap_remove(usize::try_from(dice.below(count + 1)).unwrap());
        let reply = |status, seconds: Option<u64>| Answer::Reply {
            reply: Reply { status, ..Reply::default() },
            retry_after: seconds.map(Duration::from_secs),
        };
        let answer = match mood {
            Mood::Well => reply(204, None),
            Mood::Down | Mood::Resets => Answer::Error("reset".to_owned()),
            Mood::Broken => reply(500, None),
            Mood::Busy => reply(429, Some(dice.below(90))),
            Mood::Gone => reply(410, None),
        };
        // One that resets may have taken it before: then it comes twice.
        if matches!(mood, Mood::Well) || (matches!(mood, Mood::Resets) && dice.below(2) == 0) {
            *self.taken.entry(open.event).or_default() += 1;
        }
        // Who stopped meanwhile does not hear it.
        let _ = open.answer.send(answer);
    }

    /// The daemon is gone: what it was told last, nobody knows.
    fn hang_up(&mut self) {
        self.open.clear();
        self.posted.clear();
    }
}

/// Plays one world. Returns how many deliveries came again.
async fn play(seed: u64) -> u32 {
    let mut dice = Dice(seed);
    let mut world = World::new(|_| {}).await;
    let mut receiver = Receiver::default();
    let (mut mood, mut appended) = (Mood::Well, 0);
    for _ in 0..50_000 {
        if appended < EVENTS && dice.below(4) == 0 {
            let call = 1 + dice.below(CALLS);
            world.append("call.data", u128::from(call));
            appended += 1;
            receiver.calls.entry(call).or_default().insert(appended);
        }
        if dice.below(40) == 0 {
            let moods = [Mood::Well, Mood::Down, Mood::Resets, Mood::Broken, Mood::Busy, Mood::Gone];
            mood = moods[usize::try_from(dice.below(6)).unwrap()];
        }
        if appended == EVENTS && dice.below(20) == 0 {
            mood = Mood::Well;
        }
        if appended < EVENTS && dice.below(60) == 0 {
            receiver.hang_up();
            world = world.restart().await;
        }
        if world.view().state == WebhookState::Disabled && dice.below(10) == 0 {
            mood = Mood::Well;
            assert!(world.webhooks.replay("crm", world.view().cursor.0));
            receiver.hang_up();
        }
        while let Ok((post, answer)) = world.posts.try_recv() {
            receiver.post(&post, answer);
        }
        // One that is slow leaves them waiting.
        if dice.below(3) > 0 {
            receiver.answer(&mut dice, mood);
        }
        if appended == EVENTS && world.view().cursor == Sequence(EVENTS) {
            break;
        }
        let pause = [1, 30, 700, 15_000][usize::try_from(dice.below(4)).unwrap()];
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    assert_eq!((world.view().cursor, world.view().dead), (Sequence(EVENTS), 0), "seed {seed}: all settled");
    let taken: Vec<u64> = receiver.taken.keys().copied().collect();
    assert_eq!(taken, (1..=EVENTS).collect::<Vec<_>>(), "seed {seed}: nothing is lost");
    receiver.taken.values().map(|times| times - 1).sum()
}

#[tokio::test(start_paused = true)]
async fn a_receiver_on_its_bad_days_gets_everything_once_by_id_and_in_order() {
    let mut again = 0;
    for seed in 0..SEEDS {
        again += play(seed).await;
    }
    assert!(again > 0, "answers were lost, so something came twice");
    println!("{SEEDS} receivers, {} events, {again} came again under their ids", SEEDS * EVENTS);
}
