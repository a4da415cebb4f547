//! What a PBX tells of somebody's dialogs: `application/dialog-info+xml` (RFC 4235 section 4).
//!
//! ```
//! use hookswitch_sip::dialog_info::{DialogInfo, Direction, State};
//!
//! let body = br#"<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:1001@pbx">
//!   <dialog id="1001" direction="recipient">
//!     <remote><identity display="Agent 1002">sip:1002@pbx</identity></remote><state>early</state>
//!   </dialog></dialog-info>"#;
//! let info = DialogInfo::parse(body)?;
//! let dialog = &info.dialogs[0];
//! assert_eq!((dialog.state, dialog.direction), (State::Early, Some(Direction::Recipient)));
//! assert_eq!(dialog.remote.user().as_deref(), Some("1002"));
//! # Ok::<(), hookswitch_sip::dialog_info::Unreadable>(())
//! ```
//!
//! Names are taken without their namespace prefix: some PBXs leave the namespace out. What stands outside the elements
//! named here is skipped. A document type is refused: nothing is ever expanded.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use crate::message::Uri;

/// Bytes of a document; longer ones are refused.
const BYTES: usize = 64 * 1024;
/// Elements inside one another.
const DEPTH: usize = 16;
/// Dialogs of one document.
const DIALOGS: usize = 128;
/// Characters of one text or attribute that is kept; longer ones are refused.
const TEXT: usize = 1_024;

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogInfo {
    /// Counts the documents of a subscription.
    pub version: u32,
    /// All dialogs there are, or only those that changed.
    pub full: bool,
    /// Whose dialogs they are, as sent.
    pub entity: Box<str>,
    /// The dialogs, in the order of the document.
    pub dialogs: Vec<Dialog>,
}

/// A dialog, as its user agent's PBX sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// Names it in its documents.
    pub id: Box<str>,
    /// Who began it, where told.
    pub direction: Option<Direction>,
    /// Where it stands.
    pub state: State,
    /// Why it stands there, where told.
    pub why: Option<Why>,
    /// The status that ended it, where told.
    pub code: Option<u16>,
    /// The one who is watched.
    pub local: Party,
    /// The other.
    pub remote: Party,
}

/// Who began a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// The one who is watched.
    Initiator,
    /// The other.
    Recipient,
}

/// Where a dialog stands (RFC 4235 section 3.7.1); the later the further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Asked for.
    Trying,
    /// A provisional answer without a tag came.
    Proceeding,
    /// It rings.
    Early,
    /// Answered.
    Confirmed,
    /// Over.
    Terminated,
}

/// Why a dialog ended (RFC 4235 section 3.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The caller took it back.
    Cancelled,
    /// It was refused.
    Rejected,
    /// Another dialog took its place.
    Replaced,
    /// The one who is watched hung up.
    LocalBye,
    /// The other hung up.
    RemoteBye,
    /// An error.
    Error,
    /// Nobody answered.
    Timeout,
}

/// One of the two of a dialog.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// The address, where it can be read.
    pub uri: Option<Uri>,
    /// The name to show.
    pub display: Option<Box<str>>,
    /// It does not hear the other: it holds (`+sip.rendering` is `no`).
    pub holds: bool,
}

impl Party {
    /// The number or name in its address.
    pub fn user(&self) -> Option<String> {
        self.uri.as_ref()?.user_decoded().filter(|user| !user.is_empty())
    }
}

/// A document that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// More than the bounds of this reader.
    #[error("too large")]
    TooLarge,
    /// Not well-formed, or not UTF-8.
    #[error("no XML")]
    Xml,
    /// A document type: nobody needs one here, and entities are how readers are attacked.
    #[error("a document type")]
    DocumentType,
    /// Another document.
    #[error("no dialog-info")]
    NotDialogInfo,
    /// No number, or one out of range, for the version.
    #[error("no version")]
    Version,
    /// A dialog without an id, or without a state that is known.
    #[error("a dialog without id or state")]
    Dialog,
}

impl DialogInfo {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`Unreadable`]: then nothing of it is to be believed.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        if body.len() > BYTES {
            return Err(Unreadable::TooLarge);
        }
        let text = std::str::from_utf8(body).map_err(|_| Unreadable::Xml)?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut walk = Walk::default();
        loop {
            match reader.read_event().map_err(|_| Unreadable::Xml)? {
                Event::Start(start) => walk.open(&start)?,
                Event::Empty(start) => {
                    walk.open(&start)?;
                    walk.close()?;
                }
                Event::End(_) => walk.close()?,
                Event::Text(text) => walk.text(&text.xml10_content())?,
                Event::CData(text) => walk.text(&text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let known = match &*reference.xml10_content() {
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "amp" => Some('&'),
                        "apos" => Some('\''),
                        "quot" => Some('"'),
                        _ => reference.resolve_char_ref().map_err(|_| Unreadable::Xml)?,
                    };
                    walk.text(known.ok_or(Unreadable::Xml)?.encode_utf8(&mut [0; 4]))?;
                }
                Event::DocType(_) => return Err(Unreadable::DocumentType),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        walk.finish()
    }
}

/// Where a reader stands in a document.
#[derive(Debug, Default)]
struct Walk {
    /// The elements around, outermost first.
    path: Vec<Element>,
    info: Option<DialogInfo>,
    dialog: Option<Draft>,
    /// The text of the element that is being read.
    text: String,
    over: bool,
}

/// A dialog whose element is not closed yet.
#[derive(Debug)]
struct Draft {
    id: Box<str>,
    direction: Option<Direction>,
    state: Option<State>,
    why: Option<Why>,
    code: Option<u16>,
    local: Party,
    remote: Party,
}

/// An element, as far as it means something where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Root,
    Dialog,
    State,
    Local,
    Remote,
    Identity,
    Target,
    Other,
}

impl Walk {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        if self.path.len() >= DEPTH {
            return Err(Unreadable::TooLarge);
        }
        self.text.clear();
        let name = start.local_name();
        let element = match (self.path.last(), name.as_ref()) {
            (None, "dialog-info") if !self.over => Element::Root,
            (None, _) => return Err(Unreadable::NotDialogInfo),
            (Some(Element::Root), "dialog") => Element::Dialog,
            (Some(Element::Dialog), "state") => Element::State,
            (Some(Element::Dialog), "local") => Element::Local,
            (Some(Element::Dialog), "remote") => Element::Remote,
            (Some(Element::Local | Element::Remote), "identity") => Element::Identity,
            (Some(Element::Local | Element::Remote), "target") => Element::Target,
            (Some(Element::Target), "param") => {
                self.param(start)?;
                Element::Other
            }
            (Some(_), _) => Element::Other,
        };
        match element {
            Element::Root => self.root(start)?,
            Element::Dialog => self.dialog(start)?,
            Element::State => self.state(start)?,
            Element::Identity => {
                let display = attribute(start, "display")?;
                if let Some(party) = self.party() {
                    party.display = display.filter(|name| !name.trim().is_empty()).map(Into::into);
                }
            }
            // The identity says who it is; the target is where he is just now.
            Element::Target => {
                let uri = attribute(start, "uri")?.and_then(|uri| uri.parse().ok());
                if let Some(party) = self.party().filter(|party| party.uri.is_none()) {
                    party.uri = uri;
                }
            }
            Element::Local | Element::Remote | Element::Other => {}
        }
        self.path.push(element);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Unreadable> {
        let text = std::mem::take(&mut self.text);
        let element = self.path.last().copied().ok_or(Unreadable::Xml)?;
        match element {
            Element::State => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.state = Some(state(text.trim()).ok_or(Unreadable::Dialog)?);
                }
            }
            Element::Dialog => self.dialog_over()?,
            Element::Root => self.over = true,
            Element::Identity | Element::Local | Element::Remote | Element::Target | Element::Other => {}
        }
        self.path.pop();
        if element == Element::Identity
            && let (Ok(uri), Some(party)) = (text.trim().parse(), self.party())
        {
            party.uri = Some(uri);
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Unreadable> {
        if matches!(self.path.last(), Some(Element::State | Element::Identity)) {
            self.text.push_str(text);
        } else if self.path.is_empty() && !text.trim().is_empty() {
            return Err(Unreadable::Xml);
        }
        if self.text.len() > TEXT { Err(Unreadable::TooLarge) } else { Ok(()) }
    }

    fn finish(self) -> Result<DialogInfo, Unreadable> {
        if !self.path.is_empty() {
            return Err(Unreadable::Xml);
        }
        self.info.ok_or(Unreadable::NotDialogInfo)
    }

    fn root(&mut self, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        let version = attribute(start, "version")?.and_then(|text| text.trim().parse().ok());
        self.info = Some(DialogInfo {
            version: version.ok_or(Unreadable::Version)?,
            full: attribute(start, "state")?.is_none_or(|state| state != "partial"),
            entity: attribute(start, "entity")?.unwrap_or_default().into(),
            dialogs: Vec::new(),
        });
        Ok(())
    }

    fn dialog(&mut self, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        let id = attribute(start, "id")?.filter(|id| !id.is_empty()).ok_or(Unreadable::Dialog)?;
        let direction = match attribute(start, "direction")?.as_deref() {
            Some("initiator") => Some(Direction::Initiator),
            Some("recipient") => Some(Direction::Recipient),
            Some(_) | None => None,
        };
        self.dialog = Some(Draft {
            id: id.into(),
            direction,
            state: None,
            why: None,
            code: None,
            local: Party::default(),
            remote: Party::default(),
        });
        Ok(())
    }

    fn dialog_over(&mut self) -> Result<(), Unreadable> {
        let (Some(Draft { id, direction, state, why, code, local, remote }), Some(info)) =
            (self.dialog.take(), &mut self.info)
        else {
            return Err(Unreadable::Dialog);
        };
        if info.dialogs.len() >= DIALOGS {
            return Err(Unreadable::TooLarge);
        }
        let state = state.ok_or(Unreadable::Dialog)?;
        info.dialogs.push(Dialog { id, direction, state, why, code, local, remote });
        Ok(())
    }

    fn state(&mut self, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        let event = attribute(start, "event")?;
        let code = attribute(start, "code")?.and_then(|code| code.trim().parse().ok());
        if let Some(dialog) = &mut self.dialog {
            dialog.code = code.filter(|code| (100..700).contains(code));
            dialog.why = event.as_deref().and_then(why);
        }
        Ok(())
    }

    /// `pval`; Asterisk writes `pvalue`.
    fn param(&mut self, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        if attribute(start, "pname")?.as_deref() != Some("+sip.rendering") {
            return Ok(());
        }
        let value = attribute(start, "pval")?.or(attribute(start, "pvalue")?);
        if let Some(party) = self.party() {
            party.holds = value.as_deref() == Some("no");
        }
        Ok(())
    }

    /// Whose element is being read.
    fn party(&mut self) -> Option<&mut Party> {
        let side = self.path.iter().rev().find(|at| matches!(at, Element::Local | Element::Remote))?;
        let dialog = self.dialog.as_mut()?;
        Some(if *side == Element::Local { &mut dialog.local } else { &mut dialog.remote })
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, Unreadable> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Unreadable::Xml)?;
        if attribute.key.local_name().as_ref() != name {
            continue;
        }
        if attribute.value.len() > TEXT {
            return Err(Unreadable::TooLarge);
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Unreadable::Xml)?;
        return Ok(Some(value.into_owned()));
    }
    Ok(None)
}

fn state(text: &str) -> Option<State> {
    Some(match text {
        "trying" => State::Trying,
        "proceeding" => State::Proceeding,
        "early" => State::Early,
        "confirmed" => State::Confirmed,
        "terminated" => State::Terminated,
        _ => return None,
    })
}

fn why(text: &str) -> Option<Why> {
    Some(match text {
        "cancelled" => Why::Cancelled,
        "rejected" => Why::Rejected,
        "replaced" => Why::Replaced,
        "local-bye" => Why::LocalBye,
        "remote-bye" => Why::RemoteBye,
        "error" => Why::Error,
        "timeout" => Why::Timeout,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
