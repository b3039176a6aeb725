//! `schema`: the JSON Schema of process files.

use crate::{
    exit::{Exit, Failure},
    terminal,
};

pub(super) fn run() -> Result<Exit, Failure> {
    terminal::say(format_args!("{:#}", procession_language::json_schema()))?;
    Ok(Exit::Done)
}
