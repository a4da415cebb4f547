//! `/desktop/`, `/wallboard/`, `/admin/`, `/dial/`: pages for agents, supervisors and administrators and for `tel:` links,
//! and the files they load from `/assets/`. A page holds no data: it reads everything with the token of who opened it, and asks nobody but us.

use std::collections::BTreeSet;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};

use crate::{
    access::Access,
    assets::{self, Assets, BUILT, Keep},
    input::Text,
    problem::Problem,
    route::{Doc, Route, Who},
    state::AppState,
};

/// A page: where it is, what it is, and what it may show in a frame or be shown in.
struct Page {
    short: &'static str,
    path: &'static str,
    index: &'static str,
    summary: &'static str,
    /// It works beside a CRM: it may frame one, and those of `allowed_origins` may frame it.
    beside_crm: bool,
    /// It may be a telephone: speak SIP with the PBXs that take browsers, and use the microphone for it.
    telephone: bool,
}

static DESKTOP: Page = Page {
    short: "/desktop",
    path: "/desktop/",
    index: "pages/desktop/index.html",
    summary: "The agent's page; #token=… signs in",
    beside_crm: true,
    telephone: true,
};
static WALLBOARD: Page = Page {
    short: "/wallboard",
    path: "/wallboard/",
    index: "pages/wallboard/index.html",
    summary: "The supervisor's page; #token=… signs in",
    beside_crm: false,
    telephone: false,
};
static ADMIN: Page = Page {
    short: "/admin",
    path: "/admin/",
    index: "pages/admin/index.html",
    summary: "The administrator's page; #token=… signs in",
    beside_crm: false,
    telephone: false,
};

/// Where `tel:` links lead, and what a CRM frames as its softphone. It calls nobody before somebody presses the button:
/// any page can send a browser here.
static DIAL: Page = Page {
    short: "/dial",
    path: "/dial/",
    index: "pages/dial/index.html",
    summary: "Calls the number in ?u=tel:…; #token=… signs in",
    beside_crm: true,
    telephone: false,
};

pub(crate) fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for page in [&DESKTOP, &WALLBOARD, &ADMIN, &DIAL] {
        let target = page.path.trim_start_matches('/');
        routes.extend([
            Route::get(
                page.short,
                Who::Anybody,
                Doc { answer: (308, "text/html", None), ..Doc::media("To the page", "text/html") },
                // Relative, so that it also leads there under a prefix of a proxy.
                async move |RawQuery(query): RawQuery| match query {
                    Some(query) => Redirect::permanent(&format!("{target}?{query}")),
                    None => Redirect::permanent(target),
                },
            ),
            Route::get(
                page.path,
                Who::Anybody,
                Doc::media(page.summary, "text/html"),
                async move |State(state): State<AppState>| index(BUILT, page, &state.access()),
            ),
        ]);
    }
    routes.push(Route::get(
        "/assets/{file}",
        Who::Anybody,
        Doc::media("A file of the pages", "*/*"),
        async |Text(name): Text| asset(&name),
    ));
    routes
}

fn index(assets: Assets, page: &Page, access: &Access) -> Response {
    let (status, content) = match assets.find(page.index) {
        Some(content) => (StatusCode::OK, content),
        None => (StatusCode::NOT_FOUND, NOT_BUILT),
    };
    let mut headers = assets::headers("index.html", Keep::Never);
    let pbxs = if page.telephone { websockets(access) } else { BTreeSet::new() };
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(page, &access.allowed_origins, &pbxs));
    let permissions = if pbxs.is_empty() { PERMISSIONS } else { PERMISSIONS_OF_A_TELEPHONE };
    headers.insert("permissions-policy", HeaderValue::from_static(permissions));
    // A CRM in a tab of its own cannot reach back; the next record opens in the same tab.
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin-allow-popups"));
    shut(&mut headers);
    (status, headers, content).into_response()
}

fn asset(name: &str) -> Result<Response, Problem> {
    let content =
        BUILT.find(&format!("pages/assets/{name}")).ok_or_else(|| Problem::unknown("file", name))?;
    let mut headers = assets::headers(name, Keep::ForEver);
    shut(&mut headers);
    Ok((headers, content).into_response())
}

/// What stands on every file.
fn shut(headers: &mut HeaderMap) {
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

/// What a page is where Node was not there at the build.
const NOT_BUILT: &[u8] = b"<!doctype html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\"><title>Hookswitch</title></head>
<body>
<h1>This page was not built</h1>
<p>This daemon was built without Node, so it has no pages; everything else works.</p>
<p>Install Node 20 or newer, run <code>make web</code> and build again.</p>
</body>
</html>
";

const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";
/// The same with a microphone.
const PERMISSIONS_OF_A_TELEPHONE: &str =
    "camera=(), display-capture=(), geolocation=(), microphone=(self), payment=(), usb=()";

/// Where browsers of agents register.
fn websockets(access: &Access) -> BTreeSet<&str> {
    access.softphones.values().map(|softphone| softphone.url.as_str()).collect()
}

/// What a page may do: load its own files and talk to us, nothing else. No text becomes markup or script but through the
/// one policy of the library that draws the pages, which only sees constant templates.
fn policy(page: &Page, origins: &[String], websockets: &BTreeSet<&str>) -> HeaderValue {
    const FILES: &str =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'";
    const RULES: &str =
        "; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types lit-html; ";
    // What could end the rule and begin another is no address.
    let plain = |address: &&str| !address.contains([';', ',', ' ', '\'']);
    let listed = |list: String, address: &str| list + " " + address;
    let mut policy = websockets.iter().copied().filter(plain).fold(FILES.to_owned(), listed) + RULES;
    if page.beside_crm {
        policy += "frame-src http: https:; ";
    }
    policy += "frame-ancestors 'self'";
    if page.beside_crm {
        policy = origins.iter().map(String::as_str).filter(plain).fold(policy, listed);
    }
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_cannot_add_a_rule() {
        let origins = ["https://crm.example.com".to_owned(), "https://x; script-src *".to_owned()];
        let policy = policy(&DESKTOP, &origins, &BTreeSet::new());
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("connect-src 'self'; base-uri"), "{policy}");
        assert!(policy.ends_with("frame-ancestors 'self' https://crm.example.com"), "{policy}");
    }

    #[test]
    fn a_telephone_reaches_its_pbx_and_no_other_place() {
        let policy = policy(
            &DESKTOP,
            &[],
            &BTreeSet::from(["wss://pbx.example.com:8089/ws", "wss://x; script-src *"]),
        );
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("connect-src 'self' wss://pbx.example.com:8089/ws; base-uri"), "{policy}");
    }

    #[test]
    fn what_changes_the_daemon_is_framed_by_nobody() {
        let origins = ["https://crm.example.com".to_owned()];
        for page in [&WALLBOARD, &ADMIN] {
            let policy = policy(page, &origins, &BTreeSet::new());
            let policy = policy.to_str().unwrap();
            assert!(policy.ends_with("frame-ancestors 'self'") && !policy.contains("frame-src"), "{policy}");
        }
    }

    #[test]
    fn without_node_a_page_says_what_is_missing() {
        let answer = index(Assets(&[]), &DESKTOP, &Access::default());
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert!(answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().is_ok());
        let text = std::str::from_utf8(NOT_BUILT).unwrap();
        assert!(text.contains("without Node") && text.contains("make web"), "{text}");
    }

    #[test]
    fn every_file_a_page_names_is_embedded_and_nobody_else_is_asked() {
        let pages = BUILT.0.iter().filter(|(path, _)| path.ends_with("index.html"));
        for (path, content) in pages {
            let text = std::str::from_utf8(content).unwrap();
            let mut named = 0;
            for before in ["href=\"", "src=\""] {
                for (at, _) in text.match_indices(before) {
                    let rest = &text[at + before.len()..];
                    let file = &rest[..rest.find('"').unwrap()];
                    let asset = file.strip_prefix("../assets/").expect(file);
                    assert!(BUILT.find(&format!("pages/assets/{asset}")).is_some(), "{path} names {file}");
                    named += 1;
                }
            }
            assert!(named >= 3, "{path} names {named} files");
            assert!(
                !text.contains("<style") && !text.contains("style=\""),
                "{path} has styles the policy forbids"
            );
        }
    }
}
