//! What a user gives for a template, checked.

use procession_domain::{definition::InputSchema, value::Timestamp};
use procession_language::mentioned_parameters;

use super::{TemplateFailure, TemplateProblem, filling};
use crate::{
    access::Principal,
    definitions::{DefinitionFailure, Definitions},
    ports::{ProcessTemplate, Visibility},
};

/// The most characters of a template's name.
const LONGEST_NAME: usize = 100;

/// A template as a user gives it. What is `None` has a default, or stays what it was.
#[derive(Debug, Clone, Default)]
pub struct TemplateDraft {
    /// Its name; a new version keeps the one it has.
    pub name: Option<String>,
    /// The text.
    pub definition_yaml: String,
    /// What lists call it; the name by default.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The shelf; `general` by default.
    pub category: Option<String>,
    /// How much there is to it; `simple` by default.
    pub complexity: Option<String>,
    /// Words to find it by.
    pub tags: Option<Vec<String>>,
    /// What one would use it for.
    pub use_cases: Option<Vec<String>>,
    /// Its version; by default 1.0.0, and the next major one for a new version.
    pub version: Option<String>,
    /// Who sees it; everyone by default.
    pub visibility: Option<Visibility>,
    /// Its parameters; none by default.
    pub parameters: Option<InputSchema>,
}

impl TemplateDraft {
    /// The template, if all of it fits and its text makes a process as far as its parameters have defaults.
    pub(super) async fn checked(
        self,
        definitions: &Definitions,
        by: &Principal,
        now: Timestamp,
        before: Option<&ProcessTemplate>,
    ) -> Result<ProcessTemplate, TemplateFailure> {
        let template = self.template(by, now, before);
        definitions.check_size(&template.definition_yaml)?;
        let problems = problems_of(&template);
        if !problems.is_empty() {
            return Err(TemplateFailure::Unfit(problems));
        }
        check_text(&template, definitions).await?;
        Ok(template)
    }

    fn template(self, by: &Principal, now: Timestamp, before: Option<&ProcessTemplate>) -> ProcessTemplate {
        let author = by.author();
        let trimmed = |text: String| text.trim().to_owned();
        let name = before.map_or_else(|| trimmed(self.name.unwrap_or_default()), |before| before.name.clone());
        let kept = |text: Option<String>, old: fn(&ProcessTemplate) -> &String, default: &str| {
            text.unwrap_or_else(|| before.map_or_else(|| default.to_owned(), |before| old(before).clone()))
        };
        ProcessTemplate {
            display_name: self
                .display_name
                .filter(|text| !text.trim().is_empty())
                .unwrap_or_else(|| before.map_or_else(|| name.clone(), |before| before.display_name.clone())),
            description: kept(self.description, |before| &before.description, ""),
            category: kept(self.category, |before| &before.category, "general"),
            complexity: kept(self.complexity, |before| &before.complexity, "simple"),
            version: self.version.unwrap_or_else(|| before.map_or_else(first_version, next_version)),
            author: before
                .map_or_else(|| author.clone().unwrap_or_else(|| "User".into()), |before| before.author.clone()),
            tags: self.tags.or_else(|| before.map(|before| before.tags.clone())).unwrap_or_default(),
            use_cases: self.use_cases.or_else(|| before.map(|before| before.use_cases.clone())).unwrap_or_default(),
            visibility: self.visibility.or_else(|| before.map(|before| before.visibility)).unwrap_or_default(),
            parameters: self.parameters.or_else(|| before.map(|before| before.parameters.clone())).unwrap_or_default(),
            definition_yaml: self.definition_yaml,
            owner: before.map_or_else(|| by.user().map(str::to_owned), |before| before.owner.clone()),
            created_by: before.map_or(author, |before| before.created_by.clone()),
            created_at: before.map_or(now, |before| before.created_at),
            updated_at: now,
            name,
        }
    }
}

fn first_version() -> String {
    "1.0.0".to_owned()
}

fn next_version(before: &ProcessTemplate) -> String {
    let major = before.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    format!("{}.0.0", major.unwrap_or(0).saturating_add(1))
}

/// What is wrong with a template, its text as a process aside.
fn problems_of(template: &ProcessTemplate) -> Vec<TemplateProblem> {
    let mut problems = Vec::new();
    let length = template.name.chars().count();
    if length == 0 || length > LONGEST_NAME {
        let message = format!("must have 1 to {LONGEST_NAME} characters");
        problems.push(TemplateProblem::new("name", message));
    } else if template.name.chars().any(char::is_control) {
        problems.push(TemplateProblem::new("name", "must have no control characters"));
    }
    for (name, field) in &template.parameters.fields {
        let path = format!("parameters.{name}");
        if mentioned_parameters(&format!("{{{{param.{name}}}}}")) != [name.clone()] {
            let message = "is no name for a parameter: use letters, digits, `_` and `-`, and begin with a letter";
            problems.push(TemplateProblem::new(path.clone(), message));
        }
        if let Some(Err(message)) = field.default.as_ref().map(|default| field.check(default)) {
            problems.push(TemplateProblem::new(format!("{path}.default"), message));
        }
    }
    for mentioned in mentioned_parameters(&template.definition_yaml) {
        if !template.parameters.fields.contains_key(&mentioned) {
            let message = format!("mentions `{{{{param.{mentioned}}}}}`, which `parameters` does not declare");
            problems.push(TemplateProblem::new("definition_yaml", message));
        }
    }
    problems
}

/// Checks that the text makes a process. Where a parameter has no default, only what can be read is certain.
async fn check_text(template: &ProcessTemplate, definitions: &Definitions) -> Result<(), TemplateFailure> {
    let is_open =
        |field: &procession_domain::definition::InputField| field.default.is_none() && field.one_of.is_empty();
    let filled = match filling::with_defaults(template, Some(&filling::sample_name())) {
        Ok(filled) => filled,
        Err(unfit) => {
            // The check says where and why it can't be read.
            let checked = definitions.checked(&template.definition_yaml).await?;
            let is_readable = checked.errors().next().is_none();
            return Err(if is_readable { unfit } else { DefinitionFailure::Invalid(checked.diagnostics).into() });
        }
    };
    let checked = definitions.checked(&filled).await?;
    let is_complete = !template.parameters.fields.values().any(is_open);
    if is_complete && checked.definition.is_none() {
        return Err(DefinitionFailure::Invalid(checked.diagnostics).into());
    }
    Ok(())
}
