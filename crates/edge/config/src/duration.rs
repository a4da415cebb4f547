//! Durations as the configuration writes them: `"20s"`, `"10m"`, `"1h30m"`, `"800ms"`.

use hookswitch_model::Millis;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Longest duration: ten years. More is a slip, and sums of it must not overflow.
const LONGEST: u64 = 3_650 * 86_400_000;

/// Reads a duration; what is wrong is said for people.
pub(crate) fn parse(text: &str) -> Result<Millis, &'static str> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("it is empty");
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| "a number comes first")?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        if letters == 0 {
            let apart = rest.trim_start().starts_with(|c: char| c.is_ascii_alphabetic());
            return Err(if apart { "a space is before the unit" } else { "the unit is missing" });
        }
        let unit = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters]).ok_or("the unit is unknown")?;
        total = number.checked_mul(unit.1).and_then(|span| total.checked_add(span)).unwrap_or(u64::MAX);
        rest = rest[letters..].trim_start();
    }
    if total > LONGEST {
        return Err("it is longer than ten years");
    }
    Ok(Millis(total))
}

/// Writes a duration in its largest whole unit.
pub(crate) fn show(span: Millis) -> String {
    let (unit, size) = UNITS
        .into_iter()
        .rev()
        .find(|(_, size)| span.0 > 0 && span.0.is_multiple_of(*size))
        .unwrap_or(UNITS[1]);
    format!("{}{unit}", span.0 / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        for (text, millis) in [
            ("20s", 20_000),
            ("10m", 600_000),
            ("30d", 2_592_000_000),
            ("800ms", 800),
            ("0s", 0),
            ("7h", 25_200_000),
        ] {
            assert_eq!(parse(text), Ok(Millis(millis)), "{text}");
            assert_eq!(show(Millis(millis)), text);
        }
        assert_eq!(parse("1h30m"), Ok(Millis(5_400_000)));
        assert_eq!(parse(" 1m 30s "), Ok(Millis(90_000)));
        assert_eq!(show(Millis(90_000)), "90s");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            " ",
            "15 minutes",
            "20",
            "s",
            "-1s",
            "1.5s",
            "20 s",
            "20sec",
            "1y",
            "99999999999999999999s",
            "9999999d",
            "é",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
