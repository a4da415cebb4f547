//! The simulator on a socket: login, lists, masks, filters and closed links as a manager client meets them.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::START;
use futures_util::{SinkExt, StreamExt};
use hookswitch_ami::{
    Action, AmiCodec, Credentials, Decoded, EventMask, Frame, Login, LoginMethod, LoginStep, Secret,
};
use hookswitch_sim::{CallIn, Pbx, PbxConfig, Sim, serve};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

/// Nothing here takes that long; a test that waits for something that never comes fails with it.
const LIMIT: Duration = Duration::from_secs(20);

async fn sim() -> Sim {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let config = PbxConfig::lab(1).expect("the crate's own dialplan reads");
    serve(listener, |now| Pbx::new(config, now)).expect("a listener has an address")
}

/// A manager client.
struct Client(Framed<TcpStream, AmiCodec>);

impl Client {
    async fn connect(sim: &Sim) -> Self {
        let stream = TcpStream::connect(sim.address()).await.expect("the simulator listens");
        Self(Framed::new(stream, AmiCodec::default()))
    }

    /// The next frame, none when the connection is closed.
    async fn next(&mut self) -> Option<Frame> {
        let next = tokio::time::timeout(LIMIT, self.0.next()).await.expect("something comes");
        match next?.ok()? {
            Decoded::Frame(frame) => Some(frame),
            Decoded::Refused(refused) => panic!("{refused:?}"),
        }
    }

    async fn send(&mut self, action: Action) {
        self.0.send(action).await.expect("the connection is open");
    }

    async fn log_in(&mut self, secret: &str, method: LoginMethod, events: EventMask) -> LoginStep {
        let credentials =
            Credentials { username: "hookswitch".to_owned(), secret: Secret::new(secret), method };
        let mut login = Login::new(credentials, events);
        loop {
            let frame = self.next().await.expect("the PBX answers");
            match login.on_frame(&frame) {
                LoginStep::Send(action) => self.send(action).await,
                LoginStep::Wait => {}
                done @ (LoginStep::LoggedIn { .. } | LoginStep::Refused(_)) => return done,
            }
        }
    }

    /// Sends an action and gives its response.
    async fn ask(&mut self, action: Action) -> Frame {
        let id = format!("{}-id", action.name());
        self.send(action.action_id(&id)).await;
        loop {
            let frame = self.next().await.expect("the PBX answers");
            if frame.name() != "OriginateResponse" && frame.action_id() == Some(id.as_str()) {
                return frame;
            }
        }
    }

    /// Sends an action that lists something and gives the items, without the event that ends the list.
    async fn list(&mut self, action: Action) -> Vec<Frame> {
        assert_eq!(self.ask(action).await.get("EventList"), Some("start"));
        let mut items = Vec::new();
        loop {
            let frame = self.next().await.expect("the list goes on");
            if frame.get("EventList") == Some("Complete") {
                assert_eq!(frame.get("ListItems"), Some(items.len().to_string().as_str()), "{frame:?}");
                return items;
            }
            items.push(frame);
        }
    }

    /// Waits for an event.
    async fn event(&mut self, name: &str) -> Frame {
        loop {
            let frame = self.next().await.expect("the PBX goes on");
            if frame.name() == name {
                return frame;
            }
        }
    }
}

async fn client(sim: &Sim, events: EventMask) -> Client {
    let mut client = Client::connect(sim).await;
    let step = client.log_in("hookswitch", LoginMethod::Md5, events).await;
    assert!(matches!(step, LoginStep::LoggedIn { version } if version == "11.0.0"));
    client
}

#[tokio::test]
async fn plain_and_md5_logins_succeed_and_a_wrong_secret_closes_the_connection() {
    let sim = sim().await;
    for method in [LoginMethod::Plain, LoginMethod::Md5] {
        let mut good = Client::connect(&sim).await;
        let step = good.log_in("hookswitch", method, EventMask::On).await;
        assert!(matches!(step, LoginStep::LoggedIn { .. }), "{method:?}");
        assert_eq!(good.event("FullyBooted").await.get("Status"), Some("Fully Booted"));
        let mut bad = Client::connect(&sim).await;
        let step = bad.log_in("wrong", method, EventMask::On).await;
        assert!(matches!(step, LoginStep::Refused(refused) if refused.message == "Authentication failed"));
        assert!(bad.next().await.is_none(), "{method:?}: closed");
    }
}

#[tokio::test]
async fn nothing_is_done_before_the_login() {
    let sim = sim().await;
    let mut client = Client::connect(&sim).await;
    let refused = client.ask(Action::new("CoreShowChannels")).await;
    assert_eq!((refused.name(), refused.get("Message")), ("Error", Some("Permission denied")));
}

#[tokio::test]
async fn a_client_sees_a_call_come_ring_talk_and_end() {
    let sim = sim().await;
    let mut client = client(&sim, EventMask::On).await;
    let call = sim.call_in(CallIn::new("+49305550001", "5001"));
    let phone = sim.ringing("1001").await;
    sim.answer(phone);
    sim.talking(call).await;
    sim.hang_up(call);
    sim.ended(phone).await;
    for name in ["Newchannel", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "BridgeLeave", "Hangup"] {
        client.event(name).await;
    }
}

#[tokio::test]
async fn the_mask_and_the_filters_decide_what_a_client_reads() {
    let sim = sim().await;
    let mut client = client(&sim, EventMask::Off).await;
    let mask = Action::new("Events").header("EventMask", "call,user");
    assert_eq!(client.ask(mask).await.get("Events"), Some("On"));
    let filter =
        Action::new("Filter").header("Operation", "Add").header("Filter", "!Event: (DialState|Newstate)");
    assert_eq!(client.ask(filter).await.name(), "Success");
    let call = sim.call_in(CallIn::new("+49305550001", "5001"));
    let phone = sim.ringing("1001").await;
    sim.hang_up(call);
    sim.ended(phone).await;
    client.send(Action::new("Ping")).await;
    let mut names = Vec::new();
    loop {
        let frame = client.next().await.expect("the PBX goes on");
        if frame.get("Ping").is_some() {
            break;
        }
        names.push(frame.name().to_owned());
    }
    assert!(names.iter().any(|name| name == "DialBegin"), "{names:?}");
    for absent in ["DialState", "Newstate", "VarSet", "Newexten", "SuccessfulAuth"] {
        assert!(!names.iter().any(|name| name == absent), "{absent} in {names:?}");
    }
}

#[tokio::test]
async fn the_lists_after_a_reconnect_show_what_is_going_on() {
    let sim = sim().await;
    sim.unregister("1003");
    let talk = sim.call_in(CallIn::new("+49301", "5001"));
    sim.answer(sim.ringing("1001").await);
    sim.talking(talk).await;
    sim.call_in(CallIn::new("+49302", "5004"));
    sim.ringing("1002").await;
    let mut client = client(&sim, EventMask::Off).await;

    let channels = client.list(Action::new("CoreShowChannels")).await;
    assert_eq!(channels.len(), 4);
    let bridged = channels.iter().filter(|channel| channel.get("BridgeId").is_some_and(|id| !id.is_empty()));
    assert_eq!(bridged.count(), 2);
    let bridges = client.list(Action::new("BridgeList")).await;
    assert_eq!(bridges.len(), 1);
    let bridge = bridges[0].get("BridgeUniqueid").expect("an id");
    let members = client.list(Action::new("BridgeInfo").header("BridgeUniqueid", bridge)).await;
    assert_eq!(members.len(), 2);

    let queue = client.list(Action::new("QueueStatus")).await;
    let count = |name: &str| queue.iter().filter(|item| item.name() == name).count();
    assert_eq!((count("QueueParams"), count("QueueMember"), count("QueueEntry")), (1, 2, 1));
    let contacts = client.list(Action::new("PJSIPShowContacts")).await;
    let endpoints = contacts.iter().filter_map(|contact| contact.get("Endpoint")).collect::<Vec<_>>();
    assert_eq!(endpoints, ["1001", "1002", "1004", "1005", "1006", "1007", "1008"]);
    let endpoints = client.list(Action::new("PJSIPShowEndpoints")).await;
    let gone = endpoints.iter().find(|endpoint| endpoint.get("ObjectName") == Some("1003")).expect("listed");
    assert_eq!(gone.get("DeviceState"), Some("Unavailable"));
    let states = client.list(Action::new("DeviceStateList")).await;
    let state = |device| states.iter().find(|state| state.get("Device") == Some(device))?.get("State");
    assert_eq!(state("PJSIP/1001"), Some("INUSE"));
    assert_eq!(state("PJSIP/1002"), Some("RINGING"));

    let status = Action::new("Status").header("Channel", channels[0].get("Channel").expect("a name"));
    let status = client.list(status.header("AllVariables", "true")).await;
    assert_eq!(status.len(), 1);
    assert!(client.ask(Action::new("CoreStatus")).await.get("CoreStartupDate").is_some());
}

#[tokio::test]
async fn variables_are_set_and_read_on_channels_and_globally() {
    let sim = sim().await;
    let call = sim.call_in(CallIn::new("+49301", "5001"));
    sim.ringing("1001").await;
    let name = sim.with(|pbx, _| pbx.channel_of(call).map(|(name, _)| name.to_owned())).expect("alive");
    let mut client = client(&sim, EventMask::Off).await;
    for channel in [None, Some(name.as_str())] {
        let set = Action::new("Setvar").header_if("Channel", channel);
        let set = client.ask(set.header("Variable", "HS_X").header("Value", "1 = 2")).await;
        assert_eq!(set.get("Message"), Some("Variable Set"));
        let got =
            client.ask(Action::new("Getvar").header_if("Channel", channel).header("Variable", "HS_X")).await;
        assert_eq!(got.get("Value"), Some("1 = 2"));
    }
    let wrong =
        Action::new("Setvar").header("Channel", "PJSIP/none").header("Variable", "X").header("Value", "1");
    assert_eq!(client.ask(wrong).await.get("Message"), Some("No such channel"));
}

#[tokio::test]
async fn originate_answers_late_when_it_is_not_async_and_never_for_a_channel_id_in_use() {
    let sim = sim().await;
    let mut client = client(&sim, EventMask::On).await;
    let originate = |id: &str| {
        let action = Action::new("Originate").header("Channel", "PJSIP/1001").header("ChannelId", id);
        action.header("Application", "Wait").header("Data", "60")
    };
    client.send(originate("one").action_id("late")).await;
    sim.answer(sim.ringing("1001").await);
    let late = loop {
        let frame = client.next().await.expect("the PBX goes on");
        if frame.action_id() == Some("late") {
            break frame;
        }
    };
    assert_eq!(late.get("Message"), Some("Originate successfully queued"));
    let doubled = client.ask(originate("one").header("Async", "true")).await;
    assert_eq!(doubled.name(), "Success");
    assert_eq!(sim.with(|pbx, _| pbx.channel_count()), 1, "nothing more is made");
    let gone = Action::new("Originate").header("Channel", "PJSIP/9999").header("Async", "true");
    let gone = gone.header("Application", "Wait").header("Data", "1");
    assert_eq!(client.ask(gone).await.name(), "Success");
    let response = client.event("OriginateResponse").await;
    assert_eq!((response.get("Response"), response.get("Reason")), (Some("Failure"), Some("0")));
}

#[tokio::test]
async fn unknown_actions_and_channels_get_asterisks_errors() {
    let sim = sim().await;
    let mut client = client(&sim, EventMask::Off).await;
    let table = [
        (Action::new("Fly"), "Invalid/unknown command"),
        (Action::new("Redirect").header("Channel", "PJSIP/x"), "Channel does not exist: PJSIP/x"),
        (Action::new("Hangup").header("Channel", "PJSIP/x"), "No such channel"),
        (Action::new("BridgeInfo").header("BridgeUniqueid", "x"), "Bridge not found"),
        (
            Action::new("QueuePause").header("Interface", "PJSIP/x").header("Paused", "true"),
            "Interface not found",
        ),
        (
            Action::new("Filter").header("Operation", "Add").header("Filter", "("),
            "Filter was formatted incorrectly",
        ),
    ];
    for (action, message) in table {
        let answer = client.ask(action).await;
        assert_eq!((answer.name(), answer.get("Message")), ("Error", Some(message)));
    }
    assert_eq!(client.ask(Action::new("Logoff")).await.name(), "Goodbye");
    assert!(client.next().await.is_none(), "closed");
}

#[tokio::test]
async fn a_cut_link_and_a_restart_close_connections_and_only_the_restart_ends_calls() {
    let sim = sim().await;
    let mut first = client(&sim, EventMask::On).await;
    let call = sim.call_in(CallIn::new("+49301", "5001"));
    sim.answer(sim.ringing("1001").await);
    sim.talking(call).await;
    sim.cut_links();
    while first.next().await.is_some() {}
    assert!(sim.with(|pbx, _| pbx.is_talking(call)));
    let mut second = client(&sim, EventMask::On).await;
    sim.restart(true, Duration::ZERO);
    second.event("Shutdown").await;
    assert!(second.next().await.is_none());
    assert!(!sim.with(|pbx, _| pbx.is_alive(call)));
    client(&sim, EventMask::On).await;
}

#[tokio::test]
async fn the_clock_of_the_server_is_the_clock_of_the_world() {
    let sim = sim().await;
    assert!(sim.with(|_, now| now) > START / 2, "microseconds since the epoch");
    let call = sim.call_in(CallIn { patience: Some(50_000), ..CallIn::new("+49301", "5001") });
    tokio::time::timeout(LIMIT, sim.ended(call)).await.expect("the caller gives up by the clock");
}
