//! What a change of configuration is said to do.

use hookswitch_config::{Config, Plan, load_str, plan};

const PBX: &str = "
[[pbx]]
name = 'hq'
address = '127.0.0.1:5038'
username = 'h'
secret = 's3cret'
fallback = { dial = 'PJSIP/1008' }
";
const AGENTS: &str = "
[[agent]]
id = 'alice'
devices = ['PJSIP/1001']
teams = ['tier1']
skills = { billing = 8 }

[[agent]]
id = 'bob'
devices = ['PJSIP/1002']
teams = ['tier2']
";
const QUEUES: &str = "
[[queue]]
id = 'support'
members = { teams = ['tier1'] }
requires = [{ skills = { billing = 5 } }]

[[queue]]
id = 'backup'
members = { teams = ['tier2'] }
";
const ROUTES: &str = "
[[route]]
name = 'gold'
when = 'dnis == \"5003\" && customer.tier == \"gold\"'
queue = 'support'
priority = 10

[[route]]
name = 'support'
when = 'dnis == \"5003\"'
queue = 'support'

[[route]]
name = 'rest'
queue = 'backup'
";

fn config(parts: &[&str]) -> Config {
    load_str("hookswitch.toml", &parts.concat()).expect("a configuration without errors")
}

fn compared(after: &[&str]) -> Plan {
    plan(&config(&[PBX, AGENTS, QUEUES, ROUTES]), &config(after))
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_same_in_another_order_of_tables_changes_nothing() {
    let plan = compared(&[QUEUES, AGENTS, ROUTES, PBX]);
    assert_eq!(lines(&plan), ["nothing changes"]);
    assert!(plan.impact.is_harmless());
}

#[test]
fn a_changed_key_is_shown_with_what_it_was() {
    let agents = AGENTS.replace("billing = 8", "billing = 4");
    let plan = compared(&[PBX, &agents, QUEUES, ROUTES]);
    assert_eq!(
        lines(&plan),
        ["~ agent alice: skills.billing 8 → 4", "! queue support has no agent with the skills it asks for",]
    );
    assert!(!plan.impact.is_harmless());
}

#[test]
fn who_is_new_or_gone_is_told_with_whom_it_leaves_idle() {
    let agents = AGENTS.replace("['tier2']", "[]")
        + "[[agent]]\nid = 'carol'\ndevices = ['PJSIP/1003']\n"
        + "[[agent]]\nid = 'dave'\ndevices = ['PJSIP/1004']\nteams = ['tier2']\n";
    let plan = compared(&[PBX, &agents, QUEUES, ROUTES]);
    assert_eq!(
        lines(&plan),
        [
            r#"~ agent bob: teams ["tier2"] → []"#,
            "+ agent carol",
            "+ agent dave",
            "! agent bob serves no queue",
            "! agent carol serves no queue",
        ]
    );
    let idle_before = plan_of_idle();
    assert_eq!(lines(&idle_before), ["nothing changes", "! agent carol serves no queue (as before)"]);
    assert!(idle_before.impact.is_harmless());
}

fn plan_of_idle() -> Plan {
    let agents = AGENTS.to_owned() + "[[agent]]\nid = 'carol'\ndevices = ['PJSIP/1003']\n";
    let config = config(&[PBX, &agents, QUEUES, ROUTES]);
    plan(&config, &config)
}

#[test]
fn a_route_that_moved_is_told_alone_and_what_it_hides() {
    let parts: Vec<&str> = ROUTES.split("\n\n").collect();
    let routes = [parts[1], parts[0], parts[2]].join("\n\n");
    let plan = compared(&[PBX, AGENTS, QUEUES, &routes]);
    let told = lines(&plan);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("~ route ") && told[0].ends_with("is tried at another place"), "{told:?}");
    assert_eq!(told[1], r#"! route gold is never reached: "support" takes all its calls"#);
}

#[test]
fn what_needs_a_start_is_said_to_and_no_secret_is_shown() {
    let pbx = PBX.replace("s3cret", "other");
    let server = "[server]\nlisten = '127.0.0.1:9999'\n[[token]]\nname = 'new'\nrole = 'admin'\nhash = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n";
    let plan = compared(&[server, &pbx, AGENTS, QUEUES, ROUTES]);
    assert_eq!(lines(&plan), ["~ server (at the next start)", "~ pbx hq (at the next start)", "+ token new"]);
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!json.contains("other") && !json.contains("e3b0"), "{json}");
}

#[test]
fn what_a_queue_server_takes_over_while_it_runs_waits_for_no_start() {
    const SIP: &str = "[[pbx]]\nname = 'hq'\nkind = 'sip'\nlisten = ['udp:192.0.2.1:5060']\nrealm = 'a'\n\
        trunks = [{ name = 't', from = ['192.0.2.9'], address = 'sip:192.0.2.9' }]\nmax_calls = 10\n";
    let agents = "[[agent]]\nid = 'alice'\ndevices = ['sip:alice']\nsip_password = 'a-long-password'\n";
    let told = |change: &dyn Fn(&str) -> String| {
        lines(&plan(&config(&[SIP, agents]), &config(&[&change(SIP), agents])))
            .into_iter()
            .filter(|line| !line.starts_with('!'))
            .collect::<Vec<_>>()
    };
    let replaced = |from: &'static str, to: &'static str| told(&move |text: &str| text.replace(from, to));
    assert_eq!(replaced("max_calls = 10", "max_calls = 11"), ["~ pbx hq"]);
    assert_eq!(replaced("address = 'sip:192.0.2.9'", "address = 'sip:192.0.2.8'"), ["~ pbx hq"]);
    assert_eq!(replaced("max_calls", "ring_timeout = '9s'\nmax_calls"), ["~ pbx hq"]);
    assert_eq!(replaced("realm = 'a'", "realm = 'b'"), ["~ pbx hq (at the next start)"]);
    assert_eq!(replaced(":5060'", ":5062'"), ["~ pbx hq (at the next start)"]);
    let both = ["~ pbx hq (at the next start)", "~ pbx hq"];
    assert_eq!(replaced("realm = 'a'", "realm = 'b'\nsession_timer = '20m'"), both);
    assert_eq!(
        replaced("'sip:192.0.2.9'", "'sip:192.0.2.9;transport=tls'"),
        both,
        "certificates are read at the start"
    );
}
