//! `handoff guard` as whoever maps a spreadsheet or measures the guard runs it: lines in, lines out, no database and no settings.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn run(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handoff"));
    command.env_clear().arg("guard").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn answers(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn texts_as_ndjson_or_plain_lines_are_answered_in_order_without_the_text() {
    let input = [
        r#"{"id": "a", "text": "Takes warfarin since her stroke in March"}"#,
        r#"{"id": 2, "text": "Call the partner about the missing tag", "kind": "next_action", "label": "benign"}"#,
        "her phone is 555-201-0147",
    ];
    let output = run(&[], &input.join("\n"));
    let answers = answers(&output);
    let told: Vec<Value> = answers.iter().map(|answer| json!([answer["id"], answer["verdict"]])).collect();
    assert_eq!(told, [json!(["a", "sensitive"]), json!([2, "clear"]), json!([3, "sensitive"])]);
    for answer in &answers {
        let score = answer["score"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&score) && answer["categories"].is_array() && answer["rules"].is_array());
    }
    assert_eq!(answers[2]["rules"][0], "phone_number");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(!printed.contains("warfarin") && !printed.contains("0147") && output.stderr.is_empty());
}

#[test]
fn the_profile_decides_what_copy_may_say() {
    let text = "Living with gout? See whether a new study could be an option.";
    let verdict = |arguments: &[&str]| answers(&run(arguments, text))[0]["verdict"].as_str().unwrap().to_owned();
    assert_eq!(verdict(&["--profile", "copy"]), "clear");
    assert_eq!(verdict(&["--profile", "strict"]), "sensitive");
    assert_eq!(run(&["--profile", "lenient"], text).status.code(), Some(2));
}

#[test]
fn field_names_are_classed_with_their_category() {
    let input = "{\"name\": \"patient_dob\"}\nnextAction\n{\"name\": \"flux\"}\n{\"name\": \"f0lgen.di@gnosis\"}\n";
    let told: Vec<Value> =
        answers(&run(&["--fields"], input)).iter().map(|answer| json!([answer["name"], answer["class"]])).collect();
    assert_eq!(
        told,
        [
            json!(["patient_dob", "sensitive"]),
            json!(["nextAction", "allowed"]),
            json!(["flux", "unknown"]),
            json!(["f0lgen.di@gnosis", "sensitive"]),
        ]
    );
}

#[test]
fn columns_that_must_not_be_imported_are_named_for_their_name_or_for_what_they_hold() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leads.csv");
    let mut sheet = String::from("Received,Source,Patient Name,Info,Status\n");
    for row in 0..40 {
        let info = if row % 4 == 0 { "\"on insulin, her sugar was 280 last week\"" } else { "" };
        sheet.push_str(&format!("2026-05-{:02},lakeside,Person {row},{info},received\n", row % 28 + 1));
    }
    std::fs::write(&path, sheet).unwrap();
    let output = run(&["--csv", path.to_str().unwrap()], "");
    let told: Vec<Value> = answers(&output)
        .iter()
        .map(|column| json!([column["column"], column["name"], column["because"], column["refused"], column["texts"]]))
        .collect();
    assert_eq!(told[0].as_array().unwrap()[..3], [json!(3), json!("Patient Name"), json!("name")]);
    assert_eq!(told[1], json!([4, "Info", "content", 10, 10]));
    assert_eq!(told.len(), 2);
    assert!(!String::from_utf8(output.stdout).unwrap().contains("insulin"));
    let missing = run(&["--csv", "no-such-file.csv"], "");
    assert_eq!((missing.status.code(), missing.stdout.len()), (Some(1), 0));
}
