//! `executions events`: the history of an execution, and what happens to it until it ends.

use std::time::{Duration, Instant};

use clap::Args;
use procession_domain::value::Json;

use super::{exit_of, show};
use crate::{
    commands::{
        config::Format,
        remote::{Kind, Listening, Remote, RemoteError, choose, instant, money, text},
    },
    exit::{Exit, Failure},
    signals::StopSignals,
    terminal::{
        self, style,
        text::{clean, fit},
    },
};

/// Which events.
#[derive(Debug, Args)]
pub(super) struct EventsArguments {
    /// The execution.
    id: String,
    /// Go on until the execution ends; the exit code says how it did.
    #[arg(long)]
    follow: bool,
    /// Only events behind the one of this sequence number.
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    after: u64,
    /// The output format; json is one object a line.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How many events are read at a time.
const PAGE: usize = 1_000;

/// How long a server that went away is waited for.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long until it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// The history of an execution, as far as it has been printed.
struct History<'a> {
    server: &'a Remote,
    id: &'a str,
    format: Format,
    /// How many events have been printed or passed over: sequence numbers count from 1 without gaps.
    read: u64,
    /// The last event's id; 0 if none has been read.
    last: u64,
}

pub(super) async fn events(server: &Remote, arguments: &EventsArguments) -> Result<Exit, Failure> {
    let id = choose(server, Kind::Execution, &arguments.id).await?;
    let mut history = History { server, id: &id, format: arguments.format, read: 0, last: 0 };
    history.pass_over(arguments.after).await?;
    if arguments.follow {
        return history.follow_unless_stopped().await;
    }
    history.print_new().await?;
    Ok(Exit::Done)
}

/// Prints what happens to an execution from its beginning to its end, and how it ended.
pub(super) async fn follow(server: &Remote, id: &str, format: Format) -> Result<Exit, Failure> {
    let exit = History { server, id, format, read: 0, last: 0 }.follow_unless_stopped().await?;
    if format == Format::Text && exit != Exit::Interrupted {
        let execution = server.get(&format!("/api/executions/{id}")).await?;
        terminal::say("")?;
        show::print(&execution)?;
    }
    Ok(exit)
}

/// What has ended.
enum Ended {
    /// The execution.
    Execution,
    /// Only the connection, after it told something new or not.
    Connection { has_told: bool },
}

/// Why reading stopped.
enum Stopped {
    /// The server could not be asked.
    Remote(RemoteError),
    /// What was read could not be written.
    Output(Failure),
}

impl History<'_> {
    async fn follow_unless_stopped(&mut self) -> Result<Exit, Failure> {
        let mut stop = StopSignals::listen().map_err(Failure::failed)?;
        let id = self.id;
        tokio::select! {
            ended = self.follow() => ended,
            _ = stop.next() => {
                let again = format!("procession executions events {id} --follow --after {}", self.read);
                terminal::tell(format_args!("the execution goes on; to follow it again: {again}"));
                Ok(Exit::Interrupted)
            }
        }
    }

    /// Prints what happens until the execution has ended. A server that goes away for a while is waited for.
    async fn follow(&mut self) -> Result<Exit, Failure> {
        // A server that was never there is not waited for.
        self.print_new().await?;
        let mut away_since: Option<Instant> = None;
        loop {
            match self.follow_connection().await {
                Ok(Ended::Execution) => break,
                Ok(Ended::Connection { has_told: true }) => {
                    away_since = None;
                    continue;
                }
                Ok(Ended::Connection { has_told: false }) => away_since = None,
                Err(Stopped::Output(failure)) => return Err(failure),
                Err(Stopped::Remote(error)) => {
                    let since = *away_since.get_or_insert_with(|| {
                        if error.may_pass() {
                            terminal::warn(format_args!("{error}; trying again"));
                        }
                        Instant::now()
                    });
                    if !error.may_pass() || since.elapsed() > PATIENCE {
                        return Err(error.into());
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        let execution = self.server.get(&format!("/api/executions/{}", self.id)).await?;
        Ok(exit_of(execution["status"].as_str().unwrap_or_default()))
    }

    /// Prints what happens as long as one connection lasts.
    async fn follow_connection(&mut self) -> Result<Ended, Stopped> {
        self.print_new().await?;
        let listening = self.server.listen(self.id, self.last).await.map_err(Stopped::Remote)?;
        let Listening::GoesOn(mut updates) = listening else {
            self.print_new().await?;
            return Ok(Ended::Execution);
        };
        let before = self.read;
        while updates.next().await {
            self.print_new().await?;
        }
        Ok(Ended::Connection { has_told: self.read > before })
    }

    /// Passes over so many events.
    async fn pass_over(&mut self, number: u64) -> Result<(), Failure> {
        let Some(offset) = number.checked_sub(1) else { return Ok(()) };
        let last = self.server.get(&format!("/api/executions/{}/events?limit=1&offset={offset}", self.id)).await?;
        let Some(id) = last[0]["id"].as_u64() else {
            return Err(Failure::usage(format_args!("the execution has no event {number} yet (--after)")));
        };
        (self.read, self.last) = (number, id);
        Ok(())
    }

    /// Prints the events that have not been.
    async fn print_new(&mut self) -> Result<(), Stopped> {
        loop {
            let path = format!("/api/executions/{}/events?limit={PAGE}&offset={}", self.id, self.read);
            let Json::Array(page) = self.server.get(&path).await.map_err(Stopped::Remote)? else {
                return Err(Stopped::Remote(self.server.unknown_answer()));
            };
            for event in &page {
                self.print(event).map_err(|error| Stopped::Output(error.into()))?;
                self.read += 1;
                self.last = event["id"].as_u64().unwrap_or(self.last);
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn print(&self, event: &Json) -> std::io::Result<()> {
        if self.format == Format::Json {
            return terminal::say_json_line(event);
        }
        let shown = format!(
            "{}  {:>3}  {}{}",
            style::paint(style::DIM, instant(&event["timestamp"])),
            event["sequence"].as_u64().unwrap_or_default(),
            style::paint(look(event), clean(&text(&event["event_type"]))),
            details(event)
        );
        terminal::say(shown)
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Remote(error) => error.into(),
            Stopped::Output(failure) => failure,
        }
    }
}

/// The style of an event.
fn look(event: &Json) -> anstyle::Style {
    let name = event["event_type"].as_str().unwrap_or_default();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&["Failed", "Expired"]) {
        style::BAD
    } else if ends(&["Completed"]) {
        style::GOOD
    } else if ends(&["Retrying", "Waiting", "WaitingApproval", "Requested", "Paused", "Cancelled", "Warning"]) {
        style::WAITING
    } else {
        anstyle::Style::new()
    }
}

/// The most characters of a value in a line.
const LONGEST_VALUE: usize = 120;

/// What an event says besides its type, in one line.
fn details(event: &Json) -> String {
    let mut said = String::new();
    let mut say = |text: String| {
        if !text.is_empty() {
            said.push_str("  ");
            said.push_str(&fit(&text, LONGEST_VALUE));
        }
    };
    say(text(&event["step_id"]));
    say(text(&event["agent"]));
    if let Some(attempt) = event["attempt"].as_u64().filter(|attempt| *attempt > 1) {
        say(format!("attempt {attempt}"));
    }
    say(money(&event["exact_cost"]));
    for name in ["error_message", "reason", "title", "decision", "by", "decided_by", "cancelled_by", "for", "comment"] {
        say(text(&event[name]));
    }
    if let Some(taken) = event["taken"].as_array() {
        let taken: Vec<String> = taken.iter().map(text).collect();
        say(format!("→ {}", taken.join(", ")));
    }
    say(text(&event["child_execution_id"]));
    said
}
