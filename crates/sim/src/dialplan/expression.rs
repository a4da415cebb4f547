//! `${VARIABLES}`, `${FUNCTIONS(…)}` and `$[expressions]`.

/// Where names get their values.
pub(crate) trait Lookup {
    /// A variable's value; empty when it is not set.
    fn variable(&self, name: &str) -> String;
    /// A dialplan function's value.
    fn function(&self, name: &str, argument: &str) -> String;
}

/// Replaces every variable, function and expression in the text, inner ones first.
pub(crate) fn substitute(text: &str, lookup: &dyn Lookup) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let (open, close) = match tail.as_bytes().get(1) {
            Some(b'{') => (b'{', b'}'),
            Some(b'[') => (b'[', b']'),
            _ => {
                out.push('$');
                rest = &tail[1..];
                continue;
            }
        };
        let Some(end) = closing(tail.as_bytes(), open, close) else {
            out.push_str(tail);
            return out;
        };
        let inner = substitute(&tail[2..end], lookup);
        match open {
            b'{' => out.push_str(&variable(&inner, lookup)),
            _ => out.push_str(&evaluate(&inner)),
        }
        rest = &tail[end + 1..];
    }
    out.push_str(rest);
    out
}

/// Position of the bracket that closes the one at index 1.
fn closing(bytes: &[u8], open: u8, close: u8) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// The value of what stands between `${` and `}`: `NAME`, `NAME:offset:length` or `FUNC(argument)`.
fn variable(text: &str, lookup: &dyn Lookup) -> String {
    if let Some((name, rest)) = text.split_once('(')
        && let Some(end) = rest.rfind(')')
    {
        return slice(&lookup.function(name, &rest[..end]), &rest[end + 1..]);
    }
    let (name, range) = text.find(':').map_or((text, ""), |at| text.split_at(at));
    slice(&lookup.variable(name), range)
}

/// Applies `:offset[:length]`, negative values counted from the end.
fn slice(value: &str, range: &str) -> String {
    let mut numbers = range.split(':').skip(1).map(|number| number.trim().parse::<i64>().unwrap_or(0));
    let Some(offset) = numbers.next() else { return value.to_owned() };
    let len = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
    let start = if offset < 0 { (len + offset).max(0) } else { offset.min(len) };
    let end = match numbers.next() {
        None => len,
        Some(length) if length < 0 => len + length,
        Some(length) => (start + length).min(len),
    };
    let count = usize::try_from(end - start).unwrap_or(0);
    value.chars().skip(usize::try_from(start).unwrap_or(0)).take(count).collect()
}

/// Whether the condition of a GotoIf or ExecIf holds: neither empty nor a zero.
pub(crate) fn evaluate_condition(text: &str) -> bool {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) => number != 0.0,
        Err(_) => !text.is_empty(),
    }
}

/// The value of an expression, `0` when it cannot be read.
fn evaluate(text: &str) -> String {
    let tokens = tokens(text);
    let mut parser = Parser { tokens: &tokens, at: 0 };
    let value = parser.or();
    if parser.at == tokens.len() { value } else { "0".to_owned() }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Operator(&'static str),
    Value(String),
}

/// Longest first, so that `<=` is not read as `<`.
const OPERATORS: [&str; 16] =
    ["!=", "<=", ">=", "=~", "=", "<", ">", "+", "-", "*", "/", "%", "|", "&", "(", ")"];

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').unwrap_or(quoted.len());
            tokens.push(Token::Value(quoted[..end].to_owned()));
            rest = quoted.get(end + 1..).unwrap_or_default();
        } else if let Some(operator) = OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
            tokens.push(Token::Operator(operator));
            rest = &rest[operator.len()..];
        } else if let Some(after) = rest.strip_prefix('!') {
            tokens.push(Token::Operator("!"));
            rest = after;
        } else {
            let ends = |c: char| c.is_whitespace() || "!<>=+-*/%|&()\"".contains(c);
            let end = rest.find(ends).unwrap_or(rest.len()).max(1);
            tokens.push(Token::Value(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    tokens
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl Parser<'_> {
    fn take(&mut self, operators: &[&'static str]) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some(Token::Operator(operator)) if operators.contains(operator) => {
                self.at += 1;
                Some(operator)
            }
            _ => None,
        }
    }

    fn or(&mut self) -> String {
        let mut left = self.and();
        while self.take(&["|"]).is_some() {
            let right = self.and();
            left = if truthy(&left) { left } else { right };
        }
        left
    }

    fn and(&mut self) -> String {
        let mut left = self.comparison();
        while self.take(&["&"]).is_some() {
            let right = self.comparison();
            left = if truthy(&left) && truthy(&right) { left } else { "0".to_owned() };
        }
        left
    }

    fn comparison(&mut self) -> String {
        let mut left = self.sum();
        while let Some(operator) = self.take(&["=", "!=", "<", ">", "<=", ">="]) {
            let right = self.sum();
            let order = match (left.parse::<f64>(), right.parse::<f64>()) {
                (Ok(left), Ok(right)) => left.partial_cmp(&right),
                _ => Some(left.cmp(&right)),
            };
            let holds = order.is_some_and(|order| match operator {
                "=" => order.is_eq(),
                "!=" => order.is_ne(),
                "<" => order.is_lt(),
                ">" => order.is_gt(),
                "<=" => order.is_le(),
                _ => order.is_ge(),
            });
            left = u8::from(holds).to_string();
        }
        left
    }

    fn sum(&mut self) -> String {
        let mut left = self.product();
        while let Some(operator) = self.take(&["+", "-"]) {
            let right = self.product();
            let sign = if operator == "+" { 1.0 } else { -1.0 };
            left = number(numeric(&left) + sign * numeric(&right));
        }
        left
    }

    fn product(&mut self) -> String {
        let mut left = self.unary();
        while let Some(operator) = self.take(&["*", "/", "%"]) {
            let right = numeric(&self.unary());
            left = number(match operator {
                "*" => numeric(&left) * right,
                _ if right == 0.0 => 0.0,
                "/" => numeric(&left) / right,
                _ => numeric(&left) % right,
            });
        }
        left
    }

    fn unary(&mut self) -> String {
        match self.take(&["!", "-"]) {
            Some("!") => u8::from(!truthy(&self.unary())).to_string(),
            Some(_) => number(-numeric(&self.unary())),
            None => self.value(),
        }
    }

    fn value(&mut self) -> String {
        if self.take(&["("]).is_some() {
            let inner = self.or();
            let _ = self.take(&[")"]);
            return inner;
        }
        match self.tokens.get(self.at) {
            Some(Token::Value(value)) => {
                self.at += 1;
                value.clone()
            }
            _ => String::new(),
        }
    }
}

fn truthy(value: &str) -> bool {
    evaluate_condition(value)
}

fn numeric(value: &str) -> f64 {
    value.trim().parse().unwrap_or(0.0)
}

fn number(value: f64) -> String {
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Values;

    impl Lookup for Values {
        fn variable(&self, name: &str) -> String {
            match name {
                "EXTEN" => "9493012345",
                "EPOCH" => "1795288757",
                "HS_HEARTBEAT" => "1795288740",
                "DIALSTATUS" => "ANSWER",
                "INDIRECT" => "EXTEN",
                _ => "",
            }
            .to_owned()
        }

        fn function(&self, name: &str, argument: &str) -> String {
            format!("<{name}|{argument}>")
        }
    }

    #[test]
    fn substitution_gives_what_asterisk_gives() {
        let table = [
            ("plain", "plain"),
            ("${EXTEN}", "9493012345"),
            ("a${EXTEN:1}b", "a493012345b"),
            ("${EXTEN:1:2}", "49"),
            ("${EXTEN:-4}", "2345"),
            ("${EXTEN:0:-4}", "949301"),
            ("${${INDIRECT}:1}", "493012345"),
            ("${CALLERID(num)}", "<CALLERID|num>"),
            ("${IF($[\"${X}\"=\"\"]?5001:${X})}", "<IF|1?5001:>"),
            ("$[${EPOCH} - 0${HS_HEARTBEAT} > 9]", "1"),
            ("$[${EPOCH} - 0${HS_HEARTBEAT} > 90]", "0"),
            ("$[${EPOCH} - 0${NEVER} > 9]", "1"),
            ("$[\"${DIALSTATUS}\" != \"ANSWER\"]", "0"),
            ("$[\"${DIALSTATUS}\"=\"ANSWER\"]", "1"),
            ("$[1 + 2 * 3]", "7"),
            ("$[(1 + 2) * 3]", "9"),
            ("$[\"a\" = \"a\" & 1 > 2]", "0"),
            ("$[\"\" | 5]", "5"),
            ("$[!0]", "1"),
            ("$5 and ${open", "$5 and ${open"),
        ];
        for (text, expected) in table {
            assert_eq!(substitute(text, &Values), expected, "{text}");
        }
    }

    #[test]
    fn a_condition_is_false_when_empty_or_zero() {
        assert!(!evaluate_condition(""));
        assert!(!evaluate_condition(" 0 "));
        assert!(evaluate_condition("1"));
        assert!(evaluate_condition("no"));
    }
}
