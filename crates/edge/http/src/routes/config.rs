//! The configuration: explained, compared, applied, taken back.

use axum::{
    extract::{FromRequest, Request, State},
    http::StatusCode,
    response::Response,
};
use hookswitch_config::Bundle;
use serde::Deserialize;

use crate::{
    access::Grant,
    administration::{ImaginaryCall, Unusable},
    input::{self, Body},
    problem::Problem,
    render,
    route::{ADMIN, Doc, Route, STAFF},
    state::AppState,
};

pub(super) fn routes() -> Vec<Route> {
    let taken = |summary, schema| Doc { body: Some("Configuration"), ..Doc::json(summary, schema) };
    vec![
        Route::post(
            "/v1/explain",
            STAFF,
            Doc {
                body: Some("ImaginaryCall"),
                ..Doc::json("How a call would be routed that does not exist", "Explained")
            },
            explain,
        ),
        Route::get(
            "/v1/config",
            ADMIN,
            Doc::json("The version in force and those before it", "Versions"),
            configuration,
        ),
        Route::post(
            "/v1/config/plan",
            ADMIN,
            taken("What a configuration would change, and whom it would touch", "Plan"),
            plan,
        ),
        Route::post(
            "/v1/what-if",
            ADMIN,
            taken("What the recorded traffic would have come to under a configuration", "Compared"),
            what_if,
        ),
        Route::post(
            "/v1/config/apply",
            ADMIN,
            taken("Apply a configuration: atomic, versioned, every waiting call is kept", "Applied"),
            apply,
        ),
        Route::post(
            "/v1/config/rollback",
            ADMIN,
            Doc {
                problems: &[409],
                ..Doc::json("Go back to the version before the one in force", "Applied")
            },
            roll_back,
        ),
    ]
}

async fn explain(
    State(state): State<AppState>,
    Body(call): Body<ImaginaryCall>,
) -> Result<Response, Problem> {
    Ok(render::json(state.backend().administration().explain(call).await??))
}

async fn configuration(State(state): State<AppState>) -> Result<Response, Problem> {
    Ok(render::json(state.backend().administration().configuration().await?))
}

async fn plan(State(state): State<AppState>, Sent(bundle): Sent) -> Result<Response, Problem> {
    Ok(render::json(state.backend().administration().plan(bundle).await??))
}

async fn what_if(State(state): State<AppState>, Sent(bundle): Sent) -> Result<Response, Problem> {
    Ok(render::json(state.backend().administration().what_if(bundle).await??))
}

async fn apply(State(state): State<AppState>, grant: Grant, Sent(bundle): Sent) -> Result<Response, Problem> {
    Ok(render::json(state.backend().administration().apply(bundle, grant.token.name.to_string()).await??))
}

async fn roll_back(State(state): State<AppState>, grant: Grant) -> Result<Response, Problem> {
    Ok(render::json(state.backend().administration().roll_back(grant.token.name.to_string()).await??))
}

/// A configuration as it is sent: TOML, or JSON with several files.
struct Sent(Bundle);

#[derive(Deserialize)]
#[serde(untagged)]
enum SentJson {
    Files(Bundle),
    Text { config: String },
}

impl FromRequest<AppState> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let media = input::media(request.headers()).unwrap_or_default();
        let body = input::read_upload(request, state).await?;
        let misfit = || {
            Problem::invalid(
                "the body is no configuration",
                "{\"main\":\"hookswitch.toml\",\"files\":{\"hookswitch.toml\":\"…\"}}, {\"config\":\"…\"}, or TOML as it is",
            )
        };
        if media == "application/json" {
            return match serde_json::from_slice(&body).map_err(|_| misfit())? {
                SentJson::Files(bundle) => Ok(Self(bundle)),
                SentJson::Text { config } => Ok(Self(Bundle::of_text(&config))),
            };
        }
        let text = std::str::from_utf8(&body).map_err(|_| misfit())?;
        Ok(Self(Bundle::of_text(text)))
    }
}

impl From<Unusable> for Problem {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Problems(problems) => {
                let count = problems.iter().filter(|problem| problem.is_error()).count();
                let problems = serde_json::to_value(problems).unwrap_or_default();
                Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "configuration",
                    "The configuration has problems",
                    format!("{count} errors; nothing was changed"),
                )
                .with("hint", "each of the problems says what to do")
                .with("problems", problems)
            }
            Unusable::Asked { why, hint } => Self::invalid(why, hint),
            Unusable::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Not available now",
                "another one is being made; this one may be asked for again in a moment",
            ),
            Unusable::Oldest => Self::new(
                StatusCode::CONFLICT,
                "oldest",
                "Nothing to go back to",
                "no version before the one in force is kept",
            )
            .with("allowed", serde_json::Value::Array(Vec::new())),
        }
    }
}
