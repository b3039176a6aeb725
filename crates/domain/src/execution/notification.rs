//! `notification`: someone is told.

use super::{
    attempt::Prepared,
    call::{CallInput, NotificationInput},
    turn::Turn,
};
use crate::{
    definition::{Notification, Template, UndefinedRule},
    event::StepError,
    expressions::{ExpressionError, Scope},
};

impl Turn<'_, '_> {
    /// Fills in the texts of a notification: what calls someone must be defined, what people read may have holes
    /// (spec 2.2).
    pub fn expand_notification(
        &self,
        notification: &Notification,
        default_subject: &str,
        scope: &Scope,
    ) -> Result<Prepared, StepError> {
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
            message = String::from(rest.trim_start_matches('\n'));
        }
        let mut recipients = Vec::new();
        for recipient in &notification.recipients {
            recipients.push(expand(recipient, UndefinedRule::Error)?);
        }
        let url = match &notification.url {
            Some(url) => Some(expand(url, UndefinedRule::Error)?),
            None => None,
        };
        let input = NotificationInput {
            channels: notification.channels.clone(),
            message,
            subject: subject.unwrap_or_else(|| default_subject.to_owned()),
            recipients,
            url,
        };
        Ok(Prepared { input: CallInput::Notification(input), warnings })
    }
}
