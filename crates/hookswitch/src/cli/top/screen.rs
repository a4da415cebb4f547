//! What one looks at: which list, and which line of it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tab {
    #[default]
    Queues,
    Agents,
    Calls,
    Links,
}

impl Tab {
    pub(super) const ALL: [Self; 4] = [Self::Queues, Self::Agents, Self::Calls, Self::Links];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Queues => "Queues",
            Self::Agents => "Agents",
            Self::Calls => "Calls",
            Self::Links => "Links",
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Queues => 0,
            Self::Agents => 1,
            Self::Calls => 2,
            Self::Links => 3,
        }
    }

    fn next(self, by: usize) -> Self {
        Self::ALL[(self.index() + by) % Self::ALL.len()]
    }
}

/// The list and the line one is at.
#[derive(Debug, Default)]
pub(super) struct Screen {
    pub(super) tab: Tab,
    /// By list; beyond its end is its end.
    pub(super) line: [usize; Tab::ALL.len()],
}

/// What a key asks of the loop.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Draw,
    Leave,
    Nothing,
}

/// Lines a page key moves.
const PAGE: usize = 10;

impl Screen {
    /// A key; `lines` are in the list that is shown.
    pub(super) fn key(&mut self, key: KeyEvent, lines: usize) -> Asked {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if matches!(key.code, KeyCode::Char('c' | 'd')) { Asked::Leave } else { Asked::Nothing };
        }
        let last = lines.saturating_sub(1);
        let line = &mut self.line[self.tab.index()];
        *line = (*line).min(last);
        #[allow(
            clippy::wildcard_enum_match_arm,
            reason = "a keyboard has many keys, and the others do nothing"
        )]
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Asked::Leave,
            KeyCode::Char(digit @ '1'..='4') => self.tab = Tab::ALL[digit as usize - '1' as usize],
            KeyCode::Tab | KeyCode::Right => self.tab = self.tab.next(1),
            KeyCode::BackTab | KeyCode::Left => self.tab = self.tab.next(Tab::ALL.len() - 1),
            KeyCode::Down | KeyCode::Char('j') => *line = (*line + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => *line = line.saturating_sub(1),
            KeyCode::PageDown => *line = (*line + PAGE).min(last),
            KeyCode::PageUp => *line = line.saturating_sub(PAGE),
            KeyCode::Home => *line = 0,
            KeyCode::End => *line = last,
            _ => return Asked::Nothing,
        }
        Asked::Draw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(screen: &mut Screen, code: KeyCode, lines: usize) -> Asked {
        screen.key(KeyEvent::new(code, KeyModifiers::NONE), lines)
    }

    #[test]
    fn lists_are_switched_by_number_and_in_a_circle() {
        let mut screen = Screen::default();
        assert_eq!(press(&mut screen, KeyCode::Char('3'), 0), Asked::Draw);
        assert_eq!(screen.tab, Tab::Calls);
        press(&mut screen, KeyCode::Tab, 0);
        press(&mut screen, KeyCode::Tab, 0);
        assert_eq!(screen.tab, Tab::Queues);
        press(&mut screen, KeyCode::BackTab, 0);
        assert_eq!(screen.tab, Tab::Links);
    }

    #[test]
    fn the_line_stays_within_the_list_also_when_that_has_shrunk() {
        let mut screen = Screen::default();
        press(&mut screen, KeyCode::End, 30);
        assert_eq!(screen.line[0], 29);
        press(&mut screen, KeyCode::Up, 3);
        assert_eq!(screen.line[0], 1);
        press(&mut screen, KeyCode::Down, 0);
        assert_eq!(screen.line[0], 0);
    }

    #[test]
    fn q_escape_and_control_c_leave() {
        let mut screen = Screen::default();
        assert_eq!(press(&mut screen, KeyCode::Char('q'), 1), Asked::Leave);
        assert_eq!(press(&mut screen, KeyCode::Esc, 1), Asked::Leave);
        assert_eq!(screen.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL), 1), Asked::Leave);
        assert_eq!(press(&mut screen, KeyCode::Char('x'), 1), Asked::Nothing);
    }
}
