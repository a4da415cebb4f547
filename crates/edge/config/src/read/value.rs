//! Readers of single values. Each notes what is wrong and gives nothing then.

use std::{collections::BTreeMap, net::IpAddr, net::SocketAddr, path::PathBuf, str::FromStr};

use hookswitch_model::{InvalidName, Millis};
use toml::de::DeValue;

use super::{Node, Reader, join, span_of};
use crate::{HostPort, Secret, duration, suggest};

/// A string.
pub(crate) fn text(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    match node.value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => {
            reader.wrong_type(node, "a string", "put it in quotes");
            None
        }
    }
}

/// A string that is not empty and holds no control characters.
pub(crate) fn line(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    if text.trim().is_empty() {
        reader.error(node, "an empty string", "give a text, or leave the key out");
        return None;
    }
    if text.chars().any(char::is_control) {
        reader.error(node, "a control character in the text", "one line of plain text is meant");
        return None;
    }
    Some(text)
}

/// `true` or `false`.
pub(crate) fn boolean(reader: &mut Reader, node: &Node<'_>) -> Option<bool> {
    let value = node.value.as_bool();
    if value.is_none() {
        reader.wrong_type(node, "true or false", "write it without quotes");
    }
    value
}

/// A key that can only be `true`; left out it is not.
pub(crate) fn always_true(reader: &mut Reader, node: &Node<'_>) -> Option<()> {
    if boolean(reader, node)? {
        return Some(());
    }
    reader.error(node, "`false` says nothing here", "leave the key out, or give one of the others");
    None
}

/// A whole number in a range.
pub(crate) fn integer(least: i64, most: i64) -> impl Fn(&mut Reader, &Node<'_>) -> Option<i64> {
    move |reader, node| {
        let Some(integer) = node.value.as_integer() else {
            reader.wrong_type(node, "a whole number", "write digits without quotes");
            return None;
        };
        let value = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let value = value.filter(|value| (least..=most).contains(value));
        if value.is_none() {
            reader.error(node, format!("{} is out of range", integer.as_str()), format!("{least} to {most}"));
        }
        value
    }
}

/// A share, 0 to 1, zero not included.
pub(crate) fn share(reader: &mut Reader, node: &Node<'_>) -> Option<f64> {
    let number: Option<f64> = match node.value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(integer) => integer.as_str().parse().ok(),
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => {
            reader.wrong_type(node, "a share from 0 to 1", "write 80 % as 0.8");
            return None;
        }
    };
    let share = number.filter(|share| *share > 0.0 && *share <= 1.0);
    if share.is_none() {
        reader.error(node, "a share outside 0 to 1", "write 80 % as 0.8");
    }
    share
}

/// A duration that may be zero.
pub(crate) fn duration(reader: &mut Reader, node: &Node<'_>) -> Option<Millis> {
    const HINT: &str = "write a number with ms, s, m, h or d, as in \"20s\"";
    let text = match node.value {
        DeValue::String(text) => text,
        DeValue::Integer(integer) => {
            let hint = format!("write the unit, as in \"{}s\"", integer.as_str());
            reader.wrong_type(node, "a duration", &hint);
            return None;
        }
        DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => {
            reader.wrong_type(node, "a duration", HINT);
            return None;
        }
    };
    match duration::parse(text) {
        Ok(span) => Some(span),
        Err(why) => {
            reader.error(node, format!("{text:?} is no duration: {why}"), HINT);
            None
        }
    }
}

/// A duration within bounds.
pub(crate) fn duration_in(least: Millis, most: Millis) -> impl Fn(&mut Reader, &Node<'_>) -> Option<Millis> {
    move |reader, node| {
        let span = duration(reader, node)?;
        if (least..=most).contains(&span) {
            return Some(span);
        }
        let message = format!("{} is out of range", duration::show(span));
        reader.error(node, message, format!("{} to {}", duration::show(least), duration::show(most)));
        None
    }
}

/// A name: an id of ours.
pub(crate) fn name<T: FromStr<Err = InvalidName>>(reader: &mut Reader, node: &Node<'_>) -> Option<T> {
    match text(reader, node)?.parse() {
        Ok(name) => Some(name),
        Err(why) => {
            reader.error(node, why.to_string(), "1 to 64 letters, digits and - _ . @ +");
            None
        }
    }
}

/// One of a few words.
pub(crate) fn one_of<T: Copy>(
    choices: &'static [(&'static str, T)],
) -> impl Fn(&mut Reader, &Node<'_>) -> Option<T> {
    move |reader, node| {
        let text = text(reader, node)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let hint = suggest::hint(&text, "choice", choices.iter().map(|(word, _)| *word));
        reader.error(node, format!("{text:?} is not known here"), hint);
        None
    }
}

/// A list; what is wrong in it is left out.
pub(crate) fn list<'a, T>(
    item: impl Fn(&mut Reader, &Node<'a>) -> Option<T>,
) -> impl Fn(&mut Reader, &Node<'a>) -> Option<Vec<T>> {
    move |reader, node| {
        let nodes = items(reader, node)?;
        Some(nodes.iter().filter_map(|node| item(reader, node)).collect())
    }
}

/// A list that names at least one.
pub(crate) fn some<'a, T>(
    item: impl Fn(&mut Reader, &Node<'a>) -> Option<T>,
) -> impl Fn(&mut Reader, &Node<'a>) -> Option<Vec<T>> {
    let read = list(item);
    move |reader, node| {
        if node.value.as_array().is_some_and(|array| array.iter().next().is_none()) {
            reader.error(node, "an empty list", "name at least one");
            return None;
        }
        read(reader, node)
    }
}

/// The items of a list, each with its key.
pub(crate) fn items<'a>(reader: &mut Reader, node: &Node<'a>) -> Option<Vec<Node<'a>>> {
    let Some(array) = node.value.as_array() else {
        reader.wrong_type(node, "a list", "put it in brackets: [ ]");
        return None;
    };
    let mut nodes = Vec::new();
    for (index, value) in array.iter().enumerate() {
        let key = format!("{}[{index}]", node.key);
        let span = span_of(node.span.file, value.span());
        reader.note_place(&key, span);
        nodes.push(Node { key, span, value: value.get_ref() });
    }
    Some(nodes)
}

/// A table of keys that the user names; keys and values that are wrong are left out.
pub(crate) fn map<'a, K: Ord, V>(
    key_of: impl Fn(&str) -> Result<K, String>,
    read: impl Fn(&mut Reader, &Node<'a>) -> Option<V>,
) -> impl Fn(&mut Reader, &Node<'a>) -> Option<BTreeMap<K, V>> {
    move |reader, node| {
        let Some(table) = node.value.as_table() else {
            reader.wrong_type(node, "a table", "write it with braces: { key = value }");
            return None;
        };
        let mut map = BTreeMap::new();
        for (name, value) in table {
            let key = join(&node.key, name.get_ref());
            let span = span_of(node.span.file, value.span());
            reader.note_place(&key, span);
            match key_of(name.get_ref()) {
                Ok(name) => {
                    if let Some(value) = read(reader, &Node { key, span, value: value.get_ref() }) {
                        map.insert(name, value);
                    }
                }
                Err(hint) => {
                    let at = Node { key, span: span_of(node.span.file, name.span()), value: value.get_ref() };
                    reader.error(&at, format!("unknown key `{}`", name.get_ref()), hint);
                }
            }
        }
        Some(map)
    }
}

/// Any key of a [`map`].
#[expect(clippy::unnecessary_wraps, reason = "the shape of a key reader")]
pub(crate) fn any_key(key: &str) -> Result<String, String> {
    Ok(key.to_owned())
}

/// A key of a [`map`] that is a name of ours.
pub(crate) fn name_key<T: FromStr<Err = InvalidName>>(key: &str) -> Result<T, String> {
    key.parse().map_err(|why: InvalidName| why.to_string())
}

/// A path, relative to the file it stands in.
pub(crate) fn path(reader: &mut Reader, node: &Node<'_>) -> Option<PathBuf> {
    let text = line(reader, node)?;
    Some(reader.sources().folder(node.span.file).join(text))
}

/// A secret. Its text is never part of a problem.
pub(crate) fn secret(reader: &mut Reader, node: &Node<'_>) -> Option<Secret> {
    const HINT: &str = "{ env = \"NAME\" } or { file = \"PATH\" }";
    match node.value {
        DeValue::String(text) if text.is_empty() => {
            reader.error(node, "an empty secret", HINT);
            None
        }
        DeValue::String(text) => Some(Secret::plain(text)),
        DeValue::Table(_) => {
            let folder = reader.sources().folder(node.span.file).to_owned();
            let mut fields = reader.fields(node)?;
            let env = fields.optional("env", variable).map(|name| Secret::env(&name));
            let file = fields.optional("file", line).map(|path| Secret::file(path.as_ref(), &folder));
            fields.exactly_one(&["env", "file"]);
            fields.finish();
            env.or(file)
        }
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => {
            reader.wrong_type(node, "a secret", HINT);
            None
        }
    }
}

fn variable(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let name = text(reader, node)?;
    let valid = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !valid {
        let hint = "its name, as in HOOKSWITCH_AMI_SECRET; a secret itself does not belong here";
        reader.error(node, "no name of an environment variable", hint);
    }
    valid.then_some(name)
}

/// An address to connect to: `host:port`.
pub(crate) fn host_port(example: &'static str) -> impl Fn(&mut Reader, &Node<'_>) -> Option<HostPort> {
    move |reader, node| {
        let text = text(reader, node)?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(why) => {
                reader.error(
                    node,
                    format!("{text:?} is no address: {why}"),
                    format!("host and port, as in {example:?}"),
                );
                None
            }
        }
    }
}

/// An address to listen on: IP and port.
pub(crate) fn listen(reader: &mut Reader, node: &Node<'_>) -> Option<SocketAddr> {
    let text = text(reader, node)?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            let hint = match text.strip_prefix("localhost") {
                Some(rest) if text.contains(':') => format!("write 127.0.0.1{rest}"),
                _ => "IP address and port, as in 127.0.0.1:8088 or [::1]:8088".to_owned(),
            };
            reader.error(node, format!("{text:?} is no address to listen on"), hint);
            None
        }
    }
}

/// A URL of the web, which may be a template.
pub(crate) fn url(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    match check_url(&text) {
        Ok(()) => Some(text),
        Err(why) => {
            reader.error(node, format!("{text:?} is no URL: {why}"), "as in https://crm.example.com/path");
            None
        }
    }
}

fn check_url(text: &str) -> Result<(), &'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or("it does not begin with https:// or http://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains("{{") {
        return Err("the host may not come from a template");
    }
    if authority.contains('@') {
        return Err("a user or password in it would end up in logs");
    }
    if text.split("{{").enumerate().any(|(part, text)| {
        let outside = if part == 0 { text } else { text.split_once("}}").map_or("", |(_, after)| after) };
        outside.contains(char::is_whitespace)
    }) {
        return Err("there is a space in it");
    }
    let with_port =
        if port_of(authority).is_some() { authority.to_owned() } else { format!("{authority}:80") };
    with_port.parse::<HostPort>().map(|_| ()).map_err(|_| "the host or port is wrong")
}

fn port_of(authority: &str) -> Option<&str> {
    let after_bracket = authority.rsplit(']').next().unwrap_or(authority);
    after_bracket.rsplit_once(':').map(|(_, port)| port)
}

/// A template, noted for the check by those who know templates.
pub(crate) fn template(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    if text.trim().is_empty() {
        reader.error(node, "an empty template", "give a text, or leave the key out");
        return None;
    }
    reader.templates.push((node.key.clone(), text.clone()));
    Some(text)
}

/// A URL that is a template.
pub(crate) fn url_template(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    url(reader, node)?;
    template(reader, node)
}

/// A CEL expression, noted for the check by those who know CEL.
pub(crate) fn expression(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = condition(reader, node)?;
    reader.expressions.push((node.key.clone(), text.clone()));
    Some(text)
}

/// A CEL expression that is checked with the whole setup.
pub(crate) fn condition(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    if text.trim().is_empty() {
        reader.error(node, "an empty condition", "leave the key out to match always");
        return None;
    }
    Some(text)
}

/// A number to dial inside the PBX's dialplan.
pub(crate) fn number(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    let valid = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+*#.-".contains(&b));
    if !valid {
        reader.error(node, format!("{text:?} cannot be dialled"), "digits, + * #, and letters; no spaces");
    }
    valid.then_some(text)
}

/// A network: `192.0.2.0/24`, or one address.
pub(crate) fn network(reader: &mut Reader, node: &Node<'_>) -> Option<(IpAddr, u8)> {
    let text = text(reader, node)?;
    let parsed = || -> Option<(IpAddr, u8)> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text.as_str(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some((address, bits))
    };
    let network = parsed();
    if network.is_none() {
        reader.error(node, format!("{text:?} is no network"), "as in 192.0.2.0/24 or 192.0.2.7");
    }
    network
}
