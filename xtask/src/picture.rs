//! The picture in the README: its first process, run for real and drawn as a terminal. Nothing in it depends on the machine
//! or the moment, so that a picture that no longer shows what the program prints is found like any other outdated page.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell::{Failure, output_of, program, root, tell};

/// Where the picture is.
const FILE: &str = "docs/terminal.svg";

/// What is run, as the README shows it.
const RUN: [&str; 8] =
    ["run", "hello.yaml", "--agents", "agents.yaml", "--decide", "check=changes:Shorter", "--decide", "check=approve"];

/// The width of a character, the height of a line, the frame around them and the bar above, in pixels.
const CHARACTER: usize = 8;
const LINE: usize = 20;
const FRAME: usize = 20;
const BAR: usize = 36;

/// Columns of the picture's terminal.
const COLUMNS: usize = 86;

/// A piece of a line in one style, as the class of the picture's style sheet.
type Piece = (&'static str, String);

/// Writes the picture, or with `--check` says whether it is up to date.
pub fn write_or_check(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [] => {
            let fresh = draw(&record(&mut program())?);
            if fresh != found() {
                let failed = |error| Failure::failed(format!("{FILE} can't be written: {error}"));
                fs::write(root().join(FILE), fresh).map_err(failed)?;
                tell(format_args!("wrote {FILE}"));
            }
            Ok(())
        }
        [only] if only == "--check" => check(&mut program()),
        _ => Err(Failure::usage("usage: cargo xtask picture [--check]")),
    }
}

/// Says whether the picture shows what this program prints.
pub fn check(program: &mut Command) -> Result<(), Failure> {
    if draw(&record(program)?) == found() {
        return Ok(());
    }
    Err(Failure::failed(format!("{FILE} is not up to date; draw it with `cargo xtask picture`")))
}

fn found() -> String {
    fs::read_to_string(root().join(FILE)).unwrap_or_default()
}

/// What the program prints for the README's process, with colours.
fn record(program: &mut Command) -> Result<String, Failure> {
    let folder = std::env::temp_dir().join(format!("procession-picture-{}", std::process::id()));
    let recorded = record_in(&folder, program);
    // What is left in the folder for temporary files harms nobody.
    let _ = fs::remove_dir_all(&folder);
    recorded
}

fn record_in(folder: &Path, program: &mut Command) -> Result<String, Failure> {
    let failed = |path: &Path, error| Failure::failed(format!("{} can't be used: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let page: PathBuf = root().join("README.md");
    let readme = fs::read_to_string(&page).map_err(|error| failed(&page, error))?;
    for file in ["hello.yaml", "agents.yaml"] {
        let fence = format!("```yaml file={file}\n");
        let block = readme.split_once(&fence).and_then(|(_, rest)| rest.split_once("```"));
        let Some((text, _)) = block else { return Err(Failure::failed(format!("the README has no block `{file}`"))) };
        fs::write(folder.join(file), text).map_err(|error| failed(folder, error))?;
    }
    program.args(RUN).args(["--color", "always"]).current_dir(folder).env("USER", "ann").env("COLUMNS", "100");
    Ok(String::from_utf8_lossy(&output_of(program)?).into_owned())
}

/// The picture of what was printed.
fn draw(printed: &str) -> String {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    lines.push(vec![("dim", "$ ".to_owned()), ("", format!("procession {}", RUN[..4].join(" ")))]);
    lines.extend(printed.trim_end().lines().map(pieces));
    let (width, height) = (COLUMNS * CHARACTER + 2 * FRAME, lines.len() * LINE + 2 * FRAME + BAR);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>procession run hello.yaml</title>
<style>
text {{ font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d8dee9; white-space: pre }}
.strong {{ font-weight: bold; fill: #eceff4 }} .dim {{ fill: #8490a6 }} .red {{ fill: #e06c75 }} .green {{ fill: #98c379 }}
.yellow {{ fill: #e5c07b }} .cyan {{ fill: #56b6c2 }}
</style>
<rect width="{width}" height="{height}" rx="10" fill="#1e222a"/>
<circle cx="22" cy="20" r="6" fill="#e06c75"/><circle cx="42" cy="20" r="6" fill="#e5c07b"/><circle cx="62" cy="20" r="6" fill="#98c379"/>
"##
    );
    for (number, line) in lines.iter().enumerate() {
        let y = BAR + FRAME + number * LINE;
        let _ = write!(svg, r#"<text x="{FRAME}" y="{y}" xml:space="preserve">"#);
        for (class, text) in line {
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            let _ = match *class {
                "" => write!(svg, "<tspan>{text}</tspan>"),
                class => write!(svg, r#"<tspan class="{class}">{text}</tspan>"#),
            };
        }
        svg.push_str("</text>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// A line of a terminal in its pieces, without what differs from run to run.
fn pieces(line: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut class = "";
    for (number, part) in line.split("\u{1b}[").enumerate() {
        let text = match part.split_once('m') {
            Some((code, rest)) if number > 0 => {
                class = class_of(code);
                rest
            }
            Some(_) | None => part,
        };
        if !text.is_empty() {
            found.push((class, steady(text)));
        }
    }
    found
}

/// The class of a style of the terminal.
fn class_of(code: &str) -> &'static str {
    match code {
        "1" => "strong",
        "2" => "dim",
        "31" => "red",
        "32" => "green",
        "33" => "yellow",
        "36" => "cyan",
        _ => "",
    }
}

/// A text without the id of the execution, and with the agents' times in whole seconds, as their scripts have them.
fn steady(text: &str) -> String {
    let is_id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let words = text.split("  ").filter(|word| !is_id(word) && !word.ends_with("ms")).filter_map(|word| {
        match whole_seconds(word) {
            Some(1) => Some("1s".to_owned()),
            // The sum of all times, which a busy machine makes longer.
            Some(_) => None,
            None => Some(word.to_owned()),
        }
    });
    words.collect::<Vec<_>>().join("  ")
}

/// The whole seconds of a time such as `1.0s`.
fn whole_seconds(word: &str) -> Option<u64> {
    let (whole, tenths) = word.strip_suffix('s')?.split_once('.')?;
    tenths.parse::<u64>().ok()?;
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_left_out() {
        assert_eq!(steady("poem 1  01a22dd6-7213-734d-97d3-6b33baf52225"), "poem 1");
        assert_eq!(steady("poet  attempt 2  1.0s  $0.014"), "poet  attempt 2  1s  $0.014");
        assert_eq!(steady("attempt 2  84ms"), "attempt 2");
        assert_eq!(steady("  3.2s  $0.016"), "  $0.016");
        assert_eq!(steady("  23h59m left"), "  23h59m left");
    }

    #[test]
    fn styles_of_the_terminal_become_classes() {
        let line = "\u{1b}[32m✓\u{1b}[0m poem  \u{1b}[2mpoet\u{1b}[0m  <so>";
        let expected = [("green", "✓"), ("", " poem  "), ("dim", "poet"), ("", "  <so>")];
        assert_eq!(pieces(line), expected.map(|(class, text)| (class, text.to_owned())));
        assert!(draw(line).contains("&lt;so>"));
    }
}
