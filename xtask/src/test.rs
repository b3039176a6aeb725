//! `cargo xtask test`: all that CI runs. Each part is named as it runs, and can be run alone by that name.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    api, console, cron, pages, picture,
    shell::{Failure, PROGRAM, built_program, cargo, has_cargo_subcommand, run, show, tell},
    signatures,
};

/// The release of cargo-deny that is installed where it is missing.
const CARGO_DENY: &str = "0.20.2";

/// Tests that `--fast` leaves out: they kill programs again and again.
const SLOW_TESTS: &str = "binary(crash) | binary(races) | test(/kill/)";

/// One part of the check.
struct Part {
    name: &'static str,
    does: &'static str,
    /// Whether `--fast` leaves it out.
    is_slow: bool,
    run: fn(Speed) -> Result<(), Failure>,
}

/// How much is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speed {
    Fast,
    Full,
}

/// The parts in their order: what fails soonest comes first.
const PARTS: [Part; 12] = [
    Part {
        name: "fmt",
        does: "the code is formatted",
        is_slow: false,
        run: |_| step(cargo().args(["fmt", "--all", "--check"])),
    },
    Part { name: "clippy", does: "no lint complains", is_slow: false, run: |_| clippy() },
    Part { name: "features", does: "the library builds with fewer features", is_slow: true, run: |_| features() },
    Part { name: "deny", does: "licences, sources and banned crates", is_slow: true, run: |_| deny() },
    Part { name: "tests", does: "unit, contract and end-to-end tests", is_slow: false, run: tests },
    Part {
        name: "signatures",
        does: "webhooks are verified by the Python library of their scheme",
        is_slow: true,
        run: |_| signatures::test(),
    },
    Part {
        name: "api",
        does: "the program answers as docs/openapi.json says",
        is_slow: true,
        run: |_| described_api(),
    },
    Part {
        name: "doctests",
        does: "the examples in the documentation",
        is_slow: true,
        run: |_| step(cargo().args(["test", "--quiet", "--workspace", "--doc"])),
    },
    Part { name: "doc", does: "the documentation builds without warnings", is_slow: true, run: |_| documentation() },
    Part {
        name: "cron",
        does: "due times of schedules against another implementation",
        is_slow: true,
        run: |_| cron::compare(),
    },
    Part {
        name: "console",
        does: "the console: its build, lints, tests, size and pages",
        is_slow: true,
        run: |_| console(),
    },
    Part { name: "pages", does: "generated pages of docs/ are up to date", is_slow: true, run: |_| generated_pages() },
];

/// Runs the parts that are asked for, all by default, and stops at the first that fails.
pub fn run_parts(arguments: &[String]) -> Result<(), Failure> {
    let (speed, parts) = chosen(arguments)?;
    let began = Instant::now();
    for part in &parts {
        tell(format_args!("── {}: {}", part.name, part.does));
        let part_began = Instant::now();
        (part.run)(speed).map_err(|failure| Failure {
            message: format!(
                "{}\n`{}` failed; to run only this part: cargo xtask test {}",
                failure.message, part.name, part.name
            ),
            code: 1,
        })?;
        tell(format_args!("── {}: passed in {}", part.name, shown(part_began.elapsed())));
    }
    let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
    tell(format_args!("all passed in {}: {}", shown(began.elapsed()), names.join(", ")));
    Ok(())
}

fn chosen(arguments: &[String]) -> Result<(Speed, Vec<&'static Part>), Failure> {
    let mut speed = Speed::Full;
    let mut named = Vec::new();
    for argument in arguments {
        if argument == "--fast" {
            speed = Speed::Fast;
            continue;
        }
        let part = PARTS.iter().find(|part| part.name == argument).ok_or_else(|| Failure::usage(usage(argument)))?;
        named.push(part);
    }
    if named.is_empty() {
        named = PARTS.iter().filter(|part| speed == Speed::Full || !part.is_slow).collect();
    }
    Ok((speed, named))
}

fn usage(unknown: &str) -> String {
    let parts: Vec<String> = PARTS.iter().map(|part| format!("  {:9} {}", part.name, part.does)).collect();
    format!(
        "`{unknown}` is not a part of the check\n\nUsage: cargo xtask test [--fast] [PART…]\n\n{}",
        parts.join("\n")
    )
}

fn clippy() -> Result<(), Failure> {
    let scope = ["clippy", "--workspace", "--all-targets", "--all-features"];
    step(cargo().args(scope).args(["--", "--deny", "warnings"]))
}

/// All features at once are checked with everything else.
fn features() -> Result<(), Failure> {
    for features in ["", "sqlite", "sqlite,agents", "sqlite,notifications"] {
        let library = ["clippy", "--quiet", "--package", "procession", "--lib", "--no-default-features"];
        step(cargo().args(library).args(["--features", features, "--", "--deny", "warnings"]))?;
    }
    Ok(())
}

/// Advisories are not asked for: that needs the network, and is done by the schedule of whoever runs this project.
fn deny() -> Result<(), Failure> {
    if !has_cargo_subcommand("deny") {
        tell(format_args!(
            "cargo-deny is missing: installing release {CARGO_DENY} with cargo, which takes some minutes"
        ));
        step(cargo().args(["install", "--locked", "cargo-deny", "--version", CARGO_DENY]))?;
    }
    step(cargo().args(["deny", "check", "bans", "licenses", "sources"]))
}

fn tests(speed: Speed) -> Result<(), Failure> {
    build_tests()?;
    let mut command = cargo();
    // The tests that spawn the program take the one that has just been built.
    command.env(PROGRAM, built_program()?);
    if has_cargo_subcommand("nextest") {
        command.args(["nextest", "run", "--workspace"]);
        if speed == Speed::Fast {
            command.arg("-E").arg(format!("not ({SLOW_TESTS})"));
        }
    } else {
        command.args(["test", "--workspace", "--lib", "--bins", "--tests"]);
        if speed == Speed::Fast {
            command.args(["--", "--skip", "kill"]);
        }
    }
    // A snapshot that differs is a failure, not a file to look at later.
    step(command.env("INSTA_UPDATE", "no"))
}

/// Builds the whole workspace as its tests need it, the program included.
fn build_tests() -> Result<(), Failure> {
    step(cargo().args(["test", "--quiet", "--workspace", "--no-run"]))
}

fn described_api() -> Result<(), Failure> {
    build_tests()?;
    api::test(&built_program()?)
}

fn documentation() -> Result<(), Failure> {
    step(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn console() -> Result<(), Failure> {
    build_tests()?;
    console::test(&built_program()?)
}

fn generated_pages() -> Result<(), Failure> {
    build_tests()?;
    let program = built_program()?;
    pages::check(&pages::OPENAPI, &mut Command::new(&program))?;
    pages::check(&pages::CONFIGURATION, &mut Command::new(&program))?;
    picture::check(&mut Command::new(&program))
}

fn step(command: &mut Command) -> Result<(), Failure> {
    tell(format_args!("   {}", show(command)));
    run(command)
}

fn shown(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if seconds < 60 {
        format!("{:.1} s", elapsed.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> Vec<&'static str> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        chosen(&arguments).unwrap().1.iter().map(|part| part.name).collect()
    }

    #[test]
    fn all_parts_run_unless_some_are_named() {
        let all = [
            "fmt",
            "clippy",
            "features",
            "deny",
            "tests",
            "signatures",
            "api",
            "doctests",
            "doc",
            "cron",
            "console",
            "pages",
        ];
        assert_eq!(names(&[]), all);
        assert_eq!(names(&["--fast"]), ["fmt", "clippy", "tests"]);
        assert_eq!(names(&["doc", "fmt"]), ["doc", "fmt"]);
        assert_eq!(names(&["--fast", "deny"]), ["deny"]);
    }

    #[test]
    fn an_unknown_part_is_refused_with_the_list_of_parts() {
        let refused = chosen(&["clipy".to_owned()]).map(|_| ()).unwrap_err();
        assert_eq!(refused.code, 2);
        assert!(
            refused.message.contains("`clipy` is not a part") && refused.message.contains("clippy"),
            "{}",
            refused.message
        );
    }

    #[test]
    fn times_are_shown_in_seconds_or_minutes() {
        assert_eq!(shown(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(shown(Duration::from_secs(125)), "2 min 5 s");
    }
}
