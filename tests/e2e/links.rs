//! Ways to reach a PBX.

use anyhow::{Result, ensure};
use hookswitch_tests::asterisk::{Asterisk, HOOKSWITCH_USER, Options, Version};
use hookswitch_tests::daemon::Daemon;

crate::on_both_versions! {
    link_over_tls_trusts_the_named_ca
    link_over_tls_accepts_the_certificate_that_is_named_itself
    link_over_tls_refuses_a_certificate_nobody_vouches_for
}

fn over_tls(asterisk: &Asterisk, tls: &str) -> String {
    let (username, secret) = HOOKSWITCH_USER;
    format!(
        "[[pbx]]\nname = \"hq\"\nkind = \"asterisk\"\naddress = \"{}\"\ntls = {tls}\nusername = \"{username}\"\n\
         secret = \"{secret}\"\nmode = \"observe\"\n",
        asterisk.ami_tls()
    )
}

async fn link_over_tls_trusts_the_named_ca(version: Version) -> Result<()> {
    let asterisk = Asterisk::start(version, Options::default()).await?;
    let tls = format!("{{ ca = \"{}\" }}", asterisk.ami_ca().display());
    let mut daemon = Daemon::start(&over_tls(&asterisk, &tls)).await?;
    daemon.wait_links_up().await
}

async fn link_over_tls_accepts_the_certificate_that_is_named_itself(version: Version) -> Result<()> {
    let asterisk = Asterisk::start(version, Options::default()).await?;
    // What the PBX shows, not who vouches for it: a self-signed one is no different.
    let tls = format!("{{ ca = \"{}\" }}", asterisk.ami_ca().with_file_name("ami.pem").display());
    let mut daemon = Daemon::start(&over_tls(&asterisk, &tls)).await?;
    daemon.wait_links_up().await
}

async fn link_over_tls_refuses_a_certificate_nobody_vouches_for(version: Version) -> Result<()> {
    let asterisk = Asterisk::start(version, Options::default()).await?;
    let daemon = Daemon::start(&over_tls(&asterisk, "true")).await?;
    // Ready means that the link has been tried.
    let links = daemon.api().request(reqwest::Method::GET, "/readyz?links=up", None).await?;
    ensure!(!links.status.is_success(), "the link came up:\n{}", daemon.log());
    ensure!(daemon.log().contains("certificate"), "the log does not say why:\n{}", daemon.log());
    Ok(())
}
