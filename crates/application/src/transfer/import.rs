//! Reading executions back from lines, into a store that need not be the one they come from.

use std::{collections::HashMap, sync::Arc};

use procession_domain::{
    definition::{Process, ProcessFields, ProcessStatus},
    event::{DefinitionEvent, DefinitionSubject, Event, ProcessEvent, Recorded, ValueRef},
    execution::Execution,
    value::{ContentHash, ProcessId, Version},
};

use super::{
    format::{ExecutionLine, FORMAT, Line, ProcessLine, ValueLine},
    kept_value,
};
use crate::ports::{
    CopyOutcome, DefinitionStoreError, EndedStep, ExecutionCopy, NewValue, PageStart, Paging, ProcessFilter,
    StoreError, Stores,
};

/// How many versions of a process are looked through at a time.
const AT_ONCE: u32 = 500;

/// Reads lines into stores, one after the other. What is there already is left as it is, so that an import can be repeated.
pub struct Importer {
    stores: Stores,
    /// The versions here that are those of the lines; `None` = it can't be had.
    processes: HashMap<ProcessId, Option<ProcessId>>,
    report: ImportReport,
}

/// What became of the lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Versions of processes that came.
    pub processes: u64,
    /// Executions that came.
    pub executions: u64,
    /// Versions and executions that were there already.
    pub known: u64,
    /// What did not come.
    pub left_out: Vec<LeftOut>,
}

/// A line that did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its number, from 1.
    pub line: u64,
    /// What it is, such as `execution 3f2a…`.
    pub what: String,
    /// Why it did not come, as a sentence.
    pub why: String,
}

/// Why a line does not come.
enum Refused {
    /// This sentence says so.
    Because(String),
    /// The store failed, which ends the import.
    Store(StoreError),
}

impl Importer {
    /// Into these stores.
    pub fn new(stores: Stores) -> Self {
        Self { stores, processes: HashMap::new(), report: ImportReport::default() }
    }

    /// Reads a line. The error says that the stores can't be used.
    pub async fn read(&mut self, number: u64, text: &str) -> Result<(), StoreError> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let (what, read) = match serde_json::from_str(text) {
            Ok(Line::Export(head)) if head.format == FORMAT => return Ok(()),
            Ok(Line::Export(head)) => {
                let why = format!("it is of the form `{}`, and this version reads `{FORMAT}`", head.format);
                ("the export".to_owned(), Err(Refused::Because(why)))
            }
            Ok(Line::Process(line)) => {
                let (name, version) = (line.model.name().clone(), line.model.version());
                (format!("process {name} {version}"), self.read_process(*line).await)
            }
            Ok(Line::Execution(line)) => (format!("execution {}", line.id), self.read_execution(*line).await),
            Err(error) => {
                let why = format!("it is no line of an export: {error}");
                ("a line".to_owned(), Err(Refused::Because(why)))
            }
        };
        match read {
            Ok(()) => Ok(()),
            Err(Refused::Because(why)) => {
                self.report.left_out.push(LeftOut { line: number, what, why });
                Ok(())
            }
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// What became of all lines.
    pub fn into_report(self) -> ImportReport {
        self.report
    }

    async fn read_process(&mut self, line: ProcessLine) -> Result<(), Refused> {
        let id = line.id;
        if self.processes.get(&id).is_some_and(Option::is_some) {
            return Ok(());
        }
        self.processes.insert(id, None);
        let here = if let Some(here) = self.same_version(&line).await? {
            self.report.known += 1;
            here
        } else {
            self.create(line).await?;
            self.report.processes += 1;
            id
        };
        self.processes.insert(id, Some(here));
        Ok(())
    }

    /// The version here that is this one.
    async fn same_version(&self, line: &ProcessLine) -> Result<Option<ProcessId>, Refused> {
        if let Some(here) = self.stores.definitions.load(line.id).await? {
            let is_same = here.yaml() == line.yaml;
            let why = "another version has its id here";
            return if is_same { Ok(Some(line.id)) } else { Err(Refused::Because(why.to_owned())) };
        }
        let Some(id) = same_number(&self.stores, line.model.name().as_str(), line.model.version()).await? else {
            return Ok(None);
        };
        match self.stores.definitions.load(id).await? {
            Some(here) if here.yaml() == line.yaml => Ok(Some(id)),
            Some(_) | None => Err(Refused::Because("this version is there already, with another text".to_owned())),
        }
    }

    /// Makes a version. Its triggers stay off until someone activates it.
    async fn create(&self, line: ProcessLine) -> Result<(), Refused> {
        let subject = DefinitionSubject {
            process_id: line.id,
            name: line.model.name().clone(),
            version: line.model.version(),
            user_id: line.created_by.clone(),
        };
        let event = match line.status {
            ProcessStatus::Draft => DefinitionEvent::ProcessCreated(subject),
            ProcessStatus::Published => DefinitionEvent::ProcessPublished(subject),
            ProcessStatus::Archived => DefinitionEvent::ProcessArchived(subject),
        };
        let process = Process::restore(ProcessFields {
            id: line.id,
            yaml: line.yaml,
            definition: Arc::new(line.model),
            status: line.status,
            revision: line.revision,
            created_by: line.created_by,
            created_at: line.created_at,
            updated_at: line.updated_at,
            published_at: line.published_at,
            is_active: false,
        });
        match self.stores.definitions.create(&process, &event).await {
            Ok(()) => Ok(()),
            Err(DefinitionStoreError::Store(error)) => Err(error.into()),
            Err(refused) => Err(Refused::Because(refused.to_string())),
        }
    }

    async fn read_execution(&mut self, mut line: ExecutionLine) -> Result<(), Refused> {
        let here = match self.processes.get(&line.creation.process.id) {
            Some(Some(here)) => *here,
            Some(None) => return because("its process did not come"),
            None => line.creation.process.id,
        };
        line.creation.process.id = here;
        let process = self.stores.definitions.load(here).await?;
        let Some(process) = process else { return because("its process is not in the export, and not here") };
        let values = self.values(&line).await?;
        let copy = copy_of(line, &process, values).map_err(Refused::Because)?;
        if !copy.execution.status().is_ended() {
            return because("it has not ended");
        }
        match self.stores.transfer.put_copy(copy).await? {
            CopyOutcome::Written => self.report.executions += 1,
            CopyOutcome::Known => self.report.known += 1,
            CopyOutcome::ProcessGone => return because("its process was removed meanwhile"),
            CopyOutcome::ApprovalTaken => {
                return because("an approval of another execution has the id of one of its own");
            }
        }
        Ok(())
    }

    /// The values of an execution, each checked against its hash, large ones in the blob store.
    async fn values(&self, line: &ExecutionLine) -> Result<Vec<NewValue>, Refused> {
        let mut values = Vec::with_capacity(line.values.len());
        for ValueLine { hash, json } in &line.values {
            let text = json.get();
            if ContentHash::new(*blake3::hash(text.as_bytes()).as_bytes()) != *hash {
                return because("a value of it is not what it was when it was exported");
            }
            let content = kept_value(&*self.stores.blobs, line.id, *hash, text).await?;
            values.push(NewValue { value: ValueRef { hash: *hash, size: text.len() as u64 }, content });
        }
        Ok(values)
    }
}

/// The version here of this name and number.
pub(super) async fn same_number(
    stores: &Stores,
    name: &str,
    version: Version,
) -> Result<Option<ProcessId>, StoreError> {
    let filter = ProcessFilter { name: Some(name.to_owned()), ..ProcessFilter::default() };
    let mut start = PageStart::Offset(0);
    loop {
        let page = stores.definitions.list(&filter, &Paging { limit: AT_ONCE, start }).await?;
        if let Some(row) = page.rows.iter().find(|row| row.version == version) {
            return Ok(Some(row.id));
        }
        match page.next_cursor {
            Some(cursor) => start = PageStart::Cursor(cursor),
            None => return Ok(None),
        }
    }
}

/// What is written of a line; the error says what is wrong with it.
fn copy_of(line: ExecutionLine, process: &Process, values: Vec<NewValue>) -> Result<ExecutionCopy, String> {
    let creation = Arc::new(line.creation);
    let events: Vec<Recorded> = line
        .events
        .into_iter()
        .map(|event| Recorded {
            sequence: event.sequence,
            at: event.at,
            event: event.event.unwrap_or_else(|| Event::Process(ProcessEvent::Created(Box::new((*creation).clone())))),
        })
        .collect();
    let definition = Arc::clone(process.definition());
    let execution = match &line.state {
        Some(state) => {
            let behind: Vec<Recorded> =
                events.iter().filter(|event| event.sequence > state.state.sequence).cloned().collect();
            Execution::restore(definition, creation, state.clone(), &behind)
        }
        None => Execution::replay(line.id, definition, creation, &events),
    };
    let execution = execution.map_err(|error| format!("its history can't be read: {error}"))?;
    if execution.id() != line.id {
        return Err("its state is that of another execution".to_owned());
    }
    let events: Vec<Arc<Recorded>> = events.into_iter().map(Arc::new).collect();
    Ok(ExecutionCopy {
        ended_steps: EndedStep::of(&execution, &events),
        execution,
        events,
        state: line.state,
        values,
        approvals: line.approvals,
        dismissed_at: line.dismissed_at,
    })
}

fn because<T>(why: &str) -> Result<T, Refused> {
    Err(Refused::Because(why.to_owned()))
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
