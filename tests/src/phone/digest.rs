//! Answers to challenges: RFC 2617 section 3.2.2, MD5 with `qop=auth` or without.

use md5::{Digest as _, Md5};

use super::dialog::token;

/// What stands in `Authorization`; none for a challenge this phone does not understand.
pub(super) fn credentials(
    challenge: &str,
    user: &str,
    password: &str,
    (method, uri): (&str, &str),
) -> Option<String> {
    let rest = challenge.strip_prefix("Digest ")?;
    let part = |name: &str| {
        rest.split(',').find_map(|part| {
            let (key, value) = part.trim().split_once('=')?;
            (key == name).then(|| value.trim_matches('"'))
        })
    };
    let (realm, nonce) = (part("realm")?, part("nonce")?);
    let secret = hex(&format!("{user}:{realm}:{password}"));
    let asked = hex(&format!("{method}:{uri}"));
    let mut text = format!("Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\"");
    let response = if part("qop").is_some() {
        let cnonce = token();
        text += &format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\"");
        hex(&format!("{secret}:{nonce}:00000001:{cnonce}:auth:{asked}"))
    } else {
        hex(&format!("{secret}:{nonce}:{asked}"))
    };
    text += &format!(", response=\"{response}\", algorithm=MD5");
    if let Some(opaque) = part("opaque") {
        text += &format!(", opaque=\"{opaque}\"");
    }
    Some(text)
}

fn hex(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_comes_out() {
        // RFC 2069 section 2.4 as corrected by its errata: no qop.
        let challenge = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let credentials =
            credentials(challenge, "Mufasa", "CircleOfLife", ("GET", "/dir/index.html")).unwrap();
        assert!(credentials.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{credentials}");
    }
}
