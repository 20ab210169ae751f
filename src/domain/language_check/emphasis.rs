//! Payment that stands out by its form: an exclamation, capitals, mark-up, the first line, the third mention.
//!
//! FDA's sheet lets a draft name the amount; it must not be larger, bolder or louder than the rest.

use super::Finding;
use super::tokens::{Draft, Sentence, Token};
use super::vocabulary::LanguageRule;

const PAYMENT: &[&str] =
    &["paid", "pay", "pays", "cash", "money", "compensation", "payment", "compensated", "stipend", "earn", "dollars"];
/// Amounts in more sentences than this are a refrain.
const MENTIONS: usize = 2;
/// A text shorter than this has no first line that leads the others.
const LINES: usize = 3;
/// A line with more characters is a paragraph and no headline.
const HEADLINE: usize = 100;

pub(super) fn read(draft: &Draft, findings: &mut Vec<Finding>) {
    let mut mentions = 0;
    let signs = draft.chars.windows(2).enumerate().filter(|(_, pair)| *pair == ['$', '$']);
    findings.extend(signs.map(|(at, _)| Finding::new(LanguageRule::PaymentEmphasised, at, at + 2)));
    let first_line = first_line(draft);
    for sentence in &draft.sentences {
        let mut amounts = sentence.tokens.iter().enumerate().filter(|(_, token)| token.word == "$").peekable();
        mentions += usize::from(amounts.peek().is_some());
        for (at, token) in amounts {
            let leads = token.start < first_line;
            if leads
                || mentions > MENTIONS
                || sentence.exclaims
                || is_marked(&draft.chars, token)
                || is_between_capitals(sentence, at)
            {
                findings.push(Finding::new(LanguageRule::PaymentEmphasised, token.start, token.end));
            }
        }
        let denies = sentence.tokens.iter().any(|token| matches!(token.word.as_str(), "not" | "no" | "nobody" | "never"));
        for token in sentence.tokens.iter().filter(|token| PAYMENT.contains(&token.word.as_str()) && !denies) {
            if sentence.exclaims || token.is_shouted || is_marked(&draft.chars, token) {
                findings.push(Finding::new(LanguageRule::PaymentEmphasised, token.start, token.end));
            }
        }
    }
}

/// Where the first line with words in it ends, or the first sentence if it ends later; 0 in a draft that has hardly more than that.
fn first_line(draft: &Draft) -> usize {
    let first = draft.sentences.first().filter(|_| draft.sentences.len() >= LINES);
    let ends = first.and_then(|sentence| Some((sentence.tokens.first()?.start, sentence.tokens.last()?.end)));
    ends.map_or(0, |(start, end)| {
        let rest = draft.chars.get(start..).unwrap_or_default();
        let line = rest.iter().take_while(|character| **character != '\n').count();
        if line > HEADLINE { end } else { end.max(start + line) }
    })
}

/// Bold or a heading, in Markdown or HTML, right before the word.
fn is_marked(chars: &[char], token: &Token) -> bool {
    let before: String = chars.get(token.start.saturating_sub(8)..token.start).unwrap_or_default().iter().collect();
    let before = before.trim_end().to_lowercase();
    ["**", "__", "<b>", "<strong>", "<big>", "<h1>", "<h2>", "<h3>", "\n#", "<em>"].iter().any(|mark| before.ends_with(mark))
}

fn is_between_capitals(sentence: &Sentence, at: usize) -> bool {
    let near = sentence.tokens.iter().skip(at.saturating_sub(2)).take(5);
    near.filter(|token| token.is_shouted).count() >= 2
}
