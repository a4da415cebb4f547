//! Reports: the journal's events, read by a thread of their own and handed to the fold of `report`.
//!
//! One reader with a cursor of its own, as every follower: neither dispatcher nor runtime waits for it. What it reads is
//! bounded before it begins.

mod stretch;
mod told;
mod writing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hookswitch_acd::Engine;
use hookswitch_http::{Pieces, ReportRefused, ReportWish, Subject};
use hookswitch_journal::Reader;
use hookswitch_model::{AgentId, CallId, Millis, QueueId, TeamId, Timestamp};
use hookswitch_report::{Agents, Grid, Grouping, Interval, Queues, Refused, Seen, Span, zone};
use tokio::sync::Semaphore;

use self::{stretch::Stretch, told::Told, writing::Writing};

/// Reports that are made at once; each reads the disk.
const AT_ONCE: usize = 2;
/// Reports that are asked for at once, those that wait included.
const IN_LINE: usize = 16;
/// What a report needs to know of the engine.
#[derive(Debug, Clone)]
pub struct Known {
    now: Timestamp,
    sequence: u64,
    timezone: String,
    queues: BTreeMap<QueueId, Millis>,
    agents: Vec<Seen>,
    teams: BTreeMap<AgentId, Vec<TeamId>>,
}

impl Known {
    /// What the engine knows now, after the journal's `sequence`.
    #[must_use]
    pub fn of(engine: &Engine, now: Timestamp, sequence: u64) -> Self {
        let setup = engine.setup();
        let queues = setup.queues.iter().map(|queue| (queue.id.clone(), queue.service_level.within));
        let agents = engine.agents().map(|agent| Seen {
            agent: agent.id.clone(),
            state: agent.state,
            since: agent.since,
        });
        Self {
            now,
            sequence,
            timezone: setup.timezone().to_owned(),
            queues: queues.collect(),
            agents: agents.collect(),
            teams: setup.agents.iter().map(|agent| (agent.id.clone(), agent.teams.clone())).collect(),
        }
    }
}

/// Makes reports. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reports {
    journal: Reader,
    working: Arc<Semaphore>,
    in_line: Arc<Semaphore>,
}

impl Reports {
    /// Of this journal.
    #[must_use]
    pub fn new(journal: Reader) -> Self {
        Self {
            journal,
            working: Arc::new(Semaphore::new(AT_ONCE)),
            in_line: Arc::new(Semaphore::new(IN_LINE)),
        }
    }

    /// [`Self::make`] on a thread that may block, when it is its turn.
    pub(super) async fn make_apart(&self, wish: ReportWish, known: Known) -> Result<Pieces, ReportRefused> {
        let _place = self.in_line.try_acquire().map_err(|_| ReportRefused::Busy)?;
        let turn = Arc::clone(&self.working).acquire_owned().await.map_err(|_| ReportRefused::Busy)?;
        let this = self.clone();
        let making = tokio::task::spawn_blocking(move || {
            // Kept although nobody may wait for the answer any more: the disk is read all the same.
            let _turn = turn;
            this.make(&wish, &known)
        });
        making.await.map_err(|_| ReportRefused::Unreadable)?
    }

    /// Reads the journal and makes the report. Blocks.
    ///
    /// # Errors
    /// [`ReportRefused`]: what is asked for cannot be, is too much, or the journal does not read.
    pub fn make(&self, wish: &ReportWish, known: &Known) -> Result<Pieces, ReportRefused> {
        let zone = zone(wish.tz.as_deref().unwrap_or(&known.timezone)).map_err(refused)?;
        let interval = wish.interval.as_deref().map_or(Ok(Interval::Day), str::parse).map_err(refused)?;
        let span =
            Span::parse(wish.from.as_deref(), wish.to.as_deref(), &zone, known.now).map_err(refused)?;
        let grid = Grid::new(span, interval, zone).map_err(refused)?;
        let stretch = Stretch::find(&self.journal, span, known.sequence)?;
        let writing = Writing { form: wish.form, recorded_from: stretch.begins, sequence: known.sequence };
        let grouping = match &wish.subject {
            Subject::Queues => {
                let mut fold = QueueFold(Queues::new(grid, known.queues.clone()));
                stretch.read(&self.journal, &mut fold)?;
                return Ok(writing.pieces(fold.0.finish()));
            }
            Subject::Agents { only: Some(agent) } => Grouping::Agent(agent.clone()),
            Subject::Agents { only: None } => Grouping::Agents,
            Subject::Teams => Grouping::Teams(known.teams.clone()),
        };
        let known_from = stretch.begins.unwrap_or(span.from);
        let agents = known.agents.iter().map(|seen| seen.agent.clone());
        let agents = Agents::new(grid, grouping, agents, known_from);
        let mut fold = AgentFold { agents, live: &known.agents, span, talking: BTreeSet::new() };
        stretch.read(&self.journal, &mut fold)?;
        Ok(writing.pieces(fold.agents.finish(&known.agents, known.now)))
    }
}

fn refused(refused: Refused) -> ReportRefused {
    let Refused { what, hint, too_large } = refused;
    if too_large { ReportRefused::TooLarge { what, hint } } else { ReportRefused::Wrong { what, hint } }
}

/// What takes in what was told.
trait Fold {
    fn take(&mut self, told: Told, at: Timestamp);
    /// What comes after the span tells nothing more of it.
    fn is_complete(&self) -> bool;
    /// How many rows it has come to.
    fn rows(&self) -> usize;
}

struct QueueFold(Queues);

impl Fold for QueueFold {
    fn take(&mut self, told: Told, at: Timestamp) {
        match told {
            Told::Queued { call, queue } => self.0.queued(call, &queue, at),
            Told::Ended(ended) => self.0.ended(&ended),
            Told::Talked { .. } | Told::Offered { .. } | Told::Changed { .. } => {}
        }
    }

    fn is_complete(&self) -> bool {
        !self.0.is_open()
    }

    fn rows(&self) -> usize {
        self.0.rows()
    }
}

struct AgentFold<'a> {
    agents: Agents,
    live: &'a [Seen],
    span: Span,
    /// Calls that somebody talked in before the span ended, and that are not over.
    talking: BTreeSet<CallId>,
}

impl Fold for AgentFold<'_> {
    fn take(&mut self, told: Told, at: Timestamp) {
        match told {
            Told::Queued { .. } => {}
            Told::Talked { call } => {
                if at < self.span.to {
                    self.talking.insert(call);
                }
            }
            Told::Offered { agent, outcome } => self.agents.offered(&agent, outcome, at),
            Told::Changed { agent, from, to } => self.agents.changed(&agent, from, to, at),
            Told::Ended(ended) => {
                self.talking.remove(&ended.call);
                self.agents.ended(&ended);
            }
        }
    }

    /// All parts in calls are known, and the state of every agent: the first change after the span tells it.
    fn is_complete(&self) -> bool {
        let known = |seen: &Seen| seen.since <= self.span.from || self.agents.knows(&seen.agent);
        self.talking.is_empty() && self.live.iter().all(known)
    }

    fn rows(&self) -> usize {
        self.agents.rows()
    }
}
