//! [CEL](https://cel.dev) as a user of Hookswitch writes it: what is missing is null and never an error, and what an
//! expression may cost is known before it runs.
//!
//! Routing rules (`when`) and the success tests of webhooks (`ok_if`) are such expressions. This crate refuses to know
//! what can be named in them: [`Names`] says that when an expression is compiled, [`Facts`] has the values when it is
//! tried. A constant name (`customer.tier`, `data["ivr.choice"]`, `body.result.ok`) becomes one variable with a number,
//! so that `customer.tier == "gold"` asks once, and is false where nobody is known.
//!
//! ```
//! use hookswitch_expression::{Compiler, Facts, Interpreter, Names, Unknown, Value};
//!
//! /// Only `call.line` can be named.
//! struct Line;
//!
//! impl Names for Line {
//!     type Name = ();
//!     const EXAMPLE: &'static str = "call.line == 2";
//!     fn name(&self, segments: &[&str]) -> Result<(), Unknown> {
//!         match segments {
//!             ["call", "line"] => Ok(()),
//!             _ => Err(Unknown::new(0, format!("nothing is named {:?}", segments[0]), "the name is call.line")),
//!         }
//!     }
//! }
//!
//! /// None: the line is not known.
//! struct Call(Option<i64>);
//!
//! impl Facts for Call {
//!     fn value(&self, _: usize) -> Value<'_> {
//!         self.0.map_or(Value::Null, Value::Int)
//!     }
//! }
//!
//! let mut compiler = Compiler::new(Line);
//! let expression = compiler.compile("call.line in [2, 3] || call.line == null").unwrap();
//! let interpreter = Interpreter::default();
//! assert_eq!(interpreter.holds(expression.root(), &Call(Some(3))), Ok(true));
//! assert_eq!(interpreter.holds(expression.root(), &Call(None)), Ok(true));
//! assert_eq!(interpreter.holds(expression.root(), &Call(Some(4))), Ok(false));
//!
//! let error = compiler.compile("line == 2").unwrap_err();
//! assert_eq!((error.column, error.hint.as_str()), (Some(1), "the name is call.line"));
//! ```
//!
//! Invariants:
//! - No text makes it panic, neither when it is compiled nor when it is tried.
//! - A trial ends: a text has at most [`MAX_LENGTH`] characters, a list at most [`MAX_LIST`] elements, parts are at most
//!   [`MAX_DEPTH`] deep in each other, and a loop never stands in another. There are no functions but [`FUNCTIONS`] and a [`Shorthand`]: no regular expressions.
//! - The same expression over the same facts says the same: a loop over a map goes over its keys in their order.
//! - No error holds a value: values are somebody's data.

mod compile;
mod error;
mod evaluate;
mod unreadable;
mod value;
mod variable;

pub use cel::{
    IdedExpr as Node,
    common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators},
};
pub use compile::{Compiler, Expression, FUNCTIONS, MAX_DEPTH, MAX_LENGTH, MAX_LIST, Names, Shorthand};
pub use error::{Error, Unknown};
pub use evaluate::{CannotTell, Interpreter};
pub use value::{Facts, Value};
pub use variable::{Ask, Variable};
