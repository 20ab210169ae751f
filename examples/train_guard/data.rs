//! Labelled texts from JSON lines.

use std::path::Path;

use serde::Deserialize;

/// Where a text comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Development,
    Fixture,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    label: String,
    kind: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    part: String,
    #[serde(default)]
    profile: String,
}

/// A labelled text.
pub struct Example {
    pub text: String,
    pub is_sensitive: bool,
    pub kind: String,
    /// Texts of one source stay in one fold.
    pub source: String,
    pub origin: Origin,
    /// Held back: measured, never trained on.
    pub is_after: bool,
    /// Benign as registered copy only: from a partner the same words could be about somebody.
    pub is_copy_only: bool,
}

impl Example {
    /// Whether the text was written for a set, not cut out of a corpus.
    pub fn is_written(&self) -> bool {
        self.origin == Origin::Fixture || self.source == "written"
    }

    /// One to six words.
    pub fn is_short(&self) -> bool {
        self.text.split_whitespace().count() <= 6
    }
}

/// Reads a file of labelled texts.
pub fn read(path: &Path, origin: Origin) -> Result<Vec<Example>, String> {
    let content = std::fs::read_to_string(path).map_err(|problem| format!("{}: {problem}", path.display()))?;
    content
        .lines()
        .map(|line| {
            let line: Line = serde_json::from_str(line).map_err(|problem| format!("{}: {problem}", path.display()))?;
            Ok(Example {
                is_sensitive: line.label == "sensitive",
                text: line.text,
                kind: line.kind,
                source: line.source,
                origin,
                is_after: line.part == "after",
                is_copy_only: line.profile == "copy",
            })
        })
        .collect()
}
