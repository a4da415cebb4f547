//! From an expression to a condition: its logic, and the simple tests taken out.

use hookswitch_expression::{
    Ask, CallExpr, Error, Expr, Expression, LiteralValue, Node, Variable, operators,
};

use super::condition::{Condition, Constant, Operator, Test, TextTest};

/// The logic of an expression, with its comparisons as tests.
///
/// # Errors
/// A part of it is plainly neither true nor false.
pub(super) fn condition(expression: &Expression) -> Result<Condition, Error> {
    logic(expression.root()).map_err(|node| {
        let hint = "compare it with something: dnis == \"5003\"";
        expression.error(node, "the condition is not true or false", hint)
    })
}

/// The error is the node that is neither true nor false.
fn logic(node: &Node) -> Result<Condition, &Node> {
    let Expr::Call(call) = &node.expr else { return test(node) };
    let parts = || call.args.iter().map(logic).collect::<Result<Vec<Condition>, &Node>>();
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
        (operators::LOGICAL_NOT, [part]) => Ok(Condition::Not(Box::new(logic(part)?))),
        (operators::CONDITIONAL, [a, b, c]) => {
            Ok(Condition::Choice(Box::new([logic(a)?, logic(b)?, logic(c)?])))
        }
        _ => test(node),
    }
}

fn test(node: &Node) -> Result<Condition, &Node> {
    let simple = match &node.expr {
        Expr::Ident(name) => match Variable::of(name) {
            Some(Variable { number, ask: Ask::Value }) => Some(Test::Is(number)),
            Some(Variable { number, ask: Ask::Presence }) => Some(Test::Has(number)),
            Some(Variable { ask: Ask::Elements, .. }) | None => None,
        },
        Expr::Literal(LiteralValue::Boolean(is)) => return Ok(Condition::Always(*is.inner())),
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => return Err(node),
        Expr::Call(call) => simple_call(call),
        Expr::Comprehension(_) | Expr::Select(_) | Expr::Struct(_) | Expr::Unspecified => None,
    };
    Ok(Condition::Test(simple.unwrap_or_else(|| Test::Cel(Box::new(node.clone())))))
}

/// A test of one name against constants, if the call is one.
fn simple_call(call: &CallExpr) -> Option<Test> {
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
    let operator = match call.func_name.as_str() {
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::IN => {
            let Expr::List(list) = &right.expr else { return None };
            let constants: Option<Vec<Constant>> = list.elements.iter().map(constant).collect();
            return Some(Test::OneOf(plain(left)?, constants?));
        }
        _ => return None,
    };
    match (plain(left), plain(right)) {
        (Some(path), None) => Some(Test::Compare(path, operator, constant(right)?)),
        (None, Some(path)) => Some(Test::Compare(path, operator.mirrored(), constant(left)?)),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// The number of a name that stands alone.
fn plain(node: &Node) -> Option<usize> {
    let Expr::Ident(name) = &node.expr else { return None };
    Variable::of(name).filter(|variable| variable.ask == Ask::Value).map(|variable| variable.number)
}

fn constant(node: &Node) -> Option<Constant> {
    let Expr::Literal(literal) = &node.expr else { return None };
    match literal {
        LiteralValue::Null => Some(Constant::Null),
        LiteralValue::Boolean(is) => Some(Constant::Bool(*is.inner())),
        LiteralValue::Int(number) => Some(Constant::Int(*number.inner())),
        LiteralValue::Double(number) => Some(Constant::Float(*number.inner())),
        LiteralValue::String(text) => Some(Constant::Text(text.inner().to_owned())),
        LiteralValue::Bytes(_) | LiteralValue::UInt(_) => None,
    }
}
