//! Patterns of the document: written for ECMA-262 readers, run here by `regex`, and meant to say the same in both.

use regex::Regex;

/// Compiles a pattern that both engines read alike.
///
/// # Errors
/// A sentence, for a pattern that is not anchored as a whole, uses a class or escape whose meaning differs
/// (`\d` is ASCII there and Unicode here), or does not compile.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    if !(pattern.starts_with('^') && pattern.ends_with('$') && !pattern.ends_with("\\$")) {
        return Err("the pattern is open: anchor it with ^ and $".into());
    }
    let mut depth = 0_i32;
    let mut in_class = false;
    let mut escaped = false;
    for c in pattern.chars() {
        if std::mem::take(&mut escaped) {
            if c.is_ascii_alphanumeric() {
                return Err(format!("\\{c} in a pattern differs between engines: write the characters out"));
            }
            continue;
        }
        match c {
            '\\' => escaped = true,
            '[' if in_class => {
                return Err("escape [ inside a class: engines differ on nested classes".into());
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth -= 1,
            // `^a|b$` would pass anything that starts with `a`.
            '|' if !in_class && depth == 0 => {
                return Err("put the pattern's alternatives in a group: ^(a|b)$".into());
            }
            _ => {}
        }
    }
    Regex::new(pattern).map_err(|_| "the pattern does not compile".into())
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn anchored_plain_patterns_compile() {
        for good in ["^[a-z0-9-]+$", "^(a|b)$", "^NCT[0-9]{8}$", "^\\+[1-9][0-9]{1,14}$", "^[a|b]$"] {
            assert!(compile(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn open_or_ambiguous_patterns_are_refused() {
        for bad in ["[a-z]+", "^[a-z]+", "[a-z]+$", "^a\\$", "^a|b$", "^\\d+$", "^\\w$", "^a\\b$", "^[[a]]$", "^(a$", "^(?=a)a$"]
        {
            assert!(compile(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_end_anchor_takes_no_trailing_line_feed() {
        assert!(compile("^a$").is_ok_and(|pattern| pattern.is_match("a") && !pattern.is_match("a\n")));
    }
}
