//! What the contract's tests are given: a time, processes to run, users, and short ways to ask a store for them.

use std::{any::Any, future::Future, ops::Deref, sync::Arc};

use indexmap::IndexMap;
use procession_domain::{
    definition::{
        AgentTask, Config, Definition, DefinitionContent, HumanApproval, OnReject, Process, Reads, Step, StepKind,
        SubProcess, Template, TimeoutAction, Timer,
    },
    event::{ProcessRef, ValueRef},
    value::{ExecutionId, ProcessId, ProcessName, StepId, Timestamp, Version},
};
use uuid::Uuid;

use super::run::{Launch, Run};
use crate::{MemoryStore, SequentialIds};
use procession_application::ports::{
    self, AccessStore, ApprovalStore, AuditTrail, BlobStore, Claim, ClaimRequest, DefinitionStore, DeliveryStore,
    EventFeed, ExecutionStore, FigureStore, IdGenerator, Lease, Loaded, NoticeStore, Queries, RetentionStore,
    ScheduleStore, Started, TemplateStore, ThresholdStore, TransferStore, ViewStore, WebhookStore, WorkScope,
};

/// The stores under test. All are empty, and belong together.
pub struct Stores {
    /// The stores.
    pub stores: ports::Stores,
    /// Ids for everything that tests create.
    pub ids: Arc<SequentialIds>,
    /// What has to live as long as the stores, such as their folder.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// A published version that tests run.
#[derive(Debug, Clone)]
pub struct Published {
    /// What it is.
    pub process: ProcessRef,
    /// Its definition.
    pub definition: Arc<Definition>,
}

/// So many seconds after the beginning of a test.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_230_000_000_000 + seconds * 1_000_000)
}

/// The time at which every lease of a test that says nothing else runs out.
pub fn much_later() -> Timestamp {
    at(1_000_000)
}

/// The id of a step.
pub fn step_id(id: &str) -> StepId {
    StepId::new(id).unwrap()
}

/// An agent's step, after these others.
pub fn agent(id: &str, after: &[&str]) -> Step {
    let task = AgentTask {
        agent: Template::unplaced("analyst"),
        message: Template::unplaced(format!("do {id}")),
        model: None,
        temperature: None,
        max_cost: None,
        output_schema: None,
        output_key: None,
    };
    step(id, StepKind::AgentTask(task), after)
}

/// A person's step, after these others: one of two people decides.
pub fn approval(id: &str, after: &[&str]) -> Step {
    let approval = HumanApproval {
        title: Template::unplaced("Publish?"),
        description: None,
        assignees: ["ada", "Bea@Example.org"].map(Template::unplaced).to_vec(),
        timeout_action: TimeoutAction::Reject,
        on_reject: OnReject::Continue,
        escalate_to: Vec::new(),
        required_approvals: 1,
        artifacts: Vec::new(),
        on_changes_requested: None,
        allow_comments: true,
        require_reason_on_reject: false,
        self_approval: true,
    };
    step(id, StepKind::HumanApproval(approval), after)
}

/// A step that waits ten minutes, after these others.
pub fn timer(id: &str, after: &[&str]) -> Step {
    step(id, StepKind::Timer(Timer::Duration(Template::unplaced("10m"))), after)
}

/// A step that runs another process, after these others.
pub fn sub_process(id: &str, process: &Published, waits: bool) -> Step {
    let sub_process = SubProcess {
        process_name: process.process.name.clone(),
        version: None,
        input_mapping: IndexMap::new(),
        output_key: "result".to_owned(),
        wait_for_completion: waits,
    };
    step(id, StepKind::SubProcess(sub_process), &[])
}

fn step(id: &str, kind: StepKind, after: &[&str]) -> Step {
    Step { depends_on: after.iter().map(|before| step_id(before)).collect(), ..Step::new(step_id(id), kind) }
}

/// A definition with these steps.
pub fn definition(name: &str, version: &str, steps: Vec<Step>) -> Arc<Definition> {
    let version: Version = version.parse().unwrap();
    let content = DefinitionContent {
        name: process_name(name),
        version,
        description: format!("What {name} is for"),
        input: None,
        required_input: Vec::new(),
        triggers: Vec::new(),
        steps,
        outputs: Vec::new(),
        config: Config::default(),
        webhooks: Vec::new(),
        labels: IndexMap::new(),
        expose: None,
        output_reads: Reads::default(),
    };
    Arc::new(Definition::new(content).unwrap())
}

/// The name of a process.
pub fn process_name(name: &str) -> ProcessName {
    ProcessName::new(name).unwrap()
}

/// The reference of some value, as good as any other where nobody reads it.
pub fn some_value() -> ValueRef {
    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    ValueRef { hash: hash.parse().unwrap(), size: 2 }
}

/// Runs everything at once, on as many threads as there are, and waits for all.
pub async fn at_once<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(running.len());
    for task in running {
        results.push(task.await.unwrap());
    }
    results
}

impl Deref for Stores {
    type Target = ports::Stores;

    fn deref(&self) -> &ports::Stores {
        &self.stores
    }
}

impl Stores {
    /// The ports of one store that has them all but the blobs; `keep` has to live as long.
    pub fn of<Store>(store: &Arc<Store>, blobs: Arc<dyn BlobStore>, keep: Box<dyn Any + Send + Sync>) -> Self
    where
        Store: DefinitionStore
            + ExecutionStore
            + ApprovalStore
            + AccessStore
            + AuditTrail
            + Queries
            + EventFeed
            + TemplateStore
            + FigureStore
            + ThresholdStore
            + NoticeStore
            + ViewStore
            + RetentionStore
            + TransferStore
            + ScheduleStore
            + WebhookStore
            + DeliveryStore
            + 'static,
    {
        Self { stores: ports::Stores::of(store, blobs), ids: Arc::new(SequentialIds::new()), keep }
    }

    /// The stores in memory.
    pub fn in_memory() -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::of(&store, store.clone(), Box::new(()))
    }

    /// A new id.
    pub fn id(&self) -> Uuid {
        self.ids.new_id()
    }

    /// A draft that is stored.
    pub async fn draft(&self, name: &str, version: &str, now: Timestamp) -> Process {
        let definition = definition(name, version, vec![agent("write", &[])]);
        let yaml = format!("name: {name}\nversion: {version}\n");
        let (process, event) = Process::draft(ProcessId::new(self.id()), yaml, definition, None, now);
        self.definitions.create(&process, &event).await.unwrap();
        process
    }

    /// A published version that is stored.
    pub async fn published(&self, name: &str, steps: Vec<Step>) -> Published {
        self.published_from(definition(name, "1", steps)).await
    }

    /// A published version with this definition that is stored.
    pub async fn published_from(&self, definition: Arc<Definition>) -> Published {
        let id = ProcessId::new(self.id());
        let yaml = format!("name: {}\n", definition.name());
        let (mut process, created) = Process::draft(id, yaml, Arc::clone(&definition), None, at(0));
        self.definitions.create(&process, &created).await.unwrap();
        let published = process.publish(None, at(0)).unwrap();
        self.definitions.update(&process, 1, &published).await.unwrap();
        let process = ProcessRef { id, name: definition.name().clone(), version: definition.version() };
        Published { process, definition }
    }

    /// Joins as a new node whose lease does not run out during a test.
    pub async fn node(&self) -> Lease {
        self.executions.join(self.id(), at(0), much_later()).await.unwrap()
    }

    /// An execution that was started in work of this node, whoever else waits, and its first turn is not yet done.
    pub async fn admitted(&self, process: &Published, lease: Lease) -> Run {
        let launch = Launch { admit: Some(lease), ..Launch::default() };
        self.launched(process, launch).await
    }

    /// An execution that waits in the queue.
    pub async fn queued(&self, process: &Published) -> ExecutionId {
        self.launched(process, Launch::default()).await.execution.id()
    }

    /// An execution started so; one that is to be admitted is, whoever else waits.
    pub async fn launched(&self, process: &Published, launch: Launch) -> Run {
        let admit = launch.admit;
        let (run, start) = launch.prepare(self, process);
        let started = self.executions.start(start).await.unwrap();
        if let (Some(lease), Started::Created { admitted: false }) = (admit, started) {
            self.executions.claim_one(lease, run.id(), at(0)).await.unwrap();
        }
        run
    }

    /// What is stored of an execution, which exists.
    pub async fn stored(&self, id: ExecutionId) -> Loaded {
        self.executions.load(id).await.unwrap().unwrap()
    }

    /// Claims for a node at a time, with the limits of a small server.
    pub async fn claim(&self, lease: Lease, now: Timestamp) -> Vec<Claim> {
        let request = ClaimRequest { lease, now, most: 100, most_running: 100, scope: WorkScope::All };
        self.executions.claim(request).await.unwrap()
    }
}
