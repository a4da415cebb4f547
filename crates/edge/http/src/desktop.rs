//! `/desktop/`: the agent's page, embedded; plain files without a build step, and no request to anybody else.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};

use crate::{
    input::Text,
    problem::Problem,
    route::{Doc, Route, Who},
    state::AppState,
};

/// A file of the page: name, media type, content.
type File = (&'static str, &'static str, &'static str);

macro_rules! files {
    ($($name:literal: $media:literal),+ $(,)?) => {
        &[$(($name, $media, include_str!(concat!("web/desktop/", $name)))),+]
    };
}

const FILES: &[File] = files! {
    "index.html": "text/html; charset=utf-8",
    "desktop.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "main.js": "text/javascript; charset=utf-8",
    "api.js": "text/javascript; charset=utf-8",
    "board.js": "text/javascript; charset=utf-8",
    "dom.js": "text/javascript; charset=utf-8",
    "pops.js": "text/javascript; charset=utf-8",
    "stream.js": "text/javascript; charset=utf-8",
    "view.js": "text/javascript; charset=utf-8",
    "words.js": "text/javascript; charset=utf-8",
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get(
            "/desktop",
            Who::Anybody,
            Doc { answer: (308, "text/html", None), ..Doc::media("To the agent's page", "text/html") },
            // Relative, so that it also leads there under a prefix of a proxy.
            async || Redirect::permanent("desktop/"),
        ),
        Route::get(
            "/desktop/",
            Who::Anybody,
            Doc::media("The agent's page; #token=… signs in", "text/html"),
            index,
        ),
        Route::get("/desktop/{file}", Who::Anybody, Doc::media("A file of the agent's page", "*/*"), file),
    ]
}

async fn index(state: State<AppState>) -> Result<Response, Problem> {
    file(state, Text("index.html".to_owned())).await
}

async fn file(State(state): State<AppState>, Text(name): Text) -> Result<Response, Problem> {
    let (_, media, content) =
        FILES.iter().find(|file| file.0 == name).ok_or_else(|| Problem::unknown("file", &name))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(&state.access().allowed_origins));
    Ok((StatusCode::OK, headers, *content).into_response())
}

/// What the page may do: load its own files, talk to us, frame a CRM; and be framed by the CRMs that may call.
fn policy(origins: &[String]) -> HeaderValue {
    const RULES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
        frame-src http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
    // An origin that could end the rule and begin another is no origin.
    let frames = origins.iter().filter(|origin| !origin.contains([';', ',', ' ', '\'']));
    let policy = frames.fold(RULES.to_owned(), |policy, origin| policy + " " + origin);
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(RULES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_writes_no_markup_and_asks_nobody_else() {
        for (name, _, content) in FILES {
            for forbidden in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style="]
            {
                assert!(!content.contains(forbidden), "{forbidden} in {name}");
            }
            let ours = content.replace("http://www.w3.org/2000/svg", "");
            let foreign = ours.match_indices("://");
            assert_eq!(foreign.count(), 0, "a foreign address in {name}");
        }
    }

    #[test]
    fn every_file_the_page_names_is_embedded() {
        let names: Vec<&str> = FILES.iter().map(|file| file.0).collect();
        let mut named = 0;
        for (name, _, content) in FILES {
            for (before, after) in [("href=\"", "\""), ("src=\"", "\""), ("from \"./", "\"")] {
                for (at, _) in content.match_indices(before) {
                    let rest = &content[at + before.len()..];
                    let file = &rest[..rest.find(after).unwrap()];
                    assert!(names.contains(&file), "{name} names {file}");
                    named += 1;
                }
            }
        }
        assert!(named > 10, "{named}");
    }

    #[test]
    fn an_origin_cannot_add_a_rule() {
        let origins = ["https://crm.example.com".to_owned(), "https://x; script-src *".to_owned()];
        let policy = policy(&origins);
        let policy = policy.to_str().unwrap();
        assert!(policy.ends_with("frame-ancestors 'self' https://crm.example.com"), "{policy}");
    }
}
