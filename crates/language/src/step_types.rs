//! Which types of steps a text uses, also one that makes no definition yet, such as a template.

use procession_yaml::{Kind, Reading, Source};

/// The types of the steps in a text, in their order, each once; none of what can't be read.
pub fn step_types(yaml: &str) -> Vec<String> {
    let source = Source::new(yaml);
    let document = procession_yaml::read(&source, Reading::default());
    let mut types: Vec<String> = Vec::new();
    let steps = document.root.as_ref().and_then(|root| root.get("steps"));
    let Some(Kind::List(steps)) = steps.map(|steps| &steps.value.kind) else { return types };
    for step in steps {
        let written = step.get("type").and_then(|entry| entry.value.scalar_text());
        // A step with an agent and no type is an agent's (spec 1.2).
        let step_type = written.or_else(|| step.get("agent").map(|_| "agent_task"));
        if let Some(step_type) = step_type.filter(|step_type| !types.iter().any(|known| known == step_type)) {
            types.push(step_type.to_owned());
        }
    }
    types
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_once_in_the_order_of_the_steps() {
        let yaml = "steps:\n- {id: a, type: timer}\n- {id: b, agent: x}\n- {id: c, type: timer}\n- {id: d}\n";
        assert_eq!(step_types(yaml), ["timer", "agent_task"]);
        for odd in ["", "steps: 3", "- a", "steps: [1, {type: [x]}]"] {
            assert_eq!(step_types(odd), [] as [&str; 0], "{odd}");
        }
    }
}
