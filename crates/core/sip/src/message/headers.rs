//! The headers of a message, in their order.

use std::{fmt, mem::discriminant};

use super::name::Name;
use super::scan::{self, split_outside};

/// One header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name: compact and long are the same.
    pub name: Name,
    /// Its value: unfolded, without white space around it, never with a line end.
    pub value: Box<str>,
}

/// The headers of a message, in the order they were sent.
///
/// A value cannot carry a line end: [`Headers::push`] and its kin make them spaces, so no value can smuggle a header
/// in. The typed readers (`via()`, `from()`, …) read on demand and say `None` for what is missing or unreadable; of
/// a message that came out of [`super::parse`] the mandatory ones are there and readable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers {
    list: Vec<Header>,
}

impl Headers {
    /// None yet.
    pub const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// The first value of a header.
    pub fn get(&self, name: &Name) -> Option<&str> {
        self.list.iter().find(|header| header.is(name)).map(|header| &*header.value)
    }

    /// The values of a header, one a line, in their order.
    pub fn all<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a str> {
        self.list.iter().filter(move |header| header.is(name)).map(|header| &*header.value)
    }

    /// The first value of a header by its name in any case and form.
    pub fn named(&self, name: &str) -> Option<&str> {
        self.get(&Name::read(name))
    }

    /// The members of a header that is a list, whether they stand on one line or on several. Empty ones are left out.
    pub fn members<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(|value| split_outside(value, b',')).filter(|member| !member.is_empty())
    }

    /// Whether the header is there.
    pub fn has(&self, name: &Name) -> bool {
        self.get(name).is_some()
    }

    /// Adds a header at the end.
    pub fn push(&mut self, name: impl Into<Name>, value: impl Into<String>) {
        self.list.push(Header::new(name.into(), value.into()));
    }

    /// Adds a header before all others: the place of a Via.
    pub fn push_first(&mut self, name: impl Into<Name>, value: impl Into<String>) {
        self.list.insert(0, Header::new(name.into(), value.into()));
    }

    /// Makes this the only header of its name, in the place of the first or at the end.
    pub fn set(&mut self, name: impl Into<Name>, value: impl Into<String>) {
        let header = Header::new(name.into(), value.into());
        let Some(first) = self.list.iter().position(|known| known.is(&header.name)) else {
            self.list.push(header);
            return;
        };
        let mut at = 0;
        self.list.retain(|known| {
            at += 1;
            at - 1 == first || !known.is(&header.name)
        });
        if let Some(place) = self.list.get_mut(first) {
            *place = header;
        }
    }

    /// Replaces the first value of a list header, leaving its other members as they stand.
    pub(crate) fn replace_first_member(&mut self, name: &Name, member: &str) {
        let Some(header) = self.list.iter_mut().find(|header| header.is(name)) else { return };
        let rest = scan::find_outside(&header.value, b',').and_then(|at| header.value.get(at..));
        header.value = format!("{member}{}", rest.unwrap_or("")).into();
    }

    /// Takes all headers of a name away.
    pub fn remove(&mut self, name: &Name) {
        self.list.retain(|header| !header.is(name));
    }

    /// All headers, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.list.iter()
    }

    /// How many headers there are.
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Copies all headers of a name from another message.
    pub fn copy(&mut self, from: &Self, name: &Name) {
        self.list.extend(from.list.iter().filter(|header| header.is(name)).cloned());
    }
}

impl Header {
    fn new(name: Name, value: String) -> Self {
        let name = if scan::is_token(name.as_str()) { name } else { Name::Other("X-Unnamed".into()) };
        let value = match value.contains(['\r', '\n']) {
            true => value.replace(['\r', '\n'], " "),
            false => value,
        };
        Self { name, value: value.into() }
    }

    /// As it was read: the caller has taken the line ends out.
    pub(crate) fn read(name: Name, value: Box<str>) -> Self {
        Self { name, value }
    }

    fn is(&self, name: &Name) -> bool {
        // Most are another header: the comparison of one byte.
        discriminant(&self.name) == discriminant(name)
            && match (&self.name, name) {
                (Name::Other(one), Name::Other(two)) => one.eq_ignore_ascii_case(two),
                _ => true,
            }
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<T: IntoIterator<Item = Header>>(headers: T) -> Self {
        Self { list: headers.into_iter().collect() }
    }
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.iter().try_for_each(|header| write!(f, "{}: {}\r\n", header.name, header.value))
    }
}
