//! What `run` is asked for.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
};

use clap::Args;
use procession_domain::value::ExecutionId;
use serde_json::Map;

use super::{
    beginning::Beginning,
    decide::{Answer, read_decision},
    input,
};
use crate::{
    commands::{GlobalArguments, agents::agents_flag, config::Format},
    config::{Loaded, Log, LogFilter, Origin},
    exit::Failure,
    terminal,
};

const EXAMPLES: &str = "\
Examples:
  procession run research.yaml --input topic=tea
  procession run nightly-report.yaml collect-figures.yaml      with the process that it runs as a step
  procession run contract.yaml --decide approval=approve
  procession run contract.yaml --decide approval=changes:Shorter --decide approval=approve
  procession run long.yaml --data-dir runs                     goes on after an interruption:
  procession run --resume 0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33 --data-dir runs
  procession run research.yaml --format json | jq .outputs

Agents come from --agents, else agents.file of the configuration, else agents.yaml in the data folder, else agents.yaml
beside FILE. --resume goes on with those that the execution was started with. Other executions in the data folder wait
for `procession serve`, or for a --resume of their own.

Exit codes: 0 completed, 1 failed or the file has errors, 2 wrong usage, 3 cancelled, 4 waiting for a decision that
nobody here can give, 130 interrupted.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::commands) struct RunArguments {
    /// The process file; further files are processes that it runs as sub-processes.
    #[arg(value_name = "FILE", required_unless_present = "resume")]
    files: Vec<PathBuf>,
    /// A field of the input; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    input: Vec<String>,
    /// The input as a JSON or YAML file; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,
    /// The file of local agents.
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// Decide an approval: approve, reject or changes, with a comment after a colon. Given again for the same step, it
    /// counts for the next time it asks.
    #[arg(long, value_name = "STEP=DECISION[:COMMENT]")]
    decide: Vec<String>,
    /// Continue an execution of an earlier run in the same data folder, with the text and the input that it was started
    /// with, and with the same file of agents unless another one is given.
    #[arg(long, value_name = "EXECUTION_ID")]
    resume: Option<ExecutionId>,
    /// Start although an agent that the process calls is missing or can't work.
    #[arg(long)]
    allow_missing_agents: bool,
    /// The format of the result: for people, or one JSON object on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What `run` will do, checked.
pub(super) struct Plan {
    pub what: What,
    pub input: Map<String, serde_json::Value>,
    pub decisions: HashMap<String, VecDeque<Answer>>,
    pub format: Format,
    pub loaded: Loaded,
    /// Whether `--data-dir` names the folder.
    pub keeps_data: bool,
    /// Who runs it.
    pub person: String,
    /// Whether it begins although an agent is missing.
    pub allows_missing_agents: bool,
    /// The flags that whoever goes on with it has to give again.
    pub flags: Vec<String>,
}

/// Which execution it is about.
pub(super) enum What {
    /// A new one.
    Start {
        /// Its process.
        file: PathBuf,
        /// Processes that it may run as sub-processes.
        others: Vec<PathBuf>,
    },
    /// One that was left.
    Resume {
        /// Which one.
        id: ExecutionId,
        /// The process file that was given, which is not read anew.
        file: Option<PathBuf>,
        /// What it was started with, as far as the folder knows.
        beginning: Option<Beginning>,
    },
}

impl Plan {
    pub fn of(arguments: RunArguments, global: &GlobalArguments) -> Result<Self, Failure> {
        let own = arguments.agents.as_deref().map(agents_flag).transpose()?;
        let loaded = global.configuration(own.into_iter().collect())?;
        let keeps_data = loaded.origin("data_dir") == Origin::Flag("--data-dir");
        let takes_input = !arguments.input.is_empty() || arguments.input_file.is_some();
        let mut files = arguments.files.into_iter();
        let what = match (arguments.resume, files.next()) {
            (Some(id), file) => resumed(id, file, takes_input, keeps_data, &loaded)?,
            (None, Some(file)) => What::Start { file, others: files.collect() },
            // The parser of the arguments asks for one of them.
            (None, None) => return Err(Failure::usage("a process file is needed")),
        };
        let mut decisions: HashMap<String, VecDeque<Answer>> = HashMap::new();
        for text in &arguments.decide {
            let (step, answer) = read_decision(text)?;
            decisions.entry(step).or_default().push_back(answer);
        }
        let input = input::read(arguments.input_file.as_deref(), &arguments.input)?;
        Ok(Self {
            what,
            input,
            decisions,
            format: arguments.format,
            flags: global.to_give_again(&loaded),
            loaded,
            keeps_data,
            person: person(),
            allows_missing_agents: arguments.allow_missing_agents,
        })
    }

    /// The file of agents: the one that is chosen, else the one that the execution was started with, else that of the data
    /// folder, else the one beside the process file.
    pub fn agents_file(&self) -> PathBuf {
        let configured = self.loaded.configuration.agents_file();
        let (file, of_beginning) = match &self.what {
            What::Start { file, .. } => (Some(file), None),
            What::Resume { file, beginning, .. } => {
                let beginning = beginning.as_ref();
                (file.as_ref().or(beginning.map(|beginning| &beginning.file)), beginning.map(|from| &from.agents))
            }
        };
        let is_chosen = self.loaded.origin("agents.file") != Origin::Default;
        let beside = file.map(|file| file.with_file_name("agents.yaml"));
        match (of_beginning, beside) {
            _ if is_chosen => configured,
            (Some(same), _) if same.exists() => same.clone(),
            (_, Some(beside)) if !configured.exists() && beside.exists() => beside,
            _ => configured,
        }
    }

    /// The log: warnings only, and nothing over a live view, unless someone wants more.
    pub fn log(&self, loaded: &Loaded) -> Log {
        let chosen = loaded.origin("log.filter") != Origin::Default;
        let is_live = self.format == Format::Text && terminal::is_shown_on_terminal();
        let filter = match (chosen, is_live) {
            (true, _) => loaded.configuration.log.filter.clone(),
            (false, true) => LogFilter::nothing(),
            (false, false) => LogFilter::warnings(),
        };
        Log { filter, format: loaded.configuration.log.format }
    }
}

/// An execution that is to go on, in a folder that there is. What is given besides and has no effect is said.
fn resumed(
    id: ExecutionId,
    file: Option<PathBuf>,
    takes_input: bool,
    keeps_data: bool,
    loaded: &Loaded,
) -> Result<What, Failure> {
    if !keeps_data {
        return Err(Failure::usage("--resume needs --data-dir, the folder of the run that was interrupted"));
    }
    let database = loaded.configuration.database_file();
    if !database.is_file() {
        return Err(Failure::usage(format_args!("there is no database {}", database.display()))
            .hint("--data-dir names the folder of the run that was interrupted"));
    }
    if takes_input {
        terminal::warn(
            "the input of an execution does not change: --input and --input-file have no effect with --resume",
        );
    }
    let beginning = Beginning::of(loaded.configuration.data_dir(), id);
    if let Some(beginning) = &beginning
        && loaded.origin("agents.file") == Origin::Default
        && !beginning.agents.exists()
    {
        let gone = beginning.agents.display();
        terminal::warn(format_args!("{gone}, from which its agents came, is gone; --agents names another file"));
    }
    Ok(What::Resume { id, file, beginning })
}

/// The name of who runs the program.
pub(super) fn person() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "local".to_owned())
}
