//! Liveness and readiness: for load balancers, without credentials and without detail.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::reply::Reply;
use crate::db::Whose;
use crate::error::{AppError, ErrorCode};
use crate::state::AppState;
use crate::store;

text_enum! {
    /// The one word of health; anything else is a problem answer.
    pub enum HealthWord { Ok = "ok" }
}

/// Whether the server runs, or is ready.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub struct Health {
    /// Always `ok`; anything else is a problem answer.
    pub status: HealthWord,
}

/// Is the server alive?
///
/// Answers without touching the database.
#[utoipa::path(
    operation_id = "healthz", tag = "system",
    responses((status = 200, description = "It is.", body = Health)),
)]
#[get("/healthz")]
pub async fn healthz() -> Result<HttpResponse, AppError> {
    Ok(Reply::plain(&Health { status: HealthWord::Ok })?.into_response())
}

/// Is the server ready to work?
///
/// Asks the database.
#[utoipa::path(
    operation_id = "readyz", tag = "system",
    responses((status = 200, description = "It is.", body = Health)),
)]
#[get("/readyz")]
pub async fn readyz(app: Data<AppState>) -> Result<HttpResponse, AppError> {
    let asked = app.db.look_up(Whose::House, app.deadline(), |conn| Ok(store::sites::ping(conn)?)).await;
    match asked {
        Ok(()) => Ok(Reply::plain(&Health { status: HealthWord::Ok })?.into_response()),
        // Whatever the cause, to a load balancer it is one thing: not now.
        Err(error) if error.code.status() == 503 => Err(error),
        Err(error) => Err(AppError::new(ErrorCode::DatabaseUnavailable).because(error)),
    }
}
