//! Until when a certificate is valid (RFC 5280 section 4.1.2.5): the two times of its `Validity`, nothing else of it.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `notBefore` and `notAfter`; none when it is no certificate.
pub(super) fn validity(der: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    // version (absent in X.509 v1), serial number, signature, issuer
    if rest.first() == Some(&VERSION) {
        rest = element(rest, VERSION)?.1;
    }
    for _ in 0..3 {
        rest = element(rest, *rest.first()?)?.1;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (not_before, rest) = time(validity)?;
    let (not_after, _) = time(rest)?;
    Some((not_before, not_after))
}

/// The content of a DER element of this tag, and what follows it (X.690 sections 8.1 and 10.1).
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(length & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}

/// `YYMMDDHHMMSSZ` until 2049, `YYYYMMDDHHMMSSZ` after.
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let tag = *der.first().filter(|tag| matches!(**tag, UTC_TIME | GENERALIZED_TIME))?;
    let (text, rest) = element(der, tag)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, text) = if tag == UTC_TIME {
        let (year, text) = text.split_at_checked(2)?;
        let year: i16 = year.parse().ok()?;
        (if year < 50 { 2000 + year } else { 1900 + year }, text)
    } else {
        let (year, text) = text.split_at_checked(4)?;
        (year.parse().ok()?, text)
    };
    let mut pairs = [0_i8; 5];
    for (place, pair) in pairs.iter_mut().enumerate() {
        *pair = text.get(place * 2..place * 2 + 2)?.parse().ok()?;
    }
    let [month, day, hour, minute, second] = pairs;
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some((Offset::UTC.to_timestamp(civil).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl req -x509 -newkey ec … -subj /CN=x -not_before 20200101000000Z -not_after 20510101000000Z`, its first part.
    fn certificate(not_after: &[u8]) -> Vec<u8> {
        let times = [b"\x17\x0d200101000000Z".as_slice(), not_after].concat();
        let wrap = |tag: u8, content: &[u8]| {
            let mut der = vec![tag, 0x81, u8::try_from(content.len()).unwrap()];
            der.extend_from_slice(content);
            der
        };
        let tbs =
            [b"\xa0\x03\x02\x01\x02\x02\x01\x07\x30\x00\x30\x00".as_slice(), &wrap(0x30, &times)].concat();
        wrap(0x30, &wrap(0x30, &tbs))
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let until = |not_after| validity(&certificate(not_after)).unwrap().1.to_string();
        assert_eq!(until(b"\x17\x0d261122050000Z"), "2026-11-22T05:00:00Z");
        assert_eq!(until(b"\x18\x0f20510101000000Z"), "2051-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_no_certificate_is_none_and_never_a_panic() {
        let whole = certificate(b"\x17\x0d261122050000Z");
        for cut in 0..whole.len() {
            let _ = validity(&whole[..cut]);
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut broken = whole.clone();
                broken[at] ^= 1 << bit;
                let _ = validity(&broken);
            }
        }
        assert!(validity(b"").is_none());
        assert!(validity(&certificate(b"\x17\x0d269922050000Z")).is_none(), "there is no month 99");
    }
}
