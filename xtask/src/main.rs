//! `cargo xtask`: what developers and CI run (spec 8.4). It knows no crate of the workspace; it runs cargo and the program.

mod api;
mod console;
mod cron;
mod pages;
mod picture;
mod python;
mod shell;
mod signatures;
mod test;

use std::{
    env,
    process::{Command, ExitCode},
};

use shell::{Failure, cargo, program, run, tell};

const HELP: &str = "\
Usage: cargo xtask COMMAND

  test [--fast] [PART…]   all that CI runs, part by part; it stops at the first part that fails
  migrate [OPTIONS]       bring the database of a data folder up to date (as `procession db migrate`)
  seed [OPTIONS]          sample processes, users of each role and some history, for a data folder or a running server
  openapi [--check]       write docs/openapi.json; --check says whether it is up to date
  docs [--check]          write docs/configuration.md; --check says whether it is up to date
  ui [--check]            build the console, crates/console/dist, with Node; --check says whether it is up to date
  screenshots             write the pictures of docs/console.md, with Node and Chromium
  picture [--check]       draw docs/terminal.svg, the README's picture; --check says whether it is up to date
  bench [OPTIONS]         measure throughput and latency (release build)
  soak [OPTIONS]          trouble a server for ten minutes with kills, hang-ups, slow sockets and guesses at once (release build)

Examples:
  cargo xtask test --fast
  cargo xtask test clippy
  cargo xtask seed --data-dir procession-data
  cargo xtask seed --server http://127.0.0.1:8000     (an admin's key in PROCESSION_API_KEY)
  cargo xtask migrate --data-dir procession-data

`cargo xtask migrate --help`, `seed --help` and `bench --help` list the options.";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match dispatch(&command, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(format_args!("xtask: {}", failure.message));
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(command: &str, rest: &[String]) -> Result<(), Failure> {
    match command {
        "test" => test::run_parts(rest),
        "migrate" => run(program().args(["db", "migrate"]).args(rest)),
        "seed" => run(program().args(["dev", "seed"]).args(rest)),
        "openapi" => pages::write_or_check(&pages::OPENAPI, rest),
        "docs" => pages::write_or_check(&pages::CONFIGURATION, rest),
        "ui" => console::build_or_check(rest),
        "screenshots" => console::screenshots(),
        "picture" => picture::write_or_check(rest),
        "bench" => run(bench().args(rest)),
        "soak" => run(bench().arg("--soak").args(rest)),
        "" | "help" | "-h" | "--help" => {
            tell(HELP);
            Ok(())
        }
        unknown => Err(Failure::usage(format!("`{unknown}` is not a command\n\n{HELP}"))),
    }
}

fn bench() -> Command {
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "--package", "procession-bench", "--"]);
    command
}
