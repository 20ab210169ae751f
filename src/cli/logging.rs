//! The log: to standard error, one line an event. What is never logged: bodies, values, contact data, keys, tokens.

use std::io::Write as _;

use chrono::SecondsFormat;

use crate::clock::Clock;
use crate::config::{Config, LogFormat};

/// Starts logging, and makes panics log their place without their text.
pub(super) fn init(config: &Config) {
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(&config.log_filter);
    // r2d2 logs libpq's text, which may quote the connection; our own line about an unreachable database says enough.
    builder.filter_module("r2d2", log::LevelFilter::Off);
    let format = config.log_format;
    builder.format(move |out, record| {
        let time = Clock::System.now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let (level, target, message) = (record.level(), record.target(), record.args());
        match format {
            LogFormat::Json => {
                let line = serde_json::json!({
                    "time": time,
                    "level": level.as_str(),
                    "target": target,
                    "message": message.to_string(),
                });
                writeln!(out, "{line}")
            }
            // A second line is told from the next event.
            LogFormat::Text => {
                writeln!(out, "[{time} {level:<5} {target}] {}", message.to_string().replace('\n', "\n    "))
            }
        }
    });
    let logger = Guarded(builder.build());
    log::set_max_level(logger.0.filter());
    // A second start in one process (tests) keeps the first logger.
    let _ = log::set_boxed_logger(Box::new(logger));
    std::panic::set_hook(Box::new(|panic| {
        // The text of a panic may quote a value; its place does not.
        let place = panic.location().map_or_else(|| "unknown place".to_owned(), ToString::to_string);
        log::error!("panic at {place}");
    }));
}

/// The logger without what HTTP libraries write at their finer levels: headers and bytes as they come, keys among them. No
/// directive of `RUST_LOG` opens that.
struct Guarded(env_logger::Logger);

const QUIET: [&str; 5] = ["actix_http", "actix_server", "actix_web", "mio", "jsonwebtoken"];

fn is_quiet(metadata: &log::Metadata<'_>) -> bool {
    let library = metadata.target().split("::").next().unwrap_or_default();
    metadata.level() > log::LevelFilter::Info && QUIET.contains(&library)
}

impl log::Log for Guarded {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        !is_quiet(metadata) && self.0.enabled(metadata)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

#[cfg(test)]
mod tests {
    use log::{Level, Metadata};

    use super::*;

    #[test]
    fn the_finer_levels_of_the_http_libraries_are_out_whatever_is_asked_for() {
        let asked = |target: &str, level| is_quiet(&Metadata::builder().target(target).level(level).build());
        assert!(asked("actix_http::h1::dispatcher", Level::Trace) && asked("mio", Level::Debug));
        assert!(!asked("actix_http::h1", Level::Warn) && !asked("handoff::access", Level::Trace));
    }
}
