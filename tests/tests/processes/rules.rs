//! What holds for the events of every execution that has ended, whatever its case says of them.

use std::collections::{BTreeMap, BTreeSet};

use procession_domain::{
    event::{ApprovalEvent, AttemptEvent, Direction, Event, ProcessEvent, Recorded},
    value::StepId,
};

/// The rules that these events break.
pub fn broken_rules(events: &[Recorded]) -> Vec<String> {
    let mut broken = Vec::new();
    check_order(events, &mut broken);
    check_frame(events, &mut broken);
    check_steps(events, &mut broken);
    check_attempts(events, &mut broken);
    check_approvals(events, &mut broken);
    broken
}

/// Numbers without gaps, times that never go back (spec 3.4, 3.11).
fn check_order(events: &[Recorded], broken: &mut Vec<String>) {
    for (expected, event) in (1..).zip(events) {
        if event.sequence != expected {
            broken.push(format!("the event {} has the number {}", expected, event.sequence));
        }
    }
    if events.windows(2).any(|pair| pair[0].at > pair[1].at) {
        broken.push("an event is older than the one before it".into());
    }
}

/// It is created first, ends once, and records nothing after that but costs that come late (spec 3.3, 3.7).
fn check_frame(events: &[Recorded], broken: &mut Vec<String>) {
    if !matches!(events.first().map(|first| &first.event), Some(Event::Process(ProcessEvent::Created(_)))) {
        broken.push("its first event is not ExecutionCreated".into());
    }
    let ends: Vec<usize> = (0..events.len()).filter(|place| events[*place].event.ends_execution()).collect();
    let [end] = ends[..] else {
        broken.push(format!("it ends {} times", ends.len()));
        return;
    };
    for late in &events[end + 1..] {
        if !matches!(late.event, Event::Attempt(_, _, AttemptEvent::CostRecorded { .. })) {
            broken.push(format!("{} comes after its end", late.event.event_type()));
        }
    }
}

/// A step ends once in its last round, and at most once in each round before (spec 3.1, 3.5).
fn check_steps(events: &[Recorded], broken: &mut Vec<String>) {
    let mut ended: BTreeMap<String, u32> = BTreeMap::new();
    for event in events.iter().map(|recorded| &recorded.event) {
        let Some(step) = event.step_id().map(ToString::to_string) else { continue };
        match event.event_type() {
            "StepReset" => {
                ended.insert(step, 0);
            }
            "StepCompleted" | "StepFailed" | "StepSkipped" | "StepCancelled" | "StepReused" => {
                let times = ended.entry(step.clone()).or_default();
                *times += 1;
                if *times > 1 {
                    broken.push(format!("`{step}` ends twice"));
                }
            }
            "StepStarted" | "StepResumed" | "StepRetrying" | "StepWaiting" | "StepWaitingApproval"
                if ended.get(&step) == Some(&1) =>
            {
                broken.push(format!("`{step}` goes on after its end with {}", event.event_type()));
            }
            _ => {}
        }
    }
}

/// Attempt numbers rise and are never used twice, except by a call that is sent again (spec 3.8).
fn check_attempts(events: &[Recorded], broken: &mut Vec<String>) {
    let mut newest: BTreeMap<(StepId, Direction), u32> = BTreeMap::new();
    for recorded in events {
        let Event::Attempt(step, direction, AttemptEvent::Started(start)) = &recorded.event else { continue };
        let known = newest.entry((step.clone(), *direction)).or_default();
        let fits = if start.again { start.attempt == *known } else { start.attempt == *known + 1 };
        if !fits {
            broken.push(format!("the attempt {} of `{step}` follows {known}", start.attempt));
        }
        *known = start.attempt;
    }
}

/// A request is asked once and settled at most once (spec 3.1, 3.5).
fn check_approvals(events: &[Recorded], broken: &mut Vec<String>) {
    let (mut asked, mut settled) = (BTreeSet::new(), BTreeSet::new());
    for recorded in events {
        match &recorded.event {
            Event::Approval(step, id, ApprovalEvent::Requested { .. }) if !asked.insert(*id) => {
                broken.push(format!("`{step}` asks twice under one id"));
            }
            Event::Approval(step, id, ApprovalEvent::Decided(_)) if !asked.contains(id) || !settled.insert(*id) => {
                broken.push(format!("the approval of `{step}` is settled unasked or twice"));
            }
            _ => {}
        }
    }
}
