//! What leaves the server for a place that somebody configured: posts to addresses of the site's choice (`http`, guarded by `policy`
//! and `address`), signed (`signature`), and e-mail to members (`mail`, written by `message`).
//!
//! Nothing else opens a connection to such a place. Nothing here knows a site, a row or a request, and no failure carries an
//! address, a password or what was sent.

pub mod address;
pub mod http;
pub mod mail;
pub mod message;
pub mod policy;
pub mod signature;

pub use http::{Http, Timeouts};
pub use mail::{Mailer, SmtpSettings};
pub use policy::{Allow, UrlFault};

/// All ways out of a process.
#[derive(Debug)]
pub struct Outbound {
    /// Posts to addresses that sites configured.
    pub http: Http,
    /// E-mail; `None`: the operator configured no SMTP server.
    pub mailer: Option<Mailer>,
    /// `HANDOFF_PUBLIC_URL`, for links: without a slash at its end.
    pub public_url: Option<String>,
}
