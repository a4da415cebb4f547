//! The cast at scripted SIP phones.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};

use crate::act::Act;
use crate::cast::{Mode, SIP_PASSWORD, customer_number, dialled_from_outside, dialled_inside, phone};
use crate::phone::{Call, CallState, Ending, Phone};

/// Who has a phone that registers.
const AT_PHONES: [&str; 7] = ["A", "B", "D", "E1", "E2", "G", "X"];

/// Whose phone Hookswitch itself knows.
const WITH_PASSWORDS: [&str; 5] = ["A", "B", "D", "E1", "E2"];

/// Who talks to whom where Hookswitch is the PBX.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// What phones register with: it, or a proxy before it.
    pub phones_to: SocketAddr,
    /// Where customers call from.
    pub trunk: SocketAddr,
    /// What customers send their calls to.
    pub trunk_to: SocketAddr,
}

/// Everybody's telephone, and the calls at it.
#[derive(Debug)]
pub struct Telephones {
    mode: Mode,
    phones: BTreeMap<&'static str, Phone>,
    /// Customers call from here, the outside party is reached here.
    trunk: Phone,
    /// The calls each person has or had, oldest first.
    calls: BTreeMap<String, Vec<Call>>,
    /// Who waits is not answered yet: being sent away is a refusal then, not a hang-up.
    waits_unanswered: bool,
}

impl Telephones {
    /// Registers everybody's phone.
    ///
    /// # Errors
    /// When the PBX does not take a registration.
    pub async fn connect(pbx: SocketAddr, trunk: SocketAddr, mode: Mode) -> Result<Self> {
        let mut phones = BTreeMap::new();
        for who in AT_PHONES {
            let number = phone(who).context("who has a phone has a number")?;
            phones.insert(who, Phone::registered(number, pbx).await?);
        }
        let trunk = Phone::unregistered("trunk", trunk, pbx).await?;
        Ok(Self { mode, phones, trunk, calls: BTreeMap::new(), waits_unanswered: false })
    }

    /// Registers the agents' phones with their passwords, at Hookswitch itself; gina's where it knows her.
    ///
    /// # Errors
    /// When it does not take a registration.
    pub async fn with_passwords(lines: Lines, gina: bool) -> Result<Self> {
        let mut phones = BTreeMap::new();
        for who in WITH_PASSWORDS.into_iter().chain(gina.then_some("G")) {
            let number = phone(who).context("who has a phone has a number")?;
            phones.insert(who, Phone::with_password(number, SIP_PASSWORD, lines.phones_to).await?);
        }
        let trunk = Phone::unregistered("trunk", lines.trunk, lines.trunk_to).await?;
        Ok(Self { mode: Mode::Route, phones, trunk, calls: BTreeMap::new(), waits_unanswered: true })
    }

    /// The phone of a person; the trunk for those behind it.
    #[must_use]
    pub fn phone(&self, who: &str) -> &Phone {
        self.phones.get(who).unwrap_or(&self.trunk)
    }

    /// The latest call of a person.
    ///
    /// # Errors
    /// When there was none.
    pub fn latest(&self, who: &str) -> Result<&Call> {
        self.calls.get(who).and_then(|calls| calls.last()).with_context(|| format!("{who} has no call"))
    }

    /// The oldest call of a person that is not over: the customer's, while another is consulted.
    fn first_live(&self, who: &str) -> Result<&Call> {
        let live = |call: &&Call| !matches!(call.state(), CallState::Ended(_));
        let calls = self.calls.get(who).into_iter().flatten();
        calls.clone().find(live).or(calls.last()).with_context(|| format!("{who} has no call"))
    }

    fn last_live(&self, who: &str) -> Result<&Call> {
        let live = |call: &&Call| !matches!(call.state(), CallState::Ended(_));
        let calls = self.calls.get(who).into_iter().flatten();
        calls.rev().find(live).with_context(|| format!("{who} has no call to end"))
    }

    /// The call the far end has ended or is about to end.
    fn to_be_cut_off(&self, who: &str) -> Result<&Call> {
        let first = self.first_live(who)?;
        let was_cut = |call: &&Call| matches!(call.state(), CallState::Ended(Ending::There(_)));
        let cut = self.calls.get(who).into_iter().flatten().rev().find(was_cut);
        if matches!(first.state(), CallState::Ended(_)) { Ok(cut.unwrap_or(first)) } else { Ok(first) }
    }

    fn keep(&mut self, who: &str, call: Call) {
        self.calls.entry(who.to_owned()).or_default().push(call);
    }

    /// The call that rings at a phone: taken from the phone when it is new.
    async fn ringing(&mut self, who: &str) -> Result<&Call> {
        let rings = |call: &Call| matches!(call.state(), CallState::Ringing);
        if !self.calls.get(who).and_then(|calls| calls.last()).is_some_and(rings) {
            let call = self.phone(who).next_call().await.with_context(|| format!("{who} does not ring"))?;
            self.keep(who, call);
        }
        self.latest(who)
    }

    /// Lets somebody do something, and waits until it is done or seen.
    ///
    /// # Errors
    /// When it cannot be done, or is not seen in time.
    pub async fn perform(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Dials(who, target, how) => self.dial(who, target, how).await,
            Act::Rings(who) => self.ringing(who).await.map(drop),
            Act::Obeys(who) => {
                self.phone(who).obey();
                Ok(())
            }
            Act::IsNotRung(who) => {
                let call = self.phone(who).waiting_call().await;
                ensure!(call.is_none(), "{who} was rung: {call:?}");
                Ok(())
            }
            Act::SeesOnly(who, number) => {
                let call = self.ringing(who).await?;
                let shown = (call.shown_number(), call.shown_name());
                ensure!(shown == (number.as_str(), ""), "{who} sees {shown:?}");
                Ok(())
            }
            Act::StopsRinging(who) => {
                let ending = self.latest(who)?.wait_ended().await?;
                ensure!(matches!(ending, Ending::There(_)), "{who} did something: {ending:?}");
                Ok(())
            }
            Act::Answers(who) => self.ringing(who).await?.answer().await,
            Act::Declines(who, status) => self.ringing(who).await?.reject(*status).await,
            Act::HangsUp(who) => self.last_live(who)?.hang_up().await,
            Act::IsCutOff(who) => {
                let ending = self.to_be_cut_off(who)?.wait_ended().await?;
                let sent_away = self.waits_unanswered && matches!(ending, Ending::Refused(_));
                let cut_off = sent_away || matches!(ending, Ending::There(_));
                ensure!(cut_off, "{who} was not cut off: {ending:?}");
                Ok(())
            }
            Act::IsFree(who) => self.first_live(who)?.wait_ended().await.map(drop),
            Act::IsRefused(who) => {
                let ending = self.latest(who)?.wait_ended().await?;
                ensure!(matches!(ending, Ending::Refused(_)), "{who} was not refused: {ending:?}");
                Ok(())
            }
            Act::Holds(who) => self.first_live(who)?.hold().await,
            Act::Retrieves(who) => self.first_live(who)?.retrieve().await,
            Act::Refers(who, target) => self.first_live(who)?.refer(&dialled_inside(target, self.mode)).await,
            Act::Consults(who, target) => self.consult(who, target).await,
            Act::Completes(who) => self.first_live(who)?.refer_to(self.latest(who)?).await,
            Act::HearsAVoice(who) => self.first_live(who)?.wait_hears_voice().await,
            Act::Presses(who, digits) => {
                let call = self.first_live(who)?;
                call.wait_up().await?;
                call.press(digits).await
            }
            Act::Unregisters(who) => self.phone(who).unregister().await,
            Act::Registers(who) => self.phone(who).register().await,
            Act::Vanishes(who) => bail!("a real PBX does not forget {who}"),
            Act::HangUpAtOnce(one, other) => {
                let (one, other) = (self.last_live(one)?.clone(), self.last_live(other)?.clone());
                tokio::try_join!(one.hang_up(), other.hang_up()).map(drop)
            }
            Act::AnswersAsHangsUp(agent, caller) => {
                let (agent, caller) = (self.ringing(agent).await?.clone(), self.last_live(caller)?.clone());
                // Either may win: what the winner's opposite gets told is no failure.
                let (_answered, _gone) = tokio::join!(agent.answer(), caller.hang_up());
                Ok(())
            }
        }
    }

    async fn dial(&mut self, who: &str, target: &str, how: &[String]) -> Result<()> {
        let call = if self.phones.contains_key(who) {
            self.phone(who).call(&dialled_inside(target, self.mode)).await?
        } else {
            self.dial_from_outside(who, target, how).await?
        };
        self.keep(who, call);
        Ok(())
    }

    async fn dial_from_outside(&self, who: &str, target: &str, how: &[String]) -> Result<Call> {
        let number = customer_number(who);
        let asserted = format!("\"ACME GmbH\" <sip:{number}@carrier>");
        let mut headers = vec![("P-Asserted-Identity", asserted.as_str())];
        let withheld = how.iter().any(|word| word == "withheld");
        if withheld {
            headers.push(("Privacy", "id"));
        }
        let diverted = how.iter().position(|word| word == "diverted-by").and_then(|at| how.get(at + 1));
        let diversion = diverted.map(|by| format!("<sip:{by}@carrier>;reason=unconditional"));
        if let Some(diversion) = &diversion {
            headers.push(("Diversion", diversion));
        }
        let shown = if withheld { "anonymous" } else { &number };
        let from = format!("sip:{shown}@{}", self.trunk.address().ip());
        self.trunk.call_as(&dialled_from_outside(target, self.mode), &from, &headers).await
    }

    async fn consult(&mut self, who: &str, target: &str) -> Result<()> {
        self.first_live(who)?.hold().await?;
        let call = self.phone(who).call(&dialled_inside(target, self.mode)).await?;
        self.keep(who, call.clone());
        call.wait_ringing().await
    }

    /// Ends everything.
    pub async fn hang_up_all(&self) {
        for phone in self.phones.values().chain([&self.trunk]) {
            phone.hang_up_all().await;
        }
    }

    /// Makes every phone known again to a PBX that was restarted.
    ///
    /// # Errors
    /// When it does not take a registration.
    pub async fn register_all(&self) -> Result<()> {
        for phone in self.phones.values() {
            phone.register().await?;
        }
        Ok(())
    }

    /// What the phones saw, one line each, in order.
    #[must_use]
    pub fn diary(&self) -> String {
        let phones = self.phones.values().chain([&self.trunk]);
        let mut lines: Vec<_> = phones.flat_map(Phone::diary).collect();
        lines.sort();
        let Some((start, _)) = lines.first().cloned() else { return String::new() };
        let line = |(at, text): &(std::time::SystemTime, String)| {
            format!("{:8.3} {text}", at.duration_since(start).unwrap_or_default().as_secs_f64())
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
