//! Making a process's text from a template.

use indexmap::IndexMap;
use procession_domain::value::{Json, ProcessName};
use procession_language::{FillError, Filling, fill};
use serde_json::Map;

use super::TemplateFailure;
use crate::ports::ProcessTemplate;

/// One thing wrong with what a template was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// What it is about, such as `parameters.topic`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// The template's text as a process of this name, or with the name still open, with these parameters; all problems at once.
pub(super) fn filled(
    template: &ProcessTemplate,
    name: Option<&str>,
    given: &Map<String, Json>,
) -> Result<String, TemplateFailure> {
    let mut problems = Vec::new();
    let name = name.map(ProcessName::new).transpose();
    let name = name.map_err(|error| problems.push(TemplateProblem::new("name", error.to_string())));
    let schema = &template.parameters;
    for unknown in given.keys().filter(|name| !schema.fields.contains_key(*name)) {
        let known: Vec<&str> = schema.fields.keys().map(String::as_str).collect();
        let message = match known.as_slice() {
            [] => "is no parameter: the template has none".to_owned(),
            known => format!("is no parameter of the template, which has {}", known.join(", ")),
        };
        problems.push(TemplateProblem::new(format!("parameters.{unknown}"), message));
    }
    let known: Map<String, Json> = given
        .iter()
        .filter(|(name, _)| schema.fields.contains_key(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let checked = schema.check(&Json::Object(known)).map_err(|found| {
        let problem = |problem: procession_domain::definition::InputProblem| {
            TemplateProblem::new(format!("parameters.{}", problem.field), problem.message)
        };
        problems.extend(found.into_iter().map(problem));
    });
    let (Ok(name), Ok(checked)) = (name, checked) else { return Err(TemplateFailure::Unfit(problems)) };
    if !problems.is_empty() {
        return Err(TemplateFailure::Unfit(problems));
    }
    let given = checked.input.as_object().cloned().unwrap_or_default();
    // What is not required and was not given is nothing.
    let value = |name: &String| (name.clone(), given.get(name).cloned().unwrap_or(Json::Null));
    let parameters = schema.fields.keys().map(value).collect();
    filled_with(template, name.as_ref(), &parameters)
}

/// The template's text with the defaults of its parameters; those without one stay as they are.
pub(super) fn with_defaults(template: &ProcessTemplate, name: Option<&ProcessName>) -> Result<String, TemplateFailure> {
    let default = |(name, field): (&String, &procession_domain::definition::InputField)| {
        let value = field.default.clone().or_else(|| field.one_of.first().cloned());
        value.map(|value| (name.clone(), value))
    };
    let parameters = template.parameters.fields.iter().filter_map(default).collect();
    filled_with(template, name, &parameters)
}

/// A name for a process that nobody keeps.
#[expect(clippy::expect_used, reason = "a constant that fits the rules of names")]
pub(super) fn sample_name() -> ProcessName {
    ProcessName::new("template-preview").expect("a process name")
}

fn filled_with(
    template: &ProcessTemplate,
    name: Option<&ProcessName>,
    parameters: &IndexMap<String, Json>,
) -> Result<String, TemplateFailure> {
    let filled = fill(&template.definition_yaml, &Filling { name, parameters });
    filled.map_err(|error: FillError| {
        TemplateFailure::Unfit(vec![TemplateProblem::new("definition_yaml", format!("can't be filled: {error}"))])
    })
}

impl TemplateProblem {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}
