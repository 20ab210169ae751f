//! The settings of what leaves the server: the SMTP server, links, and what configured addresses may point at.

use std::ffi::OsString;

use secrecy::ExposeSecret as _;
use url::Url;

use super::{ConfigError, secret, text};
use crate::domain::webhooks::Schedule;
use crate::outbound::{Allow, SmtpSettings};

/// Settings of what leaves the server.
#[derive(Debug)]
pub struct OutboundConfig {
    /// `HANDOFF_SMTP_URL`, `HANDOFF_SMTP_PASSWORD`, `HANDOFF_SMTP_FROM`: where e-mail is handed over; `None`: nowhere.
    pub smtp: Option<SmtpSettings>,
    /// `HANDOFF_PUBLIC_URL`: where the API is reached, for links; without a slash at its end.
    pub public_url: Option<String>,
    /// `HANDOFF_OUTBOUND_ALLOW`: what configured addresses may point at although it is not public, or without TLS.
    pub allow: Allow,
    /// `HANDOFF_WEBHOOK_RETRIES`: seconds between the attempts to post an event; default 5,300,1800,7200,18000,36000,36000.
    pub schedule: Schedule,
}

pub(super) fn read(get: &dyn Fn(&str) -> Option<OsString>) -> Result<OutboundConfig, ConfigError> {
    let (url, password) = (secret(get, "HANDOFF_SMTP_URL")?, secret(get, "HANDOFF_SMTP_PASSWORD")?);
    let smtp = match (url, text(get, "HANDOFF_SMTP_FROM")?) {
        (Some(url), Some(from)) => {
            let settings = SmtpSettings::parse(url.expose_secret(), password, &from);
            Some(settings.map_err(|(name, why)| ConfigError(format!("{name} {why}")))?)
        }
        (Some(_), None) => return Err(ConfigError("HANDOFF_SMTP_URL is set and HANDOFF_SMTP_FROM is not: set both".into())),
        (None, Some(_)) => return Err(ConfigError("HANDOFF_SMTP_FROM is set and HANDOFF_SMTP_URL is not: set both".into())),
        (None, None) if password.is_some() => {
            return Err(ConfigError("HANDOFF_SMTP_PASSWORD is set and HANDOFF_SMTP_URL is not: set both".into()));
        }
        (None, None) => None,
    };
    let allow = text(get, "HANDOFF_OUTBOUND_ALLOW")?.map(|text| Allow::parse(&text)).transpose();
    let schedule = match text(get, "HANDOFF_WEBHOOK_RETRIES")? {
        None => Schedule::default(),
        Some(text) => Schedule::parse(&text).ok_or_else(|| {
            ConfigError("HANDOFF_WEBHOOK_RETRIES is not a list of 1 to 20 waits in whole seconds, such as 5,300,1800".into())
        })?,
    };
    Ok(OutboundConfig {
        schedule,
        smtp,
        public_url: text(get, "HANDOFF_PUBLIC_URL")?.map(|text| public_url(&text)).transpose()?,
        allow: allow.map_err(|wrong| ConfigError(format!("HANDOFF_OUTBOUND_ALLOW: {wrong}")))?.unwrap_or_default(),
    })
}

fn public_url(text: &str) -> Result<String, ConfigError> {
    let url = Url::parse(text).ok().filter(|url| {
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        plain && url.has_host() && text.len() <= 500 && matches!(url.scheme(), "https" | "http")
    });
    let url =
        url.ok_or_else(|| ConfigError("HANDOFF_PUBLIC_URL is not an address such as https://handoff.site.example".into()))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(pairs: &[(&str, &str)]) -> Result<OutboundConfig, ConfigError> {
        read(&|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn what_leaves_the_server_is_off_until_it_is_set_and_then_it_is_whole() {
        let nothing = read_from(&[]).unwrap();
        assert!(nothing.smtp.is_none() && nothing.public_url.is_none() && nothing.allow == Allow::default());
        let (url, from) = (("HANDOFF_SMTP_URL", "smtps://u@mail.example"), ("HANDOFF_SMTP_FROM", "handoff@site.example"));
        let all = [url, from, ("HANDOFF_SMTP_PASSWORD", "canary"), ("HANDOFF_PUBLIC_URL", "https://handoff.site.example/api/")];
        let config = read_from(&all).unwrap();
        assert_eq!(config.public_url.as_deref(), Some("https://handoff.site.example/api"));
        assert!(config.smtp.is_some() && !format!("{config:?}").contains("canary"));
        for (pairs, names) in [
            (&[url][..], "HANDOFF_SMTP_FROM"),
            (&[from], "HANDOFF_SMTP_URL"),
            (&[("HANDOFF_SMTP_PASSWORD", "canary")], "HANDOFF_SMTP_URL"),
            (&[("HANDOFF_SMTP_URL", "smtp://canary.example"), from], "HANDOFF_SMTP_URL"),
            (&[("HANDOFF_SMTP_URL", "smtps://mail.example"), ("HANDOFF_SMTP_FROM", "canary")], "HANDOFF_SMTP_FROM"),
            (&[("HANDOFF_PUBLIC_URL", "canary")], "HANDOFF_PUBLIC_URL"),
            (&[("HANDOFF_PUBLIC_URL", "https://u:canary@site.example")], "HANDOFF_PUBLIC_URL"),
            (&[("HANDOFF_OUTBOUND_ALLOW", "10.0.0.0/8,canary")], "HANDOFF_OUTBOUND_ALLOW"),
            (&[("HANDOFF_WEBHOOK_RETRIES", "5,canary")], "HANDOFF_WEBHOOK_RETRIES"),
        ] {
            let sentence = read_from(pairs).unwrap_err().to_string();
            assert!(sentence.contains(names) && !sentence.contains("canary"), "{sentence}");
        }
    }
}
