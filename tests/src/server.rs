//! The program under test, as a process of its own: started, killed, started again on the same data.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        OnceLock,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, bail};

/// The password of `admin` on every server of the tests.
pub const ADMIN_PASSWORD: &str = "correct-horse-battery-staple-1";

/// How long a server may take to answer; generous, since machines of tests are busy.
const START: Duration = Duration::from_mins(1);

/// How a server is started.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    data: PathBuf,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    log: Log,
}

/// Where the server's log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// To whoever asks for [`Server::log`].
    Kept,
    /// To a device that is always full.
    Full,
    /// Into a pipe that nobody reads any more.
    Unread,
}

/// A running server. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    url: String,
    errors: Receiver<String>,
}

impl ServerOptions {
    /// A server on this data folder, on a free port, whose `admin` has [`ADMIN_PASSWORD`].
    pub fn on(data: &Path) -> Self {
        let environment = vec![("PROCESSION_AUTH__ADMIN_PASSWORD".to_owned(), ADMIN_PASSWORD.to_owned())];
        Self { data: data.to_owned(), environment, arguments: Vec::new(), log: Log::Kept }
    }

    /// Sets a value of the configuration, such as `engine.max_concurrent_steps`.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        let name = format!("PROCESSION_{}", key.to_uppercase().replace('.', "__"));
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an argument after `serve`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Has its log go somewhere else.
    #[must_use]
    pub const fn logging_to(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// Starts it, and waits until it says where it listens.
    ///
    /// # Errors
    /// When it ends instead, with what it said.
    pub fn start(&self) -> anyhow::Result<Server> {
        let mut command = procession()?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&self.data).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let log = match self.log {
            Log::Kept | Log::Unread => Stdio::piped(),
            Log::Full => File::options().write(true).open("/dev/full")?.into(),
        };
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let output = lines(process.stdout.take().context("no standard output")?);
        let errors = match (self.log, process.stderr.take()) {
            (Log::Kept, Some(errors)) => lines(errors),
            (Log::Kept | Log::Full | Log::Unread, _) => mpsc::channel().1,
        };
        let deadline = Instant::now() + START;
        loop {
            let Ok(line) = output.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                // It has ended, or never will say anything.
                let _ = process.kill();
                let status = process.wait()?;
                let said: Vec<String> = errors.iter().collect();
                bail!("the server did not start ({status}):\n{}", said.join("\n"));
            };
            if let Some(url) = address_in(&line) {
                return Ok(Server { process, url, errors });
            }
        }
    }
}

impl Server {
    /// Its address, such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// `kill -9`: it gets no chance to do anything.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Asks it to stop, as a service manager does, and waits for its end.
    ///
    /// # Errors
    /// When it does not end within 20 s.
    pub fn stop(self) -> anyhow::Result<ExitStatus> {
        self.stop_by("TERM")
    }

    /// Sends it a signal, such as `HUP`, and waits for its end.
    ///
    /// # Errors
    /// When it does not end within 20 s.
    pub fn stop_by(mut self, signal: &str) -> anyhow::Result<ExitStatus> {
        let asked = Command::new("kill").args([&format!("-{signal}"), &self.process.id().to_string()]).status()?;
        if !asked.success() {
            bail!("the server could not be told to stop");
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("the server did not stop within 20 s of being asked")
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        self.errors.try_iter().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program `procession`, with nothing of this environment's configuration.
///
/// # Errors
/// When it can't be built.
pub fn procession() -> anyhow::Result<Command> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let binary = BINARY.get_or_init(|| binary().map_err(|error| format!("{error:#}")));
    let mut command = Command::new(binary.as_ref().map_err(|error| anyhow!("{error}"))?);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PROCESSION_") || name == "SECRET_KEY") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// The program of `PROCESSION_BIN`, else the one of this workspace, built if it is not up to date.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("PROCESSION_BIN") {
        return Ok(path.into());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", "procession-server", "--bin", "procession"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !built.status.success() {
        bail!("procession can't be built:\n{}", String::from_utf8_lossy(&built.stderr));
    }
    // Tests are in <target>/<profile>/deps, programs one folder above.
    let here = std::env::current_exe()?;
    let folder = here.ancestors().nth(2).context("this test is in no folder of a build")?;
    Ok(folder.join("procession"))
}

/// Lines as they come, read in the background so that the writer never waits.
fn lines(mut from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(from.by_ref());
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
            if sender.send(line.trim_end().to_owned()).is_err() {
                // Nobody reads any more; the writer must still not block.
                let _ = std::io::copy(&mut reader.by_ref(), &mut std::io::sink());
                return;
            }
            line.clear();
        }
    });
    receiver
}

fn address_in(line: &str) -> Option<String> {
    let start = line.find("http://")?;
    let rest = &line[start..];
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}
