//! What the application logs, and what panics say: everything that all tests of the run caused, kept in memory.

use std::sync::{Mutex, Once, PoisonError};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static START: Once = Once::new();

struct Capture;

impl log::Log for Capture {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info || metadata.target().starts_with("handoff")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        keep(format!("{} {} {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn keep(line: String) {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

/// Starts keeping: of the application everything, of its libraries what a server logs when nobody asks for more. Below that, the
/// HTTP client of these very tests would log what it sends.
pub fn capture() {
    START.call_once(|| {
        if log::set_logger(&Capture).is_ok() {
            log::set_max_level(log::LevelFilter::Trace);
        }
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            keep(format!("PANIC {panic}"));
            usual(panic);
        }));
    });
}

/// Every line so far.
pub fn lines() -> Vec<String> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
