//! What a database error means. The call site says what a named constraint means; everything else is opaque.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

use super::{AppError, ErrorCode};

/// A database failure without its text: PostgreSQL's messages quote values, so only kind and constraint remain.
#[derive(Debug)]
struct Opaque {
    kind: String,
    constraint: Option<String>,
}

impl std::fmt::Display for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "database: {}", self.kind)?;
        self.constraint.as_ref().map_or(Ok(()), |name| write!(f, " (constraint {name})"))
    }
}

impl std::error::Error for Opaque {}

/// Whether a statement gave up waiting for a lock (`lock_timeout`).
#[must_use]
pub fn is_lock_timeout(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, info) if info.message().contains("lock timeout"))
}

/// A named constraint and what it means when it is violated.
pub type Meaning = (&'static str, fn() -> AppError);

/// Maps violated named constraints to the errors that the call site gives; any other failure stays what it is.
pub fn on_constraint<const N: usize>(meanings: [Meaning; N]) -> impl FnOnce(Error) -> AppError {
    move |error| {
        let violated = match &error {
            Error::DatabaseError(_, info) => info.constraint_name(),
            _ => None,
        };
        match meanings.iter().find(|(name, _)| violated == Some(*name)) {
            Some((_, meaning)) => meaning(),
            None => error.into(),
        }
    }
}

fn classify(kind: &DatabaseErrorKind, info: &dyn DatabaseErrorInformation) -> ErrorCode {
    let message = info.message();
    match kind {
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => ErrorCode::DatabaseUnavailable,
        DatabaseErrorKind::SerializationFailure => ErrorCode::Overloaded,
        // libpq gives no SQLSTATE through diesel for these; the catalogue lint sees to it that messages are English.
        _ if message.contains("statement timeout") => ErrorCode::DeadlineExceeded,
        _ if message.contains("lock timeout") || message.contains("deadlock detected") => ErrorCode::Overloaded,
        _ if message.contains("server closed the connection")
            || message.contains("terminating connection")
            || message.contains("the database system is")
            || message.contains("no connection to the server") =>
        {
            ErrorCode::DatabaseUnavailable
        }
        _ => ErrorCode::Internal,
    }
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        match &error {
            Error::NotFound => Self::internal(Opaque { kind: "a row that must exist was not found".into(), constraint: None }),
            Error::DatabaseError(kind, info) => Self::new(classify(kind, info.as_ref()))
                .because(Opaque { kind: format!("{kind:?}"), constraint: info.constraint_name().map(str::to_owned) }),
            Error::BrokenTransactionManager => {
                Self::new(ErrorCode::DatabaseUnavailable).because(Opaque { kind: "broken transaction".into(), constraint: None })
            }
            // Their texts are diesel's own and hold no value of ours.
            Error::SerializationError(_) | Error::DeserializationError(_) => {
                Self::internal(Opaque { kind: "a value does not map to its type".into(), constraint: None })
            }
            // The texts of the others may nest a message of the server's.
            _ => Self::internal(Opaque { kind: "the driver failed".into(), constraint: None }),
        }
    }
}
