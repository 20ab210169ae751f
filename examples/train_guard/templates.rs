//! Texts made from a small grammar and the guard's own word lists: they teach the weights how classes of words stand together, for
//! words that no labelled text has, and that no language is sensitive by itself. What is drawn is fixed.

use std::collections::BTreeMap;

use handoff::privacy::guard::training::LISTS;

/// Sections of lines; what a section may hold is told in the first file.
const GRAMMAR: [&str; 2] = [include_str!("grammar/english.txt"), include_str!("grammar/others.txt")];

/// Texts drawn per line.
const DRAWS: usize = 80;
/// One text in so many has a slip of the finger.
const SLIPS: usize = 8;
/// Sections within sections.
const MAX_DEPTH: usize = 4;

type Lists<'t> = BTreeMap<&'t str, Vec<String>>;

/// Texts with their labels.
pub fn texts() -> Vec<(String, bool)> {
    let mut words = Lists::new();
    for line in LISTS.iter().flat_map(|list| list.lines()) {
        if let Some((class, list)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            let plain = list.split_whitespace().filter(|word| !word.contains('*')).map(|word| word.replace('_', " "));
            words.entry(class).or_default().extend(plain);
        }
    }
    let mut sections = Lists::new();
    let mut section = "";
    for line in GRAMMAR.iter().flat_map(|file| file.lines()).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line {
            "+" | "-" => section = line,
            _ => match line.strip_prefix("= ") {
                Some(name) => section = name,
                None => sections.entry(section).or_default().push(line.to_owned()),
            },
        }
    }
    let mut writer = Writer { words, sections, state: 7 };
    let mut texts = Vec::new();
    for (name, is_sensitive) in [("+", true), ("-", false)] {
        for line in writer.sections.get(name).cloned().unwrap_or_default() {
            for _ in 0..DRAWS {
                let mut text = String::new();
                writer.write(&line, &mut text, 0);
                if writer.next(2) == 0 {
                    text = capitalised(&text);
                }
                if writer.next(SLIPS) == 0 {
                    text = slipped(&text, writer.next(text.len()), writer.next(3));
                }
                texts.push((text, is_sensitive));
            }
        }
    }
    texts
}

struct Writer<'t> {
    words: Lists<'t>,
    sections: Lists<'t>,
    state: u64,
}

impl Writer<'_> {
    fn next(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % below.max(1)
    }

    /// Writes a line, with one of each choice, a word for each class and a line for each section.
    fn write(&mut self, line: &str, text: &mut String, depth: usize) {
        let mut rest = line;
        while let Some(at) = rest.find(['(', '{', '@']) {
            let (before, from) = rest.split_at(at);
            text.push_str(before);
            let (mark, from) = from.split_at(1);
            rest = match mark {
                "(" => self.choose(from, text, depth),
                "{" => {
                    let (class, after) = from.split_once('}').unwrap_or((from, ""));
                    self.next(1);
                    let word = pick(&self.words, &class.to_lowercase(), self.state);
                    if class.starts_with(char::is_uppercase) {
                        text.push_str(&word.split(' ').map(capitalised).collect::<Vec<_>>().join(" "));
                    } else {
                        text.push_str(&word);
                    }
                    after
                }
                _ => {
                    let end = from.find(|letter: char| !(letter.is_ascii_lowercase() || letter == '_')).unwrap_or(from.len());
                    let (name, after) = from.split_at(end);
                    self.next(1);
                    let line = pick(&self.sections, name, self.state);
                    if depth < MAX_DEPTH {
                        self.write(&line, text, depth + 1);
                    }
                    after
                }
            };
        }
        text.push_str(rest);
    }

    /// Writes one of `a|b)` and gives what follows. A bracket without a choice stands for itself.
    fn choose<'l>(&mut self, from: &'l str, text: &mut String, depth: usize) -> &'l str {
        let (inside, after) = from.split_once(')').unwrap_or((from, ""));
        let choices: Vec<&str> = inside.split('|').collect();
        let at = self.next(choices.len());
        let choice = choices.get(at).copied().unwrap_or_default();
        if choices.len() > 1 {
            self.write(choice, text, depth);
        } else {
            text.push('(');
            self.write(choice, text, depth);
            text.push(')');
        }
        after
    }
}

fn pick(lists: &Lists<'_>, name: &str, state: u64) -> String {
    let list = lists.get(name).map(Vec::as_slice).unwrap_or_default();
    list.get((state >> 33) as usize % list.len().max(1)).cloned().unwrap_or_default()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Drops, doubles or swaps a letter inside a word.
fn slipped(text: &str, from: usize, how: usize) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let is_inside = |at: &usize| letters.get(at - 1..at + 3).is_some_and(|near| near.iter().all(|letter| letter.is_alphabetic()));
    if let Some(at) = (from.max(1)..letters.len()).find(is_inside) {
        match how {
            0 => drop(letters.remove(at)),
            1 => letters.insert(at, letters.get(at).copied().unwrap_or('e')),
            _ => letters.swap(at, at + 1),
        }
    }
    letters.into_iter().collect()
}
