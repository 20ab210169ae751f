//! By construction: no answer but that of a read has a place for a detail, no answer has one for a text about a person, and no table
//! but `sealed_details` has a column for either.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Value, json};

use super::FIELDS;
use crate::contract::document;
use crate::contract::walk::{follow, operations};

/// The schemas of the coded types: whatever a field that holds one is called.
const TYPES: [&str; 4] = ["PreferredContactTime", "InterpreterLanguage", "AgeBand", "SealedNote"];
/// The operation that may answer them.
const READ: &str = "read_sealed_details";

/// Texts that an answer may hold: what a person of the site wrote for others to read, and what we say ourselves. None is about a person
/// who was referred. Another one is a decision to be taken here.
const COPY: &[&str] = &[
    // Names that the site gave to itself, its members, partners and keys.
    "SiteView.name",
    "MemberView.display_name",
    "MemberView.email",
    "MemberIdentity.subject",
    "PartnerView.name",
    "PartnerOwnView.name",
    "ApiKeyView.name",
    "IssuedApiKeyView.name",
    // The words of a study, of its approved language, and what a partner tells a person to do.
    "StudyView.public_name",
    "StudyView.short_description",
    "CheckedDraft.public_name",
    "CurrentLanguage.public_name",
    "CurrentLanguage.short_description",
    "CurrentLanguage.what_not_to_promise",
    "CurrentLanguage.what_site_reviews",
    "CurrentLanguage.where_to_go",
    "CurrentLanguage.who_handles_questions",
    "CurrentLanguage.who_may_contact",
    "LanguageVersionView.public_name",
    "LanguageVersionView.short_description",
    "LanguageVersionView.what_not_to_promise",
    "LanguageVersionView.what_site_reviews",
    "LanguageVersionView.where_to_go",
    "LanguageVersionView.who_handles_questions",
    "LanguageVersionView.who_may_contact",
    "PartDiff.after",
    "PartDiff.before",
    "ChannelSetup.instruction",
    "Handoff.instruction",
    // Addresses of the site's pages.
    "RouteView.intake_link",
    "PartnerRouteView.intake_link",
    "Problem.intake_url",
    // Sentences of ours.
    "Problem.title",
    "Problem.detail",
    "FaultBody.message",
    "BulkResult.detail",
    "Chance.statement",
    "FeedbackFigure.what_to_do",
    "FeedbackIssue.what_to_do",
    "LaunchBlocker.what_to_do",
    "LaunchCheckItem.what_to_do",
    "PreflightView.what_to_do",
    "RefusalView.what_to_do",
    "TestStepView.what_to_do",
    "LanguageCheckView.rules_version",
    "LanguageFinding.source",
    "LanguageFinding.suggestion",
    // Codes, ids, times and `changed`: `tests/api/journal` holds them to that.
    "FieldChange.after",
    "FieldChange.before",
];

/// The tables of referrals and what is told of them, with every column that they have. A new one is a decision to be taken here.
const ABOUT_REFERRALS: &[(&str, &str)] = &[
    (
        "audit_entries",
        "site_id id recorded_at actor_kind actor_id api_key_id partner_id operation subject_kind subject_id reason \
         request_id before after salt values_digest",
    ),
    (
        "duplicate_reviews",
        "site_id id first_referral_id second_referral_id grounds status is_test opened_at resolved_at resolved_by \
         kept_referral_id version",
    ),
    (
        "events",
        "site_id id number audit_id event_type is_test subject_id version partner_id study_id occurred_at status_before status_after owner_id",
    ),
    ("idempotency_keys", "site_id principal_id operation key_digest fingerprint status location etag body created_at"),
    ("match_results", "site_id referral_id partner_id queued_at matched_at candidates"),
    ("referral_digests", "site_id referral_id partner_id kind digest key_id"),
    (
        "referrals",
        "site_id id partner_id study_id route_id channel source_tag attribution contact_basis contact_path handoff_code \
         partner_reference external_ref late_reason owner_id status held_status quarantine_reason blocker close_reason \
         reopen_reason next_action next_action_due_at handoff_issues is_test version received_at recorded_at \
         clock_started_at acknowledged_at contacting_at connected_at handed_off_at closed_at updated_at \
         partner_withdrawn_at held_blocker blocked_since first_due_at first_due_by_receipt_at escalation escalate_at \
         merged_into_id language_version_id",
    ),
    ("refusals", "site_id id partner_id day code refused route_id"),
];

/// Something that only a field for free text, an address or a number takes.
const SAID: [&str; 3] = ["Jane Roe, born 2 March 1957", "jane.roe@mail.example", "+1 202 555 0123"];

/// The branches of a schema that are no `null`, with items of lists.
fn branches<'a>(document: &'a Value, schema: &'a Value) -> Vec<(&'a Value, Option<&'a str>)> {
    let name = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next());
    let schema = follow(document, schema);
    let mut all = vec![(schema, name)];
    for key in ["oneOf", "anyOf", "allOf"] {
        for branch in schema[key].as_array().into_iter().flatten() {
            all.extend(branches(document, branch));
        }
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            all.extend(branches(document, &schema[key]));
        }
    }
    all
}

fn takes_what_is_said(schema: &Value) -> bool {
    let is_text = schema["type"] == "string" || schema["type"].as_array().is_some_and(|types| types.contains(&json!("string")));
    if !is_text || !schema["enum"].is_null() || !schema["const"].is_null() {
        return false;
    }
    if ["uuid", "date", "date-time"].iter().any(|format| schema["format"] == *format) {
        return false;
    }
    let Some(pattern) = schema["pattern"].as_str() else { return true };
    let pattern = Regex::new(pattern).unwrap();
    SAID.iter().any(|said| pattern.is_match(said))
}

struct Search<'a> {
    document: &'a Value,
    operation: &'a str,
    seen: BTreeSet<String>,
    found: BTreeSet<String>,
}

impl<'a> Search<'a> {
    fn look(&mut self, schema: &'a Value, place: &str) {
        for (branch, name) in branches(self.document, schema) {
            let here = name.unwrap_or(place).to_owned();
            if name.is_some() && !self.seen.insert(here.clone()) {
                continue;
            }
            for (field, property) in branch["properties"].as_object().into_iter().flatten() {
                let at = format!("{here}.{field}");
                let of_type = |(schema, name): &(&Value, Option<&str>)| {
                    let words = |known: &&str| &self.document["components"]["schemas"][*known]["enum"];
                    name.is_some_and(|name| TYPES.contains(&name))
                        || schema["enum"].is_array() && TYPES.iter().any(|known| words(known) == &schema["enum"])
                };
                let parts = branches(self.document, property);
                if self.operation != READ && (FIELDS.contains(&field.as_str()) || field == "details" || parts.iter().any(of_type))
                {
                    self.found.insert(format!("{at} is a detail, in {}", self.operation));
                }
                let is_read = self.operation == READ && FIELDS.contains(&field.as_str());
                if !is_read && !COPY.contains(&at.as_str()) && parts.iter().any(|(schema, _)| takes_what_is_said(schema)) {
                    self.found.insert(format!("{at} takes free text"));
                }
                self.look(property, &at);
            }
        }
    }
}

/// Places of answers, and of webhooks, that could hold what they must not.
fn leaks(document: &Value) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut look = |operation: &str, schemas: Vec<&Value>| {
        let mut search = Search { document, operation, seen: BTreeSet::new(), found: BTreeSet::new() };
        for schema in schemas {
            search.look(schema, operation);
        }
        found.extend(search.found);
    };
    for operation in operations(document) {
        let contents = operation.responses(document).into_iter().flat_map(|(_, response)| response["content"].as_object());
        look(operation.id, contents.flat_map(|content| content.values().map(|media| &media["schema"])).collect());
    }
    for (name, item) in document["webhooks"].as_object().into_iter().flatten() {
        let bodies =
            item.as_object().into_iter().flatten().map(|(_, one)| &one["requestBody"]["content"]["application/json"]["schema"]);
        look(name, bodies.collect());
    }
    found.into_iter().collect()
}

/// Every table of `src/schema.rs` with its columns.
fn tables(schema: &str) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut tables = BTreeMap::new();
    for block in schema.split("table! {\n").skip(1) {
        let name = block.trim_start().split([' ', '(']).next().unwrap();
        let columns =
            block.split("\n}").next().unwrap().lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(" -> "));
        tables.insert(name, columns.collect());
    }
    tables
}

/// Columns outside `sealed_details` that could hold what lies there.
fn columns(schema: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (table, columns) in tables(schema).into_iter().filter(|(table, _)| *table != "sealed_details") {
        let told = ABOUT_REFERRALS.iter().find(|(name, _)| *name == table).map(|(_, columns)| *columns);
        for (column, kind) in columns {
            let names = |word: &&str| column.contains(*word);
            if FIELDS.iter().any(names)
                || ["note", "details", "ciphertext", "sealed"].iter().any(|word| column.contains(word) && kind != "Int4")
            {
                found.push(format!("{table}.{column} is named like a detail"));
            }
            if kind.contains("Json") {
                found.push(format!("{table}.{column} takes anything"));
            }
            if told.is_some_and(|told| !told.split_whitespace().any(|known| known == column)) {
                found.push(format!("{table}.{column} is not registered"));
            }
        }
    }
    found
}

const SCHEMA: &str = include_str!("../../../src/schema.rs");

#[test]
fn no_answer_but_that_of_a_read_has_a_place_for_a_detail_or_for_a_text_about_a_person() {
    let document = document();
    assert_eq!(leaks(&document), [] as [&str; 0]);
    let unused: Vec<_> = COPY
        .iter()
        .filter(|place| {
            !place
                .split_once('.')
                .is_some_and(|(schema, field)| document["components"]["schemas"][schema]["properties"][field].is_object())
        })
        .collect();
    assert!(unused.is_empty(), "the list names what is not there: {unused:?}");
}

#[test]
fn a_field_that_could_leak_is_found_wherever_it_is_and_whatever_it_is_called() {
    let document = document();
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    for (schema, field, property) in [
        ("ReferralView", "sealed_note", json!({"type": "integer"})),
        ("ReferralView", "comment", json!({"type": ["string", "null"], "maxLength": 10})),
        ("ReferralView", "caller", json!({"type": "string", "pattern": "^[0-9+ ]{3,40}$"})),
        ("QueueItem", "age", json!({"oneOf": [{"type": "null"}, reference("AgeBand")]})),
        ("EventView", "speaks", reference("InterpreterLanguage")),
        ("EventView", "extra", json!({"type": "object", "properties": {"remark": {"type": "string"}}})),
        ("AuditEntryView", "remarks", json!({"type": "array", "items": {"type": "string"}})),
        ("PartnerReferralView", "opened", reference("DetailsView")),
        (
            "Problem",
            "about",
            json!({"type": "string", "enum": ["weekday_morning", "weekday_afternoon", "weekday_evening", "weekend"]}),
        ),
    ] {
        let mut spoiled = document.clone();
        let properties = &mut spoiled["components"]["schemas"][schema]["properties"];
        assert!(properties.is_object(), "{schema} is no schema of the document");
        properties[field] = property;
        // A detail that another schema brings along is found where it stands.
        let names = |found: &String| found.starts_with(schema) && found.contains(field) || found.starts_with("DetailsView.");
        assert!(leaks(&spoiled).iter().any(names), "{schema}.{field} is not found");
    }
}

#[test]
fn no_table_but_one_has_a_column_for_a_detail_and_those_of_referrals_are_registered() {
    assert_eq!(columns(SCHEMA), [] as [&str; 0]);
    let tables = tables(SCHEMA);
    for (table, told) in ABOUT_REFERRALS {
        let there: BTreeSet<&str> = tables[table].iter().map(|(column, _)| *column).collect();
        assert_eq!(told.split_whitespace().collect::<BTreeSet<_>>(), there, "{table}");
    }
    assert!(tables["sealed_details"].contains(&("ciphertext", "Bytea")));
    for (table, column, says) in [
        ("members", "age_band -> Nullable<Text>", "members.age_band is named"),
        ("alerts", "call_note -> Text", "alerts.call_note is named"),
        ("partners", "extra -> Jsonb", "partners.extra takes anything"),
        ("referrals", "remark -> Text", "referrals.remark is not registered"),
        ("events", "payload -> Text", "events.payload is not registered"),
    ] {
        let at = SCHEMA.find(&format!("    {table} (site_id")).unwrap();
        let end = at + SCHEMA[at..].find("{\n").unwrap() + 2;
        let spoiled = format!("{}        {column},\n{}", &SCHEMA[..end], &SCHEMA[end..]);
        let found = columns(&spoiled);
        assert!(found.len() == 1 && found[0].starts_with(says), "{found:?}");
    }
}
