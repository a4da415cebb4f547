//! `[menu.*]`: what callers are asked before a queue takes them.

use std::collections::BTreeMap;

use hookswitch_model::{
    MenuId, Millis,
    setup::{MenuSetup, MenuTakes},
};

use super::pbx::word;
use crate::{
    defaults, duration,
    read::{
        Fields, Node, Reader,
        value::{duration_in, integer, line, map, text},
    },
};

/// Characters of what a key stands for, beside letters and digits.
const VALUE: &str = "-_./+@*#";

pub(crate) fn read(reader: &mut Reader, name: &str, node: &Node<'_>) -> Option<(MenuId, MenuSetup)> {
    let id = menu_name(reader, name, node);
    let mut fields = reader.fields(node)?;
    let prompt = fields.required("prompt", "sounds of the PBX, as in \"welcome&sales-or-support\"", sounds);
    let bounds = duration_in(Millis::from_secs(1), Millis::from_secs(60));
    let timeout = fields.or("timeout", defaults::MENU_TIMEOUT, bounds);
    whole_seconds(&mut fields, "timeout", timeout);
    let retries = fields.or("retries", defaults::MENU_RETRIES, integer(0, 9));
    let invalid = fields.optional("invalid", sounds);
    let choices = fields.optional("choices", choices).map(MenuTakes::Choices);
    let collect = fields.optional("collect", collect);
    fields.exactly_one(&["choices", "collect"]);
    let otherwise = fields.optional("otherwise", word(VALUE));
    let data = fields.or("data", format!("ivr.{}", name.to_lowercase()), data);
    fields.finish();
    let setup = MenuSetup {
        prompt: prompt?,
        timeout,
        retries: u32::try_from(retries).unwrap_or_default(),
        invalid,
        takes: choices.or(collect)?,
        otherwise,
        data,
    };
    Some((id?, setup))
}

fn menu_name(reader: &mut Reader, name: &str, node: &Node<'_>) -> Option<MenuId> {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let id = MenuId::new(name).ok().filter(|_| plain);
    if id.is_none() {
        reader.error(
            node,
            format!("{name:?} is no name of a menu"),
            "letters, digits and - _ . only: it stands in the dialplan",
        );
    }
    id
}

/// The dialplan counts in whole seconds.
fn whole_seconds(fields: &mut Fields<'_, '_>, key: &str, time: Millis) {
    if !time.0.is_multiple_of(1_000) {
        let hint = format!("as in {:?}", duration::show(Millis::from_secs(time.as_secs_ceil())));
        fields.error_at(key, "the PBX counts in whole seconds", hint);
    }
}

/// Sounds of the PBX, `&` between them.
pub(crate) fn sounds(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = word("-_/.&")(reader, node)?;
    let is_sound = |sound: &str| sound.bytes().any(|b| !b.is_ascii_digit());
    let all = text.split('&').all(is_sound);
    if !all {
        let message = format!("{text:?} is no list of sounds");
        reader.error(
            node,
            message,
            "names with & between them, none a number alone, as in \"hello&digits/5\"",
        );
    }
    all.then_some(text)
}

fn choices(reader: &mut Reader, node: &Node<'_>) -> Option<BTreeMap<char, String>> {
    let choices = map(key, word(VALUE))(reader, node)?;
    if choices.is_empty() {
        reader.error(node, "no key does anything", "as in { \"1\" = \"sales\", \"2\" = \"support\" }");
    }
    Some(choices)
}

fn key(key: &str) -> Result<char, String> {
    let mut keys = key.chars();
    match (keys.next(), keys.next()) {
        (Some(key @ ('0'..='9' | '*' | '#')), None) => Ok(key),
        _ => Err("one key of a telephone: 0 to 9, * or #".to_owned()),
    }
}

/// `{ digits = 8, end = "#" }`.
fn collect(reader: &mut Reader, node: &Node<'_>) -> Option<MenuTakes> {
    let mut fields = reader.fields(node)?;
    let digits = fields.required("digits", "how many, as in 8", integer(1, 32));
    let end = fields.optional("end", end);
    fields.finish();
    Some(MenuTakes::Number { digits: u8::try_from(digits?).ok()?, early: end.is_some() })
}

fn end(reader: &mut Reader, node: &Node<'_>) -> Option<()> {
    let text = text(reader, node)?;
    if text != "#" {
        let hint = "\"#\"; or leave it out where all digits must come";
        reader.error(node, format!("{text:?} cannot end a number"), hint);
    }
    (text == "#").then_some(())
}

fn data(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
    if !plain {
        reader.error(
            node,
            format!("{text:?} is no name of data"),
            "small letters, digits and - _ ., as in \"ivr.main\"",
        );
    }
    plain.then_some(text)
}
