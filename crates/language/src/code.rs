//! The kinds of problems a definition can have: one table, walked by the docs and the tests.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The definition can't be used.
    Error,
    /// The definition can be used, but maybe it does not do what its author means.
    Warning,
}

macro_rules! codes {
    ($($name:ident, $text:literal, $severity:ident, $meaning:literal;)*) => {
        /// The kind of a problem (spec 1.11).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $meaning] #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as diagnostics show it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Whether it makes the definition unusable.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }
        }
    };
}

codes! {
    // The text as YAML.
    YamlSyntax, "yaml_syntax", Error, "The text is not well-formed YAML.";
    TabIndentation, "tab_indentation", Error, "A line is indented with a tab; YAML wants spaces.";
    UnquotedExpression, "unquoted_expression", Error, "A text with `{{ … }}` needs quotes, since YAML would read it as a mapping.";
    UnquotedColon, "unquoted_colon", Error, "A text with `: ` in it needs quotes, since YAML would read it as a mapping.";
    DuplicateKey, "duplicate_key", Error, "A mapping has the same key twice.";
    BadKey, "bad_key", Error, "A key is no text.";
    UnknownAnchor, "unknown_anchor", Error, "An alias `*name` refers to no anchor `&name` before it.";
    IgnoredTag, "ignored_tag", Warning, "A YAML tag `!name` has no meaning here.";
    CommentInText, "comment_in_text", Warning, "In a text without quotes ` #` begins a comment, so that what follows is lost.";
    TypographicQuotes, "typographic_quotes", Warning, "A text stands in typographic quotes, which are characters of it.";
    EmptyDocument, "empty_document", Error, "The text has no content.";
    SeveralDocuments, "several_documents", Error, "The text holds more than one YAML document.";
    DocumentTooLarge, "document_too_large", Error, "The text is over 1 MiB.";
    NestedTooDeep, "nested_too_deep", Error, "Lists and mappings are nested more than 64 deep.";
    TooManyAliases, "too_many_aliases", Error, "Aliases are used more than 100 times.";
    TooManyNodes, "too_many_nodes", Error, "The document has more than 200,000 nodes, aliases expanded.";
    TooManySteps, "too_many_steps", Error, "The process has more than 2,000 steps.";
    TooManyProblems, "too_many_problems", Warning, "There are more problems than are listed.";
    // Keys and values.
    UnknownKey, "unknown_key", Warning, "The key has no meaning here and is ignored.";
    MisplacedKey, "misplaced_key", Warning, "The key belongs to another type and is ignored.";
    OverriddenKey, "overridden_key", Warning, "The key is given twice in different spellings or places, and one of them wins.";
    KeyWithoutEffect, "key_without_effect", Warning, "The key is understood but has no effect together with the others.";
    MissingKey, "missing_key", Error, "A required key is missing or empty.";
    ConflictingKeys, "conflicting_keys", Error, "Two keys exclude each other.";
    WrongType, "wrong_type", Error, "The value is of another type than the key takes.";
    InvalidValue, "invalid_value", Error, "The value is none of those that the key takes.";
    OutOfRange, "out_of_range", Error, "The number is outside of the range that the key takes.";
    LooseBoolean, "loose_boolean", Warning, "A boolean is spelled in a way that not every YAML reader takes for one.";
    TypeAssumed, "type_assumed", Warning, "A step without `type` is taken for an agent_task.";
    BadName, "bad_name", Error, "The name breaks the rule of its kind.";
    UnconventionalName, "unconventional_name", Warning, "The process name is not of the recommended form.";
    BadVersion, "bad_version", Error, "The value is no version.";
    VersionPatchDropped, "version_patch_dropped", Warning, "The third part of a version is dropped.";
    BadStepId, "bad_step_id", Error, "The step's id breaks the rule for ids.";
    BadDuration, "bad_duration", Error, "The value is not a duration.";
    BadMoney, "bad_money", Error, "The value is no amount of money.";
    WrongCurrency, "wrong_currency", Error, "The amount is in another currency than the server counts in.";
    BadCron, "bad_cron", Error, "The cron line can't be read, or never fires.";
    BadTimezone, "bad_timezone", Error, "The time zone is no IANA name.";
    BadTime, "bad_time", Error, "The value is no date and time.";
    BadUrl, "bad_url", Error, "The address is no http or https URL.";
    BadSchema, "bad_schema", Error, "The value is not a JSON Schema.";
    BadDefault, "bad_default", Error, "The default of an input does not fit its own type or enum.";
    UnknownErrorCode, "unknown_error_code", Warning, "No failure has this error code.";
    UnknownEvent, "unknown_event", Warning, "No event has this name.";
    DuplicateName, "duplicate_name", Error, "Two triggers, outputs or inputs have the same name.";
    LiteralSecret, "literal_secret", Warning, "A secret stands in the text instead of in the server's environment.";
    EnvironmentNotAllowed, "environment_not_allowed", Error, "The server does not let definitions read this environment variable.";
    // Expressions.
    ExpressionSyntax, "expression_syntax", Error, "An expression or template can't be read.";
    ExpressionNote, "expression_note", Warning, "An expression is accepted but better written otherwise.";
    DollarBraces, "dollar_braces", Warning, "`${…}` is literal text; placeholders are written `{{…}}`.";
    UnknownVariable, "unknown_variable", Error, "An expression reads a variable that does not exist.";
    UnknownInput, "unknown_input", Error, "An expression reads an input field that the schema lacks.";
    UnknownField, "unknown_field", Warning, "An expression reads a field that is never there.";
    OwnStep, "own_step", Error, "A step reads its own result, which it does not have yet.";
    NotUpstream, "not_upstream", Warning, "An expression reads a step that does not come before; the reader will wait for it.";
    ErrorOutsideHandler, "error_outside_handler", Warning, "`error` and `errors` are only set in a step that handles errors.";
    NeverTrue, "never_true", Warning, "A condition waits for a status that can never be read there.";
    // Steps and their edges.
    DuplicateStep, "duplicate_step", Error, "Two steps have the same id.";
    UnknownStep, "unknown_step", Error, "No step has this id.";
    DependencyCycle, "dependency_cycle", Error, "Steps depend on each other in a cycle.";
    LeadsBack, "leads_back", Error, "A route or an error handler leads back to a step that comes before.";
    ReadCycle, "read_cycle", Error, "A step reads one that waits for it.";
    NoRoutes, "no_routes", Error, "A gateway has no routes.";
    AlwaysTrueRoute, "always_true_route", Warning, "A route without a condition hides those after it.";
    RunsWhateverRoute, "runs_whatever_route", Warning, "A step depends on an exclusive gateway without being its target, so it runs whatever the route.";
    UnreachedStep, "unreached_step", Warning, "Nothing ever leads to the step.";
    // Approvals.
    TooManyApprovals, "too_many_approvals", Error, "More approvals are required than people are named.";
    RerunNotUpstream, "rerun_not_upstream", Error, "The step to run again does not come before the approval.";
    OnRejectChosen, "on_reject_chosen", Warning, "What a rejection does was derived from the steps that follow.";
    // What the server knows.
    UnknownAgent, "unknown_agent", Warning, "There is no agent of this name.";
    StoppedAgent, "stopped_agent", Warning, "The agent is not running.";
    SameAgent, "same_agent", Warning, "One agent has two roles on one step.";
    ExecutorDiffers, "executor_differs", Warning, "`agent` and `roles.executor` name different agents; the executor does the work.";
    UnknownAssignee, "unknown_assignee", Warning, "The server knows no user and no role of this name.";
    UnknownChannel, "unknown_channel", Warning, "The channel is none of slack, email and webhook, and the server maps no such name.";
    NoDestination, "no_destination", Warning, "The notification names no address or recipient for a channel.";
    UnknownProcess, "unknown_process", Warning, "The server knows no process of this name and version.";
    UnpublishedProcess, "unpublished_process", Warning, "The sub-process exists but is not published.";
    RecursiveProcess, "recursive_process", Error, "The process runs itself as a sub-process, directly or through others.";
    ProcessesNestedTooDeep, "processes_nested_too_deep", Error, "Sub-processes are nested more than 8 deep.";
    MovesWebhook, "moves_webhook", Warning, "The short address of a webhook leads to another process, until this one is published.";
    ScheduleInput, "schedule_input", Warning, "The input of a schedule does not fit the inputs of the process, so that its starts will be refused.";
    ExposedWithoutInput, "exposed_without_input", Warning, "A process offered to agents declares no inputs, so their names are guessed from its texts.";
    NotYetAvailable, "not_yet_available", Warning, "The key is understood, but no server does this yet.";
    Refused, "refused", Error, "The definition can't be run, for a reason that no other check has found.";
}

impl Code {
    /// Whether it is about a word that probably is misspelt, so that what is suggested is a guess.
    pub(crate) const fn is_about_a_name(self) -> bool {
        matches!(
            self,
            Self::UnknownKey
                | Self::MisplacedKey
                | Self::MissingKey
                | Self::InvalidValue
                | Self::BadTimezone
                | Self::UnknownErrorCode
                | Self::UnknownEvent
                | Self::EnvironmentNotAllowed
                | Self::UnknownVariable
                | Self::UnknownInput
                | Self::UnknownField
                | Self::UnknownStep
                | Self::UnknownAgent
                | Self::UnknownAssignee
                | Self::UnknownChannel
                | Self::UnknownProcess
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_snake_case_and_explained() {
        let mut seen = BTreeSet::new();
        for code in Code::ALL {
            let text = code.as_str();
            assert!(seen.insert(text), "{text} twice");
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{text}");
            assert!(code.meaning().ends_with('.'), "{text}");
            assert_eq!(serde_json::to_value(code).unwrap(), text);
        }
    }
}
