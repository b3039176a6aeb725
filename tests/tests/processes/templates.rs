//! The templates that come with the program: each is valid as it comes, and the files under `tests/templates` play every
//! step of it.

use std::collections::{BTreeMap, BTreeSet};

use procession_application::{
    engine::EngineSettings,
    templates::{TemplateFailure, TemplateFilter, TemplateSource},
};
use procession_domain::{
    definition::{Definition, InputType},
    value::Json,
};
use procession_testing::{ScriptedAgents, Stage};
use serde_json::{Map, json};

use super::case::all;

#[test]
fn every_template_is_valid_and_every_step_of_it_is_played() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let agents = |clock| ScriptedAgents::new(clock, BTreeMap::new());
        let stage = Stage::in_memory(agents, EngineSettings::default()).await;
        let filter = TemplateFilter { source: Some(TemplateSource::Bundled), ..TemplateFilter::default() };
        let bundled = stage.templates.list(&stage.system, &filter).await.unwrap();
        assert!(bundled.len() >= 10, "{}", bundled.len());
        for shown in bundled {
            let id = shown.id();
            let preview = stage.templates.preview(&stage.system, &id).await.unwrap();
            let errors: Vec<_> = preview.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
            assert!(errors.is_empty(), "{id}: {errors:#?}");
            assert!(preview.yaml.contains("{{name}}") && !preview.yaml.contains("{{param."), "{id}: {}", preview.yaml);
            let definition = preview.definition.unwrap();
            let mut played = BTreeSet::new();
            for case in all().into_iter().filter(|case| case.template.as_ref() == Some(&id)) {
                let ends = case.expect.steps.into_iter();
                played.extend(ends.filter(|(_, end)| end.starts_with("completed")).map(|(step, _)| step));
            }
            let steps: BTreeSet<String> = definition.steps().iter().map(|step| step.id.to_string()).collect();
            assert_eq!(played, steps, "{id}");
        }
    });
}

/// Values that would be more than values if they were put into the text as they are.
const EVIL: [&str; 8] = [
    "x\n  - id: evil\n    type: agent_task\n    agent: evil\n    message: m",
    "\"\nsteps: []\n#",
    "'\n- x: 'y",
    "{{ steps.evil.output }} {% for x in y %} {# c #}",
    "x' or true or '",
    "\" == \"\" or \"",
    "*alias &anchor !tag | > %",
    "}}{{param.evil}}{{name}}",
];

#[test]
fn no_value_of_a_parameter_changes_what_a_template_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let agents = |clock| ScriptedAgents::new(clock, BTreeMap::new());
        let stage = Stage::in_memory(agents, EngineSettings::default()).await;
        let filter = TemplateFilter { source: Some(TemplateSource::Bundled), ..TemplateFilter::default() };
        let mut taken = 0;
        for shown in stage.templates.list(&stage.system, &filter).await.unwrap() {
            let id = shown.id();
            let whole = stage.templates.preview(&stage.system, &id).await.unwrap().definition.unwrap();
            let texts = shown
                .template
                .parameters
                .fields
                .iter()
                .filter(|(_, field)| field.field_type == Some(InputType::String) && field.one_of.is_empty());
            for (name, _) in texts {
                for evil in EVIL {
                    let given: Map<String, Json> = [(name.clone(), json!(evil))].into_iter().collect();
                    let preview = match stage.templates.preview_with(&stage.system, &id, Some("mine"), &given).await {
                        Ok(preview) => preview,
                        Err(TemplateFailure::Unfit(_)) => continue,
                        Err(other) => panic!("{id}, {name}: {other}"),
                    };
                    // What the check refuses makes no process.
                    let Some(definition) = preview.definition else { continue };
                    assert_eq!(shape(&definition), shape(&whole), "{id}, {name}: {evil}\n{}", preview.yaml);
                    assert_eq!(definition.name().as_str(), "mine", "{id}, {name}: {evil}");
                    taken += 1;
                }
            }
        }
        assert!(taken > 0, "no value was taken at all");
    });
}

/// The steps, in their order, with what they are and what they follow.
fn shape(definition: &Definition) -> Vec<String> {
    let step = |step: &procession_domain::definition::Step| {
        format!("{} {:?} after {:?}", step.id, step.step_type(), step.depends_on)
    };
    definition.steps().iter().map(step).collect()
}
