//! The Asterisk dialplan that keeps callers while the engine decides, printed from the configuration.
//!
//! The caller is always in dialplan that knows what to do next, so neither the daemon's death nor an agent's silence
//! loses a caller:
//!
//! ```text
//! [hookswitch] → [hookswitch-wait] ⇄ [hookswitch-ring]      Redirect by the daemon, back by the dialplan
//!                       │
//!                       ├⇄ [hookswitch-menu]                Redirect by the daemon, back with what was chosen
//!                       ├→ [hookswitch-farewell]            Redirect by the daemon: a last word
//!                       └→ [hookswitch-fallback]            heartbeat stale, or Redirect at shutdown
//! ```
//!
//! What the configuration puts into it is of checked types ([`text`]): no value can add a line, an application or an
//! expression.

mod menu;
pub mod text;

pub use menu::{Key, Menu, Takes};

use std::{collections::BTreeMap, fmt, str::FromStr};

use hookswitch_model::QueueId;

use text::{Context, Device, Exten, InvalidText, MusicClass, Priority, UserName};

/// Channel variables and functions that every channel event must carry: `channelvars` of `manager.conf`.
pub const CHANNELVARS: &str =
    "HS_CALL,HS_OFFER,HS_CONSULT,CALLERID(pres),REDIRECTING(from-num),REDIRECTING(reason)";

/// Privilege classes the AMI user needs, for `read` and for `write`.
pub const AMI_CLASSES: &str = "system,call,agent,user,reporting,originate";

/// Waiting, ringing, fallback; then what agents ask for from their screens.
const TEMPLATE: &str = concat!(
    include_str!("dialplan/hookswitch.conf"),
    include_str!("dialplan/ivr.conf"),
    include_str!("dialplan/control.conf"),
    "@FEATURES@\n"
);

/// Before a line of the template that is printed [`SLICES`] times: a slice of waiting.
const SLICE: &str = "@SLICES@";
/// A minute of the waiting room between two jumps, half a minute of holding.
const SLICES: usize = 15;

/// Before a line of the template that is printed [`LANDING`] times: a priority that leads to the beginning.
const LANDING_LINE: &str = "@LANDING@";
/// No extension of the waiting room has as many priorities.
const LANDING: usize = 40;

/// Modules of Asterisk that the contexts need beside those that every PBX has.
pub const MODULES: &str =
    "app_chanspy app_confbridge app_mixmonitor app_read app_userevent func_cut func_logic res_pjsip_notify";

/// What the configuration says of a PBX's dialplan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialplanSettings {
    /// The AMI user, for the lines that `manager.conf` needs.
    pub username: UserName,
    /// Where numbers and extensions are dialled, and where phones dial the feature codes.
    pub dial_context: Context,
    /// Where callers go when the daemon is away.
    pub fallback: Fallback,
    /// Queues with a fallback of their own.
    pub queue_fallbacks: BTreeMap<QueueId, Fallback>,
    /// What waiting callers hear.
    pub music: MusicClass,
    /// What agents dial to log in, out, and to pause.
    pub features: FeatureCodes,
    /// The menus callers may be sent into.
    pub menus: Vec<Menu>,
}

/// Where callers go when the daemon is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fallback {
    /// To a place in the administrator's dialplan.
    Goto(Place),
    /// To these devices, all at once.
    Dial(Vec<Device>),
    /// Nowhere: nothing was configured.
    HangUp,
}

/// A place in a dialplan: `from-internal,600,1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The context.
    pub context: Context,
    /// The extension in it.
    pub exten: Exten,
    /// The priority of that.
    pub priority: Priority,
}

/// What agents dial. An absent code is not offered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeatureCodes {
    /// Log in, ready.
    pub login: Option<Exten>,
    /// Log out.
    pub logout: Option<Exten>,
    /// Not ready.
    pub pause: Option<Exten>,
    /// Ready.
    pub ready: Option<Exten>,
}

impl FromStr for Place {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split(',').map(str::trim).collect::<Vec<_>>()[..] {
            [context, exten, priority] => Ok(Self {
                context: Context::new(context)?,
                exten: Exten::new(exten)?,
                priority: Priority::new(priority)?,
            }),
            _ => Err(InvalidText::Form {
                what: "place in a dialplan",
                text: text.to_owned(),
                form: "context, extension and priority, as in from-internal,600,1",
            }),
        }
    }
}

impl Fallback {
    /// A fallback to a place: `from-internal,600,1`.
    ///
    /// # Errors
    /// [`InvalidText`] when it is no place.
    pub fn goto(place: &str) -> Result<Self, InvalidText> {
        place.parse().map(Self::Goto)
    }

    /// A fallback to devices: `PJSIP/1008`, or several with `&` between them.
    ///
    /// # Errors
    /// [`InvalidText`] when one of them is no device.
    pub fn dial(devices: &str) -> Result<Self, InvalidText> {
        devices.split('&').map(Device::new).collect::<Result<_, _>>().map(Self::Dial)
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Goto(Place { context, exten, priority }) => write!(f, "Goto({context},{exten},{priority})"),
            Self::Dial(devices) => {
                let devices: Vec<&str> = devices.iter().map(Device::as_str).collect();
                write!(f, "Dial({})", devices.join("&"))
            }
            Self::HangUp => f.write_str("Hangup()"),
        }
    }
}

/// The contexts for route mode, with the lines that `manager.conf` needs as comments.
#[must_use]
pub fn print(settings: &DialplanSettings) -> String {
    let manager: Vec<String> =
        manager_conf(&settings.username).lines().map(|line| format!(";   {line}")).collect();
    let filled = [
        (
            "@MANAGER@",
            format!("; manager.conf, then `asterisk -rx 'manager reload'`:\n{}", manager.join("\n")),
        ),
        ("@MODULES@", MODULES.to_owned()),
        ("@CONTEXT@", settings.dial_context.to_string()),
        ("@MUSIC@", settings.music.to_string()),
        ("@FALLBACK@\n", fallback_lines(settings)),
        ("@MENUS@\n", settings.menus.iter().map(Menu::lines).collect()),
        ("@FEATURES@\n", feature_lines(settings)),
    ];
    fill(&unroll(TEMPLATE), &filled)
}

/// What `manager.conf` needs, in route and in observe mode.
#[must_use]
pub fn manager_conf(username: &UserName) -> String {
    format!(
        "[general]\n\
         enabled = yes\n\
         channelvars = {CHANNELVARS}\n\
         ; Spares the PBX most of its work for events, but takes these from every AMI client there is:\n\
         ; disabledevents = VarSet,Newexten,TestEvent\n\
         [{username}]\n\
         secret = (the configuration's)\n\
         deny = 0.0.0.0/0.0.0.0\n\
         permit = 127.0.0.1/255.255.255.255 ; where the daemon runs\n\
         read = {AMI_CLASSES}\n\
         write = {AMI_CLASSES}\n\
         writetimeout = 5000\n"
    )
}

/// Prints the marked lines as often as they are meant.
fn unroll(template: &str) -> String {
    let mut unrolled = String::with_capacity(template.len() * 4);
    for line in template.split_inclusive('\n') {
        let (line, times) = if let Some(slice) = line.strip_prefix(SLICE) {
            (slice, SLICES)
        } else if let Some(landing) = line.strip_prefix(LANDING_LINE) {
            (landing, LANDING)
        } else {
            (line, 1)
        };
        unrolled.push_str(&line.repeat(times));
    }
    unrolled
}

/// Replaces each mark of the template once, from the start: what is put in is not looked at again.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((at, mark, value)) = values
        .iter()
        .filter_map(|(mark, value)| Some((rest.find(mark)?, mark, value)))
        .min_by_key(|found| found.0)
    {
        filled.push_str(&rest[..at]);
        filled.push_str(value);
        rest = &rest[at + mark.len()..];
    }
    filled.push_str(rest);
    filled
}

fn fallback_lines(settings: &DialplanSettings) -> String {
    let mut lines = String::new();
    for (number, queue) in settings.queue_fallbacks.keys().enumerate() {
        lines.push_str(&format!(" same => n,GotoIf($[\"${{HS_QUEUE}}\" = \"{queue}\"]?queue{number})\n"));
    }
    let end = |fallback: &Fallback| match fallback {
        Fallback::Goto(_) | Fallback::Dial(_) => " same => n,Hangup()\n",
        Fallback::HangUp => "",
    };
    let default = &settings.fallback;
    if matches!(default, Fallback::HangUp) {
        lines.push_str("; No fallback is configured.\n");
    }
    lines.push_str(&format!(" same => n,{default}\n{}", end(default)));
    for (number, (queue, fallback)) in settings.queue_fallbacks.iter().enumerate() {
        lines.push_str(&format!("; Queue {queue}.\n same => n(queue{number}),{fallback}\n{}", end(fallback)));
    }
    lines
}

fn feature_lines(settings: &DialplanSettings) -> String {
    let FeatureCodes { login, logout, pause, ready } = &settings.features;
    let codes = [("login", login), ("logout", logout), ("pause", pause), ("ready", ready)];
    let mut lines = String::new();
    for (what, code) in codes.iter().filter_map(|(what, code)| Some((what, code.as_ref()?))) {
        lines.push_str(&format!(
            "exten => {code},1,Answer(,i)\n \
             same => n,UserEvent(HookswitchAgent,Do: {what})\n \
             same => n,Playback(beep)\n \
             same => n,Hangup()\n"
        ));
    }
    if lines.is_empty() {
        return lines;
    }
    let context = &settings.dial_context;
    format!(
        "\n; What agents dial on their own phones; the phone that dials is the agent.\n[hookswitch-agents]\n{lines}\n\
         ; Adds the codes to the phones' context, which stays as it is otherwise.\n\
         [{context}]\ninclude => hookswitch-agents\n"
    )
}

#[cfg(test)]
mod tests;
