//! The loop between the daemon, the keys and the terminal.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_util::StreamExt as _;
use hookswitch_model::Timestamp;
use ratatui::DefaultTerminal;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{self, MissedTickBehavior},
};

use super::{
    super::client::Target,
    board::{Board, Connection},
    feed::{self, News},
    screen::{Asked, Screen},
    view,
};

/// Times count on once a second.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two points of a queue's past.
const TREND_TICKS: u32 = 5;

/// The terminal as it was before, however this ends: dropped on the way out, and by the hook that ratatui sets when
/// something panics.
struct Restored(DefaultTerminal);

impl Drop for Restored {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows the daemon until somebody leaves.
pub(super) async fn run(target: &Target, base: &str) -> anyhow::Result<()> {
    // Asked for before the screen is taken: what is wrong is told where one reads it.
    let mut board = Board::new(feed::snapshot(target, base).await?);
    let mut screen = Screen::default();
    let (sender, mut news) = mpsc::channel(feed::WAITING);
    let reader = tokio::spawn(feed::follow(target.clone(), base.to_owned(), board.sequence, sender));
    let mut terminal = Restored(ratatui::try_init().context("the terminal cannot be drawn on")?);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut keys = EventStream::new();
    let mut ticks = time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut ticked = 0_u32;
    loop {
        terminal.0.draw(|frame| view::draw(frame, &board, &screen, board.now(local())))?;
        tokio::select! {
            key = keys.next() => match key {
                Some(event) => if handle(&event?, &mut screen, &board) == Asked::Leave { break },
                None => break,
            },
            Some(one) = news.recv() => {
                take(&mut board, one);
                // A burst is drawn once.
                while let Ok(one) = news.try_recv() {
                    take(&mut board, one);
                }
            }
            _ = ticks.tick() => {
                ticked = (ticked + 1) % TREND_TICKS;
                if ticked == 0 {
                    board.note_trend();
                }
            }
            _ = terminate.recv() => break,
        }
    }
    reader.abort();
    Ok(())
}

#[allow(clippy::wildcard_enum_match_arm, reason = "mouse, focus and pasted text do nothing here")]
fn handle(event: &Event, screen: &mut Screen, board: &Board) -> Asked {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Press => {
            screen.key(*key, view::lines(board, screen.tab))
        }
        // It is drawn in the new size at once.
        Event::Resize(..) => Asked::Draw,
        _ => Asked::Nothing,
    }
}

fn take(board: &mut Board, news: News) {
    match news {
        News::Event(event) => board.take(&event, local()),
        News::Up => board.connection = Connection::Live,
        News::Down(why) => board.connection = Connection::Lost(why),
    }
}

fn local() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
