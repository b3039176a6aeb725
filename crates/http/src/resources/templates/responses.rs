//! Requests and responses about templates.

use indexmap::IndexMap;
use procession_application::{
    ports::Visibility,
    templates::{ShownTemplate, TemplateDraft, TemplatePreview, TemplateSource, UsedTemplate},
};
use procession_domain::{
    definition::{Definition, InputField, InputSchema, InputType},
    value::Json as JsonValue,
};
use procession_language::step_types;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    problem::{Code, FieldError, Problem},
    wire::{Issue, Time},
};

/// The shelves on which templates stand: id, name, what stands there.
const CATEGORIES: [(&str, &str, &str); 6] = [
    ("general", "General", "Of use to everyone"),
    ("business", "Business", "Documents, invoices, decisions"),
    ("devops", "DevOps", "Code, systems, incidents"),
    ("analytics", "Analytics", "Data and reports"),
    ("support", "Support", "Customers and their questions"),
    ("content", "Content", "Texts from the idea to the reader"),
];

/// A template, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TemplateSummary {
    #[schema(example = "process:meeting-notes")]
    id: String,
    #[schema(example = "meeting-notes")]
    name: String,
    /// What lists call it.
    #[schema(example = "Meeting notes")]
    display_name: String,
    #[schema(example = "Turn the notes of a meeting into minutes and a list of tasks.")]
    description: String,
    /// The shelf on which it stands.
    #[schema(example = "general")]
    category: String,
    /// `simple`, `intermediate` or `advanced`.
    #[schema(example = "simple")]
    complexity: String,
    #[schema(example = "1.0.0")]
    version: String,
    #[schema(example = "Procession")]
    author: String,
    #[schema(example = json!(["writing", "meetings"]))]
    tags: Vec<String>,
    /// The types of its steps, in their order, each once.
    #[schema(example = json!(["agent_task"]))]
    step_types_used: Vec<String>,
    /// `bundled` if it comes with the program, `user` if a user made it.
    #[schema(example = "bundled")]
    source: &'static str,
    /// `shared`, or `private` to whoever made it.
    #[schema(example = "shared")]
    visibility: &'static str,
}

/// Templates.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TemplateListResponse {
    templates: Vec<TemplateSummary>,
    /// How many.
    #[schema(example = 11)]
    total: usize,
}

/// A template with all of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TemplateResponse {
    #[serde(flatten)]
    summary: TemplateSummary,
    /// Its text, in which `{{name}}` and `{{param.NAME}}` are filled when it is used.
    #[schema(example = "name: \"{{name}}\"\nsteps:\n  - {id: write, agent: \"{{param.writer}}\", message: Hello}\n")]
    definition_yaml: String,
    /// What one would use it for.
    #[schema(example = json!(["Minutes of a weekly meeting"]))]
    use_cases: Vec<String>,
    /// What a process made from it is made with.
    parameters: Vec<TemplateParameter>,
    /// Null for one that comes with the program.
    created_at: Option<Time>,
    /// Null for one that comes with the program.
    #[schema(example = json!(null))]
    created_by: Option<String>,
    /// Null for one that comes with the program.
    updated_at: Option<Time>,
}

/// A parameter of a template.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "writer", "type": "string", "default": "writer", "required": false, "enum": [],
    "description": "The agent that writes.",
}))]
pub(super) struct TemplateParameter {
    /// Letters, digits, `_` and `-`; `{{param.NAME}}` in the text.
    name: String,
    /// The type that its value must have.
    #[serde(rename = "type", default)]
    kind: Option<ParameterType>,
    /// Its value where none is given.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    default: Option<JsonValue>,
    /// Whether a value must be given, there being no default.
    #[serde(default)]
    required: bool,
    /// The only values allowed; none = all.
    #[serde(rename = "enum", default)]
    #[schema(value_type = Vec<serde_json::Value>)]
    one_of: Vec<JsonValue>,
    /// What it is.
    #[serde(default)]
    description: Option<String>,
}

/// The type of a parameter's value.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ParameterType {
    String,
    Number,
    Integer,
    Boolean,
    Array,
    Object,
}

/// Who sees a template.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum TemplateVisibility {
    Shared,
    Private,
}

/// A template to save, or the new version of one. What is left out of a new version stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TemplateRequest {
    /// Unique among the templates of users. A new one needs it; a new version keeps the name that there is.
    #[serde(default)]
    #[schema(example = "weekly-letter", min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Its text.
    #[schema(example = "name: \"{{name}}\"\nsteps:\n  - {id: write, agent: writer, message: Hello}\n")]
    definition_yaml: String,
    /// What lists call it; the name by default.
    #[serde(default)]
    #[schema(example = "Weekly letter")]
    display_name: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(example = "A letter to the team")]
    description: Option<String>,
    /// The shelf; `general` by default.
    #[serde(default)]
    #[schema(example = "general")]
    category: Option<String>,
    /// `simple` by default.
    #[serde(default)]
    #[schema(example = "simple")]
    complexity: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    #[schema(example = json!(["letter"]))]
    tags: Option<Vec<String>>,
    /// What one would use it for.
    #[serde(default)]
    #[schema(example = json!(["Every Friday"]))]
    use_cases: Option<Vec<String>>,
    /// Its version; 1.0.0 by default, or the next one.
    #[serde(default)]
    #[schema(example = "1.0.0")]
    version: Option<String>,
    /// Who sees it; everyone by default.
    #[serde(default)]
    visibility: Option<TemplateVisibility>,
    /// Its parameters; none by default.
    #[serde(default)]
    parameters: Option<Vec<TemplateParameter>>,
}

/// A process to make.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct UseTemplateRequest {
    /// The name of the process.
    #[schema(example = "monday-minutes", min_length = 1)]
    pub name: String,
    /// Values by the names of the template's parameters.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"language": "German"}))]
    pub parameters: Map<String, JsonValue>,
}

/// A process to look at before it is made.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PreviewRequest {
    /// The name of the process; without one it stays open, as `{{name}}`.
    #[serde(default)]
    #[schema(example = "monday-minutes", min_length = 1)]
    pub name: Option<String>,
    /// Values by the names of the template's parameters.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"language": "German"}))]
    pub parameters: Map<String, JsonValue>,
}

/// A draft that was made from a template.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsedTemplateResponse {
    #[schema(example = "Process created from template")]
    message: &'static str,
    /// The draft.
    process_id: Uuid,
    #[schema(example = "monday-minutes")]
    process_name: String,
    #[schema(example = "process:meeting-notes")]
    template_id: String,
}

/// A template that is gone.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemovedTemplateResponse {
    #[schema(example = "Template deleted")]
    pub message: &'static str,
    #[schema(example = "user:weekly-letter")]
    pub template_id: String,
}

/// The process that a template makes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PreviewResponse {
    #[schema(example = "process:meeting-notes")]
    template_id: String,
    /// What lists call the template.
    #[schema(example = "Meeting notes")]
    name: String,
    /// The text with the defaults of the parameters; `{{name}}` is still open.
    #[schema(example = "name: \"{{name}}\"\nsteps:\n  - {id: write, agent: writer, message: Hello}\n")]
    yaml_content: String,
    parameters: Vec<TemplateParameter>,
    /// Its steps and what leads from one to another; null where the defaults make no process.
    graph: Option<GraphResponse>,
    /// What a check of it has to say.
    issues: Vec<Issue>,
}

/// Steps and what leads from one to another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "nodes": [
        {"id": "minutes", "name": "minutes", "type": "agent_task", "level": 0},
        {"id": "tasks", "name": "tasks", "type": "agent_task", "level": 1},
    ],
    "edges": [{"source": "minutes", "target": "tasks", "kind": "dependency"}],
}))]
struct GraphResponse {
    nodes: Vec<GraphNode>,
    edges: Vec<GraphEdge>,
}

/// A step.
#[derive(Debug, Serialize, ToSchema)]
struct GraphNode {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The number of steps on the longest way to it.
    level: u32,
}

/// What leads from one step to another.
#[derive(Debug, Serialize, ToSchema)]
struct GraphEdge {
    source: String,
    target: String,
    /// `dependency`, `route`, `error` for a handler, or `order` where it only reads the other.
    kind: &'static str,
}

/// The shelves on which templates stand.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CategoryListResponse {
    categories: Vec<CategoryResponse>,
}

/// A shelf.
#[derive(Debug, Serialize, ToSchema)]
struct CategoryResponse {
    #[schema(example = "business")]
    id: &'static str,
    #[schema(example = "Business")]
    name: &'static str,
    #[schema(example = "Documents, invoices, decisions")]
    description: &'static str,
}

impl CategoryListResponse {
    pub fn all() -> Self {
        let category = |(id, name, description)| CategoryResponse { id, name, description };
        Self { categories: CATEGORIES.into_iter().map(category).collect() }
    }
}

impl TemplateListResponse {
    pub fn of(shown: &[ShownTemplate]) -> Self {
        Self { templates: shown.iter().map(TemplateSummary::of).collect(), total: shown.len() }
    }
}

impl TemplateSummary {
    fn of(shown: &ShownTemplate) -> Self {
        let template = &shown.template;
        Self {
            id: shown.id(),
            name: template.name.clone(),
            display_name: template.display_name.clone(),
            description: template.description.clone(),
            category: template.category.clone(),
            complexity: template.complexity.clone(),
            version: template.version.clone(),
            author: template.author.clone(),
            tags: template.tags.clone(),
            step_types_used: step_types(&template.definition_yaml),
            source: shown.source.as_str(),
            visibility: match template.visibility {
                Visibility::Shared => "shared",
                Visibility::Private => "private",
            },
        }
    }
}

impl TemplateResponse {
    pub fn of(shown: &ShownTemplate) -> Self {
        let template = &shown.template;
        let is_of_user = shown.source == TemplateSource::User;
        Self {
            summary: TemplateSummary::of(shown),
            definition_yaml: template.definition_yaml.clone(),
            use_cases: template.use_cases.clone(),
            parameters: parameters_of(&template.parameters),
            created_at: is_of_user.then(|| template.created_at.into()),
            created_by: template.created_by.clone(),
            updated_at: is_of_user.then(|| template.updated_at.into()),
        }
    }
}

impl UsedTemplateResponse {
    pub fn of(used: &UsedTemplate) -> Self {
        Self {
            message: "Process created from template",
            process_id: used.process_id.uuid(),
            process_name: used.process_name.clone(),
            template_id: used.shown.id(),
        }
    }
}

impl PreviewResponse {
    pub fn of(preview: &TemplatePreview) -> Self {
        Self {
            template_id: preview.shown.id(),
            name: preview.shown.template.display_name.clone(),
            yaml_content: preview.yaml.clone(),
            parameters: parameters_of(&preview.shown.template.parameters),
            graph: preview.definition.as_deref().map(GraphResponse::of),
            issues: preview.diagnostics.iter().map(Issue::of).collect(),
        }
    }
}

impl GraphResponse {
    fn of(definition: &Definition) -> Self {
        use procession_domain::definition::EdgeKind;
        let graph = definition.graph();
        let id = |index| definition.step(index).id.to_string();
        let nodes = definition.steps().iter().enumerate().map(|(index, step)| GraphNode {
            id: step.id.to_string(),
            name: step.name.clone(),
            kind: step.kind.step_type().as_str(),
            level: graph.level(index),
        });
        let edges = (0..definition.steps().len()).flat_map(|index| graph.outgoing(index)).map(|edge| GraphEdge {
            source: id(edge.source),
            target: id(edge.target),
            kind: match edge.kind {
                EdgeKind::Plain => "dependency",
                EdgeKind::Route { .. } => "route",
                EdgeKind::Error => "error",
                EdgeKind::Order => "order",
            },
        });
        Self { nodes: nodes.collect(), edges: edges.collect() }
    }
}

impl TemplateRequest {
    pub fn draft(self) -> Result<TemplateDraft, Problem> {
        Ok(TemplateDraft {
            name: self.name,
            definition_yaml: self.definition_yaml,
            display_name: self.display_name,
            description: self.description,
            category: self.category,
            complexity: self.complexity,
            tags: self.tags,
            use_cases: self.use_cases,
            version: self.version,
            visibility: self.visibility.map(|visibility| match visibility {
                TemplateVisibility::Shared => Visibility::Shared,
                TemplateVisibility::Private => Visibility::Private,
            }),
            parameters: self.parameters.map(schema_of).transpose()?,
        })
    }
}

fn schema_of(parameters: Vec<TemplateParameter>) -> Result<InputSchema, Problem> {
    let mut fields = IndexMap::new();
    for (place, parameter) in parameters.into_iter().enumerate() {
        let field = InputField {
            field_type: parameter.kind.map(InputType::from),
            description: parameter.description,
            default: parameter.default.filter(|default| !default.is_null()),
            required: parameter.required,
            one_of: parameter.one_of,
        };
        if fields.insert(parameter.name, field).is_some() {
            let error = FieldError::new(format!("parameters[{place}].name"), "is used twice");
            return Err(Problem::fields(Code::InvalidValue, "the template does not fit", &[error]));
        }
    }
    Ok(InputSchema { fields })
}

fn parameters_of(schema: &InputSchema) -> Vec<TemplateParameter> {
    let parameter = |(name, field): (&String, &InputField)| TemplateParameter {
        name: name.clone(),
        kind: field.field_type.map(ParameterType::from),
        default: field.default.clone(),
        required: field.required,
        one_of: field.one_of.clone(),
        description: field.description.clone(),
    };
    schema.fields.iter().map(parameter).collect()
}

impl From<ParameterType> for InputType {
    fn from(kind: ParameterType) -> Self {
        match kind {
            ParameterType::String => Self::String,
            ParameterType::Number => Self::Number,
            ParameterType::Integer => Self::Integer,
            ParameterType::Boolean => Self::Boolean,
            ParameterType::Array => Self::Array,
            ParameterType::Object => Self::Object,
        }
    }
}

impl From<InputType> for ParameterType {
    fn from(kind: InputType) -> Self {
        match kind {
            InputType::String => Self::String,
            InputType::Number => Self::Number,
            InputType::Integer => Self::Integer,
            InputType::Boolean => Self::Boolean,
            InputType::Array => Self::Array,
            InputType::Object => Self::Object,
        }
    }
}
