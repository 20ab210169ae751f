//! Query parameters: the same allowlist as bodies, with the same faults.

use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::body::Contract;
use crate::domain::fault::{Fault, FaultCode};
use crate::error::{AppError, ErrorCode};
use crate::privacy::guard::Registered;
use crate::privacy::json::{Node, Number};

/// Query parameters inside the contract.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: Contract> FromRequest for Query<T> {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse::<T>(request.query_string()).map(Self))
    }
}

fn parse<T: Contract>(query: &str) -> Result<T, AppError> {
    let members = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| {
            // These are the numbers among parameters, and those that are true or false; everything else is text.
            let node = match (name.as_ref(), value.parse::<u64>(), value.parse::<bool>()) {
                ("limit" | "wait_seconds", Ok(number), _) => Node::Number(Number::Unsigned(number)),
                ("active" | "dry_run", _, Ok(word)) => Node::Bool(word),
                _ => Node::String(Cow::Owned(value.into_owned())),
            };
            (Cow::Owned(name.into_owned()), node)
        })
        .collect();
    let node = Node::Object(members);
    let shape = T::shape().map_err(|error| AppError::internal(error.to_string()))?;
    let faults: Vec<Fault> = shape
        .check(&node, &Registered::NONE)
        .into_iter()
        // A parameter's name is not a field of a record: there is one class of unknown ones.
        .map(|fault| match fault.code {
            FaultCode::SensitiveField | FaultCode::UnknownField => Fault {
                code: FaultCode::UnknownField,
                category: None,
                message: "This operation has no such query parameter. Leave it out.".into(),
                ..fault
            },
            _ => fault,
        })
        .collect();
    if !faults.is_empty() {
        return Err(AppError::new(ErrorCode::InvalidParameter).with_faults(faults));
    }
    serde_path_to_error::deserialize(node.to_json())
        .map_err(|error| AppError::internal(format!("schema and type of a query differ at {}", error.path())))
}
