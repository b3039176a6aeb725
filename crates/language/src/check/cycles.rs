//! Steps that wait for each other: every circle is named once, at the place that closes it (spec 1.11, 3.2).

use super::{Written, arrows};
use crate::{
    code::Code,
    lower::{Lowering, MentionKind, Owner},
    problem::Problem,
};
use procession_domain::definition::{Step, StepIndex, StepKind, all_cycles};

/// Reports every circle.
pub(super) fn report_cycles<'d>(cx: &mut Lowering<'d>, steps: &[Step], written: &Written<'_, 'd>) {
    for cycle in all_cycles(steps) {
        if cx.is_given_up() {
            return;
        }
        let problem = explain(cx, steps, &cycle, written);
        cx.problems.push(problem);
    }
}

/// Why one step waits for another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Plain,
    Route,
    Handler,
    Read,
}

fn explain<'d>(cx: &mut Lowering<'d>, steps: &[Step], cycle: &[StepIndex], written: &Written<'_, 'd>) -> Problem {
    // Each step is followed by the next one, and the last by the first.
    let pairs: Vec<(StepIndex, StepIndex)> = cycle.iter().copied().zip(cycle.iter().copied().cycle().skip(1)).collect();
    let links: Vec<Link> = pairs.iter().map(|(source, target)| link(steps, *source, *target)).collect();
    let mut closed = cycle.to_vec();
    closed.extend(cycle.first());
    let circle = arrows(steps, &closed);
    let pick = |wanted: &dyn Fn(Link) -> bool| {
        let chosen = || pairs.iter().zip(&links).filter(|(_, link)| wanted(**link)).map(|(pair, _)| *pair);
        // The edge that goes back in the text is the one that closes the circle.
        chosen().find(|(source, target)| target <= source).or_else(|| chosen().next())
    };
    if let Some((source, target)) = pick(&|link| link == Link::Read) {
        return read_cycle(cx, steps, source, target, &circle, written);
    }
    if let Some((source, target)) = pick(&|link| matches!(link, Link::Route | Link::Handler)) {
        return leads_back(steps, source, target, &circle, written);
    }
    let (source, target) = pairs.last().copied().unwrap_or((0, 0));
    let message = if source == target {
        format!("`{}` depends on itself", steps[source].id)
    } else {
        format!("these steps depend on each other in a cycle: {circle}")
    };
    at_mention(Code::DependencyCycle, message, written, target, &steps[source], |kind| kind == MentionKind::DependsOn)
}

fn link(steps: &[Step], source: StepIndex, target: StepIndex) -> Link {
    let (from, to) = (&steps[source], &steps[target]);
    let is_route = match &from.kind {
        StepKind::Gateway(gateway) => {
            let mut targets = gateway.routes.iter().map(|route| &route.target).chain(&gateway.default_route);
            targets.any(|route| *route == to.id)
        }
        StepKind::AgentTask(_)
        | StepKind::HumanApproval(_)
        | StepKind::Timer(_)
        | StepKind::Notification(_)
        | StepKind::SubProcess(_) => false,
    };
    if is_route {
        Link::Route
    } else if to.depends_on.contains(&from.id) {
        Link::Plain
    } else if from.handler() == Some(&to.id) {
        Link::Handler
    } else {
        Link::Read
    }
}

fn read_cycle<'d>(
    cx: &mut Lowering<'d>,
    steps: &[Step],
    source: StepIndex,
    reader: StepIndex,
    circle: &str,
    written: &Written<'_, 'd>,
) -> Problem {
    let (source_id, reader_id) = (&steps[source].id, &steps[reader].id);
    let message = format!(
        "`{reader_id}` reads `{source_id}`, so it would wait for it, but `{source_id}` waits for `{reader_id}`: {circle}"
    );
    let read = written
        .facts
        .steps
        .iter()
        .find(|read| read.step == source && written.texts[read.text].owner == Owner::Step(reader));
    let reader = &written.steps[reader];
    match read {
        Some(read) => {
            let text = &written.texts[read.text];
            Problem::new(Code::ReadCycle, cx.place(text, &read.range), message).at(&text.path)
        }
        None => Problem::new(Code::ReadCycle, reader.id_span, message).at(&reader.path),
    }
}

fn leads_back(
    steps: &[Step],
    source: StepIndex,
    target: StepIndex,
    circle: &str,
    written: &Written<'_, '_>,
) -> Problem {
    let (source_id, target_id) = (&steps[source].id, &steps[target].id);
    if source == target {
        let message = format!("`{source_id}` leads to itself; a step runs once");
        return at_mention(Code::LeadsBack, message, written, source, &steps[target], leads_on);
    }
    let what = if steps[source].handler() == Some(target_id) { "the error handler" } else { "a route" };
    let message = format!(
        "{what} of `{source_id}` leads back to `{target_id}`, which comes before it ({circle}); steps run once: to have work done again, let a human_approval ask for it with `on_changes_requested: {{rerun: {target_id}}}`"
    );
    at_mention(Code::LeadsBack, message, written, source, &steps[target], leads_on)
}

const fn leads_on(kind: MentionKind) -> bool {
    matches!(kind, MentionKind::Route | MentionKind::DefaultRoute | MentionKind::Handler)
}

/// The problem at the place where one step names another.
fn at_mention(
    code: Code,
    message: String,
    written: &Written<'_, '_>,
    naming: StepIndex,
    named: &Step,
    wanted: impl Fn(MentionKind) -> bool,
) -> Problem {
    let lowered = &written.steps[naming];
    let mention =
        lowered.mentions.iter().find(|(kind, mention)| wanted(*kind) && mention.id.as_ref() == Some(&named.id));
    match mention {
        Some((_, mention)) => Problem::new(code, mention.span, message).at(&mention.path),
        None => Problem::new(code, lowered.id_span, message).at(&lowered.path),
    }
}
