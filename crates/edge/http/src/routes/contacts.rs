//! The embedded directory, and who has a number: for people, for a PBX's display, for a PBX's own CRM template.

use std::{collections::BTreeMap, io};

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use crate::{
    contacts::{Contacts, ContactsRefused, ContactsWanted},
    input::{self, Asked, Text},
    problem::Problem,
    render,
    route::{Doc, EVERY, Route, STAFF},
    state::AppState,
};

/// Bytes a file of contacts may have: a million of them.
const LARGEST_FILE: usize = 256 * 1024 * 1024;
/// Pieces of a file on their way to the disk.
const PIECES: usize = 16;
/// Bytes a number may have.
const LONGEST_NUMBER: usize = 128;

/// What a search is asked for.
const SEARCH: &[(&str, &str)] = &[
    ("number", "Contacts with this number, however it is written"),
    ("q", "Contacts with this text in id, name, company or a field"),
    ("after", "Contacts behind this one: `next` of the page before"),
    ("limit", "So many at most, up to 1000"),
];
const NUMBER: &[(&str, &str)] = &[("number", "A telephone number, `+` as %2B")];

pub(super) fn routes() -> Vec<Route> {
    let query = |doc: Doc, query: &'static [(&'static str, &'static str)]| Doc { query, ..doc };
    vec![
        Route::get("/v1/contacts", EVERY, query(Doc::json("Contacts, by id", "Contacts"), SEARCH), list),
        Route::put(
            "/v1/contacts",
            STAFF,
            Doc {
                query: &[("map", "Columns by the name they have in the file: `Kunde:name,Ruf:number`")],
                body: Some("ContactsFile"),
                ..Doc::json(
                    "Import contacts; those with the same ids are replaced, others stay",
                    "ImportReport",
                )
            },
            import,
        ),
        Route::get("/v1/contacts/{id}", EVERY, Doc::json("One contact", "Contact"), one),
        Route::put(
            "/v1/contacts/{id}",
            STAFF,
            Doc {
                body: Some("Contact"),
                ..Doc::json("Write a contact in the place of the one with this id", "Contact")
            },
            write,
        ),
        Route::delete("/v1/contacts/{id}", STAFF, Doc::json("Remove a contact", "Removed"), remove),
        Route::get("/v1/lookup", STAFF, query(Doc::json("Who has this number", "LookedUp"), NUMBER), who),
        // A PBX that can send no header asks with a token in the address.
        Route::get(
            "/v1/cnam",
            STAFF,
            query(Doc::media("The name for a display; empty when nobody is known", "text/plain"), NUMBER),
            name,
        )
        .that_dials(),
    ]
}

fn contacts(state: &AppState) -> Result<&dyn Contacts, Problem> {
    state.backend().contacts().ok_or_else(|| Problem::unknown("directory", "contacts"))
}

impl From<ContactsRefused> for Problem {
    fn from(refused: ContactsRefused) -> Self {
        match refused {
            ContactsRefused::Wrong { why, hint } => Self::invalid(why, hint),
            ContactsRefused::Unavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "contacts",
                "Not available now",
                "the directory's disk does not read or write; the log says more",
            ),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    number: Option<String>,
    q: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
    #[serde(rename = "access_token")]
    _token: Option<String>,
}

async fn list(State(state): State<AppState>, Asked(search): Asked<Search>) -> Result<Response, Problem> {
    let Search { number, q: text, after, limit, _token } = search;
    if limit.is_some_and(|limit| !(1..=1_000).contains(&limit)) {
        return Err(Problem::invalid("limit is out of range", "1 to 1000"));
    }
    let wanted = ContactsWanted { number, text, after, limit };
    Ok(render::json(contacts(&state)?.page(wanted).await?))
}

async fn one(State(state): State<AppState>, Text(id): Text) -> Result<Response, Problem> {
    let contact = contacts(&state)?.contact(id.clone()).await?;
    contact.map(render::json).ok_or_else(|| Problem::unknown("contact", &id))
}

async fn write(State(state): State<AppState>, Text(id): Text, request: Request) -> Result<Response, Problem> {
    if input::media(request.headers()).is_some_and(|media| media != "application/json") {
        return Err(wrong_media("application/json"));
    }
    let body = input::read(request, &state).await?;
    let (contact, created) = contacts(&state)?.put(id, body).await?;
    let mut response = render::json(contact);
    if created {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

async fn remove(State(state): State<AppState>, Text(id): Text) -> Result<Response, Problem> {
    if contacts(&state)?.remove(id.clone()).await? {
        Ok(render::json(json!({ "removed": id }).to_string()))
    } else {
        Err(Problem::unknown("contact", &id))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Import {
    map: Option<String>,
    #[serde(rename = "access_token")]
    _token: Option<String>,
}

async fn import(
    State(state): State<AppState>,
    Asked(asked): Asked<Import>,
    request: Request,
) -> Result<Response, Problem> {
    if input::media(request.headers()).is_none_or(|media| media != "text/csv") {
        return Err(wrong_media("text/csv"));
    }
    let mapping = mapping(asked.map.as_deref().unwrap_or_default())?;
    let (pieces, file) = mpsc::channel(PIECES);
    let patience = state.limits().body_time;
    let reading = async move {
        let (mut body, mut size) = (request.into_body().into_data_stream(), 0);
        loop {
            let piece = match timeout(patience, body.next()).await {
                Ok(None) => return,
                Ok(Some(Ok(piece))) => Ok(piece),
                Ok(Some(Err(error))) => Err(io::Error::other(error)),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the file came too slowly")),
            };
            size += piece.as_ref().map_or(0, bytes::Bytes::len);
            let piece =
                if size > LARGEST_FILE { Err(io::Error::other("the file is too large")) } else { piece };
            let last = piece.is_err();
            if pieces.send(piece).await.is_err() || last {
                return;
            }
        }
    };
    let ((), report) = tokio::join!(reading, contacts(&state)?.import(mapping, file));
    Ok(render::json(report?))
}

/// `Kunde:name,Ruf:number`.
fn mapping(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (column, meant) = pair.rsplit_once(':').ok_or_else(|| {
            Problem::invalid(format!("{pair:.80?} maps no column"), "as in map=Kunde:name,Ruf:number")
        })?;
        Ok((column.trim().to_owned(), meant.trim().to_owned()))
    };
    pairs.map(pair).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    number: String,
    #[serde(rename = "access_token")]
    _token: Option<String>,
}

impl Number {
    /// A `+` that was not encoded has become a blank on the way.
    fn checked(self) -> Result<String, Problem> {
        let number = match self.number.strip_prefix(' ') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => format!("+{rest}"),
            _ => self.number,
        };
        if number.len() > LONGEST_NUMBER {
            return Err(Problem::invalid("the number is too long", "a telephone number, + as %2B"));
        }
        Ok(number)
    }
}

async fn who(State(state): State<AppState>, Asked(number): Asked<Number>) -> Result<Response, Problem> {
    Ok(render::json(contacts(&state)?.who(number.checked()?).await?))
}

async fn name(State(state): State<AppState>, Asked(number): Asked<Number>) -> Result<Response, Problem> {
    let name = contacts(&state)?.name(number.checked()?).await?.unwrap_or_default();
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, name).into_response())
}

fn wrong_media(wanted: &str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "media-type",
        "The body is of another kind",
        format!("the Content-Type of the body is not {wanted}"),
    )
}
