//! `human_approval`: a person decides (spec 3.5). The request is an aggregate of its own; this is the step's side of it.

use std::collections::BTreeSet;

use serde_json::{Map, json};

use super::{
    advance::Progress,
    boundary::{Need, Write},
    index::DueEntry,
    state::StepLife,
    turn::Turn,
};
use crate::{
    approval::{Approval, ApprovalRequest, DeadlineEffect},
    definition::{EdgeKind, HumanApproval, OnReject, StepIndex, StepKind, Template, UndefinedRule},
    event::{
        ApprovalEvent, AttemptEvent, AttemptStart, Decision, Direction, Event, SkipReason, Skipped, StepError,
        StepEvent, Usage, Verdict,
    },
    expressions::Scope,
    value::{ApprovalId, ErrorCode, Json, StepId},
};

impl Turn<'_, '_> {
    pub fn start_approval(&mut self, step: StepIndex) -> Progress {
        let StepKind::HumanApproval(approval) = &self.step(step).kind else {
            return Progress::Done;
        };
        let approval = approval.clone();
        let Some(scope) = self.scope_of(step) else {
            return Progress::NeedsValues;
        };
        let (request, warnings) = match self.expand_request(step, &approval, &scope) {
            Ok(expanded) => expanded,
            Err(error) => {
                self.fail_to_start(step, Direction::Do, error);
                return Progress::Done;
            }
        };
        self.start_without_call(step, warnings);
        let (approval_id, deadline) = (request.id, request.deadline);
        let (title, assignees) = (request.title.clone(), request.assignees.clone());
        self.transition.writes.push(Write::OpenApproval(Box::new(Approval::open(request))));
        let requested = ApprovalEvent::Requested { title: title.clone(), assignees: assignees.clone(), deadline };
        self.emit(Event::Approval(self.id(step), approval_id, requested));
        self.emit(Event::Step(self.id(step), StepEvent::WaitingApproval { approval_id, title, assignees, deadline }));
        Progress::Done
    }

    /// Starts the attempt of a step that makes no call.
    pub fn start_without_call(&mut self, step: StepIndex, warnings: Vec<String>) {
        let condition = self.take_passed(step);
        let start = AttemptStart { condition, warnings, ..self.blank_start(step, Direction::Do) };
        self.emit(self.attempt_event(step, Direction::Do, AttemptEvent::Started(Box::new(start))));
    }

    /// Fills in the texts of a request: names must be defined, what people read may have holes (spec 2.2).
    fn expand_request(
        &mut self,
        step: StepIndex,
        approval: &HumanApproval,
        scope: &Scope,
    ) -> Result<(ApprovalRequest, Vec<String>), StepError> {
        let mut warnings = Vec::new();
        let mut expand = |template: &Template, local: UndefinedRule| -> Result<String, StepError> {
            let expanded = self.context.expressions.text(template, scope, self.undefined_rule(local));
            let expanded = expanded.map_err(|error| StepError { code: error.code(), message: error.to_string() })?;
            warnings.extend(expanded.warnings);
            Ok(expanded.value)
        };
        let mut all = |templates: &[Template], local| -> Result<Vec<String>, StepError> {
            let mut texts = Vec::new();
            for template in templates {
                let text = expand(template, local)?.trim().to_owned();
                if !text.is_empty() && !texts.contains(&text) {
                    texts.push(text);
                }
            }
            Ok(texts)
        };
        let assignees = all(&approval.assignees, UndefinedRule::Error)?;
        let escalate_to = all(&approval.escalate_to, UndefinedRule::Error)?;
        let artifacts = all(&approval.artifacts, UndefinedRule::Keep)?;
        let title = expand(&approval.title, UndefinedRule::Keep)?;
        let description = match &approval.description {
            Some(description) => expand(description, UndefinedRule::Keep)?,
            None => String::new(),
        };
        let barred = if approval.self_approval { Vec::new() } else { self.parties(step) };
        warnings.extend(too_few_deciders(&assignees, &barred, approval.required_approvals));
        let period = self.step(step).timeout;
        let request = ApprovalRequest {
            id: ApprovalId::new((self.context.new_id)()),
            execution_id: self.execution.id(),
            step_id: self.id(step),
            title,
            description,
            assignees,
            required_approvals: approval.required_approvals,
            barred,
            artifacts,
            allow_comments: approval.allow_comments,
            require_reason_on_reject: approval.require_reason_on_reject,
            deadline: period.map(|period| self.now().saturating_add(period)),
            timeout_action: approval.timeout_action,
            escalation_period: period.unwrap_or_default(),
            escalate_to,
            created_at: self.now(),
        };
        Ok((request, warnings))
    }

    /// Who has a part in what an approval judges (spec 3.5): who asked for the execution, and who decided the approvals
    /// that this one follows at once or with only gateways between.
    fn parties(&self, step: StepIndex) -> Vec<String> {
        let mut parties: Vec<String> = Vec::new();
        let mut add = |name: &String| {
            if !parties.contains(name) {
                parties.push(name.clone());
            }
        };
        self.execution.creation.requesters().for_each(&mut add);
        let graph = self.execution.definition.graph();
        let (mut behind, mut seen) = (vec![step], BTreeSet::from([step]));
        while let Some(next) = behind.pop() {
            for edge in graph.incoming(next).iter().filter(|edge| edge.kind != EdgeKind::Order) {
                let source = edge.source;
                if !seen.insert(source) {
                    continue;
                }
                self.state(source).deciders.iter().for_each(&mut add);
                if matches!(self.step(source).kind, StepKind::Gateway(_)) {
                    behind.push(source);
                }
            }
        }
        parties
    }

    /// The deadline of a request has come; its effect needs the request as it is stored.
    pub fn approval_is_due(&mut self, approval_id: ApprovalId, entry: DueEntry) {
        let Some(mut approval) = self.context.values.approval(approval_id) else {
            self.execution.index.expiring.push(entry);
            self.need(Need::Approval(approval_id));
            return;
        };
        let effect = approval.pass_deadline(self.now());
        let step_id = approval.request().step_id.clone();
        let assignees = approval.request().assignees.clone();
        if effect != DeadlineEffect::None {
            self.transition.writes.push(Write::SettleApproval(Box::new(approval)));
        }
        match effect {
            // Settled by a vote: its signal is on the way.
            DeadlineEffect::None => {}
            DeadlineEffect::Escalated(deadline) => {
                let escalated = ApprovalEvent::Escalated { assignees, deadline };
                self.emit(Event::Approval(step_id, approval_id, escalated));
            }
            DeadlineEffect::Settled(verdict) => {
                self.emit(Event::Approval(step_id, approval_id, ApprovalEvent::Expired));
                self.approval_settled(approval_id, verdict);
            }
        }
    }

    pub fn approval_voted(
        &mut self,
        approval_id: ApprovalId,
        by: String,
        decision: Decision,
        comment: Option<String>,
    ) -> bool {
        self.note_on_approval(approval_id, ApprovalEvent::Voted { by, decision, comment })
    }

    pub fn approval_delegated(
        &mut self,
        approval_id: ApprovalId,
        from: String,
        to: String,
        comment: Option<String>,
    ) -> bool {
        self.note_on_approval(approval_id, ApprovalEvent::Delegated { from, to, comment })
    }

    fn note_on_approval(&mut self, approval_id: ApprovalId, event: ApprovalEvent) -> bool {
        let step_id = match self.asking_step(approval_id) {
            Some(step) => self.id(step),
            None if self.execution.is_budget_question(approval_id) => StepId::budget(),
            None => return false,
        };
        self.emit(Event::Approval(step_id, approval_id, event));
        true
    }

    /// A request is settled: by votes, or by its deadline.
    pub fn approval_settled(&mut self, approval_id: ApprovalId, verdict: Verdict) -> bool {
        let Some(step) = self.asking_step(approval_id) else {
            return self.budget_answered(approval_id, verdict);
        };
        let StepKind::HumanApproval(approval) = &self.step(step).kind else {
            return false;
        };
        let (on_reject, rerun) = (approval.on_reject, approval.on_changes_requested.clone());
        let (step_id, decision) = (self.id(step), verdict.decision);
        let output = approval_output(approval_id, &verdict, self.state(step).feedback.as_deref());
        self.emit(Event::Approval(step_id.clone(), approval_id, ApprovalEvent::Decided(verdict)));
        self.wake();
        match decision {
            Decision::Approved => self.complete(step, output, Usage::default()),
            Decision::Rejected | Decision::Expired if on_reject == OnReject::Continue => {
                self.complete(step, output, Usage::default());
            }
            Decision::Rejected => self.fail_approval(step, ErrorCode::ApprovalRejected, output),
            Decision::Expired => self.fail_approval(step, ErrorCode::ApprovalExpired, output),
            Decision::Skipped => match self.keep_output(step, output) {
                Ok(output) => {
                    let because = Skipped::because(SkipReason::ApprovalTimeout);
                    let skipped = Skipped { output: Some(output), ..because };
                    self.emit(Event::Step(step_id, StepEvent::Skipped(Box::new(skipped))));
                }
                Err(error) => self.fail_step(step, error, Usage::default(), None),
            },
            Decision::ChangesRequested => {
                let possible = rerun.is_some_and(|rerun| self.run_again(step, &rerun, &output));
                if !possible {
                    self.fail_approval(step, ErrorCode::ChangesRequested, output);
                }
            }
        }
        true
    }

    fn fail_approval(&mut self, step: StepIndex, code: ErrorCode, output: Json) {
        let by = output["decided_by"].as_str().filter(|by| !by.is_empty()).map(str::to_owned);
        let comment =
            output["comment"].as_str().filter(|comment| !comment.is_empty()).map(|comment| format!(": {comment}"));
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        let comment = comment.unwrap_or_default();
        let message = match code {
            ErrorCode::ApprovalRejected => format!("Approval rejected{by}{comment}"),
            ErrorCode::ChangesRequested => format!("Changes requested{by}{comment}"),
            _ => "Nobody decided the approval before its deadline".to_owned(),
        };
        let error = StepError { code, message };
        match self.keep_output(step, output) {
            Ok(output) => self.fail_step(step, error, Usage::default(), Some(output)),
            Err(_) => self.fail_step(step, error, Usage::default(), None),
        }
    }

    fn asking_step(&self, approval_id: ApprovalId) -> Option<StepIndex> {
        let asks = |state: &super::StepState| matches!(state.life, StepLife::WaitingApproval { approval_id: asked, .. } if asked == approval_id);
        self.execution.steps.iter().position(asks)
    }
}

/// What is odd about a request that asks people by name who may not decide it.
fn too_few_deciders(assignees: &[String], barred: &[String], required: u32) -> Option<String> {
    let is_open = assignees.is_empty() || assignees.iter().any(|name| name.starts_with("role:"));
    let (kept_out, left): (Vec<&String>, Vec<&String>) = assignees.iter().partition(|name| barred.contains(name));
    if is_open || kept_out.is_empty() || left.len() >= required as usize {
        return None;
    }
    let names: Vec<String> = kept_out.iter().map(|name| format!("`{name}`")).collect();
    let (names, needed) =
        (names.join(", "), if required == 1 { "nobody".to_owned() } else { format!("fewer than {required}") });
    Some(format!("{names} may not decide this (`self_approval: false`), so that of those asked {needed} can"))
}

/// The output of an approval (spec 2.4): texts are empty, not absent, when nobody decided. `before` is what its last decision
/// said that was no approval, in an earlier round.
fn approval_output(approval_id: ApprovalId, verdict: &Verdict, before: Option<&str>) -> Json {
    let comment = verdict.comments.last().cloned().unwrap_or_default();
    let mut output = Map::new();
    output.insert("approval_id".into(), json!(approval_id));
    output.insert("decision".into(), json!(verdict.decision));
    output.insert("decided_by".into(), json!(verdict.decided_by.clone().unwrap_or_default()));
    if verdict.decision == Decision::Approved {
        output.insert("approved_by".into(), json!(verdict.approved_by));
    }
    let feedback = verdict.feedback().or(before).unwrap_or_default();
    output.insert("feedback".into(), json!(feedback));
    output.insert("comment".into(), json!(comment));
    output.insert("comments".into(), json!(verdict.comments));
    output.insert("decided_at".into(), json!(verdict.decided_at));
    Json::Object(output)
}
