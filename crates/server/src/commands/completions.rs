//! `completions`: what shells need to complete the command line.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Arguments;
use crate::exit::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  procession completions bash > /etc/bash_completion.d/procession
  procession completions zsh > ~/.zfunc/_procession
  procession completions fish > ~/.config/fish/completions/procession.fish";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArguments {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "procession", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}
