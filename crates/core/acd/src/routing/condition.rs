//! A condition as it is tried: the logic here, each comparison by itself.

use std::cmp::Ordering;

use hookswitch_expression::{Facts, Interpreter, Node, Value};

use super::{
    facts::CallFacts,
    number::{Number, Numeric, Without},
};

/// A condition. Tests that cannot be made are false, so that no part of a condition is lost for another's sake.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// `a ? b : c`
    Choice(Box<[Condition; 3]>),
    Always(bool),
    Test(Test),
}

/// One comparison.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// A name compared with a constant.
    Compare(usize, Operator, Constant),
    /// `name in [constants]`
    OneOf(usize, Vec<Constant>),
    /// `name in list.name`
    InList(usize, usize),
    /// `name.startsWith("…")` and its like.
    Text(usize, TextTest, String),
    /// A name that is true or false itself.
    Is(usize),
    /// `has(name)`
    Has(usize),
    /// Numbers compared, at least one of which is worked out.
    Numbers(Box<[Number; 2]>, Operator, Cel),
    /// Anything else.
    Cel(Cel),
}

/// A part of an expression that the interpreter tries, with what it names.
#[derive(Debug, Clone)]
pub(super) struct Cel {
    pub(super) node: Box<Node>,
    pub(super) names: Box<[usize]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The operator with its sides changed.
    pub(super) const fn mirrored(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    /// Whether two values that stand in this order hold it.
    const fn takes(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

/// A literal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Number(Numeric),
    Text(String),
}

impl Condition {
    /// Whether it holds. The first thing that could not be compared is noted.
    pub(super) fn holds(
        &self,
        facts: &CallFacts<'_>,
        interpreter: &Interpreter,
        note: &mut Option<String>,
    ) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(facts, interpreter, note)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(facts, interpreter, note)),
            Self::Not(part) => !part.holds(facts, interpreter, note),
            Self::Choice(parts) => {
                let [condition, then, otherwise] = &**parts;
                let chosen = if condition.holds(facts, interpreter, note) { then } else { otherwise };
                chosen.holds(facts, interpreter, note)
            }
            Self::Always(is) => *is,
            Self::Test(test) => match test.holds(facts, interpreter) {
                Ok(is) => is,
                Err(why) => {
                    note.get_or_insert(why);
                    false
                }
            },
        }
    }

    /// Whether it holds whoever the customer is; none: that depends on the customer.
    pub(super) fn holds_for_anybody(&self, facts: &CallFacts<'_>, interpreter: &Interpreter) -> Option<bool> {
        let each = |part: &Self| part.holds_for_anybody(facts, interpreter);
        match self {
            Self::All(parts) => decided(parts.iter().map(each), false),
            Self::Any(parts) => decided(parts.iter().map(each), true),
            Self::Not(part) => each(part).map(|holds| !holds),
            Self::Choice(parts) => {
                let [condition, then, otherwise] = &**parts;
                match each(condition) {
                    Some(true) => each(then),
                    Some(false) => each(otherwise),
                    None => each(then).filter(|holds| each(otherwise) == Some(*holds)),
                }
            }
            Self::Always(is) => Some(*is),
            Self::Test(test) if test.names().any(|name| facts.is_of_customer(name)) => None,
            Self::Test(test) => Some(test.holds(facts, interpreter).unwrap_or(false)),
        }
    }

    /// Whether trying it needs the interpreter, whoever calls.
    pub(super) fn is_slow(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::is_slow),
            Self::Not(part) => part.is_slow(),
            Self::Choice(parts) => parts.iter().any(Self::is_slow),
            Self::Always(_) => false,
            Self::Test(test) => matches!(test, Test::Cel(_)),
        }
    }
}

/// What parts come to together, one of which can settle it.
fn decided(parts: impl Iterator<Item = Option<bool>>, settles: bool) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match part {
            Some(holds) if holds == settles => return Some(settles),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!settles)
}

impl Test {
    /// The numbers of what it names.
    fn names(&self) -> impl Iterator<Item = usize> + '_ {
        let (one, several) = match self {
            Self::Compare(name, ..)
            | Self::OneOf(name, _)
            | Self::InList(name, _)
            | Self::Text(name, ..)
            | Self::Is(name)
            | Self::Has(name) => (Some(*name), &[][..]),
            Self::Numbers(.., cel) | Self::Cel(cel) => (None, &*cel.names),
        };
        one.into_iter().chain(several.iter().copied())
    }

    fn holds(&self, facts: &CallFacts<'_>, interpreter: &Interpreter) -> Result<bool, String> {
        match self {
            Self::Compare(path, operator, constant) => compare(&facts.value(*path), *operator, constant),
            Self::OneOf(path, constants) => {
                let value = facts.value(*path);
                Ok(constants.iter().any(|constant| equal(&value, constant)))
            }
            Self::Text(path, test, with) => match facts.value(*path) {
                Value::Text(text) => Ok(match test {
                    TextTest::StartsWith => text.starts_with(with.as_str()),
                    TextTest::EndsWith => text.ends_with(with.as_str()),
                    TextTest::Contains => text.contains(with.as_str()),
                }),
                Value::Null => Ok(false),
                other @ (Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Fields(_)
                | Value::Json(_)) => Err(format!("{} is no text to search for {with:?}", other.type_name())),
            },
            Self::Is(path) => match facts.value(*path) {
                Value::Bool(is) => Ok(is),
                Value::Null => Ok(false),
                other @ (Value::Int(_)
                | Value::Float(_)
                | Value::Text(_)
                | Value::Fields(_)
                | Value::Json(_)) => Err(format!("{} where true or false is needed", other.type_name())),
            },
            Self::Has(path) => Ok(facts.value(*path) != Value::Null),
            Self::InList(path, list) => Ok(facts.is_in(*path, *list)),
            Self::Numbers(numbers, operator, cel) => {
                let [left, right] = &**numbers;
                match (left.value(facts), right.value(facts)) {
                    (Ok(a), Ok(b)) if let Some(order) = a.order(b) => Ok(operator.takes(order)),
                    (Err(Without::Value), _) | (_, Err(Without::Value)) => Ok(false),
                    _ => cel.holds(facts, interpreter),
                }
            }
            Self::Cel(cel) => cel.holds(facts, interpreter),
        }
    }
}

impl Cel {
    fn holds(&self, facts: &CallFacts<'_>, interpreter: &Interpreter) -> Result<bool, String> {
        interpreter.holds(&self.node, facts).map_err(|error| error.to_string())
    }
}

/// Equality as CEL has it: values of different types are not equal, but numbers are.
#[inline]
fn equal(value: &Value<'_>, constant: &Constant) -> bool {
    match (value, constant) {
        (Value::Null, Constant::Null) => true,
        (Value::Bool(a), Constant::Bool(b)) => a == b,
        (Value::Text(a), Constant::Text(b)) => *a == b.as_str(),
        (Value::Int(_) | Value::Float(_), Constant::Number(_)) => {
            order(value, constant) == Some(Ordering::Equal)
        }
        _ => false,
    }
}

fn order(value: &Value<'_>, constant: &Constant) -> Option<Ordering> {
    match (value, constant) {
        (Value::Text(a), Constant::Text(b)) => Some((**a).cmp(b.as_str())),
        (Value::Bool(a), Constant::Bool(b)) => Some(a.cmp(b)),
        (_, Constant::Number(b)) => Numeric::of(value)?.order(*b),
        _ => None,
    }
}

fn compare(value: &Value<'_>, operator: Operator, constant: &Constant) -> Result<bool, String> {
    match operator {
        Operator::Equal => return Ok(equal(value, constant)),
        Operator::NotEqual => return Ok(!equal(value, constant)),
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {}
    }
    match order(value, constant) {
        Some(order) => Ok(operator.takes(order)),
        None if *value == Value::Null => Ok(false),
        None => Err(format!("{} compared with {}", value.type_name(), constant.type_name())),
    }
}

impl Constant {
    const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
        }
    }
}
