//! Attached data, bounded: whoever writes on a call writes into memory, journal and every event.

use hookswitch_model::call::AttachedData;

/// Keys on one call.
const KEYS: usize = 128;
/// Bytes of a key.
const KEY_BYTES: usize = 128;
/// Bytes of a value.
const VALUE_BYTES: usize = 4_096;

/// Why data was not attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMuch {
    /// A key is empty or longer than 128 bytes.
    Key,
    /// A value is longer than 4,096 bytes.
    Value,
    /// The call would have more than 128 keys.
    Keys,
}

impl TooMuch {
    /// For people.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::Key => "a key is empty or longer than 128 bytes",
            Self::Value => "a value is longer than 4096 bytes",
            Self::Keys => "the call would have more than 128 keys",
        }
    }
}

/// Writes `changed` into `data`, all or nothing. Returns what is really new.
pub(crate) fn attach(data: &mut AttachedData, changed: AttachedData) -> Result<AttachedData, TooMuch> {
    if changed.keys().any(|key| key.is_empty() || key.len() > KEY_BYTES) {
        return Err(TooMuch::Key);
    }
    if changed.values().any(|value| value.len() > VALUE_BYTES) {
        return Err(TooMuch::Value);
    }
    let new: AttachedData = changed.into_iter().filter(|(key, value)| data.get(key) != Some(value)).collect();
    let added = new.keys().filter(|key| !data.contains_key(*key)).count();
    if data.len() + added > KEYS {
        return Err(TooMuch::Keys);
    }
    data.extend(new.clone());
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> AttachedData {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn only_what_is_new_counts_as_changed() {
        let mut call = data(&[("a", "1")]);
        assert_eq!(attach(&mut call, data(&[("a", "1"), ("b", "2")])), Ok(data(&[("b", "2")])));
        assert_eq!(call, data(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn too_much_is_refused_whole() {
        let mut call = AttachedData::new();
        let many = (0..200).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(attach(&mut call, many), Err(TooMuch::Keys));
        assert_eq!(attach(&mut call, data(&[("", "x")])), Err(TooMuch::Key));
        assert_eq!(attach(&mut call, [("k".to_owned(), "v".repeat(5_000))].into()), Err(TooMuch::Value));
        assert!(call.is_empty());
    }
}
