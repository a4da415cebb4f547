//! Extension patterns: `_9X.`, `_[+*#0-9]!`, plain numbers.

/// A pattern of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    parts: Vec<Part>,
    literal: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// One of these bytes.
    One(Vec<u8>),
    /// `.`: one or more of anything.
    Some,
    /// `!`: zero or more of anything.
    Any,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        match text.strip_prefix('_') {
            None => Self { text: text.to_owned(), parts: Vec::new(), literal: true },
            Some(pattern) => Self { text: text.to_owned(), parts: parts(pattern.as_bytes()), literal: false },
        }
    }

    pub(super) fn matches(&self, exten: &str) -> bool {
        if self.literal {
            return self.text == exten;
        }
        let mut rest = exten.as_bytes();
        for part in &self.parts {
            match part {
                Part::Any => return true,
                Part::Some => return !rest.is_empty(),
                Part::One(set) => match rest.split_first() {
                    Some((byte, after)) if set.contains(byte) => rest = after,
                    _ => return false,
                },
            }
        }
        rest.is_empty()
    }

    /// Whether it matches any number of digits.
    pub(super) fn is_open(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Some | Part::Any))
    }

    /// Lower is tried first: a plain extension, then patterns part by part, the narrower set first, then `.`, then
    /// `!` (Asterisk `pbx.c`, `ext_cmp`).
    pub(super) fn rank(&self) -> Vec<usize> {
        if self.literal {
            return Vec::new();
        }
        let width = |part: &Part| match part {
            Part::One(set) => set.len(),
            Part::Some => 1000,
            Part::Any => 2000,
        };
        self.parts.iter().map(width).collect()
    }
}

fn parts(mut text: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    while let Some((byte, rest)) = text.split_first() {
        text = rest;
        parts.push(match byte {
            b'X' | b'x' => Part::One((b'0'..=b'9').collect()),
            b'Z' | b'z' => Part::One((b'1'..=b'9').collect()),
            b'N' | b'n' => Part::One((b'2'..=b'9').collect()),
            b'.' => Part::Some,
            b'!' => Part::Any,
            b'-' => continue,
            b'[' => {
                let end = text.iter().position(|byte| *byte == b']').unwrap_or(text.len());
                let set = bracket(&text[..end]);
                text = text.get(end + 1..).unwrap_or_default();
                Part::One(set)
            }
            other => Part::One(vec![*other]),
        });
    }
    parts
}

fn bracket(text: &[u8]) -> Vec<u8> {
    let mut set = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match (text.get(at + 1), text.get(at + 2)) {
            (Some(b'-'), Some(last)) => {
                set.extend(text[at]..=*last);
                at += 3;
            }
            _ => {
                set.push(text[at]);
                at += 1;
            }
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_asterisk_matches() {
        let table = [
            ("5001", "5001", true),
            ("5001", "50011", false),
            ("_X.", "5", false),
            ("_X.", "50", true),
            ("_X.", "+49", false),
            ("_9X!", "91", true),
            ("_10XX", "1001", true),
            ("_10XX", "10011", false),
            ("_[+*#0-9]!", "+49305550001", true),
            ("_[+*#0-9]!", "*", true),
            ("_[+*#0-9]!", "s", false),
            ("_ZN", "12", true),
            ("_ZN", "11", false),
        ];
        for (pattern, exten, expected) in table {
            assert_eq!(Pattern::new(pattern).matches(exten), expected, "{pattern} {exten}");
        }
    }

    #[test]
    fn the_narrower_pattern_goes_first() {
        let order = ["1001", "_1001", "_100X", "_10XX", "_1.", "_1!", "_X."];
        let ranks: Vec<_> = order.iter().map(|text| Pattern::new(text).rank()).collect();
        assert!(ranks.is_sorted(), "{ranks:?}");
    }
}
