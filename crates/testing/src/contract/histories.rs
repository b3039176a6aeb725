//! Any history of an execution reads back as it was written, and adds up to what is stored (spec 3.11).

use std::{collections::VecDeque, sync::Arc};

use procession_domain::{
    approval::{ApprovalStatus, Ballot, Voter},
    definition::{Condition, Step},
    event::{Recorded, StepError, Usage},
    execution::{CallId, Command, Execution, Failure, Recovery, Refusal, RefusalKind, Signal, StepLife},
    value::{ApprovalId, Duration, ErrorCode, StepId, Timestamp},
};

use super::{
    given::{Published, Stores, agent, approval, at, definition, much_later, sub_process, timer},
    run::{Run, advance},
};
use procession_application::ports::{ApprovalChange, Commit, CommitError};

/// Runs one execution through whatever the script says, commits every transition, and compares what is stored with what
/// is in memory after each: state and steps, and that the stored events add up to them. Every script is a valid one.
pub async fn a_history_reads_back_as_it_was_written(stores: &Stores, script: &[u8]) {
    let mut script = Script(script.iter().copied().collect());
    let process = any_process(stores, &mut script).await;
    let mut story = Story::begin(stores, process).await;
    story.commit(vec![Command::Start]).await;
    while let Some(choice) = script.next() {
        story.happen(choice, &mut script).await;
        story.compare().await;
    }
}

/// Bytes that decide what happens.
struct Script(VecDeque<u8>);

impl Script {
    fn next(&mut self) -> Option<u8> {
        self.0.pop_front()
    }

    /// A number below `bound`; 0 when the script is over.
    fn below(&mut self, bound: usize) -> usize {
        self.next().map_or(0, |byte| usize::from(byte) % bound.max(1))
    }
}

/// One execution, in memory and in the store.
struct Story<'s> {
    stores: &'s Stores,
    process: Published,
    run: Run,
    now: Timestamp,
    /// Whether the node has it.
    owned: bool,
    /// A call of a moment ago, whose cost may become known late.
    last_call: Option<CallId>,
}

impl<'s> Story<'s> {
    async fn begin(stores: &'s Stores, process: Published) -> Self {
        let mut run = stores.admitted(&process, stores.node().await).await;
        for step in process.definition.steps() {
            run.give_child(&step.id, &process);
        }
        Self { stores, process, run, now: at(1), owned: true, last_call: None }
    }

    /// Something happens.
    async fn happen(&mut self, choice: u8, script: &mut Script) {
        self.now = self.now.saturating_add(Duration::from_secs(1));
        match choice % 12 {
            0..=2 => self.with_call(script, finished).await,
            3 => self.with_call(script, failed).await,
            4 => self.with_call(script, busy).await,
            5 => self.with_call(script, submitted).await,
            6 => self.signal(script).await,
            7 => self.vote(script).await,
            8 => self.let_time_pass().await,
            9 => self.crash(script).await,
            10 => self.commit_outdated(script).await,
            _ => self.learn_late_cost().await,
        }
    }

    /// Lets the domain decide, and commits.
    async fn commit(&mut self, commands: Vec<Command>) {
        self.own().await;
        self.bring_approvals().await;
        let rows = self.stores.executions.inbox(self.run.id(), self.run.seen).await.unwrap();
        self.run.seen = rows.last().map_or(self.run.seen, |row| row.number);
        let heard = rows.into_iter().map(|row| Command::Signal(row.signal));
        let commit = self.run.turn(self.now, &heard.chain(commands).collect::<Vec<_>>());
        self.owned = !commit.release;
        self.stores.executions.commit(Arc::new(commit)).await.unwrap();
    }

    async fn own(&mut self) {
        if !self.owned {
            let (lease, id) = (self.run.lease, self.run.id());
            self.owned = self.stores.executions.claim_one(lease, id, self.now).await.unwrap();
            assert!(self.owned);
        }
    }

    async fn bring_approvals(&mut self) {
        for id in self.open_approvals() {
            let row = self.stores.approvals.approval(id).await.unwrap().unwrap();
            self.run.values.give_approval(row.approval);
        }
    }

    fn open_approvals(&self) -> Vec<ApprovalId> {
        let asked = self.run.execution.steps().filter_map(|(_, state)| match &state.life {
            StepLife::WaitingApproval { approval_id, .. } => Some(*approval_id),
            _ => None,
        });
        asked.collect()
    }

    /// Something happens to one of the calls in flight, if there are any.
    async fn with_call(&mut self, script: &mut Script, what: impl FnOnce(CallId) -> Command) {
        let steps = self.run.execution.steps();
        let running: Vec<StepId> =
            steps.filter(|(_, state)| state.life == StepLife::Running).map(|(step, _)| step.id.clone()).collect();
        if let Some(step) = running.get(script.below(running.len())) {
            let call = self.run.open_call(step);
            self.last_call = Some(call.clone());
            self.commit(vec![what(call)]).await;
        }
    }

    /// A person gives a command, which may not fit.
    async fn signal(&mut self, script: &mut Script) {
        let by = "ada".to_owned();
        let signal = match script.below(5) {
            0 | 1 => Signal::Pause { by },
            2 | 3 => Signal::Resume { by },
            _ => Signal::Cancel { by, reason: None, compensate: true },
        };
        let fits = self.run.execution.check_command(&signal).is_ok();
        let taken = self.stores.executions.signal(self.run.id(), signal, self.now).await;
        assert_eq!(taken.is_ok(), fits, "{taken:?}");
        if fits {
            self.commit(vec![]).await;
        }
    }

    /// A person votes on one of the open requests.
    async fn vote(&mut self, script: &mut Script) {
        let open = self.open_approvals();
        let Some(id) = open.get(script.below(open.len())) else {
            return;
        };
        let mut approval = self.stores.approvals.approval(*id).await.unwrap().unwrap().approval;
        assert_eq!(approval.status(), ApprovalStatus::Pending);
        let ballot = if script.below(3) == 0 { Ballot::Reject } else { Ballot::Approve };
        let voter = Voter { name: "ada".into(), email: None, roles: vec![], is_admin: false, may_decide: true };
        let before = approval.revision();
        let Ok(verdict) = approval.vote(&voter, ballot, None, self.now) else {
            return;
        };
        let verdict = verdict.unwrap();
        let signal = Signal::ApprovalSettled { approval_id: *id, verdict };
        self.stores.approvals.change(ApprovalChange { approval, before, signal }).await.unwrap();
        self.commit(vec![]).await;
    }

    /// The next stored time comes.
    async fn let_time_pass(&mut self) {
        if let Some(next) = self.run.execution.attention_at() {
            self.now = self.now.max(next);
            self.commit(vec![]).await;
        }
    }

    /// The node is gone, another one takes the execution over and reads it from the store.
    async fn crash(&mut self, script: &mut Script) {
        let node = self.stores.id();
        let joined = self.stores.executions.join(node, self.now, much_later()).await.unwrap();
        // Where several nodes may be, the old one's lease has not run out: it leaves.
        self.stores.executions.leave(self.run.lease).await.unwrap();
        assert!(self.stores.executions.claim_one(joined, self.run.id(), self.now).await.unwrap());
        let loaded = Run::loaded(self.stores, &self.process, self.run.id(), joined).await;
        assert_eq!(loaded.execution, self.run.execution);
        let seen = self.run.seen;
        self.run = loaded;
        self.run.seen = seen;
        for step in self.process.definition.steps() {
            self.run.give_child(&step.id, &self.process);
        }
        self.owned = true;
        let calls = self.run.execution.calls_in_flight().into_iter().map(|call| call.id).collect();
        self.commit(vec![Command::Interrupted { calls, in_order: script.below(2) == 0 }]).await;
        let recovery = if script.below(2) == 0 { Recovery::Running } else { Recovery::Unknown };
        self.with_call(script, |call| Command::Recovered { call, recovery }).await;
    }

    /// A runner that has not heard the latest commits; nothing of it is written.
    async fn commit_outdated(&mut self, script: &mut Script) {
        let mut outdated = self.run.clone();
        self.own().await;
        let mut commit: Commit = outdated.cancel(self.now);
        if script.below(2) == 0 {
            commit.lease.epoch += 1;
        } else {
            advance(&mut commit);
        }
        let refused = self.stores.executions.commit(Arc::new(commit)).await;
        assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    }

    async fn learn_late_cost(&mut self) {
        if let Some(call) = self.last_call.take() {
            self.commit(vec![Command::LateCost { call, usage: cost("0.000000001") }]).await;
        }
    }

    /// What is stored is what is in memory, and the stored events add up to it.
    async fn compare(&self) {
        let id = self.run.id();
        let loaded = Run::loaded(self.stores, &self.process, id, self.run.lease).await;
        assert_eq!(loaded.execution, self.run.execution);
        let stored = self.stores.feed.after(0, Some(id), u32::MAX).await.unwrap();
        let events: Vec<Recorded> = stored.iter().map(|event| (*event.recorded).clone()).collect();
        let (definition, creation) = (Arc::clone(&self.process.definition), Arc::clone(&stored[0].creation));
        let replayed = Execution::replay(id, definition, creation, &events).unwrap();
        assert_eq!(replayed, loaded.execution);
    }
}

fn finished(call: CallId) -> Command {
    let text = format!("{{\"step\": \"{}\", \"ratio\": 0.1, \"text\": \"ünïcode \\u0000 🚀\"}}", call.step_id);
    let reply = procession_domain::execution::Reply::Agent { text, usage: cost("0.123456789") };
    Command::Finished { call, reply }
}

fn failed(call: CallId) -> Command {
    let error = StepError { code: ErrorCode::AgentUnavailable, message: "it's \"down\"\n\u{0}".to_owned() };
    Command::Failed { call, failure: Failure { error, usage: cost("0.1"), retry_after: None } }
}

fn busy(call: CallId) -> Command {
    let refusal = Refusal {
        kind: RefusalKind::Busy,
        retry_after: Duration::from_millis(1_500),
        reason: Some("three others \"wait\"".to_owned()),
    };
    Command::Refused { call, refusal }
}

fn submitted(call: CallId) -> Command {
    let call_ref = format!("task {}", call.attempt);
    Command::Submitted { call, call_ref }
}

fn cost(amount: &str) -> Usage {
    let token_usage = Some(Box::new(procession_domain::value::TokenUsage::new(7, 11)));
    Usage { token_usage, ..Usage::of_cost(Some(amount.parse().unwrap())) }
}

/// A process of one to eight steps of any kind, each after some of those before it.
async fn any_process(stores: &Stores, script: &mut Script) -> Published {
    let child = stores.published("child", vec![agent("work", &[])]).await;
    let mut steps: Vec<Step> = Vec::new();
    for number in 0..=script.below(8) {
        let id = format!("s{number}");
        let mut after: Vec<String> = Vec::new();
        for _ in 0..script.below(3) {
            let before = format!("s{}", script.below(number));
            if number > 0 && !after.contains(&before) {
                after.push(before);
            }
        }
        let after: Vec<&str> = after.iter().map(String::as_str).collect();
        let mut step = match script.below(8) {
            0 => timer(&id, &after),
            1 => approval(&id, &after),
            2 => Step { depends_on: agent(&id, &after).depends_on, ..sub_process(&id, &child, false) },
            _ => agent(&id, &after),
        };
        step.condition = match script.below(6) {
            0 => Some(Condition::unplaced("false")),
            1 | 2 => Some(Condition::unplaced("true")),
            _ => None,
        };
        steps.push(step);
    }
    stores.published_from(definition("any", "1", steps)).await
}
