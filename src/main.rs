//! The binary: arguments in, exit status out. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(claude_vault::cli::run(std::env::args_os().collect()))
}
