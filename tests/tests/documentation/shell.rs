//! Plays a page as one session of a shell, in a folder of its own.

use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use procession_tests::server::procession;

use crate::{
    model::Model,
    page::{Block, Page},
};

/// The address of the pages' server.
const SERVER: &str = "127.0.0.1:8000";

/// The address of the pages' model.
const MODEL: &str = "https://api.openai.com/v1";

/// How the pages start what they have not built yet.
const BUILT: &str = "cargo run --release -- ";

/// How long a page may take; generous, since machines of tests are busy.
const PATIENCE: Duration = Duration::from_mins(5);

/// Begins the line before the output of a block; nothing that a page prints has it.
const MARK: char = '\u{1e}';

/// A folder, a port and a model, in place of those that the pages name.
pub struct Session {
    folder: tempfile::TempDir,
    server: String,
    model: Model,
}

impl Session {
    pub async fn begin() -> Self {
        // Free a moment ago; the program under test takes it next.
        let server = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Self { folder: tempfile::tempdir().unwrap(), server, model: Model::start().await }
    }

    /// Runs all blocks of a page, and compares what they print with what the page says.
    pub fn play(&self, page: &Page) {
        let script = self.script(page);
        let path = self.folder.path().join(".page.sh");
        fs::write(&path, &script).unwrap();
        let mut command = Command::new("bash");
        command.arg(&path).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PROCESSION_") || name == "SECRET_KEY") {
                command.env_remove(name);
            }
        }
        let program = PathBuf::from(procession().unwrap().get_program());
        let paths = [program.parent().unwrap().to_owned()].into_iter();
        let rest = std::env::var_os("PATH").unwrap_or_default();
        command.env("PATH", std::env::join_paths(paths.chain(std::env::split_paths(&rest))).unwrap());
        command.env("PROCESSION_LISTEN", &self.server).env("USER", "ada").env("COLUMNS", "100");
        let (ended, printed) = self.run(command);
        let parts = parts(&printed);
        let last = parts.last().map_or(0, |(line, _)| *line);
        assert!(ended.is_some_and(|status| status.success()), "{}, line {last}: {ended:?}\n{printed}", page.name);
        self.compare(page, &parts);
    }

    /// Runs a command to its end: how it ended, if it did in time, and what it printed.
    fn run(&self, mut command: Command) -> (Option<ExitStatus>, String) {
        // A file takes everything, also from a server that outlives the shell.
        let path = self.folder.path().join(".printed.txt");
        let mut process = command.stdout(fs::File::create(&path).unwrap()).process_group(0).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut ended = None;
        while ended.is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
            ended = process.try_wait().unwrap();
        }
        // A server that the shell left behind, or all of it if it did not end in time.
        let group = format!("-{}", process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        process.wait().unwrap();
        (ended, String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned())
    }

    fn compare(&self, page: &Page, parts: &[(usize, String)]) {
        let mut before: Option<&Block> = None;
        for block in &page.blocks {
            let shell = before.filter(|before| before.language == "sh");
            if let (Some(shell), "text") = (shell, block.language.as_str()) {
                let (_, printed) = parts.iter().find(|(line, _)| *line == shell.line).unwrap();
                let wanted = self.here(&block.text);
                expect(&wanted, printed).unwrap_or_else(|line| {
                    panic!("{}, line {}: `{line}` is not printed, but this:\n{printed}", page.name, block.line)
                });
            }
            before = Some(block);
        }
    }

    /// A text of the page with the addresses of this session.
    fn here(&self, text: &str) -> String {
        text.replace(SERVER, &self.server).replace(MODEL, self.model.url()).replace(BUILT, "procession ")
    }

    fn script(&self, page: &Page) -> String {
        let mut script =
            String::from("set -euo pipefail\nexec 2>&1\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
        for block in &page.blocks {
            let text = self.here(&block.text);
            if let Some(file) = block.file() {
                let _ =
                    write!(script, "mkdir -p \"$(dirname {file})\"\ncat > {file} <<'END OF FILE'\n{text}END OF FILE\n");
            } else if block.language == "sh" {
                let _ = writeln!(script, "printf '{MARK}%s\\n' {}", block.line);
                script.push_str(&self.step(block, &text));
            }
        }
        // What is left must not keep the session.
        script.push_str("kill $(jobs -p) 2>/dev/null || true\n");
        script
    }

    fn step(&self, block: &Block, text: &str) -> String {
        if block.is("background") {
            // It ends with its own log, so that it holds no pipe of ours.
            format!(
                "( {text}) > .server.log 2>&1 &\n\
                 for turn in $(seq 600); do curl -sf http://{}/readyz > /dev/null && break; sleep 0.1; done\n\
                 cat .server.log\n",
                self.server
            )
        } else if block.is("fails") {
            format!("set +e\n( {text})\nset -e\n")
                .replace("\nset -e\n", "\nended=$?\nset -e\n[ $ended -ne 0 ] || { echo 'it did not fail'; exit 1; }\n")
        } else if block.is("elsewhere") {
            format!("bash -n <<'END OF SHELL'\n{text}END OF SHELL\n")
        } else {
            text.to_owned()
        }
    }
}

/// Whether the tools are here that the pages ask their readers to have. The project's continuous integration has
/// to have them.
pub fn tools_are_here() -> bool {
    let has =
        |tool: &str, argument: &str| Command::new(tool).arg(argument).output().is_ok_and(|said| said.status.success());
    let knows_json = Command::new("curl").args(["--help", "all"]).output();
    let knows_json = knows_json.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("--json"));
    let all = knows_json && has("jq", "--version") && has("bash", "--version");
    assert!(all || std::env::var_os("GITHUB_ACTIONS").is_none(), "these tests need bash, jq, and curl 7.82 or newer");
    all
}

/// What each block printed, by its line.
fn parts(printed: &str) -> Vec<(usize, String)> {
    let split = printed.split(MARK).skip(1);
    split
        .map(|part| {
            let (line, rest) = part.split_once('\n').unwrap_or((part, ""));
            (line.parse().unwrap_or(0), rest.to_owned())
        })
        .collect()
}

/// Looks for lines in what was printed, in their order. The first one that is not there is the error.
fn expect<'w>(wanted: &'w str, printed: &str) -> Result<(), &'w str> {
    let mut lines = printed.lines();
    for wanted in wanted.lines().filter(|line| !line.trim().is_empty() && line.trim() != "…") {
        if !lines.by_ref().any(|line| fits(wanted.trim(), line.trim())) {
            return Err(wanted);
        }
    }
    Ok(())
}

/// Whether a line is as wanted, where `…` stands for anything.
fn fits(wanted: &str, line: &str) -> bool {
    let mut parts = wanted.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut ends_open = false;
    for part in parts {
        ends_open = part.is_empty();
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    ends_open || rest.is_empty()
}

#[test]
fn expected_lines_stand_in_their_order_and_dots_stand_for_anything() {
    let printed = "one 1s\ntwo\nthree 4 five";
    assert_eq!(expect("one …\n…\nthree … five", printed), Ok(()));
    assert_eq!(expect("two\none …", printed), Err("one …"));
    assert_eq!(expect("three …", printed), Ok(()));
    assert_eq!(expect("three", printed), Err("three"));
}
