//! E-mail over the operator's SMTP server, one message a connection, each step with a failure of its own: a wrong password is
//! nobody's address.
//!
//! TLS is required; without it only to this machine, or where the setting says `tls=none`.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::{Error, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use super::message::AlertMessage;
use crate::domain::alerting::DeliveryError;

/// How long one step of a connection may take.
const STEP: Duration = Duration::from_secs(10);
/// How long everything may take.
const TOTAL: Duration = Duration::from_secs(30);

/// How a connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS before anything else.
    StartTls,
    /// None.
    None,
}

/// Where mail is handed over: `HANDOFF_SMTP_URL`, `HANDOFF_SMTP_PASSWORD`, `HANDOFF_SMTP_FROM`.
#[derive(Clone)]
pub struct SmtpSettings {
    host: String,
    port: u16,
    security: Security,
    user: Option<String>,
    password: Option<SecretString>,
    from: Mailbox,
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings").field("security", &self.security).finish_non_exhaustive()
    }
}

/// What is wrong with a setting, as the end of a sentence that begins with its name.
pub type SettingFault = (&'static str, &'static str);

const URL: &str = "HANDOFF_SMTP_URL";

impl SmtpSettings {
    /// Reads `smtps://user:password@host:port` or `smtp://…?tls=required`, a password that stands elsewhere, and the sender.
    ///
    /// # Errors
    /// The setting that cannot be used, and why; never its value.
    pub fn parse(url: &str, password: Option<SecretString>, from: &str) -> Result<Self, SettingFault> {
        let form = (URL, "is neither smtps://user:password@host nor smtp://user:password@host?tls=required");
        let url = Url::parse(url).map_err(|_| form)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(form)?.to_owned();
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(form);
        }
        let tls: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let tls: Vec<(&str, &str)> = tls.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (security, port) = match (url.scheme(), tls.as_slice()) {
            ("smtps", []) => (Security::Implicit, SUBMISSIONS_PORT),
            ("smtp", [("tls", "required")]) => (Security::StartTls, SUBMISSION_PORT),
            ("smtp", [("tls", "none")]) => (Security::None, SMTP_PORT),
            ("smtp", []) if is_this_machine(&host) => (Security::None, SMTP_PORT),
            ("smtp", []) => {
                return Err((URL, "needs TLS: write smtps://, or smtp:// with ?tls=required, or ?tls=none to go without"));
            }
            _ => return Err(form),
        };
        let decode = |text: &str| percent_decoded(text).ok_or(form);
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decode).transpose()?;
        let inside = url.password().map(decode).transpose()?;
        if inside.is_some() && password.is_some() {
            return Err(("HANDOFF_SMTP_PASSWORD", "and a password within HANDOFF_SMTP_URL are both set: keep one of them"));
        }
        let password = password.or(inside.map(SecretString::from));
        if user.is_some() != password.is_some() {
            return Err((URL, "needs a user name and a password, or neither"));
        }
        let from = from.parse().map_err(|_| ("HANDOFF_SMTP_FROM", "is not an e-mail address"))?;
        Ok(Self { host, port: url.port().unwrap_or(port), security, user, password, from })
    }
}

/// Whether a URL's host is this machine for sure.
fn is_this_machine(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        // The scheme is none that URLs of the web have, so that numbers stand as they were written.
        Ok(Host::Domain(name)) => name == "localhost",
        Err(_) => false,
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Hands mail over.
pub struct Mailer {
    settings: SmtpSettings,
    /// The certificate of a private authority, in PEM form, that is trusted beside the system's.
    authority: Option<Vec<u8>>,
    total: Duration,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The step at which something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Connect,
    StartTls,
    Authenticate,
    Recipient,
    Message,
}

impl Mailer {
    /// Hands over at this server, which it trusts by the system's authorities.
    #[must_use]
    pub const fn new(settings: SmtpSettings) -> Self {
        Self { settings, authority: None, total: TOTAL }
    }

    /// Trusts this authority beside the system's.
    #[must_use]
    pub fn trusting(self, pem: Vec<u8>) -> Self {
        Self { authority: Some(pem), ..self }
    }

    /// Gives up after this long.
    #[must_use]
    pub fn within(self, total: Duration) -> Self {
        Self { total, ..self }
    }

    /// Connects and signs in, and sends nothing.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn probe(&self) -> Result<(), DeliveryError> {
        self.in_time(async {
            let mut connection = self.open().await?;
            let _ = connection.quit().await;
            Ok(())
        })
        .await
    }

    /// Hands one alert over. `Ok`: the server has taken it.
    ///
    /// # Errors
    /// What stood in the way. The server may have taken it all the same, when its answer was lost.
    pub async fn send(
        &self,
        alert: &AlertMessage,
        to: &str,
        public_url: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), DeliveryError> {
        let to: Address = to.parse().map_err(|_| DeliveryError::SmtpRecipientRefused)?;
        let message = self.compose(alert, &to, public_url, now).ok_or(DeliveryError::SmtpRefused)?;
        self.in_time(async {
            let mut connection = self.open().await?;
            let handed_over = self.hand_over(&mut connection, to, &message).await;
            // It is taken, or it is not: how the connection ends changes nothing.
            match handed_over {
                Ok(()) => drop(connection.quit().await),
                Err(_) => connection.abort().await,
            }
            handed_over
        })
        .await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, DeliveryError>>) -> Result<T, DeliveryError> {
        tokio::time::timeout(self.total, work).await.unwrap_or(Err(DeliveryError::SmtpTimedOut))
    }

    fn compose(&self, alert: &AlertMessage, to: &Address, public_url: Option<&str>, now: DateTime<Utc>) -> Option<Vec<u8>> {
        let header = |name: &'static str, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        // As it is, so that no link is broken over two lines: ASCII, in lines of less than a thousand characters.
        let text = Body::dangerous_pre_encoded(alert.text(public_url).into_bytes(), ContentTransferEncoding::SevenBit);
        let part = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text);
        let message = Message::builder()
            .from(self.settings.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(alert.subject())
            .date(now.into())
            .message_id(Some(format!("<{}@{}>", alert.id, self.settings.from.email.domain())))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"))
            .singlepart(part)
            .ok()?;
        Some(message.formatted())
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, DeliveryError> {
        let settings = &self.settings;
        let hello = ClientId::Domain(settings.from.email.domain().to_owned());
        let tls = match settings.security {
            Security::None => None,
            Security::Implicit | Security::StartTls => Some(self.tls()?),
        };
        let at_once = tls.clone().filter(|_| settings.security == Security::Implicit);
        let host = settings.host.trim_matches(['[', ']']);
        let mut connection = AsyncSmtpConnection::connect_tokio1((host, settings.port), Some(STEP), &hello, at_once, None)
            .await
            .map_err(|error| failure(Step::Connect, &error))?;
        if let (Security::StartTls, Some(tls)) = (settings.security, tls) {
            let upgraded = connection.starttls(tls, &hello).await;
            upgraded.map_err(|error| failure(Step::StartTls, &error))?;
        }
        if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let signed_in = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            signed_in.map_err(|error| failure(Step::Authenticate, &error))?;
        }
        Ok(connection)
    }

    fn tls(&self) -> Result<TlsParameters, DeliveryError> {
        let mut builder = TlsParameters::builder(self.settings.host.trim_matches(['[', ']']).to_owned());
        if let Some(pem) = &self.authority {
            let authority = Certificate::from_pem(pem).map_err(|_| DeliveryError::SmtpTlsFailed)?;
            builder = builder.add_root_certificate(authority);
        }
        builder.build().map_err(|_| DeliveryError::SmtpTlsFailed)
    }

    async fn hand_over(&self, connection: &mut AsyncSmtpConnection, to: Address, message: &[u8]) -> Result<(), DeliveryError> {
        let from = self.settings.from.email.clone();
        let is_wide = |address: &Address| !AsRef::<str>::as_ref(address).is_ascii();
        let mut parameters = Vec::new();
        if is_wide(&from) || is_wide(&to) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(if is_wide(&to) { DeliveryError::SmtpRecipientRefused } else { DeliveryError::SmtpRefused });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let at = |step| move |error: Error| failure(step, &error);
        connection.command(Mail::new(Some(from), parameters)).await.map_err(at(Step::Message))?;
        connection.command(Rcpt::new(to, Vec::new())).await.map_err(at(Step::Recipient))?;
        connection.command(Data).await.map_err(at(Step::Message))?;
        connection.message(message).await.map_err(at(Step::Message))?;
        Ok(())
    }
}

/// What a failure at this step means. The library's text quotes the server, so that only its kind is used.
fn failure(step: Step, error: &Error) -> DeliveryError {
    let code = error.status().map(u16::from);
    let is_tls = error.is_tls() || super::is_about_tls(error);
    match (step, code) {
        _ if error.is_timeout() => DeliveryError::SmtpTimedOut,
        // Some servers say only at a later command that they want credentials first.
        (_, Some(530 | 534 | 535 | 538)) => DeliveryError::SmtpAuthenticationFailed,
        // A full mailbox may be emptied (RFC 5321, 4.5.3.1.10).
        (Step::Recipient, Some(552)) => DeliveryError::SmtpDeferred,
        (Step::Recipient, Some(500..)) => DeliveryError::SmtpRecipientRefused,
        (Step::Authenticate, Some(500..)) => DeliveryError::SmtpAuthenticationFailed,
        (Step::StartTls, Some(_)) => DeliveryError::SmtpTlsFailed,
        (_, Some(500..)) => DeliveryError::SmtpRefused,
        (_, Some(_)) => DeliveryError::SmtpDeferred,
        _ if is_tls => DeliveryError::SmtpTlsFailed,
        // It offers no STARTTLS, or no way to sign in that we know.
        (Step::StartTls, None) if error.is_client() => DeliveryError::SmtpTlsFailed,
        (Step::Authenticate, None) if error.is_client() => DeliveryError::SmtpAuthenticationFailed,
        (_, None) => DeliveryError::SmtpConnectionFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, password: Option<&str>) -> Result<SmtpSettings, SettingFault> {
        SmtpSettings::parse(url, password.map(SecretString::from), "Handoff <handoff@site.example>")
    }

    #[test]
    fn an_smtp_url_is_secure_or_says_that_it_is_not() {
        for (url, security, port) in [
            ("smtps://u:p@mail.example", Security::Implicit, 465),
            ("smtps://mail.example:4465/", Security::Implicit, 4465),
            ("smtp://u:p@mail.example?tls=required", Security::StartTls, 587),
            ("smtp://mail.example:25?tls=none", Security::None, 25),
            ("smtp://127.0.0.1:1025", Security::None, 1025),
            ("smtp://localhost", Security::None, 25),
            ("smtp://[::1]:1025", Security::None, 1025),
        ] {
            let settings = parse(url, None).unwrap();
            assert_eq!((settings.security, settings.port), (security, port), "{url}");
        }
        for wrong in [
            "canary",
            "smtp://canary.example",
            "smtp://10.0.0.1:25",
            "smtp://localhost.canary.example",
            "smtps://canary.example?tls=none",
            "smtp://canary.example?tls=opportunistic",
            "smtp://canary.example?tls=required&tls=none",
            "smtps://canary.example/path",
            "smtps://canary.example#x",
            "https://canary.example",
            "smtps://canary@mail.example",
            "smtps://u:%zz@canary.example",
        ] {
            let (name, why) = parse(wrong, None).unwrap_err();
            assert!(name == URL && !why.contains("canary"), "{wrong}: {why}");
        }
        assert!(parse("smtps://u:p@mail.example", Some("p")).is_err() && parse("smtps://mail.example", Some("p")).is_err());
        assert!(SmtpSettings::parse("smtps://mail.example", None, "nobody").is_err());
    }

    #[test]
    fn a_password_may_hold_anything_and_is_never_printed() {
        let settings = parse("smtps://u%40site:p%2F%40%3Acanary%25@mail.example", None).unwrap();
        assert_eq!(settings.user.as_deref(), Some("u@site"));
        assert_eq!(settings.password.as_ref().unwrap().expose_secret(), "p/@:canary%");
        let printed = format!("{settings:?} {:?}", Mailer::new(settings.clone()));
        assert!(!printed.contains("canary") && !printed.contains("mail.example"), "{printed}");
    }
}
