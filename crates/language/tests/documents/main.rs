//! Whole documents: spellings that mean the same, definitions that are stored and read back, and texts that nobody should
//! write.
#![cfg(test)]

mod aliases;
mod bounds;
mod documentation;
mod properties;
mod robustness;
mod stored;

use procession_domain::definition::Definition;
use procession_language::{Checked, Nothing, check};

/// The definition of a text that has no errors.
fn valid(yaml: &str) -> Definition {
    let Checked { definition, diagnostics, .. } = check(yaml, &Nothing);
    definition.unwrap_or_else(|| panic!("{yaml}\n{diagnostics:#?}"))
}
