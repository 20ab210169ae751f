//! What leaves the server for a place that somebody configured: posts to addresses of the site's choice (`http`, guarded by `policy`), signed (`signature`), and e-mail to members (`mail`, written by `message`).
//!
//! Nothing else opens a connection to such a place. Nothing here knows a site, a row or a request, and no failure carries an
//! address, a password or what was sent.

pub mod http;
pub mod mail;
pub mod message;
pub mod policy;
pub mod signature;

use crate::domain::webhooks::Schedule;

pub use http::{Http, Timeouts};
pub use mail::{Mailer, SmtpSettings};
pub use policy::{Allow, UrlFault};

/// Whether a failure is about TLS. The TLS library says so by the kind of an I/O error, which others wrap: the source of such an error
/// is that of what it wraps, so that this has to look inside.
fn is_about_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            let inside = io.get_ref().is_some_and(|inner| is_about_tls(inner));
            if io.kind() == std::io::ErrorKind::InvalidData || inside {
                return true;
            }
        }
        cause = error.source();
    }
    false
}

/// All ways out of a process.
#[derive(Debug)]
pub struct Outbound {
    /// Posts to addresses that sites configured.
    pub http: Http,
    /// E-mail; `None`: the operator configured no SMTP server.
    pub mailer: Option<Mailer>,
    /// `HANDOFF_PUBLIC_URL`, for links: without a slash at its end.
    pub public_url: Option<String>,
    /// `HANDOFF_WEBHOOK_RETRIES`: the waits between attempts to post an event.
    pub schedule: Schedule,
}
