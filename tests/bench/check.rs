//! `hookswitch check` of a large house's configuration, and `explain` of one call under it: what an administrator waits for.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hookswitch_tests::daemon::Daemon;

const AGENTS: usize = 500;
const SKILLS: usize = 60;
const QUEUES: usize = 80;
const RULES: usize = 200;
/// Numbers in a list that a rule reads.
const LISTED: usize = 10_000;

const RUNS: usize = 20;

/// How long a check may take.
const BOUND: Duration = Duration::from_secs(1);

pub(crate) fn run() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(check())
}

async fn check() -> Result<()> {
    let daemon = Daemon::prepare(&configuration())?;
    println!(
        "\nA configuration of {AGENTS} agents, {SKILLS} skills, {QUEUES} queues, {RULES} rules, {LISTED} numbers"
    );
    let slowest = measure(&daemon, &["check"], "is fine").await?;
    ensure!(slowest < BOUND, "more than {BOUND:?}");
    // The last rule takes the call: all were tried.
    let call = ["explain", "--dnis", "5003", "--ani", "+49305550001", "--at", "2026-11-24T10:00:00+01:00"];
    measure(&daemon, &call, "rule \"rule 199\" takes the call").await?;
    Ok(())
}

/// The slowest of the runs, from the start of the program to its end.
async fn measure(daemon: &Daemon, command: &[&str], says: &str) -> Result<Duration> {
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let begun = Instant::now();
        let output = daemon.command(command).await?;
        times.push(begun.elapsed());
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success() && said.contains(says),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    times.sort_unstable();
    let (middle, slowest) = (times[RUNS / 2], times[RUNS - 1]);
    println!("  {:<8} {:>4} ms, slowest {} ms", command[0], middle.as_millis(), slowest.as_millis());
    Ok(slowest)
}

fn configuration() -> String {
    let mut text = "[numbers]\ncountry = \"DE\"\n\n[[pbx]]\nname = \"hq\"\naddress = \"127.0.0.1:9\"\nusername = \"hookswitch\"\n\
                    secret = \"secret\"\nfallback = { goto = \"from-internal,600,1\" }\n\n"
        .to_owned();
    for n in 0..AGENTS {
        let skills = (0..4).map(|k| format!("skill{} = {}", (n * 7 + k * 13) % SKILLS, 1 + (n + k) % 10));
        let _ = write!(
            text,
            "[[agent]]\nid = \"agent{n}\"\nname = \"Agent {n}\"\ndevices = [\"PJSIP/{}\", \"PJSIP/{}\"]\n\
             skills = {{ {} }}\nteams = [\"team{}\", \"team{}\"]\n\n",
            10_000 + n,
            20_000 + n,
            skills.collect::<Vec<_>>().join(", "),
            n % QUEUES,
            (n * 3 + 1) % QUEUES,
        );
    }
    for n in 0..QUEUES {
        let skill = n % SKILLS;
        // Each overflows into the next; a circle would be refused.
        let next = n + 1;
        let overflow =
            if next < QUEUES { format!("queue = \"queue{next}\"") } else { "hangup = true".to_owned() };
        let _ = write!(
            text,
            "[[queue]]\nid = \"queue{n}\"\nmembers = {{ teams = [\"team{n}\"] }}\n\
             requires = [{{ skills = {{ skill{skill} = 5 }} }}, {{ after = \"30s\", skills = {{ skill{skill} = 1 }} }}, \
             {{ after = \"90s\", skills = {{}} }}]\nmax_wait = {{ after = \"10m\", then = {{ {overflow} }} }}\n\n",
        );
    }
    for n in 0..RULES {
        let when = match n % 10 {
            _ if n == RULES - 1 => None,
            0 => Some(format!("dnis == \"{n}\" && int(data.value) > {n}")),
            1 => Some(format!("dnis.startsWith(\"9{n}\") && now.hour < 6")),
            2 => Some(format!("ani.e164.startsWith(\"+{n}\") && !open(\"office\")")),
            3 => Some(format!("customer.tier == \"gold\" && dnis in [\"{n}\", \"x{n}\"]")),
            4 => Some(format!("int(data.value) + {n} == 7")),
            5 => Some(format!("dnis != \"{n}\" && ani in list.blacklist")),
            _ => Some(format!("dnis == \"{n}\" && data[\"ivr.choice\"] == \"2\"")),
        };
        let when = when.map(|when| format!("when = '{when}'\n")).unwrap_or_default();
        let requires = format!("requires = {{ skills = {{ skill{} = 2 }} }}\n", n % SKILLS);
        let _ = write!(
            text,
            "[[route]]\nname = \"rule {n}\"\n{when}queue = \"queue{}\"\n{requires}\n",
            n % QUEUES
        );
    }
    text.push_str("[calendar.office]\ntimezone = \"Europe/Berlin\"\nopen = { mon-fri = \"08:00-18:00\" }\n\n[list.blacklist]\nnumbers = [");
    for n in 0..LISTED {
        let _ = write!(text, "\"+49900{n:06}\", ");
    }
    text.push_str("]\n");
    text
}
