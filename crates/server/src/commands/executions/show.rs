//! `executions show`.

use procession_domain::value::Json;

use super::{look, open_approvals};
use crate::{
    commands::{
        config::Format,
        remote::{Remote, duration, entries, instant, money, text},
    },
    exit::{Exit, Failure},
    terminal::{
        self, style,
        table::{Cell, say_rows},
        text::{clean, fit},
    },
};

/// The most characters of an input in its one line.
const LONGEST_INPUT: usize = 300;

pub(super) async fn show(server: &Remote, id: &str, format: Format) -> Result<Exit, Failure> {
    let execution = server.get(&format!("/api/executions/{id}")).await?;
    match format {
        Format::Json => terminal::say_json(&execution)?,
        Format::Text => print(&execution)?,
    }
    Ok(Exit::Done)
}

/// Writes an execution for people.
pub(super) fn print(execution: &Json) -> std::io::Result<()> {
    let status = text(&execution["status"]);
    let process = format!("{} {}", text(&execution["process_name"]), text(&execution["process_version"]));
    terminal::say(format_args!(
        "{}  {}",
        style::paint(style::STRONG, clean(&process)),
        style::paint(look(&status), &status)
    ))?;
    say_rows(&facts(execution))?;
    let steps: Vec<[Cell; 6]> = entries(execution, "steps").map(step_row).collect();
    if !steps.is_empty() {
        terminal::say("")?;
        say_rows(&steps)?;
    }
    for (step, approval) in open_approvals(execution) {
        terminal::say(format_args!(
            "\n{} waits for a decision: procession approvals show {approval}",
            style::paint(style::WAITING, step)
        ))?;
    }
    for warning in entries(execution, "warnings").chain(entries(execution, "output_warnings")) {
        terminal::warn(text(warning));
    }
    match execution["status"].as_str() {
        Some("completed") => execution["output_data"].as_object().map_or(Ok(()), terminal::say_outputs),
        _ => Ok(()),
    }
}

/// What is known of it, name and value.
fn facts(execution: &Json) -> Vec<[Cell; 2]> {
    let by = match text(&execution["user"]) {
        user if user.is_empty() => text(&execution["triggered_by"]),
        user => format!("{user} ({})", text(&execution["triggered_by"])),
    };
    let error = &execution["error"];
    let error = match (error.is_null(), text(&error["step_id"])) {
        (true, _) => String::new(),
        (false, step) if step.is_empty() => format!("{}: {}", text(&error["code"]), text(&error["message"])),
        (false, step) => format!("{step}: {}: {}", text(&error["code"]), text(&error["message"])),
    };
    let facts = [
        ("id", text(&execution["id"])),
        ("started", instant(&execution["started_at"])),
        ("by", by),
        ("ended", instant(&execution["completed_at"])),
        ("took", duration(&execution["duration_seconds"])),
        ("cost", money(&execution["exact_cost"])),
        ("input", input(&execution["input_data"])),
        ("retry of", text(&execution["retry_of"])),
        ("part of", text(&execution["parent_execution_id"])),
        ("phase", text(&execution["phase"])),
        ("error", error),
    ];
    let known = facts.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| [Cell::styled(style::DIM, name), Cell::plain(value)]).collect()
}

fn input(input: &Json) -> String {
    match input {
        Json::Object(fields) if fields.is_empty() => String::new(),
        Json::Null => String::new(),
        other => fit(&other.to_string(), LONGEST_INPUT),
    }
}

fn step_row(step: &Json) -> [Cell; 6] {
    let state = text(&step["state"]);
    let note = match (text(&step["error"]["message"]), text(&step["skip_reason"]), text(&step["waiting_for"]["for"])) {
        (error, _, _) if !error.is_empty() => error,
        (_, reason, _) if !reason.is_empty() => reason.replace('_', " "),
        (_, _, wait) if !wait.is_empty() => format!("for {}", wait.replace('_', " ")),
        _ => String::new(),
    };
    // The failure that a step ended with was not tried again.
    let last = u64::from(!step["error"].is_null());
    let attempts = match step["retry_count"].as_u64().unwrap_or_default().saturating_sub(last) {
        0 => String::new(),
        1 => "1 retry".to_owned(),
        retries => format!("{retries} retries"),
    };
    [
        Cell::plain(format!("  {}", text(&step["step_id"]))),
        Cell::styled(look(&state), state.replace('_', " ")),
        Cell::styled(style::DIM, text(&step["agent"])),
        Cell::styled(style::DIM, money(&step["exact_cost"])),
        Cell::styled(style::DIM, attempts),
        Cell::plain(note),
    ]
}
