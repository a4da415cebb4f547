//! Webhooks: events as they are, through a template, or in the words of a preset.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, anyhow};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookswitch_config::{Config, LookupAuth, Payload, Pop, Problem, Secret, Severity, Webhook, defaults};
use hookswitch_egress::{Guard, OAuth2Settings};
use hookswitch_publish::{
    AgentCard, Dialect, Preset, PresetError, SuccessTest, Types, WebhookSecret, WebhookSettings,
};
use hookswitch_wire::template::{PopSource, Template};

use super::numbers;

/// What the daemon posts.
pub(crate) fn webhooks(config: &Config) -> anyhow::Result<Vec<WebhookSettings>> {
    let all = config.webhooks.iter();
    all.map(|one| webhook(config, one).with_context(|| format!("webhook {}", one.name))).collect()
}

/// What is wrong with the presets of webhooks: the rest is checked where it is read.
pub(crate) fn problems(config: &Config) -> Vec<Problem> {
    let each = config.webhooks.iter();
    each.flat_map(|webhook| not_posted(config, webhook).into_iter().chain(problems_of(config, webhook)))
        .collect()
}

/// What the daemon would refuse to begin with.
fn not_posted(config: &Config, webhook: &Webhook) -> Option<Problem> {
    let inside = Guard::new(&webhook.url.parse().ok()?, webhook.allow_private).check_url().err()?;
    let text = inside.to_string();
    let (message, hint) = text.split_once("; ").unwrap_or((&text, "docs/webhooks.md has the table"));
    let message = format!("webhook {}: {message}", webhook.name);
    Some(config.problem(Severity::Error, &format!("{}.url", webhook.key), &message, hint))
}

fn problems_of(config: &Config, webhook: &Webhook) -> Vec<Problem> {
    let key = |name: &str| format!("{}.{name}", webhook.key);
    let problem = |key: &str, message: &str, hint: &str| config.problem(Severity::Error, key, message, hint);
    let preset = match preset(config, webhook) {
        Ok(None) => return Vec::new(),
        Ok(Some(preset)) => preset,
        // A file that is not there is told by the check of files.
        Err(Unusable::NotThere(_)) => return Vec::new(),
        Err(Unusable::Wrong(errors)) => {
            let one = |error: &PresetError| problem(&key("preset"), &error.to_string(), &error.hint);
            return errors.iter().map(one).collect();
        }
    };
    let given: BTreeMap<String, String> =
        webhook.values.keys().map(|name| (name.clone(), String::new())).collect();
    let missing = preset.missing(&given).into_iter().map(|(name, about)| {
        problem(
            &webhook.key,
            &format!("`values.{name}` is missing"),
            &format!("{} needs {about}", preset.title()),
        )
    });
    let unknown =
        webhook.values.keys().filter(|name| !preset.value_names().any(|known| known == name.as_str()));
    let unknown = unknown.map(|name| {
        let known: Vec<&str> = preset.value_names().collect();
        let hint = if known.is_empty() {
            "it takes no values".to_owned()
        } else {
            format!("it takes {}", known.join(", "))
        };
        problem(&key(&format!("values.{name}")), &format!("the preset knows no value {name:?}"), &hint)
    });
    let strangers =
        webhook.users.keys().filter(|id| !config.agents.iter().any(|agent| agent.setup.id == **id));
    let strangers = strangers.map(|id| {
        problem(
            &key(&format!("users.{id}")),
            &format!("no [[agent]] is called {:?}", id.as_str()),
            "the id of an agent",
        )
    });
    missing.chain(unknown).chain(strangers).collect()
}

/// Pages the presets of webhooks bring for whom the configuration names none.
pub(crate) fn pop(config: &Config) -> PopSource {
    let Pop { one, many, none, .. } = &config.crm.pop;
    let own = PopSource { one: one.clone(), many: many.clone(), none: none.clone() };
    if own != PopSource::default() {
        return own;
    }
    let of = |webhook: &Webhook| Some(preset(config, webhook).ok()??.pop(&webhook.url));
    config.webhooks.iter().filter_map(of).find(|pop| *pop != PopSource::default()).unwrap_or_default()
}

fn webhook(config: &Config, webhook: &Webhook) -> anyhow::Result<WebhookSettings> {
    let events = Types::parse(&webhook.events.join(","))?;
    let mut settings = WebhookSettings::new(&webhook.name, &webhook.url, events)?;
    for (name, value) in &webhook.headers {
        settings.add_header(name, &value.reveal()?)?;
    }
    if let Payload::Template(path) = &webhook.payload {
        let source = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let name = path.display().to_string();
        settings.template = Some(Template::new(&name, &source, &numbers(config))?);
    }
    let keys: Vec<String> = webhook.secrets.iter().map(Secret::reveal).collect::<Result<_, _>>()?;
    let preset = preset(config, webhook)?;
    let parse = |key: &String| match &preset {
        Some(preset) if preset.signs_itself() => Ok(WebhookSecret::plain(key)),
        Some(_) | None => WebhookSecret::parse(key),
    };
    settings.secrets = keys.iter().map(parse).collect::<Result<_, _>>()?;
    if let Some(preset) = preset {
        authorise(&mut settings, &webhook.auth, preset.token_scheme())?;
        settings.dialect = Some(dialect(config, webhook, preset, keys.first())?);
    } else {
        authorise(&mut settings, &webhook.auth, "Bearer")?;
    }
    settings.ok_if = webhook.ok_if.as_deref().map(SuccessTest::parse).transpose()?;
    settings.answers_always = webhook.answers_always();
    settings.allow_private = webhook.allow_private;
    settings.timeout = Duration::from_millis(webhook.timeout.0);
    Ok(settings)
}

fn authorise(settings: &mut WebhookSettings, auth: &LookupAuth, scheme: &str) -> anyhow::Result<()> {
    match auth {
        LookupAuth::None => {}
        LookupAuth::Bearer(token) => {
            settings.add_header("authorization", &format!("Bearer {}", token.reveal()?))?;
        }
        LookupAuth::Basic { user, password } => {
            let pair = STANDARD.encode(format!("{user}:{}", password.reveal()?));
            settings.add_header("authorization", &format!("Basic {pair}"))?;
        }
        LookupAuth::OAuth2(oauth2) => {
            let from = OAuth2Settings {
                token_url: oauth2.token_url.parse().context("auth.oauth2.token_url")?,
                client_id: oauth2.client_id.clone(),
                client_secret: oauth2.client_secret.reveal()?,
                refresh_token: oauth2.refresh_token.as_ref().map(Secret::reveal).transpose()?,
                scope: oauth2.scope.clone(),
            };
            settings.oauth2 = Some((from, scheme.to_owned()));
        }
    }
    Ok(())
}

fn dialect(
    config: &Config,
    webhook: &Webhook,
    preset: Preset,
    key: Option<&String>,
) -> anyhow::Result<Dialect> {
    let card = |agent: &hookswitch_config::Agent| {
        let setup = &agent.setup;
        let device = setup.devices.first();
        let dialled = || device.and_then(|device| device.extension()).map(str::to_owned);
        AgentCard {
            id: setup.id.to_string(),
            name: setup.name.clone(),
            extension: setup.extension.clone().or_else(dialled).unwrap_or_default(),
            device: device.map(ToString::to_string).unwrap_or_default(),
            user: webhook.users.get(&setup.id).cloned().unwrap_or_default(),
        }
    };
    let values = webhook.values.iter().map(|(name, value)| Ok((name.clone(), value.reveal()?)));
    let values = values.collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    let agents = config.agents.iter().map(card).collect();
    Ok(Dialect::new(preset, agents, &values, key.map(String::as_str))?)
}

/// Why a preset cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    NotThere(#[from] anyhow::Error),
    #[error("{}", all(.0))]
    Wrong(Vec<PresetError>),
}

fn all(errors: &[PresetError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The preset of a webhook; none when it posts events.
fn preset(config: &Config, webhook: &Webhook) -> Result<Option<Preset>, Unusable> {
    let numbers = numbers(config);
    match &webhook.payload {
        Payload::Template(_) => Ok(None),
        Payload::Preset(name) if name == defaults::WEBHOOK_PRESET => Ok(None),
        Payload::Preset(name) => {
            let built_in = Preset::built_in(name, &numbers);
            built_in.ok_or_else(|| anyhow!("there is no preset {name:?}"))?.map(Some).map_err(Unusable::Wrong)
        }
        Payload::File(path) => {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(path).with_context(|| shown.clone())?;
            Preset::parse(&shown, &text, &numbers).map(Some).map_err(Unusable::Wrong)
        }
    }
}
