//! The approved language of the sample's studies: written by one, approved by another, acknowledged by every partner.

use chrono::{DateTime, Days, Utc};

use super::text;
use crate::auth::{Actor, PartnerActor};
use crate::db::Conn;
use crate::domain::ids::{ApiKeyId, LanguageVersionId, PartnerId};
use crate::domain::language::LanguageAudience;
use crate::error::AppError;
use crate::ops::create_language_version::{self, NewLanguageVersion};
use crate::ops::move_language_version::{self, Step};
use crate::ops::{Context, Expected, create_acknowledgement};

/// How long the sample's approvals hold, in days.
const HOLDS: u64 = 365;

/// Writes and approves the words of a study.
pub(super) fn approve(
    conn: &mut Conn,
    author: &Context,
    approver: &Context,
    study: &str,
    (public_name, short_description): (&str, &str),
    start: DateTime<Utc>,
) -> Result<LanguageVersionId, AppError> {
    let today = start.date_naive();
    let new = NewLanguageVersion {
        study: text(study)?,
        locale: text("en-US")?,
        audience: LanguageAudience::GeneralPublic,
        public_name: text(public_name)?,
        short_description: text(short_description)?,
        who_may_contact: text("Adults who want to know more may contact the site themselves.")?,
        what_site_reviews: text("The study team talks with each person about whether the study fits.")?,
        what_not_to_promise: text("Do not promise a place, a treatment, a result or a payment.")?,
        where_to_go: text("Give the person the code and the intake address.")?,
        who_handles_questions: text("The study team answers all questions about taking part.")?,
        approval_reference: Some(text("IRB-SAMPLE-1")?),
        // The day before, so that it counts whatever the time is at the site.
        effective_on: today.checked_sub_days(Days::new(1)),
        expires_on: today.checked_add_days(Days::new(HOLDS)),
        grace_days: None,
    };
    let id = create_language_version::run(conn, author, new)?.version.id;
    move_language_version::run(conn, author, id, &Expected::Any, Step::Submit)?;
    move_language_version::run(conn, approver, id, &Expected::Any, Step::Approve)?;
    Ok(id)
}

/// A partner accepts the words of its studies with its key.
pub(super) fn acknowledge(
    conn: &mut Conn,
    operator: &Context,
    partner: PartnerId,
    key: ApiKeyId,
    versions: &[LanguageVersionId],
) -> Result<(), AppError> {
    let actor = Actor::Partner(PartnerActor { key, partner, is_test: false });
    let context = Context { actor, ..operator.clone() };
    for version in versions {
        create_acknowledgement::run(conn, &context, *version)?;
    }
    Ok(())
}
