//! Use cases of process definitions: write, check, publish, archive (spec 3.1).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use procession_domain::{
    definition::{Definition, Process, ProcessError},
    value::{Currency, ProcessId, ProcessName, Version},
};
use procession_language::{AgentState, Checked, Diagnostic, Lookup, Severity, Surroundings};

use crate::ports::{AgentStatus, DefinitionStoreError, Page, Paging, Ports, ProcessFilter, ProcessRow, StoreError};

/// How long a check waits for the list of agents before it goes on without.
const AGENT_LIST_WAIT: std::time::Duration = std::time::Duration::from_secs(2);

/// The service for process definitions.
#[derive(Clone)]
pub struct Definitions {
    ports: Ports,
    currency: Currency,
    environment: Arc<BTreeSet<String>>,
}

/// Why a definition can't be written or changed.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionFailure {
    /// There is none with this id.
    #[error("Process not found")]
    NotFound,
    /// The text has errors.
    #[error("{}", summary(.0))]
    Invalid(Vec<Diagnostic>),
    /// The text has no place for a version.
    #[error(transparent)]
    Version(#[from] procession_language::SetVersionError),
    /// Its state does not allow it.
    #[error(transparent)]
    State(#[from] ProcessError),
    /// The store refused it: the name is taken, or someone else was faster.
    #[error(transparent)]
    Store(#[from] DefinitionStoreError),
}

impl From<StoreError> for DefinitionFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// A stored definition and what its check had to say.
#[derive(Debug, Clone)]
pub struct Written {
    /// The definition.
    pub process: Process,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
}

impl Definitions {
    /// The service. `environment` are the names that `${ENV:NAME}` may read in definitions.
    pub fn new(ports: Ports, currency: Currency, environment: BTreeSet<String>) -> Self {
        Self { ports, currency, environment: Arc::new(environment) }
    }

    /// Checks a text against all that this server knows: agents, users, other processes.
    pub async fn check(&self, yaml: &str) -> Result<Checked, StoreError> {
        let mut known = self.surroundings().await?;
        loop {
            let checked = procession_language::check(yaml, &known);
            if !self.look_up_asked(&mut known).await? {
                return Ok(checked);
            }
        }
    }

    /// Creates a draft.
    pub async fn create(&self, yaml: String, by: Option<String>) -> Result<Written, DefinitionFailure> {
        let (definition, warnings) = self.valid(&yaml).await?;
        let id = ProcessId::new(self.ports.ids.new_id());
        let (process, event) = Process::draft(id, yaml, Arc::new(definition), by, self.ports.clock.now());
        self.ports.definitions.create(&process, &event).await?;
        Ok(Written { process, warnings })
    }

    /// A definition.
    pub async fn get(&self, id: ProcessId) -> Result<Process, DefinitionFailure> {
        self.ports.definitions.load(id).await?.ok_or(DefinitionFailure::NotFound)
    }

    /// A page of definitions.
    pub async fn list(&self, filter: &ProcessFilter, paging: &Paging) -> Result<Page<ProcessRow>, StoreError> {
        self.ports.definitions.list(filter, paging).await
    }

    /// Replaces the text of a draft; `expected` is the revision the edit was made on.
    pub async fn update(
        &self,
        id: ProcessId,
        yaml: String,
        expected: Option<u32>,
        by: Option<String>,
    ) -> Result<Written, DefinitionFailure> {
        let mut process = self.get(id).await?;
        let before = process.revision();
        // The state is looked at first: "not a draft" matters more than an error in the text.
        process.clone().edit(String::new(), Arc::clone(process.definition()), expected, None, process.updated_at())?;
        let (definition, warnings) = self.valid(&yaml).await?;
        let event = process.edit(yaml, Arc::new(definition), expected, by, self.ports.clock.now())?;
        self.ports.definitions.update(&process, before, &event).await?;
        Ok(Written { process, warnings })
    }

    /// Makes a draft startable, if its text is valid by what the server knows now.
    pub async fn publish(&self, id: ProcessId, by: Option<String>) -> Result<Written, DefinitionFailure> {
        let process = self.get(id).await?;
        let before = process.revision();
        let now = self.ports.clock.now();
        process.clone().publish(None, now)?;
        let (definition, warnings) = self.valid(process.yaml()).await?;
        // The model is the one checked now, by today's rules, and executions run on it for good.
        let mut process = Process::restore(procession_domain::definition::ProcessFields {
            definition: Arc::new(definition),
            ..process.into_fields()
        });
        let event = process.publish(by, now)?;
        self.ports.definitions.update(&process, before, &event).await?;
        Ok(Written { process, warnings })
    }

    /// Takes a draft or published version out of use.
    pub async fn archive(&self, id: ProcessId, by: Option<String>) -> Result<Process, DefinitionFailure> {
        let mut process = self.get(id).await?;
        let before = process.revision();
        let event = process.archive(by, self.ports.clock.now())?;
        self.ports.definitions.update(&process, before, &event).await?;
        Ok(process)
    }

    /// Copies any version to a new draft whose major number is one over the highest of its name (spec 3.1).
    pub async fn new_version(&self, id: ProcessId, by: Option<String>) -> Result<Written, DefinitionFailure> {
        let process = self.get(id).await?;
        let name = process.definition().name().clone();
        let highest = self.ports.definitions.highest_version(&name).await?.unwrap_or(Version::FIRST);
        let version = highest.max(process.definition().version()).next_major();
        let yaml = procession_language::set_version(process.yaml(), version)?;
        self.create(yaml, by).await
    }

    /// Removes a draft or archived version.
    pub async fn delete(&self, id: ProcessId) -> Result<(), DefinitionFailure> {
        self.get(id).await?.check_deletable()?;
        if self.ports.definitions.delete(id).await? { Ok(()) } else { Err(DefinitionFailure::NotFound) }
    }

    async fn valid(&self, yaml: &str) -> Result<(Definition, Vec<Diagnostic>), DefinitionFailure> {
        let Checked { definition, diagnostics, .. } = self.check(yaml).await?;
        match definition {
            Some(definition) => Ok((definition, diagnostics)),
            None => Err(DefinitionFailure::Invalid(diagnostics)),
        }
    }

    async fn surroundings(&self) -> Result<Known, StoreError> {
        let listed = tokio::time::timeout(AGENT_LIST_WAIT, self.ports.agents.list()).await;
        let agents = listed.ok().and_then(Result::ok).map(|agents| {
            let state = |status| match status {
                AgentStatus::Running => AgentState::Running,
                AgentStatus::Stopped => AgentState::Stopped,
            };
            agents.into_iter().map(|agent| (agent.name, state(agent.status))).collect()
        });
        let users = self.ports.access.users().await?;
        Ok(Known {
            agents,
            roles: users.iter().map(|user| user.role.clone()).chain(ROLES.map(str::to_owned)).collect(),
            users: users.into_iter().flat_map(|user| std::iter::once(user.name).chain(user.email)).collect(),
            currency: self.currency,
            environment: Arc::clone(&self.environment),
            processes: HashMap::new(),
            asked: Mutex::default(),
        })
    }

    /// Looks up the processes that a check asked for. `false` if it asked for none that are not known.
    async fn look_up_asked(&self, known: &mut Known) -> Result<bool, StoreError> {
        let asked = std::mem::take(&mut *known.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let any = !asked.is_empty();
        for (name, version) in asked {
            let store = &self.ports.definitions;
            let found = match store.published(&name, version).await? {
                Some(published) => Lookup::Found(published.definition),
                None if store.exists(&name, version).await? => Lookup::Draft,
                None => Lookup::Missing,
            };
            known.processes.insert((name, version), found);
        }
        Ok(any)
    }
}

/// Roles that assignees may name.
const ROLES: [&str; 10] = [
    "admin",
    "process_admin",
    "process_designer",
    "designer",
    "process_operator",
    "operator",
    "process_approver",
    "approver",
    "process_viewer",
    "viewer",
];

/// What this server knows beyond a text.
struct Known {
    agents: Option<BTreeMap<String, AgentState>>,
    users: BTreeSet<String>,
    roles: BTreeSet<String>,
    currency: Currency,
    environment: Arc<BTreeSet<String>>,
    processes: HashMap<(ProcessName, Option<Version>), Lookup>,
    /// Processes that were asked for and must be looked up.
    asked: Mutex<BTreeSet<(ProcessName, Option<Version>)>>,
}

impl Surroundings for Known {
    fn agents(&self) -> Option<&BTreeMap<String, AgentState>> {
        self.agents.as_ref()
    }

    fn users(&self) -> Option<&BTreeSet<String>> {
        Some(&self.users)
    }

    fn roles(&self) -> Option<&BTreeSet<String>> {
        Some(&self.roles)
    }

    fn currency(&self) -> Currency {
        self.currency
    }

    fn environment(&self) -> Option<&BTreeSet<String>> {
        Some(&self.environment)
    }

    fn process(&self, name: &ProcessName, version: Option<Version>) -> Lookup {
        let key = (name.clone(), version);
        if let Some(found) = self.processes.get(&key) {
            return found.clone();
        }
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        Lookup::Unknown
    }
}

/// The diagnostics in one sentence for people (spec 4, errors).
fn summary(diagnostics: &[Diagnostic]) -> String {
    let mut errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let first = errors.next().map(|first| {
        let help =
            first.help().filter(|help| !help.contains('\n')).map_or_else(String::new, |help| format!("; {help}"));
        format!("line {}: {}{help}", first.line, first.message)
    });
    let first = first.unwrap_or_default();
    match errors.count() {
        0 => format!("Validation failed: {first}"),
        more => format!("Validation failed: {first} (and {more} more)"),
    }
}
