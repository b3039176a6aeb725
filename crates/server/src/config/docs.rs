//! The page of all keys, `docs/configuration.md`, made from the table so that it can't be wrong.

use std::fmt::Write as _;

use super::{Configuration, KEYS, Key};

const HEAD: &str = "\
# Configuration

<!-- Made from the table of keys in `crates/server/src/config/keys.rs`; `cargo xtask docs` writes it anew. -->

Flags beat variables of the environment, these beat the file, and that beats the defaults.

* **File**: the one that `--config` (or `PROCESSION_CONFIG`) names, else `procession.yaml` in the data folder, if it is
  there. Keys are nested (`engine: {queue_length: 500}`) or written with dots (`engine.queue_length: 500`). Relative
  paths in it are relative to its folder.
* **Environment**: `PROCESSION_` and the key in upper case, with `__` between levels:
  `PROCESSION_ENGINE__QUEUE_LENGTH=500`. Lists have commas. An empty variable counts as not set.
* **Flags**: `--listen` and `--data-dir`, and `--set KEY=VALUE` for any key.

A key that does not exist is an error. `procession config show` shows what is in force and where each value came from,
secrets masked; `procession config check` says what is wrong.

| key | default | takes | meaning |
|---|---|---|---|
";

/// The page as it stands in the repository.
pub fn configuration_page() -> String {
    let defaults = Configuration::default();
    let mut page = HEAD.to_owned();
    for key in KEYS {
        let name = match key.flag {
            Some(flag) => format!("`{}`<br>`{flag}`", key.name),
            None => format!("`{}`", key.name),
        };
        let Key { meaning, .. } = key;
        // Writing to a string can't fail.
        let _ = writeln!(page, "| {name} | {} | {} | {meaning} |", default_of(key, &defaults), key.takes());
    }
    page
}

fn default_of(key: &Key, defaults: &Configuration) -> String {
    match (key.default_in_words, key.show(defaults)) {
        (Some(words), _) => words.to_owned(),
        (None, shown) if shown.is_empty() => "none".to_owned(),
        (None, shown) => format!("`{shown}`"),
    }
}
