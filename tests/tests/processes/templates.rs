//! The templates that come with the program: each is valid as it comes, and the files under `tests/templates` play every
//! step of it.

use std::collections::{BTreeMap, BTreeSet};

use procession_application::{
    engine::EngineSettings,
    templates::{TemplateFilter, TemplateSource},
};
use procession_testing::{ScriptedAgents, Stage};

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
