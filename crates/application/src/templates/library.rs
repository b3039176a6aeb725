//! The templates that come with the program. Each is played, in every outcome, by the files under `tests/templates`.

use indexmap::IndexMap;
use procession_domain::{
    definition::{InputField, InputSchema, InputType},
    value::{Json, Timestamp},
};
use serde_json::json;

use crate::ports::{Complexity, ProcessTemplate, Visibility};

/// A parameter: its name, its default and what it is.
type Parameter = (&'static str, fn() -> Json, &'static str);

/// A template as it stands below.
struct Bundled {
    name: &'static str,
    display_name: &'static str,
    description: &'static str,
    category: &'static str,
    complexity: Complexity,
    tags: &'static [&'static str],
    use_cases: &'static [&'static str],
    parameters: &'static [Parameter],
    yaml: &'static str,
}

/// Every template that comes with the program.
pub(super) fn all() -> Vec<ProcessTemplate> {
    LIBRARY.iter().map(Bundled::template).collect()
}

const LIBRARY: &[Bundled] = &[
    Bundled {
        name: "meeting-notes",
        display_name: "Meeting notes",
        description: "Turn the notes of a meeting into minutes and a list of tasks.",
        category: "general",
        complexity: Complexity::Simple,
        tags: &["writing", "meetings"],
        use_cases: &["Minutes of a weekly meeting", "Tasks of a workshop"],
        parameters: &[
            ("writer", || json!("writer"), "The agent that writes."),
            ("language", || json!("English"), "The language of the minutes."),
        ],
        yaml: include_str!("library/meeting-notes.yaml"),
    },
    Bundled {
        name: "research-report",
        display_name: "Research report",
        description: "Research a question and write a report whose claims have been checked.",
        category: "content",
        complexity: Complexity::Simple,
        tags: &["research", "writing"],
        use_cases: &["A market overview", "Background for a decision"],
        parameters: &[
            ("researcher", || json!("researcher"), "The agent that finds sources."),
            ("writer", || json!("writer"), "The agent that writes the report."),
            ("checker", || json!("researcher"), "The agent that checks the report against its sources."),
            ("most_sources", || json!(10), "How many sources are listed at most."),
        ],
        yaml: include_str!("library/research-report.yaml"),
    },
    Bundled {
        name: "document-approval",
        display_name: "Document approval",
        description: "Write a document and let a person approve it, with rounds of changes.",
        category: "business",
        complexity: Complexity::Intermediate,
        tags: &["approval", "writing"],
        use_cases: &["A policy that someone must sign", "A letter to customers"],
        parameters: &[
            ("writer", || json!("writer"), "The agent that writes."),
            ("publisher", || json!("publisher"), "The agent that publishes."),
            ("reviewers", || json!(["role:process_approver"]), "Who may approve: users, addresses or `role:NAME`."),
            ("time_to_review", || json!("2d"), "How long the reviewers have."),
        ],
        yaml: include_str!("library/document-approval.yaml"),
    },
    Bundled {
        name: "support-triage",
        display_name: "Support ticket triage",
        description: "Rate a support ticket, answer the simple ones, hand urgent ones to people and escalate in time.",
        category: "support",
        complexity: Complexity::Advanced,
        tags: &["support", "escalation", "webhook"],
        use_cases: &["A help desk with a promise to answer", "Complaints that must not wait"],
        parameters: &[
            ("triage_agent", || json!("triage"), "The agent that rates tickets."),
            ("answer_agent", || json!("support"), "The agent that drafts answers."),
            ("support_team", || json!(["role:process_operator"]), "Who is asked about urgent tickets."),
            ("support_leads", || json!(["role:process_admin"]), "Who is asked when nobody reacts."),
            ("urgent_from", || json!(4), "The urgency, from 1 to 5, from which people are asked."),
            ("time_to_react", || json!("30m"), "How long the team has before its leads are asked."),
        ],
        yaml: include_str!("library/support-triage.yaml"),
    },
    Bundled {
        name: "invoice-approval",
        display_name: "Invoice approval",
        description: "Read an invoice, have large ones approved by several people, pay it.",
        category: "business",
        complexity: Complexity::Intermediate,
        tags: &["approval", "finance"],
        use_cases: &["Invoices that need two signatures", "Expense claims"],
        parameters: &[
            ("reader", || json!("invoice-reader"), "The agent that reads invoices."),
            ("payer", || json!("payments"), "The agent that pays."),
            ("approvers", || json!(["role:process_approver", "role:process_admin"]), "Who may approve."),
            ("needed", || json!(2), "How many of them must."),
            ("free_up_to", || json!(500.0), "The amount up to which nobody is asked."),
        ],
        yaml: include_str!("library/invoice-approval.yaml"),
    },
    Bundled {
        name: "incident-response",
        display_name: "Incident response",
        description: "React to an incident, from the first alert to the review.",
        category: "devops",
        complexity: Complexity::Advanced,
        tags: &["operations", "alert", "webhook"],
        use_cases: &["An alert of the monitoring", "An outage that a customer reports"],
        parameters: &[
            ("diagnosis_agent", || json!("operations"), "The agent that looks for causes."),
            ("operations_agent", || json!("operations"), "The agent that mends systems."),
            ("writer", || json!("writer"), "The agent that writes the review."),
            ("on_call", || json!(["role:process_admin"]), "Who is told, and asked when the agent can't mend it."),
            ("channel", || json!("slack"), "The channel by which people are told."),
            ("time_to_mend", || json!("4h"), "How long people have."),
        ],
        yaml: include_str!("library/incident-response.yaml"),
    },
    Bundled {
        name: "weekly-brief",
        display_name: "Weekly brief",
        description: "Two agents collect, one writes, a mail goes out, every week.",
        category: "analytics",
        complexity: Complexity::Intermediate,
        tags: &["schedule", "reporting"],
        use_cases: &["News for a team", "A digest for management"],
        parameters: &[
            ("inside_agent", || json!("analyst"), "The agent that knows what happened in the team."),
            ("outside_agent", || json!("researcher"), "The agent that knows what happened elsewhere."),
            ("writer", || json!("writer"), "The agent that writes."),
            ("team", || json!("the team"), "Whom the brief is for."),
            ("topic", || json!("our field"), "What it follows outside."),
            ("readers", || json!(["team@example.com"]), "Who gets it: e-mail addresses or users."),
            ("when", || json!("0 8 * * 1"), "When, as a cron line."),
            ("timezone", || json!("UTC"), "In which time zone."),
        ],
        yaml: include_str!("library/weekly-brief.yaml"),
    },
    Bundled {
        name: "content-pipeline",
        display_name: "Content pipeline",
        description: "From a topic to a text that a critic has rated and a person has signed off, within a budget.",
        category: "content",
        complexity: Complexity::Advanced,
        tags: &["writing", "approval", "budget"],
        use_cases: &["Articles for a blog", "Product descriptions"],
        parameters: &[
            ("writer", || json!("writer"), "The agent that writes and revises."),
            ("critic", || json!("critic"), "The agent that rates."),
            ("publisher", || json!("publisher"), "The agent that publishes."),
            ("editors", || json!(["role:process_approver"]), "Who signs off."),
            ("good_from", || json!(80), "The score, from 0 to 100, from which no revision is needed."),
            ("most_cost", || json!("$5.00"), "What one text may cost."),
        ],
        yaml: include_str!("library/content-pipeline.yaml"),
    },
    Bundled {
        name: "code-review",
        display_name: "Code review by two agents",
        description: "Two agents review a change; it is merged when both approve, else the author gets their findings.",
        category: "devops",
        complexity: Complexity::Intermediate,
        tags: &["code", "review", "webhook"],
        use_cases: &["Every pull request of a repository", "Changes of configuration"],
        parameters: &[
            ("first_reviewer", || json!("code-reviewer"), "The agent that looks for mistakes."),
            ("second_reviewer", || json!("security-reviewer"), "The agent that looks for what can be attacked."),
            ("merger", || json!("maintainer"), "The agent that merges or answers."),
        ],
        yaml: include_str!("library/code-review.yaml"),
    },
    Bundled {
        name: "data-pipeline",
        display_name: "Data pipeline with roll-back",
        description: "Extract, transform and load data; roll back when the result does not hold.",
        category: "analytics",
        complexity: Complexity::Advanced,
        tags: &["data", "compensation"],
        use_cases: &["A nightly import", "Moving a data set to another system"],
        parameters: &[
            ("data_agent", || json!("data"), "The agent that moves data, and undoes it."),
            ("checker", || json!("analyst"), "The agent that checks the result."),
            ("fewest_rows", || json!(1), "How many rows there must be at least."),
            ("longest", || json!("3h"), "How long all of it may take."),
        ],
        yaml: include_str!("library/data-pipeline.yaml"),
    },
    Bundled {
        name: "nightly-check",
        display_name: "Nightly check with alert",
        description: "Check a system every night and raise an alert when something is wrong.",
        category: "devops",
        complexity: Complexity::Simple,
        tags: &["schedule", "alert", "operations"],
        use_cases: &["Backups that must have run", "A shop that must take orders"],
        parameters: &[
            ("checker", || json!("operations"), "The agent that looks."),
            ("system", || json!("the system"), "What it looks at."),
            ("on_call", || json!(["role:process_admin"]), "Who is told when something is wrong."),
            ("channel", || json!("slack"), "The channel by which they are told."),
            ("when", || json!("0 3 * * *"), "When, as a cron line."),
            ("timezone", || json!("UTC"), "In which time zone."),
        ],
        yaml: include_str!("library/nightly-check.yaml"),
    },
];

impl Bundled {
    fn template(&self) -> ProcessTemplate {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let fields: IndexMap<String, InputField> = self.parameters.iter().map(field).collect();
        ProcessTemplate {
            name: self.name.to_owned(),
            display_name: self.display_name.to_owned(),
            description: self.description.to_owned(),
            category: self.category.to_owned(),
            complexity: self.complexity.as_str().to_owned(),
            version: "1.0.0".to_owned(),
            author: "Procession".to_owned(),
            tags: texts(self.tags),
            use_cases: texts(self.use_cases),
            visibility: Visibility::Shared,
            parameters: InputSchema { fields },
            definition_yaml: self.yaml.to_owned(),
            owner: None,
            created_by: None,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        }
    }
}

fn field((name, default, description): &Parameter) -> (String, InputField) {
    let default = default();
    let field_type = match &default {
        Json::String(_) | Json::Null => InputType::String,
        Json::Bool(_) => InputType::Boolean,
        Json::Number(number) if number.is_f64() => InputType::Number,
        Json::Number(_) => InputType::Integer,
        Json::Array(_) => InputType::Array,
        Json::Object(_) => InputType::Object,
    };
    let field = InputField {
        field_type: Some(field_type),
        description: Some((*description).to_owned()),
        default: Some(default),
        required: false,
        one_of: Vec::new(),
    };
    ((*name).to_owned(), field)
}
