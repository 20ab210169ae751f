//! `handoff check`: would serving start?

use super::Failure;
use super::backend::Backend;
use crate::config::Config;

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    Backend::open(config)?.connect()?;
    println!("Settings and database are in order.");
    Ok(())
}
