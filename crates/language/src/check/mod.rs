//! Checks that need the whole document: the steps that are named, their order, what the texts read, what the server
//! knows of other processes.

mod approvals;
mod cycles;
mod fields;
mod gateways;
mod mentions;
mod outputs_of;
mod processes;
mod reading;
mod references;
mod renames;
mod required_input;
mod schedules;
mod statuses;
mod texts;
mod upstream;

use procession_domain::definition::{
    Definition, DefinitionContent, Graph, GraphError, Reads, Step, StepIndex, StepKind,
};
use procession_yaml::Span;

use self::reading::Facts;
use crate::{
    code::Code,
    lower::{Lowered, LoweredStep, Lowering, Owner, TextUse},
    problem::Problem,
};

/// Finishes the checks of a lowered document; the definition comes back if there is no error.
///
/// Of a document that a syntax error has cut off, only what does not depend on its end is reported.
pub(crate) fn check(cx: &mut Lowering<'_>, mut lowered: Lowered, is_cut_off: bool) -> Option<Definition> {
    let texts = std::mem::take(&mut cx.texts);
    let known = mentions::known_steps(&lowered.steps);
    let facts = texts::read_texts(cx, &texts, &lowered, &known);
    if is_cut_off {
        cx.problems.retain(|problem| !depends_on_the_end(problem.code));
        return None;
    }
    renames::rename_everywhere(cx, &lowered.steps, &known, &facts);
    let gaps = mentions::check_mentions(cx, &mut lowered.steps, &known);
    set_reads(&mut lowered.steps, &facts, &texts);
    let mut steps = take_steps(&mut lowered.steps);
    let written = Written { steps: &lowered.steps, texts: &texts, facts: &facts };
    let mut required_input = Vec::new();
    let mut graph = Graph::build(&steps);
    if matches!(graph, Err(GraphError::RerunNotUpstream { .. })) {
        approvals::check_reruns(cx, &mut steps, &written);
        graph = Graph::build(&steps);
    }
    if let Ok(graph) = &graph {
        check_order(cx, &mut steps, graph, &written, &gaps);
        required_input = required_input::required_input(&steps, graph, &lowered, &facts, &texts);
    } else {
        cycles::report_cycles(cx, &steps, &written);
    }
    statuses::check_statuses(cx, &steps, &written, lowered.config.stop_on_failure);
    processes::check_processes(cx, &steps, &written, lowered.name.as_ref());
    schedules::check_inputs(cx, &lowered, &required_input);
    report_exposed_without_input(cx, &lowered);
    let output_reads = reads_of(&steps, &facts, &texts, Owner::Outputs);
    if cx.problems.has_errors() {
        return None;
    }
    let content = DefinitionContent {
        name: lowered.name?,
        version: lowered.version,
        description: lowered.description,
        input: lowered.input,
        required_input,
        triggers: lowered.triggers.into_iter().map(|lowered| lowered.trigger).collect(),
        steps,
        outputs: lowered.outputs,
        config: lowered.config,
        webhooks: lowered.webhooks,
        labels: lowered.labels,
        expose: lowered.expose,
        output_reads,
    };
    match graph {
        Ok(graph) => Some(Definition::with_graph(content, graph)),
        Err(error) => {
            // The domain's own checks are the last guard (they should find nothing that was not found here).
            let problem = Problem::new(Code::Refused, Span::default(), error.to_string());
            cx.problems.push(problem);
            None
        }
    }
}

/// How the steps are written, beside the steps themselves.
struct Written<'a, 'd> {
    steps: &'a [LoweredStep],
    texts: &'a [TextUse<'d>],
    facts: &'a Facts,
}

/// Problems that may vanish with the rest of a document.
const fn depends_on_the_end(code: Code) -> bool {
    matches!(
        code,
        Code::MissingKey
            | Code::NoRoutes
            | Code::TypeAssumed
            | Code::NoDestination
            | Code::KeyWithoutEffect
            | Code::TooManyApprovals
            | Code::UnknownStep
            | Code::UnknownInput
            | Code::UnknownVariable
            | Code::UnknownField
            | Code::ErrorOutsideHandler
            | Code::OwnStep
    )
}

/// Checks of steps that wait for each other without a circle. Nothing is said that would follow from a misspelt name.
fn check_order<'d>(
    cx: &mut Lowering<'d>,
    steps: &mut [Step],
    graph: &Graph,
    written: &Written<'_, 'd>,
    gaps: &mentions::Gaps,
) {
    if gaps.has_unknown_targets {
        return;
    }
    upstream::check_upstream(cx, steps, graph, written, &gaps.upstream);
    approvals::choose_on_reject(cx, steps, graph, written);
    gateways::check_bystanders(cx, steps, graph, written);
    gateways::check_reached(cx, steps, graph, written);
}

/// Moves the steps out of their notes.
fn take_steps(lowered: &mut [LoweredStep]) -> Vec<Step> {
    lowered
        .iter_mut()
        .map(|lowered| {
            let id = lowered.step.id.clone();
            let empty = Step::new(
                id,
                StepKind::Timer(procession_domain::definition::Timer::Duration(
                    procession_domain::definition::Template::unplaced("0s"),
                )),
            );
            std::mem::replace(&mut lowered.step, empty)
        })
        .collect()
}

/// Notes which steps each step's texts, and those of its compensation, read.
fn set_reads(steps: &mut [LoweredStep], facts: &Facts, texts: &[TextUse<'_>]) {
    let ids: Vec<_> = steps.iter().map(|lowered| lowered.step.id.clone()).collect();
    let mut reads = |owner: Owner, change: &dyn Fn(&mut Reads)| match owner {
        Owner::Step(index) => change(&mut steps[index].step.reads),
        Owner::Compensation(index) => {
            if let Some(compensation) = &mut steps[index].step.compensation {
                change(&mut compensation.reads);
            }
        }
        Owner::Outputs => {}
    };
    for read in &facts.steps {
        let id = &ids[read.step];
        reads(texts[read.text].owner, &|reads| {
            reads.steps.insert(id.clone());
        });
    }
    for text in &facts.dynamic {
        reads(texts[*text].owner, &|reads| reads.dynamic = true);
    }
}

fn reads_of(steps: &[Step], facts: &Facts, texts: &[TextUse<'_>], owner: Owner) -> Reads {
    let is_owned = |text: usize| texts[text].owner == owner;
    Reads {
        steps: facts.steps.iter().filter(|read| is_owned(read.text)).map(|read| steps[read.step].id.clone()).collect(),
        dynamic: facts.dynamic.iter().any(|text| is_owned(*text)),
    }
}

/// Agents see the declared inputs; without any, names are guessed from the texts (spec 7).
fn report_exposed_without_input(cx: &mut Lowering<'_>, lowered: &Lowered) {
    let is_exposed = lowered.expose.as_ref().is_some_and(|expose| expose.mcp_enabled);
    if is_exposed && lowered.input.is_none() {
        let message = "agents are told of no inputs but those that the texts read; declare them under `input`";
        let problem = Problem::new(Code::ExposedWithoutInput, lowered.expose_span, message);
        cx.problems.push(problem.at("expose"));
    }
}

/// `` `a` → `b` ``, with the ids of steps; of very many the first and the last.
fn arrows(steps: &[Step], indices: &[StepIndex]) -> String {
    const MOST_NAMED: usize = 40;
    let name = |index: &StepIndex| format!("`{}`", steps[*index].id);
    let mut names: Vec<String> = indices.iter().take(MOST_NAMED).map(name).collect();
    if let Some(last) = indices.last().filter(|_| indices.len() > MOST_NAMED) {
        names.push(format!("… ({} more)", indices.len() - MOST_NAMED - 1));
        names.push(name(last));
    }
    names.join(" → ")
}
