//! What HTTP is told: tokens, origins, limits, aliases, single sign-on, certificates, how numbers are read, telephones in
//! browsers.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use hookswitch_config::{Agent, Config, ServerTls, softphone_username};
use hookswitch_http::{Access, Dialling, SingleSignOn, Softphone, Token, TokenHash};
use hookswitch_model::AgentId;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::dialled::Reader;

/// How long the identity provider may take to send its keys.
const KEYS_TIME: Duration = Duration::from_secs(5);

/// Everything of the configuration that HTTP acts on. Read again at each reload: a new certificate is taken then.
pub(in crate::daemon) fn access(config: &Config) -> anyhow::Result<Access> {
    let tokens = config.tokens.iter().map(|token| {
        let hash = TokenHash::parse(&token.hash).with_context(|| format!("token {}", token.name))?;
        Ok(Token {
            name: token.name.as_str().into(),
            role: token.role,
            agent: token.agent.clone(),
            hash,
            in_url: token.in_url,
            until: None,
        })
    });
    let reader = Reader::new(config);
    let single_sign_on = config.auth.jwt.as_ref().map(|jwt| Arc::new(SingleSignOn::new(jwt, KEYS_TIME)));
    Ok(Access {
        tokens: tokens.collect::<anyhow::Result<_>>()?,
        allowed_origins: config.server.allowed_origins.clone(),
        single_sign_on,
        limits: config.server.limits,
        agents: config.agents.iter().map(extensions).collect::<BTreeMap<_, _>>(),
        softphones: config.agents.iter().filter_map(|agent| softphone(config, agent)).collect(),
        dialling: Dialling::new(move |text| reader.read(text)),
        aliases: config.aliases.clone(),
        tls: tls(config)?.map(Arc::new),
    })
}

/// An agent and what others dial to reach it.
fn extensions(agent: &Agent) -> (AgentId, Vec<String>) {
    let of_devices = agent.setup.devices.iter().filter_map(|device| device.extension().map(str::to_owned));
    let own = agent.setup.extension.clone().into_iter().chain(of_devices).collect();
    (agent.setup.id.clone(), own)
}

/// The telephone in an agent's browser.
fn softphone(config: &Config, agent: &Agent) -> Option<(AgentId, Softphone)> {
    let device = agent.softphone.as_ref()?;
    let at = config.pbxs.iter().find(|pbx| pbx.name == agent.setup.pbx)?.softphone.as_ref()?;
    let softphone = Softphone {
        device: device.to_string(),
        url: at.url.clone(),
        domain: at.domain.clone(),
        username: softphone_username(device)?.to_owned(),
        password: agent.sip_password.clone(),
        stun: at.stun.clone(),
    };
    Some((agent.setup.id.clone(), softphone))
}

/// Certificate and key, where HTTP is served by TLS.
pub(crate) fn tls(config: &Config) -> anyhow::Result<Option<ServerConfig>> {
    config.server.tls.as_ref().map(|files| certified(files, "server.tls")).transpose()
}

/// The certificate and key that stand at this key.
pub(super) fn certified(files: &ServerTls, at: &str) -> anyhow::Result<ServerConfig> {
    let of = |key: &str, path: &Path| format!("{at}.{key}: {}", path.display());
    let chain =
        CertificateDer::pem_file_iter(&files.cert).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(
            |error| anyhow!("{}: {error}; hint: a certificate chain in PEM", of("cert", &files.cert)),
        )?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| anyhow!("{}: {error}; hint: a private key in PEM", of("key", &files.key)))?;
    let mut tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| anyhow!("{}: {error}; hint: does the key belong to it?", of("cert", &files.cert)))?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}
