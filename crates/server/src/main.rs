//! The program `procession`.

use std::process::ExitCode;

/// A server allocates much and for a short time, on many threads; the system's allocator keeps what was freed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    procession_server::run(std::env::args_os())
}
