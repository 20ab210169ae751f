//! One error for everything that can go wrong, and its one body (`application/problem+json`, RFC 9457).
//!
//! An error carries codes, contract pointers and ids. What went wrong inside (`source`) goes to the log without
//! values; nothing of it reaches a caller.

mod code;
mod database;
mod problem;

use std::borrow::Cow;
use std::fmt;

pub use code::ErrorCode;
pub use database::{is_lock_timeout, on_constraint};
pub use problem::{FaultBody, LaunchBlocker, OpenWork, Problem};

use crate::domain::fault::{Fault, MAX_FAULTS};
use crate::domain::ids::{LanguageVersionId, ReferralId};

/// What a handler or an operation answers when it does not succeed.
#[derive(Debug)]
pub struct AppError {
    /// The registered code.
    pub code: ErrorCode,
    inner: Box<Details>,
}

#[derive(Debug, Default)]
struct Details {
    detail: Option<Cow<'static, str>>,
    faults: Vec<Fault>,
    allowed_actions: Option<Vec<String>>,
    referral_id: Option<ReferralId>,
    current_version_id: Option<LanguageVersionId>,
    open_work: Option<OpenWork>,
    launch_blockers: Vec<LaunchBlocker>,
    intake_url: Option<String>,
    allow: Option<String>,
    retry_after: Option<u64>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl AppError {
    /// An error that says what its code says.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self { code, inner: Box::default() }
    }

    /// 404, for unknown and foreign ids alike.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound)
    }

    /// 422 with every fault; its code is the gravest among them, so that a caller sees first what must never be sent.
    #[must_use]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        use crate::domain::fault::FaultCode;
        let has = |code| faults.iter().any(|fault: &Fault| fault.code == code);
        let code = if has(FaultCode::SensitiveField) {
            ErrorCode::SensitiveField
        } else if has(FaultCode::SensitiveContent) {
            ErrorCode::SensitiveContent
        } else if has(FaultCode::UnknownField) {
            ErrorCode::UnknownField
        } else {
            ErrorCode::InvalidBody
        };
        Self::new(code).with_faults(faults)
    }

    /// 500 with its cause, for the log only.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Internal).because(source)
    }

    /// Replaces the code's own sentence by one for this occurrence (a sentence of ours, never a caller's text).
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.inner.detail = Some(detail.into());
        self
    }

    /// Adds the places that are at fault, as many as one answer carries.
    #[must_use]
    pub fn with_faults(mut self, mut faults: Vec<Fault>) -> Self {
        faults.truncate(MAX_FAULTS);
        self.inner.faults = faults;
        self
    }

    /// Adds what may be done instead.
    #[must_use]
    pub fn with_allowed_actions(mut self, actions: Vec<String>) -> Self {
        self.inner.allowed_actions = Some(actions);
        self
    }

    /// Adds the caller's own referral that the request collided with.
    #[must_use]
    pub fn with_referral(mut self, id: ReferralId) -> Self {
        self.inner.referral_id = Some(id);
        self
    }

    /// Adds the language version that counts instead.
    #[must_use]
    pub fn with_current_version(mut self, id: Option<LanguageVersionId>) -> Self {
        self.inner.current_version_id = id;
        self
    }

    /// Adds the work that stands in the way.
    #[must_use]
    pub fn with_open_work(mut self, work: OpenWork) -> Self {
        self.inner.open_work = Some(work);
        self
    }

    /// Adds every check that a route does not pass.
    #[must_use]
    pub fn with_launch_blockers(mut self, blockers: Vec<LaunchBlocker>) -> Self {
        self.inner.launch_blockers = blockers;
        self
    }

    /// Adds the site's intake path: where a person gives what does not belong here.
    #[must_use]
    pub fn with_intake_url(mut self, url: Option<String>) -> Self {
        self.inner.intake_url = url;
        self
    }

    /// Adds how many seconds to wait before the same request is sent again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.inner.retry_after = Some(seconds);
        self
    }

    /// Adds the methods that a path does have.
    #[must_use]
    pub fn with_allow(mut self, methods: String) -> Self {
        self.inner.allow = Some(methods);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// What happened and what to do, for a person.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.inner.detail.as_deref().unwrap_or(self.code.guidance())
    }

    /// What may be done instead, if that was added.
    #[must_use]
    pub fn allowed_actions(&self) -> Option<&[String]> {
        self.inner.allowed_actions.as_deref()
    }

    /// The places at fault.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.inner.faults
    }

    /// The cause, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.inner.source.as_deref()
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner.detail {
            Some(detail) => write!(f, "{}: {detail}", self.code.as_str()),
            None => write!(f, "{}: {}", self.code.as_str(), self.code.guidance()),
        }
    }
}

impl std::error::Error for AppError {}
