//! Reports: figures of queues, agents and teams in intervals, as JSON or CSV.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use hookswitch_config::Role;
use serde::Deserialize;

use crate::{
    access::Grant,
    backend::{Form, ReportRefused, ReportWish, Subject},
    input::Asked,
    problem::Problem,
    route::{Doc, EVERY, Route, STAFF},
    state::AppState,
};

/// The media type of RFC 4180.
const CSV: &str = "text/csv";

/// What every report takes.
const QUERY: &[(&str, &str)] = &[
    ("from", "RFC 3339, a date, or a local time; by default the midnight before `to`"),
    ("to", "the same, and not part of the report; by default now"),
    ("interval", "`15m`, `30m`, `1h` or `1d`, which is the default"),
    ("tz", "IANA time zone of dates, days and rows; by default the one the calendars share, else UTC"),
    ("format", "`json` or `csv`; by default as `Accept` says, else JSON"),
];

pub(super) fn routes() -> Vec<Route> {
    let doc = |summary| Doc { query: QUERY, problems: &[413], ..Doc::json(summary, "Report") };
    vec![
        Route::get("/v1/reports/queues", STAFF, doc("Figures of the queues, interval by interval"), queues),
        Route::get(
            "/v1/reports/agents",
            EVERY,
            doc("Figures of the agents, interval by interval; an agent's token sees its own"),
            agents,
        ),
        Route::get("/v1/reports/teams", STAFF, doc("Figures of the teams, interval by interval"), teams),
    ]
}

#[derive(Deserialize)]
struct Wish {
    from: Option<String>,
    to: Option<String>,
    interval: Option<String>,
    tz: Option<String>,
    format: Option<Form>,
}

async fn queues(
    State(state): State<AppState>,
    headers: HeaderMap,
    Asked(wish): Asked<Wish>,
) -> Result<Response, Problem> {
    answer(&state, &headers, wish, Subject::Queues).await
}

async fn teams(
    State(state): State<AppState>,
    headers: HeaderMap,
    Asked(wish): Asked<Wish>,
) -> Result<Response, Problem> {
    answer(&state, &headers, wish, Subject::Teams).await
}

async fn agents(
    State(state): State<AppState>,
    grant: Grant,
    headers: HeaderMap,
    Asked(wish): Asked<Wish>,
) -> Result<Response, Problem> {
    let own =
        match grant.token.role {
            Role::Agent => Some(grant.scope().cloned().ok_or_else(|| {
                Problem::forbidden("a token of role agent without an agent has no figures")
            })?),
            Role::Crm | Role::Supervisor | Role::Admin => None,
        };
    answer(&state, &headers, wish, Subject::Agents { only: own }).await
}

async fn answer(
    state: &AppState,
    headers: &HeaderMap,
    wish: Wish,
    subject: Subject,
) -> Result<Response, Problem> {
    let form = wish.format.unwrap_or_else(|| accepted(headers));
    let Wish { from, to, interval, tz, format: _ } = wish;
    let asked = ReportWish { subject, from, to, interval, tz, form };
    let pieces = state.backend().report(asked).await?.map_err(Problem::from)?;
    // A piece is made when the one before was taken: a long report is never whole in memory as text.
    let body = Body::from_stream(stream::iter(pieces.map(Ok::<_, std::convert::Infallible>)));
    let media = match form {
        Form::Json => "application/json",
        Form::Csv => "text/csv; charset=utf-8; header=present",
    };
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, body).into_response())
}

/// CSV, if it is named and JSON is not named before it.
fn accepted(headers: &HeaderMap) -> Form {
    let named = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut media = named
        .flat_map(|line| line.split(','))
        .map(|part| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match media.find(|media| matches!(media.as_str(), CSV | "application/json")) {
        Some(media) if media == CSV => Form::Csv,
        Some(_) | None => Form::Json,
    }
}

impl From<ReportRefused> for Problem {
    fn from(refused: ReportRefused) -> Self {
        match refused {
            ReportRefused::Wrong { what, hint } => Self::invalid(what, hint),
            ReportRefused::TooLarge { what, hint } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The report is too large", what)
                    .with("hint", hint)
            }
            ReportRefused::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Not available now",
                "other reports are being made; this one may be asked for again in a moment",
            ),
            ReportRefused::Unreadable => Self::fault(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn csv_is_what_names_it_first() {
        let form = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
            accepted(&headers)
        };
        assert_eq!(form("text/csv"), Form::Csv);
        assert_eq!(form("Text/CSV; header=present, */*;q=0.1"), Form::Csv);
        assert_eq!(form("application/json, text/csv"), Form::Json);
        assert_eq!(form("*/*"), Form::Json);
        assert_eq!(accepted(&HeaderMap::new()), Form::Json);
    }
}
