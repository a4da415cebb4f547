//! Claims about routing.

use std::collections::BTreeMap;

use hookswitch_model::{
    CallId, CallRef, QueueId, Timestamp,
    call::{AttachedData, Call, CallState, Candidate, Customer, Direction, MatchKind, PartyNumber},
    setup::{CalendarSetup, RouteSetup, RouteTarget, Setup},
};
use proptest::{prelude::*, sample::select};

use super::{Router, RuleError};

/// Saturday, 2026-11-21, 19:00:05 in Berlin.
const SATURDAY_EVENING: Timestamp = Timestamp::from_millis(1_795_284_005_000);
/// The Tuesday after, 9:30 in Berlin.
const TUESDAY_MORNING: Timestamp = Timestamp::from_millis(1_795_509_000_000);

fn call() -> Call {
    Call {
        id: CallId::from(1),
        direction: Direction::Inbound,
        state: CallState::Started,
        pbx: "hq".parse().unwrap(),
        pbx_ref: CallRef::new("1.1"),
        ani: PartyNumber {
            raw: "030555001".into(),
            e164: Some("+4930555001".into()),
            withheld: false,
            name: None,
        },
        dnis: PartyNumber { raw: "5003".into(), ..PartyNumber::default() },
        via: None,
        trunk: Some("carrier".into()),
        queue: None,
        priority: 0,
        rule: None,
        config_version: 1,
        customer: Customer::none(),
        data: AttachedData::from([("ivr.choice".into(), "2".into()), ("lang".into(), "de".into())]),
        legs: Vec::new(),
        started_at: SATURDAY_EVENING,
        queued_at: None,
        answered_at: None,
        ended_at: None,
    }
}

fn known_call() -> Call {
    let fields = BTreeMap::from([("tier".to_owned(), "gold".to_owned())]);
    let best = Candidate {
        id: "42".into(),
        name: Some("Ada".into()),
        score: 0.9,
        why: "exact E.164".into(),
        fields,
    };
    Call { customer: Customer { kind: MatchKind::One, candidates: vec![best] }, ..call() }
}

fn rule(name: &str, when: Option<&str>) -> RouteSetup {
    RouteSetup {
        name: name.to_owned(),
        when: when.map(str::to_owned),
        target: RouteTarget::Queue(QueueId::new(name).unwrap()),
        priority: 10,
        requires: BTreeMap::new(),
        set: AttachedData::from([("segment".into(), name.into())]),
        prefer: None,
    }
}

fn setup(routes: Vec<RouteSetup>) -> Setup {
    let weekday = || vec![(8 * 60, 18 * 60)];
    let office = CalendarSetup {
        timezone: "Europe/Berlin".into(),
        open: [weekday(), weekday(), weekday(), weekday(), weekday(), Vec::new(), Vec::new()],
        closed: vec!["2026-12-25".into()],
        special: BTreeMap::new(),
    };
    Setup { routes, calendars: BTreeMap::from([("office".to_owned(), office)]), ..Setup::default() }
}

#[track_caller]
fn holds(when: &str, now: Timestamp, call: &Call) -> bool {
    let router = Router::new(&setup(vec![rule("r", Some(when))])).unwrap();
    router.route(now, call).rule.is_some()
}

#[track_caller]
fn fails(when: &str) -> RuleError {
    Router::new(&setup(vec![rule("r", Some(when))])).unwrap_err().remove(0)
}

#[test]
fn conditions_of_the_manual_hold_where_they_should() {
    let unknown = call();
    let known = known_call();
    let cases = [
        (r#"dnis == "5003""#, true, true),
        (r#"dnis == "5003" && customer.tier == "gold""#, false, true),
        (r#"customer.tier == null"#, true, false),
        (r#"customer.tier != "gold""#, true, false),
        (r#"customer.name == "Ada" && customer.id == "42" && customer.match == "one""#, false, true),
        (r#"customer.match == "none""#, true, false),
        (r#"customer.score > 0.5"#, false, true),
        (r#"ani.e164.startsWith("+49") && !ani.withheld"#, true, true),
        (r#"ani == "030555001" && ani.raw == ani"#, true, true),
        (r#"ani.name == null && via == null && !has(via.raw)"#, true, true),
        (r#"data["ivr.choice"] == "2" && data.lang in ["de", "at"]"#, true, true),
        (r#"data.foo == null && !has(data.foo) && has(data.lang)"#, true, true),
        (r#""lang" in data && size(data) == 2"#, true, true),
        (r#"int(data["ivr.choice"]) + 1 == 3"#, true, true),
        (r#"["50", "60"].exists(prefix, dnis.startsWith(prefix))"#, true, true),
        (r#"data.exists(key, key.startsWith("ivr."))"#, true, true),
        (
            r#"data.all(key, data[key].size() > 0) && data.map(key, key) == ["ivr.choice", "lang"]"#,
            true,
            true,
        ),
        (r#"customer.exists(field, field == "tier")"#, false, true),
        (r#"pbx == "hq" && trunk == "carrier" && dnis.e164 == null"#, true, true),
        (r#""5003" == dnis && 18 < now.hour"#, true, true),
        (
            r#"now.weekday == "sat" && now.date == "2026-11-21" && now.time >= "19:00" && now.hour == 19"#,
            true,
            true,
        ),
        (r#"now.iso == "2026-11-21T19:00:05+01:00""#, true, true),
        (
            r#"now.year == 2026 && now.month == 11 && now.day == 21 && now.minute == 0 && now.second == 5"#,
            true,
            true,
        ),
        (r#"dnis == "1" ? true : lower == null"#.replace("lower", "data.lower").leak(), true, true),
    ];
    for (when, for_unknown, for_known) in cases {
        assert_eq!(holds(when, SATURDAY_EVENING, &unknown), for_unknown, "{when}, nobody known");
        assert_eq!(holds(when, SATURDAY_EVENING, &known), for_known, "{when}, Ada");
    }
}

#[test]
fn what_is_missing_is_null_and_a_comparison_with_it_is_false() {
    let mut anonymous = call();
    anonymous.ani = PartyNumber { withheld: true, ..PartyNumber::default() };
    for when in [
        r#"ani.e164.startsWith("+49")"#,
        r#"customer.tier == "gold""#,
        r#"customer.tier.startsWith("g")"#,
        r#"data.age > 5"#,
        r#"int(data.age) > 5"#,
        r#"data.age + "x" == "y""#,
        r#"ani.e164.size() > 3"#,
        r#"data[data.foo] == "x""#,
    ] {
        assert!(!holds(when, SATURDAY_EVENING, &anonymous), "{when}");
        assert!(holds(&format!("!({when})"), SATURDAY_EVENING, &anonymous), "not {when}");
        assert!(holds(&format!(r#"({when}) || dnis == "5003""#), SATURDAY_EVENING, &anonymous), "{when} or");
        assert!(holds(&format!(r#"dnis == "5003" || ({when})"#), SATURDAY_EVENING, &anonymous), "or {when}");
    }
}

#[test]
fn a_comparison_that_makes_no_sense_is_told_with_the_rule() {
    let router = Router::new(&setup(vec![rule("a", Some("data.lang > 5")), rule("b", None)])).unwrap();
    let routed = router.route(SATURDAY_EVENING, &call());
    assert_eq!(routed.rule.as_deref(), Some("b"));
    assert_eq!(routed.tried[0].note.as_deref(), Some("text compared with a number"));
    assert_eq!(routed.tried[1].note, None);
}

#[test]
fn a_number_worked_out_of_what_is_missing_compares_with_nothing_and_is_no_error() {
    let whens = [
        "int(data.none) > 3",
        "int(data.none) != 3",
        "size(data.none) < 3",
        "data.none + 1 == 1",
        "-1 < double(data.none)",
    ];
    for when in whens {
        let router = Router::new(&setup(vec![rule("r", Some(when))])).unwrap();
        let tried = router.route(SATURDAY_EVENING, &call()).tried.remove(0);
        assert_eq!((tried.matched, tried.note), (false, None), "{when}");
    }
}

#[test]
fn the_first_rule_that_matches_takes_the_call_and_later_ones_are_not_tried() {
    let rules = vec![
        rule("gold", Some(r#"customer.tier == "gold""#)),
        rule("sales", Some(r#"dnis == "5003""#)),
        rule("rest", None),
    ];
    let router = Router::new(&setup(rules)).unwrap();
    let routed = router.route(SATURDAY_EVENING, &call());
    let tried: Vec<(&str, bool)> = routed.tried.iter().map(|tried| (&*tried.rule, tried.matched)).collect();
    assert_eq!(tried, [("gold", false), ("sales", true)]);
    assert_eq!(routed.target, Some(RouteTarget::Queue(QueueId::new("sales").unwrap())));
    assert_eq!((routed.priority, routed.set["segment"].as_str()), (10, "sales"));
    assert_eq!(router.route(SATURDAY_EVENING, &known_call()).rule.as_deref(), Some("gold"));
}

#[test]
fn a_call_that_no_rule_takes_has_no_target() {
    let router = Router::new(&setup(vec![rule("a", Some("dnis == \"1\""))])).unwrap();
    let routed = router.route(SATURDAY_EVENING, &call());
    assert_eq!((routed.rule, routed.target, routed.tried.len()), (None, None, 1));
}

#[test]
fn calendars_are_open_in_their_hours_in_their_time_zone() {
    for when in ["calendar.office", r#"open("office")"#, r#"calendar["office"] == true"#] {
        assert!(!holds(when, SATURDAY_EVENING, &call()), "{when} on Saturday");
        assert!(holds(when, TUESDAY_MORNING, &call()), "{when} on Tuesday");
    }
    let minute = 60_000;
    let opening = Timestamp::from_millis(TUESDAY_MORNING.as_millis() - 90 * minute);
    let just_before = Timestamp::from_millis(opening.as_millis() - 1);
    assert!(holds("calendar.office", opening, &call()), "8:00 is open");
    assert!(!holds("calendar.office", just_before, &call()), "7:59:59.999 is closed");
    let closing = Timestamp::from_millis(opening.as_millis() + 600 * minute);
    assert!(!holds("calendar.office", closing, &call()), "18:00 is closed");
    // 2026-12-25 is a Friday; at 8:30 in Berlin.
    let christmas = Timestamp::from_millis(1_798_183_800_000);
    assert!(!holds("calendar.office", christmas, &call()), "a closed date");
    // 2026-07-21, a Tuesday, 7:30 UTC: 9:30 summer time.
    let summer = Timestamp::from_millis(1_784_619_000_000);
    assert!(holds("calendar.office", summer, &call()), "summer time is an hour ahead of UTC more");
}

#[test]
fn an_unusable_rule_is_refused_with_its_place_and_a_hint() {
    let cases = [
        ("dnis = \"5003\"", Some(6), "cannot be read", "=="),
        ("dnis == \"5003", Some(9), "cannot be read", "quote"),
        ("dnis == \"5003\" and open(\"office\")", Some(16), "cannot be read", "&&"),
        ("dnis == 5003 && caller.tier == \"gold\"", Some(17), "nothing named \"caller\"", "customer"),
        ("dnis == sales", Some(9), "nothing named \"sales\"", "quotes"),
        ("ani.number == \"1\"", Some(4), "no field \"number\"", "e164"),
        ("data.ivr.choice == \"2\"", Some(9), "no field", "data[\"ivr.choice\"]"),
        ("now.minutes > 5", Some(4), "no field \"minutes\"", "minute"),
        ("calendar.holidays", Some(9), "no calendar \"holidays\"", "office"),
        ("open(\"bank\")", Some(5), "no calendar \"bank\"", "office"),
        ("open(data.x)", Some(5), "name of a calendar", "office"),
        ("ani.e164.matches(\"[+]49.*\")", Some(17), "no function \"matches\"", "startsWith"),
        ("\"5003\"", Some(1), "not true or false", "compare"),
        ("[1,2].all(x, [1,2].all(y, x == y))", Some(23), "loop in a loop", "prepare"),
        ("[1,2].map(x, x).exists(y, y == 1)", Some(10), "loop in a loop", "prepare"),
        ("{\"a\": 1}.exists(y, y == \"a\")", Some(1), "made up", "list"),
        ("data.a.b.c == \"2\"", Some(7), "no field \"b\"", "data[\"a.b.c\"]"),
        ("Foo{a: 1} == null", Some(4), "no type", "for example"),
        ("", Some(1), "cannot be read", "for example"),
        ("data.town == \"Köln\" && $", Some(24), "cannot be read", "for example"),
        ("data.town == \"Köln\" && tier == 1", Some(24), "nothing named", "names are"),
    ];
    for (when, column, message, hint) in cases {
        let error = fails(when);
        assert_eq!(error.rule, "r");
        assert!(error.message.contains(message), "{when}: {error:?}");
        assert!(error.hint.contains(hint), "{when}: {error:?}");
        assert_eq!(error.column, column, "{when}: {error:?}");
    }
}

#[test]
fn what_would_take_long_is_refused() {
    let list = |n: usize| vec!["\"x\""; n].join(",");
    assert!(fails(&format!("dnis in [{}]", list(257))).message.contains("257 elements"));
    assert!(!holds(&format!("dnis in [{}]", list(256)), SATURDAY_EVENING, &call()));
    assert!(fails(&format!("dnis == \"{}\"", "x".repeat(5_000))).message.contains("longer than"));
    let deep = format!("{}dnis == \"1\"{}", "(".repeat(1_500), ")".repeat(1_500));
    assert!(fails(&deep).message.contains("cannot be read"));
}

#[test]
fn every_unusable_rule_is_told_at_once() {
    let mut setup = setup(vec![rule("a", Some("x == 1")), rule("b", None), rule("c", Some("dnis =="))]);
    setup.calendars.get_mut("office").unwrap().timezone = "Europe/Atlantis".into();
    let errors = Router::new(&setup).unwrap_err();
    let rules: Vec<&str> = errors.iter().map(|error| error.rule.as_str()).collect();
    assert_eq!(rules, ["calendar.office", "a", "c"]);
}

/// Two numbers compared, most of them worked out of a name, as text.
fn comparison_of_numbers() -> impl Strategy<Value = String> {
    let name =
        select(vec!["data.lang", "data[\"n\"]", "customer.score", "now.hour", "now.weekday", "dnis", "data"]);
    let number = prop_oneof![
        select(vec!["0", "1", "-1", "7", "0.5", "-2.0", "9223372036854775807", "\"x\"", "null"])
            .prop_map(str::to_owned),
        (select(vec!["", "int", "double", "size", "string"]), name).prop_map(|(f, n)| format!("{f}({n})")),
    ];
    let arithmetic = select(vec!["+", "-", "*", "/", "%"]);
    let worked = number.prop_recursive(3, 8, 2, move |inner| {
        (inner.clone(), arithmetic.clone(), inner).prop_map(|(a, o, b)| format!("({a} {o} {b})"))
    });
    let operator = select(vec!["==", "!=", "<", "<=", ">", ">="]);
    (worked.clone(), operator, worked).prop_map(|(a, o, b)| format!("{a} {o} {b}"))
}

/// A test of one name against a constant, as text.
fn simple_test() -> impl Strategy<Value = String> {
    let name = select(vec![
        "dnis",
        "ani",
        "ani.e164",
        "ani.withheld",
        "data.lang",
        "data[\"n\"]",
        "customer.tier",
        "customer.score",
        "now.hour",
        "now.weekday",
    ]);
    let constant = select(vec![
        "\"5003\"", "\"de\"", "\"\"", "\"+49\"", "null", "true", "false", "19", "19.0", "0.9", "-1",
        "\"gold\"", "\"sat\"",
    ]);
    let operator = select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let method = select(vec!["startsWith", "endsWith", "contains"]);
    prop_oneof![
        (name.clone(), operator.clone(), constant.clone()).prop_map(|(n, o, c)| format!("{n} {o} {c}")),
        (constant.clone(), operator, name.clone()).prop_map(|(c, o, n)| format!("{c} {o} {n}")),
        (name.clone(), method, constant.clone()).prop_map(|(n, m, c)| format!("{n}.{m}({c})")),
        (name.clone(), proptest::collection::vec(constant, 0..4))
            .prop_map(|(n, cs)| format!("{n} in [{}]", cs.join(", "))),
        name.prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_test_taken_out_of_a_condition_says_what_the_interpreter_says(
        test in simple_test(),
        is_known in any::<bool>(),
        n in prop::option::of(select(vec!["5003", "de", "", "x"])),
        e164 in prop::option::of(Just("+4930")),
    ) {
        let mut call = if is_known { known_call() } else { call() };
        call.ani.e164 = e164.map(str::to_owned);
        if let Some(n) = n {
            call.data.insert("n".into(), n.into());
        }
        // A loop over one element is always left to the interpreter.
        let interpreted = format!("[1].exists(one, {test})");
        prop_assert_eq!(holds(&test, SATURDAY_EVENING, &call), holds(&interpreted, SATURDAY_EVENING, &call), "{}", test);
    }

    #[test]
    fn numbers_worked_out_are_what_the_interpreter_works_out(
        test in comparison_of_numbers(),
        is_known in any::<bool>(),
        n in prop::option::of(select(vec!["5003", "0", "-7", "12", "007", "+5", "0.5", "1e3", "9223372036854775807", "9223372036854775808", "NaN", "inf", "", " 5", "x"])),
    ) {
        let mut call = if is_known { known_call() } else { call() };
        if let Some(n) = n {
            call.data.insert("n".into(), n.into());
        }
        let told = |when: &str| {
            let router = Router::new(&setup(vec![rule("r", Some(when))])).unwrap();
            let tried = router.route(SATURDAY_EVENING, &call).tried.remove(0);
            (tried.matched, tried.note)
        };
        // A loop over one element is always left to the interpreter. It complains where something is missing.
        let is_all_there = is_known && n.is_some();
        let (worked, interpreted) = (told(&test), told(&format!("[1].exists(one, {test})")));
        prop_assert_eq!(worked.0, interpreted.0, "{}", test);
        // A name alone is compared with a constant in words of its own.
        let is_own = worked.1.as_ref().is_some_and(|note| note.contains(" compared with "));
        if !is_own && (worked.1.is_some() || is_all_there) {
            prop_assert_eq!(worked.1, interpreted.1, "{}", test);
        }
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in "[a-z.()\\[\\]{}\"'&|!=<>?: 0-9$@]{0,60}") {
        if let Ok(router) = Router::new(&setup(vec![rule("r", Some(&text))])) {
            let routed = router.route(SATURDAY_EVENING, &call());
            prop_assert_eq!(routed.tried.len(), 1);
        }
    }
}

/// Each `when` of the manual, as an administrator would copy it.
#[test]
fn the_conditions_of_the_manual_are_conditions() {
    let manual = include_str!("../../../../../docs/routing.md");
    let conditions = manual.lines().filter_map(|line| line.strip_prefix("when = '")?.strip_suffix('\''));
    let routes: Vec<RouteSetup> =
        (0..).zip(conditions).map(|(at, when)| rule(&format!("rule-{at}"), Some(when))).collect();
    assert!(routes.len() > 10, "{}", routes.len());
    let mut setup = setup(routes);
    for list in ["blacklist", "vip"] {
        setup.lists.insert(list.to_owned(), Vec::new());
    }
    Router::new(&setup).unwrap();
}

#[test]
fn a_number_is_found_in_a_list_in_either_of_its_forms() {
    let in_list = |when: &str, entries: &[&str]| {
        let mut setup = setup(vec![rule("r", Some(when))]);
        setup.lists.insert("l".to_owned(), entries.iter().map(|entry| (*entry).to_owned()).collect());
        let router = Router::new(&setup).unwrap();
        router.route(SATURDAY_EVENING, &known_call()).rule.is_some()
    };
    assert!(in_list("ani in list.l", &["030 555 001"]));
    assert!(in_list("ani in list.l", &["+49 30 555-001"]));
    assert!(in_list("ani in list[\"l\"]", &["+4930*"]));
    assert!(!in_list("ani.e164 in list.l", &["030555001"]));
    assert!(in_list("!(dnis in list.l)", &["5004"]));
    assert!(in_list("customer.id in list.l", &["42"]));
    assert!(!in_list("customer.owner in list.l", &["42"]));
}

#[test]
fn a_list_stands_behind_in_and_nowhere_else() {
    for when in [
        "list.blacklist",
        "list.blacklist == \"x\"",
        "dnis == \"1\" && size(list.blacklist) > 0",
        "\"x\" in list.blacklist",
        "ani in list.nothing",
        "ani in list",
    ] {
        let mut setup = setup(vec![rule("r", Some(when))]);
        setup.lists.insert("blacklist".to_owned(), Vec::new());
        let errors = Router::new(&setup).unwrap_err();
        assert_eq!(errors.len(), 1, "{when}: {errors:?}");
        assert!(errors[0].column.is_some(), "{when}: {errors:?}");
    }
}

#[test]
fn the_customer_is_needed_only_where_the_answer_can_decide() {
    let needed = |when: &str| {
        let mut call = call();
        call.customer = Customer::pending();
        Router::new(&setup(vec![rule("r", Some(when))])).unwrap().needs_customer(SATURDAY_EVENING, &call)
    };
    for when in [
        "customer.tier == \"gold\"",
        "dnis == \"5003\" && customer.tier == \"gold\"",
        "dnis == \"5004\" || customer.tier == \"gold\"",
        "!(customer.match == \"none\")",
        "customer.a + customer.b == \"ab\"",
        "[customer.tier].exists(one, one == \"gold\")",
        "customer.tier == \"gold\" ? dnis == \"5003\" : dnis == \"5004\"",
    ] {
        assert!(needed(when), "{when}");
    }
    for when in [
        "dnis == \"5003\"",
        "dnis == \"5004\" && customer.tier == \"gold\"",
        "dnis == \"5003\" || customer.tier == \"gold\"",
        "customer.tier == \"gold\" ? dnis == \"5004\" : dnis == \"5004\"",
        "ani.withheld && customer.a + customer.b == \"ab\"",
    ] {
        assert!(!needed(when), "{when}");
    }
}

#[test]
fn days_with_other_hours_come_before_those_closed_and_the_fewest_before_others() {
    let mut setup = setup(vec![rule("r", Some("open(\"office\")"))]);
    let office = setup.calendars.get_mut("office").unwrap();
    office.closed = vec!["2026-11-16/2026-11-30".to_owned()];
    office.special = BTreeMap::from([
        ("--11-20/--11-29".to_owned(), vec![(600, 660)]),
        ("--11-24".to_owned(), vec![(540, 600)]),
        ("2026-11-21".to_owned(), vec![(1_140, 1_200)]),
    ]);
    let router = Router::new(&setup).unwrap();
    let open = |now| router.route(now, &call()).rule.is_some();
    assert!(open(SATURDAY_EVENING), "19:00 to 20:00 on a Saturday on which it is closed otherwise");
    assert!(open(TUESDAY_MORNING), "9:00 to 10:00, of one day, before those of ten");
    let wednesday = Timestamp::from_millis(TUESDAY_MORNING.as_millis() + 86_400_000);
    assert!(!open(wednesday), "9:30, but open from 10:00");
    let monday = Timestamp::from_millis(TUESDAY_MORNING.as_millis() + 6 * 86_400_000);
    assert!(!open(monday), "closed");
    assert!(open(Timestamp::from_millis(TUESDAY_MORNING.as_millis() + 7 * 86_400_000)), "as on each Tuesday");
}

/// The clocks go back on 2026-10-25 in Berlin: 2:30 comes twice, and is the same time of day both times.
#[test]
fn opening_hours_are_of_the_clock_on_the_wall() {
    let mut setup = setup(vec![rule("r", Some("calendar.office"))]);
    setup.calendars.get_mut("office").unwrap().open = std::array::from_fn(|_| vec![(120, 180)]);
    let router = Router::new(&setup).unwrap();
    let at = |text: &str| {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_micros(u64::try_from(at.as_microsecond()).unwrap())
    };
    let open = |text: &str| router.route(at(text), &call()).rule.is_some();
    assert!(open("2026-10-25T00:30:00Z") && open("2026-10-25T01:30:00Z"), "2:30 in summer and in winter");
    assert!(!open("2026-10-24T23:30:00Z") && !open("2026-10-25T02:30:00Z"));
    assert!(!open("2026-03-29T01:30:00Z"), "2:30 is left out in spring: it is 3:30");
    assert!(open("2026-07-01T00:30:00Z") && open("2026-12-01T01:30:00Z"));
}

#[test]
fn a_calendar_whose_days_are_none_is_refused() {
    let mut setup = setup(Vec::new());
    setup.calendars.get_mut("office").unwrap().closed.push("25.12.".to_owned());
    let errors = Router::new(&setup).unwrap_err();
    assert_eq!((errors[0].rule.as_str(), errors.len()), ("calendar.office", 1));
}
