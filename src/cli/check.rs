//! `handoff check`: would serving start, and would people get in?

use secrecy::ExposeSecret as _;

use super::backend::Backend;
use super::{Failure, serve};
use crate::config::Config;
use crate::db::{self, Keeping};
use crate::domain::alerting::DeliveryError;
use crate::outbound::Mailer;
use crate::store;

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    let providers = serve::providers(config)?;
    // Held to the end: an embedded server stops with it.
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    println!("Settings and database are in order.");
    let mut findings = db::inspect_server_log(&mut conn)?;
    findings.extend(db::inspect_newer(&mut conn)?);
    for finding in &findings {
        println!("{}.", finding.sentence);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut complaints = findings.len() + check_standby(config) + check_mail(config, &runtime);
    let sites = db::in_directory(&mut conn, |conn| Ok(store::sites::list_all(conn)?))?;
    for (index, issuer) in config.jwt_issuers.iter().enumerate() {
        let place = format!("HANDOFF_JWT_ISSUERS entry {}", index + 1);
        if sites.contains(&issuer.site) {
            println!("{place}: its site exists.");
        } else {
            complaints += 1;
            println!("{place}: there is no site with this id; `handoff site create` prints the id of a new one.");
        }
        let Some(provider) = providers.find(issuer.issuer.as_str()) else { continue };
        match runtime.block_on(provider.probe()) {
            Ok(0) => {
                complaints += 1;
                println!(
                    "{place}: its key set has no key that may verify tokens (RS256 of 2048 bits, ES256, EdDSA, with a kid)."
                );
            }
            Ok(keys) => println!("{place}: {keys} key(s) that may verify tokens."),
            Err(error) => {
                complaints += 1;
                println!("{place}: its keys were not fetched: {error}.");
            }
        }
    }
    if complaints > 0 {
        return Err("serving would start, but not everything that it talks to would work: see above".into());
    }
    Ok(())
}

/// Connects to the standby for reports; how many complaints there are.
fn check_standby(config: &Config) -> usize {
    let Some(url) = &config.replica_url else { return 0 };
    let asked = db::connect(url.expose_secret());
    let keeps = asked.and_then(|mut conn| db::keeping(&mut conn).map_err(|_| "it does not answer".to_owned()));
    let (said, complaints) = match keeps {
        Ok(Keeping::Up { seconds }) => (format!("a standby, {seconds} s behind"), 0),
        Ok(Keeping::Unknown) => ("a standby that has replayed nothing yet, and is not used".to_owned(), 1),
        Ok(Keeping::Unbound) => ("row-level security does not bind its role: give that of the application".to_owned(), 1),
        Ok(Keeping::Primary) => ("no standby: it takes writes, and reports are counted on the primary".to_owned(), 1),
        Err(why) => (why, 1),
    };
    println!("HANDOFF_DATABASE_REPLICA_URL: {said}.");
    complaints
}

/// Connects to the SMTP server and signs in; how many complaints there are.
fn check_mail(config: &Config, runtime: &tokio::runtime::Runtime) -> usize {
    let Some(settings) = &config.outbound.smtp else {
        println!("HANDOFF_SMTP_URL is not set: no member is alerted by e-mail.");
        return 0;
    };
    let Err(error) = runtime.block_on(Mailer::new(settings.clone()).probe()) else {
        println!("HANDOFF_SMTP_URL: the server takes us.");
        return 0;
    };
    let why = match error {
        DeliveryError::SmtpConnectionFailed => "no connection; check its name, its port and the network",
        DeliveryError::SmtpTlsFailed => {
            "no TLS; check that it offers TLS at this port and that its certificate is valid for its name"
        }
        DeliveryError::SmtpAuthenticationFailed => "it does not take the user name and the password",
        DeliveryError::SmtpTimedOut => "it takes too long to answer",
        _ => "it refuses the connection",
    };
    println!("HANDOFF_SMTP_URL: {why} ({error}).");
    1
}
