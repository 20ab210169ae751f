//! A draft as sentences of words: lower-cased, contractions resolved, each with its place in the text as it was sent.

/// What stands between a word and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// A space, a hyphen, a quotation mark.
    None,
    /// A comma.
    Comma,
    /// A colon, a semicolon, a dash, a bracket.
    Strong,
}

/// A word. Places count Unicode scalar values from 0; the end is exclusive.
#[derive(Debug)]
pub(super) struct Token {
    /// In lower case, without apostrophes; an amount of money is `$`, a percentage keeps its sign.
    pub word: String,
    pub start: usize,
    pub end: usize,
    pub gap: Gap,
    /// Begins with a capital letter.
    pub is_capital: bool,
    /// Two letters or more, all of them capitals.
    pub is_shouted: bool,
}

/// A sentence, a heading or an item of a list.
#[derive(Debug, Default)]
pub(super) struct Sentence {
    pub tokens: Vec<Token>,
    pub exclaims: bool,
    /// A question, other than one that only baits ("Want relief?").
    pub asks: bool,
}

/// The draft, its characters and its sentences.
#[derive(Debug)]
pub(super) struct Draft {
    pub chars: Vec<char>,
    pub sentences: Vec<Sentence>,
}

const ABBREVIATIONS: &[&str] =
    &["dr", "mr", "mrs", "ms", "prof", "st", "no", "vs", "e", "g", "i", "a", "p", "m", "u", "s", "inc", "approx", "etc", "tel"];
/// With these begins a question that wants no answer.
const BAITS: &[&str] = &["want", "ready", "looking", "need", "tired", "did", "wanting"];
/// A line shorter than this ends where it ends; a longer one was wrapped.
const SHORT_LINE: usize = 45;

impl Draft {
    pub(super) fn read(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut reader =
            Reader { chars: &chars, at: 0, line_start: 0, gap: Gap::None, sentence: Sentence::default(), done: Vec::new() };
        while let Some(&character) = reader.chars.get(reader.at) {
            reader.step(character);
        }
        reader.end_sentence();
        let sentences = reader.done;
        Self { chars, sentences }
    }
}

struct Reader<'t> {
    chars: &'t [char],
    at: usize,
    line_start: usize,
    gap: Gap,
    sentence: Sentence,
    done: Vec<Sentence>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn step(&mut self, character: char) {
        if character.is_alphanumeric() || is_money(character) && self.peek(1).is_some_and(|next| next.is_ascii_digit()) {
            return self.word();
        }
        match character {
            '.' | '!' | '?' if self.ends_here(character) => {
                self.sentence.exclaims |= character == '!';
                self.sentence.asks |= character == '?' && !self.baits();
                if self.peek(1).is_none_or(|next| !matches!(next, '!' | '?' | '.')) {
                    self.end_sentence();
                }
            }
            '\n' if self.line_ends() => self.end_sentence(),
            ',' => self.gap = self.gap.max(Gap::Comma),
            ':' | ';' | '(' | ')' | '[' | ']' | '\u{2013}' | '\u{2014}' | '|' | '•' | '…' => self.gap = Gap::Strong,
            '-' if self.peek(1) == Some(' ') || self.peek(1) == Some('-') => self.gap = Gap::Strong,
            _ => {}
        }
        if character == '\n' {
            self.line_start = self.at + 1;
        }
        self.at += 1;
    }

    /// Whether a full stop ends a sentence: not in an abbreviation, a number or an address.
    fn ends_here(&self, character: char) -> bool {
        let after = self.peek(1);
        if after.is_some_and(|next| next.is_alphanumeric()) {
            return false;
        }
        let last = self.sentence.tokens.last();
        character != '.' || last.is_none_or(|last| !ABBREVIATIONS.contains(&last.word.as_str()) || after.is_none())
    }

    fn baits(&self) -> bool {
        self.sentence.tokens.first().is_none_or(|first| BAITS.contains(&first.word.as_str()))
    }

    /// Whether a line break ends a sentence: before an empty line or an item of a list, and after a heading.
    fn line_ends(&self) -> bool {
        let rest = self.chars.get(self.at + 1..).unwrap_or_default();
        let next = rest.iter().copied().find(|next| *next == '\n' || !next.is_whitespace());
        match next {
            None | Some('\n' | '-' | '*' | '•' | '·' | '#' | '>' | '–') => true,
            Some(next) => {
                let continues = next.is_lowercase() || self.gap == Gap::Comma;
                !continues && (self.at - self.line_start < SHORT_LINE || next.is_ascii_digit())
            }
        }
    }

    fn end_sentence(&mut self) {
        self.gap = Gap::None;
        let sentence = std::mem::take(&mut self.sentence);
        if !sentence.tokens.is_empty() {
            self.done.push(sentence);
        }
    }

    /// Reads one word, number, amount or contraction.
    fn word(&mut self) {
        let start = self.at;
        let mut word = String::new();
        let (mut letters, mut capitals) = (0, 0);
        while let Some(character) = self.peek(0) {
            let inside = self.peek(1).is_some_and(|next| next.is_alphanumeric()) && !word.is_empty();
            let digits =
                word.ends_with(|last: char| last.is_ascii_digit()) && self.peek(1).is_some_and(|next| next.is_ascii_digit());
            match character {
                _ if character.is_alphanumeric() => {
                    letters += usize::from(character.is_alphabetic());
                    capitals += usize::from(character.is_uppercase());
                    word.extend(character.to_lowercase());
                }
                '\'' | '\u{2019}' | '\u{2018}' | '`' if inside => word.push('\''),
                '.' | ',' if digits => word.push(character),
                '-' | '\u{2011}' if word == "e" && self.peek(1).is_some_and(|next| matches!(next, 'm' | 'M')) => {}
                '%' if !word.is_empty() => {
                    word.push('%');
                    self.at += 1;
                    break;
                }
                _ if is_money(character) && word.is_empty() => word.push('$'),
                _ => break,
            }
            self.at += 1;
        }
        let is_capital = self.chars.get(start).is_some_and(|first| first.is_uppercase());
        let is_shouted = letters >= 2 && letters == capitals;
        let mut gap = std::mem::replace(&mut self.gap, Gap::None);
        for part in resolve(&word) {
            let token = Token { word: part, start, end: self.at, gap, is_capital, is_shouted };
            self.sentence.tokens.push(token);
            gap = Gap::None;
        }
    }
}

fn is_money(character: char) -> bool {
    matches!(character, '$' | '€' | '£')
}

/// Contractions as the words that they stand for, with or without their apostrophe.
fn resolve(word: &str) -> Vec<String> {
    let two = |one: &str, other: &str| vec![one.to_owned(), other.to_owned()];
    match word {
        "won't" | "wont" => return two("will", "not"),
        "can't" | "cant" | "cannot" => return two("can", "not"),
        "dont" | "doesnt" | "isnt" | "arent" | "didnt" | "wouldnt" => return two(word.trim_end_matches("nt"), "not"),
        "youre" | "theyre" => return two(word.trim_end_matches("re"), "are"),
        "youll" => return two("you", "will"),
        "youve" => return two("you", "have"),
        _ if word.starts_with('$') => return vec!["$".to_owned()],
        _ => {}
    }
    let Some((base, tail)) = word.rsplit_once('\'') else { return vec![word.to_owned()] };
    match tail {
        "t" if base.ends_with('n') => two(base.strip_suffix('n').unwrap_or(base), "not"),
        "re" => two(base, "are"),
        "ll" => two(base, "will"),
        "ve" => two(base, "have"),
        "m" => two(base, "am"),
        "d" => two(base, "would"),
        "s" if matches!(base, "it" | "that" | "there" | "what" | "who" | "he" | "she" | "here") => two(base, "is"),
        "s" if base == "let" => two(base, "us"),
        _ => vec![base.to_owned()],
    }
}
