//! `handoff openapi`: writes the document that the code makes.

use super::Failure;
use crate::openapi;

pub(super) fn run(path: &str) -> Result<(), Failure> {
    let document = openapi::document()?;
    if path == "-" {
        print!("{document}");
        return Ok(());
    }
    std::fs::write(path, document).map_err(|error| format!("{path} cannot be written: {}", error.kind()))?;
    println!("{path} written.");
    Ok(())
}
