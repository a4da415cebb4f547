//! A short visit to an AMI: connect, log in, ask, leave. For commands, which have no engine and no dispatcher.

use std::{io, net::IpAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use bytes::BytesMut;
use hookswitch_ami::{
    Action, AmiCodec, Credentials, Decoded, EventMask, Frame, Login, LoginMethod, LoginStep, Secret,
};
use hookswitch_config::{Asterisk, HostPort, Tls as TlsKind};
use hookswitch_normalize::survey::{Findings, Scope, Survey};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::codec::Decoder as _;

use crate::links::Tls;

const CONNECT: Duration = Duration::from_secs(5);
const LOGIN: Duration = Duration::from_secs(10);
/// A PBX of a thousand endpoints answers in a few seconds.
const SURVEY: Duration = Duration::from_secs(60);
const READ: usize = 64 * 1024;

/// Where a visit goes, and who visits.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Host {
    pub(in crate::cli) address: HostPort,
    pub(in crate::cli) tls: TlsKind,
    pub(in crate::cli) username: String,
    pub(in crate::cli) secret: Secret,
}

/// Why a visit came to nothing.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum VisitError {
    #[error("{address} cannot be reached: {reason}")]
    Unreachable { address: String, reason: io::Error },
    #[error("{address}: {reason}")]
    Tls { address: String, reason: String },
    #[error("{address} let nobody in: {message}")]
    Refused { address: String, message: String, hint: &'static str },
    #[error("{address} fell silent: {reason}")]
    Lost { address: String, reason: io::Error },
}

impl VisitError {
    /// What to look at.
    pub(in crate::cli) fn hint(&self) -> &str {
        match self {
            Self::Unreachable { .. } => {
                "is Asterisk running, `enabled = yes` and `bindaddr` in [general] of its manager.conf, the port open in the firewall?"
            }
            Self::Tls { .. } => "tlsenable and tlscertfile in manager.conf, and the port of TLS (5039)",
            Self::Refused { hint, .. } => hint,
            Self::Lost { .. } => "the PBX closed the connection: see its log",
        }
    }
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection that is logged in.
pub(in crate::cli) struct Visit {
    address: String,
    wire: Box<dyn Wire>,
    codec: AmiCodec,
    buffer: BytesMut,
    /// Version of the protocol, of the banner.
    pub(in crate::cli) protocol: String,
}

impl Host {
    /// Of a PBX of the configuration.
    pub(in crate::cli) fn of(asterisk: &Asterisk) -> anyhow::Result<Self> {
        Ok(Self {
            address: asterisk.address.clone(),
            tls: asterisk.tls.clone(),
            username: asterisk.username.clone(),
            secret: Secret::new(asterisk.secret.reveal().context("the secret of the AMI user")?),
        })
    }

    /// Whether what the PBX says crosses no wire that others read.
    pub(in crate::cli) fn is_private(&self) -> bool {
        let host = &self.address.host;
        let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        local || self.tls != TlsKind::Off
    }

    /// How the link is protected.
    pub(in crate::cli) fn tls(&self) -> Result<Tls, VisitError> {
        let ca: Option<PathBuf> = match &self.tls {
            TlsKind::Off => return Ok(Tls::Off),
            TlsKind::System => None,
            TlsKind::Ca(path) => Some(path.clone()),
        };
        Tls::new(ca)
            .map_err(|error| VisitError::Tls { address: self.address.to_string(), reason: error.to_string() })
    }
}

impl Visit {
    /// Connects and logs in.
    pub(in crate::cli) async fn open(host: &Host, events: EventMask) -> Result<Self, VisitError> {
        let address = host.address.to_string();
        let connecting = timeout(CONNECT, host.tls()?.connect(&address)).await;
        let connected = connecting.unwrap_or_else(|_| Err(io::Error::other("no connection within 5 s")));
        let wire =
            connected.map_err(|reason| VisitError::Unreachable { address: address.clone(), reason })?;
        let mut visit = Self {
            address,
            wire: Box::new(wire),
            codec: AmiCodec::default(),
            buffer: BytesMut::new(),
            protocol: String::new(),
        };
        visit.log_in(host, events).await?;
        Ok(visit)
    }

    async fn log_in(&mut self, host: &Host, events: EventMask) -> Result<(), VisitError> {
        let credentials = Credentials {
            username: host.username.clone(),
            secret: host.secret.clone(),
            method: LoginMethod::Md5,
        };
        let mut login = Login::new(credentials, events);
        let deadline = Instant::now() + LOGIN;
        loop {
            let frame = self.frame(deadline).await?;
            match login.on_frame(&frame) {
                LoginStep::Send(action) => self.send(&[action]).await?,
                LoginStep::Wait => {}
                LoginStep::LoggedIn { version } => {
                    self.protocol = version;
                    return Ok(());
                }
                LoginStep::Refused(refused) => {
                    let address = self.address.clone();
                    return Err(VisitError::Refused {
                        address,
                        message: refused.message,
                        hint: refused.hint,
                    });
                }
            }
        }
    }

    /// Asks everything of a survey. What is not answered within a minute counts as not known.
    pub(in crate::cli) async fn survey(&mut self, scope: Scope) -> Result<Findings, VisitError> {
        let mut survey = Survey::new(scope);
        let deadline = Instant::now() + SURVEY;
        while !survey.is_done() {
            let mut requests = Vec::new();
            while let Some(request) = survey.next_request() {
                requests.push(request);
            }
            self.send(&requests).await?;
            match self.frame(deadline).await {
                Ok(frame) => survey.frame(&frame),
                Err(_) if Instant::now() >= deadline => break,
                Err(error) => return Err(error),
            }
        }
        Ok(survey.findings())
    }

    /// Says good-bye.
    pub(in crate::cli) async fn leave(mut self) {
        // The visit is over whether or not the PBX hears it.
        let _ = self.send(&[Action::new("Logoff")]).await;
    }

    /// Sends actions.
    pub(in crate::cli) async fn send(&mut self, actions: &[Action]) -> Result<(), VisitError> {
        let mut bytes = BytesMut::new();
        for action in actions {
            let encoded = action.encode(&mut bytes).map_err(io::Error::other);
            encoded.map_err(|reason| self.lost(reason))?;
        }
        let sent = self.wire.write_all(&bytes).await;
        sent.map_err(|reason| self.lost(reason))
    }

    /// The next message.
    async fn frame(&mut self, deadline: Instant) -> Result<Frame, VisitError> {
        loop {
            // The codec ends on nothing but an error it documents as impossible for a decoder.
            match self.codec.decode(&mut self.buffer) {
                Ok(Some(Decoded::Frame(frame))) => return Ok(frame),
                Ok(Some(Decoded::Refused(_))) => continue,
                Ok(None) => {}
                Err(error) => return Err(self.lost(error)),
            }
            match timeout_at(deadline, self.more()).await {
                Ok(Ok(0)) => return Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(Ok(_)) => {}
                Ok(Err(reason)) => return Err(self.lost(reason)),
                Err(_) => return Err(self.lost(io::ErrorKind::TimedOut.into())),
            }
        }
    }

    async fn more(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ);
        self.wire.read_buf(&mut self.buffer).await
    }

    /// What has come and was not looked at, then whatever comes next; empty at the end.
    pub(in crate::cli) async fn bytes(&mut self) -> Result<BytesMut, VisitError> {
        if self.buffer.is_empty() {
            let read = self.more().await;
            read.map_err(|reason| self.lost(reason))?;
        }
        Ok(self.buffer.split())
    }

    fn lost(&self, reason: io::Error) -> VisitError {
        VisitError::Lost { address: self.address.clone(), reason }
    }
}
