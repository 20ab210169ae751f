//! Whether what somebody sent is found again in what a test gathered.

/// Whether a text has this trace. Up to eight digits have to stand by themselves: among the ids, digests and times of a whole run's log
/// and database, any seven turn up by chance, in the midst of others. So search for the whole number too.
pub fn holds(text: &str, trace: &str) -> bool {
    if trace.len() > 8 || !trace.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.contains(trace);
    }
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    text.match_indices(trace).any(|(start, _)| {
        let (before, after) = (&text.as_bytes()[..start], &text.as_bytes()[start + trace.len()..]);
        !is_part(before.last()) && !is_part(after.first())
    })
}

#[test]
fn digits_are_a_trace_where_they_stand_by_themselves() {
    for text in ["5552389", "call +5552389.", "\"5552389\"", "0-5552389-1", "15552389 5552389", "ü5552389ü", "x_5552389z"] {
        assert!(holds(text, "5552389"), "{text}");
    }
    for text in ["", "555238", "95552389", "0197a5552389-7c", "5552389f", "0.15552389"] {
        assert!(!holds(text, "5552389"), "{text}");
    }
    assert!(holds("0155-2389f", "55-2389"), "what is more than digits is no id");
    assert!(holds("14155552389f", "4155552389"), "a whole number is none either");
}
