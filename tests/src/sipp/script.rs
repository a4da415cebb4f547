//! What one side of a call says and hears, a line each, as a scenario of SIPp.
//!
//! | line | meaning |
//! | --- | --- |
//! | `INVITE`, `ACK`, `BYE`, `180`, … | sends that request or answer |
//! | `INVITE again` | sends the same transaction once more |
//! | `487 INVITE` | answers the INVITE, when something else came since: its CANCEL, its ACK |
//! | `BYE \| CSeq: 1 BYE \| -Max-Forwards` | with that header instead, without that one |
//! | `INVITE \| body: sendonly` | with a body of [`BODIES`]; `body: none` for none |
//! | `< 200`, `< BYE` | waits for it |
//! | `< 180?` | takes it when it comes before the next |
//! | `pause 200` | waits so many milliseconds |
//!
//! A caller's INVITE is the first of its dialog; one that comes after an `ACK` is a re-INVITE.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};

/// Which side of the call a script is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Begins the call: a customer behind the trunk.
    Caller,
    /// Is called: an agent's phone.
    Phone,
}

/// Bodies by the names that scripts use.
const BODIES: [(&str, &str); 5] = [
    (
        "voice",
        "v=0\no=- 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000",
    ),
    (
        "sendonly",
        "v=0\no=- 1 2 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 0\na=sendonly",
    ),
    ("zeros", "v=0\no=- 1 2 IN IP4 [local_ip]\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio [media_port] RTP/AVP 0"),
    (
        "back",
        "v=0\no=- 1 3 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 0\na=sendrecv",
    ),
    ("rubbish", "v=1\nthis is no description"),
];

/// Makes the XML of a script.
///
/// # Errors
/// When a line cannot be understood: the error names it.
pub fn scenario(side: Side, script: &str) -> Result<String> {
    let mut writer = Writer {
        side,
        xml: String::new(),
        messages: 0,
        cseq: 0,
        established: false,
        kept: BTreeSet::new(),
        sent: BTreeMap::new(),
    };
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writer.line(line).with_context(|| format!("`{line}`"))?;
    }
    if !writer.kept.is_empty() {
        // SIPp does not take a variable that nobody reads.
        let names: Vec<_> = writer.kept.iter().copied().collect();
        writeln!(writer.xml, "<Reference variables=\"{}\"/>", names.join(","))?;
    }
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"script\">\n{}</scenario>\n",
        writer.xml
    ))
}

struct Writer {
    side: Side,
    xml: String,
    /// Sent and received so far: SIPp counts both when it names an earlier branch.
    messages: usize,
    cseq: u32,
    /// An ACK was sent or received.
    established: bool,
    /// What is kept for later.
    kept: BTreeSet<&'static str>,
    /// Which message each method was sent by last.
    sent: BTreeMap<String, usize>,
}

impl Writer {
    fn line(&mut self, line: &str) -> Result<()> {
        if let Some(ms) = line.strip_prefix("pause ") {
            let ms: u32 = ms.parse()?;
            self.messages += 1;
            return Ok(writeln!(self.xml, "<pause milliseconds=\"{ms}\"/>")?);
        }
        if let Some(expected) = line.strip_prefix("< ") {
            return self.receive(expected);
        }
        let mut parts = line.split(" | ");
        let what = parts.next().unwrap_or_default();
        let edits: Vec<&str> = parts.collect();
        let message = match what.split(' ').next().unwrap_or_default().parse::<u16>() {
            Ok(status) => self.answer(status, what.ends_with(" INVITE"), &edits)?,
            Err(_) => self.request(what, &edits)?,
        };
        writeln!(self.xml, "<send><![CDATA[\n{message}\n]]></send>")?;
        self.messages += 1;
        Ok(())
    }

    fn receive(&mut self, expected: &str) -> Result<()> {
        let (expected, optional) = match expected.strip_suffix('?') {
            Some(expected) => (expected, " optional=\"true\""),
            None => (expected, ""),
        };
        let kind = if expected.parse::<u16>().is_ok() { "response" } else { "request" };
        // Record-Route, Contact and the peer's tag are remembered from what opens the dialog.
        let opens = !self.established && matches!(expected, "200" | "INVITE");
        let remember = if opens { " rrs=\"true\"" } else { "" };
        self.established |= expected == "ACK";
        let opening = format!("<recv {kind}=\"{expected}\"{optional}{remember} timeout=\"40000\"");
        let keep = |header: &str, what: &str, name: &str| {
            format!("<ereg regexp=\"{what}\" search_in=\"hdr\" header=\"{header}:\" assign_to=\"{name}\"/>")
        };
        // What a phone repeats later: who is who, and the number of the INVITE.
        let kept = match (self.side, expected) {
            (Side::Phone, "INVITE") => keep("CSeq", "[0-9]+", "cseq") + &keep("Via", ".*", "via"),
            (Side::Phone, "ACK") => keep("From", ".*", "them") + &keep("To", ".*", "us"),
            (Side::Caller | Side::Phone, _) => String::new(),
        };
        if kept.is_empty() {
            writeln!(self.xml, "{opening}/>")?;
        } else {
            writeln!(self.xml, "{opening}><action>{kept}</action></recv>")?;
            self.kept.extend(if expected == "INVITE" { ["cseq", "via"] } else { ["them", "us"] });
        }
        self.messages += 1;
        Ok(())
    }

    fn request(&mut self, what: &str, edits: &[&str]) -> Result<String> {
        let (method, again) = match what.split_once(' ') {
            None => (what, false),
            Some((method, "again")) => (method, true),
            Some(_) => bail!("METHOD, or METHOD again"),
        };
        // Within the INVITE's transaction: its CANCEL, the ACK of a refusal, and its repeats.
        let of_invite = method == "CANCEL" || again || (method == "ACK" && edits.contains(&"refused"));
        match method {
            "ACK" | "CANCEL" => {}
            _ if again => {}
            _ => self.cseq += 1,
        }
        let first = if again { method } else { "INVITE" };
        let first = self.sent.get(first).copied().filter(|_| of_invite);
        let branch =
            first.map_or("[branch]".to_owned(), |first| format!("[branch-{}]", self.messages - first));
        if !again {
            self.sent.insert(method.to_owned(), self.messages);
        }
        let inside = self.established || (method == "ACK" && !of_invite);
        self.established |= method == "ACK" && !of_invite;
        let uri = if inside { "[next_url]" } else { "sip:[service]@[remote_ip]:[remote_port]" };
        let (from, to) = match self.side {
            Side::Caller => {
                let tag = if inside || (method == "ACK" && of_invite) { "[peer_tag_param]" } else { "" };
                (
                    "<sip:+49305550001@[local_ip]>;tag=c[pid]x[call_number]".to_owned(),
                    format!("<sip:[service]@[remote_ip]>{tag}"),
                )
            }
            Side::Phone => ("[$us]".to_owned(), "[$them]".to_owned()),
        };
        let mut headers = vec![
            ("Via", format!("SIP/2.0/[transport] [local_ip]:[local_port];rport;branch={branch}")),
            ("Max-Forwards", "70".to_owned()),
            ("From", from),
            ("To", to),
            ("Call-ID", "[call_id]".to_owned()),
            ("CSeq", format!("{} {method}", self.cseq)),
            ("Contact", "<sip:sipp@[local_ip]:[local_port];transport=[transport]>".to_owned()),
        ];
        let default = if method == "INVITE" { "voice" } else { "none" };
        let body = edit(&mut headers, edits, default)?;
        Ok(write(&format!("{method} {uri} SIP/2.0"), &headers, body))
    }

    fn answer(&mut self, status: u16, of_invite: bool, edits: &[&str]) -> Result<String> {
        let mut headers: Vec<(&str, String)> = Vec::new();
        let tag = if status > 100 { ";tag=p[pid]x[call_number]" } else { "" };
        // A request inside the dialog carries our tag already.
        let tag = if self.established { "" } else { tag };
        match of_invite {
            true => headers.push(("Via", "[$via]".to_owned())),
            false => headers.push(("[last_Via:]", String::new())),
        }
        headers.push(("[last_Record-Route:]", String::new()));
        headers.push(("[last_From:]", String::new()));
        headers.push(("[last_To:]", tag.to_owned()));
        headers.push(("[last_Call-ID:]", String::new()));
        match of_invite {
            true => headers.push(("CSeq", "[$cseq] INVITE".to_owned())),
            false => headers.push(("[last_CSeq:]", String::new())),
        }
        headers.push(("Contact", "<sip:sipp@[local_ip]:[local_port];transport=[transport]>".to_owned()));
        let default = if status == 200 && !self.established { "voice" } else { "none" };
        let body = edit(&mut headers, edits, default)?;
        Ok(write(&format!("SIP/2.0 {status} Answer"), &headers, body))
    }
}

/// Applies the edits; gives the body.
fn edit<'a>(
    headers: &mut Vec<(&'a str, String)>,
    edits: &[&'a str],
    default: &str,
) -> Result<Option<&'static str>> {
    let mut body = default;
    for edit in edits {
        if let Some(name) = edit.strip_prefix('-') {
            headers.retain(|(header, _)| *header != name && *header != format!("[last_{name}:]"));
        } else if *edit == "refused" {
            // Says which transaction an ACK belongs to.
        } else if let Some(name) = edit.strip_prefix("body: ") {
            body = name;
        } else {
            let (name, value) = edit.split_once(": ").context("Name: value")?;
            match headers.iter_mut().find(|(header, _)| *header == name) {
                Some(header) => value.clone_into(&mut header.1),
                None => headers.push((name, value.to_owned())),
            }
        }
    }
    if body == "none" {
        return Ok(None);
    }
    let found = BODIES.iter().find(|(name, _)| *name == body);
    found.map(|(_, text)| Some(*text)).with_context(|| format!("no body is called {body}"))
}

fn write(start: &str, headers: &[(&str, String)], body: Option<&str>) -> String {
    let mut text = format!("{start}\n");
    for (name, value) in headers {
        text += &match name.strip_prefix('[') {
            Some(_) => format!("{name}{value}\n"),
            None => format!("{name}: {value}\n"),
        };
    }
    match body {
        Some(body) => text += &format!("Content-Type: application/sdp\nContent-Length: [len]\n\n{body}\n"),
        None => text += "Content-Length: 0\n\n",
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_a_scenario() {
        let xml =
            scenario(Side::Caller, "INVITE\n< 100?\n< 200\nACK\nBYE | CSeq: 1 BYE | -Max-Forwards\n< 500")
                .unwrap();
        assert!(xml.contains("<recv response=\"100\" optional=\"true\" timeout"), "{xml}");
        assert!(xml.contains("ACK [next_url] SIP/2.0"), "{xml}");
        assert!(xml.contains("CSeq: 1 BYE\n") && !xml.contains("CSeq: 2 BYE"), "{xml}");
        assert_eq!(xml.matches("Max-Forwards").count(), 2, "{xml}");
    }

    #[test]
    fn a_cancel_names_the_branch_of_its_invite() {
        let xml = scenario(Side::Caller, "INVITE\n< 100?\nCANCEL\n< 200\n< 487\nACK | refused").unwrap();
        assert!(xml.contains("CSeq: 1 CANCEL") && xml.contains("branch=[branch-2]"), "{xml}");
        assert!(xml.contains("branch=[branch-5]"), "{xml}");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let error = scenario(Side::Caller, "INVITE | body: poem").unwrap_err();
        assert!(format!("{error:#}").contains("poem"));
    }
}
