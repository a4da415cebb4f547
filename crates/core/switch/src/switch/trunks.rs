//! Trunks: where they are, whether they are there, how full they are, who we are there. And users: who they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use hookswitch_sip::{
    Flow, ServerId, Transport,
    auth::{self, Verdict},
    message::{Method, Name, NameAddr, Request, Response, Uri},
    registrar::{Binding, Change},
};

use super::{Sent, Switch, attempt::Destination, keep::Timer};
use crate::{
    Event, Line,
    event::UserState,
    id::DialogId,
    identity,
    settings::{Question, Trunk},
    state::Phase,
};

/// How often addresses of names are asked for again.
const RESOLVE: Duration = Duration::from_secs(300);
/// How often a trunk that is not asked for keep-alive is looked after: its names.
const LOOK: Duration = Duration::from_secs(60);

/// What is known of a trunk.
#[derive(Debug)]
pub(crate) struct TrunkState {
    /// Whether it answered last; none: nobody knows yet.
    pub(super) up: Option<bool>,
    /// Addresses of names.
    names: Vec<(Question, Vec<SocketAddr>)>,
    /// When names are asked for again.
    asked_at: Option<hookswitch_sip::Instant>,
    /// Addresses an OPTIONS is under way to.
    asking: BTreeSet<Flow>,
    /// Which addresses answered last, and which did not.
    alive: BTreeMap<Flow, bool>,
    account: Option<auth::Client>,
}

impl Switch {
    /// Keeps what is known of trunks that stay.
    pub(super) fn configure_trunks(&mut self) {
        let mut before = std::mem::take(&mut self.trunks);
        let trunks: Vec<Trunk> = self.settings.trunks.clone();
        for trunk in trunks {
            let seed = self.random.next();
            let account = trunk
                .account
                .as_ref()
                .map(|account| auth::Client::new(&account.user, &account.password, seed));
            let state = match before.remove(&trunk.name) {
                Some(state) => TrunkState { account, asked_at: None, ..state },
                None => TrunkState {
                    up: None,
                    names: Vec::new(),
                    asked_at: None,
                    asking: BTreeSet::new(),
                    alive: BTreeMap::new(),
                    account,
                },
            };
            self.trunks.insert(trunk.name.clone(), state);
            self.timers.set(Timer::Trunk(trunk.name), self.now);
        }
        for name in before.into_keys() {
            self.timers.cancel(&Timer::Trunk(name));
        }
    }

    /// Calls over a trunk, both ways; whether one more may come.
    pub(super) fn has_room(&self, name: &str) -> bool {
        let Some(most) = self.settings.trunk(name).and_then(|trunk| trunk.max_calls) else { return true };
        self.busy.get(&Line::Trunk(name.into())).map_or(0, BTreeSet::len) < most
    }

    /// Where a number beyond a trunk is sent to: those that answer first.
    pub(super) fn ways(
        &self,
        trunk: &str,
        number: &str,
        line: &Line,
        shown: Option<&str>,
    ) -> Vec<Destination> {
        let Some(settings) = self.settings.trunk(trunk) else { return Vec::new() };
        let Some(state) = self.trunks.get(trunk).filter(|state| state.up != Some(false)) else {
            return Vec::new();
        };
        let destination = |(uri, flow): (Uri, Flow)| Destination {
            line: line.clone(),
            number: shown.map(str::to_owned),
            target: Uri { user: Some(identity::escaped(number).into()), ..uri },
            flow,
            path: Vec::new(),
            pinned: false,
        };
        let ways = settings.addresses.iter().flat_map(|uri| self.flows_to(trunk, uri));
        ways.filter(|(_, flow)| state.alive.get(flow) != Some(&false)).map(destination).collect()
    }

    /// The flows to an address of a trunk, from where we listen.
    fn flows_to(&self, trunk: &str, uri: &Uri) -> Vec<(Uri, Flow)> {
        let transport = transport_of(uri);
        let port = uri.port.unwrap_or_else(|| transport.default_port());
        let addresses = match uri.host.as_ref().and_then(|host| host.ip()) {
            Some(ip) => vec![SocketAddr::new(ip, port)],
            None => {
                let question = question(uri);
                let known = self
                    .trunks
                    .get(trunk)
                    .and_then(|state| state.names.iter().find(|(asked, _)| Some(asked) == question.as_ref()));
                known.map(|(_, addresses)| addresses.clone()).unwrap_or_default()
            }
        };
        let flow = |remote: SocketAddr| {
            let fits = |(kind, local): &&(Transport, SocketAddr)| {
                *kind == transport && local.is_ipv4() == remote.is_ipv4()
            };
            let (_, local) = self.settings.listen.iter().find(fits)?;
            Some((uri.clone(), Flow { transport, local: *local, remote, connection: None }))
        };
        addresses.into_iter().filter_map(flow).collect()
    }

    /// Names are asked for, and the trunk is asked whether it is there.
    pub(super) fn ask_trunk(&mut self, name: &Arc<str>) {
        let Some(trunk) = self.settings.trunk(name).cloned() else { return };
        let (now, every) = (self.now, trunk.keep_alive.unwrap_or(LOOK));
        self.timers.set(Timer::Trunk(name.clone()), now + every);
        let Some(state) = self.trunks.get_mut(name) else { return };
        if state.asked_at.is_none_or(|at| now.since(at) >= RESOLVE) {
            state.asked_at = Some(now);
            self.questions.extend(trunk.addresses.iter().filter_map(question));
        }
        if trunk.keep_alive.is_none() {
            state.alive.clear();
            return self.trunk_is(name, true);
        }
        let ways: Vec<_> = trunk.addresses.iter().flat_map(|uri| self.flows_to(name, uri)).collect();
        if let Some(state) = self.trunks.get_mut(name) {
            state.alive.retain(|flow, _| ways.iter().any(|(_, known)| known == flow));
        }
        for (uri, flow) in ways {
            if !self.trunks.get_mut(name).is_some_and(|state| state.asking.insert(flow)) {
                continue; // An answer is waited for, or two names are one address.
            }
            let options = self.options(uri);
            let client = self.layer.request(now, options, flow);
            self.clients.insert(client, Sent::Trunk(Box::new((name.clone(), flow))));
        }
    }

    fn options(&mut self, uri: Uri) -> Request {
        let mut options = Request::new(Method::Options, uri.clone());
        let from = NameAddr::new(Uri::sip(Some("hookswitch"), self.host.clone(), None));
        options.headers.push(Name::MaxForwards, "70");
        options.headers.push(Name::From, from.with_tag(&self.random.token()).to_string());
        options.headers.push(Name::To, NameAddr::new(uri).to_string());
        options.headers.push(Name::CallId, self.random.token());
        options.headers.push(Name::CSeq, "1 OPTIONS");
        options
    }

    /// Any answer shows that somebody is there, but one that says that nobody is (408, 503). A trunk is down when
    /// nobody is at any of its addresses.
    pub(super) fn trunk_answered(&mut self, (name, flow): &(Arc<str>, Flow), status: u16) {
        if status < 200 {
            return;
        }
        let addresses = self.settings.trunk(name).map(|trunk| trunk.addresses.clone()).unwrap_or_default();
        let ways: Vec<Flow> =
            addresses.iter().flat_map(|uri| self.flows_to(name, uri)).map(|(_, flow)| flow).collect();
        let Some(state) = self.trunks.get_mut(name) else { return };
        state.asking.remove(flow);
        if !ways.contains(flow) {
            return; // It is none of its addresses any more.
        }
        state.alive.insert(*flow, !matches!(status, 408 | 503));
        if state.alive.values().any(|alive| *alive) {
            self.trunk_is(name, true);
        } else if ways.iter().all(|flow| state.alive.contains_key(flow)) {
            self.trunk_is(name, false);
        }
    }

    fn trunk_is(&mut self, name: &Arc<str>, up: bool) {
        let Some(state) = self.trunks.get_mut(name) else { return };
        if state.up.replace(up) != Some(up) {
            self.tell(Event::Trunk { name: name.to_string(), up });
        }
    }

    /// The addresses of a name came.
    pub(super) fn name_resolved(&mut self, question: &Question, addresses: &[SocketAddr]) {
        let names: Vec<Arc<str>> = self.trunks.keys().cloned().collect();
        for name in names {
            let asks = self.settings.trunk(&name).is_some_and(|trunk| {
                trunk.addresses.iter().any(|uri| self::question(uri).as_ref() == Some(question))
            });
            let Some(state) = self.trunks.get_mut(&name).filter(|_| asks) else { continue };
            let first = !state.names.iter().any(|(asked, _)| asked == question);
            if addresses.is_empty() {
                continue; // What was known stays better than nothing.
            }
            state.names.retain(|(asked, _)| asked != question);
            state.names.push((question.clone(), addresses.to_vec()));
            if first {
                self.timers.set(Timer::Trunk(name), self.now);
            }
        }
    }

    /// A trunk asks who we are: the request is sent again with credentials, once.
    pub(super) fn authorize(&mut self, sent: &Sent, response: &Response) -> bool {
        let Sent::Invite(id) = sent else { return false };
        let Some(leg) = self.legs.get(id) else { return false };
        let Some(trunk) = leg.line.trunk().cloned() else { return false };
        // Whoever asks again does not take the password: a trunk must not have us call for ever.
        if !matches!(&leg.phase, Phase::Calling(calling) if !calling.authorized) {
            return false;
        }
        let Some(mut account) = self.trunks.get_mut(&trunk).and_then(|state| state.account.take()) else {
            return false;
        };
        let done = self.invite_again(*id, |_, invite| account.answer(invite, response).is_ok());
        if let Some(state) = self.trunks.get_mut(&trunk) {
            state.account = Some(account);
        }
        if let Some(Phase::Calling(calling)) = self.legs.get_mut(id).map(|leg| &mut leg.phase) {
            calling.authorized = true;
        }
        done
    }

    /// Credentials of a request inside a dialog with a trunk that asked for them before.
    pub(super) fn credentials(&mut self, id: DialogId, request: &mut Request) {
        let Some(trunk) = self.legs.get(&id).and_then(|leg| leg.line.trunk().cloned()) else { return };
        if let Some(account) = self.trunks.get_mut(&trunk).and_then(|state| state.account.as_mut()) {
            account.authorize(request);
        }
    }

    /// Which user a request is from, by its credentials; else the answer it gets.
    pub(super) fn verify(&mut self, request: &Request, flow: &Flow) -> Result<Arc<str>, Response> {
        let users = &self.settings.users;
        let password = |name: &str| users.get(name).map(|user| &*user.password);
        let verdict = self.guard.verify(self.now, flow.remote.ip(), request, password);
        let Some(answer) = self.guard.answer(self.now, request, &verdict) else {
            let Verdict::Accepted { user } = verdict else { return Err(request.reply(403, "")) };
            return Ok(user.into());
        };
        let tag = request.tag_without_state();
        Err(answer.with_to_tag(&tag))
    }

    /// REGISTER.
    pub(super) fn register(&mut self, id: ServerId, request: &Request, flow: &Flow) {
        let name = match self.verify(request, flow) {
            Ok(name) => name,
            Err(answer) => {
                self.counters.strangers += 1;
                return self.layer.dismiss(id, &answer);
            }
        };
        // Nobody registers for another.
        let own = request.headers.to().is_some_and(|to| to.uri.user_decoded().as_deref() == Some(&*name));
        let answer = if own {
            self.registrar.register(self.now, *flow, &name, request)
        } else {
            request.reply(403, "")
        };
        let tag = request.tag_without_state();
        self.layer.dismiss(id, &answer.with_to_tag(&tag));
    }

    /// Takes over registrations that were kept from before a restart: those of who is a user still.
    pub(super) fn restore_registrations(&mut self, kept: Vec<(Box<str>, Vec<Binding>)>) {
        for (name, bindings) in kept {
            let bindings = if self.settings.users.contains_key(&*name) { bindings } else { Vec::new() };
            self.registrar.restore(self.now, &name, bindings);
        }
    }

    /// Tells whose phones came and went.
    pub(super) fn registrations_changed(&mut self) {
        self.registrar.tick(self.now);
        while let Some(change) = self.registrar.poll_change() {
            let aor = match change {
                Change::Registered { aor, contact: _ } | Change::Gone { aor, contact: _, why: _ } => aor,
            };
            self.user_is(&Line::User(aor.into()));
        }
    }

    /// What a user's phones do, by their legs and registrations. A phone in a call is there, registered or not.
    fn state_of(&self, line: &Line, name: &str) -> UserState {
        let mut ringing = false;
        for leg in self.busy.get(line).into_iter().flatten().filter_map(|id| self.legs.get(id)) {
            match leg.phase {
                Phase::Up | Phase::Asked(_) => return UserState::InUse,
                Phase::Calling(_) => ringing = true,
                Phase::Leaving => {}
            }
        }
        match (ringing, self.registrar.contacts(name, self.now).is_empty()) {
            (true, _) => UserState::Ringing,
            (false, true) => UserState::Away,
            (false, false) => UserState::Idle,
        }
    }

    /// Something of a user changed: what the phones do now is told, if it is news.
    pub(super) fn user_is(&mut self, line: &Line) {
        let Line::User(name) = line else { return };
        let state = self.state_of(line, name);
        let before = match state {
            UserState::Away => self.users.remove(name),
            UserState::Idle | UserState::Ringing | UserState::InUse => self.users.insert(name.clone(), state),
        };
        if before.unwrap_or(UserState::Away) != state {
            self.tell(Event::User { name: line.clone(), state });
        }
    }

    /// A leg becomes somebody's party.
    pub(super) fn occupy(&mut self, id: DialogId) {
        if let Some(leg) = self.legs.get(&id) {
            let line = leg.line.clone();
            self.busy.entry(owner(&line)).or_default().insert(id);
            self.user_is(&line);
        }
    }

    /// … and is none any more.
    pub(super) fn vacate(&mut self, id: DialogId, line: &Line) {
        let owner = owner(line);
        if let Some(legs) = self.busy.get_mut(&owner) {
            legs.remove(&id);
            if legs.is_empty() {
                self.busy.remove(&owner);
            }
        }
        self.user_is(line);
    }
}

/// Whose line it is: a user's, or a trunk's with all numbers behind it.
fn owner(line: &Line) -> Line {
    line.trunk().map_or_else(|| line.clone(), |trunk| Line::Trunk(trunk.clone()))
}

fn transport_of(uri: &Uri) -> Transport {
    let named = uri.params.get("transport").map(str::to_ascii_lowercase);
    let kinds = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];
    let secure = uri.scheme == hookswitch_sip::Scheme::Sips;
    named.and_then(|name| kinds.into_iter().find(|kind| kind.param() == name)).unwrap_or(if secure {
        Transport::Tls
    } else {
        Transport::Udp
    })
}

/// What is to be asked about an address; nothing where it is one.
fn question(uri: &Uri) -> Option<Question> {
    let host = uri.host.as_ref()?;
    let name = host.ip().is_none().then(|| host.to_string())?;
    Some(Question { host: name.to_ascii_lowercase().into(), port: uri.port, transport: transport_of(uri) })
}
