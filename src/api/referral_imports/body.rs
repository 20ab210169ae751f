//! What comes in and goes out at the import endpoints.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::api::referrals::MatchDetails;
use crate::domain::fault::FaultCode;
use crate::domain::ids::{ReferralId, ReferralImportId};
use crate::domain::imports::{
    ImportDelimiter, ImportField, ImportFormat, ImportOutcome, ImportStatus, ImportStopReason, RowFault, RowRefusal,
};
use crate::domain::text::{Code, ColumnNames, Reference, SourceTag};
use crate::domain::vocabulary::{Channel, ContactBasis, ContactPath, LateReason};
use crate::ops::create_referral::NewReferral;
use crate::ops::receive_referral_import::NewRow;
use crate::store::referral_imports::{ImportRow, ResultRow};

/// One row of an import: a line of NDJSON, or a record of CSV whose columns have these names (`match.email` and `match.phone` for what lies
/// in `match`; in any case, and with spaces, hyphens or dots for underscores). These fields and no others.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "row_key": "2026-05-117", "partner": "lakeside-cardiology", "study": "heart-2026", "channel": "phone_handoff",
    "contact_basis": "permission_to_contact", "contact_path": "site_record", "external_ref": "CRM-4711",
    "late_reason": "phone_handoff_logged_late", "received_at": "2026-05-28T14:30:00Z"
}))]
pub struct ImportReferral {
    /// Your own key of the row: the same in every file that has the row, and no other row's. Where it is absent, `external_ref` is the key
    /// within partner and study, or else `partner_reference` is.
    pub row_key: Option<Reference>,
    /// Code of the partner that referred.
    pub partner: Code,
    /// Code of the study.
    pub study: Code,
    /// How the referral reached the site; one of the route's channels.
    pub channel: Channel,
    /// On what ground the person may be contacted.
    pub contact_basis: ContactBasis,
    /// How the person is reached without being stored here. A file brings no `sealed_details`.
    pub contact_path: ContactPath,
    /// The partner's own reference: an opaque code, unique per partner.
    pub partner_reference: Option<Reference>,
    /// The site's reference to its own record.
    pub external_ref: Option<Reference>,
    /// Why it is recorded after the fact: then staff records it also on a route that takes nobody now.
    pub late_reason: Option<LateReason>,
    /// When it happened, if not now: in UTC, not in the future and not more than 366 days ago.
    pub received_at: Option<DateTime<Utc>>,
    /// How the source is recognised; the route's tag if absent.
    pub source_tag: Option<SourceTag>,
    /// For recognising a person only: digested while the file comes in, and dropped.
    #[serde(rename = "match")]
    #[validate(nested)]
    pub match_details: Option<MatchDetails>,
}
contract!(ImportReferral);

impl From<ImportReferral> for NewRow {
    fn from(row: ImportReferral) -> Self {
        let (email, phone) = row.match_details.map_or((None, None), |details| (details.email, details.phone));
        let referral = NewReferral {
            partner: Some(row.partner.clone()),
            study: row.study,
            channel: row.channel,
            contact_basis: row.contact_basis,
            contact_path: row.contact_path,
            partner_reference: row.partner_reference,
            external_ref: row.external_ref,
            late_reason: row.late_reason,
            received_at: row.received_at,
            source_tag: row.source_tag,
            email,
            phone,
            details: None,
            quarantine: None,
        };
        Self { row_key: row.row_key, referral, partner: row.partner }
    }
}

/// A CSV file (RFC 4180): its first line names the columns; between them stand commas, semicolons, tabs or `|`, and its text is UTF-8,
/// UTF-16, Windows-1252 or whatever else is recognised.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary, max_length = 2_000_000_000, pattern = "^[^\\x00]*$", example = "row_key,partner,study,channel,contact_basis,contact_path,received_at\r\n2026-05-117,lakeside-cardiology,heart-2026,phone_handoff,permission_to_contact,person_uses_intake,2026-05-28T14:30:00Z\r\n")]
#[allow(dead_code, reason = "documentation only: the file is streamed")]
pub struct CsvFile(String);

/// How to read the file.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CreateReferralImport {
    /// Only say what would become of each row. Nothing is made; rows that repeat one another over more than some hundred others, or together
    /// exceed a route's capacity, show only when the file is really imported.
    #[schema(nullable = false)]
    #[param(nullable = false, default = false, example = true)]
    pub dry_run: Option<bool>,
    /// Columns of the file to leave out, with commas between: their names as in its header, in any case, or `#7` for the seventh.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "Notes,Medical history")]
    pub drop_columns: Option<ColumnNames>,
}
contract!(CreateReferralImport);

/// What a column of the file is read as.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"column": 3, "field": "study"}))]
pub struct ImportColumnView {
    /// Which column, counted from 1.
    #[schema(minimum = 1, maximum = 256)]
    pub column: i32,
    /// The field of the contract; `null`: it was left out.
    pub field: Option<ImportField>,
}

/// An import of referrals.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "status": "running", "stop_reason": null, "dry_run": false, "format": "csv",
    "encoding": "UTF-8", "delimiter": "comma", "columns": [{"column": 1, "field": "row_key"}, {"column": 2, "field": null}],
    "rows": 500, "done": 300, "created": 280, "unchanged": 8, "refused": 12, "rows_per_second": 2400.5,
    "estimated_end_at": "2026-06-01T09:00:01Z", "created_at": "2026-06-01T09:00:00Z", "started_at": "2026-06-01T09:00:00Z", "ended_at": null
}))]
pub struct ReferralImportView {
    /// Id of the import.
    pub id: ReferralImportId,
    /// Where it stands.
    pub status: ImportStatus,
    /// Why it was stopped.
    pub stop_reason: Option<ImportStopReason>,
    /// Whether it only says what would become of each row.
    pub dry_run: bool,
    /// What kind of file.
    pub format: ImportFormat,
    /// How its text is written, by the name of the Encoding Standard; `null` until that is known.
    #[schema(max_length = 40, pattern = "^[A-Za-z0-9_-]+$")]
    pub encoding: Option<String>,
    /// What stands between its cells; `null` for NDJSON.
    pub delimiter: Option<ImportDelimiter>,
    /// What each column is read as; empty for NDJSON.
    #[schema(max_items = 256)]
    pub columns: Vec<ImportColumnView>,
    /// How many rows came in.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub rows: i32,
    /// How many of them are done.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub done: i32,
    /// How many became a referral.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub created: i32,
    /// How many had been imported before.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub unchanged: i32,
    /// How many were refused.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub refused: i32,
    /// How many were done in a second; `null` before the second batch.
    #[schema(minimum = 0.0, maximum = 1e9)]
    pub rows_per_second: Option<f64>,
    /// When it will have ended at that rate; `null` when nobody can say, or it has.
    pub estimated_end_at: Option<DateTime<Utc>>,
    /// When its file began to come in.
    pub created_at: DateTime<Utc>,
    /// When its first rows were done.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<ImportRow> for ReferralImportView {
    fn from(import: ImportRow) -> Self {
        let done = import.done();
        // At its last step, and not at the moment of the question: an import that stands still shows no other rate for that.
        let elapsed = import.started_at.map(|started| import.ended_at.unwrap_or(import.updated_at) - started);
        let rate = elapsed.filter(|elapsed| *elapsed > Duration::zero()).map(|elapsed| {
            let seconds = elapsed.as_seconds_f64();
            (f64::from(done) / seconds * 10.0).round() / 10.0
        });
        let left = f64::from(import.rows.saturating_sub(done));
        let estimated = rate.filter(|rate| *rate > 0.0 && import.status == ImportStatus::Running).map(|rate| {
            let millis = (left / rate * 1_000.0).min(1e12);
            import.updated_at + Duration::milliseconds(millis as i64)
        });
        let column = |(index, field): (usize, &String)| ImportColumnView {
            column: i32::try_from(index + 1).unwrap_or(i32::MAX),
            field: ImportField::from_code(field),
        };
        Self {
            id: import.id,
            status: import.status,
            stop_reason: import.stop_reason,
            dry_run: import.dry_run,
            format: import.format,
            encoding: import.encoding,
            delimiter: import.delimiter,
            columns: import.column_fields.0.iter().enumerate().map(column).collect(),
            rows: import.rows,
            done,
            created: import.created,
            unchanged: import.unchanged,
            refused: import.refused,
            rows_per_second: rate,
            estimated_end_at: estimated,
            created_at: import.created_at,
            started_at: import.started_at,
            ended_at: import.ended_at,
        }
    }
}

/// A page of imports.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferralImportPage {
    /// The imports, the newest first.
    #[schema(max_items = 200)]
    pub data: Vec<ReferralImportView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which imports to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListReferralImports {
    /// Only imports that stand here.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<ImportStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListReferralImports);

/// Why a row was refused. Never what stood in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"column": "contact_basis", "code": "unknown_value"}))]
pub struct ImportFaultView {
    /// The field at fault; `null`: the row as a whole.
    pub column: Option<ImportField>,
    /// What is wrong, as a code.
    #[schema(schema_with = codes)]
    pub code: String,
}

fn codes() -> Schema {
    let faults = FaultCode::ALL.iter().map(|code| code.as_str());
    let codes: Vec<&str> = faults.chain(RowRefusal::ALL.iter().map(|refusal| refusal.as_str())).collect();
    let description = "What is wrong: a code as in the `errors` of a body or, of the row as a whole, as `create_referral` would answer; `malformed_json`, `not_an_object` and `json_too_deep` for a line that is no row, `row_width` for another number of cells than the header's, `row_key_used` for a key that was imported with other content.";
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).description(Some(description)).into()
}

impl From<RowFault> for ImportFaultView {
    fn from(fault: RowFault) -> Self {
        Self { column: fault.column, code: fault.code }
    }
}

/// What became of a row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "row": 118, "outcome": "refused", "referral_id": null, "faults": [{"column": "contact_basis", "code": "unknown_value"}]
}))]
pub struct ImportRowView {
    /// Its number in the file: the record of a CSV file, whose header is 1, or the line of NDJSON.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub row: i32,
    /// What became of it.
    pub outcome: ImportOutcome,
    /// Its referral; `null` when it was refused, and in a dry run while there is none.
    pub referral_id: Option<ReferralId>,
    /// Why it was refused: every fault that can be told before the others are gone.
    #[schema(max_items = 100)]
    pub faults: Vec<ImportFaultView>,
}

impl From<ResultRow> for ImportRowView {
    fn from(row: ResultRow) -> Self {
        let faults = row.faults.as_deref().map(RowFault::from_text).unwrap_or_default();
        Self {
            row: row.row_number,
            outcome: row.outcome,
            referral_id: row.referral_id,
            faults: faults.into_iter().map(ImportFaultView::from).collect(),
        }
    }
}

/// A page of rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportRowPage {
    /// The rows that are done, in the order of the file.
    #[schema(max_items = 200)]
    pub data: Vec<ImportRowView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which rows to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListImportRows {
    /// Only rows of which this became.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub outcome: Option<ImportOutcome>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListImportRows);
