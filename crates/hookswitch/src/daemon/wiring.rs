//! Starting, reloading and stopping everything, in the order that loses nothing.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    thread,
};

use anyhow::Context;
use hookswitch_config::{Bundle, Config, render};
use hookswitch_customers::Directory;
use hookswitch_http::{AppState, Limits};
use hookswitch_journal::Journal;
use hookswitch_model::{
    IdSource, PbxId, Timestamp,
    command::{Actor, Command, Request},
    setup::Setup,
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
    configuration::{Configuration, History, Told},
    core::{JournalStatus, Message},
    customers::Desk,
    dispatcher::Dispatcher,
    links::{Links, Run},
    machine::{Committed, Machine, Options, Turned},
    report,
    reports::Reports,
    service::{self, Asked, LAST_REQUESTS, Signals},
    settings::{self, lookup::LookupPrepared},
    what_if::WhatIf,
};

/// A daemon that runs.
pub(crate) struct Running {
    /// Its base URL.
    pub(crate) url: String,
    core: Core,
    configuration: Arc<Configuration>,
    stop_links: CancellationToken,
    stop_http: CancellationToken,
    stop_engine: CancellationToken,
    links: Vec<JoinHandle<()>>,
    webhooks: Webhooks,
    stop_webhooks: CancellationToken,
    http: JoinHandle<std::io::Result<()>>,
    engine: oneshot::Receiver<anyhow::Result<()>>,
}

/// What a daemon keeps: calls, configurations, contacts.
pub(crate) type Stored = (Box<dyn Journal>, History, Directory);

/// Loads the configuration again; none: it has problems, which were told.
pub(crate) type Reload = Arc<dyn Fn() -> Option<Config> + Send + Sync>;

/// The daemon until it is told to stop.
pub(crate) async fn serve(config: Config, metrics: PrometheusHandle, reload: Reload) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let journal = settings::journal(&config)?;
    let history = History::open(&config.journal.path);
    let directory = settings::lookup::directory(&config)?;
    let mut running = start(config, (journal, history, directory), metrics).await?;
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
    file: Config,
    (journal, history, directory): Stored,
    metrics: PrometheusHandle,
) -> anyhow::Result<Running> {
    let (config, file) = in_force(file, &history);
    let (reader, cursors) = (journal.reader(), journal.cursors());
    let what_if = WhatIf::new(reader.clone(), journal.snapshots());
    let templates = Arc::new(settings::pops(&config)?);
    let (pops, pops_read) = watch::channel(Arc::clone(&templates));
    let options = bounds(&config, templates);
    let (core, inbox) = Core::new();
    let customers = Desk::new(core.clone(), directory, LookupPrepared::new(&config)?)?;
    let directory = customers.standing().borrow().directory;
    let setup = |version| {
        let setup = config.setup(version);
        Setup { lookup: setup.lookup.or(directory), ..setup }
    };
    let awake = Machine::recover(journal, setup, options)?;
    let (clock, away_since) = (Clock::start(awake.not_before), awake.away_since);
    let (machine, first) = awake.start(clock.now())?;

    let stop_links = CancellationToken::new();
    let links = Links::new(&config, &machine, (&core, clock), away_since, &stop_links)?;
    let stop_engine = CancellationToken::new();
    let (hub, status) = (Hub::new(reader.clone()), JournalStatus::default());
    let turned = readers_told(hub.clone(), status.clone());
    let dispatcher = Dispatcher::new(machine, clock, pops_read, links.actions, turned, customers.clone());
    let engine = run_engine(dispatcher, first, inbox, stop_engine.clone())?;

    // What nothing changed since the last life is measured as well.
    core.ask(|engine, at| engine.queues(at.now).for_each(|queue| report::queue(&queue))).await;
    let stop_webhooks = CancellationToken::new();
    let webhooks = Webhooks::start(&reader, &cursors, settings::webhooks(&config)?, &stop_webhooks)?;

    let (switches, statuses) = (links.switches, links.statuses);
    let running =
        links.runs.into_iter().map(|(pbx, link)| run_apart(&pbx, link)).collect::<Result<_, _>>()?;
    let (access, access_read) = watch::channel(Arc::new(settings::access(&config)?));
    let told = Told { access, pops, webhooks: webhooks.clone(), customers: customers.clone(), switches };
    let versions = (config.clone(), file, history);
    let configuration = Arc::new(Configuration::new(core.clone(), clock, told, what_if, versions).await);
    let daemon = Daemon {
        core: core.clone(),
        webhooks: webhooks.clone(),
        metrics,
        links: statuses,
        journal: status,
        configuration: Arc::clone(&configuration),
        customers,
        reports: Reports::new(reader.clone()),
    };
    let state = AppState::new(Arc::new(daemon), hub, access_read, Limits::default())?;
    let (listener, url) = listen(&config).await?;
    let stop_http = CancellationToken::new();
    let http = tokio::spawn(hookswitch_http::serve(listener, state, stop_http.clone().cancelled_owned()));
    Ok(Running {
        url,
        core,
        configuration,
        stop_links,
        stop_http,
        stop_engine,
        links: running,
        webhooks,
        stop_webhooks,
        http,
        engine,
    })
}

/// The bounds of engine and journal, and a seed of this life's own.
fn bounds(config: &Config, templates: Arc<PopTemplates>) -> Options {
    let seed = RandomState::new().hash_one("hookswitch");
    let usual = Options::new(config.journal.retention, templates, seed);
    Options { max_size: config.journal.max_size, ..usual }
}

/// Where HTTP is served, and its base URL.
async fn listen(config: &Config) -> anyhow::Result<(TcpListener, String)> {
    let server = &config.server;
    let listener = TcpListener::bind(&server.listen.to_string()).await.with_context(|| {
        format!("cannot listen on {}; hint: is another hookswitch running?", server.listen)
    })?;
    let url = format!("{}://{}", server.scheme(), listener.local_addr()?);
    Ok((listener, url))
}

/// What was applied over the file, while the file says the same; else the file. With what the file says.
fn in_force(file: Config, history: &History) -> (Config, Bundle) {
    let bundle = file.bundle().unwrap_or_else(|| Bundle::of_text(""));
    let Some(over) = history.over(&bundle) else { return (file, bundle) };
    match settings::checked::load_sent(over, &file.folder()) {
        Ok(config) => {
            info!("the configuration that was applied last is in force, not the file it was applied over");
            (config, bundle)
        }
        Err(problems) => {
            let problems = render(&problems);
            warn!(problems, "what was applied last cannot be used any more: the file is in force");
            (file, bundle)
        }
    }
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

/// A link on a thread of its own, and when it ends.
fn run_apart(pbx: &PbxId, link: Run) -> anyhow::Result<JoinHandle<()>> {
    let (ended, end) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name(format!("pbx {pbx}")).spawn(move || {
        // As a task: one of the runtime's own is woken without a call of the system. A panic ends the link, as it would
        // elsewhere.
        let _ = runtime.block_on(runtime.spawn(link));
        // Whoever started it may be gone already.
        let _ = ended.send(());
    })?;
    Ok(tokio::spawn(async move { drop(end.await) }))
}

impl Running {
    /// The file changed: what can change while calls wait is taken over.
    async fn reload(&self, reload: &Reload) {
        service::notify(&[
            NotifyState::Reloading,
            NotifyState::monotonic_usec_now().unwrap_or(NotifyState::Reloading),
        ]);
        match reload() {
            Some(config) => self.configuration.reload(config).await,
            None => warn!("the configuration has problems and was not applied"),
        }
        service::notify(&[NotifyState::Ready]);
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
