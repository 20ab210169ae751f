//! Arguments only; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    handoff::cli::main()
}
