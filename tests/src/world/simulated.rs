//! The cast in the simulator.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use hookswitch_sim::{CallIn, LegId, News, Notice, Pbx, PbxConfig, Sim, serve};
use tokio::net::TcpListener;
use tokio::time;

use crate::act::Act;
use crate::cast::{Mode, customer_number, dialled_from_outside, dialled_inside, phone};

const PATIENCE: Duration = Duration::from_secs(25);
const SEED: u64 = 22;

/// The dialplan of the real PBXs: so the numbers are the same everywhere.
const DIALPLAN: &str = include_str!("../../asterisk/conf/extensions.conf");

/// A simulated PBX, its phones and callers.
#[derive(Debug)]
pub struct Simulated {
    mode: Mode,
    address: SocketAddr,
    /// Until it serves.
    listener: Option<TcpListener>,
    sim: Option<Sim>,
    /// The legs each person has or had, oldest first.
    legs: BTreeMap<String, Vec<LegId>>,
    diary: Vec<String>,
    /// What the phones were told.
    notices: Vec<Notice>,
}

impl Simulated {
    /// Takes a port; serves from [`Simulated::open`] on.
    pub(super) async fn create(mode: Mode) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (legs, diary, notices) = (BTreeMap::new(), Vec::new(), Vec::new());
        Ok(Self { mode, address, listener: Some(listener), sim: None, legs, diary, notices })
    }

    pub(super) fn open(&mut self, generated: &str) -> Result<()> {
        let listener = self.listener.take().context("it serves already")?;
        let plain = DIALPLAN.replace("#include hookswitch.conf", "");
        let mut config = PbxConfig::with_dialplan(SEED, &plain)?;
        config.dialplan.add(generated)?;
        self.sim = Some(serve(listener, |now| Pbx::new(config, now))?);
        Ok(())
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    fn sim(&self) -> Result<&Sim> {
        self.sim.as_ref().context("it does not serve yet")
    }

    pub(super) fn restart(&mut self) {
        if let Some(sim) = &self.sim {
            sim.restart(false, Duration::from_millis(100));
        }
    }

    pub(super) fn hang_up_all(&self) {
        if let Some(sim) = &self.sim {
            self.legs.values().flatten().for_each(|leg| sim.hang_up(*leg));
        }
    }

    pub(super) fn diary(&self) -> String {
        let mut lines = self.diary.clone();
        lines.extend(self.notices.iter().map(|notice| format!("{notice:?}")));
        if let Some(sim) = &self.sim {
            lines.extend(sim.take_notices().iter().map(|notice| format!("{notice:?}")));
            lines.extend(sim.with(|pbx, _| pbx.warnings().to_vec()));
        }
        lines.join("\n")
    }

    fn latest(&self, who: &str) -> Result<LegId> {
        self.legs.get(who).and_then(|legs| legs.last()).copied().with_context(|| format!("{who} has no call"))
    }

    fn live(&self, who: &str) -> Result<Vec<LegId>> {
        let sim = self.sim()?;
        let legs = self.legs.get(who).cloned().unwrap_or_default();
        Ok(sim.with(|pbx, _| legs.into_iter().filter(|leg| pbx.is_alive(*leg)).collect()))
    }

    /// The oldest call of a person that is not over, else the latest.
    fn first_live(&self, who: &str) -> Result<LegId> {
        self.live(who)?.first().copied().map_or_else(|| self.latest(who), Ok)
    }

    fn last_live(&self, who: &str) -> Result<LegId> {
        self.live(who)?.last().copied().with_context(|| format!("{who} has no call to end"))
    }

    fn keep(&mut self, who: &str, leg: LegId) {
        self.legs.entry(who.to_owned()).or_default().push(leg);
    }

    /// The leg that rings at somebody's phone.
    async fn ringing(&mut self, who: &str) -> Result<LegId> {
        let endpoint = phone(who).unwrap_or("trunk");
        let ringing = time::timeout(PATIENCE, self.sim()?.ringing(endpoint)).await;
        let leg = ringing.with_context(|| format!("{who} does not ring"))?;
        if self.latest(who).ok() != Some(leg) {
            self.keep(who, leg);
        }
        Ok(leg)
    }

    async fn ended(&self, leg: LegId) -> Result<()> {
        time::timeout(PATIENCE, self.sim()?.ended(leg)).await.context("not over in time")
    }

    pub(super) async fn perform(&mut self, act: &Act) -> Result<()> {
        self.diary.push(format!("{act:?}"));
        match act {
            Act::Dials(who, target, how) => self.dial(who, target, how)?,
            Act::Rings(who) => drop(self.ringing(who).await?),
            Act::Obeys(who) => {
                let number = phone(who).context("who has a phone")?;
                self.sim()?.with(|pbx, _| pbx.set_remote_answer(number, true));
            }
            Act::IsNotRung(who) => self.is_not_rung(who)?,
            Act::SeesOnly(who, number) => self.sees_only(who, number).await?,
            Act::StopsRinging(who) | Act::IsRefused(who) => self.ended(self.latest(who)?).await?,
            Act::Answers(who) => {
                let leg = self.ringing(who).await?;
                self.sim()?.answer(leg);
            }
            Act::Declines(who, status) => {
                let leg = self.ringing(who).await?;
                self.sim()?.decline(leg, *status);
            }
            Act::HangsUp(who) => self.sim()?.hang_up(self.last_live(who)?),
            Act::IsCutOff(who) | Act::IsFree(who) => self.ended(self.first_live(who)?).await?,
            Act::Holds(who) => self.sim()?.hold(self.first_live(who)?),
            Act::Retrieves(who) => self.sim()?.unhold(self.first_live(who)?),
            Act::Refers(who, target) => {
                let accepted = self.sim()?.refer(self.first_live(who)?, &dialled_inside(target, self.mode));
                ensure!(accepted, "the REFER was refused");
            }
            Act::Consults(who, target) => self.consult(who, target)?,
            Act::Completes(who) => {
                let accepted = self.sim()?.refer_replaces(self.first_live(who)?, self.latest(who)?);
                ensure!(accepted, "the REFER was refused");
            }
            Act::HearsAVoice(_) => bail!("the simulator has no voices"),
            Act::Presses(who, digits) => self.sim()?.digits(self.first_live(who)?, digits),
            Act::Unregisters(who) => self.sim()?.unregister(phone(who).context("who has a phone")?),
            Act::Registers(who) => self.sim()?.register(phone(who).context("who has a phone")?),
            Act::Vanishes(who) => {
                let leg = self.first_live(who)?;
                self.sim()?.with(|pbx, now| pbx.vanish(now, leg));
            }
            Act::HangUpAtOnce(one, other) => {
                let (one, other) = (self.last_live(one)?, self.last_live(other)?);
                self.sim()?.with(|pbx, now| {
                    pbx.hang_up(now, one);
                    pbx.hang_up(now, other);
                });
            }
            Act::AnswersAsHangsUp(agent, caller) => {
                let (agent, caller) = (self.ringing(agent).await?, self.last_live(caller)?);
                self.sim()?.with(|pbx, now| {
                    pbx.answer_leg(now, agent);
                    pbx.hang_up(now, caller);
                });
            }
        }
        Ok(())
    }

    async fn sees_only(&mut self, who: &str, number: &str) -> Result<()> {
        let leg = self.ringing(who).await?;
        let told = self.sim()?.take_notices();
        self.notices.extend(told);
        let shown = self.notices.iter().filter(|notice| notice.leg == leg).find_map(|notice| {
            let News::Incoming { number, name, .. } = &notice.news else { return None };
            Some((number.as_str(), name.as_str()))
        });
        ensure!(shown == Some((number, "")), "{who} sees {shown:?}");
        Ok(())
    }

    fn is_not_rung(&mut self, who: &str) -> Result<()> {
        let told = self.sim()?.take_notices();
        self.notices.extend(told);
        let endpoint = phone(who).unwrap_or("trunk");
        let known = self.legs.get(who).cloned().unwrap_or_default();
        let rung = self.notices.iter().find(|notice| {
            notice.endpoint == endpoint
                && matches!(notice.news, News::Incoming { .. })
                && !known.contains(&notice.leg)
        });
        ensure!(rung.is_none(), "{who} was rung: {rung:?}");
        Ok(())
    }

    fn dial(&mut self, who: &str, target: &str, how: &[String]) -> Result<()> {
        let leg = match phone(who) {
            Some(number) => {
                let leg = self.sim()?.dial(number, &dialled_inside(target, self.mode));
                leg.with_context(|| format!("{who} cannot dial"))?
            }
            None => self.call_in(who, target, how)?,
        };
        self.keep(who, leg);
        Ok(())
    }

    fn call_in(&self, who: &str, target: &str, how: &[String]) -> Result<LegId> {
        let mut call = CallIn::new(customer_number(who), dialled_from_outside(target, self.mode));
        call.name = "ACME GmbH".to_owned();
        let mut how = how.iter().map(String::as_str);
        while let Some(word) = how.next() {
            match word {
                "withheld" => call.withheld = true,
                "named" => call.name = decoded(how.next().context("named what?")?)?,
                "diverted-by" => {
                    let by = how.next().context("diverted by whom?")?;
                    call.diverted = Some((by.to_owned(), "cfu".to_owned()));
                }
                other => bail!("nobody calls `{other}`"),
            }
        }
        Ok(self.sim()?.call_in(call))
    }

    fn consult(&mut self, who: &str, target: &str) -> Result<()> {
        let sim = self.sim()?;
        sim.hold(self.first_live(who)?);
        let number = phone(who).context("who has a phone")?;
        let leg = sim.dial(number, &dialled_inside(target, self.mode)).context("cannot dial")?;
        self.keep(who, leg);
        Ok(())
    }
}

/// What a percent-encoded word says: so a name in a script may hold what separates sentences.
fn decoded(word: &str) -> Result<String> {
    let url = reqwest::Url::parse(&format!("name:?{word}"))?;
    let (name, _) = url.query_pairs().next().context("an empty name")?;
    Ok(name.into_owned())
}
