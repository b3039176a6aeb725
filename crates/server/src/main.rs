//! The program `procession`.

use std::process::ExitCode;

fn main() -> ExitCode {
    procession_server::run(std::env::args_os())
}
