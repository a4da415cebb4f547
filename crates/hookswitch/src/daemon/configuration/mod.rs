//! The configuration of a running daemon: compared, applied, taken back; and calls explained under it.
//!
//! A version is one configuration in force. What can change while calls wait changes at once: first everything is
//! prepared, and only when nothing can fail any more is it put in force. The rest waits for the next start and is told.

mod explain;
mod history;

use std::sync::Arc;

use bytes::Bytes;
use hookswitch_acd::Rerouted;
use hookswitch_config::{Bundle, Config, Plan, Problem, plan};
use hookswitch_http::{Access, Administration, BackendGone, ImaginaryCall, Reply, Unusable};
use hookswitch_model::input::Input;
use hookswitch_publish::Webhooks;
use hookswitch_wire::{Time, template::PopTemplates};
use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tracing::{info, warn};

use self::history::{Applied, FROM_FILE};
pub(crate) use self::{explain::Imagined, history::History};
use super::{
    Clock, Core,
    customers::Desk,
    links::Switches,
    settings::{self, lookup::LookupPrepared},
    what_if::WhatIf,
};

/// Those who are told when another configuration is in force.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) access: watch::Sender<Arc<Access>>,
    pub(super) pops: watch::Sender<Arc<PopTemplates>>,
    pub(super) webhooks: Webhooks,
    pub(super) customers: Desk,
    pub(super) switches: Switches,
}

/// Changes the configuration, one change after the other.
#[derive(Debug)]
pub(super) struct Configuration {
    core: Core,
    clock: Clock,
    told: Told,
    what_if: WhatIf,
    now: Mutex<Now>,
}

/// What is in force.
#[derive(Debug)]
struct Now {
    config: Arc<Config>,
    /// What the file said when it was read last.
    file: Bundle,
    history: History,
}

/// Answers to an administrator, as JSON.
#[derive(Serialize)]
struct Planned<'a> {
    version: u64,
    #[serde(flatten)]
    plan: Plan,
    /// The plan for people.
    text: String,
    waiting: Vec<Rerouted>,
    warnings: &'a [Problem],
}

#[derive(Serialize)]
struct InForce<'a> {
    version: u64,
    previous: u64,
    plan: Planned<'a>,
}

#[derive(Serialize)]
struct Versions<'a> {
    version: u64,
    versions: Vec<Version<'a>>,
}

#[derive(Serialize)]
struct Version<'a> {
    version: u64,
    previous: Option<u64>,
    restores: Option<u64>,
    applied_at: Time,
    by: &'a str,
}

/// Where a configuration comes from.
enum Origin {
    /// Its file, read again.
    File,
    /// Somebody with this token.
    Sent(String),
    /// This version, put in force again by somebody with this token.
    Restored(u64, String),
}

impl Configuration {
    /// With the configuration the daemon began with; `file` is what its file says.
    pub(super) async fn new(
        core: Core,
        clock: Clock,
        told: Told,
        what_if: WhatIf,
        (config, file, history): (Config, Bundle, History),
    ) -> Self {
        let config = Arc::new(config);
        let this = Self { core, clock, told, what_if, now: Mutex::new(Now { config, file, history }) };
        this.note_first().await;
        this
    }

    /// The first configuration of a life, where it is not the last one of the life before.
    async fn note_first(&self) {
        let mut now = self.now.lock().await;
        let Some(version) = self.version().await else { return };
        let bundle = now.config.bundle().unwrap_or_else(|| now.file.clone());
        let last = now.history.last().map(|last| (last.version, last.bundle == bundle));
        let version = match last {
            Some((kept, true)) if kept == version => return,
            // The engine saw no difference (another webhook, say): the version is another one all the same.
            Some((kept, false)) if kept >= version => {
                self.put_in_force(&now.config, kept + 1).await.unwrap_or(version)
            }
            Some(_) | None => version,
        };
        let previous = last.map(|(kept, _)| kept);
        self.keep(&mut now, version, previous, Origin::File, bundle);
    }

    async fn version(&self) -> Option<u64> {
        self.core.ask(|engine, _| engine.setup().version).await
    }

    /// The engine takes over; returns the version it then has, none when the daemon stops.
    async fn put_in_force(&self, config: &Config, version: u64) -> Option<u64> {
        self.core.input(Input::Setup(Arc::new(config.setup(version)))).await;
        self.version().await
    }

    fn keep(&self, now: &mut Now, version: u64, previous: Option<u64>, origin: Origin, bundle: Bundle) {
        let (restores, by) = match origin {
            Origin::File => (None, FROM_FILE.to_owned()),
            Origin::Sent(by) => (None, by),
            Origin::Restored(version, by) => (Some(version), by),
        };
        let over = now.file.clone();
        let applied = Applied { version, previous, restores, at: self.clock.now(), by, bundle, over };
        if let Err(error) = now.history.push(applied) {
            warn!(%error, hint = "is there room, and may the daemon write beside its journal?", "this configuration is not kept: a restart goes back to the file");
        }
    }

    /// The file was read again.
    pub(super) async fn reload(&self, config: Config) {
        let mut now = self.now.lock().await;
        if let Some(file) = config.bundle() {
            now.file = file;
        }
        match self.apply_now(&mut now, config, Origin::File).await {
            Ok(_) => {}
            Err(Unusable::Asked { why, .. }) => warn!(why, "the configuration was not applied"),
            Err(Unusable::Problems(_) | Unusable::Oldest | Unusable::Busy) => {
                warn!("the configuration was not applied")
            }
        }
    }

    /// Prepares everything, and then puts it in force.
    async fn apply_now(&self, now: &mut Now, config: Config, origin: Origin) -> Result<Bytes, Unusable> {
        let failed = |error: anyhow::Error| Unusable::Asked {
            why: format!("{error:#}"),
            hint: "nothing was changed".to_owned(),
        };
        let access = settings::access(&config).map_err(failed)?;
        let pops = settings::pops(&config).map_err(failed)?;
        let webhooks = settings::webhooks(&config).map_err(failed)?;
        let lookup = LookupPrepared::new(&config).map_err(failed)?;
        let switches = settings::sip::switches(&config).map_err(failed)?;
        let planned = self.planned(now, &config).await?;
        self.told.customers.apply(lookup).map_err(failed)?;
        self.told.webhooks.apply(webhooks).await.map_err(|error| failed(error.into()))?;
        self.told.access.send_replace(Arc::new(access));
        self.told.pops.send_replace(Arc::new(pops));
        self.told.switches.tell(switches);
        let previous = planned.version;
        let stopping = || failed(BackendGone.into());
        let version = self.put_in_force(&config, previous + 1).await.ok_or_else(stopping)?;
        if version != previous + 1 {
            return Err(failed(anyhow::anyhow!("another configuration was applied at the same time")));
        }
        let answer = json(&InForce { version, previous, plan: planned });
        let bundle = config.bundle().unwrap_or_else(|| now.file.clone());
        info!(version, previous, "a configuration is in force");
        self.keep(now, version, Some(previous), origin, bundle);
        now.config = Arc::new(config);
        Ok(answer)
    }

    async fn planned<'a>(&self, now: &Now, config: &'a Config) -> Result<Planned<'a>, Unusable> {
        let setup = config.setup(0);
        let asked =
            self.core.ask(move |engine, at| (engine.setup().version, engine.rerouted(&setup, at.now)));
        let stopping = Unusable::Asked { why: BackendGone.to_string(), hint: "ask again".to_owned() };
        let (version, rerouted) = asked.await.ok_or(stopping)?;
        let waiting = rerouted.map_err(|errors| Unusable::Asked {
            why: super::rules(&errors),
            hint: "`hookswitch check` tells more".to_owned(),
        })?;
        let plan = plan(&now.config, config);
        Ok(Planned { version, text: plan.to_string(), plan, waiting, warnings: &config.warnings })
    }

    async fn roll_back_now(&self, by: String) -> Result<Bytes, Unusable> {
        let mut now = self.now.lock().await;
        let before = now.history.before_last().ok_or(Unusable::Oldest)?;
        let (version, bundle) = (before.version, before.bundle.clone());
        let config =
            settings::checked::load_sent(&bundle, &now.config.folder()).map_err(Unusable::Problems)?;
        self.apply_now(&mut now, config, Origin::Restored(version, by)).await
    }
}

impl Administration for Configuration {
    fn explain(&self, call: ImaginaryCall) -> Reply<'_, Result<Bytes, Unusable>> {
        Box::pin(async move {
            let config = Arc::clone(&self.now.lock().await.config);
            let imagined = match Imagined::new(call, &config, &*settings::numbers(&config)) {
                Ok(imagined) => imagined,
                Err(unusable) => return Ok(Err(unusable)),
            };
            let explained = self.core.ask(move |engine, at| json(&imagined.put_to(engine, at.now))).await;
            explained.map(Ok).ok_or(BackendGone)
        })
    }

    fn configuration(&self) -> Reply<'_, Bytes> {
        Box::pin(async move {
            let now = self.now.lock().await;
            let version = self.version().await.ok_or(BackendGone)?;
            let versions = now.history.newest_first().map(|applied| Version {
                version: applied.version,
                previous: applied.previous,
                restores: applied.restores,
                applied_at: Time(applied.at),
                by: &applied.by,
            });
            Ok(json(&Versions { version, versions: versions.collect() }))
        })
    }

    fn plan(&self, bundle: Bundle) -> Reply<'_, Result<Bytes, Unusable>> {
        Box::pin(async move {
            let now = self.now.lock().await;
            let config = match settings::checked::load_sent(&bundle, &now.config.folder()) {
                Ok(config) => config,
                Err(problems) => return Ok(Err(Unusable::Problems(problems))),
            };
            Ok(self.planned(&now, &config).await.map(|planned| json(&planned)))
        })
    }

    fn what_if(&self, bundle: Bundle) -> Reply<'_, Result<Bytes, Unusable>> {
        Box::pin(async move {
            let folder = self.now.lock().await.config.folder();
            match settings::checked::load_sent(&bundle, &folder) {
                Ok(config) => Ok(self.what_if.answer(config).await),
                Err(problems) => Ok(Err(Unusable::Problems(problems))),
            }
        })
    }

    fn apply(&self, bundle: Bundle, by: String) -> Reply<'_, Result<Bytes, Unusable>> {
        Box::pin(async move {
            let mut now = self.now.lock().await;
            let config = match settings::checked::load_sent(&bundle, &now.config.folder()) {
                Ok(config) => config,
                Err(problems) => return Ok(Err(Unusable::Problems(problems))),
            };
            Ok(self.apply_now(&mut now, config, Origin::Sent(by)).await)
        })
    }

    fn roll_back(&self, by: String) -> Reply<'_, Result<Bytes, Unusable>> {
        Box::pin(async move { Ok(self.roll_back_now(by).await) })
    }
}

/// Every key is a text, so it cannot fail.
fn json<T: Serialize>(object: &T) -> Bytes {
    serde_json::to_vec(object).unwrap_or_default().into()
}
