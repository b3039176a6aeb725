//! Variables of the environment: `PROCESSION_` and the key, with `__` between levels.

use std::{ffi::OsString, path::PathBuf};

use super::{
    Key, Origin,
    keys::PREFIX,
    load::Setter,
    suggest::nearest_key,
    values::{Given, GivenValue},
};

/// Variables with our prefix that are no keys: of the command line, and of the programs that run as agents.
const NOT_KEYS: [&str; 8] = [
    "PROCESSION_CONFIG",
    "PROCESSION_SERVER",
    "PROCESSION_API_KEY",
    "PROCESSION_KEY",
    "PROCESSION_EXECUTION_ID",
    "PROCESSION_STEP_ID",
    "PROCESSION_ATTEMPT",
    "PROCESSION_STARTED_BY",
];

/// The platform's name for `auth.secret_key`.
const SECRET_KEY: &str = "SECRET_KEY";

/// What the variables set, and what is wrong with them. One that is empty counts as not set.
pub(super) fn read(variables: &[(OsString, OsString)]) -> (Vec<Setter>, Vec<String>) {
    let mut setters = Vec::new();
    let mut problems = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let key = match name.strip_prefix(PREFIX) {
            None if name == SECRET_KEY => "auth.secret_key".to_owned(),
            None => continue,
            Some(_) if NOT_KEYS.contains(&name) || is_service_link(name, value) => continue,
            Some(key) => key.replace("__", ".").to_lowercase(),
        };
        let Some(key) = Key::named(&key).filter(|key| name == SECRET_KEY || key.variable() == name) else {
            problems.push(unknown(name, &key));
            continue;
        };
        match value.to_str() {
            Some("") => {}
            Some(value) => {
                let given = Given { value: GivenValue::Text(value.to_owned()), base: PathBuf::new() };
                setters.push(Setter { key, given, origin: Origin::Environment(name.to_owned()) });
            }
            None => problems.push(format!("the variable {name} is not UTF-8 text")),
        }
    }
    // The key's own variable wins over the platform's name for it.
    setters.sort_by_key(|setter| setter.origin != Origin::Environment(SECRET_KEY.to_owned()));
    problems.sort();
    (setters, problems)
}

fn unknown(name: &str, key: &str) -> String {
    let hint = match nearest_key(key).and_then(Key::named) {
        Some(near) => format!("did you mean {}?", near.variable()),
        None => "`procession config show` lists the keys".to_owned(),
    };
    format!("the variable {name} names no key of the configuration; {hint}")
}

/// Whether Kubernetes has set the variable, for a service that is called `procession` too.
fn is_service_link(name: &str, value: &OsString) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or_default();
    let is_link = value.to_str().is_some_and(|value| value.starts_with("tcp://") || value.starts_with("udp://"));
    rest.starts_with("SERVICE_") || rest.starts_with("PORT_") || (rest == "PORT" && is_link)
}
