//! "Did you mean …?"

/// The candidate a mistyped word most likely meant, if any comes close.
pub(crate) fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A hint for a name that is none: the closest candidate, or all of them.
pub(crate) fn hint<'c>(
    word: &str,
    what: &str,
    candidates: impl IntoIterator<Item = &'c str> + Clone,
) -> String {
    if let Some(meant) = closest(word, candidates.clone()) {
        return format!("did you mean {meant:?}?");
    }
    let mut all: Vec<&str> = candidates.into_iter().collect();
    all.dedup();
    match all.len() {
        0 => format!("there is no {what}"),
        1..=14 => format!("one of {}", all.join(", ")),
        _ => format!("one of {}, …", all[..14].join(", ")),
    }
}

/// Edits between two words, a swap of neighbours counted as one (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 8 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_a_guess_is_not_made() {
        let keys = ["offer_timeout", "wrap_up", "strategy", "id"];
        for (word, meant) in [
            ("offer_timout", Some("offer_timeout")),
            ("offer-timeout", Some("offer_timeout")),
            ("wrapup", Some("wrap_up")),
            ("stratgey", Some("strategy")),
            ("Strategy", Some("strategy")),
            ("di", Some("id")),
            ("colour", None),
        ] {
            assert_eq!(closest(word, keys), meant, "{word}");
        }
    }

    #[test]
    fn without_a_close_candidate_the_hint_lists_them() {
        assert_eq!(hint("x", "queue", ["support", "sales"]), "one of support, sales");
        assert_eq!(hint("x", "queue", []), "there is no queue");
        assert_eq!(hint("suport", "queue", ["support", "sales"]), "did you mean \"support\"?");
    }
}
