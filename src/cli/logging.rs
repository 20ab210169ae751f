//! The log: to standard error, one line an event. What is never logged: bodies, values, contact data, keys, tokens.

use std::io::Write as _;

use crate::config::{Config, LogFormat};

/// Starts logging, and makes panics log their place without their text.
pub(super) fn init(config: &Config) {
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(&config.log_filter);
    // r2d2 logs libpq's text, which may quote the connection; our own line about an unreachable database says enough.
    builder.filter_module("r2d2", log::LevelFilter::Off);
    // At their finer levels these write headers and bytes as they come, keys among them, whatever RUST_LOG asks for.
    for module in ["actix_http", "actix_server", "actix_web", "h2", "mio", "jsonwebtoken"] {
        builder.filter_module(module, log::LevelFilter::Info);
    }
    if config.log_format == LogFormat::Json {
        builder.format(|out, record| {
            let line = serde_json::json!({
                "time": out.timestamp_millis().to_string(),
                "level": record.level().as_str(),
                "target": record.target(),
                "message": record.args().to_string(),
            });
            writeln!(out, "{line}")
        });
    } else {
        builder.format_timestamp_millis();
    }
    // A second start in one process (tests) keeps the first logger.
    let _ = builder.try_init();
    std::panic::set_hook(Box::new(|panic| {
        // The text of a panic may quote a value; its place does not.
        let place = panic.location().map_or_else(|| "unknown place".to_owned(), ToString::to_string);
        log::error!("panic at {place}");
    }));
}
