//! Asking the guard: what it would say of a text, for staff who write copy or map a spreadsheet.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use validator::Validate;

use super::extract::{Body, contract};
use crate::auth::Caller;
use crate::auth::permission::AskGuard;
use crate::domain::text::GuardedText;
use crate::error::AppError;
use crate::privacy::guard::{self, Category, GUARD_VERSION, Profile, Registered, Rule, Verdict};
use crate::state::AppState;
use crate::store;

text_enum! {
    /// Who writes the text. `strict`: partners and systems, whose values hold nothing clinical. `copy`: staff, whose registered copy may
    /// name diseases and drugs, and nobody in particular.
    pub enum GuardProfile { Strict = "strict", Copy = "copy" }
}

text_enum! {
    /// What the guard says.
    pub enum GuardVerdict { Sensitive = "sensitive", Clear = "clear" }
}

/// A text to ask about.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Moved the call to Tuesday.", "profile": "strict"}))]
pub struct CheckGuard {
    /// The text. It is read in memory, and kept nowhere.
    pub text: GuardedText,
    /// Who writes it; `strict` if absent.
    #[schema(nullable = false)]
    pub profile: Option<GuardProfile>,
}
contract!(CheckGuard);

/// What the guard says of a text; nothing of the text itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"verdict": "clear", "score": 0.02, "categories": [], "rules": [], "guard_version": "guard-2"}))]
pub struct GuardCheckView {
    /// What it says.
    pub verdict: GuardVerdict,
    /// How likely it is sensitive, from 0 to 1.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub score: f32,
    /// The kinds of content.
    #[schema(schema_with = categories)]
    pub categories: Vec<&'static str>,
    /// The rules that refuse it.
    #[schema(schema_with = rules)]
    pub rules: Vec<&'static str>,
    /// The version of the guard.
    #[schema(max_length = 40, pattern = "^[a-z0-9-]+$")]
    pub guard_version: &'static str,
}

fn categories() -> Schema {
    words("The kinds of content.", Category::ALL.iter().map(|category| category.as_str()).collect())
}

fn rules() -> Schema {
    words("The rules that refuse it.", Rule::ALL.iter().map(|rule| rule.as_str()).collect())
}

/// A list of words of a closed vocabulary, each once.
fn words(description: &str, words: Vec<&'static str>) -> Schema {
    let most = words.len();
    let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
    ArrayBuilder::new().items(word).max_items(Some(most)).description(Some(description)).into()
}

impl From<Verdict> for GuardCheckView {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict: if verdict.sensitive { GuardVerdict::Sensitive } else { GuardVerdict::Clear },
            score: verdict.score,
            categories: verdict.categories.iter().map(Category::as_str).collect(),
            rules: verdict.rules.iter().map(Rule::as_str).collect(),
            guard_version: GUARD_VERSION,
        }
    }
}

/// Ask the guard about a text
///
/// What it would say if the text stood in a field, with the names that the site has registered taken out. The text is read in memory and
/// kept nowhere. `clear` is no permission to send health information: the guard reads wording, and people read sense.
#[utoipa::path(
    operation_id = "check_guard", tag = "feedback",
    request_body(content = CheckGuard, description = "The text, and who writes it."),
    responses((status = 200, description = "What the guard says.", body = GuardCheckView)),
)]
#[post("/v1/guard/check")]
pub async fn check_guard(
    caller: Caller<AskGuard>,
    body: Body<CheckGuard>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let scope = caller.scope;
    let names = app.db.transact(scope, caller.deadline, move |conn| Ok(store::registered_names::known_to(conn, &scope)?)).await?;
    let registered = Registered::new(names.iter().map(String::as_str));
    let profile = match body.value.profile {
        Some(GuardProfile::Copy) => Profile::Copy,
        Some(GuardProfile::Strict) | None => Profile::Strict,
    };
    let verdict = guard::check(body.value.text.as_str(), profile, &registered);
    Ok(HttpResponse::Ok().json(GuardCheckView::from(verdict)))
}
