//! The least PBX that a link accepts: logs it in, answers every action, and sends what the bench tells it to.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use crate::stream::log_in;

/// A configuration that observes this port.
pub(crate) fn configuration(port: u16) -> String {
    format!(
        "[[pbx]]\nname = \"bench\"\nkind = \"asterisk\"\naddress = \"127.0.0.1:{port}\"\nusername = \"u\"\nsecret = \"s\"\nmode = \"observe\"\n\n"
    )
}

/// Serves one link at a time; `talk` gets the socket once the link has listed the PBX.
pub(crate) fn serve(talk: impl Fn(TcpStream) -> std::io::Result<()> + Send + 'static) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            // A daemon that stops closes its link.
            let _ = log_in(&socket).and_then(|()| {
                let answering = socket.try_clone()?;
                thread::spawn(move || answer(&answering));
                talk(socket)
            });
        }
    });
    Ok(port)
}

/// An empty list to every action that asks for one, Success to the rest.
fn answer(socket: &TcpStream) -> std::io::Result<()> {
    let mut out = socket;
    let (mut action, mut id) = (String::new(), String::new());
    for line in BufReader::new(socket).lines() {
        let line = line?;
        match line.split_once(':') {
            Some((key, value)) if key.eq_ignore_ascii_case("action") => action = value.trim().to_owned(),
            Some((key, value)) if key.eq_ignore_ascii_case("actionid") => id = value.trim().to_owned(),
            Some(_) => {}
            None => {
                let complete = match action.as_str() {
                    "CoreShowChannels" => Some("CoreShowChannelsComplete"),
                    "BridgeList" => Some("BridgeListComplete"),
                    "QueueStatus" => Some("QueueStatusComplete"),
                    "PJSIPShowContacts" => Some("ContactListComplete"),
                    "PJSIPShowEndpoints" => Some("EndpointListComplete"),
                    "DeviceStateList" => Some("DeviceStateListComplete"),
                    _ => None,
                };
                let mut text = format!("Response: Success\r\nActionID: {id}\r\n\r\n");
                if let Some(complete) = complete {
                    text += &format!(
                        "Event: {complete}\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: 0\r\n\r\n"
                    );
                }
                out.write_all(text.as_bytes())?;
                (action, id) = Default::default();
            }
        }
    }
    Ok(())
}
