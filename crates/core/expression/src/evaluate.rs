//! Trying an expression.

use std::{fmt, sync::Arc};

use cel::{Context, Env, ExecutionError, Value as Cel, common::types::CelBool};

use crate::{Facts, Node, value::Behind};

/// The CEL functions and operators. Cheap to clone.
#[derive(Clone)]
pub struct Interpreter(Arc<Env>);

/// An expression that is neither true nor false.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotTell {
    /// It is something else, in CEL's word for its type.
    #[error("{0} where true or false is needed")]
    Other(String),
    /// A part of it cannot be worked out: a text plus a number, a key that is not there.
    #[error("{0}")]
    Failed(String),
}

impl Default for Interpreter {
    fn default() -> Self {
        Self(Arc::new(Env::stdlib()))
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interpreter")
    }
}

impl Interpreter {
    /// Whether a part of a compiled expression, or the whole, holds.
    ///
    /// # Errors
    /// [`CannotTell`] when it is neither true nor false.
    pub fn holds(&self, node: &Node, facts: &dyn Facts) -> Result<bool, CannotTell> {
        let facts = Behind(facts);
        let mut context = Context::with_env(Arc::clone(&self.0));
        context.set_variable_resolver(&facts);
        let value =
            Cel::resolve_val(node, &context).map_err(|error| CannotTell::Failed(without_values(&error)))?;
        let is = value.downcast_ref::<CelBool>().map(|is| *is.inner());
        is.ok_or_else(|| CannotTell::Other(value.get_type().name().to_owned()))
    }
}

/// What went wrong, without the values it went wrong with: they are somebody's data, of any length, and maps among them
/// have no order.
#[expect(clippy::wildcard_enum_match_arm, reason = "most cannot come of what the compiler lets through")]
fn without_values(error: &ExecutionError) -> String {
    match error {
        ExecutionError::InvalidArgumentCount { .. }
        | ExecutionError::MissingArgumentOrTarget
        | ExecutionError::NoSuchOverload(_)
        | ExecutionError::UnexpectedType { .. } => error.to_string(),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            format!("{operator} of {} and {}", left.type_of(), right.type_of())
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            format!("{} compared with {}", left.type_of(), right.type_of())
        }
        ExecutionError::FunctionError { function, .. } => format!("{function} of what it is not for"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number too large".to_owned(),
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => {
            "nothing under that key".to_owned()
        }
        _ => "values that do not go together".to_owned(),
    }
}
