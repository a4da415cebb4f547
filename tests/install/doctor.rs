//! A healthy PBX is called healthy, and of each sick one the one culprit is named with what mends it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use hookswitch_tests::asterisk::{Asterisk, Options};
use hookswitch_tests::cast::WEBHOOK_SECRET;
use hookswitch_tests::daemon::Daemon;
use hookswitch_tests::events::{Reader, kind};
use hookswitch_tests::phone::Phone;
use hookswitch_tests::ports::free_port;
use hookswitch_tests::webhook::Sink;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// A PBX in route mode with its include, its phones, and a configuration for it.
struct Clinic {
    asterisk: Asterisk,
    _phones: Vec<Phone>,
    configuration: String,
    dialplan: String,
}

impl Clinic {
    async fn open(version: Version) -> Result<Self> {
        let asterisk = Asterisk::start(version, Options::default()).await?;
        let mut phones = Vec::new();
        for number in ["1001", "1002"] {
            phones.push(Phone::registered(number, asterisk.sip()).await?);
        }
        let configuration = format!("{}{AGENTS}{QUEUE}", pbx(asterisk.ami(), HOOKSWITCH_USER, Mode::Route));
        let printed = Daemon::prepare(&configuration)?.command(&["dialplan"]).await?;
        let dialplan = success(&printed)?;
        asterisk.set_dialplan(&dialplan).await?;
        Ok(Self { asterisk, _phones: phones, configuration, dialplan })
    }

    fn manager_conf(&self) -> PathBuf {
        self.asterisk.ami_ca().with_file_name("manager.conf")
    }

    /// Writes `manager.conf` anew; gives what was there.
    async fn manager(&self, change: impl Fn(&str) -> String) -> Result<String> {
        let before = std::fs::read_to_string(self.manager_conf())?;
        let after = change(&before);
        ensure!(after != before, "nothing was changed in manager.conf");
        std::fs::write(self.manager_conf(), after)?;
        self.asterisk.cli("manager reload").await?;
        Ok(before)
    }
}

/// The report and the exit code.
async fn examined(daemon: &Daemon) -> Result<(Value, Option<i32>)> {
    let output = daemon.command(&["doctor", "--json"]).await?;
    let text = stdout(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_str(&text).with_context(|| format!("{text}{said}"))?;
    Ok((report, output.status.code()))
}

fn findings<'v>(report: &'v Value, status: &'v str) -> Vec<&'v Value> {
    let all = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|one| one["status"] == status).collect()
}

/// One culprit: subject and check, words of what is said, words of what mends it.
struct Culprit<'c>(&'c str, &'c str, &'c str, &'c str);

async fn diagnosed(daemon: &Daemon, Culprit(subject, check, said, mend): Culprit<'_>) -> Result<()> {
    let (report, code) = examined(daemon).await?;
    let failed = findings(&report, "fail");
    let [only] = failed.as_slice() else { anyhow::bail!("{check}: one culprit, not {failed:#?}") };
    assert_eq!((only["subject"].as_str(), only["check"].as_str()), (Some(subject), Some(check)), "{only:#}");
    assert!(only["said"].to_string().contains(said), "{said:?} is not in {only:#}");
    assert!(only["mend"].to_string().contains(mend), "{mend:?} is not in {only:#}");
    assert_eq!(code, Some(1), "{only:#}");
    Ok(())
}

async fn healthy(version: Version) -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let clinic = Clinic::open(version).await?;
    let sink = Sink::start().await?;
    let webhook = format!(
        "[[webhook]]\nname = \"crm\"\nurl = \"{}\"\nevents = [\"call.*\"]\nsecret = \"{WEBHOOK_SECRET}\"\nallow_private = true\n",
        sink.url()
    );
    let mut daemon = Daemon::start(&format!("{}{webhook}", clinic.configuration)).await?;
    daemon.wait_links_up().await?;
    let (report, code) = examined(&daemon).await?;
    let ill: Vec<&Value> =
        ["warn", "fail", "unknown"].into_iter().flat_map(|status| findings(&report, status)).collect();
    assert!(ill.is_empty(), "{ill:#?}");
    assert_eq!((code, report["ok"].as_bool()), (Some(0), Some(true)));
    let checks: Vec<&str> = findings(&report, "ok").iter().filter_map(|one| one["check"].as_str()).collect();
    for check in [
        "log-in",
        "read classes",
        "write classes",
        "channelvars",
        "disabledevents",
        "dialplan",
        "heartbeat",
        "registrations",
        "folder",
        "secret",
        "server",
        "time",
        "running",
    ] {
        assert!(checks.contains(&check), "{check} is not in {checks:?}");
    }
    let posted = sink.deliveries().iter().any(|delivery| !delivery.header("webhook-id").is_empty());
    assert!(!posted, "a doctor asks whether somebody is there, and posts nothing");
    Ok(())
}

#[tokio::test]
async fn healthy_asterisk_22_is_called_healthy() -> Result<()> {
    healthy(Version::V22).await
}

#[tokio::test]
async fn healthy_asterisk_16_is_called_healthy() -> Result<()> {
    healthy(Version::V16).await
}

#[tokio::test]
async fn simulated_pbx_has_no_failure_and_says_what_it_does_not_know() -> Result<()> {
    let world = observed(Place::Simulator).await?;
    let daemon =
        Daemon::prepare(&format!("{}{AGENTS}", pbx(world.ami(), world.credentials(), Mode::Observe)))?;
    let (report, code) = examined(&daemon).await?;
    assert_eq!((findings(&report, "fail").len(), code), (0, Some(0)), "{report:#}");
    let unknown: Vec<&str> =
        findings(&report, "unknown").iter().filter_map(|one| one["check"].as_str()).collect();
    assert!(unknown.contains(&"read classes") && unknown.contains(&"manager.conf"), "{unknown:?}");
    Ok(())
}

/// What is wrong in the Asterisk's own files.
#[tokio::test]
async fn each_fault_of_manager_conf_has_its_culprit() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let clinic = Clinic::open(Version::V22).await?;
    let daemon = Daemon::prepare(&clinic.configuration)?;
    let classes = |key: &str, classes: &str| {
        let (key, classes) = (key.to_owned(), classes.to_owned());
        let whole = format!("{key} = system,call,agent,user,reporting,originate");
        move |text: &str| text.replacen(&whole, &format!("{key} = {classes}"), 1)
    };
    let line = |after: &str, line: &str| {
        let (after, line) = (after.to_owned(), line.to_owned());
        move |text: &str| text.replacen(&after, &format!("{after}{line}\n"), 1)
    };
    type Change = Box<dyn Fn(&str) -> String>;
    let hq = "pbx hq";
    let all = "system,call,agent,user,reporting,originate";
    let faults: [(Change, Culprit<'_>); 7] = [
        (
            Box::new(classes("read", "system,agent,user,reporting")),
            Culprit(hq, "read classes", "hookswitch lacks call", &format!("read = {all}")),
        ),
        (
            Box::new(classes("write", "system,call,agent,user,reporting")),
            Culprit(hq, "write classes", "lacks originate", &format!("write = {all}")),
        ),
        (
            Box::new(classes("write", "call,agent,user,reporting,originate")),
            Culprit(hq, "write classes", "lacks system", &format!("write = {all}")),
        ),
        (
            Box::new(line("[hookswitch]\n", "eventfilter = !Event: Hangup")),
            Culprit(hq, "event filter", "!Event: Hangup", "; eventfilter = !Event: Hangup"),
        ),
        (
            Box::new(line("[general]\n", "disabledevents = Newexten,DialEnd,BridgeEnter")),
            Culprit(hq, "disabledevents", "DialEnd, BridgeEnter", "\"disabledevents = Newexten\""),
        ),
        (
            Box::new(|text: &str| text.replace("HS_CALL,HS_OFFER,", "")),
            Culprit(
                hq,
                "channelvars",
                "HS_CALL, HS_OFFER missing",
                "channelvars = HS_CALL,HS_OFFER,HS_CONSULT,",
            ),
        ),
        (
            Box::new(|text: &str| text.replacen("secret = hookswitch-lab", "secret = another", 1)),
            Culprit(hq, "log-in", "Authentication failed", "secret = "),
        ),
    ];
    for (change, culprit) in faults {
        let before = clinic.manager(change).await?;
        diagnosed(&daemon, culprit).await?;
        clinic.manager(|_| before.clone()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn each_fault_of_the_dialplan_and_modules_has_its_culprit() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let clinic = Clinic::open(Version::V22).await?;
    let daemon = Daemon::prepare(&clinic.configuration)?;
    let asterisk = &clinic.asterisk;
    let hq = "pbx hq";

    asterisk.set_dialplan("").await?;
    diagnosed(&daemon, Culprit(hq, "dialplan", "not loaded", "#include hookswitch.conf")).await?;

    // Printed before the fallback was changed.
    let stale = clinic.dialplan.replace("Goto(from-internal,600,1)", "Goto(from-internal,601,1)");
    ensure!(stale != clinic.dialplan, "the fallback is in the dialplan");
    asterisk.set_dialplan(&stale).await?;
    let culprit = Culprit(hq, "dialplan", "hookswitch-fallback,s,", "hookswitch dialplan hq > ");
    diagnosed(&daemon, culprit).await?;
    asterisk.set_dialplan(&clinic.dialplan).await?;

    asterisk.cli("module unload app_userevent.so").await?;
    diagnosed(&daemon, Culprit(hq, "modules", "app_userevent not loaded", "load = app_userevent.so")).await?;
    asterisk.cli("module load app_userevent.so").await?;

    let (report, code) = examined(&daemon).await?;
    assert_eq!((findings(&report, "fail").len(), code), (0, Some(0)), "mended: {report:#}");
    Ok(())
}

/// What is wrong in the configuration or around this machine. The PBX is none of it.
#[tokio::test]
async fn each_fault_of_the_configuration_has_its_culprit() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let clinic = Clinic::open(Version::V22).await?;
    let good = &clinic.configuration;
    let hq = "pbx hq";
    let webhook = |url: &str, secret: &str| {
        format!(
            "{good}[[webhook]]\nname = \"crm\"\nurl = \"{url}\"\nevents = [\"call.*\"]\nallow_private = true\nsecret = {secret}\n"
        )
    };
    let secret = format!("{WEBHOOK_SECRET:?}");
    let port = free_port();
    let closed = good.replace(&clinic.asterisk.ami().to_string(), &format!("127.0.0.1:{port}"));
    let late = web_server("404 Not Found", "Sun, 06 Nov 1994 08:49:37 GMT").await?;
    let faults = [
        (
            good.replace("\"hookswitch-lab\"", "\"wrong\""),
            Culprit(hq, "log-in", "Authentication failed", "secret = "),
        ),
        (closed, Culprit(hq, "address", "cannot be reached", "enabled = yes")),
        (
            good.replace("PJSIP/1002", "PJSIP/1999"),
            Culprit(hq, "devices", "1999 of bob", "pjsip show endpoints"),
        ),
        (
            webhook("https://crm.invalid/hook", &secret),
            Culprit("webhook crm", "server", "the name crm.invalid is not known", "getent hosts crm.invalid"),
        ),
        (
            webhook(&format!("http://127.0.0.1:{port}/hook"), &secret),
            Culprit("webhook crm", "server", "cannot be reached", "curl -vI"),
        ),
        (webhook(&late, &secret), Culprit("clock", "time", "webhook crm is", "timedatectl")),
    ];
    for (configuration, culprit) in faults {
        diagnosed(&Daemon::prepare(&configuration)?, culprit).await?;
    }
    Ok(())
}

#[tokio::test]
async fn each_fault_of_this_machine_has_its_culprit() -> Result<()> {
    let world = observed(Place::Simulator).await?;
    let good = format!("{}{AGENTS}", pbx(world.ami(), world.credentials(), Mode::Observe));

    let daemon = Daemon::prepare(&good)?;
    let text = std::fs::read_to_string(daemon.config())?;
    // Of the kernel's own file systems nobody may write there, whoever runs the test.
    let text = text.replace(&daemon.journal().display().to_string(), "/proc/hookswitch");
    std::fs::write(daemon.config(), text)?;
    diagnosed(&daemon, Culprit("journal", "folder", "/proc/hookswitch cannot be written", "install -d"))
        .await?;

    let folder = tempfile::tempdir()?;
    let (certificate, key) = expired(folder.path())?;
    let tls = format!("{good}[server.tls]\ncert = {certificate:?}\nkey = {key:?}\n");
    let culprit = Culprit("server", "certificate", "expired on 2020-02-01", "certbot renew");
    diagnosed(&Daemon::prepare(&tls)?, culprit).await?;

    let daemon = Daemon::prepare(&good)?;
    let _other = TcpListener::bind(daemon.api().address())?;
    diagnosed(&daemon, Culprit("server", "port", "cannot be listened on", "ss -ltnp")).await
}

/// A look-up that fails while calls come is the daemon's to know, and the doctor asks it.
#[tokio::test]
async fn a_crm_that_fails_is_told_by_the_daemon_that_asks_it() -> Result<()> {
    let mut world = observed(Place::Simulator).await?;
    let crm = web_server("500 Internal Server Error", "").await?;
    let lookup = format!(
        "[crm]\nlookup = {{ url = \"{crm}?q={{{{ ani.e164 | urlencode }}}}\", items = \"/results\", allow_private = true }}\n"
    );
    let good = pbx(world.ami(), world.credentials(), Mode::Observe);
    let mut daemon = Daemon::start(&format!("{good}{lookup}{AGENTS}")).await?;
    daemon.wait_links_up().await?;
    let reader = Reader::websocket(&daemon.api(), "after=0").await?;
    play(&mut world, &["C dials Q"]).await?;
    reader.wait("the failed look-up", |event| kind(event) == "call.identified").await?;
    diagnosed(&daemon, Culprit("crm", "look-ups", "1 of 1 look-ups failed", "timeout")).await
}

/// A web server with this answer and this `Date` header, where one is given.
async fn web_server(status: &'static str, date: &'static str) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let date = if date.is_empty() { String::new() } else { format!("Date: {date}\r\n") };
    let reply = format!("HTTP/1.1 {status}\r\n{date}Content-Length: 0\r\nConnection: close\r\n\r\n");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(reply.as_bytes()).await;
        }
    });
    Ok(format!("http://{address}/hook"))
}

/// A certificate that was valid in January 2020, and its key.
fn expired(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(
        folder.join("ca.conf"),
        "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\nnew_certs_dir = .\ndefault_md = sha256\npolicy = any\n\
         rand_serial = yes\n[any]\ncommonName = supplied\n[v3]\nsubjectAltName = DNS:localhost\n",
    )?;
    std::fs::write(folder.join("index.txt"), "")?;
    let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout key.pem -out own.csr";
    let sign = "ca -batch -notext -selfsign -config ca.conf -keyfile key.pem -in own.csr -out cert.pem \
                -extensions v3 -startdate 20200101000000Z -enddate 20200201000000Z";
    for arguments in [request, sign] {
        let output =
            Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output()?;
        ensure!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok((certificate, key))
}
