//! From text to a condition: parsed by CEL, names resolved, cost bounded, simple tests taken out.

use cel::{
    IdedExpr, ParseErrors, Program,
    common::ast::{
        CallExpr, ComprehensionExpr, EntryExpr, Expr, ListExpr, LiteralValue, SourceInfo, operators,
    },
};

use super::{
    RuleError,
    calendar::Calendars,
    condition::{Condition, Constant, Operator, Test, TextTest},
    facts::{Ask, Moment, Path, path_of, variable},
};

/// A condition is at most this many characters long.
const MAX_LENGTH: usize = 4_096;

/// A list has at most this many elements. A loop goes over a list, or over the attached data.
const MAX_LIST: usize = 256;

/// Functions of the interpreter that a condition may call.
const FUNCTIONS: [&str; 9] =
    ["contains", "startsWith", "endsWith", "size", "int", "uint", "double", "string", "bool"];

const NAMES: &str = "the names are ani, dnis, via, data, customer, now, pbx, trunk, calendar";

/// What is wrong with a condition: which node of it, what, and what to do.
struct Fault {
    node: u64,
    message: String,
    hint: String,
}

impl Fault {
    fn new(node: u64, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { node, message: message.into(), hint: hint.into() }
    }
}

/// Compiles conditions; collects the names they use.
pub(super) struct Compiler<'a> {
    calendars: &'a Calendars,
    paths: Vec<Path>,
}

/// What stands around an expression: the variables of loops.
#[derive(Clone, Default)]
struct Scope {
    locals: Vec<String>,
}

impl Scope {
    fn knows(&self, name: &str) -> bool {
        self.locals.iter().any(|local| local == name)
    }
}

impl<'a> Compiler<'a> {
    pub(super) const fn new(calendars: &'a Calendars) -> Self {
        Self { calendars, paths: Vec::new() }
    }

    pub(super) fn into_paths(self) -> Vec<Path> {
        self.paths
    }

    /// Compiles the condition of a rule.
    pub(super) fn compile(&mut self, rule: &str, when: &str) -> Result<Condition, RuleError> {
        if when.chars().count() > MAX_LENGTH {
            return Err(RuleError {
                rule: rule.to_owned(),
                column: None,
                message: format!("the condition is longer than {MAX_LENGTH} characters"),
                hint: "make several rules of it".to_owned(),
            });
        }
        let program = Program::compile(when).map_err(|errors| unreadable(rule, when, &errors))?;
        let resolved = self.resolve(program.expression(), &Scope::default());
        resolved.and_then(|expression| condition(&expression)).map_err(|fault| RuleError {
            rule: rule.to_owned(),
            column: column(program.source_info(), fault.node),
            message: fault.message,
            hint: fault.hint,
        })
    }

    /// The expression with every constant name (`ani.e164`, `data["x"]`, `open("office")`) made one variable.
    fn resolve(&mut self, node: &IdedExpr, scope: &Scope) -> Result<IdedExpr, Fault> {
        if let Some((segments, ask)) = segments(node)
            && !scope.knows(&segments[0])
        {
            let path = self.path(node, &segments)?;
            return Ok(IdedExpr { id: node.id, expr: Expr::Ident(variable(self.number(path), ask)) });
        }
        let expr = match &node.expr {
            Expr::Ident(_) | Expr::Literal(_) => node.expr.clone(),
            Expr::Call(call) if call.func_name == "open" => return self.open(node.id, call),
            Expr::Call(call) => Expr::Call(self.call(node.id, call, scope)?),
            Expr::Comprehension(over) => {
                Expr::Comprehension(Box::new(self.comprehension(node.id, over, scope)?))
            }
            Expr::List(list) => Expr::List(self.list(node.id, list, scope)?),
            Expr::Map(map) => {
                let mut map = map.clone();
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        entry.key = self.resolve(&entry.key, scope)?;
                        entry.value = self.resolve(&entry.value, scope)?;
                    }
                }
                Expr::Map(map)
            }
            Expr::Select(select) => {
                let mut select = select.clone();
                *select.operand = self.resolve(&select.operand, scope)?;
                Expr::Select(select)
            }
            Expr::Struct(new) => {
                return Err(Fault::new(node.id, format!("there is no type {:?}", new.type_name), NAMES));
            }
            Expr::Unspecified => {
                return Err(Fault::new(node.id, "a part is missing", "complete the condition"));
            }
        };
        Ok(IdedExpr { id: node.id, expr })
    }

    fn call(&mut self, id: u64, call: &CallExpr, scope: &Scope) -> Result<CallExpr, Fault> {
        let is_operator = !call.func_name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !is_operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
            let hint = match call.func_name.as_str() {
                "matches" => "use startsWith, endsWith or contains".to_owned(),
                _ => format!("the functions are open, {}", FUNCTIONS.join(", ")),
            };
            return Err(Fault::new(id, format!("there is no function {:?}", call.func_name), hint));
        }
        let target = call.target.as_ref().map(|target| self.resolve(target, scope)).transpose()?;
        let args: Result<Vec<IdedExpr>, Fault> =
            call.args.iter().map(|arg| self.resolve(arg, scope)).collect();
        Ok(CallExpr { func_name: call.func_name.clone(), target: target.map(Box::new), args: args? })
    }

    /// `open("office")` is `calendar.office`.
    fn open(&mut self, id: u64, call: &CallExpr) -> Result<IdedExpr, Fault> {
        let name = match (&call.target, call.args.as_slice()) {
            (None, [IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), .. }]) => name.inner(),
            _ => {
                let hint = "for example open(\"office\")";
                return Err(Fault::new(id, "open takes the name of a calendar, in quotes", hint));
            }
        };
        let path = self.calendar(id, name)?;
        Ok(IdedExpr { id, expr: Expr::Ident(variable(self.number(path), Ask::Value)) })
    }

    fn comprehension(
        &mut self,
        id: u64,
        over: &ComprehensionExpr,
        scope: &Scope,
    ) -> Result<ComprehensionExpr, Fault> {
        if !scope.locals.is_empty() {
            let hint = "one exists, all, map or filter may not stand in another: make several rules, or attach a \
                        prepared value in the IVR";
            return Err(Fault::new(id, "a loop in a loop", hint));
        }
        let mut inner = scope.clone();
        inner.locals.push(over.iter_var.clone());
        inner.locals.push(over.accu_var.clone());
        inner.locals.extend(over.iter_var2.clone());
        Ok(ComprehensionExpr {
            iter_range: self.range(&over.iter_range)?,
            iter_var: over.iter_var.clone(),
            iter_var2: over.iter_var2.clone(),
            accu_var: over.accu_var.clone(),
            accu_init: self.resolve(&over.accu_init, &inner)?,
            loop_cond: self.resolve(&over.loop_cond, &inner)?,
            loop_step: self.resolve(&over.loop_step, &inner)?,
            result: self.resolve(&over.result, &inner)?,
        })
    }

    /// What a loop goes over. It may hold no loop either: the cost would multiply.
    fn range(&mut self, range: &IdedExpr) -> Result<IdedExpr, Fault> {
        let mut range = self.resolve(range, &Scope { locals: vec![String::new()] })?;
        if let Expr::Ident(name) = &range.expr
            && let Some((path, Ask::Value)) = path_of(name)
            && matches!(self.paths[path], Path::AllData | Path::AllCustomer)
        {
            range.expr = Expr::Ident(variable(path, Ask::Keys));
        }
        Ok(range)
    }

    fn list(&mut self, id: u64, list: &ListExpr, scope: &Scope) -> Result<ListExpr, Fault> {
        if list.elements.len() > MAX_LIST {
            let message =
                format!("a list of {} elements, at most {MAX_LIST} are allowed", list.elements.len());
            return Err(Fault::new(id, message, "make several rules, or compare with startsWith"));
        }
        let elements: Result<Vec<IdedExpr>, Fault> =
            list.elements.iter().map(|element| self.resolve(element, scope)).collect();
        Ok(ListExpr { elements: elements?, optional_indices: list.optional_indices.clone() })
    }

    /// The number of a path; each path has one.
    fn number(&mut self, path: Path) -> usize {
        self.paths.iter().position(|other| *other == path).unwrap_or_else(|| {
            self.paths.push(path);
            self.paths.len() - 1
        })
    }

    fn path(&self, node: &IdedExpr, segments: &[String]) -> Result<Path, Fault> {
        let id = node.id;
        let (root, fields) = (segments[0].as_str(), &segments[1..]);
        let field = fields.first().map(String::as_str);
        if let [first, second, ..] = fields {
            let hint = format!("a key with a dot is written {root}[\"{}\"]", fields.join("."));
            return Err(Fault::new(
                id,
                format!("{root}.{first} is a value and has no field {second:?}"),
                hint,
            ));
        }
        let known = match (root, field) {
            ("ani", None | Some("raw")) => Some(Path::AniRaw),
            ("ani", Some("e164")) => Some(Path::AniE164),
            ("ani", Some("withheld")) => Some(Path::AniWithheld),
            ("ani", Some("name")) => Some(Path::AniName),
            ("dnis", None | Some("raw")) => Some(Path::DnisRaw),
            ("dnis", Some("e164")) => Some(Path::DnisE164),
            ("via", None | Some("raw")) => Some(Path::ViaRaw),
            ("via", Some("e164")) => Some(Path::ViaE164),
            ("via", Some("reason")) => Some(Path::ViaReason),
            ("data", None) => Some(Path::AllData),
            ("data", Some(key)) => Some(Path::Data(key.to_owned())),
            ("customer", None) => Some(Path::AllCustomer),
            ("customer", Some("id")) => Some(Path::CustomerId),
            ("customer", Some("name")) => Some(Path::CustomerName),
            ("customer", Some("match")) => Some(Path::CustomerMatch),
            ("customer", Some("score")) => Some(Path::CustomerScore),
            ("customer", Some(field)) => Some(Path::CustomerField(field.to_owned())),
            ("now", None) => Some(Path::Now(Moment::Iso)),
            ("now", Some(part)) => {
                Moment::ALL.into_iter().find(|(name, _)| *name == part).map(|(_, part)| Path::Now(part))
            }
            ("pbx", None) => Some(Path::Pbx),
            ("trunk", None) => Some(Path::Trunk),
            ("calendar", Some(name)) => return self.calendar(id, name),
            _ => None,
        };
        known.ok_or_else(|| unknown(node, root, field))
    }

    fn calendar(&self, id: u64, name: &str) -> Result<Path, Fault> {
        self.calendars.number(name).map(Path::Calendar).ok_or_else(|| {
            let names: Vec<&str> = self.calendars.names().collect();
            let hint = match names.as_slice() {
                [] => format!("add a [calendar.{name}] table"),
                _ => format!("the calendars are {}", names.join(", ")),
            };
            Fault::new(id, format!("there is no calendar {name:?}"), hint)
        })
    }
}

/// The segments of a constant name, and what is asked of it: `a.b`, `a["b"]`, `has(a.b)`.
fn segments(node: &IdedExpr) -> Option<(Vec<String>, Ask)> {
    match &node.expr {
        Expr::Ident(name) => Some((vec![name.clone()], Ask::Value)),
        Expr::Select(select) => {
            let (mut path, Ask::Value) = segments(&select.operand)? else { return None };
            path.push(select.field.clone());
            Some((path, if select.test { Ask::Presence } else { Ask::Value }))
        }
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] => {
                let (mut path, Ask::Value) = segments(of)? else { return None };
                path.push(key.inner().to_owned());
                Some((path, Ask::Value))
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

fn unknown(node: &IdedExpr, root: &str, field: Option<&str>) -> Fault {
    let fields = match root {
        "ani" => "raw, e164, withheld, name",
        "dnis" => "raw, e164",
        "via" => "raw, e164, reason",
        "now" => "hour, minute, second, weekday, day, month, year, date, time, iso",
        "pbx" | "trunk" => "none: it is text",
        "calendar" => "the names of the calendars, such as calendar.office",
        _ => {
            let hint = format!("{NAMES}; text stands in quotes: \"{root}\"");
            return Fault::new(root_of(node), format!("there is nothing named {root:?}"), hint);
        }
    };
    let message = match field {
        Some(field) => format!("{root} has no field {field:?}"),
        None => format!("{root} alone has no value"),
    };
    Fault::new(node.id, message, format!("the fields of {root} are {fields}"))
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

/// What the parser did not understand.
fn unreadable(rule: &str, when: &str, errors: &ParseErrors) -> RuleError {
    let first = errors.errors.first();
    let column = first.and_then(|error| usize::try_from(error.pos.1).ok()).map(|column| column.max(1));
    let said = first.map_or("", |error| error.msg.as_str());
    let hint = [
        (" and ", "write && for and"),
        (" or ", "write || for or"),
        (" not ", "write ! for not"),
        ("'", "a text starts and ends with the same quote"),
        ("\"", "a text starts and ends with the same quote"),
    ];
    let single_equals =
        when.replace("==", "").replace("!=", "").replace("<=", "").replace(">=", "").contains('=');
    let closed = |quote: &str| quote.len() == 1 && when.matches(quote).count().is_multiple_of(2);
    let hint = hint.into_iter().find(|(sign, _)| when.contains(sign) && !closed(sign)).map(|(_, hint)| hint);
    let hint = if single_equals { Some("write == to compare") } else { hint };
    RuleError {
        rule: rule.to_owned(),
        column,
        message: format!("the condition cannot be read: {}", said.lines().next().unwrap_or_default()),
        hint: hint.unwrap_or("for example: dnis == \"5003\" && customer.tier == \"gold\"").to_owned(),
    }
}

/// The parser counts bytes, people count characters.
fn column(source: &SourceInfo, node: u64) -> Option<usize> {
    let (start, _) = source.offset_for(node)?;
    let before = source.source.get(..usize::try_from(start).ok()?)?;
    Some(before.chars().count() + 1)
}

/// The logic of an expression, with its comparisons as tests.
fn condition(node: &IdedExpr) -> Result<Condition, Fault> {
    let Expr::Call(call) = &node.expr else { return test(node) };
    let parts = || call.args.iter().map(condition).collect::<Result<Vec<Condition>, Fault>>();
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
        (operators::LOGICAL_NOT, [part]) => Ok(Condition::Not(Box::new(condition(part)?))),
        (operators::CONDITIONAL, [a, b, c]) => {
            Ok(Condition::Choice(Box::new([condition(a)?, condition(b)?, condition(c)?])))
        }
        _ => test(node),
    }
}

fn test(node: &IdedExpr) -> Result<Condition, Fault> {
    let simple = match &node.expr {
        Expr::Ident(name) => match path_of(name) {
            Some((path, Ask::Value)) => Some(Test::Is(path)),
            Some((path, Ask::Presence)) => Some(Test::Has(path)),
            Some((_, Ask::Keys)) | None => None,
        },
        Expr::Literal(LiteralValue::Boolean(is)) => return Ok(Condition::Always(*is.inner())),
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => {
            let hint = "compare it with something: dnis == \"5003\"";
            return Err(Fault::new(node.id, "the condition is not true or false", hint));
        }
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

/// The path of a name that stands alone.
fn plain(node: &IdedExpr) -> Option<usize> {
    let Expr::Ident(name) = &node.expr else { return None };
    path_of(name).filter(|(_, ask)| *ask == Ask::Value).map(|(path, _)| path)
}

fn constant(node: &IdedExpr) -> Option<Constant> {
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
