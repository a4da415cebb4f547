//! Claims about expressions, whatever is named in them.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::{collections::BTreeMap, fmt::Write as _};

use hookswitch_expression::{
    CannotTell, Compiler, Error, Facts, Interpreter, MAX_LENGTH, Names, Shorthand, Unknown, Value,
};
use proptest::prelude::*;
use serde_json::json;

/// Everything under `it` can be named; `desk("x")` is `it.x`.
struct It;

impl Names for It {
    type Name = Vec<String>;

    const EXAMPLE: &'static str = "it.is == true";

    const SHORTHAND: Option<Shorthand> =
        Some(Shorthand { function: "desk", root: "it", example: "desk(\"reception\")" });

    fn name(&self, segments: &[&str]) -> Result<Vec<String>, Unknown> {
        match segments {
            ["it", "nobody", ..] => Err(Unknown::new(1, "it has nobody", "ask somebody")),
            ["it", fields @ ..] => Ok(fields.iter().map(|field| (*field).to_owned()).collect()),
            [..] => Err(Unknown::new(0, format!("nothing is named {:?}", segments[0]), "say it")),
        }
    }
}

struct World {
    it: serde_json::Value,
    fields: BTreeMap<String, String>,
    names: Vec<Vec<String>>,
}

impl Facts for World {
    fn value(&self, number: usize) -> Value<'_> {
        let path = &self.names[number];
        if path == &["fields"] {
            return Value::Fields(&self.fields);
        }
        path.iter().try_fold(&self.it, |it, field| it.get(field)).map_or(Value::Null, Value::from)
    }
}

fn world(names: Vec<Vec<String>>) -> World {
    let it = json!({
        "is": true, "count": 3, "share": 0.5, "large": 18_446_744_073_709_551_615_u64, "name": "Ada",
        "nothing": null, "list": [1, 2, 3], "parts": [{"ok": true, "of": {"b": 1, "a": 2}}],
        "map": {"q": 1, "w": 2, "e": 3, "r": 4, "t": 5, "z": 6, "u": 7},
    });
    let fields = [("lang", "de"), ("ivr.choice", "2")];
    World { it, fields: fields.map(|(key, value)| (key.to_owned(), value.to_owned())).into(), names }
}

#[track_caller]
fn tell(text: &str) -> Result<bool, CannotTell> {
    let mut compiler = Compiler::new(It);
    let expression = compiler.compile(text).unwrap();
    assert_eq!(expression.text(), text);
    Interpreter::default().holds(expression.root(), &world(compiler.into_names()))
}

#[track_caller]
fn refused(text: &str) -> Error {
    Compiler::new(It).compile(text).unwrap_err()
}

#[test]
fn a_name_is_its_value_however_it_is_written() {
    for text in [
        "it.is",
        "it.count == 3 && it.share == 0.5 && it.large > 1.0 && it.name == 'Ada'",
        "it[\"name\"] == it.name",
        "desk(\"name\") == it.name",
        "it.parts[0].ok && it.parts[0].of.a == 2 && size(it.list) == 3",
        "it.fields['ivr.choice'] == null && it['fields']['lang'] == null",
        "size(it.fields) == 2 && 'lang' in it.fields",
        "it.list == [1, 2, 3]",
        "has(it.name) && !has(it.nothing) && !has(it.missing.altogether)",
    ] {
        assert_eq!(tell(text), Ok(true), "{text}");
    }
}

#[test]
fn what_is_missing_is_null_at_any_depth() {
    for text in ["it.missing == null", "it.name.first.letter == null", "it.nothing == it.missing"] {
        assert_eq!(tell(text), Ok(true), "{text}");
    }
    for text in ["it.missing == 'x'", "it.missing == 0", "it.missing == false", "it.missing in ['x', 0]"] {
        assert_eq!(tell(text), Ok(false), "{text}");
    }
}

#[test]
fn what_is_neither_true_nor_false_is_told() {
    assert_eq!(tell("it.count"), Err(CannotTell::Other("int".into())));
    assert_eq!(tell("it.missing"), Err(CannotTell::Other("null_type".into())));
    assert!(matches!(tell("it.name + 1 == 'x'"), Err(CannotTell::Failed(_))));
    assert!(matches!(tell("it.missing.startsWith('x')"), Err(CannotTell::Failed(_))));
}

#[test]
fn no_error_holds_a_value() {
    for text in [
        "it - it == 1",
        "it.name + 1 == 'x'",
        "it.name < it.count",
        "int(it.name) == 1",
        "it.list[7] == 1",
        "it.map[it.name] == 1",
        "it.map[it.list] == 1",
        "it.count / 0 == 1",
        "-it.name == 1",
        "9223372036854775807 + it.count == 1",
    ] {
        let why = tell(text).unwrap_err().to_string();
        let tells = ["Ada", "922337", "[1", "parts", "String("].iter().any(|value| why.contains(value));
        assert!(!tells && why.len() < 100, "{text}: {why}");
    }
}

#[test]
fn a_loop_over_a_map_goes_over_its_keys_in_their_order() {
    for text in [
        "it.map.map(key, key) == ['e', 'q', 'r', 't', 'u', 'w', 'z']",
        "it.fields.map(key, key) == ['ivr.choice', 'lang']",
        "it.map.filter(key, it.map[key] > 5) == ['u', 'z']",
        "it.list.all(one, one > 0) && it.parts.exists(part, part.ok)",
        "it.parts[0].of.exists(key, key == 'a')",
        "['a', 'it'].exists(it, it == 'it')",
    ] {
        assert_eq!(tell(text), Ok(true), "{text}");
    }
}

#[test]
fn what_cannot_be_used_is_told_with_its_place_and_what_would_do() {
    for (text, column, message, hint) in [
        ("that.is", Some(1), "nothing is named \"that\"", "say it"),
        ("it.is && it.nobody.knows", Some(12), "nobody", "ask somebody"),
        ("it.name == 'Köln' && that", Some(22), "nothing is named", "say it"),
        ("it.is &&\n it.count = 3", Some(20), "cannot be read", "=="),
        ("it.is and it.count", Some(7), "cannot be read", "&&"),
        ("it.is or it.count", Some(7), "cannot be read", "||"),
        ("it.name == 'Ada", Some(12), "cannot be read", "quote"),
        ("", Some(1), "cannot be read", "for example: it.is == true"),
        ("it.name.matches('A.*')", Some(16), "no function \"matches\"", "startsWith"),
        ("_odd(1)", Some(5), "no function \"_odd\"", "desk, contains"),
        ("desk(it.name)", Some(5), "desk takes the name of a it, in quotes", "desk(\"reception\")"),
        ("it.list.all(a, it.list.all(b, a == b))", Some(27), "a loop in a loop", "prepare"),
        ("it.list.map(a, a).exists(b, b == 1)", Some(12), "a loop in a loop", "prepare"),
        ("{'a': 1, 'b': 2}.map(key, key) == ['a', 'b']", Some(1), "made up", "over a list"),
        ("(it.is ? it.map : it.fields).map(key, key) == []", Some(8), "made up", "over a list"),
        ("Thing{a: 1} == it", Some(6), "no type \"Thing\"", "for example"),
    ] {
        let error = refused(text);
        assert!(error.message.contains(message) && error.hint.contains(hint), "{text}: {error:?}");
        assert_eq!(error.column, column, "{text}: {error:?}");
    }
}

#[test]
fn what_would_take_long_is_refused() {
    let list = |n: usize| format!("it.count in [{}]", vec!["1"; n].join(","));
    assert!(refused(&list(257)).message.contains("257 elements"));
    assert_eq!(tell(&list(256)), Ok(false));
    assert_eq!(tell(&format!("{} == 32", vec!["1"; 32].join("+"))), Ok(true));
    assert!(refused(&format!("{} == 1", vec!["1"; 34].join("+"))).message.contains("32 deep"));
    assert!(refused(&format!("it{}", ".a".repeat(33))).message.contains("32 deep"));
    let text = format!("it.name == '{}'", "x".repeat(MAX_LENGTH));
    assert!(refused(&text).message.contains("longer than 4096"));
    let short = format!("it.name == '{}'", "ö".repeat(MAX_LENGTH - 13));
    assert_eq!(tell(&short), Ok(false), "{} bytes, {MAX_LENGTH} characters", short.len());
}

#[test]
fn the_deepest_expression_there_can_be_is_read_or_refused() {
    let chain = |sign: &str, part: &str| {
        let mut text = part.to_owned();
        while text.len() + sign.len() + part.len() <= MAX_LENGTH {
            write!(text, "{sign}{part}").unwrap();
        }
        text
    };
    for text in [
        chain("+", "1"),
        chain("-", "1"),
        chain("&&", "it"),
        chain("||", "it"),
        chain("?1:", "1"),
        chain(".a", "it"),
        chain("!", ""),
        chain("[it", ""),
        chain("<", "1"),
        chain("size(", ""),
        chain("(", ""),
        format!("{}it.is", "!".repeat(MAX_LENGTH - 5)),
        format!("{}it.count", "-".repeat(MAX_LENGTH - 8)),
        format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000)),
        format!("it{}", ".is".repeat(1_300)),
        format!("it{}", "[0]".repeat(1_300)),
    ] {
        let mut compiler = Compiler::new(It);
        if let Ok(expression) = compiler.compile(&text) {
            let world = world(compiler.into_names());
            let told = Interpreter::default().holds(expression.root(), &world);
            assert_eq!(told, Interpreter::default().holds(expression.root(), &world), "{:.20}", text);
        }
    }
}

#[test]
fn each_name_has_one_number_in_all_expressions() {
    let mut compiler = Compiler::new(It);
    compiler.compile("it.a == it.b || has(it.a)").unwrap();
    compiler.compile("it['b'].exists(x, x == it.c)").unwrap();
    assert_eq!(compiler.into_names(), [["a"], ["b"], ["c"]]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in "(it|[a-z.()\\[\\]{}\"'&|!=<>?:+ 0-9$@,\\-]){0,60}") {
        let mut compiler = Compiler::new(It);
        if let Ok(expression) = compiler.compile(&text) {
            let world = world(compiler.into_names());
            let told = Interpreter::default().holds(expression.root(), &world);
            prop_assert_eq!(told, Interpreter::default().holds(expression.root(), &world));
        }
    }
}
