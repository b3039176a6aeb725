//! Kind `command`: a program on this machine, with the message on its standard input and the reply on its standard
//! output. Off unless the operator allows it (spec 8.2, `agents.allow_commands`).

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration as StdDuration,
};

use async_trait::async_trait;
use procession_application::ports::{AgentFailure, AgentReply, AgentTask};
use procession_domain::{
    event::Usage,
    value::{ErrorCode, Money},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, Command},
    time::timeout,
};

use super::{
    process_group::ProcessGroup,
    program_environment::{ProgramEnvironment, texts},
};
use crate::{
    failure::failed,
    file::{Content, Section},
    launcher,
    leftovers::MARK,
    local::LocalAgent,
    secret::{Environment, Masks, missing},
};

/// The largest reply, in bytes (spec 8.2, `limits.output`).
const LARGEST_REPLY: u64 = 16 * 1024 * 1024;
/// How much of the end of standard error a failure shows, in bytes.
const SHOWN_OF_STDERR: usize = 4 * 1024;
/// Why no program runs when the operator has not said that they may.
const NOT_ALLOWED: &str = "commands are disabled; set agents.allow_commands to true to enable them";
/// How long the outputs may stay open once the program has ended, by something it left behind.
const LEFTOVER_GRACE: StdDuration = StdDuration::from_secs(1);

/// A program, its arguments, and its environment.
#[derive(Debug, Clone)]
pub(crate) struct CommandSettings {
    program: String,
    arguments: Vec<String>,
    cost: Option<Money>,
    environment: ProgramEnvironment,
}

impl CommandSettings {
    /// Reads the keys of this kind.
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        let cost = section.money("cost");
        let environment = ProgramEnvironment::read(section);
        let node = section.required_node("command")?;
        let Content::List(items) = &node.content else {
            let message = "`command` is a list: the program, then its arguments, such as [./format.sh, --short]";
            section.refuse(node.place, message);
            return None;
        };
        let mut words = texts(items, "`command`", section);
        if words.first().is_none_or(|program| program.trim().is_empty()) {
            section.refuse(node.place, "`command` does not name a program");
            return None;
        }
        let program = words.remove(0);
        Some(Self { program, arguments: words, cost, environment })
    }
}

/// An agent that is a program.
pub(crate) struct CommandAgent {
    name: String,
    settings: CommandSettings,
    folder: PathBuf,
    programs: Programs,
    /// The variables that the program gets, or the name of one that is missing for them.
    environment: Result<Vec<(String, SecretString)>, String>,
    masks: Masks,
}

/// What all programs have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    /// Whether there may be any (spec 8.2, `agents.allow_commands`).
    pub(crate) are_allowed: bool,
    /// What tells those of this server from others.
    pub(crate) mark: Option<OsString>,
}

impl CommandAgent {
    /// An agent of this name; `folder` is that of the agents file, in which the program runs.
    pub(crate) fn new(
        name: &str,
        settings: CommandSettings,
        folder: &Path,
        environment: &Environment,
        programs: &Programs,
    ) -> Self {
        Self {
            name: name.to_owned(),
            masks: settings.environment.masks(environment),
            environment: settings.environment.resolve(environment),
            settings,
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            programs: programs.clone(),
        }
    }

    /// The program's path; a bare name is looked for in the search path.
    fn program(&self) -> PathBuf {
        let program = Path::new(&self.settings.program);
        if program.is_relative() && program.components().count() > 1 {
            self.folder.join(program.strip_prefix(".").unwrap_or(program))
        } else {
            program.to_owned()
        }
    }

    /// Why the program can't be started, as far as a look at its file tells.
    fn missing_program(&self) -> Option<String> {
        let program = self.program();
        if program.components().count() > 1 {
            let shown = program.display();
            return match std::fs::metadata(&program) {
                Ok(file) if file.is_file() && is_executable(&file) => None,
                Ok(file) if file.is_file() => {
                    Some(format!("the program {shown} is not executable; run `chmod +x` on it"))
                }
                Ok(_) | Err(_) => Some(format!("there is no program {shown}; check `command`")),
            };
        }
        let path = self.environment.as_ref().ok()?.iter().find(|(name, _)| name == "PATH")?;
        let is_there = std::env::split_paths(path.1.expose_secret()).any(|folder| folder.join(&program).is_file());
        let shown = program.display();
        (!is_there).then(|| format!("there is no program `{shown}` in the search path (PATH); check `command`"))
    }

    fn command(&self, task: &AgentTask) -> Result<Command, AgentFailure> {
        let environment = self.environment.as_ref().map_err(|variable| {
            failed(ErrorCode::InvalidConfig, format!("the agent `{}`: {}", self.name, missing(variable)))
        })?;
        let mut command = launcher::command(&self.program());
        command.args(&self.settings.arguments).current_dir(&self.folder).env_clear();
        command.envs(environment.iter().map(|(name, value)| (name, value.expose_secret())));
        command
            .env("PROCESSION_KEY", &task.key)
            .env("PROCESSION_EXECUTION_ID", task.execution_id.to_string())
            .env("PROCESSION_STEP_ID", task.step_id.as_str())
            .env("PROCESSION_ATTEMPT", task.attempt.to_string());
        if let Some(trace) = task.trace {
            command.env("TRACEPARENT", trace.to_string());
        }
        if let Some(mark) = &self.programs.mark {
            command.env(MARK, mark);
        }
        Ok(command)
    }

    fn cannot_start(&self, error: &io::Error) -> AgentFailure {
        let program = self.program();
        let program = program.display();
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "does not exist, or the interpreter on its first line does not; check `command`",
            io::ErrorKind::PermissionDenied => "is not executable; run `chmod +x` on it",
            _ => "can't be started",
        };
        let message = format!("the program {program} of the agent `{}` {advice} ({error})", self.name);
        failed(ErrorCode::AgentUnavailable, message)
    }

    fn ended_badly(&self, what: &str, end_of_stderr: &[u8]) -> AgentFailure {
        let said = String::from_utf8_lossy(end_of_stderr);
        let said = said.trim();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        // The end of standard error says most, so it must survive the shortening of messages.
        let from = said.char_indices().rev().nth(1_500).map_or(0, |(index, _)| index);
        let message = format!("the program of `{}` {what}{}", self.name, &said[from..]);
        failed(ErrorCode::AgentError, self.masks.masked(&message))
    }

    async fn run(&self, task: &AgentTask) -> Result<Vec<u8>, AgentFailure> {
        let command = self.command(task)?;
        let mut group = ProcessGroup::start(command).await.map_err(|error| self.cannot_start(&error))?;
        let (mut reply, mut complaint) = (Vec::new(), Vec::new());
        let outcome = converse(&mut group, task.message.as_bytes(), &mut reply, &mut complaint).await;
        match outcome {
            Ok(status) if status.success() => Ok(reply),
            Ok(status) => match launcher::failed_start(status.code(), &complaint) {
                Some(error) => Err(self.cannot_start(&error)),
                None => Err(self.ended_badly(&format!("ended with {status}"), &complaint)),
            },
            Err(Trouble::TooLarge) => {
                let message = format!("the program of `{}` wrote more than 16 MiB", self.name);
                Err(failed(ErrorCode::OutputTooLarge, message))
            }
            Err(Trouble::Lost(error)) => Err(self.ended_badly(&format!("is lost ({error})"), &complaint)),
        }
    }
}

#[async_trait]
impl LocalAgent for CommandAgent {
    async fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        if !self.programs.are_allowed {
            let message = format!("the agent `{}` is a command, and {NOT_ALLOWED}", self.name);
            return Err(failed(ErrorCode::AccessDenied, message));
        }
        let reply = self.run(task).await?;
        let reply = String::from_utf8_lossy(&reply);
        Ok(AgentReply {
            // As a shell does with `$(…)`.
            text: reply.trim_end_matches(['\n', '\r']).to_owned(),
            usage: Usage::of_cost(self.settings.cost),
        })
    }

    fn obstacle(&self) -> Option<String> {
        if !self.programs.are_allowed {
            return Some(NOT_ALLOWED.to_owned());
        }
        match &self.environment {
            Err(variable) => Some(missing(variable)),
            Ok(_) => self.missing_program(),
        }
    }
}

#[cfg(unix)]
fn is_executable(file: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
const fn is_executable(_file: &std::fs::Metadata) -> bool {
    true
}

/// Why a program's end is not known or not waited for.
enum Trouble {
    TooLarge,
    Lost(io::Error),
}

/// Gives the program the message and reads its outputs until it has ended.
async fn converse(
    group: &mut ProcessGroup,
    message: &[u8],
    reply: &mut Vec<u8>,
    complaint: &mut Vec<u8>,
) -> Result<ExitStatus, Trouble> {
    let child = group.child();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let outputs = async {
        let write = give(stdin, message);
        let read = read_at_most(stdout, reply);
        let listen = read_end(stderr, complaint);
        tokio::try_join!(write, read, listen).map(|_| ())
    };
    tokio::pin!(outputs);
    let mut are_closed = false;
    let ended = tokio::select! {
        ended = group.child().wait() => ended,
        closed = &mut outputs => {
            closed?;
            are_closed = true;
            group.child().wait().await
        }
    };
    // The outputs usually end with the program; something that it left behind may hold them open.
    if !are_closed {
        match timeout(LEFTOVER_GRACE, &mut outputs).await {
            Ok(closed) => closed?,
            Err(_) => group.kill(),
        }
    }
    group.is_over();
    ended.map_err(Trouble::Lost)
}

/// Writes the message. A program that does not read it is no failure: it may not need it.
async fn give(stdin: Option<ChildStdin>, message: &[u8]) -> Result<(), Trouble> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(message).await;
        let _ = stdin.shutdown().await;
    }
    Ok(())
}

/// Reads the reply to its end.
async fn read_at_most(pipe: Option<impl AsyncRead + Unpin>, reply: &mut Vec<u8>) -> Result<(), Trouble> {
    let Some(pipe) = pipe else { return Ok(()) };
    let mut pipe = pipe.take(LARGEST_REPLY + 1);
    // A pipe that breaks ends the reply; the program's exit status says whether it was whole.
    let _ = pipe.read_to_end(reply).await;
    if pipe.limit() == 0 { Err(Trouble::TooLarge) } else { Ok(()) }
}

/// Reads to the end, and keeps only the end.
async fn read_end(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) -> Result<(), Trouble> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut buffer = [0; 4 * 1024];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(count) => kept.extend_from_slice(&buffer[..count]),
        }
        let too_many = kept.len().saturating_sub(SHOWN_OF_STDERR);
        drop(kept.drain(..too_many));
    }
}
