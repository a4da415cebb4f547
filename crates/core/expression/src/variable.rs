//! How a constant name is written in a compiled expression.

use std::fmt;

/// What is asked of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Its value.
    Value,
    /// Whether it is there: `has(name)`.
    Presence,
    /// What a loop over it goes over. Of a map these are the keys, in order: the interpreter's own maps are walked in
    /// another order each time.
    Elements,
}

/// A constant name as a compiled expression has it: `$7`, `$7?` for its presence, `$7*` for its elements. Nothing that
/// a user can write begins with `$`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its place among [`Compiler::into_names`](crate::Compiler::into_names).
    pub number: usize,
    /// What is asked of it.
    pub ask: Ask,
}

impl Variable {
    /// The variable behind an identifier of a compiled expression; none: the variable of a loop.
    #[must_use]
    pub fn of(identifier: &str) -> Option<Self> {
        let name = identifier.strip_prefix('$')?;
        let (number, ask) = match (name.strip_suffix('?'), name.strip_suffix('*')) {
            (Some(number), _) => (number, Ask::Presence),
            (None, Some(number)) => (number, Ask::Elements),
            (None, None) => (name, Ask::Value),
        };
        Some(Self { number: number.parse().ok()?, ask })
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ask = match self.ask {
            Ask::Value => "",
            Ask::Presence => "?",
            Ask::Elements => "*",
        };
        write!(f, "${}{ask}", self.number)
    }
}
