//! What a leg was told of the other side's voice, and what it told: one offer-answer at a time (RFC 3264).

use std::net::IpAddr;

use bytes::Bytes;
use hookswitch_media::sdp::{Description, Direction, Origin};

/// Both descriptions of a dialog.
#[derive(Debug)]
pub(crate) struct Voice {
    id: u64,
    version: u64,
    address: IpAddr,
    /// What they said last.
    pub(crate) heard: Option<Description>,
    /// What we said last.
    pub(crate) told: Option<Description>,
}

impl Voice {
    pub(crate) const fn new(id: u64, address: IpAddr) -> Self {
        // 62 bits: some phones read the number as a signed one.
        Self { id: id >> 2, version: 0, address, heard: None, told: None }
    }

    /// Says this to them: under an origin of ours, whose version goes up with every change (RFC 3264 section 8).
    pub(crate) fn tell(&mut self, mut description: Description) -> Bytes {
        if !self.told.as_ref().is_some_and(|told| same_lines(told, &description)) {
            self.version += 1;
        }
        let family = if self.address.is_ipv6() { "IP6" } else { "IP4" };
        description.set_origin(&Origin {
            user: "hookswitch".into(),
            id: self.id.to_string().into(),
            version: self.version.to_string().into(),
            place: format!("IN {family} {}", self.address).into(),
        });
        let bytes = description.to_string().into();
        self.told = Some(description);
        bytes
    }

    /// What they were told last, once more.
    pub(crate) fn repeat(&self) -> Option<Bytes> {
        self.told.as_ref().map(|told| told.to_string().into())
    }

    /// They hear nothing and nobody hears them. None when nothing was said yet.
    pub(crate) fn silenced(&self) -> Option<Description> {
        let mut description = self.told.clone().or_else(|| self.heard.clone())?;
        description.set_direction(Direction::Inactive);
        Some(description)
    }
}

/// As it is told to somebody new: nobody is held by it.
pub(crate) fn active(description: &Description) -> Description {
    let mut active = description.clone();
    active.set_direction(Direction::SendRecv);
    active
}

/// Whether both say the same of the voice, the direction included or not.
pub(crate) fn agrees(one: &Description, other: &Description, with_direction: bool) -> bool {
    let directions = !with_direction || one.direction() == other.direction();
    directions && same_lines(&active(one), &active(other))
}

/// The same but for who says it, and how it is called.
fn same_lines(one: &Description, other: &Description) -> bool {
    let counts = |description: &Description| -> Vec<_> {
        let lines = description.lines.iter().filter(|line| !matches!(line.letter, 'o' | 's' | 't'));
        lines.cloned().collect()
    };
    one.media == other.media && counts(one) == counts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Description {
        Description::parse(text.as_bytes()).unwrap()
    }

    const PHONE: &str =
        "v=0\r\no=a 5 9 IN IP4 10.0.0.1\r\ns=x\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

    #[test]
    fn the_version_goes_up_with_a_change_and_only_then() {
        let mut voice = Voice::new(40, IpAddr::from([192, 0, 2, 1]));
        let told = voice.tell(read(PHONE));
        assert!(std::str::from_utf8(&told).unwrap().contains("o=hookswitch 10 1 IN IP4 192.0.2.1\r\n"));
        assert!(std::str::from_utf8(&voice.tell(read(PHONE))).unwrap().contains(" 10 1 "));
        let other = read(&PHONE.replace("4000", "4002"));
        assert!(std::str::from_utf8(&voice.tell(other)).unwrap().contains(" 10 2 "));
    }

    #[test]
    fn a_missing_direction_is_both_ways() {
        let (plain, said) = (read(PHONE), read(&format!("{PHONE}a=sendrecv\r\n")));
        assert!(agrees(&plain, &said, true));
        let held = read(&format!("{PHONE}a=sendonly\r\n"));
        assert!(!agrees(&plain, &held, true) && agrees(&plain, &held, false));
        assert!(agrees(&active(&held), &plain, true));
    }

    #[test]
    fn who_is_silenced_hears_of_the_same_place_inactive() {
        let mut voice = Voice::new(1, IpAddr::from([192, 0, 2, 1]));
        assert_eq!(voice.silenced(), None);
        voice.tell(read(PHONE));
        let silenced = voice.silenced().unwrap();
        assert_eq!(silenced.direction(), Direction::Inactive);
        assert_eq!(silenced.target(), read(PHONE).target());
    }
}
