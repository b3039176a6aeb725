//! `notification`: someone is told.

use serde_json::{Map, json};

use super::{advance::Progress, scope::Viewpoint, turn::Turn};
use crate::{
    definition::{Notification, StepIndex, StepKind, Template, UndefinedRule},
    event::StepError,
    expressions::{ExpressionError, Scope},
    value::Json,
};

impl Turn<'_, '_> {
    pub fn start_notification(&mut self, step: StepIndex) -> Progress {
        if self.is_sent_again(step) {
            self.send_again(step);
            return Progress::Done;
        }
        let StepKind::Notification(notification) = &self.step(step).kind else {
            return Progress::Done;
        };
        let (notification, reads) = (notification.clone(), self.step(step).reads.clone());
        let Some(scope) = self.scope(Viewpoint::Step(step), &reads) else {
            return Progress::NeedsValues;
        };
        let default_subject = self.step(step).name.clone();
        match self.expand_notification(&notification, &default_subject, &scope) {
            Ok((input, warnings)) => self.begin_call(step, None, input, warnings),
            Err(error) => self.fail_to_start(step, error),
        }
        Progress::Done
    }

    /// Fills in the texts of a notification: what calls someone must be defined, what people read may have holes
    /// (spec 2.2).
    pub fn expand_notification(
        &self,
        notification: &Notification,
        default_subject: &str,
        scope: &Scope,
    ) -> Result<(Json, Vec<String>), StepError> {
        let mut warnings = Vec::new();
        let mut expand = |template: &Template, local: UndefinedRule| -> Result<String, StepError> {
            let fail = |error: ExpressionError| StepError { code: error.code(), message: error.to_string() };
            let expanded = self.context.expressions.text(template, scope, self.undefined_rule(local)).map_err(fail)?;
            warnings.extend(expanded.warnings);
            Ok(expanded.value)
        };
        let mut message = expand(&notification.message, UndefinedRule::Keep)?;
        let mut subject = match &notification.subject {
            Some(subject) => Some(expand(subject, UndefinedRule::Keep)?),
            None => None,
        };
        if subject.is_none()
            && let Some((line, rest)) = message.split_once('\n')
            && let Some(text) = line.strip_prefix("Subject:")
        {
            subject = Some(text.trim().to_owned());
            message = rest.trim_start_matches('\n').to_owned();
        }
        let mut recipients = Vec::new();
        for recipient in &notification.recipients {
            recipients.push(expand(recipient, UndefinedRule::Error)?);
        }
        let mut input = Map::new();
        input.insert("channels".into(), json!(notification.channels));
        input.insert("message".into(), json!(message));
        input.insert("subject".into(), json!(subject.unwrap_or_else(|| default_subject.to_owned())));
        input.insert("recipients".into(), json!(recipients));
        if let Some(url) = &notification.url {
            input.insert("url".into(), json!(expand(url, UndefinedRule::Error)?));
        }
        Ok((Json::Object(input), warnings))
    }
}
