//! From an expression to a condition: its logic, and the simple tests taken out.

use hookswitch_expression::{
    Ask, CallExpr, EntryExpr, Error, Expr, Expression, LiteralValue, Node, Variable, operators,
};

use super::{
    condition::{Cel, Condition, Constant, Operator, Test, TextTest},
    facts::Path,
    number::{Number, Numeric},
};

/// A part of an expression that cannot be used in a condition.
struct Fault<'a> {
    node: &'a Node,
    message: &'static str,
    hint: &'static str,
}

/// The logic of an expression, with its comparisons as tests. `paths` is what it names.
///
/// # Errors
/// A part of it is plainly neither true nor false, or a list stands where it has no meaning.
pub(super) fn condition(expression: &Expression, paths: &[Path]) -> Result<Condition, Error> {
    logic(expression.root(), paths)
        .map_err(|Fault { node, message, hint }| expression.error(node, message, hint))
}

fn logic<'a>(node: &'a Node, paths: &[Path]) -> Result<Condition, Fault<'a>> {
    let Expr::Call(call) = &node.expr else { return test(node, paths) };
    let parts =
        || call.args.iter().map(|part| logic(part, paths)).collect::<Result<Vec<Condition>, Fault<'a>>>();
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_AND, _) => {
            let mut flat = Vec::new();
            for part in parts()? {
                if let Condition::All(parts) = part { flat.extend(parts) } else { flat.push(part) }
            }
            // Tests have no effects and never fail, so that their order is free: the cheap ones decide first.
            flat.sort_by_key(Condition::is_slow);
            Ok(Condition::All(flat))
        }
        (operators::LOGICAL_OR, _) => Ok(Condition::Any(parts()?)),
        (operators::LOGICAL_NOT, [part]) => Ok(Condition::Not(Box::new(logic(part, paths)?))),
        (operators::CONDITIONAL, [a, b, c]) => {
            Ok(Condition::Choice(Box::new([logic(a, paths)?, logic(b, paths)?, logic(c, paths)?])))
        }
        _ => test(node, paths),
    }
}

fn test<'a>(node: &'a Node, paths: &[Path]) -> Result<Condition, Fault<'a>> {
    let mut names = Vec::new();
    each_name(node, &mut |at, name| names.push((at, name)));
    let lists = names.iter().filter(|(_, name)| matches!(paths.get(*name), Some(Path::List(_)))).count();
    let simple = match &node.expr {
        Expr::Ident(name) => match Variable::of(name) {
            Some(Variable { number, ask: Ask::Value }) => Some(Test::Is(number)),
            Some(Variable { number, ask: Ask::Presence }) => Some(Test::Has(number)),
            Some(Variable { ask: Ask::Elements, .. }) | None => None,
        },
        Expr::Literal(LiteralValue::Boolean(is)) => return Ok(Condition::Always(*is.inner())),
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => {
            let hint = "compare it with something: dnis == \"5003\"";
            return Err(Fault { node, message: "the condition is not true or false", hint });
        }
        Expr::Call(call) => simple_call(call, paths),
        Expr::Comprehension(_) | Expr::Select(_) | Expr::Struct(_) | Expr::Unspecified => None,
    };
    if lists > 0 && !(lists == 1 && matches!(simple, Some(Test::InList(..)))) {
        let message = "a list has no value of its own";
        return Err(Fault { node, message, hint: "ask whether a name is in it: ani in list.blacklist" });
    }
    let cel = || {
        let names = names.iter().map(|(_, name)| *name).collect();
        Cel { node: Box::new(node.clone()), names }
    };
    let numbers = || {
        let (operator, numbers) = numbers(node)?;
        Some(Test::Numbers(numbers, operator, cel()))
    };
    Ok(Condition::Test(simple.or_else(numbers).unwrap_or_else(|| Test::Cel(cel()))))
}

/// Every constant name in an expression, with its node.
fn each_name<'a>(node: &'a Node, found: &mut impl FnMut(&'a Node, usize)) {
    match &node.expr {
        Expr::Ident(name) => {
            if let Some(variable) = Variable::of(name) {
                found(node, variable.number);
            }
        }
        Expr::Call(call) => {
            call.target.as_deref().into_iter().chain(&call.args).for_each(|part| each_name(part, found));
        }
        Expr::Comprehension(over) => {
            let parts = [&over.iter_range, &over.accu_init, &over.loop_cond, &over.loop_step, &over.result];
            parts.into_iter().for_each(|part| each_name(part, found));
        }
        Expr::List(list) => list.elements.iter().for_each(|part| each_name(part, found)),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    each_name(&entry.key, found);
                    each_name(&entry.value, found);
                }
            }
        }
        Expr::Select(select) => each_name(&select.operand, found),
        Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

/// What a rule's `prefer` says: a name, or a text that is the same for every call.
#[derive(Debug)]
pub(super) enum Preference {
    /// The number of the name.
    Name(usize),
    /// The text.
    Text(String),
}

/// A preference, which is nothing but one name or one text.
///
/// # Errors
/// It is anything else.
pub(super) fn preference(expression: &Expression, paths: &[Path]) -> Result<Preference, Error> {
    let root = expression.root();
    match (plain(root), constant(root)) {
        (Some(number), _) if !matches!(paths.get(number), Some(Path::List(_))) => {
            Ok(Preference::Name(number))
        }
        (_, Some(Constant::Text(text))) => Ok(Preference::Text(text)),
        _ => Err(expression.error(
            root,
            "an agent is named by one value",
            "as in customer.owner, data.agent or \"alice\"",
        )),
    }
}

/// A test of one name against constants, if the call is one.
fn simple_call(call: &CallExpr, paths: &[Path]) -> Option<Test> {
    if let Some(target) = &call.target {
        let (path, [with]) = (plain(target)?, call.args.as_slice()) else { return None };
        let test = match call.func_name.as_str() {
            "startsWith" => TextTest::StartsWith,
            "endsWith" => TextTest::EndsWith,
            "contains" => TextTest::Contains,
            _ => return None,
        };
        let Constant::Text(with) = constant(with)? else { return None };
        return Some(Test::Text(path, test, with));
    }
    let [left, right] = call.args.as_slice() else { return None };
    if call.func_name == operators::IN {
        if let Some(Path::List(list)) = plain(right).and_then(|right| paths.get(right)) {
            return plain(left).map(|name| Test::InList(name, *list));
        }
        let Expr::List(list) = &right.expr else { return None };
        let constants: Option<Vec<Constant>> = list.elements.iter().map(constant).collect();
        return Some(Test::OneOf(plain(left)?, constants?));
    }
    let operator = operator(&call.func_name)?;
    match (plain(left), plain(right)) {
        (Some(path), None) => Some(Test::Compare(path, operator, constant(right)?)),
        (None, Some(path)) => Some(Test::Compare(path, operator.mirrored(), constant(left)?)),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// Two numbers compared.
fn numbers(node: &Node) -> Option<(Operator, Box<[Number; 2]>)> {
    let Expr::Call(call) = &node.expr else { return None };
    let ([left, right], None) = (call.args.as_slice(), &call.target) else { return None };
    Some((operator(&call.func_name)?, Box::new([Number::of(left)?, Number::of(right)?])))
}

fn operator(function: &str) -> Option<Operator> {
    match function {
        operators::EQUALS => Some(Operator::Equal),
        operators::NOT_EQUALS => Some(Operator::NotEqual),
        operators::LESS => Some(Operator::Less),
        operators::LESS_EQUALS => Some(Operator::LessOrEqual),
        operators::GREATER => Some(Operator::Greater),
        operators::GREATER_EQUALS => Some(Operator::GreaterOrEqual),
        _ => None,
    }
}

/// The number of a name that stands alone.
pub(super) fn plain(node: &Node) -> Option<usize> {
    let Expr::Ident(name) = &node.expr else { return None };
    Variable::of(name).filter(|variable| variable.ask == Ask::Value).map(|variable| variable.number)
}

/// The literal that stands alone.
pub(super) fn constant(node: &Node) -> Option<Constant> {
    let Expr::Literal(literal) = &node.expr else { return None };
    match literal {
        LiteralValue::Null => Some(Constant::Null),
        LiteralValue::Boolean(is) => Some(Constant::Bool(*is.inner())),
        LiteralValue::Int(number) => Some(Constant::Number(Numeric::Int(*number.inner()))),
        LiteralValue::Double(number) => Some(Constant::Number(Numeric::Float(*number.inner()))),
        LiteralValue::String(text) => Some(Constant::Text(text.inner().to_owned())),
        LiteralValue::Bytes(_) | LiteralValue::UInt(_) => None,
    }
}
