//! Steps whose ids break the rule for ids: a better one must be written wherever the step is named.

use procession_domain::value::StepId;
use procession_yaml::{Fix, Span, rewritten};

use super::{mentions::KnownSteps, reading::Facts};
use crate::{
    code::Code,
    lower::{LoweredStep, Lowering},
};

/// A longer part of the text is not repeated for a better name.
const LONGEST_CHANGE: usize = 64 * 1024;

/// Lets what is suggested for an invalid id change the places that name the step, too; it is not suggested if there is
/// another step of that name.
pub(super) fn rename_everywhere(cx: &mut Lowering<'_>, steps: &[LoweredStep], known: &KnownSteps, facts: &Facts) {
    for lowered in steps {
        let Some(invalid) = lowered.invalid_id.as_deref().filter(|id| !id.is_empty()) else { continue };
        let Some(problem) = cx.problems.find(Code::BadStepId, lowered.id_span) else { continue };
        let Some(id) = problem.suggestion.clone() else { continue };
        if known.index(&id).is_some() || StepId::new(id.as_str()).is_err() {
            problem.suggestion = None;
            continue;
        }
        let mentions = steps.iter().flat_map(|step| &step.mentions).filter(|(_, mention)| mention.text == invalid);
        let texts = facts.invalid_ids.iter().filter(|(read, _)| read == invalid).map(|(_, span)| *span);
        let mut places: Vec<Span> = mentions.map(|(_, mention)| mention.span).chain(texts).collect();
        places.push(lowered.id_span);
        places.sort_unstable_by_key(|place| place.start);
        places.dedup();
        problem.fix = everywhere(cx.source.text(), &places, &id);
        problem.suggestion = problem.fix.is_some().then_some(id);
    }
}

/// One change that covers all places, from the first to the last.
fn everywhere(text: &str, places: &[Span], id: &str) -> Option<Fix> {
    let (first, last) = (places.first()?, places.last()?);
    if last.end - first.start > LONGEST_CHANGE {
        return None;
    }
    let (mut at, mut changed) = (first.start, String::new());
    for place in places {
        changed.push_str(text.get(at..place.start)?);
        changed.push_str(&rewritten(text.get(place.start..place.end)?, id));
        at = place.end;
    }
    Some(Fix { span: Span::new(first.start, last.end), text: changed })
}
