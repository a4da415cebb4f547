//! Rules that can never take a call, because one before them takes all its calls.

use hookswitch_model::setup::{RouteSetup, RouteTarget};

/// A rule that can never take a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreachable {
    /// Its name.
    pub(crate) rule: String,
    /// The rule before it that takes every call it could take.
    pub(crate) behind: String,
}

/// The rules of which this can be told from their texts: one before it has no condition, or asks for nothing that this
/// one does not ask for as well (`a` before `a && b`).
pub(crate) fn unreachable(routes: &[RouteSetup]) -> Vec<Unreachable> {
    let asked: Vec<Vec<String>> =
        routes.iter().map(|route| route.when.as_deref().map(conjuncts).unwrap_or_default()).collect();
    let behind = |at: usize| {
        (0..at).find(|before| {
            // A caller comes back from a menu, and is not sent into it again.
            let keeps = !matches!(routes[*before].target, RouteTarget::Menu(_));
            keeps && asked[*before].iter().all(|condition| asked[at].contains(condition))
        })
    };
    let told = |(at, route): (usize, &RouteSetup)| {
        let behind = routes.get(behind(at)?)?.name.clone();
        Some(Unreachable { rule: route.name.clone(), behind })
    };
    routes.iter().enumerate().filter_map(told).collect()
}

/// The parts of `a && b && c`, each without spaces outside of quotes; a text with `||` outside of brackets is one part.
fn conjuncts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quote, mut alternatives) = (0_usize, None, false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some(open), _) => {
                quote = (c != open).then_some(open);
                if c == '\\' {
                    push(&mut parts, c);
                    push(&mut parts, rest.next().unwrap_or_default());
                    continue;
                }
            }
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '&') if depth == 0 && rest.peek() == Some(&'&') => {
                rest.next();
                parts.push(String::new());
                continue;
            }
            (None, '|' | '?') if depth == 0 => alternatives = true,
            (None, _) => {}
        }
        if quote.is_some() || !c.is_whitespace() {
            push(&mut parts, c);
        }
    }
    if alternatives { vec![text.split_whitespace().collect()] } else { parts }
}

fn push(parts: &mut [String], c: char) {
    if let Some(part) = parts.last_mut() {
        part.push(c);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn routes(conditions: &[Option<&str>]) -> Vec<RouteSetup> {
        let route = |(at, when): (usize, &Option<&str>)| {
            let route = json!({"name": at.to_string(), "when": when, "target": "hangup", "priority": 0,
                "requires": {}, "set": {}});
            serde_json::from_value(route).unwrap()
        };
        conditions.iter().enumerate().map(route).collect()
    }

    fn told(conditions: &[Option<&str>]) -> Vec<(String, String)> {
        unreachable(&routes(conditions)).into_iter().map(|found| (found.rule, found.behind)).collect()
    }

    fn pair(rule: &str, behind: &str) -> (String, String) {
        (rule.to_owned(), behind.to_owned())
    }

    #[test]
    fn a_rule_behind_one_that_asks_for_less_is_never_reached() {
        let sales = Some(r#"dnis == "1""#);
        let gold = Some(r#"customer.tier=="gold" && dnis  ==  "1""#);
        assert_eq!(told(&[sales, gold]), [pair("1", "0")]);
        assert_eq!(told(&[gold, sales]), []);
        assert_eq!(told(&[None, gold, sales]), [pair("1", "0"), pair("2", "0")]);
        assert_eq!(told(&[gold, gold]), [pair("1", "0")]);
    }

    #[test]
    fn what_stands_in_quotes_or_brackets_or_between_alternatives_is_not_taken_apart() {
        assert_eq!(conjuncts(r#"a == "x && y" && (b && c)"#), [r#"a=="x && y""#, "(b&&c)"]);
        assert_eq!(conjuncts(r#"a == "\" && b""#), [r#"a=="\" && b""#]);
        assert_eq!(conjuncts("a && b || c"), ["a&&b||c"]);
        assert_eq!(told(&[Some("a"), Some("a && b || c")]), []);
        assert_eq!(told(&[Some("a && b || c"), Some("a && b")]), [], "it could be told, but not by text");
        assert_eq!(told(&[Some("a"), Some("(a || b) && a")]), [pair("1", "0")]);
    }
}
