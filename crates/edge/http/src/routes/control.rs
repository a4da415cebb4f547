//! Telephony control: click-to-dial, and what may be done with one's leg of a call. All of it is asynchronous: `202`,
//! then the truth as events that carry the action's id. What is legal now stands in `actions` of the leg.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use axum::{extract::State, response::Response};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    access::Grant,
    input::{Body, Id},
    model::{
        AgentId, CallId,
        call::AttachedData,
        command::{Destination, MAX_TONES, Request, Verb, are_tones},
        pbx::SuperviseMode,
    },
    problem::Problem,
    render,
    route::{Doc, EVERY, LEADS, Route},
    routes::{Taken, ask, calls, whose},
    state::AppState,
};

/// Bytes of a destination as a page holds it.
const LONGEST_DESTINATION: usize = 256;
/// Bytes of a disposition.
const LONGEST_DISPOSITION: usize = 128;
/// Bytes of notes.
const LONGEST_NOTES: usize = 8_192;

pub(super) fn routes() -> Vec<Route> {
    let deed = |path, summary, body, deed| Route::post(path, EVERY, Doc::action(summary, body), plain(deed));
    vec![
        Route::post(
            "/v1/calls",
            EVERY,
            Doc::begins_call("Click-to-dial: the agent's device rings first, then the destination", "Dial"),
            dial,
        )
        .that_dials(),
        deed("/v1/calls/{id}/answer", "Let the ringing device answer", "Whose", || Verb::Answer),
        deed("/v1/calls/{id}/hangup", "Hang up; with a consultation open, that one", "Whose", || {
            Verb::Hangup
        }),
        deed("/v1/calls/{id}/hold", "The others hear music", "Whose", || Verb::Hold),
        deed("/v1/calls/{id}/retrieve", "Talk again", "Whose", || Verb::Retrieve),
        Route::post("/v1/calls/{id}/dtmf", EVERY, Doc::action("Send tones to the others", "Tones"), dtmf),
        Route::post(
            "/v1/calls/{id}/transfer",
            EVERY,
            Doc::action("Blind transfer to an agent, a queue or a number; checked before it is done", "To"),
            towards(|to| Verb::Transfer { to }),
        ),
        Route::post(
            "/v1/calls/{id}/consult",
            EVERY,
            Doc::begins_call("Hold the others and call somebody: an agent, a queue or a number", "To"),
            towards(|to| Verb::Consult { to }),
        ),
        deed("/v1/calls/{id}/consult/complete", "Leave: the two others talk", "Whose", || {
            Verb::ConsultComplete
        }),
        deed(
            "/v1/calls/{id}/consult/cancel",
            "Let the one who was consulted go, and talk to the first again",
            "Whose",
            || Verb::ConsultCancel,
        ),
        deed("/v1/calls/{id}/consult/conference", "All three talk", "Whose", || Verb::ConsultConference),
        Route::post(
            "/v1/calls/{id}/record",
            EVERY,
            Doc::action("Record, or stop recording", "Recording"),
            record,
        ),
        Route::post(
            "/v1/calls/{id}/wrap-up",
            EVERY,
            Doc::action("How it came out; from the answer on, as long as the call is remembered", "WrapUp"),
            wrap_up,
        ),
        Route::post(
            "/v1/calls/{id}/supervise",
            LEADS,
            Doc::action(
                "Come to a conversation: listen, whisper to the agent, or talk to both",
                "Supervision",
            ),
            supervise,
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dial {
    agent: Option<AgentId>,
    to: String,
    #[serde(default)]
    data: BTreeMap<String, Value>,
}

async fn dial(
    State(state): State<AppState>,
    grant: Grant,
    Body(body): Body<Dial>,
) -> Result<Response, Problem> {
    let agent = whose(&grant, body.agent)?;
    let mut data = if body.data.is_empty() { BTreeMap::new() } else { calls::checked(body.data)? };
    let to = destination(&state, &body.to, &mut data)?;
    click(state, grant, agent, to, data).await.map(render::accepted)
}

/// Dials; an identical click within two seconds makes no second call and is answered like the first, while that one's
/// call is there.
pub(crate) async fn click(
    state: AppState,
    grant: Grant,
    agent: AgentId,
    to: Destination,
    data: AttachedData,
) -> Result<Taken, Problem> {
    let print = format!("{agent}\0{}\0{}\0{data:?}", to.text, to.e164.as_deref().unwrap_or_default());
    let clicked = state.clicks().slot(Sha256::digest(print).into(), [0; 32]);
    // What was begun is remembered also when the page goes away while it waits: that is when the second click comes.
    let dialled = tokio::spawn(async move {
        let mut answer = clicked.answer.lock().await;
        if let Some(taken) = *answer
            && lives(&state, taken).await?
        {
            return Ok(taken);
        }
        let taken = ask(&state, &grant, Request::Dial { agent, to, data }).await?;
        *answer = Some(taken);
        Ok(taken)
    });
    dialled.await.unwrap_or_else(|_| Err(Problem::fault()))
}

/// Whether the call that a click began is not over yet.
async fn lives(state: &AppState, taken: Taken) -> Result<bool, Problem> {
    #[derive(Deserialize)]
    struct Seen {
        ended_at: Option<String>,
    }
    let Some(call) = taken.call else { return Ok(true) };
    let Some(call) = state.backend().call(call).await? else { return Ok(false) };
    let seen: Seen = serde_json::from_slice(&call.json).map_err(|_| Problem::fault())?;
    Ok(seen.ended_at.is_none())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    agent: Option<AgentId>,
}

type Answered = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// A handler for a verb without anything to say.
fn plain(
    verb: fn() -> Verb,
) -> impl Fn(State<AppState>, Grant, Id<CallId>, Body<Whose>) -> Answered + Clone + Send + Sync + 'static {
    move |State(state), grant, Id(call), Body(body)| {
        Box::pin(async move { control(&state, &grant, call, body.agent, verb()).await })
    }
}

/// Does something with the agent's leg. Somebody else's call is to an agent as unknown as none: an id tells nothing.
async fn control(
    state: &AppState,
    grant: &Grant,
    call: CallId,
    agent: Option<AgentId>,
    verb: Verb,
) -> Result<Response, Problem> {
    let agent = whose(grant, agent)?;
    order(state, grant, Request::Control { call, agent, verb }).await.map(render::accepted)
}

/// [`ask`] for something about a call. A refusal that would tell an agent of a call that is not its own becomes the one
/// of a call that does not exist.
pub(crate) async fn order(state: &AppState, grant: &Grant, request: Request) -> Result<Taken, Problem> {
    let call = request.call();
    let taken = ask(state, grant, request).await;
    if let (Err(_), Some(_), Some(call)) = (&taken, grant.scope(), call) {
        calls::own(state.backend().call(call).await?, grant, call).map_err(Problem::audited)?;
    }
    taken
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tones {
    digits: String,
    agent: Option<AgentId>,
}

async fn dtmf(
    State(state): State<AppState>,
    grant: Grant,
    Id(call): Id<CallId>,
    Body(Tones { digits, agent }): Body<Tones>,
) -> Result<Response, Problem> {
    if !are_tones(&digits) {
        return Err(Problem::invalid(
            "the digits are no tones",
            format!("1 to {MAX_TONES} of 0 to 9, *, #, A to D"),
        ));
    }
    control(&state, &grant, call, agent, Verb::Dtmf { digits }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    to: String,
    agent: Option<AgentId>,
}

/// A handler for a verb that leads somewhere.
fn towards(
    verb: fn(Destination) -> Verb,
) -> impl Fn(State<AppState>, Grant, Id<CallId>, Body<To>) -> Answered + Clone + Send + Sync + 'static {
    move |State(state), grant, Id(call), Body(body)| {
        Box::pin(async move {
            let to = destination(&state, &body.to, &mut BTreeMap::new())?;
            control(&state, &grant, call, body.agent, verb(to)).await
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    on: bool,
    agent: Option<AgentId>,
}

async fn record(
    State(state): State<AppState>,
    grant: Grant,
    Id(call): Id<CallId>,
    Body(body): Body<Recording>,
) -> Result<Response, Problem> {
    control(&state, &grant, call, body.agent, Verb::Record { on: body.on }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrapUp {
    disposition: Option<String>,
    notes: Option<String>,
    agent: Option<AgentId>,
}

async fn wrap_up(
    State(state): State<AppState>,
    grant: Grant,
    Id(call): Id<CallId>,
    Body(body): Body<WrapUp>,
) -> Result<Response, Problem> {
    let agent = whose(&grant, body.agent)?;
    let disposition = body.disposition.filter(|text| !text.is_empty());
    let notes = body.notes.filter(|text| !text.is_empty());
    if disposition.as_ref().is_some_and(|d| d.len() > LONGEST_DISPOSITION || d.chars().any(char::is_control))
    {
        return Err(Problem::invalid(
            "the disposition is too long or holds control characters",
            format!("one line of at most {LONGEST_DISPOSITION} bytes"),
        ));
    }
    // Notes have lines; nothing else that a terminal or a PBX would act on.
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if notes.as_ref().is_some_and(|notes| notes.len() > LONGEST_NOTES || !notes.chars().all(is_text)) {
        return Err(Problem::invalid(
            "the notes are too long or hold control characters",
            format!("at most {LONGEST_NOTES} bytes of text"),
        ));
    }
    if disposition.is_none() && notes.is_none() {
        return Err(Problem::invalid("nothing is said", "a disposition, notes, or both"));
    }
    let request = Request::WrapUp { call, agent, disposition, notes };
    order(&state, &grant, request).await.map(render::accepted)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Supervision {
    mode: SuperviseMode,
    agent: Option<AgentId>,
    supervisor: Option<AgentId>,
}

async fn supervise(
    State(state): State<AppState>,
    grant: Grant,
    Id(call): Id<CallId>,
    Body(body): Body<Supervision>,
) -> Result<Response, Problem> {
    let supervisor = body.supervisor.or_else(|| grant.token.agent.clone()).ok_or_else(|| {
        Problem::invalid(
            "nothing says which device rings",
            "{\"supervisor\":\"carol\"}: an agent of the configuration; or `agent` in the token's configuration",
        )
    })?;
    let request = Request::Supervise { call, supervisor, agent: body.agent, mode: body.mode };
    ask(&state, &grant, request).await.map(render::accepted)
}

/// What a page calls a destination, read and bounded.
pub(crate) fn destination(
    state: &AppState,
    text: &str,
    data: &mut AttachedData,
) -> Result<Destination, Problem> {
    if text.len() > LONGEST_DESTINATION {
        return Err(Problem::invalid(
            "the destination is too long",
            format!("at most {LONGEST_DESTINATION} bytes: an agent, a queue, or a number"),
        ));
    }
    state.access().dialling.read(text, data)
}
