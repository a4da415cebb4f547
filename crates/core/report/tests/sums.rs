//! Whatever the calls were and however the time is cut: the rows add up to the ledgers, to the call and to the
//! millisecond. The other side of each comparison is counted anew from the ledgers, without grid and fold.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    AgentId, CallId, Millis, QueueId, TeamId, Timestamp,
    agent::AgentState,
    ledger::{Disposition, EndedBy, Ledger, Owner, Segment},
    offer::OfferOutcome,
};
use hookswitch_report::{
    Agents, Cell, Ended, Grid, Grouping, Interval, Measures, Queues, Report, Seen, Span, zone,
};
use proptest::prelude::*;

const INTERVALS: [Interval; 4] = [Interval::Quarter, Interval::Half, Interval::Hour, Interval::Day];
const QUEUES: [&str; 3] = ["billing", "sales", "support"];
const AGENTS: [&str; 4] = ["alice", "bob", "carol", "dave"];
/// 2026-03-28T00:00 and 2026-10-24T00:00 in Berlin: three days around each change of the clocks.
const STARTS: [u64; 2] = [1_774_652_400, 1_792_792_800];
const DAYS: u64 = 3;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn agent(name: &str) -> AgentId {
    name.parse().unwrap()
}

fn queue(name: &str) -> QueueId {
    name.parse().unwrap()
}

/// One call of the world, and whether its end was told yet.
#[derive(Debug, Clone)]
struct Call {
    ended: Ended,
    over: bool,
}

prop_compose! {
    /// A way through queues, agents, outside parties and the system, of any order and length.
    fn way()(
        owners in prop::collection::vec((0_usize..10, 0_u64..900_000), 1..9),
        start in 0_u64..DAYS * 90_000_000,
        kind in 0_usize..8,
        flags in 0_u8..32,
    ) -> (Vec<(usize, u64)>, u64, usize, u8) {
        (owners, start, kind, flags)
    }
}

fn call(
    number: usize,
    first: u64,
    (owners, start, kind, flags): (Vec<(usize, u64)>, u64, usize, u8),
) -> Call {
    const KINDS: [Disposition; 9] = [
        Disposition::Answered,
        Disposition::Abandoned,
        Disposition::Missed,
        Disposition::Busy,
        Disposition::Rejected,
        Disposition::Failed,
        Disposition::Merged,
        Disposition::Callback,
        Disposition::Lost,
    ];
    let mut now = first + start;
    let (started_at, mut segments, mut handled_by) = (at(now), Vec::<Segment>::new(), Vec::new());
    for (owner, length) in owners {
        let owner = match owner {
            0..3 => Owner::Queue(queue(QUEUES[owner])),
            3..7 => Owner::Agent(agent(AGENTS[owner - 3])),
            7 => Owner::External("+4930123".to_owned()),
            _ => Owner::System("pbx".to_owned()),
        };
        if let Owner::Agent(agent) = &owner
            && !handled_by.contains(agent)
        {
            handled_by.push(agent.clone());
        }
        segments.push(Segment { owner, from: at(now), to: at(now + length), how: String::new() });
        now += length;
    }
    if flags & 4 != 0 && !handled_by.contains(&agent("dave")) {
        // In a conference: with the customer, never the owner.
        handled_by.push(agent("dave"));
    }
    let ledger = Ledger {
        disposition: KINDS[kind],
        ended_by: EndedBy::Customer,
        cause: None,
        resolved_by: handled_by.last().cloned(),
        handled_by,
        wait_ms: (now - first) % 7_919,
        talk_ms: (now - first) % 104_729,
        hold_ms: (now - first) % 1_299_709,
        segments,
        merged_into: None,
        consult_of: None,
        callback_of: None,
        wrap_up: None,
    };
    let ended = Ended {
        call: CallId::from(number as u128 + 1),
        answered_at: (flags & 8 != 0).then_some(started_at),
        started_at,
        recovered: flags & 1 != 0,
        ledger,
    };
    Call { ended, over: flags & 16 == 0 || flags & 2 == 0 }
}

/// The sum of a column over all rows.
fn sum<R: Measures>(report: &Report<R>, name: &str) -> u64 {
    sum_of(report, name, |_| true)
}

fn sum_of<R: Measures>(report: &Report<R>, name: &str, of: impl Fn(Option<&str>) -> bool) -> u64 {
    let column = R::COLUMNS.iter().find(|column| column.name == name).expect("a column of that name");
    let rows = report.rows.iter().filter(|row| of(row.key.as_deref()));
    let cells = rows.map(|row| match (column.cell)(&row.of) {
        Cell::Count(count) => count,
        Cell::Share(_) | Cell::Nothing => panic!("{name} is no count"),
    });
    cells.sum()
}

fn grid(span: Span, interval: Interval) -> Grid {
    Grid::new(span, interval, zone("Europe/Berlin").unwrap()).unwrap()
}

fn queues(calls: &[Call], grid: Grid) -> Report<hookswitch_report::QueueRow> {
    let within = [("support", 30), ("sales", 0)].map(|(id, secs)| (queue(id), Millis::from_secs(secs)));
    let mut fold = Queues::new(grid, within.into());
    for call in calls {
        for visit in call.ended.ledger.visits() {
            fold.queued(call.ended.call, visit.queue, visit.from);
        }
        if call.over {
            fold.ended(&call.ended);
        }
    }
    fold.finish()
}

/// First time in a queue, else the start.
fn counts_at(call: &Call) -> Timestamp {
    let segments = &call.ended.ledger.segments;
    let queued = segments.iter().find(|segment| matches!(segment.owner, Owner::Queue(_)));
    queued.map_or(call.ended.started_at, |segment| segment.from)
}

fn compare_queues(calls: &[Call], span: Span, interval: Interval) -> Result<(), TestCaseError> {
    let report = queues(calls, grid(span, interval));
    let inside = |at: Timestamp| span.from <= at && at < span.to;
    let over: Vec<&Call> = calls.iter().filter(|call| call.over && inside(counts_at(call))).collect();
    let ledgers = || over.iter().map(|call| &call.ended.ledger);
    prop_assert_eq!(sum(&report, "calls"), over.len() as u64);
    prop_assert_eq!(sum(&report, "wait_ms"), ledgers().map(|ledger| ledger.wait_ms).sum::<u64>());
    prop_assert_eq!(sum(&report, "talk_ms"), ledgers().map(|ledger| ledger.talk_ms).sum::<u64>());
    prop_assert_eq!(sum(&report, "hold_ms"), ledgers().map(|ledger| ledger.hold_ms).sum::<u64>());
    let recovered = over.iter().filter(|call| call.ended.recovered).count();
    prop_assert_eq!(sum(&report, "calls_recovered"), recovered as u64);
    for (column, kind) in [
        ("calls_answered", Disposition::Answered),
        ("calls_abandoned", Disposition::Abandoned),
        ("calls_missed", Disposition::Missed),
        ("calls_lost", Disposition::Lost),
        ("calls_merged", Disposition::Merged),
        ("calls_callback", Disposition::Callback),
    ] {
        prop_assert_eq!(sum(&report, column), ledgers().filter(|l| l.disposition == kind).count() as u64);
    }
    for id in QUEUES {
        let waits = |over: bool| {
            let of = calls.iter().filter(move |call| call.over == over);
            let segments = of.flat_map(|call| &call.ended.ledger.segments);
            segments.filter(|s| s.owner == Owner::Queue(queue(id)) && inside(s.from)).count() as u64
        };
        let mine = |name| sum_of(&report, name, |key| key == Some(id));
        prop_assert_eq!(mine("offered"), waits(true) + waits(false));
        prop_assert_eq!(mine("open"), waits(false));
        let ends: u64 = ["answered", "abandoned", "left", "lost", "open"].into_iter().map(mine).sum();
        prop_assert_eq!(mine("offered"), ends);
        prop_assert!(mine("answered_in_time") <= mine("answered"));
    }
    Ok(())
}

fn compare_agents(calls: &[Call], span: Span, interval: Interval) -> Result<(), TestCaseError> {
    let teams: BTreeMap<AgentId, Vec<TeamId>> = [("alice", "one"), ("bob", "one"), ("carol", "two")]
        .map(|(name, team)| (agent(name), vec![team.parse().unwrap(), "all".parse().unwrap()]))
        .into();
    let fold = |grouping| {
        let mut fold = Agents::new(grid(span, interval), grouping, [], span.from);
        calls.iter().filter(|call| call.over).for_each(|call| fold.ended(&call.ended));
        fold.finish(&[], span.to)
    };
    let inside = |at: Timestamp| span.from <= at && at < span.to;
    let first = |call: &Call, agent: &AgentId| {
        let mut own = call.ended.ledger.segments.iter().filter(|s| s.owner == Owner::Agent(agent.clone()));
        own.next().map_or(call.ended.answered_at.unwrap_or(call.ended.started_at), |own| own.from)
    };
    let had = |call: &Call, agent: &AgentId| -> u64 {
        let own = call.ended.ledger.segments.iter().filter(|s| s.owner == Owner::Agent(agent.clone()));
        own.map(|own| own.to.since(own.from).0).sum()
    };
    let over = || calls.iter().filter(|call| call.over);
    let by_agent = fold(Grouping::Agents);
    for name in AGENTS.map(agent) {
        let mine =
            over().filter(|call| call.ended.ledger.handled_by.contains(&name) && inside(first(call, &name)));
        let mine: Vec<&Call> = mine.collect();
        let of = |key: Option<&str>| key == Some(name.as_str());
        prop_assert_eq!(sum_of(&by_agent, "handled", of), mine.len() as u64);
        prop_assert_eq!(
            sum_of(&by_agent, "handled_ms", of),
            mine.iter().map(|call| had(call, &name)).sum::<u64>()
        );
    }
    let by_team = fold(Grouping::Teams(teams.clone()));
    for team in ["one", "two", "all"] {
        let members: BTreeSet<&AgentId> = teams
            .iter()
            .filter(|(_, of)| of.iter().any(|name| name.as_str() == team))
            .map(|(id, _)| id)
            .collect();
        let with_one = over().filter(|call| {
            let handlers = call.ended.ledger.handled_by.iter().filter(|agent| members.contains(agent));
            handlers.map(|agent| first(call, agent)).min().is_some_and(inside)
        });
        let told = sum_of(&by_team, "handled", |key| key == Some(team));
        prop_assert_eq!(told, with_one.count() as u64, "a call counts once in a team");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_add_up_to_the_ledgers(
        ways in prop::collection::vec(way(), 0..120), season in 0_usize..2, cut in 0_u64..DAYS * 86_400_000
    ) {
        let first = STARTS[season] * 1_000;
        let calls: Vec<Call> = ways.into_iter().enumerate().map(|(n, way)| call(n, first, way)).collect();
        let whole = Span { from: at(first), to: at(first + DAYS * 86_400_000) };
        for interval in INTERVALS {
            compare_queues(&calls, whole, interval)?;
            compare_agents(&calls, whole, interval)?;
            // Two reports that follow each other tell of each call once.
            let halves = [Span { to: at(first + cut + 1), ..whole }, Span { from: at(first + cut + 1), ..whole }];
            let mut calls_told = 0;
            for half in halves.into_iter().filter(|half| half.from < half.to) {
                compare_queues(&calls, half, interval)?;
                calls_told += sum(&queues(&calls, grid(half, interval)), "calls");
            }
            prop_assert_eq!(calls_told, sum(&queues(&calls, grid(whole, interval)), "calls"));
        }
    }

    #[test]
    fn an_agents_times_add_up_to_the_time_there_was(
        changes in prop::collection::vec((0_usize..7, 1_u64..40_000_000), 0..60),
        season in 0_usize..2, now in 1_u64..400_000_000, before in 0_u64..90_000_000
    ) {
        const STATES: [AgentState; 7] = [
            AgentState::LoggedOut, AgentState::NotReady, AgentState::Ready, AgentState::Reserved,
            AgentState::Talking, AgentState::Holding, AgentState::WrapUp,
        ];
        let first = STARTS[season] * 1_000;
        let span = Span { from: at(first), to: at(first + DAYS * 86_400_000) };
        let until = at(first + now);
        for interval in INTERVALS {
            let mut fold = Agents::new(grid(span, interval), Grouping::Agents, [agent("alice")], span.from);
            // Naive: every state as a stretch of milliseconds, clipped by hand.
            let (mut state, mut since, mut spent) = (AgentState::Ready, first, BTreeMap::<AgentState, u64>::new());
            let mut book = |state, from: u64, to: u64| {
                let end = (first + DAYS * 86_400_000).min(to);
                *spent.entry(state).or_default() += end.saturating_sub(from);
            };
            for (next, length) in &changes {
                let time = since + length;
                if time > first + now {
                    break;
                }
                fold.changed(&agent("alice"), state, STATES[*next], at(time));
                book(state, since, time);
                (state, since) = (STATES[*next], time);
            }
            book(state, since, first + now);
            // What lies before the report is not of it.
            let live = if since == first { at(first.saturating_sub(before)) } else { at(since) };
            let report = fold.finish(&[Seen { agent: agent("alice"), state, since: live }], until);
            for (column, state) in [
                ("ready_ms", AgentState::Ready), ("not_ready_ms", AgentState::NotReady),
                ("reserved_ms", AgentState::Reserved), ("talking_ms", AgentState::Talking),
                ("holding_ms", AgentState::Holding), ("wrap_up_ms", AgentState::WrapUp),
                ("logged_out_ms", AgentState::LoggedOut),
            ] {
                prop_assert_eq!(sum(&report, column), spent.get(&state).copied().unwrap_or(0), "{}", column);
            }
            let length = until.min(span.to).since(span.from).0;
            prop_assert_eq!(sum(&report, "logged_in_ms") + sum(&report, "logged_out_ms"), length);
        }
    }
}

#[test]
fn an_offer_counts_where_it_ended_and_by_its_outcome() {
    let first = STARTS[0] * 1_000;
    let span = Span { from: at(first), to: at(first + 3_600_000) };
    let mut fold = Agents::new(grid(span, Interval::Quarter), Grouping::Agents, [agent("alice")], span.from);
    fold.offered(&agent("alice"), OfferOutcome::NoAnswer, at(first + 900_000));
    fold.offered(&agent("alice"), OfferOutcome::Accepted, at(first + 899_999));
    fold.offered(&agent("alice"), OfferOutcome::Accepted, at(first + 3_600_000));
    let report = fold.finish(&[], span.to);
    let lines: Vec<String> = report.csv().collect();
    assert_eq!(lines.len(), 1 + 4);
    let cells = |line: &str| line.trim_end().split(',').map(str::to_owned).collect::<Vec<_>>();
    let column = |name: &str| cells(&lines[0]).iter().position(|head| head == name).unwrap();
    let of = |row: usize, name: &str| cells(&lines[row])[column(name)].clone();
    assert_eq!((of(1, "offers"), of(1, "offers_accepted")), ("1".into(), "1".into()));
    assert_eq!((of(2, "offers"), of(2, "offers_no_answer")), ("1".into(), "1".into()));
    assert_eq!((of(1, "occupancy"), of(3, "offers")), (String::new(), "0".into()), "no time, no share");
    assert_eq!(of(1, "from"), "2026-03-28T00:00:00+01:00");
}

#[test]
fn one_agent_sees_no_other_row() {
    let first = STARTS[0] * 1_000;
    let span = Span { from: at(first), to: at(first + 1_000) };
    let everybody = AGENTS.map(agent);
    let mut fold =
        Agents::new(grid(span, Interval::Day), Grouping::Agent(agent("bob")), everybody, span.from);
    fold.offered(&agent("alice"), OfferOutcome::Accepted, at(first));
    fold.changed(&agent("alice"), AgentState::Ready, AgentState::NotReady, at(first + 10));
    let report = fold.finish(&[], span.to);
    assert_eq!(report.rows.iter().map(|row| row.key.as_deref()).collect::<Vec<_>>(), [Some("bob")]);
    assert_eq!(sum(&report, "offers"), 0);
}

#[test]
fn json_and_csv_say_the_same() {
    let first = STARTS[0] * 1_000;
    let span = Span { from: at(first), to: at(first + 86_400_000) };
    let report =
        queues(&[call(0, first, (vec![(2, 5_000), (3, 61_000)], 10, 0, 0))], grid(span, Interval::Day));
    let json: Vec<String> = report.rows.iter().map(|row| report.json_row(row)).collect();
    let lines: Vec<String> = report.csv().collect();
    assert_eq!(json.len(), lines.len() - 1);
    let head: Vec<&str> = lines[0].trim_end().split(',').collect();
    for (object, line) in json.iter().zip(&lines[1..]) {
        assert!(line.ends_with("\r\n") && object.starts_with('{') && object.ends_with('}'));
        for (name, cell) in head.iter().zip(line.trim_end().split(',')) {
            let value = if cell.is_empty() { "null".to_owned() } else { cell.to_owned() };
            let quoted = format!("\"{value}\"");
            assert!(
                object.contains(&format!("\"{name}\":{value}"))
                    || object.contains(&format!("\"{name}\":{quoted}")),
                "{name} of {object} is not {cell}"
            );
        }
    }
    assert!(report.json_total().starts_with("{\"offered\":1,\"answered\":1,"), "{}", report.json_total());
    assert!(json.iter().any(|row| row.contains("\"average_talk_s\":61")), "{json:?}");
}
