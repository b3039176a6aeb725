//! Taking over what a Trinity platform keeps: its processes and its executions (spec 4c, import of Trinity's data).
//!
//! * `row`: cells, as they are found; `definition`, `writing`: a version of a process as text; `history`, `steps`, `asked`:
//!   an execution as events;
//! * here: what is there already, and writing the rest.
//!
//! Rows come from outside and nothing in them is trusted: a row that can't be read is left out with the reason, and the
//! others come.

mod asked;
mod definition;
mod history;
mod row;
mod steps;
mod writing;

use std::{collections::HashMap, sync::Arc};

use procession_domain::{
    definition::{Process, ProcessFields},
    event::{Creation, DefinitionEvent, DefinitionSubject, ParentLink, ProcessRef},
    execution::Execution,
    value::{Currency, ExecutionId, ProcessId, StepId, Timestamp},
};
use procession_language::{Diagnostic, Surroundings, check};
use uuid::Uuid;

pub use history::TrinityExecution;
pub use row::TrinityRow;

use self::{
    definition::{StoredVersion, called},
    history::{Told, tell},
    row::{shown, text},
};
use super::{import::same_number, kept_value};
use crate::ports::{CopyOutcome, DefinitionStoreError, EndedStep, ExecutionCopy, NewValue, StoreError, Stores};

/// What an import of a Trinity platform's data has done, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrinityReport {
    /// Versions of processes that came.
    pub processes: u64,
    /// Versions that were here already.
    pub known_processes: u64,
    /// Executions that came.
    pub executions: u64,
    /// Those of them that were under way, and are cancelled here.
    pub cancelled: u64,
    /// Executions that were here already.
    pub known_executions: u64,
    /// When the first of those ended that came.
    pub oldest_end: Option<Timestamp>,
    /// What did not come.
    pub left_out: Vec<TrinityLeftOut>,
}

/// Something that did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrinityLeftOut {
    /// What it is, such as `process report 1`.
    pub what: String,
    /// Why it did not come.
    pub why: String,
    /// What is wrong with its text, if that is why.
    pub diagnostics: Vec<Diagnostic>,
}

/// Takes over rows, one after the other: versions of processes first. What came before is left as it is, so that it can be
/// repeated.
pub struct TrinityImporter {
    /// Nothing is here if there are none.
    stores: Option<Stores>,
    writes: bool,
    currency: Currency,
    now: Timestamp,
    /// The versions here, by their ids there; `None` = it did not come.
    processes: HashMap<ProcessId, Option<Arc<Process>>>,
    /// The ids there, by name and number.
    numbers: HashMap<(String, String), ProcessId>,
    /// The executions of this import, and where they are nested.
    executions: HashMap<ExecutionId, Nested>,
    /// By which steps executions were started, as far as those tell it.
    started_by: HashMap<ExecutionId, (ExecutionId, StepId)>,
    report: TrinityReport,
}

/// Where an execution is in its tree.
#[derive(Debug, Clone, Copy)]
struct Nested {
    /// Its id here.
    id: ExecutionId,
    root: ExecutionId,
    depth: u32,
}

/// Why something does not come.
enum Refused {
    Because(String),
    Invalid(Vec<Diagnostic>),
    Store(StoreError),
}

/// Of other definitions nothing is known, so that the order in which they come does not count.
struct Alone {
    currency: Currency,
}

impl Surroundings for Alone {
    fn currency(&self) -> Currency {
        self.currency
    }
}

impl TrinityImporter {
    /// Into these stores, with a currency in which they count.
    pub fn into_stores(stores: Stores, currency: Currency, now: Timestamp) -> Self {
        Self::new(Some(stores), true, currency, now)
    }

    /// Only to see what would come: into these stores, or where nothing is yet.
    pub fn rehearsal(stores: Option<Stores>, currency: Currency, now: Timestamp) -> Self {
        Self::new(stores, false, currency, now)
    }

    fn new(stores: Option<Stores>, writes: bool, currency: Currency, now: Timestamp) -> Self {
        Self {
            stores,
            writes,
            currency,
            now,
            processes: HashMap::new(),
            numbers: HashMap::new(),
            executions: HashMap::new(),
            started_by: HashMap::new(),
            report: TrinityReport::default(),
        }
    }

    /// Takes over a version of a process. The error says that the stores can't be used.
    pub async fn read_process(&mut self, row: &TrinityRow) -> Result<(), StoreError> {
        let read = self.process(row).await;
        self.told(called(row), read)
    }

    /// Takes over an execution. Parents come before their children. The error says that the stores can't be used.
    pub async fn read_execution(&mut self, stored: &TrinityExecution) -> Result<(), StoreError> {
        let id = text(&stored.row, "id").map_or_else(|| "without an id".to_owned(), |id| shown(&id));
        let read = self.execution(stored).await;
        self.told(format!("execution {id}"), read)
    }

    /// Notes that something can't be read at all.
    pub fn leave_out(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let left_out = TrinityLeftOut { what: what.into(), why: why.into(), diagnostics: Vec::new() };
        self.report.left_out.push(left_out);
    }

    /// What became of all rows.
    pub fn into_report(self) -> TrinityReport {
        self.report
    }

    fn told(&mut self, what: String, read: Result<(), Refused>) -> Result<(), StoreError> {
        match read {
            Ok(()) => Ok(()),
            Err(Refused::Because(why)) => {
                self.leave_out(what, why);
                Ok(())
            }
            Err(Refused::Invalid(diagnostics)) => {
                let why = "its text has errors".to_owned();
                self.report.left_out.push(TrinityLeftOut { what, why, diagnostics });
                Ok(())
            }
            Err(Refused::Store(error)) => Err(error),
        }
    }

    async fn process(&mut self, row: &TrinityRow) -> Result<(), Refused> {
        let id = text(row, "id").ok_or_else(|| because("it has no id"))?;
        let id: ProcessId = id.parse().map_err(|_| because("its id is no UUID"))?;
        if self.processes.contains_key(&id) {
            return Err(because("there is another row of its id"));
        }
        self.processes.insert(id, None);
        let stored = StoredVersion::of(row, self.now).map_err(Refused::Because)?;
        let checked = check(&stored.yaml, &Alone { currency: self.currency });
        let Some(definition) = checked.definition else {
            return Err(Refused::Invalid(checked.diagnostics.into_iter().filter(Diagnostic::is_error).collect()));
        };
        let number = (definition.name().to_string(), definition.version().to_string());
        if self.numbers.contains_key(&number) {
            return Err(because("there is another row of its name and version"));
        }
        let fields = ProcessFields {
            id,
            yaml: stored.yaml,
            definition: Arc::new(definition),
            status: stored.status,
            revision: 1,
            created_by: stored.created_by,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            published_at: stored.published_at,
            is_active: false,
        };
        let (process, is_new) = match self.here(&fields).await? {
            Some(here) => (here, false),
            None => (self.create(fields).await?, true),
        };
        let count = if is_new { &mut self.report.processes } else { &mut self.report.known_processes };
        *count += 1;
        self.processes.insert(id, Some(Arc::new(process)));
        self.numbers.insert(number, id);
        Ok(())
    }

    /// The version here that is this one: of its id and its name, or of its name, number and text.
    async fn here(&self, fields: &ProcessFields) -> Result<Option<Process>, Refused> {
        let Some(stores) = &self.stores else { return Ok(None) };
        for id in [fields.id, ProcessId::new(other_id(fields.id.uuid()))] {
            if let Some(here) = stores.definitions.load(id).await?
                && here.definition().name() == fields.definition.name()
            {
                return Ok(Some(here));
            }
        }
        let (name, version) = (fields.definition.name(), fields.definition.version());
        let Some(id) = same_number(stores, name.as_str(), version).await? else { return Ok(None) };
        match stores.definitions.load(id).await? {
            Some(here) if here.yaml() == fields.yaml => Ok(Some(here)),
            Some(_) | None => Err(because("this version is here already, with another text")),
        }
    }

    /// Writes a version. Its triggers stay off until someone activates it.
    async fn create(&self, mut fields: ProcessFields) -> Result<Process, Refused> {
        if let Some(stores) = &self.stores
            && stores.definitions.load(fields.id).await?.is_some()
        {
            fields.id = ProcessId::new(other_id(fields.id.uuid()));
        }
        let subject = DefinitionSubject {
            process_id: fields.id,
            name: fields.definition.name().clone(),
            version: fields.definition.version(),
            user_id: fields.created_by.clone(),
        };
        let process = Process::restore(fields);
        if let Some(stores) = self.stores.as_ref().filter(|_| self.writes) {
            match stores.definitions.create(&process, &DefinitionEvent::ProcessCreated(subject)).await {
                Ok(()) => {}
                Err(DefinitionStoreError::Store(error)) => return Err(error.into()),
                Err(refused) => return Err(Refused::Because(refused.to_string())),
            }
        }
        Ok(process)
    }

    async fn execution(&mut self, stored: &TrinityExecution) -> Result<(), Refused> {
        let id = text(&stored.row, "id").ok_or_else(|| because("it has no id"))?;
        let there: ExecutionId = id.parse().map_err(|_| because("its id is no UUID"))?;
        if self.executions.contains_key(&there) {
            return Err(because("there is another row of its id"));
        }
        let process = self.process_of(&stored.row)?;
        let parent = self.parent_of(there, &stored.row);
        let told = self.tell(there, stored, &process, parent.clone())?;
        for (child, step) in &told.children {
            self.started_by.insert(*child, (there, step.clone()));
        }
        let left_out: Vec<_> = told.left_out.clone();
        let (id, is_known) = self.free_id(there, &told.creation).await?;
        let root = parent.as_ref().map_or(id, |parent| parent.root_id);
        let depth = parent.as_ref().map_or(0, |parent| parent.depth);
        self.executions.insert(there, Nested { id, root, depth });
        let (was_live, ended_at) = (told.was_live, told.ended_at);
        let told = if id == there { told } else { self.tell(id, stored, &process, parent)? };
        if is_known || !self.put(id, told, &process).await? {
            self.report.known_executions += 1;
            return Ok(());
        }
        self.report.executions += 1;
        self.report.oldest_end = [self.report.oldest_end, Some(ended_at)].into_iter().flatten().min();
        self.report.cancelled += u64::from(was_live);
        for (what, why) in left_out {
            self.leave_out(format!("{what} of execution {there}"), why);
        }
        Ok(())
    }

    /// The version that an execution ran: by its id, else by its name and number, since there a version that is written
    /// anew gets another id.
    fn process_of(&self, row: &TrinityRow) -> Result<Arc<Process>, Refused> {
        let id = text(row, "process_id").and_then(|id| id.parse::<ProcessId>().ok());
        let by_id = id.and_then(|id| self.processes.get(&id));
        let by_number = || {
            let number = (text(row, "process_name")?, text(row, "process_version")?);
            self.processes.get(self.numbers.get(&number)?)
        };
        match by_id.or_else(by_number) {
            Some(Some(process)) => Ok(Arc::clone(process)),
            Some(None) => Err(because("its process did not come")),
            None => Err(because("its process is not in the file of processes")),
        }
    }

    /// Of what an execution is a sub-process, from its own row or from its parent's step.
    fn parent_of(&self, id: ExecutionId, row: &TrinityRow) -> Option<ParentLink> {
        let told = || {
            let parent = text(row, "parent_execution_id")?.parse().ok()?;
            Some((parent, StepId::new(text(row, "parent_step_id")?).ok()?))
        };
        let (parent, step_id) = told().or_else(|| self.started_by.get(&id).cloned())?;
        let nested = self.executions.get(&parent);
        let nested = nested.copied().unwrap_or(Nested { id: parent, root: parent, depth: 0 });
        Some(ParentLink {
            execution_id: nested.id,
            step_id,
            waits: true,
            depth: nested.depth + 1,
            root_id: nested.root,
        })
    }

    fn tell(
        &self,
        id: ExecutionId,
        stored: &TrinityExecution,
        process: &Process,
        parent: Option<ParentLink>,
    ) -> Result<Told, Refused> {
        let process_called = |name: &str, version: &str| {
            let id = self.numbers.get(&(name.to_owned(), version.to_owned()))?;
            let process = self.processes.get(id)?.as_ref()?;
            let definition = process.definition();
            Some(ProcessRef { id: process.id(), name: definition.name().clone(), version: definition.version() })
        };
        let around =
            history::Surroundings { id, process, parent, currency: self.currency, process_called: &process_called };
        tell(stored, &around).map_err(Refused::Because)
    }

    /// The id for an execution, and whether it is here under that already: its own, unless another execution has it.
    async fn free_id(&self, there: ExecutionId, creation: &Creation) -> Result<(ExecutionId, bool), Refused> {
        let Some(stores) = &self.stores else { return Ok((there, false)) };
        let other = ExecutionId::new(other_id(there.uuid()));
        for id in [there, other] {
            match stores.executions.load(id).await? {
                None => return Ok((id, false)),
                Some(here) if is_same(&here.creation, creation) => return Ok((id, true)),
                Some(_) => {}
            }
        }
        Err(because("other executions have its id here"))
    }

    /// Writes an execution. `false` if it is here already.
    async fn put(&self, id: ExecutionId, told: Told, process: &Process) -> Result<bool, Refused> {
        let definition = Arc::clone(process.definition());
        let execution = Execution::replay(id, definition, Arc::new(told.creation), &told.events);
        let execution = execution.map_err(|error| Refused::Because(format!("its history can't be told: {error}")))?;
        let Some(stores) = self.stores.as_ref().filter(|_| self.writes) else { return Ok(true) };
        let mut values = Vec::with_capacity(told.values.len());
        for (value, text) in told.values {
            values.push(NewValue { value, content: kept_value(&*stores.blobs, id, value.hash, &text).await? });
        }
        let events: Vec<_> = told.events.into_iter().map(Arc::new).collect();
        let copy = ExecutionCopy {
            ended_steps: EndedStep::of(&execution, &events),
            execution,
            events,
            state: None,
            values,
            approvals: told.approvals,
            dismissed_at: None,
        };
        match stores.transfer.put_copy(copy).await? {
            CopyOutcome::Written => Ok(true),
            CopyOutcome::Known => Ok(false),
            CopyOutcome::ProcessGone => Err(because("its process was removed meanwhile")),
            CopyOutcome::ApprovalTaken => Err(because("an approval of another execution has the id of one of its own")),
        }
    }
}

/// Whether an execution is here from an import before: it runs the same process on the same input.
fn is_same(here: &Creation, there: &Creation) -> bool {
    here.process.name == there.process.name && here.input == there.input && here.triggered_by == there.triggered_by
}

/// The id that something gets when its own is taken: always the same one, so that an import can be repeated.
fn other_id(id: Uuid) -> Uuid {
    let hash = blake3::derive_key("procession import of Trinity's ids", id.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn because(why: &str) -> Refused {
    Refused::Because(why.to_owned())
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
