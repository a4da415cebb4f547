//! From text to an expression: parsed, names resolved, cost bounded.

use std::sync::Arc;

use cel::{
    Program,
    common::ast::{ComprehensionExpr, EntryExpr, IdedEntryExpr, ListExpr},
};

use crate::{
    Ask, CallExpr, Error, Expr, LiteralValue, Node, Unknown, Variable,
    error::{Fault, column},
    operators,
    unreadable::unreadable,
};

/// An expression is at most this many characters long.
pub const MAX_LENGTH: usize = 4_096;

/// A list has at most this many elements.
pub const MAX_LIST: usize = 256;

/// Parts stand in each other at most this deep: `a + b + c` is two deep. Trying an expression costs stack for each.
pub const MAX_DEPTH: usize = 32;

/// The functions that every expression may call.
pub const FUNCTIONS: [&str; 9] =
    ["contains", "startsWith", "endsWith", "size", "int", "uint", "double", "string", "bool"];

/// What the expressions of one kind may name.
pub trait Names {
    /// What stands for a name until its value is asked for.
    type Name: PartialEq;

    /// An expression as it should be, for hints.
    const EXAMPLE: &'static str;

    /// A function that is a name, too.
    const SHORTHAND: Option<Shorthand> = None;

    /// What a constant name stands for: `ani.e164` and `ani["e164"]` are `["ani", "e164"]`, at least one segment.
    ///
    /// # Errors
    /// [`Unknown`] when it stands for nothing that there ever is.
    fn name(&self, segments: &[&str]) -> Result<Self::Name, Unknown>;
}

/// A function of one constant text that is short for a name: `open("office")` is `calendar.office`.
#[derive(Debug, Clone, Copy)]
pub struct Shorthand {
    /// `open`
    pub function: &'static str,
    /// `calendar`
    pub root: &'static str,
    /// `open("office")`, for hints.
    pub example: &'static str,
}

/// Compiles expressions, and collects what they name: each name once, however many expressions have it.
#[derive(Debug)]
pub struct Compiler<N: Names> {
    names: N,
    found: Vec<N::Name>,
}

/// An expression in which each constant name is one [`Variable`].
#[derive(Debug, Clone)]
pub struct Expression {
    root: Node,
    /// As it was parsed: its text, and where each node stands in it.
    parsed: Arc<Program>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Expression {
    /// The whole of it.
    #[must_use]
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.parsed.source_info().source
    }

    /// That a part of it cannot be used.
    pub fn error(&self, node: &Node, message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error {
            column: column(self.parsed.source_info(), node.id),
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// A constant name as it stands in an expression: `a.b`, `a["b"]`, `has(a.b)`.
struct Constant<'a> {
    segments: Vec<&'a str>,
    /// Where each segment stands. CEL places a field at its dot.
    nodes: Vec<u64>,
    ask: Ask,
}

impl<'a> Constant<'a> {
    fn of(node: &'a Node) -> Option<Self> {
        let (of, segment, ask) = match &node.expr {
            Expr::Ident(name) => {
                return Some(Self { segments: vec![name], nodes: vec![node.id], ask: Ask::Value });
            }
            Expr::Select(select) => {
                let ask = if select.test { Ask::Presence } else { Ask::Value };
                (&*select.operand, select.field.as_str(), ask)
            }
            Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
                [of, Node { expr: Expr::Literal(LiteralValue::String(key)), .. }] => {
                    (of, key.inner(), Ask::Value)
                }
                _ => return None,
            },
            Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Struct(_)
            | Expr::Unspecified => return None,
        };
        let mut name = Self::of(of).filter(|name| name.ask == Ask::Value)?;
        name.segments.push(segment);
        name.nodes.push(node.id);
        Some(Self { ask, ..name })
    }
}

/// The variables of the loop around a node; none around most. A loop's range has the empty one, which nothing is named.
type Locals<'a> = &'a [&'a str];

impl<N: Names> Compiler<N> {
    /// For expressions that may name these.
    pub const fn new(names: N) -> Self {
        Self { names, found: Vec::new() }
    }

    /// What was named, by the numbers of [`Variable`].
    #[must_use]
    pub fn into_names(self) -> Vec<N::Name> {
        self.found
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// [`Error`] when it is not CEL, names what is not there, or could cost too much.
    pub fn compile(&mut self, text: &str) -> Result<Expression, Error> {
        if text.chars().count() > MAX_LENGTH {
            let message = format!("longer than {MAX_LENGTH} characters");
            return Err(Error { column: None, message, hint: "make several of it".to_owned() });
        }
        let program = Program::compile(text).map_err(|errors| unreadable(text, &errors, N::EXAMPLE))?;
        let root = bounded(program.expression()).and_then(|()| self.resolve(program.expression(), &[]));
        let root = root.map_err(|fault| fault.at(program.source_info()))?;
        Ok(Expression { root, parsed: Arc::new(program) })
    }

    fn resolve(&mut self, node: &Node, locals: Locals<'_>) -> Result<Node, Fault> {
        if let Some(name) = Constant::of(node).filter(|name| !locals.contains(&name.segments[0])) {
            return Ok(Node { id: node.id, expr: Expr::Ident(self.variable(&name)?) });
        }
        let expr = match &node.expr {
            Expr::Ident(_) | Expr::Literal(_) => node.expr.clone(),
            Expr::Call(call) => match N::SHORTHAND.filter(|short| short.function == call.func_name) {
                Some(short) => Expr::Ident(self.shorthand(node.id, call, short)?),
                None => Expr::Call(self.call(node.id, call, locals)?),
            },
            Expr::Comprehension(over) => {
                Expr::Comprehension(Box::new(self.comprehension(node.id, over, locals)?))
            }
            Expr::List(list) => Expr::List(self.list(node.id, list, locals)?),
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
            Expr::Struct(new) => {
                return Err(Fault::new(
                    node.id,
                    format!("there is no type {:?}", new.type_name),
                    example::<N>(),
                ));
            }
            Expr::Unspecified => return Err(Fault::new(node.id, "a part is missing", example::<N>())),
        };
        Ok(Node { id: node.id, expr })
    }

    /// The identifier of a constant name; each name has one number.
    fn variable(&mut self, constant: &Constant<'_>) -> Result<String, Fault> {
        let name = self.names.name(&constant.segments).map_err(|unknown| {
            let node = constant.nodes[unknown.segment.min(constant.nodes.len() - 1)];
            Fault::new(node, unknown.message, unknown.hint)
        })?;
        let number = self.found.iter().position(|other| *other == name).unwrap_or_else(|| {
            self.found.push(name);
            self.found.len() - 1
        });
        Ok(Variable { number, ask: constant.ask }.to_string())
    }

    fn shorthand(&mut self, id: u64, call: &CallExpr, short: Shorthand) -> Result<String, Fault> {
        let Shorthand { function, root, example } = short;
        match (&call.target, call.args.as_slice()) {
            (None, [Node { expr: Expr::Literal(LiteralValue::String(name)), .. }]) => self
                .variable(&Constant { segments: vec![root, name.inner()], nodes: vec![id], ask: Ask::Value }),
            _ => {
                let message = format!("{function} takes the name of a {root}, in quotes");
                Err(Fault::new(id, message, format!("for example: {example}")))
            }
        }
    }

    fn call(&mut self, id: u64, call: &CallExpr, locals: Locals<'_>) -> Result<CallExpr, Fault> {
        let function = call.func_name.as_str();
        let is_operator = function.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        if !is_operator && !FUNCTIONS.contains(&function) {
            let short = N::SHORTHAND.map(|short| short.function);
            let hint = match function {
                "matches" => "use startsWith, endsWith or contains".to_owned(),
                _ => {
                    let functions: Vec<&str> = short.into_iter().chain(FUNCTIONS).collect();
                    format!("the functions are {}", functions.join(", "))
                }
            };
            return Err(Fault::new(id, format!("there is no function {function:?}"), hint));
        }
        let target = call.target.as_ref().map(|target| self.resolve(target, locals)).transpose()?;
        let args: Result<Vec<Node>, Fault> = call.args.iter().map(|arg| self.resolve(arg, locals)).collect();
        Ok(CallExpr { func_name: call.func_name.clone(), target: target.map(Box::new), args: args? })
    }

    fn comprehension(
        &mut self,
        id: u64,
        over: &ComprehensionExpr,
        locals: Locals<'_>,
    ) -> Result<ComprehensionExpr, Fault> {
        if !locals.is_empty() {
            let hint = "one exists, all, map or filter may not stand in another: prepare the value before";
            return Err(Fault::new(id, "a loop in a loop", hint));
        }
        let mut inner = vec![over.iter_var.as_str(), over.accu_var.as_str()];
        inner.extend(over.iter_var2.as_deref());
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

    /// What a loop goes over. A loop in it would multiply the cost, and a map that is made in it has no order.
    fn range(&mut self, range: &Node) -> Result<Node, Fault> {
        let mut range = self.resolve(range, &[""])?;
        if let Expr::Ident(name) = &mut range.expr
            && let Some(Variable { number, ask: Ask::Value }) = Variable::of(name)
        {
            *name = Variable { number, ask: Ask::Elements }.to_string();
        }
        if matches!(range.expr, Expr::List(_)) || is_of_a_name(&range) {
            Ok(range)
        } else {
            Err(Fault::new(range.id, "a loop over something made up", "loop over a name or over a list"))
        }
    }

    fn list(&mut self, id: u64, list: &ListExpr, locals: Locals<'_>) -> Result<ListExpr, Fault> {
        let length = list.elements.len();
        if length > MAX_LIST {
            let message = format!("a list of {length} elements, at most {MAX_LIST} are allowed");
            return Err(Fault::new(id, message, "make several of it, or compare with startsWith"));
        }
        let elements: Result<Vec<Node>, Fault> =
            list.elements.iter().map(|element| self.resolve(element, locals)).collect();
        Ok(ListExpr { elements: elements?, optional_indices: list.optional_indices.clone() })
    }
}

/// That nothing stands too deep. It keeps a stack of its own: everything after it may recurse.
fn bounded(root: &Node) -> Result<(), Fault> {
    let mut open = vec![(root, 0)];
    while let Some((node, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            let message = format!("parts in each other more than {MAX_DEPTH} deep");
            return Err(Fault::new(node.id, message, "make several of it"));
        }
        let below = |part| (part, depth + 1);
        match &node.expr {
            Expr::Call(call) => open.extend(call.target.as_deref().into_iter().chain(&call.args).map(below)),
            Expr::Comprehension(over) => {
                let parts =
                    [&over.iter_range, &over.accu_init, &over.loop_cond, &over.loop_step, &over.result];
                open.extend(parts.map(below));
            }
            Expr::List(list) => open.extend(list.elements.iter().map(below)),
            Expr::Map(map) => open.extend(map.entries.iter().flat_map(parts).map(below)),
            Expr::Struct(new) => open.extend(new.entries.iter().flat_map(parts).map(below)),
            Expr::Select(select) => open.push(below(&select.operand)),
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }
    Ok(())
}

fn parts(entry: &IdedEntryExpr) -> impl Iterator<Item = &Node> {
    match &entry.expr {
        EntryExpr::MapEntry(entry) => [Some(&entry.key), Some(&entry.value)],
        EntryExpr::StructField(field) => [Some(&field.value), None],
    }
    .into_iter()
    .flatten()
}

/// Whether this is a name, or a part of what a name stands for: `body.items[0].parts`.
fn is_of_a_name(node: &Node) -> bool {
    match &node.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => is_of_a_name(&select.operand),
        Expr::Call(call) if call.func_name == operators::INDEX => call.args.first().is_some_and(is_of_a_name),
        Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Unspecified => false,
    }
}

fn example<N: Names>() -> String {
    format!("for example: {}", N::EXAMPLE)
}
