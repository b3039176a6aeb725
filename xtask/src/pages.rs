//! Pages of `docs/` that the program writes, so that they can't be wrong.

use std::{fs, process::Command};

use crate::shell::{Failure, output_of, program, root, tell};

/// A page and the argument of `procession dev` that prints it.
pub struct Page {
    file: &'static str,
    argument: &'static str,
    command: &'static str,
}

/// The description of the HTTP API.
pub const OPENAPI: Page = Page { file: "docs/openapi.json", argument: "openapi", command: "openapi" };

/// The list of all configuration keys.
pub const CONFIGURATION: Page = Page { file: "docs/configuration.md", argument: "configuration-page", command: "docs" };

/// Writes a page, or with `--check` says whether it is up to date.
pub fn write_or_check(page: &Page, arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [] => write(page),
        [only] if only == "--check" => check(page, &mut program()),
        _ => Err(Failure::usage(format!("usage: cargo xtask {} [--check]", page.command))),
    }
}

/// Says whether a page is what this program writes.
pub fn check(page: &Page, program: &mut Command) -> Result<(), Failure> {
    if fresh(page, program)? == found(page) {
        return Ok(());
    }
    let message = format!("{} is not up to date; write it with `cargo xtask {}`", page.file, page.command);
    Err(Failure::failed(message))
}

fn write(page: &Page) -> Result<(), Failure> {
    let fresh = fresh(page, &mut program())?;
    if fresh == found(page) {
        return Ok(());
    }
    fs::write(root().join(page.file), fresh)
        .map_err(|error| Failure::failed(format!("{} can't be written: {error}", page.file)))?;
    tell(format_args!("wrote {}", page.file));
    Ok(())
}

fn fresh(page: &Page, program: &mut Command) -> Result<Vec<u8>, Failure> {
    output_of(program.args(["dev", page.argument]))
}

/// What is in the file; nothing, if there is none.
fn found(page: &Page) -> Vec<u8> {
    fs::read(root().join(page.file)).unwrap_or_default()
}
