//! WebSocket: one message a frame, of text or of bytes (RFC 7118).

use std::io;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hookswitch_sip::{
    Flow, Limits,
    framing::{PING, PONG},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::server::{Callback, ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::WebSocketConfig,
    },
};

use super::{
    streams::{FIRST, IDLE, WRITING, late},
    wires::Incoming,
};
use crate::links::transport::Stream;

/// What the handshake must ask for.
const PROTOCOL: &str = "sip";

/// A connection after its handshake.
pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Insists on the subprotocol: who does not speak SIP is told so before anything is spent on him.
struct Subprotocol;

impl Callback for Subprotocol {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        let asked = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
        let mut asked = asked.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        if asked.any(|protocol| protocol.trim().eq_ignore_ascii_case(PROTOCOL)) {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(Some("the subprotocol is sip (RFC 7118)\n".to_owned()));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        Err(refusal)
    }
}

/// The handshake.
pub(super) async fn accept(stream: Box<dyn Stream>) -> io::Result<Socket> {
    let most = Limits::default().message_bytes;
    let bounds = WebSocketConfig::default()
        .max_message_size(Some(most))
        .max_frame_size(Some(most))
        .read_buffer_size(4 * 1_024)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * most);
    accept_hdr_async_with_config(stream, Subprotocol, Some(bounds)).await.map_err(io::Error::other)
}

/// Reads and writes until one side ends it.
pub(super) async fn serve(
    mut socket: Socket,
    flow: Flow,
    mut unwritten: mpsc::Receiver<Bytes>,
    incoming: mpsc::Sender<Incoming>,
) -> io::Result<()> {
    let mut patience = FIRST;
    loop {
        tokio::select! {
            frame = timeout(patience, socket.next()) => {
                let Some(frame) = frame.map_err(|_| late("it says nothing"))? else { return Ok(()) };
                let bytes = match frame.map_err(io::Error::other)? {
                    Message::Text(text) => Bytes::from(text),
                    Message::Binary(bytes) => bytes,
                    // A ping is answered with the next thing written.
                    Message::Ping(_) => { write(socket.flush()).await?; continue }
                    Message::Pong(_) | Message::Frame(_) => continue,
                    Message::Close(_) => return Ok(()),
                };
                // RFC 7118 has no CRLF keep-alive; some phones send it all the same (RFC 5626).
                if bytes == PING {
                    write(socket.send(Message::text("\r\n"))).await?;
                } else if bytes != PONG {
                    patience = IDLE;
                    if incoming.send(Incoming::Message(flow, bytes)).await.is_err() {
                        return Ok(());
                    }
                }
            }
            bytes = unwritten.recv() => match bytes {
                Some(bytes) => write(socket.send(message(bytes))).await?,
                None => return write(socket.close(None)).await,
            },
        }
    }
}

/// Browsers want text where it is text.
fn message(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}

async fn write(
    write: impl Future<Output = Result<(), tokio_tungstenite::tungstenite::Error>>,
) -> io::Result<()> {
    timeout(WRITING, write).await.map_err(|_| late("it does not read"))?.map_err(io::Error::other)
}
