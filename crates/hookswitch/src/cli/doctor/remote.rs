//! CRM and webhooks: whether they can be reached as the daemon would reach them.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use hookswitch_config::{Config, LookupAuth, Secret, Webhook};
use hookswitch_egress::{Answer, Client, Egress, HeaderMap, Method, Request, Url};
use hookswitch_publish::WebhookSecret;
use jiff::Timestamp;
use tokio::{net::lookup_host, time::timeout};

use super::{
    clock::Clocks,
    finding::{Finding, Subject},
};

const PATIENCE: Duration = Duration::from_secs(5);

/// The look-up's server.
pub(super) async fn crm(config: &Config, clocks: &mut Clocks) -> Vec<Finding> {
    let subject = Subject("crm".to_owned());
    let Some(lookup) = &config.crm.lookup else {
        return vec![subject.ok("look-up", "none is configured: nobody is asked who is calling")];
    };
    let mut findings = secrets(&subject, "crm.lookup.headers", &lookup.headers);
    findings.extend(identity(&subject, &lookup.auth));
    if let LookupAuth::OAuth2(oauth2) = &lookup.auth {
        let (url, private) = (&oauth2.token_url, lookup.allow_private);
        findings.push(reach(&subject, "token server", url, private, "crm.lookup.auth.oauth2", clocks).await);
    }
    findings.push(reach(&subject, "look-up", &lookup.url, lookup.allow_private, "crm.lookup", clocks).await);
    findings
}

/// Each webhook's server and secrets.
pub(super) async fn webhooks(config: &Config, send_test: bool, clocks: &mut Clocks) -> Vec<Finding> {
    let mut findings = Vec::new();
    for webhook in &config.webhooks {
        let subject = Subject(format!("webhook {}", webhook.name));
        findings.extend(signing(&subject, webhook));
        findings.extend(secrets(&subject, &format!("{}.headers", webhook.key), &webhook.headers));
        findings
            .push(reach(&subject, "server", &webhook.url, webhook.allow_private, &webhook.key, clocks).await);
        if send_test {
            findings.push(post(&subject, webhook).await);
        }
    }
    findings
}

fn signing(subject: &Subject, webhook: &Webhook) -> Option<Finding> {
    let place = format!("{}.secret", webhook.key);
    for secret in &webhook.secrets {
        let usable = secret.reveal().map_err(|error| error.to_string());
        let usable =
            usable.and_then(|text| WebhookSecret::parse(&text).map(drop).map_err(|error| error.to_string()));
        if let Err(why) = usable {
            let mend = ["secret = { env = \"NAME\" }, and NAME=whsec_(base64) in the daemon's environment"];
            return Some(subject.fail("secret", why).at(place).mend(mend));
        }
    }
    let signed = !webhook.secrets.is_empty();
    signed.then(|| subject.ok("secret", "deliveries are signed"))
}

/// What the look-up shows of itself, where it cannot be read.
fn identity(subject: &Subject, auth: &LookupAuth) -> Option<Finding> {
    let secrets = match auth {
        LookupAuth::None => Vec::new(),
        LookupAuth::Bearer(secret) | LookupAuth::Basic { password: secret, .. } => vec![secret],
        LookupAuth::OAuth2(oauth2) => {
            [Some(&oauth2.client_secret), oauth2.refresh_token.as_ref()].into_iter().flatten().collect()
        }
    };
    let error = secrets.into_iter().find_map(|secret| secret.reveal().err())?;
    Some(subject.fail("secret", error.to_string()).at("crm.lookup.auth"))
}

/// Headers whose value cannot be read.
fn secrets(subject: &Subject, place: &str, headers: &BTreeMap<String, Secret>) -> Vec<Finding> {
    let unreadable = headers.iter().filter_map(|(name, value)| Some((name, value.reveal().err()?)));
    let finding = |(name, error): (&String, hookswitch_config::SecretError)| {
        subject.fail("secret", error.to_string()).at(format!("{place}.{name}"))
    };
    unreadable.map(finding).collect()
}

/// Name, connection, TLS, an answer: by `HEAD` of the server's root, so that nothing happens there.
async fn reach(
    subject: &Subject,
    check: &'static str,
    url: &str,
    allow_private: bool,
    key: &str,
    clocks: &mut Clocks,
) -> Finding {
    let place = format!("{key}.url");
    // What callers fill in stands behind the host.
    let fixed = url.split("{{").next().unwrap_or(url);
    let Some((root, host, port)) = Url::parse(fixed).ok().and_then(server) else {
        return subject
            .unknown(check, "its host is filled in by the template, so it is not known beforehand");
    };
    let resolved = timeout(PATIENCE, lookup_host((host.as_str(), port))).await;
    let resolved = resolved.unwrap_or_else(|_| Err(std::io::Error::other("no answer from the name server")));
    match resolved.map(Iterator::collect::<Vec<SocketAddr>>) {
        Ok(addresses) if !addresses.is_empty() => {}
        Ok(_) => return unknown_host(subject, check, &host, "it has no address", place),
        Err(error) => return unknown_host(subject, check, &host, &error.to_string(), place),
    }
    let request = Request { method: Method::HEAD, url: root, headers: HeaderMap::new(), body: Bytes::new() };
    match ask(request, allow_private).await {
        Answer::Reply { reply, .. } => {
            clocks.http(&subject.0, reply.headers.get("date").map(String::as_str));
            subject.ok(check, format!("{host}:{port} answers"))
        }
        Answer::Error(why) => subject
            .fail(check, format!("{host}:{port} cannot be reached: {why}"))
            .at(place)
            .mend([format!("curl -vI {}   # on this machine", fixed.split('?').next().unwrap_or(fixed))]),
    }
}

fn unknown_host(subject: &Subject, check: &'static str, host: &str, why: &str, place: String) -> Finding {
    let said = format!("the name {host} is not known: {why}");
    subject.fail(check, said).at(place).mend([format!("getent hosts {host}   # on this machine")])
}

/// The root of a URL's server, its host and port.
fn server(url: Url) -> Option<(Url, String, u16)> {
    let (host, port) = (url.host_str()?.trim_matches(['[', ']']).to_owned(), url.port_or_known_default()?);
    let mut root = url;
    root.set_path("/");
    root.set_query(None);
    root.set_fragment(None);
    Some((root, host, port))
}

async fn ask(request: Request, allow_private: bool) -> Answer {
    let egress = Egress { allow_private, timeout: PATIENCE, ..Egress::default() };
    match Client::new(&egress) {
        Err(broken) => Answer::Error(broken.to_string()),
        Ok(client) => match client.check(&request.url) {
            Err(inside) => Answer::Error(inside.to_string()),
            Ok(()) => client.send(request, Timestamp::now()).await,
        },
    }
}

/// A test event, unsigned: it shows that the way is open, and a receiver that checks signatures refuses it.
async fn post(subject: &Subject, webhook: &Webhook) -> Finding {
    let Ok(url) = Url::parse(&webhook.url) else {
        return subject.fail("test event", "the URL cannot be read").at(format!("{}.url", webhook.key));
    };
    let mut headers = HeaderMap::new();
    headers
        .insert("content-type", hookswitch_egress::HeaderValue::from_static("application/cloudevents+json"));
    let body = serde_json::json!({
        "specversion": "1.0", "id": format!("doctor-{}", Timestamp::now().as_microsecond()), "source": "/doctor",
        "type": "hookswitch.test", "datacontenttype": "application/json", "data": {},
    });
    let body = Bytes::from(body.to_string());
    match ask(Request { method: Method::POST, url, headers, body }, webhook.allow_private).await {
        Answer::Reply { reply, .. } if reply.status < 300 => {
            subject.ok("test event", format!("taken with {}", reply.status))
        }
        Answer::Reply { reply, .. } => {
            subject.warn("test event", format!("answered {} to an unsigned test event", reply.status))
        }
        Answer::Error(why) => subject.fail("test event", why).at(format!("{}.url", webhook.key)),
    }
}
