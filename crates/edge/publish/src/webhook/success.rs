//! `ok_if`: whether an answer means that the delivery was taken, for receivers whose status does not tell.
//!
//! CEL over `status` (a number), `text` (the body as it came), `body` (the body as JSON; null when it is none) and
//! `headers` (by their names in small letters). What is missing is null and never an error, as in routing rules:
//! `body.error == null` holds where there is no `error`. The cost is bounded: answers and expressions are short, and a
//! loop in a loop is refused.

use std::{collections::HashMap, fmt, sync::Arc};

use cel::{
    Context, Env, IdedExpr, ParseErrors, Program, Value as CelValue,
    common::{
        ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SourceInfo, operators},
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use hookswitch_egress::Reply;
use serde_json::Value;

/// An expression is at most this many characters long.
const MAX_LENGTH: usize = 4_096;
/// What an expression may name.
const NAMES: [&str; 4] = ["status", "body", "text", "headers"];
/// What an expression may call.
const FUNCTIONS: [&str; 9] =
    ["contains", "startsWith", "endsWith", "size", "int", "uint", "double", "string", "bool"];

/// The test, compiled.
#[derive(Clone)]
pub struct SuccessTest {
    source: String,
    expression: IdedExpr,
    /// `body.result.ok` is one name: its number here.
    paths: Vec<Vec<String>>,
    functions: Arc<Env>,
}

/// What is wrong with a test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotATest {
    /// Where, in characters from 1.
    pub column: Option<usize>,
    /// What.
    pub message: String,
    /// What would do.
    pub hint: String,
}

/// What the test made of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// The delivery was taken.
    Taken,
    /// It was not, and why. What is not true (null, a text) is not taken.
    Refused(String),
}

impl SuccessTest {
    /// Compiles a test.
    ///
    /// # Errors
    /// [`NotATest`] when it is not CEL, names what is not there, or could cost too much.
    pub fn parse(source: &str) -> Result<Self, NotATest> {
        if source.chars().count() > MAX_LENGTH {
            let message = format!("the test is longer than {MAX_LENGTH} characters");
            return Err(NotATest { column: None, message, hint: "test for one thing".to_owned() });
        }
        let program = Program::compile(source).map_err(|errors| unreadable(&errors))?;
        let mut names = Names { paths: Vec::new() };
        let expression =
            names.resolve(program.expression(), &[]).map_err(|fault| fault.at(program.source_info()))?;
        let functions = Arc::new(Env::stdlib());
        Ok(Self { source: source.to_owned(), expression, paths: names.paths, functions })
    }

    /// Tries an answer.
    pub(crate) fn try_on(&self, reply: &Reply) -> Found {
        let facts = Facts { reply, body: serde_json::from_str(&reply.text).ok(), paths: &self.paths };
        let mut context = Context::with_env(Arc::clone(&self.functions));
        context.set_variable_resolver(&facts);
        let value = match CelValue::resolve_val(&self.expression, &context) {
            Ok(value) => value,
            Err(error) => return Found::Refused(format!("ok_if: {error}")),
        };
        match value.downcast_ref::<CelBool>().map(|is| *is.inner()) {
            Some(true) => Found::Taken,
            Some(false) => Found::Refused(format!("ok_if is false: {}", excerpt(&reply.text))),
            None => {
                let kind = value.get_type().name();
                Found::Refused(format!("ok_if is {kind} and not true: {}", excerpt(&reply.text)))
            }
        }
    }
}

impl fmt::Debug for SuccessTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SuccessTest").field(&self.source).finish()
    }
}

impl PartialEq for SuccessTest {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// The beginning of a body, on one line.
fn excerpt(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(120) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// What is wrong, and at which node.
struct Fault {
    node: u64,
    message: String,
    hint: String,
}

impl Fault {
    fn new(node: u64, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { node, message: message.into(), hint: hint.into() }
    }

    /// The parser counts bytes, people count characters.
    fn at(self, source: &SourceInfo) -> NotATest {
        let start = source.offset_for(self.node).and_then(|(start, _)| usize::try_from(start).ok());
        let before = start.and_then(|start| source.source.get(..start));
        let column = before.map(|before| before.chars().count() + 1);
        NotATest { column, message: self.message, hint: self.hint }
    }
}

fn unreadable(errors: &ParseErrors) -> NotATest {
    let first = errors.errors.first();
    let said = first.and_then(|error| error.msg.lines().next()).unwrap_or_default();
    NotATest {
        column: first.and_then(|error| usize::try_from(error.pos.1).ok()).map(|column| column.max(1)),
        message: format!("the test cannot be read: {said}"),
        hint: "for example: status == 200 && body.success == true".to_owned(),
    }
}

/// Makes every constant name (`body.result.ok`, `headers["x-result"]`) one variable, so that what is missing is null.
struct Names {
    paths: Vec<Vec<String>>,
}

impl Names {
    /// `locals` are the variables of a loop around the node.
    fn resolve(&mut self, node: &IdedExpr, locals: &[String]) -> Result<IdedExpr, Fault> {
        if let Some((path, presence)) = segments(node)
            && !locals.contains(&path[0])
        {
            if !NAMES.contains(&path[0].as_str()) {
                let hint = format!("the names are {}", NAMES.join(", "));
                return Err(Fault::new(root_of(node), format!("there is nothing named {:?}", path[0]), hint));
            }
            let number = self.number(path);
            let name = if presence { format!("${number}?") } else { format!("${number}") };
            return Ok(IdedExpr { id: node.id, expr: Expr::Ident(name) });
        }
        let expr = match &node.expr {
            Expr::Ident(_) | Expr::Literal(_) => node.expr.clone(),
            Expr::Call(call) => Expr::Call(self.call(node.id, call, locals)?),
            Expr::Comprehension(over) => Expr::Comprehension(Box::new(self.each(node.id, over, locals)?)),
            Expr::List(list) => {
                let mut list = list.clone();
                for element in &mut list.elements {
                    *element = self.resolve(element, locals)?;
                }
                Expr::List(list)
            }
            Expr::Map(map) => {
                let mut map = map.clone();
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        entry.key = self.resolve(&entry.key, locals)?;
                        entry.value = self.resolve(&entry.value, locals)?;
                    }
                }
                Expr::Map(map)
            }
            Expr::Select(select) => {
                let mut select = select.clone();
                *select.operand = self.resolve(&select.operand, locals)?;
                Expr::Select(select)
            }
            Expr::Struct(_) | Expr::Unspecified => {
                return Err(Fault::new(
                    node.id,
                    "this is no test",
                    "compare something: body.success == true",
                ));
            }
        };
        Ok(IdedExpr { id: node.id, expr })
    }

    fn call(&mut self, id: u64, call: &CallExpr, locals: &[String]) -> Result<CallExpr, Fault> {
        let is_operator = !call.func_name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !is_operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
            let hint = format!("the functions are {}", FUNCTIONS.join(", "));
            return Err(Fault::new(id, format!("there is no function {:?}", call.func_name), hint));
        }
        let target = call.target.as_ref().map(|target| self.resolve(target, locals)).transpose()?;
        let args = call.args.iter().map(|arg| self.resolve(arg, locals)).collect::<Result<_, _>>()?;
        Ok(CallExpr { func_name: call.func_name.clone(), target: target.map(Box::new), args })
    }

    fn each(
        &mut self,
        id: u64,
        over: &ComprehensionExpr,
        locals: &[String],
    ) -> Result<ComprehensionExpr, Fault> {
        if !locals.is_empty() {
            let hint = "one exists, all, map or filter may not stand in another";
            return Err(Fault::new(id, "a loop in a loop", hint));
        }
        let mut inner = vec![over.iter_var.clone(), over.accu_var.clone()];
        inner.extend(over.iter_var2.clone());
        Ok(ComprehensionExpr {
            // In its range a loop would multiply the cost, too.
            iter_range: self.resolve(&over.iter_range, &[String::new()])?,
            iter_var: over.iter_var.clone(),
            iter_var2: over.iter_var2.clone(),
            accu_var: over.accu_var.clone(),
            accu_init: self.resolve(&over.accu_init, &inner)?,
            loop_cond: self.resolve(&over.loop_cond, &inner)?,
            loop_step: self.resolve(&over.loop_step, &inner)?,
            result: self.resolve(&over.result, &inner)?,
        })
    }

    fn number(&mut self, path: Vec<String>) -> usize {
        self.paths.iter().position(|other| *other == path).unwrap_or_else(|| {
            self.paths.push(path);
            self.paths.len() - 1
        })
    }
}

/// The segments of a constant name, and whether only its presence is asked (`has`).
fn segments(node: &IdedExpr) -> Option<(Vec<String>, bool)> {
    match &node.expr {
        Expr::Ident(name) => Some((vec![name.clone()], false)),
        Expr::Select(select) => {
            let (mut path, false) = segments(&select.operand)? else { return None };
            path.push(select.field.clone());
            Some((path, select.test))
        }
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] => {
                let (mut path, false) = segments(of)? else { return None };
                path.push(key.inner().to_owned());
                Some((path, false))
            }
            _ => None,
        },
        Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Unspecified => None,
    }
}

/// The node at which a name begins: CEL places a field at its dot.
fn root_of(node: &IdedExpr) -> u64 {
    match &node.expr {
        Expr::Select(select) => root_of(&select.operand),
        Expr::Call(call) if call.func_name == operators::INDEX => call.args.first().map_or(node.id, root_of),
        Expr::Ident(_)
        | Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Unspecified => node.id,
    }
}

/// An answer behind the names of a test.
struct Facts<'a> {
    reply: &'a Reply,
    body: Option<Value>,
    paths: &'a [Vec<String>],
}

impl Facts<'_> {
    /// Null for what is missing.
    fn value(&self, path: &[String]) -> Box<dyn Val> {
        let Some((root, fields)) = path.split_first() else { return Box::new(CelNull) };
        let header = |name: &String| self.reply.headers.get(&name.to_ascii_lowercase());
        match (root.as_str(), fields) {
            ("status", []) => Box::new(CelInt::from(i64::from(self.reply.status))),
            ("text", []) => Box::new(CelString::from(self.reply.text.clone())),
            ("headers", []) => Box::new(map(self
                .reply
                .headers
                .iter()
                .map(|(name, value)| (name, Value::from(value.as_str()))))),
            ("headers", [name]) => match header(name) {
                Some(value) => Box::new(CelString::from(value.clone())),
                None => Box::new(CelNull),
            },
            ("body", fields) => {
                let body = self.body.as_ref();
                let found =
                    body.and_then(|body| fields.iter().try_fold(body, |value, field| value.get(field)));
                found.map_or_else(|| Box::new(CelNull) as Box<dyn Val>, cel)
            }
            _ => Box::new(CelNull),
        }
    }
}

impl VariableResolver for Facts<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let name = name.strip_prefix('$')?;
        let (number, presence) = name.strip_suffix('?').map_or((name, false), |number| (number, true));
        let value = self.value(self.paths.get(number.parse::<usize>().ok()?)?);
        Some(if presence {
            CowVal::owned(CelBool::from(value.as_ref().downcast_ref::<CelNull>().is_none()))
        } else {
            CowVal::Owned(value)
        })
    }
}

/// JSON as CEL has it. Whole numbers are `int`, so that they compare with what is written in a test.
fn cel(value: &Value) -> Box<dyn Val> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(is) => Box::new(CelBool::from(*is)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Box::new(CelInt::from(number)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Box::new(CelString::from(text.clone())),
        Value::Array(values) => Box::new(CelList::from(values.iter().map(cel).collect::<Vec<_>>())),
        Value::Object(fields) => Box::new(map(fields.iter().map(|(name, value)| (name, value.clone())))),
    }
}

fn map<'a>(fields: impl Iterator<Item = (&'a String, Value)>) -> CelMap<'static> {
    let fields = fields.map(|(name, value)| (CelMapKey::from(name.clone()), cel(&value)));
    CelMap::from(fields.collect::<HashMap<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(test: &str, status: u16, text: &str) -> Found {
        let headers = std::collections::BTreeMap::from([("x-result".to_owned(), "refused".to_owned())]);
        SuccessTest::parse(test).unwrap().try_on(&Reply { status, headers, text: text.to_owned() })
    }

    #[test]
    fn a_test_reads_status_body_text_and_headers() {
        let body = r#"{"success": true, "code": 0, "ratio": 0.5, "result": {"id": "7"}, "items": [{"ok": true}, {"ok": true}]}"#;
        for test in [
            "status == 200",
            "body.success",
            "body.success == true && body.code == 0",
            "body.ratio < 1.0",
            "body.result.id == '7'",
            "body[\"result\"].id == '7' && size(body.items) == 2",
            "body.items[1].ok",
            "body.items.all(item, item.ok)",
            "text.contains('success') && !text.startsWith('Error')",
            "headers['X-Result'] == 'refused' && headers['x-result'] != null",
            "status in [200, 201, 409]",
            "has(body.success) && !has(body.error)",
            "body.error == null && body.result.nothing.deeper == null",
        ] {
            assert_eq!(found(test, 200, body), Found::Taken, "{test}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let refused =
            found("body.success == true", 200, "{\"success\":false,\n \"error\":\"no such number\"}");
        let Found::Refused(why) = refused else { panic!("{refused:?}") };
        assert!(why.contains("no such number") && !why.contains('\n'), "{why}");
        for (test, text) in [
            ("body.success == true", "<html>Please log in</html>"),
            ("body.success == true", ""),
            ("body.success && true", "{}"),
            ("body.items.all(item, item.ok)", "[]"),
            ("body.code", r#"{"code": 1}"#),
            ("body.success", "{}"),
            ("null", "{}"),
            ("text == 'OK'", "Error: OK"),
            ("headers['x-absent'] == 'yes'", ""),
        ] {
            assert!(matches!(found(test, 200, text), Found::Refused(_)), "{test} on {text}");
        }
    }

    #[test]
    fn what_is_no_test_is_refused_with_its_place() {
        for (wrong, column, said) in [
            ("status = 200", None, "cannot be read"),
            ("status == 200 && bdoy.ok", Some(18), "bdoy"),
            ("body.matches('a+')", None, "matches"),
            ("body.a.all(x, body.b.all(y, y == x))", None, "loop in a loop"),
            ("body.a.filter(x, x > 1).all(y, y > 2)", None, "loop in a loop"),
            ("", None, "cannot be read"),
        ] {
            let error = SuccessTest::parse(wrong).unwrap_err();
            assert!(error.message.contains(said), "{wrong}: {error}");
            assert!(column.is_none() || error.column == column, "{wrong}: {error:?}");
            assert!(!error.hint.is_empty());
        }
        assert!(SuccessTest::parse(&format!("status == 200{}", " ".repeat(5_000))).is_err());
    }

    #[test]
    fn a_hostile_answer_ends_the_test_and_nothing_else() {
        let deep = format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000));
        for text in [deep.as_str(), "{\"success\": 1e999}", "\u{0}", "{\"success\":"] {
            assert!(matches!(found("body.success == true", 200, text), Found::Refused(_)));
        }
        let many = format!("[{}]", vec!["1"; 30_000].join(","));
        assert_eq!(found("body.all(x, x == 1)", 200, &many), Found::Taken);
    }
}
