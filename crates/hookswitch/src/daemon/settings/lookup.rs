//! How customers are looked up.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use hookswitch_config::{Config, Lookup, LookupAuth, LookupFormat, LookupMethod, Problem, Secret, Severity};
use hookswitch_customers::{Auth, BadSettings, CrmSettings, CrmSource, Directory, Format, OAuth2Settings};

use super::numbers;

/// The CRM that is asked; none: the embedded directory is.
pub(crate) fn crm(config: &Config) -> anyhow::Result<Option<CrmSettings>> {
    let Some(lookup) = &config.crm.lookup else { return Ok(None) };
    let source = source(lookup, |secret| Ok(secret.reveal()?)).context("crm.lookup")?;
    Ok(Some(CrmSettings::new(source, &numbers(config))?))
}

/// What is wrong with it, without its secrets: they may be elsewhere than where it is checked.
pub(crate) fn problem(config: &Config) -> Option<Problem> {
    let lookup = config.crm.lookup.as_ref()?;
    let source = source(lookup, |_| Ok("secret".to_owned())).ok()?;
    let BadSettings { key, message, hint } = CrmSettings::new(source, &numbers(config)).err()?;
    Some(config.problem(Severity::Error, &key, &message, &hint))
}

/// The contacts beside the journal.
pub(crate) fn directory(config: &Config) -> anyhow::Result<Directory> {
    let path = config.journal.path.join("contacts");
    Directory::open(&path, numbers(config), country(config))
        .with_context(|| format!("the contacts at {}", path.display()))
}

/// By which country numbers are read.
pub(crate) fn country(config: &Config) -> &str {
    config.numbers.country.as_deref().unwrap_or_default()
}

fn source(lookup: &Lookup, reveal: impl Fn(&Secret) -> anyhow::Result<String>) -> anyhow::Result<CrmSource> {
    let headers = lookup.headers.iter().map(|(name, value)| Ok((name.clone(), reveal(value)?)));
    Ok(CrmSource {
        url: lookup.url.clone(),
        post: lookup.method == LookupMethod::Post,
        body: lookup.body.clone(),
        headers: headers.collect::<anyhow::Result<_>>()?,
        auth: auth(&lookup.auth, &reveal)?,
        format: match lookup.format {
            LookupFormat::Json => Format::Json,
            LookupFormat::Text => Format::Text,
        },
        items: lookup.items.clone(),
        id: lookup.id.clone(),
        name: lookup.name.clone(),
        score: lookup.score.clone(),
        numbers: lookup.numbers.clone(),
        agent: lookup.agent.clone(),
        fields: lookup.fields.clone(),
        none_status: lookup.none_status.clone(),
        none_text: lookup.none_text.clone(),
        timeout: Duration::from_millis(lookup.timeout.0),
        cache: Duration::from_millis(lookup.cache.0),
        allow_private: lookup.allow_private,
    })
}

fn auth(auth: &LookupAuth, reveal: &impl Fn(&Secret) -> anyhow::Result<String>) -> anyhow::Result<Auth> {
    Ok(match auth {
        LookupAuth::None => Auth::None,
        LookupAuth::Bearer(token) => Auth::Bearer(reveal(token)?),
        LookupAuth::Basic { user, password } => Auth::Basic(user.clone(), reveal(password)?),
        LookupAuth::OAuth2(oauth) => Auth::OAuth2(OAuth2Settings {
            token_url: oauth.token_url.parse().context("crm.lookup.auth.oauth2.token_url")?,
            client_id: oauth.client_id.clone(),
            client_secret: reveal(&oauth.client_secret)?,
            refresh_token: oauth.refresh_token.as_ref().map(reveal).transpose()?,
            scope: oauth.scope.clone(),
        }),
    })
}

/// A configuration with all that the look-up needs of it, prepared: putting it in force cannot fail any more.
#[derive(Debug)]
pub(crate) struct LookupPrepared {
    pub(crate) crm: Option<CrmSettings>,
    pub(crate) numbers: Arc<dyn hookswitch_wire::template::Numbers>,
    pub(crate) country: String,
    pub(crate) directory_wait: hookswitch_model::Millis,
}

impl LookupPrepared {
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            crm: crm(config)?,
            numbers: numbers(config),
            country: country(config).to_owned(),
            directory_wait: config.crm.directory.route_wait,
        })
    }
}
