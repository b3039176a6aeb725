//! The demonstration: scripted agents and sample processes, which show what this is for.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
};

use procession_application::{
    access::Principal,
    definitions::DefinitionFailure,
    ports::{PageStart, Paging, ProcessFilter},
};
use procession_domain::value::ProcessId;
use procession_language::{Nothing, check};

use crate::{config::Configuration, wiring::Application};

/// The agents that the samples need.
pub const AGENTS: &str = include_str!("../samples/agents.yaml");

/// The samples with their files' names: those that others run as sub-processes first.
pub const SAMPLES: [(&str, &str); 6] = [
    ("research-and-write.yaml", include_str!("../samples/research-and-write.yaml")),
    ("market-analysis.yaml", include_str!("../samples/market-analysis.yaml")),
    ("article-with-revision.yaml", include_str!("../samples/article-with-revision.yaml")),
    ("contract-approval.yaml", include_str!("../samples/contract-approval.yaml")),
    ("collect-figures.yaml", include_str!("../samples/collect-figures.yaml")),
    ("nightly-report.yaml", include_str!("../samples/nightly-report.yaml")),
];

/// Who the samples' author is, in lists.
const AUTHOR: &str = "demo";

/// What became of the samples.
#[derive(Debug, Default)]
pub struct Published {
    /// The first sample, to try.
    first: Option<ProcessId>,
    /// Samples that are new.
    new: usize,
    /// What could not be published, as sentences.
    problems: Vec<String>,
}

/// Writes the file of agents, unless there is one.
pub fn write_agents(configuration: &Configuration) -> io::Result<()> {
    let path = configuration.agents_file();
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        crate::data_folder::DataFolder::open(configuration.data_dir()).map_err(io::Error::other)?;
        fs::create_dir_all(folder)?;
    }
    // Not over a file that someone has put there meanwhile.
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => file.write_all(AGENTS.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Publishes the samples whose names are not taken.
pub async fn publish(application: &Application) -> Published {
    let mut published = Published::default();
    for (file, yaml) in SAMPLES {
        match publish_one(application, yaml).await {
            Ok((id, is_new)) => {
                published.first = published.first.or(id);
                published.new += usize::from(is_new);
            }
            Err(error) => published.problems.push(format!("{file}: {error}")),
        }
    }
    published
}

/// A sample's published version, and whether it is new.
async fn publish_one(application: &Application, yaml: &str) -> Result<(Option<ProcessId>, bool), DefinitionFailure> {
    let checked = check(yaml, &Nothing);
    let Some(definition) = checked.definition else { return Err(DefinitionFailure::Invalid(checked.diagnostics)) };
    let (author, definitions) = (Principal::at_terminal(AUTHOR), &application.definitions);
    let filter = ProcessFilter { name: Some(definition.name().to_string()), ..ProcessFilter::default() };
    let paging = Paging { limit: 1, start: PageStart::Offset(0) };
    if definitions.list(&author, &filter, &paging).await?.total > 0 {
        return Ok((definitions.published(&author, definition.name(), None).await?, false));
    }
    let ensured = definitions.ensure_published(&author, yaml.to_owned()).await?;
    Ok((Some(ensured.id), ensured.is_new))
}

impl Published {
    /// What to try next, for people.
    pub fn what_to_try(&self, configuration: &Configuration, url: &str) -> String {
        let mut lines = Vec::new();
        let file = configuration.agents_file();
        lines.push(format!("\nDemo: {} sample processes, agents in {}", SAMPLES.len(), file.display()));
        lines.extend(self.problems.iter().map(|problem| format!("  could not be published: {problem}")));
        let start = self.first.map_or_else(
            || format!("{url}/api/processes"),
            |id| format!("-X POST {url}/api/processes/{id}/execute --json '{{\"input\": {{\"topic\": \"tea\"}}}}'"),
        );
        lines.push("Try next:".to_owned());
        lines.push(format!(
            "  TOKEN=$(curl -s {url}/api/token -d username=admin -d password=… | sed 's/.*access_token\":\"\\([^\"]*\\).*/\\1/')"
        ));
        lines.push(format!("  curl -H \"Authorization: Bearer $TOKEN\" {start}"));
        lines.push(format!("  curl -H \"Authorization: Bearer $TOKEN\" {url}/api/executions"));
        lines.push(format!("  {url} is the console, {url}/api/docs/ui shows the whole API"));
        lines.join("\n")
    }

    /// What could not be published, as sentences.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// How many samples are new.
    pub const fn new_samples(&self) -> usize {
        self.new
    }
}
