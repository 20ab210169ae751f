//! Bodies against compiled schemas: every fault in its place.

use proptest::prelude::*;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::fault::{Fault, FaultCode};
use crate::privacy::guard::Registered;
use crate::privacy::json::parse;
use crate::privacy::shape::{MAX_FAULTS, Shape};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Channel {
    SelfReferral,
    SecureForm,
}

#[derive(Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 8, pattern = "^[A-Z0-9-]+$")]
#[allow(dead_code, reason = "read by serde and utoipa only")]
struct Code(String);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read by serde and utoipa only")]
struct Match {
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    #[schema(max_length = 20)]
    phone: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read by serde and utoipa only")]
struct Create {
    study: Code,
    channel: Channel,
    backup_channel: Option<Channel>,
    id: Option<uuid::Uuid>,
    received_at: Option<chrono::DateTime<chrono::Utc>>,
    #[serde(rename = "match")]
    matching: Option<Match>,
    #[schema(minimum = 1, maximum = 200)]
    attempts: Option<i32>,
    #[schema(minimum = 0.0, maximum = 1.0)]
    share: Option<f64>,
    urgent: Option<bool>,
    #[schema(min_items = 1, max_items = 3)]
    tags: Option<std::collections::BTreeSet<String>>,
    #[schema(max_length = 40, extensions(("x-multiline" = json!(true))))]
    wording: Option<String>,
    #[serde(default)]
    #[schema(nullable = false, max_items = 2)]
    codes: Option<Vec<Code>>,
    #[schema(format = "uri", max_length = 200)]
    hook: Option<String>,
}

fn shape() -> Shape {
    // The set's items are plain strings: bounded in the hand-written form only.
    let schema = serde_json::to_value(<Create as utoipa::PartialSchema>::schema()).expect("schema");
    let mut schema = schema;
    schema["properties"]["tags"]["items"]["maxLength"] = 5.into();
    let mut components = Vec::new();
    Create::schemas(&mut components);
    let components = components.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).expect("schema"))).collect();
    super::super::compile::compile_value("Create", &schema, components).expect("closed")
}

fn faults(body: &str) -> Vec<Fault> {
    shape().check(&parse(body.as_bytes()).expect("JSON"), &Registered::NONE)
}

/// `pointer#index code`, one line per fault.
fn found(body: &str) -> Vec<String> {
    faults(body)
        .iter()
        .map(|fault| match fault.index {
            Some(index) => format!("{}#{index} {}", fault.pointer, fault.code),
            None => format!("{} {}", fault.pointer, fault.code),
        })
        .collect()
}

/// A body of the two required members and these.
fn with(members: &str) -> Vec<String> {
    found(&format!(r#"{{"study":"ABC-1","channel":"secure_form",{members}}}"#))
}

#[test]
fn a_full_body_passes_and_its_tree_becomes_the_struct() {
    let body = r#"{"study":"ABC-1","channel":"self_referral","backup_channel":"secure_form",
        "id":"019a2b3c-0000-7000-8000-000000000000","received_at":"2026-01-31T09:30:00.5+02:00",
        "match":{"email":"a@b.example","phone":null},"attempts":200,"share":1,"urgent":false,
        "tags":["a","b"],"wording":"one\n\ttwo","codes":["A","B"],"hook":"https://a.example/x"}"#;
    let tree = parse(body.as_bytes()).expect("JSON");
    assert_eq!(shape().check(&tree, &Registered::NONE), []);
    let create: Create = serde_json::from_value(tree.to_json()).expect("typed");
    assert_eq!(create.attempts, Some(200));
}

#[test]
fn the_least_body_and_nulls_where_documented_pass() {
    assert!(with(r#""match":null,"backup_channel":null,"id":null,"tags":null,"attempts":null"#).is_empty());
}

#[test]
fn unknown_members_are_located_by_parent_and_position() {
    assert_eq!(with(r#""x1":1,"match":{"phone":"1","x2":{"deep":[1]}}"#), ["#2 unknown_field", "/match#1 unknown_field"]);
    // Neither case nor spelling is forgiven.
    assert_eq!(found(r#"{"Study":"A","channel":"secure_form"}"#), ["#0 unknown_field", "/study missing_field"]);
}

#[test]
fn sensitive_names_are_classed_even_inside_an_unknown_member() {
    let all = faults(r#"{"study":"A","channel":"secure_form","ssn":"1","x":[{"y":{"diagnosis":"z"}}],"x3":{"y":1}}"#);
    let classes: Vec<_> = all.iter().map(|f| (f.code, f.category.is_some())).collect();
    assert_eq!(classes, [(FaultCode::SensitiveField, true), (FaultCode::SensitiveField, true), (FaultCode::UnknownField, false)]);
}

#[test]
fn contract_names_win_over_the_classifier() {
    assert!(with(r#""match":{"email":"a@b.example","phone":"1"}"#).is_empty());
}

#[test]
fn a_repeated_member_is_located_and_its_first_value_checked() {
    assert_eq!(
        found(r#"{"study":"a","channel":"secure_form","study":"ABC"}"#),
        ["/study bad_format", "/study#2 duplicate_field"]
    );
}

#[test]
fn all_faults_come_at_once_in_document_order() {
    assert_eq!(
        found(r#"{"urgent":"yes","tags":[],"attempts":0,"match":{"email":"x","zz":1},"channel":"fax"}"#),
        [
            "/urgent wrong_type",
            "/tags too_few_items",
            "/attempts out_of_range",
            "/match/email bad_format",
            "/match#1 unknown_field",
            "/channel unknown_value",
            "/study missing_field",
        ]
    );
}

#[test]
fn null_passes_only_where_the_document_says_so() {
    assert_eq!(
        found(r#"{"study":null,"channel":null,"codes":null}"#),
        ["/study null_not_allowed", "/channel null_not_allowed", "/codes null_not_allowed"]
    );
}

#[test]
fn types_are_never_coerced() {
    for wrong in [
        r#""id":1"#,
        r#""urgent":"true""#,
        r#""urgent":0"#,
        r#""attempts":"1""#,
        r#""attempts":1.0"#,
        r#""attempts":1.5"#,
        r#""attempts":1e1"#,
        r#""attempts":true"#,
        r#""share":"0.5""#,
        r#""match":[]"#,
        r#""match":"x""#,
        r#""match":["a@b.example",null]"#,
        r#""tags":{"0":"a"}"#,
        r#""tags":"a""#,
        r#""backup_channel":{"secure_form":null}"#,
        r#""backup_channel":1"#,
    ] {
        let found = with(wrong);
        assert!(found.len() == 1 && found[0].ends_with("wrong_type"), "{wrong}: {found:?}");
    }
}

#[test]
fn limits_hold_on_both_sides() {
    for (wrong, code) in [
        (r#""attempts":201"#, "out_of_range"),
        (r#""attempts":-1"#, "out_of_range"),
        (r#""attempts":99999999999999999999"#, "out_of_range"),
        (r#""share":1.01"#, "out_of_range"),
        (r#""share":-0.5"#, "out_of_range"),
        (r#""codes":["A","B","C"]"#, "too_many_items"),
        (r#""codes":[""]"#, "too_short"),
        (r#""codes":["ABCDEFGHI"]"#, "too_long"),
        (r#""codes":["a"]"#, "bad_format"),
        (r#""codes":["A\n"]"#, "forbidden_character"),
        (r#""codes":[1]"#, "wrong_type"),
        (r#""codes":[null]"#, "null_not_allowed"),
        (r#""tags":["a","b","a"]"#, "duplicate_item"),
        (r#""tags":["a","a\u0000"]"#, "forbidden_character"),
        (r#""wording":"a\r\n""#, "forbidden_character"),
        (r#""wording":"\u200b""#, "forbidden_character"),
        (r#""wording":"u\u0308""#, "not_normalized"),
        (r#""id":"019a2b3c""#, "bad_format"),
        (r#""received_at":"yesterday""#, "bad_format"),
        (r#""received_at":"1800-01-01T00:00:00Z""#, "out_of_range"),
        (r#""hook":"ftp://a.example""#, "bad_format"),
        (r#""backup_channel":"SecureForm""#, "unknown_value"),
    ] {
        let found = with(wrong);
        assert!(found.len() == 1 && found[0].ends_with(code), "{wrong}: {found:?}");
    }
}

#[test]
fn lengths_count_characters_not_bytes() {
    let umlauts: String = "Grüße für Gäste ".repeat(3).chars().take(40).collect();
    assert!(with(&format!(r#""wording":"{umlauts}""#)).is_empty());
    assert_eq!(with(&format!(r#""wording":"{umlauts}ü""#)), ["/wording too_long"]);
}

#[test]
fn the_answer_is_capped() {
    let body: Vec<_> = (0..500).map(|n| format!("\"x{n}\":0")).collect();
    assert_eq!(with(&body.join(",")).len(), MAX_FAULTS);
}

const CANARY: &str = "qzcanaryqz";

/// Members with contract and unknown names, whose values and unknown names all carry the canary.
fn hostile_member() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just(format!("\"{CANARY}\"")),
        Just(format!("\"\\u0000{CANARY}\\u202e\"")),
        Just(format!("\"{CANARY}@{CANARY}.example\"")),
        Just(format!("\"https://{CANARY}:{CANARY}@x\"")),
        Just("null".to_owned()),
        Just("4711471147114711".to_owned()),
    ];
    let value = text.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|v| format!("[{}]", v.join(","))),
            inner.clone().prop_map(|v| format!("{{\"{CANARY}\":{v},\"patient_{CANARY}\":{v}}}")),
            inner.prop_map(|v| format!("{{\"email\":{v},\"phone\":{v},\"{CANARY}/~\":1}}")),
        ]
    });
    let name = prop_oneof![
        Just("study".to_owned()),
        Just("channel".to_owned()),
        Just("id".to_owned()),
        Just("received_at".to_owned()),
        Just("match".to_owned()),
        Just("tags".to_owned()),
        Just("attempts".to_owned()),
        Just("hook".to_owned()),
        Just(CANARY.to_owned()),
        Just(format!("ssn of {CANARY}")),
    ];
    (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"))
}

proptest! {
    #[test]
    fn no_fault_quotes_a_value_or_an_unknown_name(
        members in prop::collection::vec(hostile_member(), 0..8)
    ) {
        let body = format!("{{{}}}", members.join(","));
        for fault in shape().check(&parse(body.as_bytes()).expect("JSON"), &Registered::NONE) {
            let said = format!("{fault:?}");
            prop_assert!(!said.contains(CANARY) && !said.contains("4711"), "{said}");
        }
    }

    #[test]
    fn what_the_check_passes_the_struct_takes(
        code in "[A-Z0-9-]{1,8}", attempts in 1..=200, wording in "[ -~\\n]{0,40}",
        seconds in -2_208_988_800_i64..253_402_300_799, offset in prop_oneof!["Z", "\\+0[0-9]:30"],
    ) {
        let time = chrono::DateTime::from_timestamp(seconds, 0).expect("in range");
        let body = serde_json::json!({
            "study": code, "channel": "secure_form", "attempts": attempts, "wording": wording,
            "received_at": format!("{}{offset}", time.format("%Y-%m-%dT%H:%M:%S")),
        }).to_string();
        let tree = parse(body.as_bytes()).expect("JSON");
        if shape().check(&tree, &Registered::NONE).is_empty() {
            prop_assert!(serde_json::from_value::<Create>(tree.to_json()).is_ok());
        } else {
            // Only an offset at the edge of the years may fail.
            prop_assert!(!(0..253_402_200_000).contains(&seconds), "{body}");
        }
    }
}
