//! Starting, reloading and stopping everything, in the order that loses nothing.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    thread,
};

use anyhow::Context;
use hookswitch_config::Config;
use hookswitch_http::{Access, AppState, Limits};
use hookswitch_journal::Journal;
use hookswitch_model::{
    IdSource, Timestamp,
    command::{Actor, Command, Request},
    input::Input,
};
use hookswitch_publish::{Hub, Notice, Webhooks};
use hookswitch_wire::template::PopTemplates;
use metrics_exporter_prometheus::PrometheusHandle;
use sd_notify::NotifyState;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    Clock, Core,
    backend::Daemon,
    core::{JournalStatus, Message},
    dispatcher::Dispatcher,
    machine::{Committed, Machine, Options, Turned},
    service::{self, Asked, LAST_REQUESTS, Signals},
    settings,
};
use crate::links::{AsteriskLink, LinkStatus};

/// Actions on the way to one link.
const ACTIONS: usize = 1_024;

/// A daemon that runs.
pub(crate) struct Running {
    /// Its base URL.
    pub(crate) url: String,
    core: Core,
    access: watch::Sender<Arc<Access>>,
    pops: watch::Sender<Arc<PopTemplates>>,
    stop_links: CancellationToken,
    stop_http: CancellationToken,
    stop_engine: CancellationToken,
    links: Vec<JoinHandle<()>>,
    webhooks: Webhooks,
    stop_webhooks: CancellationToken,
    http: JoinHandle<std::io::Result<()>>,
    engine: oneshot::Receiver<anyhow::Result<()>>,
}

/// Loads the configuration again; none: it has problems, which were told.
pub(crate) type Reload = Arc<dyn Fn() -> Option<Config> + Send + Sync>;

/// The daemon until it is told to stop.
pub(crate) async fn serve(config: Config, metrics: PrometheusHandle, reload: Reload) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let journal = settings::journal(&config)?;
    let mut running = start(config, journal, metrics).await?;
    info!(url = running.url, "hookswitch is ready");
    service::notify(&[NotifyState::Ready]);
    let watchdog = tokio::spawn(service::watchdog(running.core.clone()));
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Stop => break,
                Asked::Reload => running.reload(&reload).await,
            },
            ended = &mut running.engine => {
                watchdog.abort();
                return ended.context("the engine's thread is gone")?.context("the engine stopped");
            }
        }
    }
    service::notify(&[NotifyState::Stopping]);
    watchdog.abort();
    running.stop().await
}

/// Starts everything: first the state, then those who read it, then those who change it.
pub(crate) async fn start(
    config: Config,
    journal: Box<dyn Journal>,
    metrics: PrometheusHandle,
) -> anyhow::Result<Running> {
    let (reader, cursors) = (journal.reader(), journal.cursors());
    let templates = Arc::new(settings::pops(&config)?);
    let (pops, pops_read) = watch::channel(Arc::clone(&templates));
    let seed = RandomState::new().hash_one("hookswitch");
    let options = Options {
        max_size: config.journal.max_size,
        ..Options::new(config.journal.retention, templates, seed)
    };
    let awake = Machine::recover(journal, |version| config.setup(version), options)?;
    let (clock, away_since) = (Clock::start(awake.not_before), awake.away_since);
    let (machine, first) = awake.start(clock.now())?;

    let (core, inbox) = Core::new();
    let stop_links = CancellationToken::new();
    let mut statuses = Vec::new();
    let (mut links, mut to_links) = (Vec::new(), Vec::new());
    for link in settings::links(&config)? {
        let (actions, inbox) = mpsc::channel(ACTIONS);
        let (pbx, status) = (link.session.pbx.clone(), LinkStatus::default());
        let open = machine.open_actions(&pbx);
        let link = AsteriskLink::new(link, core.clone(), clock, status.clone());
        links.push(link.run(open, away_since, inbox, stop_links.clone()));
        statuses.push((pbx.clone(), status));
        to_links.push((pbx, actions));
    }
    let stop_engine = CancellationToken::new();
    let (hub, status) = (Hub::new(reader.clone()), JournalStatus::default());
    let turned = readers_told(hub.clone(), status.clone());
    let dispatcher = Dispatcher::new(machine, clock, pops_read, to_links, turned);
    let engine = run_engine(dispatcher, first, inbox, stop_engine.clone())?;

    let stop_webhooks = CancellationToken::new();
    let webhooks = Webhooks::start(&reader, &cursors, settings::webhooks(&config)?, &stop_webhooks)?;

    let links = links.into_iter().map(tokio::spawn).collect();
    let (access, access_read) = watch::channel(Arc::new(settings::access(&config)?));
    let daemon =
        Daemon { core: core.clone(), webhooks: webhooks.clone(), metrics, links: statuses, journal: status };
    let state = AppState::new(Arc::new(daemon), hub, access_read, Limits::default())?;
    let listener = TcpListener::bind(&config.server.listen.to_string()).await.with_context(|| {
        format!("cannot listen on {}; hint: is another hookswitch running?", config.server.listen)
    })?;
    let url = format!("http://{}", listener.local_addr()?);
    let stop_http = CancellationToken::new();
    let http = tokio::spawn(hookswitch_http::serve(listener, state, stop_http.clone().cancelled_owned()));
    Ok(Running {
        url,
        core,
        access,
        pops,
        stop_links,
        stop_http,
        stop_engine,
        links,
        webhooks,
        stop_webhooks,
        http,
        engine,
    })
}

/// Readiness and all readers learn in which mode the daemon works.
fn readers_told(hub: Hub, status: JournalStatus) -> Box<dyn Fn(Turned) + Send> {
    Box::new(move |turned| {
        status.turned(turned);
        hub.notice(match turned {
            Turned::Degraded => Notice::Degraded { reason: "disk_full".to_owned() },
            Turned::Restored { given_up: _ } => Notice::Restored,
        });
    })
}

/// The engine's own thread: commits block, and must block nobody else.
fn run_engine(
    dispatcher: Dispatcher,
    first: Committed,
    inbox: mpsc::Receiver<Message>,
    stop: CancellationToken,
) -> anyhow::Result<oneshot::Receiver<anyhow::Result<()>>> {
    let (ended, end) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    thread::Builder::new().name("engine".to_owned()).spawn(move || {
        let outcome = runtime.block_on(dispatcher.run(first, inbox, stop)).map_err(anyhow::Error::from);
        if let Err(failure) = &outcome {
            error!(%failure, "the journal failed: the daemon stops, callers go to the fallback");
        }
        // Whoever started it may be gone already.
        let _ = ended.send(outcome);
    })?;
    Ok(end)
}

impl Running {
    /// Takes over what can change while calls wait: agents, queues, routes, tokens, pops, webhooks.
    async fn reload(&self, reload: &Reload) {
        service::notify(&[
            NotifyState::Reloading,
            NotifyState::monotonic_usec_now().unwrap_or(NotifyState::Reloading),
        ]);
        match self.apply(reload).await {
            Ok(Some(config)) => {
                let version = self.core.ask(|engine, _| engine.setup().version + 1).await.unwrap_or(1);
                self.core.input(Input::Setup(Arc::new(config.setup(version)))).await;
            }
            Ok(None) => warn!("the configuration has problems and was not applied"),
            Err(error) => warn!(%error, "the configuration was not applied"),
        }
        service::notify(&[NotifyState::Ready]);
    }

    async fn apply(&self, reload: &Reload) -> anyhow::Result<Option<Config>> {
        let Some(config) = reload() else { return Ok(None) };
        let (access, pops) = (settings::access(&config)?, settings::pops(&config)?);
        let webhooks = settings::webhooks(&config)?;
        self.access.send_replace(Arc::new(access));
        self.pops.send_replace(Arc::new(pops));
        self.webhooks.apply(webhooks).await?;
        Ok(Some(config))
    }

    /// Hands waiting callers to the fallback, lets everything end, and leaves a snapshot.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let mut ids = IdSource::new(u64::from(std::process::id()));
        let id = ids.next(Timestamp::default());
        let actor = Actor { name: "shutdown".to_owned(), agent: None };
        let _ = self.core.command(Command { id, actor, request: Request::Shutdown }).await;
        self.stop_links.cancel();
        for link in self.links {
            let _ = link.await;
        }
        self.stop_http.cancel();
        if timeout(LAST_REQUESTS, self.http).await.is_err() {
            warn!("requests were cut off at the stop");
        }
        self.stop_webhooks.cancel();
        if timeout(LAST_REQUESTS, self.webhooks.ended()).await.is_err() {
            warn!("deliveries were cut off at the stop; they are made again at the next start");
        }
        self.stop_engine.cancel();
        self.engine.await.context("the engine's thread is gone")??;
        info!("stopped");
        Ok(())
    }
}
