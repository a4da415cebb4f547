//! Which way voice goes: RFC 3264 sections 5.1, 6.1 and 8.4.

/// `a=sendrecv` and its three kin, seen from who wrote the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// The writer talks and does not listen: the other side is held.
    SendOnly,
    /// The writer listens.
    RecvOnly,
    /// Neither: held both ways.
    Inactive,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive];

    /// The one that sends and receives so.
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// The name of its attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The one with this attribute's name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.name() == name)
    }

    /// Whether the writer talks.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer listens.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// Whether the writer holds the other side: it does not listen.
    pub const fn holds(self) -> bool {
        !self.receives()
    }

    /// As the other side sees it.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// What is answered to this offer by who wants `wish`: each way only where both want it (RFC 3264 section 6.1).
    #[must_use]
    pub const fn answered(self, wish: Self) -> Self {
        Self::of(wish.sends() && self.receives(), wish.receives() && self.sends())
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{self, Inactive, RecvOnly, SendOnly, SendRecv};

    #[test]
    fn answers_are_those_of_rfc_3264_section_6_1() {
        let table = [
            (SendRecv, SendRecv, SendRecv),
            (SendRecv, SendOnly, SendOnly),
            (SendRecv, RecvOnly, RecvOnly),
            (SendRecv, Inactive, Inactive),
            (SendOnly, SendRecv, RecvOnly),
            (SendOnly, RecvOnly, RecvOnly),
            (SendOnly, SendOnly, Inactive),
            (RecvOnly, SendRecv, SendOnly),
            (RecvOnly, SendOnly, SendOnly),
            (RecvOnly, RecvOnly, Inactive),
            (Inactive, SendRecv, Inactive),
        ];
        for (offered, wish, answer) in table {
            assert_eq!(offered.answered(wish), answer, "{offered:?} to who wants {wish:?}");
        }
    }

    #[test]
    fn who_does_not_listen_holds() {
        assert_eq!(Direction::ALL.map(Direction::holds), [false, true, false, true]);
    }

    #[test]
    fn both_sides_see_the_same_thing() {
        for direction in Direction::ALL {
            assert_eq!(direction.reversed().reversed(), direction);
            assert_eq!(Direction::of_name(direction.name()), Some(direction));
        }
        assert_eq!(SendOnly.reversed(), RecvOnly);
    }
}
