//! Which versions the sub-processes of a definition run: fixed when the parent starts (spec 3.6).

use std::collections::BTreeMap;

use procession_domain::{
    definition::{Definition, StepKind},
    value::{ProcessId, StepId},
};

use crate::ports::{DefinitionStore, StoreError};

/// The version of each sub-process step: the one it names, or the newest published. Steps whose process does not exist
/// have none; they fail only when they are reached.
pub(crate) async fn pins_of(
    definition: &Definition,
    store: &dyn DefinitionStore,
) -> Result<BTreeMap<StepId, ProcessId>, StoreError> {
    let mut pins = BTreeMap::new();
    for step in definition.steps() {
        if let StepKind::SubProcess(sub_process) = &step.kind
            && let Some(version) = store.published(&sub_process.process_name, sub_process.version).await?
        {
            pins.insert(step.id.clone(), version.id);
        }
    }
    Ok(pins)
}
