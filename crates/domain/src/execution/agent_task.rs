//! `agent_task`: an agent does work.

use serde_json::{Map, json};

use super::{
    attempt::Prepared,
    boundary::{Failure, Reply, ValueKey},
    call::{AgentInput, CallInput},
    turn::Turn,
};
use crate::{
    definition::{AgentTask, StepIndex, StepKind, UndefinedRule},
    event::{AttemptEvent, Direction, Shown, StepError, Usage},
    expressions::{ExpressionError, Scope},
    value::{ErrorCode, Json, reply::json_of},
};

impl Turn<'_, '_> {
    /// Fills in the texts of an agent task.
    pub fn expand_task(&self, task: &AgentTask, scope: &Scope) -> Result<Prepared, StepError> {
        let rule = self.undefined_rule(UndefinedRule::Error);
        let fail = |error: ExpressionError| StepError { code: error.code(), message: error.to_string() };
        let agent = self.context.expressions.text(&task.agent, scope, UndefinedRule::Error).map_err(fail)?;
        let message = self.context.expressions.text(&task.message, scope, rule).map_err(fail)?;
        let name = agent.value.trim().to_owned();
        if name.is_empty() {
            let message = "the agent's name is empty once its template is filled in".to_owned();
            return Err(StepError { code: ErrorCode::InvalidConfig, message });
        }
        let input = AgentInput {
            agent: name,
            message: message.value,
            model: task.model.clone(),
            temperature: task.temperature,
        };
        Ok(Prepared { input: CallInput::Agent(input), warnings: [agent.warnings, message.warnings].concat() })
    }

    /// The output of a step whose call has brought this, and what the call cost.
    pub fn output_of(&self, step: StepIndex, reply: &Reply) -> (Json, Usage) {
        let output = match reply {
            Reply::Notification { output } => output.clone(),
            Reply::Agent { text, usage } => {
                let open = self.execution.open_attempt(step, Direction::Do);
                let agent = open.and_then(|attempt| attempt.agent.as_deref()).unwrap_or_default();
                let key = match &self.step(step).kind {
                    StepKind::AgentTask(task) => task.output_key.as_deref(),
                    StepKind::HumanApproval(_)
                    | StepKind::Gateway(_)
                    | StepKind::Timer(_)
                    | StepKind::Notification(_)
                    | StepKind::SubProcess(_) => None,
                };
                agent_output(text, agent, key, usage)
            }
        };
        (output, reply.usage())
    }

    /// Completes a step with an output; an output that is too large fails it.
    pub fn complete(&mut self, step: StepIndex, output: Json, usage: Usage) {
        match self.keep_output(step, output) {
            Ok(output) => {
                let duration = self.execution.working_time(step, Direction::Do, self.now());
                let completed = AttemptEvent::Completed { output: Some(output), usage, duration };
                self.emit(self.attempt_event(step, Direction::Do, completed));
            }
            Err(error) => self.fail_attempt(step, Direction::Do, Failure { error, usage, retry_after: None }),
        }
    }

    /// Keeps a step's output.
    pub fn keep_output(&mut self, step: StepIndex, output: Json) -> Result<Shown, StepError> {
        let key = ValueKey::StepOutput(self.id(step));
        let kept = self.context.values.put(key, output);
        kept.map_err(|error| StepError { code: ErrorCode::OutputTooLarge, message: error.to_string() })
    }
}

/// The output of an agent's reply (spec 2.4): the JSON that it is or holds, the fields of that if it is an object, and over
/// them what every reply has.
fn agent_output(text: &str, agent: &str, output_key: Option<&str>, usage: &Usage) -> Json {
    let parsed = json_of(text);
    let mut output = Map::new();
    if let Some(key) = output_key {
        output.insert(key.to_owned(), parsed.clone().unwrap_or_else(|| json!(text)));
    }
    if let Some(Json::Object(fields)) = &parsed {
        output.extend(fields.clone());
    }
    output.extend(parsed.map(|value| ("json".to_owned(), value)));
    output.insert("response".into(), json!(text));
    output.insert("agent".into(), json!(agent));
    if let Some(cost) = usage.cost {
        output.insert("cost".into(), json!(cost.to_string()));
    }
    if let Some(tokens) = &usage.token_usage {
        output.insert("token_usage".into(), json!(tokens));
        output.extend(tokens.model.as_ref().map(|model| ("model".to_owned(), json!(model))));
    }
    let unusual_end = usage.finish_reason.as_ref().filter(|reason| !reason.is_stop());
    output.extend(unusual_end.map(|reason| ("finish_reason".to_owned(), json!(reason))));
    Json::Object(output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::FinishReason;

    #[test]
    fn the_fields_of_a_json_reply_are_fields_of_the_output() {
        let output = agent_output(
            r#" {"score": 85, "response": "mine", "verdict": "good"} "#,
            "analyst",
            None,
            &Usage::default(),
        );
        assert_eq!(output["score"], 85);
        assert_eq!(output["json"]["response"], "mine");
        assert!(output["response"].as_str().unwrap().contains("\"score\": 85"), "reserved names win");
        assert_eq!(output["agent"], "analyst");
    }

    #[test]
    fn a_reply_that_is_json_is_that_value() {
        let output = |text| agent_output(text, "a", Some("verdict"), &Usage::default());
        for (text, value) in [
            ("[1, 2]", json!([1, 2])),
            ("true", json!(true)),
            ("\"good\"", json!("good")),
            ("Here:\n~~~json\n[1]\n~~~", json!([1])),
        ] {
            let output = output(text);
            assert_eq!((&output["json"], &output["verdict"], &output["response"]), (&value, &value, &json!(text)));
        }
        assert_eq!(output("Good.").get("json"), None);
    }

    #[test]
    fn a_reply_that_was_cut_off_says_why() {
        let ended = |reason| {
            let usage = Usage { finish_reason: FinishReason::new(reason), ..Usage::default() };
            agent_output("so far", "a", None, &usage)
        };
        assert_eq!(ended("length")["finish_reason"], "length");
        assert_eq!(ended("stop").get("finish_reason"), None);
    }

    #[test]
    fn the_output_key_holds_the_object_or_the_text_unless_the_reply_has_such_a_field() {
        let text = agent_output("plain", "a", Some("summary"), &Usage::default());
        assert_eq!(text["summary"], "plain");
        let object = agent_output(r#"{"x": 1}"#, "a", Some("summary"), &Usage::default());
        assert_eq!(object["summary"]["x"], 1);
        let own = agent_output(r#"{"summary": "own"}"#, "a", Some("summary"), &Usage::default());
        assert_eq!(own["summary"], "own");
    }
}
