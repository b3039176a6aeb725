//! A step of the other engine as the events that tell it.

use procession_domain::{
    approval::Approval,
    definition::{GatewayType, Step, StepKind},
    event::{
        ApprovalEvent, AttemptEvent, AttemptStart, ChildEvent, Direction, Event, GatewayDecision, RouteEvaluation,
        SkipReason, Skipped, StepError, StepEvent, Usage,
    },
    execution::{AgentInput, CallInput},
    value::{Cost, Currency, ErrorCode, ExecutionId, Json, Money, StepId, Timestamp, TokenUsage},
};

use super::{
    asked::{decision_of, request_of},
    history::{KeptValues, Surroundings, Timeline},
    row::{TrinityRow, json, money, number, shown, text, time, time_of},
};

/// More failed attempts than that engine makes are not told one by one.
const MOST_ATTEMPTS: u32 = 100;

/// How a step stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StepEnd {
    Pending,
    UnderWay,
    Completed,
    Failed(StepError),
    Skipped(SkipReason),
}

/// A step, read.
#[derive(Debug)]
pub(super) struct StoredStep {
    pub end: StepEnd,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    input: Json,
    /// `null` if there is none.
    output: Json,
    /// What went wrong last, also if it was tried again with success.
    last_error: Option<StepError>,
    failed_at: Option<Timestamp>,
    cost: Option<Money>,
    failures: u32,
}

impl StoredStep {
    /// Reads a row of an execution that began then. The error says what is wrong with it.
    pub fn of(row: &TrinityRow, begun: Timestamp) -> Result<Self, String> {
        let started_at = time(row, "started_at")?;
        let ended_at = time(row, "completed_at")?;
        let output = Some(json(row, "output_data")?).filter(|output| *output != Json::Object(serde_json::Map::new()));
        let output = output.unwrap_or_default();
        let error = json(row, "error_data")?;
        let last_error = error_of(&error);
        let end = match text(row, "status").as_deref() {
            Some("pending" | "ready") => StepEnd::Pending,
            Some("running" | "waiting_approval") => StepEnd::UnderWay,
            Some("completed") => StepEnd::Completed,
            Some("failed") => StepEnd::Failed(last_error.clone().unwrap_or_else(|| StepError {
                code: ErrorCode::AgentError,
                message: "Trinity did not keep why it failed".to_owned(),
            })),
            Some("skipped") => StepEnd::Skipped(skip_reason(&output)),
            Some(other) => return Err(format!("its status is `{}`, which is none", shown(other))),
            None => return Err("it has no status".to_owned()),
        };
        let started_at = started_at.or(ended_at).unwrap_or(begun).max(begun);
        let failures = number(row, "retry_count").and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
        Ok(Self {
            end,
            started_at,
            ended_at: ended_at.unwrap_or(started_at).max(started_at),
            input: json(row, "input_data")?,
            last_error,
            failed_at: error["failed_at"].as_str().and_then(time_of),
            cost: money(row, "cost").or_else(|| output["child_cost"].as_str()?.parse().ok()),
            output,
            failures: failures.min(MOST_ATTEMPTS),
        })
    }

    /// Whether it had ended.
    pub const fn has_ended(&self) -> bool {
        match self.end {
            StepEnd::Pending | StepEnd::UnderWay => false,
            StepEnd::Completed | StepEnd::Failed(_) | StepEnd::Skipped(_) => true,
        }
    }

    /// What it cost, if that is known in this currency.
    pub fn cost_in(&self, currency: Currency) -> Option<Money> {
        self.cost.filter(|cost| cost.currency() == currency && cost.nanos() > 0)
    }

    /// The execution that it started.
    pub fn child(&self) -> Option<ExecutionId> {
        self.output["child_execution_id"].as_str()?.parse().ok()
    }

    /// Tells it.
    pub fn tell(
        &self,
        step: &Step,
        around: &Surroundings<'_>,
        asked: Option<&TrinityRow>,
        timeline: &mut Timeline,
        values: &mut KeptValues,
        approvals: &mut Vec<Approval>,
    ) {
        match &self.end {
            StepEnd::Pending => return,
            StepEnd::Skipped(reason) => {
                let because = Skipped::because(*reason);
                let output = (!self.output.is_null()).then(|| values.show(&self.output));
                let skipped = StepEvent::Skipped(Box::new(Skipped { output, ..because }));
                timeline.push(self.ended_at, Event::Step(step.id.clone(), skipped));
                return;
            }
            StepEnd::UnderWay | StepEnd::Completed | StepEnd::Failed(_) => {}
        }
        let last = self.tell_failures(step, timeline, values);
        timeline.push(self.last_start(), attempt(step, self.start(step, last, values)));
        match &step.kind {
            StepKind::HumanApproval(_) => self.tell_approval(step, around, asked, timeline, approvals),
            StepKind::Gateway(gateway) => self.tell_decision(step, gateway.gateway_type, timeline),
            StepKind::SubProcess(_) => self.tell_child(step, around, timeline),
            StepKind::AgentTask(_) | StepKind::Timer(_) | StepKind::Notification(_) => {}
        }
        self.tell_end(step, around, timeline, values);
    }

    /// Tells the attempts before the last one; the number of that. That engine only counts them, and keeps the last error.
    fn tell_failures(&self, step: &Step, timeline: &mut Timeline, values: &mut KeptValues) -> u32 {
        let before = match self.end {
            StepEnd::Failed(_) => self.failures.saturating_sub(1),
            StepEnd::Pending | StepEnd::UnderWay | StepEnd::Completed | StepEnd::Skipped(_) => self.failures,
        };
        for number in 1..=before {
            timeline.push(self.started_at, attempt(step, self.start(step, number, values)));
            let is_last = number == before && !matches!(self.end, StepEnd::Failed(_));
            let known = self.last_error.clone().filter(|_| is_last);
            let error = known.unwrap_or_else(|| StepError {
                code: self.last_error.as_ref().map_or(ErrorCode::AgentError, |error| error.code),
                message: "an attempt failed; Trinity kept no more of it".to_owned(),
            });
            let at = if is_last { self.last_start() } else { self.started_at };
            let retrying = AttemptEvent::Retrying {
                attempt: number,
                max_attempts: step.retry.max_attempts.max(before + 1),
                next_retry_at: at,
                error,
                usage: Usage::default(),
            };
            timeline.push(at, attempt(step, retrying));
        }
        before + 1
    }

    /// When the last attempt began: when the one before it failed, if that is known.
    fn last_start(&self) -> Timestamp {
        self.failed_at.filter(|at| (self.started_at..=self.ended_at).contains(at)).unwrap_or(self.started_at)
    }

    fn start(&self, step: &Step, number: u32, values: &mut KeptValues) -> AttemptEvent {
        let (agent, input) = match &step.kind {
            StepKind::AgentTask(task) => {
                let said = self.output["agent"].as_str().or_else(|| self.input["agent"].as_str());
                let agent = said.unwrap_or(&task.agent.text).to_owned();
                // Whether it was asked is known, also where the words are not: an unknown cost must show.
                let message = self.input["message"].as_str().unwrap_or_default().to_owned();
                let asked = AgentInput { agent: agent.clone(), message, model: None, temperature: None };
                (Some(agent), Some(values.keep(&CallInput::Agent(asked).to_json())))
            }
            StepKind::HumanApproval(_)
            | StepKind::Gateway(_)
            | StepKind::Timer(_)
            | StepKind::Notification(_)
            | StepKind::SubProcess(_) => (None, None),
        };
        AttemptEvent::Started(Box::new(AttemptStart {
            attempt: number,
            agent,
            input,
            deadline: None,
            reserved: None,
            condition: None,
            warnings: Vec::new(),
            again: false,
        }))
    }

    fn tell_approval(
        &self,
        step: &Step,
        around: &Surroundings<'_>,
        asked: Option<&TrinityRow>,
        timeline: &mut Timeline,
        approvals: &mut Vec<Approval>,
    ) {
        let Some(request) = request_of(step, around.id, asked, &self.output, self.started_at) else { return };
        let approval_id = request.id;
        let (title, assignees, deadline) = (request.title.clone(), request.assignees.clone(), request.deadline);
        let of_approval = |event| Event::Approval(step.id.clone(), approval_id, event);
        let requested = ApprovalEvent::Requested { title: title.clone(), assignees: assignees.clone(), deadline };
        let started = self.last_start();
        timeline.push(started, of_approval(requested));
        let waiting = StepEvent::WaitingApproval { approval_id, title, assignees, deadline };
        timeline.push(started, Event::Step(step.id.clone(), waiting));
        let (approval, verdict) = decision_of(request, asked, &self.output, self.ended_at);
        approvals.push(approval);
        if let Some(verdict) = verdict.filter(|_| self.has_ended()) {
            if let Some(by) = verdict.decided_by.clone() {
                let comment = verdict.comments.last().cloned();
                let voted = ApprovalEvent::Voted { by, decision: verdict.decision, comment };
                timeline.push(self.ended_at, of_approval(voted));
            }
            timeline.push(self.ended_at, of_approval(ApprovalEvent::Decided(verdict)));
        }
    }

    fn tell_decision(&self, step: &Step, gateway_type: GatewayType, timeline: &mut Timeline) {
        if self.end != StepEnd::Completed {
            return;
        }
        let step_id = |json: &Json| json.as_str().and_then(|id| StepId::new(id).ok());
        let routes = self.output["routes"].as_array().cloned().unwrap_or_default();
        let taken: Vec<StepId> = routes.iter().chain(self.output.get("route")).filter_map(step_id).collect();
        let evaluated = self.output["evaluated_conditions"].as_array().cloned().unwrap_or_default();
        let evaluated = evaluated.iter().filter_map(|route| {
            Some(RouteEvaluation {
                condition: route["condition"].as_str().map(str::to_owned),
                target: step_id(&route["target"])?,
                result: route["result"].as_bool(),
                values: indexmap::IndexMap::new(),
                notes: route["error"].as_str().map(str::to_owned).into_iter().collect(),
            })
        });
        let decision = GatewayDecision {
            gateway_type,
            taken,
            is_default: self.output["is_default"].as_bool().unwrap_or(false),
            evaluated_conditions: evaluated.collect(),
        };
        let decided = StepEvent::GatewayEvaluated(Box::new(decision));
        timeline.push(self.ended_at, Event::Step(step.id.clone(), decided));
    }

    fn tell_child(&self, step: &Step, around: &Surroundings<'_>, timeline: &mut Timeline) {
        let process = || {
            let name = self.output["child_process_name"].as_str()?;
            (around.process_called)(name, self.output["child_process_version"].as_str()?)
        };
        let (Some(child), Some(process)) = (self.child(), process()) else { return };
        let of_child = |event| Event::Child(step.id.clone(), child, event);
        timeline.push(self.started_at, of_child(ChildEvent::Started { process }));
        if self.has_ended() {
            let status = if self.end == StepEnd::Completed { "completed" } else { "failed" };
            let mut cost = Cost::none(around.currency);
            cost.add(self.cost_in(around.currency));
            timeline.push(self.ended_at, of_child(ChildEvent::Completed { status: status.to_owned(), cost }));
        }
    }

    fn tell_end(&self, step: &Step, around: &Surroundings<'_>, timeline: &mut Timeline, values: &mut KeptValues) {
        let output = (!self.output.is_null()).then(|| values.show(&self.output));
        // What a sub-process cost is told with its end, if that is told.
        let told = matches!(step.kind, StepKind::SubProcess(_)) && timeline.tells_child_of(&step.id);
        let usage = Usage {
            cost: self.cost_in(around.currency).filter(|_| !told),
            token_usage: tokens(&self.output).map(Box::new),
            finish_reason: None,
        };
        let ended = match &self.end {
            StepEnd::Completed => {
                let duration = self.ended_at.since(self.started_at);
                AttemptEvent::Completed { output, usage, duration }
            }
            StepEnd::Failed(error) => AttemptEvent::Failed {
                error: error.clone(),
                retry_count: self.failures.saturating_sub(1),
                handled_by: None,
                output,
                usage,
            },
            StepEnd::Pending | StepEnd::UnderWay | StepEnd::Skipped(_) => return,
        };
        timeline.push(self.ended_at, attempt(step, ended));
    }
}

fn attempt(step: &Step, event: AttemptEvent) -> Event {
    Event::Attempt(step.id.clone(), Direction::Do, event)
}

/// An error as that engine keeps it; `None` if there is none. A code that is none here stands before the message.
fn error_of(error: &Json) -> Option<StepError> {
    let message = match error {
        Json::String(message) => message.clone(),
        Json::Object(_) => error["message"].as_str().unwrap_or_default().to_owned(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => return None,
    };
    let told = error["code"].as_str().unwrap_or_default();
    if message.is_empty() && told.is_empty() {
        return None;
    }
    let same = told.parse().ok();
    let code = same.unwrap_or_else(|| code_like(told));
    let message = match (same, told) {
        (Some(_), _) | (None, "") => message,
        (None, told) => format!("{told}: {message}"),
    };
    Some(StepError { code, message })
}

/// The code here that says what a code of that engine says.
fn code_like(told: &str) -> ErrorCode {
    match told {
        "AGENT_TIMEOUT" => ErrorCode::Timeout,
        "APPROVAL_TIMEOUT" => ErrorCode::ApprovalExpired,
        "SUB_PROCESS_ERROR" => ErrorCode::SubProcessFailed,
        "SLACK_TIMEOUT" => ErrorCode::SlackError,
        "WEBHOOK_TIMEOUT" => ErrorCode::WebhookError,
        "CONFIGURATION_ERROR"
        | "INVALID_GATEWAY_TYPE"
        | "INVALID_CHANNEL"
        | "MISSING_WEBHOOK_URL"
        | "MISSING_URL"
        | "MISSING_ENV_VAR"
        | "MISSING_RECIPIENTS" => ErrorCode::InvalidConfig,
        _ => ErrorCode::AgentError,
    }
}

/// Why a step was skipped, from the words that that engine left.
fn skip_reason(output: &Json) -> SkipReason {
    let said = output["skipped_reason"].as_str().unwrap_or_default().to_lowercase();
    if said.contains("condition") {
        SkipReason::ConditionFalse
    } else if said.contains("route") || said.contains("gateway") {
        SkipReason::RouteNotTaken
    } else if said.contains("error") || said.contains("fail") {
        SkipReason::SkippedAfterError
    } else {
        SkipReason::DeadPath
    }
}

/// The tokens that an agent's reply tells; `None` if it tells none.
fn tokens(output: &Json) -> Option<TokenUsage> {
    let told = output.get("token_usage")?;
    let count = |key: &str| told[key].as_u64();
    let usage = TokenUsage {
        input_tokens: count("input_tokens"),
        output_tokens: count("output_tokens"),
        total_tokens: count("total_tokens"),
        model: told["model"].as_str().map(str::to_owned),
        ..TokenUsage::default()
    };
    usage.is_known().then_some(usage)
}
