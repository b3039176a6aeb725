//! Kind `command`: a program on this machine, with the message on its standard input and the reply on its standard
//! output. Off unless the operator allows it (spec 8.2, `agents.allow_commands`).

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration as StdDuration,
};

use async_trait::async_trait;
use procession_application::ports::{AgentFailure, AgentReply, AgentStatus, AgentTask};
use procession_domain::{
    event::Usage,
    value::{ErrorCode, Money},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, Command},
    time::timeout,
};

use super::process_group::ProcessGroup;
use crate::{
    failure::failed,
    file::{Content, Section},
    local::LocalAgent,
};

/// The largest reply, in bytes (spec 8.2, `limits.output`).
const LARGEST_REPLY: u64 = 16 * 1024 * 1024;
/// How much of the end of standard error a failure shows, in bytes.
const SHOWN_OF_STDERR: usize = 4 * 1024;
/// How long the outputs may stay open once the program has ended, by something it left behind.
const LEFTOVER_GRACE: StdDuration = StdDuration::from_secs(1);

/// A program and its arguments.
#[derive(Debug, Clone)]
pub(crate) struct CommandSettings {
    program: String,
    arguments: Vec<String>,
    cost: Option<Money>,
}

impl CommandSettings {
    /// Reads the keys of this kind.
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        let cost = section.money("cost");
        let node = section.required_node("command")?;
        let Content::List(items) = &node.content else {
            let message = "`command` is a list: the program, then its arguments, such as [./format.sh, --short]";
            section.refuse(node.place, message);
            return None;
        };
        let mut words = Vec::new();
        for item in items {
            match &item.content {
                Content::Scalar(word) => words.push(word.clone()),
                Content::Null | Content::List(_) | Content::Map(_) => {
                    let message = format!("a word of `command` is {}; a text is expected", item.content.kind());
                    section.refuse(item.place, message);
                }
            }
        }
        if words.first().is_none_or(|program| program.trim().is_empty()) {
            section.refuse(node.place, "`command` names no program");
            return None;
        }
        let program = words.remove(0);
        Some(Self { program, arguments: words, cost })
    }
}

/// An agent that is a program.
pub(crate) struct CommandAgent {
    name: String,
    settings: CommandSettings,
    folder: PathBuf,
    is_allowed: bool,
}

impl CommandAgent {
    /// An agent of this name; `folder` is that of the agents file, in which the program runs.
    pub(crate) fn new(name: &str, settings: CommandSettings, folder: &Path, is_allowed: bool) -> Self {
        Self {
            name: name.to_owned(),
            settings,
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            is_allowed,
        }
    }

    /// The program's path; a bare name is looked for in the search path.
    fn program(&self) -> PathBuf {
        let program = Path::new(&self.settings.program);
        if program.is_relative() && program.components().count() > 1 {
            self.folder.join(program)
        } else {
            program.to_owned()
        }
    }

    fn command(&self, task: &AgentTask) -> Command {
        let mut command = Command::new(self.program());
        command.args(&self.settings.arguments).current_dir(&self.folder);
        // The server's own settings, its secret key and first password among them, are none of the program's business.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PROCESSION_") || name == "SECRET_KEY" {
                command.env_remove(name);
            }
        }
        command
            .env("PROCESSION_KEY", &task.key)
            .env("PROCESSION_EXECUTION_ID", task.execution_id.to_string())
            .env("PROCESSION_STEP_ID", task.step_id.as_str())
            .env("PROCESSION_ATTEMPT", task.attempt.to_string());
        command
    }

    fn cannot_start(&self, error: &io::Error) -> AgentFailure {
        let program = self.program();
        let program = program.display();
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "is not there, or the interpreter in its first line is not; check `command`",
            io::ErrorKind::PermissionDenied => "may not be run; make it executable (chmod +x)",
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
        failed(ErrorCode::AgentError, format!("the program of `{}` {what}{}", self.name, &said[from..]))
    }

    async fn run(&self, task: &AgentTask) -> Result<Vec<u8>, AgentFailure> {
        let mut group = ProcessGroup::start(self.command(task)).map_err(|error| self.cannot_start(&error))?;
        let (mut reply, mut complaint) = (Vec::new(), Vec::new());
        let outcome = converse(&mut group, task.message.as_bytes(), &mut reply, &mut complaint).await;
        match outcome {
            Ok(status) if status.success() => Ok(reply),
            Ok(status) => Err(self.ended_badly(&format!("ended with {status}"), &complaint)),
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
        if !self.is_allowed {
            let message = format!(
                "the agent `{}` is a command, and commands are off; set agents.allow_commands to true to allow them",
                self.name
            );
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

    fn status(&self) -> AgentStatus {
        let program = self.program();
        let is_bare_name = program.components().count() == 1;
        if self.is_allowed && (is_bare_name || program.is_file()) { AgentStatus::Running } else { AgentStatus::Stopped }
    }
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
