//! The process definition: what an author writes, checked and ready to run (spec 1).
//!
//! [`Definition`] is the content of one version; [`Process`] is the aggregate around it with its life cycle. The
//! `language` crate makes definitions from YAML and reports everything that is wrong with a text; the checks here are
//! the last guard, so that no definition exists that the engine could not run.

mod config;
mod graph;
mod input;
mod policy;
mod process;
mod step;
mod text;

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use config::{
    Budget, BudgetAction, Config, CostAlertRule, Expose, Misfire, OutgoingWebhook, Output, Overlap, Schedule, Trigger,
    TriggerKind, UndefinedRule,
};
pub use graph::{Ancestors, Edge, EdgeKind, Graph, GraphError, StepIndex, all_cycles};
pub use input::{CheckedInput, InputField, InputProblem, InputSchema, InputType, RequiredInput};
pub use policy::{Backoff, OnError, RetriedCodes, RetryPolicy};
pub use process::{Process, ProcessError, ProcessFields, ProcessStatus};
pub use step::{
    AgentTask, Compensation, CompensationAction, Gateway, GatewayType, HumanApproval, Informed, MappedValue,
    Notification, OnReject, Priority, Rerun, Roles, Route, Step, StepKind, StepType, SubProcess, TimeoutAction, Timer,
};
pub use text::{Condition, Reads, Template};

use crate::value::{Json, ProcessName, StepId, Version};

/// The most steps of one process (spec 1.1).
pub const MOST_STEPS: usize = 2_000;

/// A checked definition: its steps have unique ids, name only each other, and wait for each other without a circle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "DefinitionContent", into = "DefinitionContent")]
pub struct Definition {
    content: DefinitionContent,
    positions: HashMap<StepId, StepIndex>,
    graph: Graph,
}

/// Everything that a definition says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefinitionContent {
    /// The name that all its versions share.
    pub name: ProcessName,
    /// The version.
    pub version: Version,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The declared inputs, if it declares any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputSchema>,
    /// Without declared inputs: the fields a start must bring all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_input: Vec<RequiredInput>,
    /// What starts it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// Its steps, in the author's order.
    pub steps: Vec<Step>,
    /// Its outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// Settings of the whole.
    #[serde(default)]
    pub config: Config,
    /// Whom its events are sent to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<OutgoingWebhook>,
    /// Labels for search.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// How it is offered to agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expose: Option<Expose>,
    /// The steps that the outputs read.
    #[serde(default)]
    pub output_reads: Reads,
}

/// Why something is no definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// It has no steps.
    #[error("a process needs at least one step")]
    NoSteps,
    /// It has too many.
    #[error("a process has at most {MOST_STEPS} steps, this one has {0}")]
    TooManySteps(usize),
    /// Its steps make no graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl Definition {
    /// Checks the content's structure and derives its graph.
    pub fn new(content: DefinitionContent) -> Result<Self, DefinitionError> {
        match content.steps.len() {
            0 => return Err(DefinitionError::NoSteps),
            count if count > MOST_STEPS => return Err(DefinitionError::TooManySteps(count)),
            _ => {}
        }
        let graph = Graph::build(&content.steps)?;
        Ok(Self::with_graph(content, graph))
    }

    /// The same for content whose steps are known to make this graph, since it was just built of them: building it again
    /// would cost a tenth of checking the whole text.
    pub fn with_graph(content: DefinitionContent, graph: Graph) -> Self {
        debug_assert_eq!(Graph::build(&content.steps).as_ref(), Ok(&graph), "the graph of other steps");
        let positions = content.steps.iter().enumerate().map(|(index, step)| (step.id.clone(), index)).collect();
        Self { content, positions, graph }
    }

    /// Everything it says.
    pub const fn content(&self) -> &DefinitionContent {
        &self.content
    }

    /// Its name.
    pub const fn name(&self) -> &ProcessName {
        &self.content.name
    }

    /// Its version.
    pub const fn version(&self) -> Version {
        self.content.version
    }

    /// Its steps, in the author's order.
    pub fn steps(&self) -> &[Step] {
        &self.content.steps
    }

    /// The step at a place.
    ///
    /// Places come from this definition's own graph and [`Self::position`], so they exist.
    pub fn step(&self, index: StepIndex) -> &Step {
        &self.content.steps[index]
    }

    /// The place of a step.
    pub fn position(&self, id: &str) -> Option<StepIndex> {
        self.positions.get(id).copied()
    }

    /// The edges between its steps.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Settings of the whole.
    pub const fn config(&self) -> &Config {
        &self.content.config
    }

    /// The place of a step in queues: its own, or the process's.
    pub fn priority_of(&self, index: StepIndex) -> Priority {
        self.step(index).priority.unwrap_or(self.content.config.priority)
    }

    /// Checks the input of a start: against the declared inputs, or else for the fields certain to be read, unless the
    /// process's rule or else the server's lets holes pass (spec 1.1, 2.2). All problems at once.
    pub fn check_input(&self, input: &Json, server: Option<UndefinedRule>) -> Result<CheckedInput, Vec<InputProblem>> {
        if let Some(schema) = &self.content.input {
            return schema.check(input);
        }
        match self.content.config.undefined.or(server) {
            Some(UndefinedRule::Empty | UndefinedRule::Keep) => input::check_undeclared(&[], input),
            Some(UndefinedRule::Error) | None => input::check_undeclared(&self.content.required_input, input),
        }
    }
}

impl TryFrom<DefinitionContent> for Definition {
    type Error = DefinitionError;

    fn try_from(content: DefinitionContent) -> Result<Self, DefinitionError> {
        Self::new(content)
    }
}

impl From<Definition> for DefinitionContent {
    fn from(definition: Definition) -> Self {
        definition.content
    }
}
