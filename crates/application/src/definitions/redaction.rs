//! Secrets in a definition's text are shown to those who may update it, and hidden from everyone else (spec 5.7).

use std::collections::BTreeMap;

use procession_domain::definition::{DefinitionContent, Process, ProcessFields, TriggerKind};

use crate::access::{Permission, Principal};

/// What stands for a secret.
const MASK: &str = "********";

/// What stands for a text whose secrets can't be hidden one by one.
const HIDDEN: &str = "# This text holds secrets that can't be hidden one by one: who may update the process sees it.\n";

/// A shorter secret is part of so much else that masks in its place would tell what it is.
const SHORTEST: usize = 8;

/// A definition as this principal may see it.
pub(super) fn shown_to(by: &Principal, process: Process) -> Process {
    if by.may(Permission::ProcessUpdate) {
        return process;
    }
    match redacted(process.yaml(), process.definition().content()) {
        Some(yaml) => Process::restore(ProcessFields { yaml, ..process.into_fields() }),
        None => process,
    }
}

/// The text without secrets; nothing if it has none.
fn redacted(yaml: &str, content: &DefinitionContent) -> Option<String> {
    let of_webhooks = content.webhooks.iter().filter_map(|webhook| webhook.secret.as_deref());
    let of_triggers = content.triggers.iter().filter_map(|trigger| match &trigger.kind {
        TriggerKind::Webhook { secret, .. } => secret.as_deref(),
        TriggerKind::Manual | TriggerKind::Schedule(_) => None,
    });
    let mut secrets: BTreeMap<&str, usize> = BTreeMap::new();
    for secret in of_webhooks.chain(of_triggers).filter(|secret| !secret.starts_with("${ENV:")) {
        *secrets.entry(secret).or_default() += 1;
    }
    if secrets.is_empty() {
        return None;
    }
    // Longer ones first: a shorter one may be part of them.
    let mut longest_first: Vec<_> = secrets.into_iter().collect();
    longest_first.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
    let mut text = yaml.to_owned();
    for (secret, uses) in longest_first {
        // Written with escapes, folded or as an alias, it would be overlooked.
        if secret.len() < SHORTEST || text.matches(secret).count() < uses {
            return Some(HIDDEN.to_owned());
        }
        text = text.replace(secret, MASK);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use procession_domain::value::{ProcessId, Timestamp};
    use procession_language::{Surroundings, check};

    use super::*;

    struct Nothing;

    impl Surroundings for Nothing {}

    fn shown(webhooks: &str) -> String {
        let yaml = format!("name: a\nsteps: [{{id: a, type: timer, duration: 1s}}]\n{webhooks}\n");
        let definition = Arc::new(check(&yaml, &Nothing).definition.unwrap());
        let id = ProcessId::new(uuid::Uuid::nil());
        let (process, _) = Process::draft(id, yaml.clone(), definition, None, Timestamp::from_micros(0));
        let designer = Principal::of_library("dora", ["designer"]);
        assert_eq!(shown_to(&designer, process.clone()).yaml(), yaml, "who may update it sees it all");
        shown_to(&Principal::of_library("vic", ["viewer"]), process).yaml().to_owned()
    }

    #[test]
    fn secrets_are_masked_and_the_rest_is_byte_for_byte() {
        let url = "url: https://example.org/hook, events: [process_completed]";
        let text = shown(&format!("webhooks: [{{{url}, secret: 'correct horse'}}] # as agreed"));
        assert!(text.ends_with(&format!("webhooks: [{{{url}, secret: '********'}}] # as agreed\n")), "{text}");
        let text = shown("triggers: [{id: in, type: webhook, secret: \"battery staple\"}]");
        assert!(text.ends_with("secret: \"********\"}]\n"), "{text}");
    }

    #[test]
    fn a_text_whose_secrets_hide_in_it_is_not_shown() {
        for secret in ["\"correct\\x20horse\"", "abc", "'it''s a secret'"] {
            let text = shown(&format!("triggers: [{{id: in, type: webhook, secret: {secret}}}]"));
            assert_eq!(text, HIDDEN, "{secret}");
        }
    }
}
