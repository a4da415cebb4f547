//! `ok_if`: whether an answer means that the delivery was taken, for receivers whose status does not tell.
//!
//! An [expression](hookswitch_expression) over `status` (a number), `text` (the body as it came), `body` (the body as
//! JSON; null when it is none) and `headers` (by their names in small letters). What is missing is null and never an
//! error, as in routing rules: `body.error == null` holds where there is no `error`. Answers are short, so that the cost
//! of a test is bounded, too.

use hookswitch_egress::Reply;
use hookswitch_expression::{Compiler, Error, Expression, Facts, Interpreter, Names, Unknown, Value};

/// What an expression may name.
const NAMES: [&str; 4] = ["status", "body", "text", "headers"];

/// The test, compiled.
#[derive(Debug, Clone)]
pub struct SuccessTest {
    expression: Expression,
    /// `body.result.ok` is one name: its number here.
    names: Vec<Name>,
    interpreter: Interpreter,
}

impl PartialEq for SuccessTest {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
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
    /// When it is not CEL, names what is not there, or could cost too much.
    pub fn parse(source: &str) -> Result<Self, Error> {
        let mut compiler = Compiler::new(AnswerNames);
        let expression = compiler.compile(source)?;
        Ok(Self { expression, names: compiler.into_names(), interpreter: Interpreter::default() })
    }

    /// Tries an answer.
    pub(crate) fn try_on(&self, reply: &Reply) -> Found {
        let body = serde_json::from_str(&reply.text).unwrap_or_default();
        let answer = Answer { reply, body, names: &self.names };
        let why = match self.interpreter.holds(self.expression.root(), &answer) {
            Ok(true) => return Found::Taken,
            Ok(false) => "false".to_owned(),
            Err(why) => why.to_string(),
        };
        Found::Refused(format!("ok_if: {why}: {}", excerpt(&reply.text)))
    }
}

/// The beginning of a body, on one line.
pub(crate) fn excerpt(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(120) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// One name of a test.
#[derive(Debug, Clone, PartialEq)]
enum Name {
    Status,
    Text,
    /// All headers, as a map.
    Headers,
    /// One, in small letters.
    Header(String),
    /// A value in the JSON, by the way to it.
    Body(Vec<String>),
}

struct AnswerNames;

impl Names for AnswerNames {
    type Name = Name;

    const EXAMPLE: &'static str = "status == 200 && body.success == true";

    fn name(&self, segments: &[&str]) -> Result<Name, Unknown> {
        match segments {
            ["status"] => Ok(Name::Status),
            ["text"] => Ok(Name::Text),
            ["headers"] => Ok(Name::Headers),
            ["headers", name] => Ok(Name::Header(name.to_ascii_lowercase())),
            ["body", fields @ ..] => Ok(Name::Body(fields.iter().map(|field| (*field).to_owned()).collect())),
            [root @ ("status" | "text"), field, ..] => {
                Err(Unknown::new(1, format!("{root} has no field {field:?}"), "what has fields is body"))
            }
            ["headers", name, field, ..] => {
                let hint = format!("a name with a dot is written headers[\"{name}.{field}\"]");
                Err(Unknown::new(2, format!("headers.{name} is text and has no field {field:?}"), hint))
            }
            [..] => {
                let root = segments.first().copied().unwrap_or_default();
                let hint = format!("the names are {}", NAMES.join(", "));
                Err(Unknown::new(0, format!("there is nothing named {root:?}"), hint))
            }
        }
    }
}

/// An answer behind the names of a test.
struct Answer<'a> {
    reply: &'a Reply,
    /// Null when it is no JSON.
    body: serde_json::Value,
    names: &'a [Name],
}

impl Facts for Answer<'_> {
    fn value(&self, number: usize) -> Value<'_> {
        match &self.names[number] {
            Name::Status => Value::Int(self.reply.status.into()),
            Name::Text => Value::Text(self.reply.text.as_str().into()),
            Name::Headers => Value::Fields(&self.reply.headers),
            Name::Header(name) => {
                self.reply.headers.get(name).map_or(Value::Null, |value| Value::Text(value.into()))
            }
            Name::Body(fields) => {
                let found = fields.iter().try_fold(&self.body, |value, field| value.get(field));
                found.map_or(Value::Null, Value::from)
            }
        }
    }
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
