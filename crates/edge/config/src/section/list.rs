//! `[list.*]`: numbers and other texts that rules look things up in.

use toml::de::DeValue;

use crate::read::{
    Node, Reader,
    value::{line, some},
};

/// A list: its numbers, then its values.
pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Vec<String>> {
    let mut fields = reader.fields(node)?;
    let numbers = fields.optional("numbers", some(number));
    let values = fields.optional("values", some(line));
    if !fields.has("numbers") && !fields.has("values") {
        let hint = "as in numbers = [\"+49305550001\", \"+49900*\"] or values = [\"4711\"]";
        fields.error_at("numbers", "nothing is in this list", hint);
    }
    fields.finish();
    let mut entries = numbers.unwrap_or_default();
    entries.extend(values.unwrap_or_default());
    Some(entries)
}

/// A number, or with `*` at its end what numbers begin with.
fn number(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    if let DeValue::Integer(integer) = node.value {
        let hint =
            format!("put it in quotes: \"{}\"; a plus sign and zeros in front count", integer.as_str());
        reader.error(node, "a number without quotes", hint);
        return None;
    }
    let text = line(reader, node)?;
    let number = text.strip_suffix('*').unwrap_or(&text);
    let is_number = number.bytes().any(|b| b.is_ascii_digit())
        && number
            .bytes()
            .enumerate()
            .all(|(at, b)| b.is_ascii_digit() || b" -./()".contains(&b) || b == b'+' && at == 0);
    if !is_number {
        let hint =
            "as in \"+49305550001\"; \"+49900*\" stands for all that begin so; other texts go into `values`";
        reader.error(node, format!("{text:?} is no number"), hint);
    }
    is_number.then_some(text)
}
