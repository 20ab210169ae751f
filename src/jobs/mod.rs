//! Work that no request asks for. Each job is one transaction per site; sites come from the directory.

pub mod housekeeping;
pub mod key_uses;
pub mod sequencer;
