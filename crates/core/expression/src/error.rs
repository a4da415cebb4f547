//! What is wrong with an expression, for the one who wrote it.

use cel::common::ast::SourceInfo;

/// An expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Where, in characters from 1.
    pub column: Option<usize>,
    /// What.
    pub message: String,
    /// What would do.
    pub hint: String,
}

/// A name that stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Which segment of the name is the culprit: 0 is the first.
    pub(crate) segment: usize,
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Unknown {
    /// What is wrong with which segment of the name (0 is the first), and what would do.
    pub fn new(segment: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { segment, message: message.into(), hint: hint.into() }
    }
}

/// What is wrong, and at which node.
pub(crate) struct Fault {
    node: u64,
    message: String,
    hint: String,
}

impl Fault {
    pub(crate) fn new(node: u64, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { node, message: message.into(), hint: hint.into() }
    }

    pub(crate) fn at(self, source: &SourceInfo) -> Error {
        Error { column: column(source, self.node), message: self.message, hint: self.hint }
    }
}

/// The parser counts bytes, people count characters.
pub(crate) fn column(source: &SourceInfo, node: u64) -> Option<usize> {
    let (start, _) = source.offset_for(node)?;
    let before = source.source.get(..usize::try_from(start).ok()?)?;
    Some(before.chars().count() + 1)
}
