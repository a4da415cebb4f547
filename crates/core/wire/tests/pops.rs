//! The URL a screen pop opens.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::{agent_id, call, queue_id};
use hookswitch_wire::{
    model::call::{Call, Customer, MatchKind},
    template::{Numbers, PlainNumbers, PopContext, PopSource, PopTemplates, TemplateError},
};

fn numbers() -> Arc<dyn Numbers> {
    Arc::new(PlainNumbers)
}

fn only(one: &str) -> Result<PopTemplates, Vec<TemplateError>> {
    PopTemplates::new(&PopSource { one: Some(one.to_owned()), ..PopSource::default() }, &numbers())
}

fn url(templates: &PopTemplates, call: &Call, kind: MatchKind) -> Result<Option<String>, TemplateError> {
    let (agent, queue) = (agent_id("alice"), queue_id("support"));
    templates.render(PopContext { call, agent: &agent, queue: Some(&queue), kind })
}

fn check(one: &str, call: &Call, expected: &str) {
    assert_eq!(url(&only(one).unwrap(), call, MatchKind::One).unwrap().as_deref(), Some(expected), "{one}");
}

#[test]
fn the_match_decides_which_page_opens() {
    let source = PopSource {
        one: Some("https://crm/contacts/{{ customer.id }}".to_owned()),
        many: Some("https://crm/search?tel={{ ani.e164 | urlencode }}".to_owned()),
        none: Some("https://crm/leads/new?tel={{ ani.e164 | urlencode }}".to_owned()),
    };
    let templates = PopTemplates::new(&source, &numbers()).unwrap();
    let mut call = call();
    let open = |call: &Call, kind| url(&templates, call, kind).unwrap().unwrap();
    assert_eq!(open(&call, MatchKind::One), "https://crm/contacts/42");
    call.customer = Customer::none();
    assert_eq!(open(&call, MatchKind::None), "https://crm/leads/new?tel=%2B49305550001");
    assert_eq!(url(&templates, &call, MatchKind::Pending), Ok(None), "nothing is known yet");
    for kind in [MatchKind::Many, MatchKind::Error] {
        assert_eq!(open(&call, kind), "https://crm/search?tel=%2B49305550001", "{kind:?} is no new lead");
    }
    assert_eq!(url(&PopTemplates::default(), &call, MatchKind::One), Ok(None));
}

#[test]
fn everything_of_the_call_can_be_used() {
    let mut call = call();
    call.customer.candidates[0].fields.insert("tier".to_owned(), "gold".to_owned());
    check("https://crm/{{ customer.tier }}/{{ customer.name }}", &call, "https://crm/gold/Kaya");
    check("https://crm/{{ candidates | length }}/{{ candidates[0].id }}", &call, "https://crm/1/42");
    check("https://crm/{{ agent }}/{{ queue }}/{{ match }}", &call, "https://crm/alice/support/one");
    check("https://crm/{{ data.segment }}/{{ data['ivr.choice'] }}", &call, "https://crm/gold/2");
    check("https://crm/{{ dnis.raw }}/{{ via.raw }}/{{ ani | last(4) }}", &call, "https://crm/5003//0001");
    check(
        "https://crm/{{ call.id }}/{{ call.rule | urlencode }}",
        &call,
        "https://crm/0000000000000000000000006A/gold%20customers",
    );
    check("  salesforce1://sObject/{{ customer.id }}/view\n", &call, "salesforce1://sObject/42/view");
}

#[test]
fn a_withheld_number_is_on_no_screen() {
    let mut call = call();
    call.ani.withheld = true;
    let all = "https://crm/?a={{ ani.e164 }}&b={{ ani.raw }}&c={{ ani | digits }}&d={{ call.ani.e164 }}&e={{ ani.withheld }}";
    check(all, &call, "https://crm/?a=&b=&c=&d=&e=true");
}

#[test]
fn a_wrong_template_is_found_when_it_is_made_with_its_key_and_line() {
    let source = PopSource {
        one: Some("https://crm/{{ customer.id".to_owned()),
        many: Some("https://crm/{{ ani | e146 }}".to_owned()),
        none: Some("https://crm/\n\n{% nothing %}".to_owned()),
    };
    let errors = PopTemplates::new(&source, &numbers()).unwrap_err();
    let places: Vec<_> = errors.iter().map(|error| (error.name.as_str(), error.line)).collect();
    assert_eq!(places, [("crm.pop.one", Some(1)), ("crm.pop.many", Some(1)), ("crm.pop.none", Some(3))]);
    assert!(errors.iter().all(|error| error.hint.is_some()), "{errors:?}");
}

#[test]
fn no_value_chooses_the_scheme() {
    for wrong in [
        "{{ data.url }}",
        "/contacts/{{ customer.id }}",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
        "://x",
    ] {
        assert!(only(wrong).is_err(), "{wrong}");
    }
    let mut call = call();
    call.data.insert("site".to_owned(), "https://evil.example/\nx".to_owned());
    let templates = only("https:{{ data.site }}").unwrap();
    assert!(url(&templates, &call, MatchKind::One).unwrap_err().hint.unwrap().contains("urlencode"));
}

fn candidates(call: &mut Call) {
    let first = call.customer.candidates[0].clone();
    let second = hookswitch_wire::model::call::Candidate {
        id: "43".into(),
        name: Some("Zoë & Co".into()),
        ..first.clone()
    };
    call.customer = Customer { kind: MatchKind::Many, candidates: vec![first, second] };
}

/// Salesforce opens a new record by an address with the address to come back to in it, which is encoded as a whole.
#[test]
fn an_address_in_an_address_is_encoded_twice() {
    let mut call = call();
    call.data.insert("topic".to_owned(), "50 % & more".to_owned());
    let none = "https://crm.example.com/003/e?con10={{ ani.e164 | urlencode }}\
&retURL={{ ('/search?tel=' ~ (ani.e164 | urlencode)) | urlencode }}";
    check(
        none,
        &call,
        "https://crm.example.com/003/e?con10=%2B49305550001&retURL=%2Fsearch%3Ftel%3D%252B49305550001",
    );
    let set = "https://crm.example.com/x?retURL=\
{%- set back -%} /lead/new?tel={{ ani.e164 | urlencode }}&topic={{ data.topic | urlencode }} {%- endset -%}\
{{ back | urlencode }}";
    check(
        set,
        &call,
        "https://crm.example.com/x?retURL=%2Flead%2Fnew%3Ftel%3D%252B49305550001%26topic%3D50%2520%2525%2520%2526%2520more",
    );
}

/// Lightning takes default values as a list within one parameter.
#[test]
fn default_values_of_a_new_record_are_one_encoded_parameter() {
    check(
        "https://crm.example.com/lightning/o/Lead/new?defaultFieldValues=\
{{ 'Phone=' ~ (ani.e164 | urlencode) ~ ',LeadSource=Phone' }}",
        &call(),
        "https://crm.example.com/lightning/o/Lead/new?defaultFieldValues=Phone=%2B49305550001,LeadSource=Phone",
    );
}

/// Dynamics takes the fields of a new record as `extraqs`, a query within the query.
#[test]
fn a_query_in_a_query_is_encoded_as_a_whole() {
    check(
        "https://org.example.com/main.aspx?etn=lead&pagetype=entityrecord&extraqs=\
{{ ('telephone1=' ~ (ani.e164 | urlencode) ~ '&subject=' ~ (data.segment | urlencode)) | urlencode }}",
        &call(),
        "https://org.example.com/main.aspx?etn=lead&pagetype=entityrecord&extraqs=\
telephone1%3D%252B49305550001%26subject%3Dgold",
    );
}

#[test]
fn a_search_can_offer_the_candidates_to_choose_from() {
    let mut call = call();
    candidates(&mut call);
    let many = "https://crm/choose?ids={{ candidates | map(attribute='id') | join(',') | urlencode }}\
{% for one in candidates %}&n{{ loop.index }}={{ one.name | urlencode }}{% endfor %}";
    let source = PopSource { many: Some(many.to_owned()), ..PopSource::default() };
    let templates = PopTemplates::new(&source, &numbers()).unwrap();
    assert_eq!(
        url(&templates, &call, MatchKind::Many).unwrap().as_deref(),
        Some("https://crm/choose?ids=42%2C43&n1=Kaya&n2=Zo%C3%AB%20%26%20Co")
    );
}
