//! The console: building it with Node, and testing it in a browser against the real program.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::shell::{Failure, PROGRAM, built_program, root, run_within, show, tell};

/// How long fetching the packages may take.
const FETCHING: Duration = Duration::from_mins(10);

/// How long one of the steps may take.
const STEP: Duration = Duration::from_mins(10);

/// How long all browser tests may take.
const BROWSER: Duration = Duration::from_mins(20);

/// Whether Node and npm are there.
fn has_node() -> bool {
    let mut command = npm();
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Builds the page, or with `--check` says whether what is committed is what its source builds.
pub fn build_or_check(arguments: &[String]) -> Result<(), Failure> {
    if !has_node() {
        return Err(Failure::failed("Node 20 or newer is missing, and with it npm; the console is built with them"));
    }
    fetch_packages()?;
    match arguments {
        [] => build(),
        [only] if only == "--check" => check(),
        _ => Err(Failure::usage("usage: cargo xtask ui [--check]")),
    }
}

/// Everything that is checked of the page: types, lints, format, unit tests, that the committed build is up to date, its
/// size, and each page's task in a browser. A machine that lacks something for that checks the rest, and says so; the
/// project's continuous integration has all of it.
pub fn test(program: &Path) -> Result<(), Failure> {
    if !has_node() {
        return missing("Node 20 or newer is missing, and with it npm: the console is neither built nor tested");
    }
    if let Err(Failure { message, .. }) = fetch_packages() {
        return missing(&format!("{message}: the console is neither built nor tested"));
    }
    npm_run("check", STEP, &[])?;
    check()?;
    npm_run("size", STEP, &[])?;
    if !has_browser() {
        return missing("no Chromium was found (CHROMIUM names one): the console is not tested in a browser");
    }
    npm_run("browser", BROWSER, &[(PROGRAM, program)])
}

/// Says what can't be checked here; in the project's continuous integration that is a failure.
pub fn missing(message: &str) -> Result<(), Failure> {
    if env::var_os("GITHUB_ACTIONS").is_some() {
        return Err(Failure::failed(message));
    }
    tell(format_args!("   {message}"));
    Ok(())
}

/// Whether there is a browser in one of the places where `playwright.config.ts` looks.
fn has_browser() -> bool {
    let named = env::var_os("CHROMIUM").map(PathBuf::from);
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    named.into_iter().chain(usual).any(|path| path.exists())
}

/// Writes the pictures of docs/console.md.
pub fn screenshots() -> Result<(), Failure> {
    fetch_packages()?;
    npm_run("screenshots", BROWSER, &[(PROGRAM, &built_program()?)])
}

fn folder() -> PathBuf {
    root().join("crates/console/ui")
}

fn npm() -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder());
    command
}

fn npm_run(script: &str, limit: Duration, variables: &[(&str, &Path)]) -> Result<(), Failure> {
    let mut command = npm();
    command.args(["run", "--silent", script]).envs(variables.iter().copied());
    step(limit, &mut command)
}

fn step(limit: Duration, command: &mut Command) -> Result<(), Failure> {
    tell(format_args!("   {}", show(command)));
    run_within(limit, command)
}

/// Fetches the packages that the lock file names, unless they are there.
fn fetch_packages() -> Result<(), Failure> {
    let written = |path: &str| fs::metadata(folder().join(path)).and_then(|file| file.modified());
    let is_fresh = match (written("node_modules/.package-lock.json"), written("package-lock.json")) {
        (Ok(fetched), Ok(locked)) => fetched >= locked,
        (Err(_), _) | (_, Err(_)) => false,
    };
    if is_fresh {
        return Ok(());
    }
    // The browser is the machine's.
    let mut command = npm();
    command.args(["ci", "--no-fund", "--no-audit"]).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    step(FETCHING, &mut command)
}

fn build() -> Result<(), Failure> {
    npm_run("build", STEP, &[])
}

/// Builds the page and says whether that has changed anything.
fn check() -> Result<(), Failure> {
    let committed = built()?;
    build()?;
    let fresh = built()?;
    let names = committed.keys().chain(fresh.keys());
    match names.clone().find(|name| committed.get(*name) != fresh.get(*name)) {
        None => Ok(()),
        Some(name) => Err(Failure::failed(format!(
            "crates/console/dist was not what its source builds (such as {name}); it is now, so commit it"
        ))),
    }
}

/// The files of the built page with their content.
fn built() -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let dist = root().join("crates/console/dist");
    read(&dist).map_err(|error| Failure::failed(format!("{} can't be read: {error}", dist.display())))
}

fn read(dist: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dist.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dist).unwrap_or(&path).to_string_lossy().into_owned();
                files.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(files)
}
