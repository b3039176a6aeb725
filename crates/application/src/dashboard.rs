//! The dashboard: how the server stands, over what the principal may see (spec 4c; E4-05).

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use procession_domain::{
    approval::ApprovalStatus,
    execution::ExecutionStatus,
    value::{ApprovalId, Cost, Duration, ExecutionId, ProcessName, Timestamp},
};
use uuid::Uuid;

use crate::{
    access::{Forbidden, Principal, UseCase},
    alerts::{AlertFailure, Alerts},
    approvals::{ApprovalFailure, ApprovalQuery, Approvals},
    deliveries::{Deliveries, DeliveriesFailure},
    executions::{ExecutionFailure, Executions},
    figures::{Figures, FiguresFailure, FiguresQuery},
    inbox::{Inbox, InboxFailure, InboxItem, Subject},
    ports::{
        AlertFilter, AlertStatus, ApprovalRow, Clock, DeliveryFilter, DeliveryRow, DeliveryState, ExecutionFilter,
        Mark, PageStart, Paging, RunSums, StoreError,
    },
    triggers::{TriggerFailure, Triggers},
};

/// How many days the figures of processes look back.
const HEALTH_DAYS: u32 = 30;

/// How many of each kind are listed.
const FEW: usize = 20;

/// An approval is overdue when so little time is left for it.
const LITTLE_TIME: Duration = Duration::from_secs(3_600);

/// The service for the dashboard.
#[derive(Clone)]
pub struct Dashboard {
    parts: Arc<DashboardParts>,
}

/// What the dashboard is made of.
pub(crate) struct DashboardParts {
    pub executions: Executions,
    pub approvals: Approvals,
    pub figures: Figures,
    pub triggers: Triggers,
    pub inbox: Inbox,
    pub alerts: Alerts,
    pub deliveries: Deliveries,
    pub clock: Arc<dyn Clock>,
}

/// How the server stands.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Executions that run or are paused.
    pub active: u64,
    /// Executions that wait to begin.
    pub pending: u64,
    /// Questions that wait for an answer.
    pub waiting_for_people: u64,
    /// Those of them that ask the principal.
    pub approvals_for_me: u64,
    /// The executions that began in the last 24 hours; each call is counted once.
    pub last_day: RunSums,
    /// What is due next, the soonest first.
    pub next_runs: Vec<NextRun>,
    /// What someone should look at, the newest first.
    pub needs_attention: Vec<Attention>,
    /// How processes have gone in the last 30 days, those that ran most first.
    pub health: Vec<ProcessHealth>,
}

/// A due time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextRun {
    /// The process.
    pub process_name: ProcessName,
    /// The trigger's id.
    pub schedule_id: String,
    /// When.
    pub due_at: Timestamp,
}

/// Something that someone should look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// What it is.
    pub kind: AttentionKind,
    /// Since when.
    pub at: Timestamp,
    /// What there is to say, as a sentence.
    pub text: String,
    /// The process.
    pub process_name: Option<ProcessName>,
    /// The execution.
    pub execution_id: Option<ExecutionId>,
    /// The approval.
    pub approval_id: Option<ApprovalId>,
    /// The cost alert.
    pub alert_id: Option<Uuid>,
    /// The agent.
    pub agent: Option<String>,
}

/// What someone should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttentionKind {
    /// An execution failed, and nobody has put that aside.
    Failed,
    /// A question whose time is almost over.
    OverdueApproval,
    /// An agent takes no work.
    BreakerOpen,
    /// A schedule has not started what was due.
    MissedSchedule,
    /// A cost passed a threshold.
    CostAlert,
    /// What was to be told outside could not be delivered.
    DeadDelivery,
}

/// How a process has gone.
#[derive(Debug, Clone)]
pub struct ProcessHealth {
    /// The process.
    pub process_name: ProcessName,
    /// Its executions, of all versions.
    pub sums: RunSums,
    /// What one cost on average.
    pub cost: Option<Cost>,
    /// When it is due next.
    pub next_run: Option<Timestamp>,
}

/// Why the dashboard can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum DashboardFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Executions can't be counted.
    #[error(transparent)]
    Executions(#[from] ExecutionFailure),
    /// Approvals can't be counted.
    #[error(transparent)]
    Approvals(#[from] ApprovalFailure),
    /// Figures can't be told.
    #[error(transparent)]
    Figures(#[from] FiguresFailure),
    /// Due times can't be told.
    #[error(transparent)]
    Triggers(#[from] TriggerFailure),
    /// What waits can't be told.
    #[error(transparent)]
    Inbox(#[from] InboxFailure),
    /// Alerts can't be told.
    #[error(transparent)]
    Alerts(#[from] AlertFailure),
    /// Deliveries can't be told.
    #[error(transparent)]
    Deliveries(#[from] DeliveriesFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Dashboard {
    /// The service.
    pub(crate) fn new(parts: DashboardParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// How the server stands, over what the principal may see.
    pub async fn overview(&self, by: &Principal) -> Result<Overview, DashboardFailure> {
        by.check(UseCase::ReadFigures)?;
        let parts = &self.parts;
        let (next_runs, missed) = self.schedules(by).await?;
        let questions = self.questions(by).await?;
        Ok(Overview {
            active: self.count(by, &[ExecutionStatus::Running, ExecutionStatus::Paused]).await?,
            pending: self.count(by, &[ExecutionStatus::Pending]).await?,
            waiting_for_people: questions.0,
            approvals_for_me: questions.1,
            last_day: parts.figures.trends(by, &FiguresQuery::of_days(1)).await?.total,
            needs_attention: self.needs_attention(by, missed).await?,
            health: self.health(by, &next_runs).await?,
            next_runs: next_runs.into_iter().take(FEW).collect(),
        })
    }

    async fn count(&self, by: &Principal, statuses: &[ExecutionStatus]) -> Result<u64, DashboardFailure> {
        let filter = ExecutionFilter { statuses: statuses.to_vec(), ..ExecutionFilter::default() };
        let page = Paging { limit: 1, start: PageStart::Offset(0) };
        Ok(self.parts.executions.list(by, &filter, &page).await?.total)
    }

    /// How many questions wait, and how many of them for the principal.
    async fn questions(&self, by: &Principal) -> Result<(u64, u64), DashboardFailure> {
        let page = Paging { limit: 1, start: PageStart::Offset(0) };
        let pending = || ApprovalQuery { status: Some(ApprovalStatus::Pending), ..ApprovalQuery::default() };
        let all = self.parts.approvals.list(by, pending(), &page).await?.total;
        let mine = match by.user() {
            None => all,
            Some(user) => {
                let query = ApprovalQuery { asking: Some(user.to_owned()), ..pending() };
                self.parts.approvals.list(by, query, &page).await?.total
            }
        };
        Ok((all, mine))
    }

    /// What is due next, the soonest first, and which schedules have missed due times.
    async fn schedules(&self, by: &Principal) -> Result<(Vec<NextRun>, Vec<Attention>), DashboardFailure> {
        let (mut next_runs, mut missed) = (Vec::new(), Vec::new());
        for schedule in self.parts.triggers.schedules(by, 1).await? {
            let process_name = schedule.process_name.clone();
            let last = schedule.last.as_ref().filter(|_| schedule.missed > 0);
            if let Some(last) = last {
                let times = if schedule.missed == 1 { "a due time" } else { "due times" };
                let text = format!("The schedule '{}' of '{process_name}' has missed {times}", schedule.trigger_id);
                missed.push(Attention {
                    process_name: Some(process_name.clone()),
                    ..Attention::new(AttentionKind::MissedSchedule, last.due_at, text)
                });
            }
            if let Some(due_at) = schedule.next_runs.first() {
                let schedule_id = schedule.trigger_id.to_string();
                next_runs.push(NextRun { process_name, schedule_id, due_at: *due_at });
            }
        }
        next_runs.sort_by_key(|run: &NextRun| run.due_at);
        Ok((next_runs, missed))
    }

    async fn needs_attention(
        &self,
        by: &Principal,
        missed: Vec<Attention>,
    ) -> Result<Vec<Attention>, DashboardFailure> {
        let soon = self.parts.clock.now().saturating_add(LITTLE_TIME);
        let mut found = missed;
        let mut failures = 0;
        for item in self.parts.inbox.notices(by).await? {
            let is_aside = item.mark.as_ref().is_some_and(|mark| mark.mark == Mark::Dismissed);
            let Some(attention) = attention(&item, soon).filter(|_| !is_aside) else { continue };
            failures += usize::from(attention.kind == AttentionKind::Failed);
            if attention.kind != AttentionKind::Failed || failures <= FEW {
                found.push(attention);
            }
        }
        let active = AlertFilter { status: Some(AlertStatus::Active), ..AlertFilter::default() };
        let few = u32::try_from(FEW).unwrap_or(u32::MAX);
        for alert in self.parts.alerts.list(by, active, 0, few).await?.rows {
            found.push(Attention {
                process_name: alert.process_name.clone(),
                execution_id: alert.execution_id,
                alert_id: Some(alert.id),
                ..Attention::new(AttentionKind::CostAlert, alert.created_at, alert.to_string())
            });
        }
        found.extend(self.dead_deliveries(by).await?);
        found.sort_by_key(|attention| Reverse(attention.at));
        Ok(found)
    }

    /// Deliveries that failed for the last time, for whoever may see deliveries.
    async fn dead_deliveries(&self, by: &Principal) -> Result<Vec<Attention>, DashboardFailure> {
        if by.check(UseCase::ReadDeliveries).is_err() {
            return Ok(Vec::new());
        }
        let dead = DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::default() };
        let few = u32::try_from(FEW).unwrap_or(u32::MAX);
        let page = Paging { limit: few, start: PageStart::Offset(0) };
        let rows = self.parts.deliveries.list(by, &dead, &page).await?.rows;
        let attention = |row: DeliveryRow| Attention {
            process_name: row.process_name,
            execution_id: row.execution_id,
            ..Attention::new(
                AttentionKind::DeadDelivery,
                row.created_at,
                format!("'{}' could not be delivered to {}", row.event, row.target),
            )
        };
        Ok(rows.into_iter().map(attention).collect())
    }

    /// How processes have gone, all versions together.
    async fn health(&self, by: &Principal, next_runs: &[NextRun]) -> Result<Vec<ProcessHealth>, DashboardFailure> {
        let mut processes: BTreeMap<ProcessName, RunSums> = BTreeMap::new();
        for daily in self.parts.figures.versions_that_ran(by, &FiguresQuery::of_days(HEALTH_DAYS)).await? {
            let sums = daily.sums;
            processes.entry(daily.process.name).and_modify(|known| known.add(&sums)).or_insert(sums);
        }
        let due = |name: &ProcessName| next_runs.iter().find(|run| run.process_name == *name).map(|run| run.due_at);
        let health = |(process_name, sums): (ProcessName, RunSums)| ProcessHealth {
            cost: sums.average_cost(),
            next_run: due(&process_name),
            process_name,
            sums,
        };
        let mut health: Vec<ProcessHealth> = processes.into_iter().map(health).collect();
        health.sort_by_key(|process| Reverse(process.sums.executions()));
        health.truncate(FEW);
        Ok(health)
    }
}

impl Attention {
    const fn new(kind: AttentionKind, at: Timestamp, text: String) -> Self {
        Self { kind, at, text, process_name: None, execution_id: None, approval_id: None, alert_id: None, agent: None }
    }
}

impl AttentionKind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::OverdueApproval => "overdue_approval",
            Self::BreakerOpen => "breaker_open",
            Self::MissedSchedule => "missed_schedule",
            Self::CostAlert => "cost_alert",
            Self::DeadDelivery => "dead_delivery",
        }
    }
}

/// What is to be looked at of something that waits; a question only if little time is left for it.
fn attention(item: &InboxItem, soon: Timestamp) -> Option<Attention> {
    Some(match &item.subject {
        Subject::Approval(row) => {
            let ApprovalRow { approval, process_name } = &**row;
            let deadline = approval.request().deadline.filter(|deadline| *deadline <= soon)?;
            let text = format!("'{}' is to be decided by {deadline}", approval.request().title);
            Attention {
                process_name: Some(process_name.clone()),
                execution_id: item.execution_id(),
                approval_id: item.approval_id(),
                ..Attention::new(AttentionKind::OverdueApproval, item.created_at, text)
            }
        }
        Subject::Failure(row) => {
            let text = format!("An execution of '{}' failed", row.process_name);
            Attention {
                process_name: Some(row.process_name.clone()),
                execution_id: Some(row.id),
                ..Attention::new(AttentionKind::Failed, item.created_at, text)
            }
        }
        Subject::Agent { name, reason } => {
            let text = format!("The agent '{name}' takes no work: {reason}");
            let agent = Some(name.clone());
            Attention { agent, ..Attention::new(AttentionKind::BreakerOpen, item.created_at, text) }
        }
    })
}
