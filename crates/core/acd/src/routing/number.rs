//! Numbers worked out of names: `int(data.age) + 1`.
//!
//! They are what rules ask of the CEL interpreter most often, and cost a few nanoseconds here. Only what comes out well
//! is worked out here, and what is missing: nothing compares with a number that is not there. Whatever else does not come
//! out (a text that is no number, a sum too large) is left to the interpreter, which says what is wrong with it.

use std::cmp::Ordering;

use hookswitch_expression::{CallExpr, Expr, Facts as _, Node, Value, operators};

use super::{
    compile::{constant, plain},
    condition::Constant,
    facts::CallFacts,
};

/// How a number is worked out.
#[derive(Debug, Clone)]
pub(super) enum Number {
    Is(Numeric),
    /// What a name stands for.
    Of(usize),
    /// `int(name)`
    Whole(usize),
    /// `double(name)`
    Real(usize),
    /// `size(name)`, of a text: its code points.
    Length(usize),
    Pair(Arithmetic, Box<[Number; 2]>),
}

/// A number as CEL has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Numeric {
    Int(i64),
    Float(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Why a number does not come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Without {
    /// What it is worked out of is missing.
    Value,
    /// The interpreter has to say.
    Reason,
}

impl Number {
    /// How this part of an expression is worked out, where it is a number of this kind.
    pub(super) fn of(node: &Node) -> Option<Self> {
        if let Some(name) = plain(node) {
            return Some(Self::Of(name));
        }
        match (&node.expr, constant(node)) {
            (_, Some(Constant::Number(number))) => Some(Self::Is(number)),
            (Expr::Call(call), None) => Self::of_call(call),
            _ => None,
        }
    }

    fn of_call(call: &CallExpr) -> Option<Self> {
        if call.target.is_some() {
            return None;
        }
        let arithmetic = match (call.func_name.as_str(), call.args.as_slice()) {
            ("int", [of]) => return plain(of).map(Self::Whole),
            ("double", [of]) => return plain(of).map(Self::Real),
            ("size", [of]) => return plain(of).map(Self::Length),
            (operators::ADD, _) => Arithmetic::Add,
            (operators::SUBSTRACT, _) => Arithmetic::Subtract,
            (operators::MULTIPLY, _) => Arithmetic::Multiply,
            (operators::DIVIDE, _) => Arithmetic::Divide,
            (operators::MODULO, _) => Arithmetic::Remainder,
            _ => return None,
        };
        let [left, right] = call.args.as_slice() else { return None };
        Some(Self::Pair(arithmetic, Box::new([Self::of(left)?, Self::of(right)?])))
    }

    /// The number.
    pub(super) fn value(&self, facts: &CallFacts<'_>) -> Result<Numeric, Without> {
        match self {
            Self::Is(number) => Ok(*number),
            Self::Of(name) => Numeric::of(&facts.value(*name)).ok_or(Without::Reason),
            Self::Whole(name) => {
                let value = there(facts, *name)?;
                match (&value, Numeric::of(&value)) {
                    (Value::Text(text), _) => text.parse().ok().map(Numeric::Int),
                    (_, number) => number.filter(|number| matches!(number, Numeric::Int(_))),
                }
                .ok_or(Without::Reason)
            }
            Self::Real(name) => {
                let value = there(facts, *name)?;
                match (&value, Numeric::of(&value)) {
                    (Value::Text(text), _) => text.parse().ok(),
                    (_, number) => number.map(Numeric::real),
                }
                .map(Numeric::Float)
                .ok_or(Without::Reason)
            }
            Self::Length(name) => {
                let Value::Text(text) = there(facts, *name)? else { return Err(Without::Reason) };
                i64::try_from(text.chars().count()).map(Numeric::Int).map_err(|_| Without::Reason)
            }
            Self::Pair(arithmetic, pair) => {
                let [left, right] = &**pair;
                arithmetic.apply(left.operand(facts)?, right.operand(facts)?).ok_or(Without::Reason)
            }
        }
    }

    /// The number, where one is needed: a name alone can be compared while it stands for nothing, and not added.
    fn operand(&self, facts: &CallFacts<'_>) -> Result<Numeric, Without> {
        if let Self::Of(name) = self {
            there(facts, *name)?;
        }
        self.value(facts)
    }
}

/// What a name stands for, where it stands for anything.
fn there<'a>(facts: &'a CallFacts<'_>, name: usize) -> Result<Value<'a>, Without> {
    Some(facts.value(name)).filter(|value| *value != Value::Null).ok_or(Without::Value)
}

impl Arithmetic {
    /// Of two numbers of one type: CEL has no other.
    fn apply(self, left: Numeric, right: Numeric) -> Option<Numeric> {
        match (left, right) {
            (Numeric::Int(a), Numeric::Int(b)) => match self {
                Self::Add => a.checked_add(b),
                Self::Subtract => a.checked_sub(b),
                Self::Multiply => a.checked_mul(b),
                Self::Divide => a.checked_div(b),
                Self::Remainder => a.checked_rem(b),
            }
            .map(Numeric::Int),
            (Numeric::Float(a), Numeric::Float(b)) => match self {
                Self::Add => Some(a + b),
                Self::Subtract => Some(a - b),
                Self::Multiply => Some(a * b),
                Self::Divide => Some(a / b),
                Self::Remainder => None,
            }
            .map(Numeric::Float),
            (Numeric::Int(_), Numeric::Float(_)) | (Numeric::Float(_), Numeric::Int(_)) => None,
        }
    }
}

impl Numeric {
    /// The number that a value is.
    pub(super) const fn of(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Int(number) => Some(Self::Int(*number)),
            Value::Float(number) => Some(Self::Float(*number)),
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::Fields(_) | Value::Json(_) => None,
        }
    }

    /// Numbers compare whatever their types; none: one of them is not a number at all.
    pub(super) fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (a, b) => a.real().partial_cmp(&b.real()),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "as CEL has it")]
    const fn real(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}
