//! What places that something is posted to share, the alert webhook and the webhook endpoints: which URLs are taken, and how a signing
//! secret is shown and rotated.

use chrono::Duration;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize as _, Serializer};

use crate::domain::fault::{Fault, FaultCode};
use crate::domain::text::WebUrl;
use crate::error::AppError;
use crate::outbound::UrlFault;
use crate::state::AppState;

/// The hours that two secrets sign, where nobody says otherwise.
const USUAL_OVERLAP: i32 = 24;

/// Refuses a URL that nothing would be posted to. What its name stands for is seen at each attempt.
///
/// # Errors
/// 422 at `/url`.
pub(super) fn check_url(app: &AppState, url: &WebUrl) -> Result<(), AppError> {
    let refused = |fault: UrlFault| {
        let code = match fault {
            UrlFault::NotPublic | UrlFault::NotHttps => FaultCode::AddressNotAllowed,
            UrlFault::Malformed | UrlFault::Credentials | UrlFault::Fragment => FaultCode::BadFormat,
        };
        AppError::invalid(vec![Fault::new("/url", code, fault.message())])
    };
    app.outbound.http.check_url(url.as_str()).map_err(refused)
}

/// How long the present secret signs beside the new one.
pub(super) fn overlap(hours: Option<i32>) -> Duration {
    Duration::hours(hours.unwrap_or(USUAL_OVERLAP).into())
}

/// The one place that writes a signing secret out.
pub(super) fn exposed<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|secret| secret.expose_secret()).serialize(serializer)
}
