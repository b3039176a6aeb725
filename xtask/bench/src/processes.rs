//! The processes that are run, as their authors would write them.

use std::fmt::Write as _;

/// Steps one after the other, each telling its agent what the one before said.
pub fn chain(name: &str, steps: usize) -> String {
    let mut yaml = format!("name: {name}\nsteps:\n");
    for step in 0..steps {
        let _ = write!(yaml, "  - id: s{step}\n    type: agent_task\n    agent: echo\n");
        match step.checked_sub(1) {
            None => yaml.push_str("    message: 'Work on {{input.topic}}'\n"),
            Some(before) => {
                let _ =
                    write!(yaml, "    depends_on: s{before}\n    message: '{{{{steps.s{before}.output.response}}}}'\n");
            }
        }
    }
    yaml
}

/// A step, so many beside each other, and one that waits for them all.
pub fn fan(name: &str, width: usize) -> String {
    let mut yaml = format!("name: {name}\nsteps:\n  - {{id: first, type: agent_task, agent: echo, message: go}}\n");
    for step in 0..width {
        let _ = write!(
            yaml,
            "  - id: w{step}\n    type: agent_task\n    agent: echo\n    depends_on: first\n    \
             message: 'Part {step} of {{{{steps.first.output.response}}}}'\n"
        );
    }
    yaml.push_str("  - id: last\n    type: agent_task\n    agent: echo\n    message: done\n    depends_on:\n");
    for step in 0..width {
        let _ = writeln!(yaml, "      - w{step}");
    }
    yaml
}

/// So many sub-processes one after the other.
pub fn sub_processes(name: &str, child: &str, count: usize) -> String {
    let mut yaml = format!("name: {name}\nsteps:\n");
    for step in 0..count {
        let _ = write!(yaml, "  - id: c{step}\n    type: sub_process\n    process_name: {child}\n");
        if let Some(before) = step.checked_sub(1) {
            let _ = writeln!(yaml, "    depends_on: c{before}");
        }
    }
    yaml
}

/// So many decisions that are asked for at once, and a step after all of them.
pub fn approvals(name: &str, count: usize) -> String {
    let mut yaml = format!("name: {name}\nsteps:\n");
    for step in 0..count {
        let _ = writeln!(yaml, "  - {{id: a{step}, type: human_approval, title: 'Decision {step}'}}");
    }
    yaml.push_str("  - id: last\n    type: agent_task\n    agent: echo\n    message: done\n    depends_on:\n");
    for step in 0..count {
        let _ = writeln!(yaml, "      - a{step}");
    }
    yaml
}

/// A file with something of everything: messages that read, conditions, gateways, retries, approvals.
pub fn mixed(name: &str, steps: usize) -> String {
    let mut yaml = format!("name: {name}\ninput:\n  topic: {{type: string, required: true}}\nsteps:\n");
    yaml.push_str("  - {id: s0, type: agent_task, agent: writer, message: 'Begin with {{input.topic}}'}\n");
    for step in 1..steps {
        let before = step - 1;
        let _ = match step % 10 {
            3 => write!(
                yaml,
                "  - id: s{step}\n    type: human_approval\n    depends_on: s{before}\n    \
                 title: 'Is {{{{input.topic}}}} good enough?'\n    timeout: 2h\n    timeout_action: approve\n"
            ),
            7 if step + 2 < steps => write!(
                yaml,
                "  - id: s{step}\n    type: gateway\n    depends_on: s{before}\n    routes:\n      \
                 - {{condition: 'steps.s{before}.output.score > 80', target: s{}}}\n    default_route: s{}\n",
                step + 1,
                step + 2
            ),
            _ => write!(
                yaml,
                "  - id: s{step}\n    type: agent_task\n    agent: writer\n    depends_on: s{before}\n    \
                 condition: 'input.topic != \"\" and steps.s{before}.status != \"failed\"'\n    \
                 retry: {{max_attempts: 3, initial_delay: 5s}}\n    \
                 message: |\n      Go on with {{{{input.topic}}}}, after:\n      {{{{steps.s{before}.output}}}}\n"
            ),
        };
    }
    yaml
}
