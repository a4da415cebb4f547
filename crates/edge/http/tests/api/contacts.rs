//! Contacts: what reaches the directory, what comes back, and what is refused on the way.

use std::collections::BTreeMap;

use bytes::Bytes;
use hookswitch_http::{Contacts, ContactsRefused, ContactsReply, ContactsWanted, Upload};
use serde_json::json;

use crate::world::World;

/// A directory with the contact 7, that tells what it was asked.
pub(crate) struct Fake;

fn told<'a, T: Send + 'a>(answer: T) -> ContactsReply<'a, T> {
    Box::pin(async move { Ok(answer) })
}

fn bytes(value: &serde_json::Value) -> Bytes {
    value.to_string().into()
}

impl Contacts for Fake {
    fn page(&self, wanted: ContactsWanted) -> ContactsReply<'_, Bytes> {
        told(bytes(&json!({ "items": [format!("{wanted:?}")], "next": null })))
    }

    fn contact(&self, id: String) -> ContactsReply<'_, Option<Bytes>> {
        told((id == "7").then(|| bytes(&json!({ "id": id }))))
    }

    fn put(&self, id: String, body: Bytes) -> ContactsReply<'_, (Bytes, bool)> {
        Box::pin(async move {
            if body.starts_with(b"[") {
                let (why, hint) = ("no contact".to_owned(), "{}".to_owned());
                return Err(ContactsRefused::Wrong { why, hint });
            }
            if body.starts_with(b"\"disk\"") {
                return Err(ContactsRefused::Unavailable);
            }
            Ok((body, id != "7"))
        })
    }

    fn remove(&self, id: String) -> ContactsReply<'_, bool> {
        told(id == "7")
    }

    fn import(&self, mapping: BTreeMap<String, String>, mut file: Upload) -> ContactsReply<'_, Bytes> {
        Box::pin(async move {
            let mut size = 0;
            while let Some(Ok(piece)) = file.recv().await {
                size += piece.len();
            }
            Ok(bytes(&json!({ "mapping": mapping, "size": size })))
        })
    }

    fn name(&self, number: String) -> ContactsReply<'_, Option<String>> {
        told((number == "+49305550001").then(|| "Erika Müster".to_owned()))
    }

    fn who(&self, number: String) -> ContactsReply<'_, Bytes> {
        told(bytes(&json!({ "number": number })))
    }
}

#[tokio::test]
async fn a_search_says_what_is_wanted() {
    let world = World::new().await;
    let page = world.get("/v1/contacts?number=%2B4930&after=6&limit=5").token("alice").send().await.json();
    let wanted = page["items"][0].as_str().unwrap();
    for part in ["number: Some(\"+4930\")", "text: None", "after: Some(\"6\")", "limit: Some(5)"] {
        assert!(wanted.contains(part), "{part} is not in {wanted}");
    }
    for limit in ["0", "1001"] {
        world.get(&format!("/v1/contacts?limit={limit}")).token("crm").send().await.problem(422, "invalid");
    }
    world.get("/v1/contacts?name=x").token("crm").send().await.problem(400, "request");
}

#[tokio::test]
async fn a_contact_is_created_or_replaced_and_a_wrong_one_told() {
    let world = World::new().await;
    let put = |id: &str, body: &str| {
        world
            .ask("PUT", &format!("/v1/contacts/{id}"))
            .header("content-type", "application/json")
            .body(body)
            .token("crm")
    };
    let created = put("8", "{\"name\":\"x\"}").send().await;
    assert_eq!((created.status, created.text()), (201, "{\"name\":\"x\"}"));
    assert_eq!(put("7", "{}").status().await, 200);
    assert_eq!(put("7", "[]").send().await.problem(422, "invalid")["hint"], "{}");
    put("7", "\"disk\"").send().await.problem(503, "contacts");
    let csv = world.ask("PUT", "/v1/contacts/7").header("content-type", "text/csv").body("id").token("crm");
    csv.send().await.problem(415, "media-type");
}

#[tokio::test]
async fn a_file_larger_than_a_body_goes_through_with_its_columns() {
    let world = World::new().await;
    let file = "x".repeat(300 * 1024);
    let ask = |map: &str| {
        let ask =
            world.ask("PUT", &format!("/v1/contacts{map}")).header("content-type", "text/csv; charset=utf-8");
        ask.body(file.as_str()).token("lead")
    };
    let report = ask("?map=Kunde:name,a:b:number").send().await.json();
    assert_eq!(report, json!({ "mapping": { "Kunde": "name", "a:b": "number" }, "size": file.len() }));
    ask("?map=Kunde").send().await.problem(422, "invalid");
}

#[tokio::test]
async fn a_display_gets_plain_text_also_where_the_plus_sign_was_lost() {
    let world = World::new().await;
    for number in ["%2B49305550001", "+49305550001"] {
        let name = world.get(&format!("/v1/cnam?number={number}")).token("crm").send().await;
        assert_eq!((name.status, name.text()), (200, "Erika Müster"), "{number}");
        assert_eq!(name.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    // A PBX that can send no header; such a token reads nothing else.
    let in_address = world.get("/v1/cnam?number=%2B49305550001&access_token=url-secret").send().await;
    assert_eq!(in_address.text(), "Erika Müster");
    world.get("/v1/contacts?access_token=url-secret").send().await.problem(403, "forbidden");
    let nobody = world.get("/v1/cnam?number=0301").token("crm").send().await;
    assert_eq!((nobody.status, nobody.text()), (200, ""));
    let long = "1".repeat(200);
    world.get(&format!("/v1/cnam?number={long}")).token("crm").send().await.problem(422, "invalid");
    world.get("/v1/cnam").token("crm").send().await.problem(400, "request");
}
