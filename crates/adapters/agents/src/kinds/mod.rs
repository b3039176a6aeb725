//! The kinds of local agents, one file each: its settings in `agents.yaml` and how it answers.

pub(crate) mod command;
pub(crate) mod echo;
pub(crate) mod mcp;
#[cfg(test)]
mod odd_answers;
pub(crate) mod openai;
mod openai_answer;
mod openai_wire;
mod price_list;
mod process_group;
mod program_environment;
pub(crate) mod script;
mod script_template;
