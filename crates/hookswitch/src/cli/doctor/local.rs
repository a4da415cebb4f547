//! This machine: the journal's folder, the port, the certificate, the tokens.

use std::{
    fs,
    io::{self, Write as _},
    net::TcpListener,
    path::Path,
};

use hookswitch_config::{Config, Role};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    certificate::validity,
    finding::{Finding, Subject},
};

/// Below this many bytes the journal has room for less than a day of a busy centre.
const LITTLE: u64 = 1 << 30;
/// Below this the daemon soon cannot write.
const NONE: u64 = 64 << 20;
/// A certificate that ends within this many days wants to be renewed.
const SOON: i64 = 21;
const DAY: i64 = 86_400;

/// Where the daemon of this configuration answers.
pub(super) fn base(config: &Config) -> String {
    let scheme = if config.server.tls.is_some() { "https" } else { "http" };
    let mut listen = config.server.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    format!("{scheme}://{listen}")
}

/// What does not depend on whether the daemon runs.
pub(super) fn machine(config: &Config) -> Vec<Finding> {
    let mut findings = journal(&config.journal.path);
    findings.extend(certificate(config));
    findings.push(tokens(config));
    findings
}

fn journal(path: &Path) -> Vec<Finding> {
    let subject = Subject("journal".to_owned());
    let shown = path.display();
    // Not made yet: the daemon makes it, so the folder above has to allow that.
    let there = path.ancestors().find(|folder| folder.exists()).unwrap_or(path);
    let mend = [
        format!("install -d -o hookswitch -g hookswitch -m 0750 {shown}"),
        "or [journal] path = (a folder the daemon's user may write)".to_owned(),
    ];
    if let Err(error) = probe(there) {
        let said = format!("{shown} cannot be written: {error}; the daemon does not start");
        return vec![subject.fail("folder", said).at("journal.path").mend(mend)];
    }
    let made = if there == path { "" } else { "; it will be made" };
    let mut findings = vec![subject.ok("folder", format!("{shown} can be written, and fsync works{made}"))];
    findings.push(match rustix::fs::statvfs(there) {
        Err(error) => subject.unknown("space", format!("{shown}: {error}")),
        Ok(disk) => space(&subject, disk.f_bavail.saturating_mul(disk.f_frsize), path),
    });
    findings
}

/// Writes, syncs and removes a file.
fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".hookswitch-doctor-{}", std::process::id()));
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
        file.write_all(b"hookswitch doctor\n")?;
        file.sync_all()
    };
    let written = write();
    if path.exists() {
        fs::remove_file(&path)?;
    }
    written
}

fn space(subject: &Subject, free: u64, path: &Path) -> Finding {
    let said = format!("{} MiB are free at {}", free >> 20, path.display());
    let mend = ["make room, or [journal] max_size = \"…\", or a shorter `retention`"];
    match free {
        ..NONE => subject.fail("space", format!("{said}: the daemon cannot keep its journal")).mend(mend),
        NONE..LITTLE => subject.warn("space", said).mend(mend),
        _ => subject.ok("space", said),
    }
}

/// The port is ours when a daemon of ours answers on it, else it must be free.
pub(super) fn port(config: &Config, daemon: bool) -> Option<Finding> {
    let subject = Subject("server".to_owned());
    let listen = config.server.listen;
    if daemon || listen.port() == 0 {
        return None;
    }
    Some(match TcpListener::bind(listen) {
        Ok(_) => subject.ok("port", format!("{listen} is free for the daemon")),
        Err(error) => subject
            .fail("port", format!("{listen} cannot be listened on: {error}"))
            .at("server.listen")
            .mend([format!("ss -ltnp 'sport = :{}'   # who has it", listen.port())]),
    })
}

fn certificate(config: &Config) -> Option<Finding> {
    let subject = Subject("server".to_owned());
    let path = &config.server.tls.as_ref()?.cert;
    let place = format!("server.tls.cert: {}", path.display());
    let first = CertificateDer::pem_file_iter(path).ok().and_then(|mut chain| chain.next()?.ok());
    let Some((from, until)) = first.as_ref().and_then(|der| validity(der)) else {
        return Some(
            subject.fail("certificate", "no certificate with a validity stands in the file").at(place),
        );
    };
    let now = jiff::Timestamp::now();
    let days = (until.as_second() - now.as_second()) / DAY;
    let mend = ["renew it (certbot renew), then: systemctl reload hookswitch"];
    Some(if until <= now {
        let said = format!("expired on {until}: no browser and no CRM connects");
        subject.fail("certificate", said).at(place).mend(mend)
    } else if from > now {
        subject.fail("certificate", format!("not valid before {from}: nobody connects")).at(place).mend(mend)
    } else if days < SOON {
        subject.warn("certificate", format!("expires in {days} days, on {until}")).at(place).mend(mend)
    } else {
        subject.ok("certificate", format!("valid until {until}"))
    })
}

fn tokens(config: &Config) -> Finding {
    let subject = Subject("tokens".to_owned());
    let tokens = &config.tokens;
    if tokens.is_empty() && config.auth.jwt.is_none() {
        return subject
            .warn("tokens", "there is none, and no single sign-on: nobody can use desktop or API")
            .at("[[token]]")
            .mend(["hookswitch token create --role admin --name admin"]);
    }
    let twice = tokens
        .iter()
        .enumerate()
        .find(|(place, one)| tokens[..*place].iter().any(|other| other.hash == one.hash));
    if let Some((_, token)) = twice {
        let said = format!("the token {} is another one's, too: events cannot tell who acted", token.name);
        return subject.warn("tokens", said).at(token.key.clone()).mend([format!(
            "hookswitch token create --role {} --name {}",
            role(token.role),
            token.name
        )]);
    }
    let admins = tokens.iter().filter(|token| token.role == Role::Admin).count();
    subject.ok("tokens", format!("{} tokens, {admins} of them admin", tokens.len()))
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Agent => "agent",
        Role::Crm => "crm",
        Role::Supervisor => "supervisor",
        Role::Admin => "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Status;

    #[test]
    fn room_on_the_disk_is_judged_by_what_the_journal_needs() {
        let check = |free, status| {
            let finding = space(&Subject("journal".to_owned()), free, Path::new("/var/lib/hookswitch"));
            assert_eq!(finding.status, status, "{free}");
        };
        check(0, Status::Fail);
        check(NONE - 1, Status::Fail);
        check(NONE, Status::Warn);
        check(LITTLE, Status::Ok);
    }

    #[test]
    fn a_probe_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        probe(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(probe(&folder.path().join("missing")).is_err());
    }
}
