//! Prometheus's text format, written from figures that are there already: a registry of live instruments would only repeat them.

use std::fmt::Write as _;

/// A text under way.
#[derive(Debug, Default)]
pub(super) struct Metrics(String);

impl Metrics {
    /// One figure without labels.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.begin(name, "gauge", help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// A figure per word of one label. Words are codes of ours: nothing in them needs an escape.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str, label: &str, values: &[(&str, f64)]) {
        if values.is_empty() {
            return;
        }
        self.begin(name, kind, help);
        for (word, value) in values {
            let _ = writeln!(self.0, "{name}{{{label}=\"{word}\"}} {value}");
        }
    }

    /// Families that are written already.
    pub(super) fn append(&mut self, families: &str) {
        self.0.push_str(families.trim_start());
    }

    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_help_its_kind_and_a_line_per_word_and_an_empty_one_is_left_out() {
        let mut text = Metrics::default();
        text.gauge("up", "Whether.", 1.0);
        text.family("done_total", "counter", "How much.", "job", &[("a", 3.0), ("b", 0.25)]);
        text.family("none", "gauge", "Nothing.", "job", &[]);
        assert_eq!(
            text.finish(),
            "# HELP up Whether.\n# TYPE up gauge\nup 1\n# HELP done_total How much.\n# TYPE done_total counter\n\
             done_total{job=\"a\"} 3\ndone_total{job=\"b\"} 0.25\n"
        );
    }
}
