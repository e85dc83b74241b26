//! The command line: arguments, configuration, commands, output.

use std::process::ExitCode;

/// Runs the program: the command line in, the exit status out.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
