//! How it is drawn: from what is known and what one looks at to cells, and nothing else.

use hookswitch_model::Timestamp;
use hookswitch_wire::{
    Time,
    object::{Agent, Call, Queue},
};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Cell, Row, Table, TableState, Tabs},
};

use super::{
    board::{Board, Connection, TREND, waits},
    screen::{Screen, Tab},
};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const MUTED: Style = Style::new().add_modifier(Modifier::DIM);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// Draws everything; `now` is the daemon's.
pub(super) fn draw(frame: &mut Frame<'_>, board: &Board, screen: &Screen, now: Timestamp) {
    let parts = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ]);
    let [head, tabs, _, body, keys] = parts.areas(frame.area());
    frame.render_widget(summary(board, now), head);
    let titles = (1..).zip(Tab::ALL).map(|(key, tab)| format!("{key} {} {}", tab.title(), lines(board, tab)));
    let chosen = Style::new().add_modifier(Modifier::REVERSED);
    frame.render_widget(
        Tabs::new(titles).select(screen.tab.index()).highlight_style(chosen).divider(" "),
        tabs,
    );
    list(frame, body, board, screen, now);
    frame.render_widget(Line::styled("q leave   1-4 Tab lists   ↑↓ move", MUTED), keys);
}

/// How many lines a list has.
pub(super) fn lines(board: &Board, tab: Tab) -> usize {
    match tab {
        Tab::Queues => board.queues.len(),
        Tab::Agents => board.agents.len(),
        Tab::Calls => board.calls.len(),
        Tab::Links => board.links.len(),
    }
}

fn summary(board: &Board, now: Timestamp) -> Line<'static> {
    let sum = |figure: fn(&Queue) -> u32| board.queues.values().map(figure).sum::<u32>();
    let state = match &board.connection {
        Connection::Live => Span::styled("live", Color::Green),
        Connection::Lost(why) => Span::styled(format!("connection lost, trying again: {why}"), Color::Red),
    };
    let oldest = board.queues.keys().filter_map(|queue| board.waits_since(queue)).min();
    let in_state = |wanted: &[&str]| {
        board.agents.values().filter(|agent| wanted.contains(&agent.state.as_ref())).count()
    };
    Line::from(vec![
        Span::styled("hookswitch ", BOLD),
        Span::raw(format!("{}  ", Time(now).to_string().get(11..19).unwrap_or_default())),
        Span::raw(format!("waiting {}  ", sum(|queue| queue.figures.waiting))),
        Span::raw(format!("longest {}  ", since(oldest, now))),
        Span::raw(format!("ready {}  talking {}  ", in_state(&["ready"]), in_state(&["talking", "holding"]))),
        state,
    ])
}

fn list(frame: &mut Frame<'_>, area: Rect, board: &Board, screen: &Screen, now: Timestamp) {
    let (head, widths, rows): (&[&str], Vec<Constraint>, Vec<Row<'static>>) = match screen.tab {
        Tab::Queues => (
            &QUEUE_HEAD,
            queue_widths(),
            board.queues.values().map(|queue| queue_row(board, queue, now)).collect(),
        ),
        Tab::Agents => (
            &AGENT_HEAD,
            agent_widths(),
            agents(board).into_iter().map(|agent| agent_row(board, agent, now)).collect(),
        ),
        Tab::Calls => (
            &CALL_HEAD,
            call_widths(),
            calls(board).into_iter().map(|call| call_row(board, call, now)).collect(),
        ),
        Tab::Links => {
            (&LINK_HEAD, vec![Constraint::Min(8), Constraint::Length(16), Constraint::Min(24)], links(board))
        }
    };
    let line = screen.line[screen.tab.index()].min(rows.len().saturating_sub(1));
    let mut state = TableState::new().with_selected((!rows.is_empty()).then_some(line));
    let head = Row::new(head.iter().map(|name| Cell::from(*name))).style(MUTED);
    let chosen = Style::new().add_modifier(Modifier::REVERSED);
    let table = Table::new(rows, widths).header(head).column_spacing(2).row_highlight_style(chosen);
    frame.render_stateful_widget(table, area, &mut state);
}

const QUEUE_HEAD: [&str; 11] = [
    "QUEUE",
    "WAIT",
    "LONGEST",
    "LEVEL",
    "READY",
    "TALK",
    "LOGGED IN",
    "ABAND",
    "OFFERED",
    "EXPECT",
    "LAST 2 MIN",
];

fn queue_widths() -> Vec<Constraint> {
    let trend = u16::try_from(TREND).unwrap_or(u16::MAX);
    let figures = [4, 8, 6, 5, 4, 9, 5, 7, 7].map(Constraint::Length);
    [vec![Constraint::Min(8)], figures.to_vec(), vec![Constraint::Max(trend)]].concat()
}

fn queue_row(board: &Board, queue: &Queue, now: Timestamp) -> Row<'static> {
    let figures = &queue.figures;
    let waiting = if figures.waiting > 0 && figures.ready == 0 { Color::Yellow.into() } else { Style::new() };
    let level = match figures.service_level {
        Some(share) if share < 0.5 => Color::Red.into(),
        Some(share) if share < 0.8 => Color::Yellow.into(),
        Some(_) | None => Style::new(),
    };
    let expected = figures.estimated_wait_s.map_or_else(|| "-".to_owned(), clock);
    Row::new([
        Cell::from(Span::styled(queue.id.to_string(), BOLD)),
        Cell::from(Span::styled(figures.waiting.to_string(), waiting)),
        Cell::from(since(board.waits_since(&queue.id), now)),
        Cell::from(Span::styled(percent(figures.service_level), level)),
        Cell::from(figures.ready.to_string()),
        Cell::from(figures.talking.to_string()),
        Cell::from(figures.logged_in.to_string()),
        Cell::from(figures.abandoned.to_string()),
        Cell::from(figures.offered.to_string()),
        Cell::from(expected),
        Cell::from(Span::styled(bars(&board.trend(&queue.id)), Color::Cyan)),
    ])
}

const AGENT_HEAD: [&str; 7] = ["AGENT", "STATE", "SINCE", "REASON", "WITH", "QUEUES", "PHONE"];

fn agent_widths() -> Vec<Constraint> {
    [
        Constraint::Min(20),
        Constraint::Length(10),
        Constraint::Length(8),
        Constraint::Max(14),
        Constraint::Min(12),
    ]
    .into_iter()
    .chain([Constraint::Max(24), Constraint::Max(24)])
    .collect()
}

/// Those who do something first.
fn agents(board: &Board) -> Vec<&Agent<'static>> {
    const ORDER: [&str; 7] =
        ["reserved", "talking", "holding", "wrap_up", "ready", "not_ready", "logged_out"];
    let mut agents: Vec<_> = board.agents.values().collect();
    agents.sort_by_key(|agent| ORDER.iter().position(|state| *state == agent.state).unwrap_or(ORDER.len()));
    agents
}

fn agent_row(board: &Board, agent: &Agent<'_>, now: Timestamp) -> Row<'static> {
    let color = match agent.state.as_ref() {
        "ready" => Color::Green,
        "reserved" => Color::Blue,
        "talking" | "holding" | "wrap_up" => Color::Yellow,
        "not_ready" => Color::Red,
        _ => Color::Reset,
    };
    let with = agent.calls.iter().filter_map(|id| board.calls.get(id)).map(who).collect::<Vec<_>>();
    let queues = agent.queues.iter().map(ToString::to_string).collect::<Vec<_>>();
    let phones = agent.devices.iter().map(|device| format!("{} {}", device.address, device.state));
    Row::new([
        Cell::from(Span::styled(agent.name.clone().into_owned(), BOLD)),
        Cell::from(Span::styled(agent.state.clone().into_owned(), color)),
        Cell::from(since(Some(agent.since.0), now)),
        Cell::from(agent.reason.clone().map_or_else(String::new, std::borrow::Cow::into_owned)),
        Cell::from(with.join(", ")),
        Cell::from(queues.join(",")),
        Cell::from(phones.collect::<Vec<_>>().join(", ")),
    ])
}

const CALL_HEAD: [&str; 7] = ["STATE", "SINCE", "CALLER", "DIALLED", "QUEUE", "AGENT", "CALL"];

fn call_widths() -> Vec<Constraint> {
    [
        Constraint::Length(9),
        Constraint::Length(8),
        Constraint::Min(16),
        Constraint::Max(14),
        Constraint::Max(14),
    ]
    .into_iter()
    .chain([Constraint::Max(20), Constraint::Length(26)])
    .collect()
}

/// Those that wait first, longest first.
fn calls(board: &Board) -> Vec<&Call<'static>> {
    let mut calls: Vec<_> = board.calls.values().collect();
    calls.sort_by_key(|call| (!waits(call), call.queued_at.unwrap_or(call.started_at)));
    calls
}

fn call_row(board: &Board, call: &Call<'_>, now: Timestamp) -> Row<'static> {
    let color = match call.state.as_ref() {
        "queued" => Color::Yellow,
        "offered" => Color::Blue,
        "connected" => Color::Green,
        _ => Color::Reset,
    };
    let from = if waits(call) { call.queued_at } else { call.answered_at.or(Some(call.started_at)) };
    let with = call.legs.iter().filter(|leg| leg.state != "left").filter_map(|leg| leg.agent.as_ref());
    let names =
        with.map(|id| board.agents.get(id).map_or_else(|| id.to_string(), |agent| agent.name.to_string()));
    Row::new([
        Cell::from(Span::styled(call.state.clone().into_owned(), color)),
        Cell::from(since(from.map(|at| at.0), now)),
        Cell::from(Span::styled(who(call), BOLD)),
        Cell::from(call.dnis.raw.clone().into_owned()),
        Cell::from(call.queue.as_ref().map_or_else(String::new, ToString::to_string)),
        Cell::from(names.collect::<Vec<_>>().join(", ")),
        Cell::from(Span::styled(call.id.to_string(), MUTED)),
    ])
}

const LINK_HEAD: [&str; 3] = ["PBX", "LINK", "LAST GAP"];

fn links(board: &Board) -> Vec<Row<'static>> {
    let row = |link: &hookswitch_wire::object::Link<'_>| {
        let color = if link.state == "down" { Color::Red } else { Color::Green };
        let gap = link.gap.as_ref().map_or_else(String::new, |gap| {
            format!("{} to {}, {} calls recovered", gap.from, gap.to, gap.recovered_calls)
        });
        Row::new([
            Cell::from(Span::styled(link.pbx.to_string(), BOLD)),
            Cell::from(Span::styled(link.state.clone().into_owned(), color)),
            Cell::from(gap),
        ])
    };
    board.links.values().map(row).collect()
}

/// Who it is, as well as it is known.
fn who(call: &Call<'_>) -> String {
    if call.direction == "outbound" {
        return call.dnis.e164.as_ref().unwrap_or(&call.dnis.raw).to_string();
    }
    let known =
        (call.customer.kind == "one").then(|| call.customer.candidates.first()?.name.clone()).flatten();
    let ani = &call.ani;
    known.or_else(|| ani.name.clone()).or_else(|| ani.e164.clone()).map_or_else(
        || if ani.raw.is_empty() { "withheld".to_owned() } else { ani.raw.to_string() },
        std::borrow::Cow::into_owned,
    )
}

/// How long ago: `m:ss`, `h:mm:ss`; nothing for never.
fn since(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(|| "-".to_owned(), |at| clock(now.as_micros().saturating_sub(at.as_micros()) / 1_000_000))
}

fn clock(s: u64) -> String {
    match s / 3_600 {
        0 => format!("{}:{:02}", s / 60, s % 60),
        hours => format!("{hours}:{:02}:{:02}", s / 60 % 60, s % 60),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

/// A line of bars, the tallest of them full.
fn bars(values: &[u32]) -> String {
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let bar = |value: &u32| match value {
        0 => ' ',
        value => BARS[((value * 8).div_ceil(most) as usize - 1).min(BARS.len() - 1)],
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::super::board::tests::{at, snapshot};
    use super::*;

    fn drawn(tab: Tab, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let (board, screen) = (snapshot(), Screen { tab, ..Screen::default() });
        terminal.draw(|frame| draw(frame, &board, &screen, at("2026-11-21T19:01:05Z"))).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect()
    }

    #[test]
    fn a_queue_stands_on_one_line_with_the_wait_counted_on() {
        let lines = drawn(Tab::Queues, 120, 8);
        assert_eq!(lines[0], "hookswitch 19:01:05  waiting 1  longest 1:05  ready 0  talking 1  live");
        assert_eq!(lines[1], " 1 Queues 1   2 Agents 1   3 Calls 1   4 Links 1");
        let words: Vec<_> = lines[4].split_whitespace().collect();
        assert_eq!(words, ["support", "1", "1:05", "75", "%", "0", "1", "2", "1", "5", "-"]);
        assert_eq!(lines[7], "q leave   1-4 Tab lists   ↑↓ move");
    }

    #[test]
    fn a_name_cannot_speak_to_the_terminal() {
        let lines = drawn(Tab::Agents, 120, 8);
        assert!(lines[4].starts_with("Alice [31mZhang"), "{lines:?}");
        assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{lines:?}");
    }

    #[test]
    fn callers_and_links_have_lists_of_their_own() {
        let calls = drawn(Tab::Calls, 120, 8);
        assert!(calls[4].starts_with("queued     1:05      +49305550001"), "{calls:?}");
        let links = drawn(Tab::Links, 80, 8);
        assert_eq!(links[4].split_whitespace().collect::<Vec<_>>(), ["hq", "up"]);
    }

    #[test]
    fn it_is_drawn_in_any_size() {
        for (width, height) in [(1, 1), (2, 3), (20, 5), (40, 10), (300, 100)] {
            for tab in Tab::ALL {
                assert_eq!(drawn(tab, width, height).len(), usize::from(height));
            }
        }
    }

    #[test]
    fn bars_are_as_high_as_their_values() {
        assert_eq!(bars(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(bars(&[]), "");
    }
}
