//! What an operator sees of events: one log line an ended call, counters, and nothing with a full number in it.

use hookswitch_model::{
    event::{Event, EventKind, LinkState},
    ledger::Ledger,
    queue::Queue,
};
use hookswitch_wire::words;
use metrics::{counter, gauge, histogram};
use tracing::{debug, error, info, warn};

/// Logs and counts an event.
pub(super) fn event(event: &Event) {
    counter!("hookswitch_events_total", "type" => event.kind.name()).increment(1);
    #[expect(clippy::wildcard_enum_match_arm, reason = "most events are of interest to subscribers only")]
    match &event.kind {
        EventKind::CallEnded { call, ledger } => ended(call, ledger, event.recovered),
        EventKind::PbxLink { pbx, state, gap } => match state {
            LinkState::Up => info!(%pbx, "PBX link up"),
            LinkState::Down => warn!(%pbx, "PBX link down"),
            LinkState::Resynchronised => info!(
                %pbx,
                recovered_calls = gap.as_ref().map_or(0, |gap| gap.recovered_calls),
                gap_ms = gap.as_ref().map_or(0, |gap| gap.to.since(gap.from).0),
                "PBX link resynchronised"
            ),
        },
        EventKind::AgentState { agent, from, to } => debug!(
            agent = %agent.id, from = from.as_str(), to = to.as_str(), reason = agent.reason, evidence = agent.evidence,
            "agent state"
        ),
        EventKind::ScreenPopped { pop, ring_to_pop_ms, .. } => {
            // As many agents as are configured: the label is bounded.
            histogram!("hookswitch_ring_to_pop_seconds", "agent" => pop.agent.to_string())
                .record(*ring_to_pop_ms as f64 / 1_000.0);
            debug!(agent = %pop.agent, ring_to_pop_ms, "popped");
        }
        EventKind::ConfigApplied { version, previous } => info!(version, previous, "configuration applied"),
        EventKind::InvariantViolated { rule, evidence, call } => {
            error!(
                rule,
                evidence,
                call = call.as_ref().map(|call| call.id.to_string()),
                "invariant violated"
            );
        }
        EventKind::QueueStats { queue: figures } => queue(figures),
        _ => debug!(
            event = event.kind.name(),
            call = event.kind.call().map(|call| call.id.to_string()),
            "event"
        ),
    }
}

/// Measures a queue. What is counted is of the day: it falls to nothing at midnight, so these are gauges. What cannot be
/// told is not a number.
pub(super) fn queue(queue: &Queue) {
    let set = |name: &'static str, value: f64| gauge!(name, "queue" => queue.id.to_string()).set(value);
    let unknown = f64::NAN;
    set("hookswitch_queue_waiting", f64::from(queue.waiting));
    set("hookswitch_queue_agents_logged_in", f64::from(queue.logged_in));
    set("hookswitch_queue_agents_ready", f64::from(queue.ready));
    set("hookswitch_queue_agents_talking", f64::from(queue.talking));
    set("hookswitch_queue_estimated_wait_seconds", queue.estimated_wait_s.map_or(unknown, |s| s as f64));
    set("hookswitch_queue_service_level", queue.service_level.unwrap_or(unknown));
    set("hookswitch_queue_offered_today", queue.offered as f64);
    set("hookswitch_queue_answered_today", queue.answered as f64);
    set("hookswitch_queue_abandoned_today", queue.abandoned as f64);
    set("hookswitch_queue_left_today", queue.left as f64);
}

fn ended(call: &hookswitch_model::call::Call, ledger: &Ledger, recovered: bool) {
    counter!("hookswitch_calls_ended_total", "disposition" => words::disposition(ledger.disposition))
        .increment(1);
    histogram!("hookswitch_call_wait_seconds").record(ledger.wait_ms as f64 / 1_000.0);
    info!(
        call = %call.id,
        pbx = %call.pbx,
        direction = words::direction(call.direction),
        ani = ?call.ani,
        dnis = call.dnis.raw,
        queue = call.queue.as_ref().map(ToString::to_string),
        disposition = words::disposition(ledger.disposition),
        ended_by = words::ended_by(ledger.ended_by),
        cause = ledger.cause.as_ref().map(|cause| cause.q850),
        handled_by = ?ledger.handled_by,
        resolved_by = ledger.resolved_by.as_ref().map(ToString::to_string),
        wait_ms = ledger.wait_ms,
        talk_ms = ledger.talk_ms,
        hold_ms = ledger.hold_ms,
        recovered,
        "call ended"
    );
}
