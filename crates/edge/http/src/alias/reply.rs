//! What a CRM is answered: its own words, with ids and reasons in them so that they cannot be markup.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hookswitch_config::AliasReply;

use crate::{problem::Problem, routes::Taken};

/// The answer of an alias. The status tells the truth also to those who do not read the text.
pub(super) fn answer(reply: &AliasReply, result: Result<Taken, Problem>) -> Response {
    let (status, text, retry) = match &result {
        Ok(taken) => {
            let call = taken.call.map(|call| call.to_string()).unwrap_or_default();
            let text = filled(reply, &reply.ok, &[("action", &taken.action.to_string()), ("call", &call)]);
            (StatusCode::OK, text, None)
        }
        Err(problem) => {
            let (status, why) = problem.told();
            (status, filled(reply, &reply.error, &[("error", why)]), problem.retry_after())
        }
    };
    let media = HeaderValue::from_str(&reply.content_type)
        .unwrap_or(HeaderValue::from_static("text/plain; charset=utf-8"));
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(seconds) = retry {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The text with `{{ name }}` replaced, once and from left to right, so that a value is never read as a place.
fn filled(reply: &AliasReply, text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let place = after.split_once("}}");
        let value = place.and_then(|(name, _)| values.iter().find(|(known, _)| *known == name.trim()));
        match (value, place) {
            (Some((_, value)), Some((_, behind))) => {
                out.push_str(&escaped(&reply.content_type, value));
                rest = behind;
            }
            _ => {
                out.push_str("{{");
                rest = after;
            }
        }
    }
    out + rest
}

/// A value so that it is text and nothing else in this media type.
fn escaped(media: &str, value: &str) -> String {
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.contains("json") || essence.contains("javascript") {
        // Inside the quotes that the configuration wrote; `<` so that no page can take it for markup.
        let quoted = serde_json::Value::from(value).to_string();
        return quoted[1..quoted.len() - 1].replace('<', "\\u003c").replace('\'', "\\u0027");
    }
    let plain = value.chars().map(|c| if c.is_control() { ' ' } else { c });
    if essence == "text/plain" {
        return plain.collect();
    }
    plain.fold(String::new(), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(media: &str, text: &str, why: &str, expected: &str) {
        let reply = AliasReply { content_type: media.into(), ok: String::new(), error: text.into() };
        assert_eq!(filled(&reply, text, &[("error", why)]), expected);
    }

    #[test]
    fn a_reason_is_text_in_every_media_type() {
        let evil = "<script>'\"&\r\n{{ error }}";
        check("text/plain", "Error: {{ error }}", evil, "Error: <script>'\"&  {{ error }}");
        check("text/html", "<b>{{error}}</b>", evil, "<b>&lt;script&gt;&#39;&quot;&amp;  {{ error }}</b>");
        check("text/xml; charset=utf-8", "<e>{{ error }}</e>", "a<b", "<e>a&lt;b</e>");
        check(
            "application/json",
            "{\"status\":\"error\",\"why\":\"{{ error }}\"}",
            evil,
            "{\"status\":\"error\",\"why\":\"\\u003cscript>\\u0027\\\"&\\r\\n{{ error }}\"}",
        );
    }

    #[test]
    fn what_is_no_place_stays_as_it_is() {
        check("text/plain", "{{ other }} {{ error", "x", "{{ other }} {{ error");
        check("application/json", "{\"a\":{\"b\":{}}}", "x", "{\"a\":{\"b\":{}}}");
    }
}
