//! What goes into and out of the language check. Nothing that goes out can hold a word of the draft.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::language_check::{DraftKind, Finding, FindingSeverity, LanguageRule, MAX_FINDINGS, RULES_VERSION, Span};
use crate::domain::text::{Code, DraftText, PublicName};
use crate::error::AppError;
use crate::store::studies::StudyRow;

/// The largest draft, in bytes of UTF-8.
const MAX_BYTES: usize = 20_000;

/// A draft to check.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "study": "heart-2026", "kind": "flyer",
    "text": "The Heart Rhythm Study is looking for adults.\nYou qualify! Earn $500 and call now."
}))]
pub struct CheckLanguage {
    /// Code of the study that the draft is for.
    pub study: Code,
    /// The draft as plain text, at most 20,000 bytes of UTF-8. Mark-up is read as it stands: `**` and `<b>` count as bold.
    pub text: DraftText,
    /// What it is meant for. A script is spoken, so that capitals and bold type say nothing in it; otherwise all are read alike.
    #[schema(nullable = false)]
    pub kind: Option<DraftKind>,
}
contract!(CheckLanguage);

/// The schema counts characters; the limit is in bytes.
///
/// # Errors
/// 422 for a longer one.
pub(super) fn bounded(text: &DraftText) -> Result<(), AppError> {
    if text.as_str().len() <= MAX_BYTES {
        return Ok(());
    }
    let message = "Send at most 20000 bytes of UTF-8 in one check: shorten the draft, or check it in parts.";
    Err(AppError::invalid(vec![Fault::new("/text", FaultCode::TooLong, message)]))
}

/// A part of the draft, counted in Unicode code points (scalar values) from 0: in Python `text[start:end]`, in JavaScript
/// `Array.from(text).slice(start, end)`. A line break sent as CR LF counts two.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"start": 46, "end": 57}))]
pub struct TextSpan {
    /// The first character of the part.
    #[schema(format = Int32, minimum = 0, maximum = 20000)]
    pub start: usize,
    /// The first character after it.
    #[schema(format = Int32, minimum = 0, maximum = 20000)]
    pub end: usize,
}

impl From<Span> for TextSpan {
    fn from(span: Span) -> Self {
        Self { start: span.start, end: span.end }
    }
}

/// One thing to change or to look at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "rule": "implied_eligibility", "severity": "must_change", "span": {"start": 46, "end": 57},
    "suggestion": "Say that the person may be eligible and that the study team reviews it: \"You may be eligible. The study team will review this with you.\"",
    "source": "IRB practice on recruitment material; the site alone reviews eligibility (Handoff, approved language)"
}))]
pub struct LanguageFinding {
    /// Which rule.
    pub rule: LanguageRule,
    /// What it asks for.
    pub severity: FindingSeverity,
    /// Where; `null` when it is about the whole draft.
    pub span: Option<TextSpan>,
    /// What to write instead: approved words, or the rule's own. For a person; do not parse it.
    #[schema(min_length = 1, max_length = 2000)]
    pub suggestion: String,
    /// Where the rule comes from.
    #[schema(min_length = 1, max_length = 200)]
    pub source: &'static str,
}

impl From<Finding> for LanguageFinding {
    fn from(finding: Finding) -> Self {
        Self {
            rule: finding.rule,
            severity: finding.severity,
            span: finding.span.map(TextSpan::from),
            suggestion: finding.suggestion,
            source: finding.rule.source(),
        }
    }
}

/// What a draft was compared with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"study": "heart-2026", "public_name": "Heart Rhythm Study", "kind": "flyer"}))]
pub struct CheckedDraft {
    /// Code of the study.
    pub study: Code,
    /// Its approved public name.
    pub public_name: PublicName,
    /// What the draft is meant for, as it was sent.
    pub kind: Option<DraftKind>,
}

/// What was found in a draft.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "findings": [{
        "rule": "implied_eligibility", "severity": "must_change", "span": {"start": 46, "end": 57},
        "suggestion": "Say that the person may be eligible and that the study team reviews it: \"You may be eligible. The study team will review this with you.\"",
        "source": "IRB practice on recruitment material; the site alone reviews eligibility (Handoff, approved language)"
    }],
    "is_complete": true, "rules_version": "2026.1",
    "checked": {"study": "heart-2026", "public_name": "Heart Rhythm Study", "kind": "flyer"}
}))]
pub struct LanguageCheckView {
    /// The findings in order of place; those about the whole draft come first.
    #[schema(max_items = 200)]
    pub findings: Vec<LanguageFinding>,
    /// Whether these are all; a draft with more than 200 shows the first.
    pub is_complete: bool,
    /// Which rules judged it. Another version may find something else in the same draft.
    #[schema(min_length = 1, max_length = 20)]
    pub rules_version: &'static str,
    /// What it was compared with.
    pub checked: CheckedDraft,
}

impl LanguageCheckView {
    pub(super) fn new(study: StudyRow, kind: Option<DraftKind>, findings: Vec<Finding>) -> Self {
        Self {
            is_complete: findings.len() <= MAX_FINDINGS,
            findings: findings.into_iter().take(MAX_FINDINGS).map(LanguageFinding::from).collect(),
            rules_version: RULES_VERSION,
            checked: CheckedDraft { study: study.code, public_name: study.public_name, kind },
        }
    }
}
