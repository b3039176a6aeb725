//! Sub-processes: do they exist, and does the process run itself through them (spec 3.6, 1.11)?

use std::{collections::HashMap, sync::Arc};

use procession_domain::{
    definition::{Definition, Step, StepKind, SubProcess},
    value::{ProcessName, Version},
};

use super::Written;
use crate::{
    code::Code,
    lower::Lowering,
    problem::Problem,
    surroundings::{Lookup, Surroundings},
};

/// How deep sub-processes may be nested (spec 3.6).
const DEEPEST: usize = 8;

/// Looks at every sub-process, and through those that are published.
pub(super) fn check_processes(
    cx: &mut Lowering<'_>,
    steps: &[Step],
    written: &Written<'_, '_>,
    own: Option<&ProcessName>,
) {
    let mut search = Search { surroundings: cx.surroundings, own, known: HashMap::new() };
    for (step, lowered) in steps.iter().zip(written.steps) {
        let StepKind::SubProcess(child) = &step.kind else { continue };
        let problem = look_at(&mut search, child).map(|(code, message)| {
            let problem = Problem::new(code, lowered.process_span, message);
            problem.at(format!("{}.process_name", lowered.path))
        });
        if let Some(problem) = problem {
            cx.problems.push(problem);
        }
    }
}

fn look_at(search: &mut Search<'_>, child: &SubProcess) -> Option<(Code, String)> {
    let name = &child.process_name;
    if Some(name) == search.own {
        let message = format!("`{name}` runs itself as a sub-process and would never end");
        return Some((Code::RecursiveProcess, message));
    }
    let version = child.version.map(|version| format!(" in version {version}")).unwrap_or_default();
    match search.surroundings.process(name, child.version) {
        Lookup::Unknown => None,
        Lookup::Missing => {
            let message = format!(
                "the server knows no process `{name}`{version}; the step fails if it is reached before one is published"
            );
            Some((Code::UnknownProcess, message))
        }
        Lookup::Draft => {
            let message =
                format!("the process `{name}`{version} is not published; the step fails if it is reached before it is");
            Some((Code::UnpublishedProcess, message))
        }
        Lookup::Found(_) => match search.below(name, child.version, &mut Vec::new()) {
            Below::Recursive(chain) => {
                let own = search.own.map_or("", |own| own);
                let message =
                    format!("`{own}` runs itself through sub-processes and would never end: `{own}` → {chain}");
                Some((Code::RecursiveProcess, message))
            }
            Below::Deep(depth) if depth >= DEEPEST => {
                let message = format!("below `{name}` sub-processes are nested more than {DEEPEST} deep");
                Some((Code::ProcessesNestedTooDeep, message))
            }
            Below::Deep(_) => None,
        },
    }
}

struct Search<'s> {
    surroundings: &'s dyn Surroundings,
    own: Option<&'s ProcessName>,
    known: HashMap<(ProcessName, Option<Version>), Below>,
}

/// What lies below a process.
#[derive(Clone)]
enum Below {
    /// The process that is being checked, along this chain.
    Recursive(String),
    /// So many further levels of sub-processes, 0 if it has none.
    Deep(usize),
}

impl Search<'_> {
    /// What lies below a process; `path` are those above it.
    fn below(&mut self, name: &ProcessName, version: Option<Version>, path: &mut Vec<ProcessName>) -> Below {
        // Others may run themselves in a circle, too; as deep as that any circle is too deep.
        if path.contains(name) || path.len() > DEEPEST {
            return Below::Deep(DEEPEST + 1);
        }
        let key = (name.clone(), version);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let Lookup::Found(definition) = self.surroundings.process(name, version) else {
            return Below::Deep(0);
        };
        path.push(name.clone());
        let below = self.deepest(name, &definition, path);
        path.pop();
        self.known.insert(key, below.clone());
        below
    }

    fn deepest(&mut self, name: &ProcessName, definition: &Arc<Definition>, path: &mut Vec<ProcessName>) -> Below {
        let mut deepest = 0;
        for step in definition.steps() {
            let StepKind::SubProcess(child) = &step.kind else { continue };
            if Some(&child.process_name) == self.own {
                return Below::Recursive(format!("`{name}` → `{}`", child.process_name));
            }
            match self.below(&child.process_name, child.version, path) {
                Below::Recursive(chain) => return Below::Recursive(format!("`{name}` → {chain}")),
                Below::Deep(depth) => deepest = deepest.max(depth + 1),
            }
        }
        Below::Deep(deepest)
    }
}
