//! Strict JSON: what is taken, what is refused, and that no refusal tells a value.

use super::*;
use proptest::prelude::*;

fn refused(text: &str) -> JsonError {
    parse(text.as_bytes()).expect_err("refused")
}

fn members_of(text: &str) -> Vec<(Cow<'_, str>, Node<'_>)> {
    match parse(text.as_bytes()) {
        Ok(Node::Object(members)) => members,
        _ => Vec::new(),
    }
}

#[test]
fn members_keep_their_order_and_their_repetitions() {
    let members = members_of(r#"{"b":1,"a":-2,"b":null}"#);
    let names: Vec<_> = members.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["b", "a", "b"]);
    assert!(matches!(members[1].1, Node::Number(Number::Signed(-2))));
}

#[test]
fn numbers_keep_whether_they_were_written_whole() {
    let members = members_of(r#"{"a":1,"b":1.0,"c":1e0,"d":18446744073709551615,"e":18446744073709551616}"#);
    let whole: Vec<_> = members.iter().map(|(_, value)| matches!(value, Node::Number(Number::Unsigned(_)))).collect();
    assert_eq!(whole, [true, false, false, true, false]);
}

#[test]
fn what_is_not_rfc_8259_is_malformed() {
    for text in [
        "",
        " ",
        "{",
        "{\"a\":1,}",
        "{\"a\":[1,]}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":1e400}",
        "{\"a\":-1e400}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{\"a\":1}\0",
        "{\"a\":1 // b\n}",
        "{\"a\":/* b */1}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\0\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"\\ud800\":1}",
        "{\"a\":\"\\u00g0\"}",
        "{\"a\":True}",
        "{\"a\" 1}",
        "{1:1}",
        "{\u{a0}\"a\":1}",
        "\u{feff}{}",
    ] {
        assert!(matches!(refused(text), JsonError::Malformed { .. }), "{text:?}");
    }
}

#[test]
fn a_root_that_is_no_object_is_its_own_fault() {
    for text in ["[]", "[{}]", "null", "1", "\"{}\"", "true"] {
        assert_eq!(refused(text), JsonError::NotAnObject, "{text}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_located() {
    for bytes in [b"{\"a\":\"\xff\"}".as_slice(), b"{\"a\":\"\xc0\x80\"}", b"{\"a\":\"\xed\xa0\x80\"}"] {
        assert_eq!(parse(bytes), Err(JsonError::NotUtf8 { offset: 6 }));
    }
    assert!(matches!(
        parse("{}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().as_slice()),
        Err(JsonError::Malformed { .. })
    ));
}

#[test]
fn sixteen_levels_pass_and_seventeen_do_not() {
    let nested = |levels: usize| {
        let inner = levels - 1;
        format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
    };
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(refused(&nested(MAX_DEPTH + 1)), JsonError::TooDeep);
}

#[test]
fn a_hundred_thousand_levels_cost_no_stack() {
    for open in ["[", "{\"a\":"] {
        assert_eq!(refused(&open.repeat(100_000)), JsonError::TooDeep);
        assert_eq!(refused(&format!("{{\"a\":{}", open.repeat(100_000))), JsonError::TooDeep);
    }
}

#[test]
fn the_number_of_values_is_bounded() {
    let body = |values: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(values - 3));
    assert!(parse(body(MAX_NODES).as_bytes()).is_ok());
    assert_eq!(refused(&body(MAX_NODES + 1)), JsonError::TooManyNodes);
}

#[test]
fn debug_shows_no_content() {
    let node = parse(br#"{"canary":["canary",4711]}"#).expect("valid");
    let shown = format!("{node:?}");
    assert!(!shown.contains("canary") && !shown.contains("4711"));
}

#[test]
fn plain_text_of_many_languages_passes() {
    for text in [
        "",
        "plain",
        "Größe, señor, ação, l’œuvre",
        "研究 試験 연구 исследование δοκιμή",
        "emoji \u{2764}\u{fe0f} \u{1f600}",
        "e-mail‑style – dashes — “quotes”\u{a0}…",
    ] {
        assert_eq!(forbidden_char(text, Lines::One), None, "{text}");
    }
}

#[test]
fn invisible_steering_and_private_characters_are_refused() {
    for c in [
        '\0',
        '\u{1}',
        '\u{1b}',
        '\r',
        '\u{7f}',
        '\u{85}',
        '\u{9f}',
        '\u{ad}',
        '\u{61c}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{2029}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{3164}',
        '\u{feff}',
        '\u{fff9}',
        '\u{fffc}',
        '\u{fffd}',
        '\u{e000}',
        '\u{f8ff}',
        '\u{fdd0}',
        '\u{fffe}',
        '\u{ffff}',
        '\u{1fffe}',
        '\u{10ffff}',
        '\u{e0001}',
        '\u{e007f}',
        '\u{e0100}',
        '\u{e01ef}',
        '\u{f0000}',
        '\u{fe00}',
    ] {
        for lines in [Lines::One, Lines::Many] {
            let text = format!("ab{c}");
            assert_eq!(forbidden_char(&text, lines), Some(Forbidden::Character), "{c:?}");
        }
    }
}

#[test]
fn line_feed_and_tab_need_a_field_of_several_lines() {
    assert_eq!(forbidden_char("a\n\tb", Lines::Many), None);
    assert_eq!(forbidden_char("a\nb", Lines::One), Some(Forbidden::Character));
    assert_eq!(forbidden_char("\tb", Lines::One), Some(Forbidden::Character));
}

#[test]
fn decomposed_text_is_refused_and_not_repaired() {
    assert_eq!(forbidden_char("Mu\u{308}ller", Lines::One), Some(Forbidden::NotNormalized));
    assert_eq!(forbidden_char("M\u{fc}ller", Lines::One), None);
}

/// JSON text with whitespace, escapes and numbers as clients write them; names do not repeat.
fn documents() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e30..1e30_f64).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    let inner = leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(any::<String>(), inner, 0..6)
        .prop_map(|members| serde_json::Value::Object(members.into_iter().collect()))
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn parsing_json_like_text_agrees_with_serde_json(
        text in "\\{(\"a\"|:|,|[0-9]|-|\\.|e|\\[|\\]|\\{|\\}|\"|\\\\u[0-9a-f]{4}|\\\\n|null|true| |\n|é){0,24}\\}?"
    ) {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match parse(text.as_bytes()) {
            Ok(node) => {
                let theirs = theirs.map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
                prop_assert_eq!(node.to_json(), theirs);
            }
            Err(JsonError::Malformed { .. }) => prop_assert!(theirs.is_err(), "{text}"),
            Err(JsonError::TooDeep) => {}
            Err(other) => prop_assert!(false, "{text}: {other}"),
        }
    }

    #[test]
    fn documents_come_back_as_they_were_sent(document in documents(), pretty in any::<bool>()) {
        let text = if pretty {
            serde_json::to_string_pretty(&document)
        } else {
            serde_json::to_string(&document)
        }.expect("serialises");
        let node = parse(text.as_bytes()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(node.to_json(), serde_json::from_str::<serde_json::Value>(&text).expect("parses"));
    }
}
