//! Random processes. Edges point forward, so that most are valid.

use fastrand::Rng;
use serde_json::{Value as Json, json};

/// What some sub-processes run.
pub const LEAF: &str = "
name: leaf
steps:
  - {id: leaf-work, type: agent_task, agent: someone, message: leaf, retry: {max_attempts: 2, delay: 5s, jitter: false}, compensation: {agent: someone, message: undo}}
  - {id: leaf-nap, type: timer, duration: 5s, depends_on: [leaf-work]}
  - {id: leaf-end, type: agent_task, agent: someone, message: '{{steps.leaf-work.output}}', depends_on: [leaf-nap], retry: {max_attempts: 1}}
outputs:
  - {name: text, source: '{{steps.leaf-end.output.response}}'}
";

/// A process of this name, as YAML in its JSON form.
///
/// In half of them each step depends on the one before: there changes may be requested, errors may go to handlers, and a
/// failure may stop the rest. Elsewhere the order in which siblings end would decide what that means, and it is not the
/// same in every run: a handler, say, that is downstream of one failure handles another one only if it is not too late.
pub fn random_process(name: &str, dice: &mut Rng) -> String {
    let count = dice.usize(2..=9);
    let is_chain = dice.bool();
    let steps: Vec<Json> = (0..count).map(|place| random_step(place, count, is_chain, dice)).collect();
    let outputs: Vec<Json> = (0..count)
        .map(|place| json!({"name": id(place), "source": format!("{{{{steps.{}.status}}}}", id(place))}))
        .collect();
    let stops = is_chain && dice.bool();
    json!({"name": name, "steps": steps, "outputs": outputs, "config": {"stop_on_failure": stops}}).to_string()
}

fn id(place: usize) -> String {
    format!("s{place}")
}

fn random_step(place: usize, count: usize, is_chain: bool, dice: &mut Rng) -> Json {
    let mut step = match dice.u32(0..20) {
        0..3 if place + 1 < count => gateway(place, count, dice),
        3..6 => approval(place, is_chain, dice),
        6..8 => json!({"type": "timer", "duration": format!("{}s", dice.u32(1..30))}),
        8 => json!({"type": "notification", "channel": "slack", "message": "news", "recipients": ["#news"]}),
        9..11 => json!({"type": "sub_process", "process_name": "leaf", "timeout": "10h"}),
        _ => agent_task(place, dice),
    };
    step["id"] = id(place).into();
    step["depends_on"] = depends_on(place, is_chain, dice).into();
    match dice.u32(0..10) {
        0 => step["condition"] = false.into(),
        1 | 2 if place > 0 => {
            let read = id(dice.usize(0..place));
            let status = ["completed", "failed", "skipped"][dice.usize(0..3)];
            step["condition"] = format!("steps.{read}.status == '{status}'").into();
        }
        // What is undefined when that step was skipped, so that this one fails.
        3 if place > 0 => step["condition"] = format!("steps.{}.output != 'x'", id(dice.usize(0..place))).into(),
        _ => {}
    }
    match dice.u32(0..5) {
        0 => step["on_error"] = "skip_step".into(),
        1 | 2 if is_chain && place + 1 < count => {
            let handler = id(dice.usize(place + 1..count));
            step["on_error"] = json!({"action": "goto_step", "target_step": handler});
        }
        _ => {}
    }
    if dice.u32(0..8) == 0 {
        step["run_if_skipped"] = true.into();
    }
    step
}

fn depends_on(place: usize, is_chain: bool, dice: &mut Rng) -> Vec<String> {
    if place == 0 {
        return Vec::new();
    }
    if is_chain {
        return vec![id(place - 1)];
    }
    let mut before: Vec<String> = (0..dice.u32(0..3)).map(|_| id(dice.usize(0..place))).collect();
    before.sort_unstable();
    before.dedup();
    before
}

fn agent_task(place: usize, dice: &mut Rng) -> Json {
    let message = match place {
        0 => "begin".to_owned(),
        _ => format!("after {{{{steps.{}.output.response | default('nothing')}}}}", id(dice.usize(0..place))),
    };
    let retry = json!({"max_attempts": dice.u32(1..4), "delay": "5s", "jitter": false});
    let mut step = json!({"type": "agent_task", "agent": "someone", "message": message, "retry": retry});
    if dice.bool() {
        step["compensation"] =
            json!({"agent": "someone", "message": "undo", "retry": {"max_attempts": 2, "delay": "5s"}});
    }
    step
}

fn gateway(place: usize, count: usize, dice: &mut Rng) -> Json {
    let gateway_type = ["exclusive", "inclusive", "parallel"][dice.usize(0..3)];
    let routes: Vec<Json> = (0..dice.u32(1..4))
        .map(|_| {
            let mut route = json!({"target": id(dice.usize(place + 1..count))});
            match dice.u32(0..3) {
                0 => route["condition"] = "false".into(),
                1 if place > 0 => {
                    let read = id(dice.usize(0..place));
                    route["condition"] = format!("steps.{read}.status == 'completed'").into();
                }
                _ => {}
            }
            route
        })
        .collect();
    let mut step = json!({"type": "gateway", "gateway_type": gateway_type, "routes": routes});
    if dice.bool() {
        step["default_route"] = id(dice.usize(place + 1..count)).into();
    }
    step
}

fn approval(place: usize, is_chain: bool, dice: &mut Rng) -> Json {
    let timeout_action = ["reject", "approve", "skip"][dice.usize(0..3)];
    let on_reject = ["fail", "continue"][dice.usize(0..2)];
    let mut step = json!({
        "type": "human_approval",
        "title": "May it?",
        "timeout": "60s",
        "timeout_action": timeout_action,
        "on_reject": on_reject,
    });
    if is_chain && place > 0 && dice.bool() {
        step["on_changes_requested"] = json!({"rerun": id(dice.usize(0..place)), "max": 2});
    }
    step
}
