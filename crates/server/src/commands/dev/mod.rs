//! `dev`: what `cargo xtask` asks of the program; not shown in help.

mod seed;

use clap::{Args, Subcommand};

use self::seed::SeedArguments;
use super::GlobalArguments;
use crate::{
    config::configuration_page,
    exit::{Exit, Failure},
    terminal,
};

#[derive(Debug, Args)]
pub(super) struct DevArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the description of the HTTP API, as docs/openapi.json holds it.
    Openapi,
    /// Print the page of all configuration keys, as docs/configuration.md holds it.
    ConfigurationPage,
    /// Write sample processes, users of each role and some history.
    Seed(SeedArguments),
}

pub(super) fn run(arguments: DevArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Openapi => {
            let document = serde_json::to_string_pretty(&procession_http::openapi()).map_err(Failure::failed)?;
            terminal::say(document)?;
            Ok(Exit::Done)
        }
        Action::ConfigurationPage => {
            terminal::say(configuration_page().trim_end())?;
            Ok(Exit::Done)
        }
        Action::Seed(arguments) => seed::run(arguments, global),
    }
}
