//! Bodies that are not what an operation takes, each at every operation with a body.

use serde_json::json;

use super::{MARK, Tally, body_routes, db_rows};
use crate::support::App;
use crate::support::callers::{fresh_key, send, together};

/// Texts that are no JSON, after JSONTestSuite's `n_` files.
const MALFORMED: &[&[u8]] = &[
    b"",
    b" ",
    b"\n\t\r",
    b"{",
    b"}",
    b"{}}",
    b"{} {}",
    b"{}#",
    b"{\"zqx7\"}",
    b"{\"zqx7\":}",
    b"{\"zqx7\" \"b\"}",
    b"{\"zqx7\"::\"b\"}",
    b"{\"zqx7\":\"b\",}",
    b"{,\"zqx7\":1}",
    b"{\"zqx7\":1,,}",
    b"{\"zqx7\":1 \"b\":2}",
    b"{'zqx7':1}",
    b"{zqx7:1}",
    b"{1:1}",
    b"{\"zqx7\":'b'}",
    b"{\"zqx7\":tru}",
    b"{\"zqx7\":True}",
    b"{\"zqx7\":nul}",
    b"{\"zqx7\":undefined}",
    b"{\"zqx7\":NaN}",
    b"{\"zqx7\":Infinity}",
    b"{\"zqx7\":-Infinity}",
    b"{\"zqx7\":+1}",
    b"{\"zqx7\":01}",
    b"{\"zqx7\":-01}",
    b"{\"zqx7\":1.}",
    b"{\"zqx7\":.5}",
    b"{\"zqx7\":1e}",
    b"{\"zqx7\":1e+}",
    b"{\"zqx7\":0x1F}",
    b"{\"zqx7\":1_000}",
    b"{\"zqx7\":-}",
    b"{\"zqx7\":1e999}",
    b"{\"zqx7\":\"b}",
    b"{\"zqx7\":\"\\x41\"}",
    b"{\"zqx7\":\"\\u12\"}",
    b"{\"zqx7\":\"\\uD800\"}",
    b"{\"zqx7\":\"\\uDC00\\uD800\"}",
    b"{\"zqx7\":\"a\nb\"}",
    b"{\"zqx7\":\"a\tb\"}",
    b"{\"zqx7\":\"a\0b\"}",
    b"{\"zqx7\":\"\\\"}",
    b"{\"zqx7\":[1,}",
    b"{\"zqx7\":[1}]",
    b"{\"zqx7\":[1",
    b"{\"zqx7\":1}//comment",
    b"{/*comment*/\"zqx7\":1}",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\0}\0",
    b"{\"zqx7\":\"\xff\"}",
    b"{\"zqx7\":\"\xc0\xaf\"}",
    b"{\"zqx7\":\"\xed\xa0\x80\"}",
    b"{\"\xe9\":1}",
    b"zqx7=1&b=2",
    b"<zqx7/>",
    b"---\nzqx7: 1\n",
    b"\x1f\x8b\x08\0\0\0\0\0",
    b"\0\0\0\0",
];

const NO_OBJECT: &[&str] = &["[]", "[{}]", "null", "true", "0", "-1.5", "\"zqx7\"", "\"\"", "[\"study\",\"zqx7\"]", "[[[]]]"];

#[actix_web::test]
async fn a_body_that_is_no_json_object_is_refused_by_its_stable_code_at_every_operation() {
    let app = App::start().await;
    let routes = body_routes(&app).await;
    let before = db_rows(&app);
    let tally = std::rc::Rc::new(Tally::default());
    let mut cases: Vec<(Vec<u8>, &str)> = MALFORMED.iter().map(|bytes| (bytes.to_vec(), "malformed_json")).collect();
    cases.extend(NO_OBJECT.iter().map(|text| (text.as_bytes().to_vec(), "not_an_object")));
    let nested = |open: &str, close: &str, depth: usize| (open.repeat(depth) + "1" + &close.repeat(depth)).into_bytes();
    cases.push((nested("[", "]", 10_000), "json_too_deep"));
    cases.push((nested("{\"zqx7\":", "}", 3_000), "json_too_deep"));
    cases.push((nested("{\"zqx7\":", "}", 17), "json_too_deep"));
    cases.push((b"[".repeat(30_000), "json_too_deep"));
    cases.push((format!("{{\"zqx7\":[{}1]}}", "1,".repeat(12_000)).into_bytes(), "malformed_json"));
    cases.push((nested("[", "]", 100_000), "body_too_large"));
    cases.push((nested("{\"zqx7\":", "}", 100_000), "body_too_large"));
    let (count, operations) = (cases.len(), routes.len());
    together(routes.into_iter().map(|route| {
        let (tally, cases) = (std::rc::Rc::clone(&tally), cases.clone());
        async move {
            for (number, (bytes, code)) in cases.into_iter().enumerate() {
                let what = format!("{} case {number}", route.name);
                let answer = route.send(bytes).await;
                tally.check(&what, &answer);
                assert_eq!(answer.code(), code, "{what}");
            }
        }
    }))
    .await;
    assert_eq!(db_rows(&app), before);
    println!("{}", tally.line(&format!("{count} bodies that are no object × {operations} operations")));
}

#[actix_web::test]
async fn a_field_outside_the_contract_is_located_and_classed_and_counts_once_per_request() {
    let app = App::start().await;
    let routes = body_routes(&app).await;
    let before = db_rows(&app);
    let tally = Tally::default();
    for route in &routes {
        let members = route.harmless.as_object().unwrap().len();
        for (name, value, code, fault) in [
            (MARK, json!(1), "unknown_field", "unknown_field"),
            ("medical_history", json!(MARK), "sensitive_field", "sensitive_field"),
            ("patient_name", json!(MARK), "sensitive_field", "sensitive_field"),
            ("extra", json!({"diagnosis": MARK}), "sensitive_field", "sensitive_field"),
            ("__proto__", json!({MARK: 1}), "unknown_field", "unknown_field"),
            ("zqx7\u{202e}", json!(1), "unknown_field", "unknown_field"),
            ("", json!(MARK), "unknown_field", "unknown_field"),
        ] {
            let mut text = route.harmless.to_string();
            text.truncate(text.len() - 1);
            let text = format!("{text},{}:{value}}}", json!(name));
            let answer = route.send(text).await;
            tally.check(&format!("{} {name}", route.name), &answer);
            assert_eq!((answer.status, answer.code()), (422, code), "{} {name}", route.name);
            assert_eq!(answer.faults(), [format!("#{members} {fault}")]);
            assert!(answer.body["intake_url"].is_string(), "a refused body is pointed to where details of a person belong");
        }
        let (name, value) = route.harmless.as_object().unwrap().iter().next().unwrap();
        let mut twice = route.harmless.to_string();
        twice.truncate(twice.len() - 1);
        let answer = route.send(format!("{twice},{}:{value}}}", json!(name))).await;
        tally.check(&format!("{} twice", route.name), &answer);
        assert_eq!((answer.status, answer.code()), (422, "invalid_body"));
        assert_eq!(answer.faults(), [format!("/{name}#{members} duplicate_field")]);
    }
    assert_eq!(db_rows(&app), before);
    println!("{}", tally.line("fields outside the contract"));
}

#[actix_web::test]
async fn a_body_in_another_type_encoding_or_size_is_refused() {
    let app = App::start().await;
    let routes = body_routes(&app).await;
    let before = db_rows(&app);
    let tally = Tally::default();
    for route in &routes {
        let body = route.harmless.to_string();
        let bare = || {
            let request = route.caller.request(route.method.clone(), &route.path);
            request.header("Idempotency-Key", fresh_key()).header("If-Match", "\"999999\"")
        };
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=zqx7",
            "application/xml",
            "application/jsonp",
            "application/vnd.zqx7+json",
            "application/json; charset=utf-16",
            "json",
            "*/*",
            "",
            ";",
        ] {
            let answer = send(bare().header("Content-Type", kind).body(body.clone())).await;
            tally.check(&format!("{} as {kind}", route.name), &answer);
            assert_eq!((answer.status, answer.code()), (415, "unsupported_media_type"), "{kind}");
        }
        let answer = send(bare().body(body.clone())).await;
        tally.check("without a type", &answer);
        assert_eq!(answer.code(), "unsupported_media_type");
        for encoding in ["gzip", "br", "deflate", "identity, gzip", "zqx7"] {
            let request = bare().header("Content-Type", "application/json").header("Content-Encoding", encoding);
            let answer = send(request.body(body.clone())).await;
            tally.check(&format!("{} in {encoding}", route.name), &answer);
            assert_eq!((answer.status, answer.code()), (415, "unsupported_media_type"), "{encoding}");
        }
        // The control: the same body in its own type goes past all this.
        let accepted =
            ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=\"UTF-8\""];
        for kind in accepted {
            let answer = send(bare().header("Content-Type", kind).body(body.clone())).await;
            assert!(matches!(answer.status, 404 | 409 | 412 | 422), "{kind}: {}", answer.text);
        }
        for (padding, within) in [(32 * 1024 - body.len(), true), (32 * 1024 - body.len() + 1, false), (33 * 1024, false)] {
            let answer = route.send(format!("{body}{}", " ".repeat(padding))).await;
            tally.check(&format!("{} padded with {padding}", route.name), &answer);
            assert_eq!(answer.code() == "body_too_large", !within);
        }
    }
    assert_eq!(db_rows(&app), before);
    println!("{}", tally.line("types, encodings, sizes"));
}
