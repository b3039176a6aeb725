//! Puts the configuration together: defaults, file, environment, flags, in rising order.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use procession::AllowedHosts;
use secrecy::ExposeSecret as _;

use super::{
    Configuration, Key, Loaded, Origin, environment, file,
    values::{Given, GivenValue},
};

/// A shorter key could be guessed from a token, at any speed (RFC 7518, 3.2).
const SHORTEST_SECRET_KEY: usize = 32;

/// The file that is read when none is named, in the data folder.
const FILE_NAME: &str = "procession.yaml";

/// Where values may come from. All is passed in, so that tests decide it.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that `--config` names.
    pub file: Option<PathBuf>,
    /// The variables of the environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The flags.
    pub flags: Vec<FlagValue>,
}

/// A key that a flag sets.
#[derive(Debug, Clone)]
pub struct FlagValue {
    /// The flag, such as `--listen`.
    pub flag: &'static str,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Why there is no configuration: everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigurationError(pub Vec<String>);

/// A value for a key.
pub(super) struct Setter {
    pub key: &'static Key,
    pub given: Given,
    pub origin: Origin,
}

/// Reads the configuration.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigurationError> {
    let (of_environment, mut problems) = environment::read(&sources.environment);
    let (of_flags, problems_of_flags) = read_flags(&sources.flags);
    let (of_file, problems_of_file) = match find_file(sources, &of_environment, &of_flags) {
        Ok(Some(found)) => found.read(),
        Ok(None) => (Vec::new(), Vec::new()),
        Err(problem) => (Vec::new(), vec![problem]),
    };
    problems.splice(0..0, problems_of_file);
    problems.extend(problems_of_flags);

    let mut loaded = Loaded { configuration: Configuration::default(), origins: BTreeMap::new() };
    for setter in of_file.into_iter().chain(of_environment).chain(of_flags) {
        let Setter { key, given, origin } = setter;
        match key.put(&mut loaded.configuration, &given) {
            Ok(()) => {
                loaded.origins.insert(key.name, origin);
            }
            Err(problem) => problems.push(format!("{} ({origin}): {problem}", key.name)),
        }
    }
    problems.extend(contradictions(&loaded.configuration));
    if problems.is_empty() { Ok(loaded) } else { Err(ConfigurationError(problems)) }
}

fn read_flags(flags: &[FlagValue]) -> (Vec<Setter>, Vec<String>) {
    let mut setters = Vec::new();
    let mut problems = Vec::new();
    for FlagValue { flag, key, value } in flags {
        match Key::named(key) {
            Some(key) => {
                let given = Given { value: GivenValue::Text(value.clone()), base: PathBuf::new() };
                setters.push(Setter { key, given, origin: Origin::Flag(flag) });
            }
            None => problems.push(format!("{flag}: {}", file::unknown(key))),
        }
    }
    (setters, problems)
}

/// A file to read.
struct FoundFile {
    path: PathBuf,
    text: String,
    in_data_dir: bool,
}

/// The file that is named, or else the one in the data folder, if there is one.
fn find_file(sources: &Sources, of_environment: &[Setter], of_flags: &[Setter]) -> Result<Option<FoundFile>, String> {
    if let Some(path) = &sources.file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the file {} (--config) can't be read: {error}", path.display()))?;
        return Ok(Some(FoundFile { path: path.clone(), text, in_data_dir: false }));
    }
    let mut configuration = Configuration::default();
    for setter in of_environment.iter().chain(of_flags).filter(|setter| setter.key.name == "data_dir") {
        // A bad value is reported with the others.
        let _ = setter.key.put(&mut configuration, &setter.given);
    }
    let path = configuration.data_dir().join(FILE_NAME);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(FoundFile { path, text, in_data_dir: true })),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(format!("the file {} can't be read: {error}", path.display())),
    }
}

impl FoundFile {
    /// What the file sets. Paths in it are relative to its folder.
    fn read(self) -> (Vec<Setter>, Vec<String>) {
        let Self { path, text, in_data_dir } = self;
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let file::Entries { entries, problems } = file::read(&text);
        let mut problems: Vec<String> =
            problems.into_iter().map(|(line, problem)| format!("{}:{line}: {problem}", path.display())).collect();
        let mut setters = Vec::new();
        for (key, line, value) in entries {
            let origin = Origin::File { path: path.clone(), line };
            if in_data_dir && key.name == "data_dir" {
                problems.push(format!(
                    "{origin}: this file was found in the data folder, so it can't say where that is; use --data-dir or {}",
                    key.variable()
                ));
                continue;
            }
            setters.push(Setter { key, given: Given { value, base: base.clone() }, origin });
        }
        (setters, problems)
    }
}

/// Values that don't go together.
fn contradictions(configuration: &Configuration) -> Vec<String> {
    let limits = &configuration.limits;
    let mut problems = Vec::new();
    if limits.definition.0 > 1024 * 1024 {
        problems.push(format!("limits.definition is {}; a definition has at most 1MiB", limits.definition));
    }
    if limits.definition > limits.body {
        problems.push(format!(
            "limits.definition ({}) is larger than limits.body ({}), which would refuse it before; raise limits.body",
            limits.definition, limits.body
        ));
    }
    if limits.inline_output > limits.output {
        problems.push(format!(
            "limits.inline_output ({}) is larger than limits.output ({})",
            limits.inline_output, limits.output
        ));
    }
    let secret_key = configuration.auth.secret_key.as_ref();
    if secret_key.is_some_and(|key| key.expose_secret().len() < SHORTEST_SECRET_KEY) {
        problems.push(format!(
            "auth.secret_key is too short: whoever guesses it can log in as anyone; it takes at least {SHORTEST_SECRET_KEY} \
             bytes, such as those of `openssl rand -hex 32`"
        ));
    }
    problems.extend(configuration.notifications.problem());
    problems.extend(configuration.webhooks.problem());
    problems.extend(AllowedHosts::parse(&configuration.outgoing.allow).err().map(|error| error.to_string()));
    problems
}
