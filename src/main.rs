//! The binary: passes the arguments to the library and returns its exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(claude_vault::cli::run(std::env::args_os().collect()))
}
