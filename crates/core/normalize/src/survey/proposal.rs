//! From what was found to a configuration that can be used, each part with its reasons.

use std::{collections::BTreeSet, fmt};

use hookswitch_model::{AgentId, QueueId};

use super::{
    ConfigFile, Country, Device, Findings, Member, PbxQueue, Question, Role, country, devices,
    devices::{outward, takes, targets},
    toml::{comment, is_word, list, quoted},
};

/// How the PBX is reached, as it shall stand in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// `pbx.name`.
    pub name: String,
    /// `pbx.address`.
    pub address: String,
    /// `pbx.tls` as TOML; none: off.
    pub tls: Option<String>,
    /// `pbx.username`.
    pub username: String,
    /// `pbx.secret` as TOML.
    pub secret: String,
    /// Whether calls shall be routed, or only watched.
    pub routes: bool,
}

/// How sure a part of a proposal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Somebody should look.
    Guess,
    /// More than one thing speaks for it.
    Likely,
    /// The PBX said so.
    Certain,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guess => "guess",
            Self::Likely => "likely",
            Self::Certain => "certain",
        })
    }
}

/// One thing that was concluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it is about: `trunk PJSIP/carrier`, `queue support`, `numbers.country`.
    pub topic: String,
    /// What is proposed.
    pub value: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What speaks for it.
    pub evidence: String,
}

/// A configuration, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What was concluded, in the order of the file.
    pub statements: Vec<Statement>,
    /// What could not be known, and why.
    pub unknown: Vec<String>,
    /// The file.
    pub toml: String,
}

/// What the parts of a proposal are made from, and the parts so far.
struct Writer<'f> {
    findings: &'f Findings,
    access: &'f Access,
    devices: Vec<Device>,
    country: Option<Country>,
    statements: Vec<Statement>,
    unknown: Vec<String>,
    toml: String,
}

/// Proposes a configuration.
#[must_use]
pub fn propose(findings: &Findings, access: &Access) -> Proposal {
    let mut writer = Writer {
        findings,
        access,
        devices: devices(findings),
        country: country(findings),
        statements: Vec::new(),
        unknown: Vec::new(),
        toml: String::new(),
    };
    writer.head();
    writer.numbers();
    writer.pbx();
    let agents = writer.agents();
    let queues = writer.queues(&agents);
    writer.routes(&queues);
    writer.not_known();
    Proposal { statements: writer.statements, unknown: writer.unknown, toml: writer.toml }
}

impl Writer<'_> {
    fn line(&mut self, line: impl AsRef<str>) {
        self.toml.push_str(line.as_ref());
        self.toml.push('\n');
    }

    fn remark(&mut self, text: impl AsRef<str>) {
        self.line(format!("# {}", comment(text.as_ref())));
    }

    /// States something, and writes it with its reasons above.
    fn state(&mut self, topic: &str, value: &str, confidence: Confidence, evidence: &str) {
        self.remark(format!("{confidence}: {evidence}"));
        self.note(topic, value, confidence, evidence);
    }

    fn note(&mut self, topic: &str, value: &str, confidence: Confidence, evidence: &str) {
        self.statements.push(Statement {
            topic: topic.to_owned(),
            value: value.to_owned(),
            confidence,
            evidence: comment(evidence),
        });
    }

    fn head(&mut self) {
        let version = self.findings.version.as_deref().unwrap_or("of a version it does not tell");
        self.remark(format!(
            "Proposed by `hookswitch discover` from the Asterisk {version} at {}. Nothing was changed there.",
            self.access.address
        ));
        self.remark(
            "Each part says how sure it is (certain, likely, guess) and why. Read it, change it, then:",
        );
        self.remark("  hookswitch check && hookswitch doctor");
    }

    fn numbers(&mut self) {
        self.line("\n[numbers]");
        if let Some(country) = self.country.clone() {
            self.state("numbers.country", &country.code, country.confidence, &country.evidence.join("; "));
            self.line(format!("country = {}", quoted(&country.code)));
            self.remark(
                "Click-to-dial reaches this country only; everything else is refused until it is named.",
            );
            self.line(format!("outbound_allow = [{}]", quoted(&country.calling_code)));
        } else {
            let why = "no trunk, caller ID or dialled number says which country national numbers belong to";
            self.unknown.push(format!("numbers.country: {why}"));
            self.remark(format!("Not known: {why}. Set it, as in:"));
            self.remark("country = \"DE\"");
            self.remark("outbound_allow = [\"+49\"]");
        }
        self.outside_dialling();
    }

    /// What phones dial to get outside, which is also what click-to-dial has to dial.
    fn outside_dialling(&mut self) {
        let Some(context) = self.dial_context() else { return };
        let trunks: Vec<&Device> = self.devices.iter().filter(|device| device.role == Role::Trunk).collect();
        let outward = outward(&self.findings.dialplan, &context, &trunks);
        if outward.is_empty() {
            return;
        }
        let patterns = outward.join(" ");
        let takes_plus = outward.iter().any(|exten| takes(exten, "+4930555000"));
        let say = if takes_plus {
            "numbers with a plus are among it, which is what click-to-dial dials"
        } else {
            "numbers with a plus are NOT among it: click-to-dial needs an extension such as _+X. there"
        };
        let evidence = format!("[{context}] leads outside with {patterns}; {say}");
        self.state("numbers.outside", &patterns, Confidence::Certain, &evidence);
    }

    /// Where the phones' calls begin.
    fn dial_context(&self) -> Option<String> {
        let phones = self.devices.iter().filter(|device| device.role == Role::Phone);
        let contexts: Vec<&str> = phones.filter_map(|phone| phone.context.as_deref()).collect();
        let count = |context: &str| contexts.iter().filter(|one| **one == context).count();
        let most =
            contexts.iter().copied().max_by_key(|context| (count(context), std::cmp::Reverse(*context)));
        most.filter(|context| is_word(context, "-_.")).map(str::to_owned)
    }

    fn pbx(&mut self) {
        let access = self.access;
        self.line("\n[[pbx]]");
        self.line(format!("name = {}", quoted(&access.name)));
        self.line("kind = \"asterisk\"");
        self.line(format!("address = {}", quoted(&access.address)));
        if let Some(tls) = &access.tls {
            self.line(format!("tls = {tls}"));
        }
        self.line(format!("username = {}", quoted(&access.username)));
        self.line(format!("secret = {}", access.secret));
        if access.routes {
            self.line("mode = \"route\"");
        } else {
            self.remark(
                "observe: Hookswitch looks on and changes nothing. \"route\" when it shall distribute calls:",
            );
            self.remark("then `hookswitch dialplan` prints what the PBX has to include.");
            self.line("mode = \"observe\"");
        }
        match self.dial_context() {
            Some(context) => {
                let evidence = "most phones' calls begin there";
                self.state("pbx.dial_context", &context, Confidence::Likely, evidence);
                self.line(format!("dial_context = {}", quoted(&context)));
            }
            None => self.unknown.push("pbx.dial_context: no phone tells where its calls begin".to_owned()),
        }
        self.trunks();
        self.fallback();
        self.feature_codes();
        self.codes_of_the_pbx();
    }

    fn trunks(&mut self) {
        let trunks: Vec<Device> =
            self.devices.iter().filter(|device| device.role == Role::Trunk).cloned().collect();
        if trunks.is_empty() {
            self.unknown
                .push("trunks: no endpoint looks like one; calls from outside may count as internal".into());
            return;
        }
        for trunk in &trunks {
            let evidence = format!("{}: {}", trunk.address, trunk.evidence.join(", "));
            self.state(&format!("trunk {}", trunk.address), "outside", trunk.confidence, &evidence);
        }
        let usable = trunks.iter().filter(|trunk| is_device(&trunk.address)).map(|trunk| &trunk.address);
        let line = format!("trunks = {}", list(usable));
        self.line(line);
    }

    /// The phones of those who answer now: they exist, and ring without anything else in the dialplan.
    fn fallback(&mut self) {
        let most = self.findings.queues.values().max_by_key(|queue| queue.members.len());
        let members = most.map(|queue| queue.members.as_slice()).unwrap_or_default();
        let phones = members.iter().filter_map(|member| Some(self.phone_of(member)?.address.clone()));
        let phones: Vec<String> = phones.filter(|address| is_device(address)).take(5).collect();
        if phones.is_empty() {
            self.unknown.push("pbx.fallback: no queue says who answers when the daemon is away".to_owned());
            self.remark("Not known: where callers go when the daemon is away, as in:");
            self.remark("fallback = { goto = \"from-internal,600,1\" }");
            return;
        }
        let evidence =
            "where callers go when the daemon is away: the phones of those who answer now, all at once";
        self.state("pbx.fallback", &phones.join("&"), Confidence::Guess, evidence);
        self.line(format!("fallback = {{ dial = {} }}", quoted(&phones.join("&"))));
    }

    /// Codes that agents dial must not be taken on the PBX.
    fn feature_codes(&mut self) {
        let context = self.dial_context().unwrap_or_default();
        let reachable = self.findings.dialplan.reachable(&context);
        let features = self.findings.file("features.conf", None);
        let general = features.and_then(|file| file.get("general", "pickupexten"));
        // Of the PBX's own: what Hookswitch put there at an earlier installation may stay.
        let theirs = || reachable.iter().filter(|(context, _)| *context != "hookswitch-agents");
        let taken = |code: &str| {
            let exten = theirs().find(|(_, exten)| takes(exten, code)).map(|(_, exten)| (*exten).to_owned());
            exten.or_else(|| (general == Some(code)).then(|| "pickupexten".to_owned()))
        };
        let codes = |prefix: &str| ["0", "1", "2", "3"].map(|digit| format!("{prefix}{digit}"));
        let Some(by) = codes("*5").iter().find_map(|code| taken(code)) else { return };
        let free = ["*6", "*7", "*8", "*9", "*55", "*66"]
            .into_iter()
            .find(|prefix| codes(prefix).iter().all(|code| taken(code).is_none()));
        let [login, logout, pause, ready] = match free {
            Some(prefix) => codes(prefix),
            None => Default::default(),
        };
        let evidence = format!("*50 to *53 are taken on this PBX by {by}");
        self.state("pbx.features", &login, Confidence::Certain, &evidence);
        let [login, logout, pause, ready] = [login, logout, pause, ready].map(|code| quoted(&code));
        self.line(format!(
            "features = {{ login = {login}, logout = {logout}, pause = {pause}, ready = {ready} }}"
        ));
    }

    /// What the PBX itself offers to those who talk: nothing of it is configured here, people ask for it.
    fn codes_of_the_pbx(&mut self) {
        let mut codes = Vec::new();
        if let Some(file) = self.findings.file("features.conf", None) {
            let map = ["blindxfer", "atxfer", "disconnect", "automixmon", "parkcall"];
            let found = map.into_iter().filter_map(|what| Some((what, file.get("featuremap", what)?)));
            codes.extend(found.map(|(what, code)| format!("{what} {code}")));
            codes.extend(file.get("general", "pickupexten").map(|code| format!("pickup {code}")));
        }
        for lot in &self.findings.parking {
            codes.push(format!("parking {} {}-{}", lot.name, lot.spaces.0, lot.spaces.1));
        }
        if !codes.is_empty() {
            let codes = codes.join(", ");
            self.remark(format!("The PBX's own feature codes, which go on working: {codes}"));
            self.note("feature codes", &codes, Confidence::Certain, "features.conf and parking lots");
        }
    }

    fn phone_of(&self, member: &Member) -> Option<&Device> {
        let phones = || self.devices.iter().filter(|device| device.role == Role::Phone);
        let extension = || {
            let name = member.device.rsplit(['/', ':']).next().unwrap_or_default();
            let local = member.location.strip_prefix("Local/").unwrap_or(name);
            local.split(['@', '/']).next().map(str::to_owned)
        };
        phones()
            .find(|phone| phone.address == member.device || phone.address == member.location)
            .or_else(|| phones().find(|phone| phone.extension.is_some() && phone.extension == extension()))
    }
}

/// A device that the configuration takes.
fn is_device(address: &str) -> bool {
    address.split_once('/').is_some_and(|(technology, name)| {
        is_word(technology, "")
            && is_word(name, "/@:._-+*#=")
            && name.bytes().any(|b| b.is_ascii_alphanumeric())
    })
}

/// People and how they are reached.
impl Writer<'_> {
    /// Those who serve a queue; where no queue has members, everybody with a phone. Gives the ids by device.
    fn agents(&mut self) -> Vec<(String, String)> {
        let members: Vec<&Member> = self.findings.queues.values().flat_map(|queue| &queue.members).collect();
        let serving: BTreeSet<String> =
            members.iter().filter_map(|member| Some(self.phone_of(member)?.address.clone())).collect();
        let logs_in: BTreeSet<String> = members
            .iter()
            .filter(|member| member.dynamic)
            .filter_map(|member| Some(self.phone_of(member)?.address.clone()))
            .collect();
        let mut phones: Vec<Device> =
            self.devices.iter().filter(|device| device.role == Role::Phone).cloned().collect();
        phones.sort_by_key(|phone| (!serving.contains(&phone.address), phone.address.clone()));
        let mut agents: Vec<(String, String)> = Vec::new();
        let mut others = Vec::new();
        for phone in &phones {
            let serves = serving.contains(&phone.address);
            let Some(id) = agent_id(phone, &agents) else {
                self.unknown
                    .push(format!("agent of {}: its name cannot stand in a configuration", phone.address));
                continue;
            };
            if serves || serving.is_empty() {
                let why = if serves { "serves a queue" } else { "has a phone" };
                self.agent(phone, &id, why, serves && !logs_in.contains(&phone.address));
                agents.push((phone.address.clone(), id));
            } else {
                others.push((phone.clone(), id));
            }
        }
        self.other_phones(&others);
        agents
    }

    fn agent(&mut self, phone: &Device, id: &str, why: &str, ready: bool) {
        self.line("\n[[agent]]");
        let name = phone.person.as_deref().unwrap_or(id).to_owned();
        let evidence = format!("{} {why}", phone.address);
        self.state(&format!("agent {id}"), &name, phone.confidence, &evidence);
        self.line(format!("id = {}", quoted(id)));
        self.line(format!("name = {}", quoted(&name)));
        self.line(format!("devices = [{}]", quoted(&phone.address)));
        if let Some(extension) = phone.extension.as_deref().filter(|extension| *extension != phone.name) {
            self.line(format!("extension = {}", quoted(extension)));
        }
        if ready {
            self.remark("A fixed member of its queue; without this line an agent logs in first.");
            self.line("start = \"ready\"");
        }
    }

    /// Phones that serve no queue, to be taken over by hand.
    fn other_phones(&mut self, others: &[(Device, String)]) {
        if others.is_empty() {
            return;
        }
        self.line("");
        self.remark(format!(
            "{} more phones serve no queue. For those who shall have a screen:",
            others.len()
        ));
        for (phone, id) in others {
            let name = phone.person.as_deref().unwrap_or(id);
            let known = phone.extension.as_deref().filter(|extension| *extension != phone.name);
            let extension = known.map_or_else(String::new, |one| format!(", extension {}", quoted(one)));
            self.remark(format!(
                "[[agent]] id = {}, name = {}, devices = [{}]{extension}",
                quoted(id),
                quoted(name),
                quoted(&phone.address)
            ));
            self.note(
                &format!("phone {}", phone.address),
                name,
                phone.confidence,
                "a phone that serves no queue",
            );
        }
    }

    /// Gives the ids of those that stand in the file.
    fn queues(&mut self, agents: &[(String, String)]) -> Vec<String> {
        let mut written = Vec::new();
        for (name, queue) in &self.findings.queues {
            let phones = queue.members.iter().filter_map(|member| self.phone_of(member));
            let ids = phones.filter_map(|phone| agents.iter().find(|(device, _)| *device == phone.address));
            let ids: Vec<String> = ids.map(|(_, id)| id.clone()).collect();
            if QueueId::new(name).is_err() {
                self.unknown.push(format!("queue {name}: its name cannot stand in a configuration"));
            } else if ids.is_empty() {
                let why = if queue.members.is_empty() {
                    "nobody serves it now"
                } else {
                    "its members are no phones"
                };
                self.unknown.push(format!("queue {name}: {why}, so it was left out"));
            } else {
                self.queue(name, queue, &ids);
                written.push(name.clone());
            }
        }
        written
    }

    fn queue(&mut self, name: &str, queue: &PbxQueue, agents: &[String]) {
        let (strategy, confidence, why) = strategy(&queue.strategy);
        self.line("\n[[queue]]");
        let count = queue.members.len();
        let evidence =
            format!("queue {name} of the PBX: strategy {}, {count} members; {why}", queue.strategy);
        self.state(&format!("queue {name}"), strategy, confidence, &evidence);
        self.line(format!("id = {}", quoted(name)));
        self.line(format!("strategy = {}", quoted(strategy)));
        self.line(format!("members = {{ agents = {} }}", list(agents)));
        let penalties: BTreeSet<u64> = queue.members.iter().map(|member| member.penalty).collect();
        if penalties.len() > 1 {
            self.remark("Its members have penalties. Here: skills, and `requires` that loosens with the waiting time.");
        }
        let file = self.findings.file("queues.conf", None);
        let seconds =
            |key| setting(file, name, key).and_then(|value| value.parse::<u64>().ok()).filter(|n| *n > 0);
        let music =
            setting(file, name, "musicclass").filter(|music| is_word(music, "-_.") && *music != "default");
        let lines = [
            seconds("timeout").filter(|n| *n <= 600).map(|n| format!("offer_timeout = \"{n}s\"")),
            seconds("wrapuptime").map(|n| format!("wrap_up = \"{n}s\"")),
            Some(queue.service_level)
                .filter(|n| *n > 0)
                .map(|n| format!("service_level = {{ within = \"{n}s\" }}")),
            music.map(|music| format!("music = {}", quoted(music))),
        ];
        let known = file.is_some_and(|file| file.sections.iter().any(|(section, _)| section == name));
        if !known {
            self.unknown.push(format!("queue {name}: ring time and wrap-up (not in queues.conf)"));
        }
        for line in lines.into_iter().flatten() {
            self.line(line);
        }
    }

    /// Numbers from outside that lead into a queue today.
    fn routes(&mut self, queues: &[String]) {
        let trunks: Vec<&Device> = self.devices.iter().filter(|device| device.role == Role::Trunk).collect();
        let contexts: BTreeSet<String> = trunks.iter().filter_map(|trunk| trunk.context.clone()).collect();
        let mut found = Vec::new();
        let mut hours = false;
        for (context, exten, step) in self.findings.dialplan.steps() {
            hours |= step.application == "GotoIfTime";
            let queue = step.data.split(',').next().unwrap_or_default();
            let outside = contexts.contains(context);
            let literal = exten.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+');
            if step.application == "Queue" && outside && literal && queues.iter().any(|one| one == queue) {
                found.push((context.to_owned(), exten.to_owned(), queue.to_owned()));
            }
        }
        for (context, exten, queue) in found {
            self.line("\n[[route]]");
            let evidence = format!("[{context}] {exten} leads to Queue({queue})");
            self.state(&format!("route {exten}"), &queue, Confidence::Certain, &evidence);
            if self.access.routes {
                self.remark(format!(
                    "Hand it over in [{context}]: exten => {exten},1,Goto(hookswitch,${{EXTEN}},1)"
                ));
            }
            self.line(format!("name = {}", quoted(&format!("{exten} to {queue}"))));
            self.line(format!("when = {}", quoted(&format!("dnis == {}", quoted(&exten)))));
            self.line(format!("queue = {}", quoted(&queue)));
        }
        if hours {
            let say = "opening hours: the dialplan asks for the time (GotoIfTime); see [calendar] in docs/routing.md";
            self.unknown.push(say.to_owned());
        }
        if self.findings.dialplan.is_empty() {
            self.unknown.push("routes: the dialplan could not be listed, so no number is known".to_owned());
        }
        self.rung_directly(&contexts);
    }

    /// Numbers from outside that ring a phone: they stay as they are, and are seen.
    fn rung_directly(&mut self, contexts: &BTreeSet<String>) {
        let steps = self.findings.dialplan.steps().filter(|(context, ..)| contexts.contains(*context));
        let rings = steps.filter_map(|(_, exten, step)| {
            let targets = targets(&step.application, &step.data);
            let phones = targets.iter().filter(|target| !target.number).count();
            (phones > 0).then(|| format!("{exten} rings {}", step.data.split(',').next().unwrap_or_default()))
        });
        let rings: Vec<String> = rings.take(50).collect();
        if !rings.is_empty() {
            self.line("");
            self.remark("Numbers from outside that ring a phone directly, which is seen and needs no route:");
            for ring in rings {
                self.remark(format!("  {ring}"));
            }
        }
    }

    fn not_known(&mut self) {
        let mut lines = std::mem::take(&mut self.unknown);
        for (question, why) in &self.findings.refused {
            // Not every PBX has every channel driver.
            let absent = why.starts_with("Invalid/unknown command");
            let optional =
                matches!(question, Question::Peers | Question::Registrations | Question::Endpoint(_));
            if !(absent && optional) {
                lines.push(format!("{}: the PBX said \"{why}\"", question.about()));
            }
        }
        lines.push("skills of the agents, opening hours, and the CRM: no PBX knows them".to_owned());
        self.line("");
        self.remark("Not known:");
        for line in &lines {
            self.remark(format!("  {line}"));
        }
        self.unknown = lines.iter().map(|line| comment(line)).collect();
    }
}

/// A queue's own value in `queues.conf`, else that of `[general]`.
fn setting<'f>(file: Option<&'f ConfigFile>, queue: &str, key: &str) -> Option<&'f str> {
    file?.get(queue, key).or_else(|| file?.get("general", key))
}

/// The extension, or the device's name, as far as it may be an id and nobody has it.
fn agent_id(phone: &Device, taken: &[(String, String)]) -> Option<String> {
    let candidates = [phone.extension.as_deref(), Some(phone.name.as_str())];
    let free = |id: &&str| AgentId::new(id).is_ok() && !taken.iter().any(|(_, there)| there == id);
    let usable = is_device(&phone.address).then(|| candidates.into_iter().flatten().find(free))?;
    usable.map(str::to_owned)
}

/// The strategy that comes nearest to one of app_queue.
fn strategy(theirs: &str) -> (&'static str, Confidence, &'static str) {
    match theirs {
        "ringall" => ("ring-all", Confidence::Certain, "the same"),
        "leastrecent" => ("longest-idle", Confidence::Certain, "the same"),
        "fewestcalls" => ("least-calls", Confidence::Certain, "the same"),
        "rrmemory" | "rrordered" | "roundrobin" => ("round-robin", Confidence::Certain, "the same"),
        "random" => ("random", Confidence::Certain, "the same"),
        "wrandom" => ("random", Confidence::Likely, "weights are not taken over"),
        "linear" => (
            "longest-idle",
            Confidence::Guess,
            "a fixed order has no like here; skills with best-skill do it",
        ),
        _ => ("longest-idle", Confidence::Guess, "a strategy that is not known here"),
    }
}
