//! Which lines are logged (`log.filter`).

use tracing_subscriber::EnvFilter;

use super::values::{Given, GivenValue, Setting};

/// Which lines are logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// Nothing is logged.
    pub fn nothing() -> Self {
        Self("off".to_owned())
    }

    /// Warnings and errors are logged, but for those of the MCP client: whoever calls it tells what matters of them.
    pub fn warnings() -> Self {
        Self("warn,rmcp=off".to_owned())
    }

    /// The filter's directives.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl Setting for LogFilter {
    const TAKES: &'static str = "a level, or directives with commas between them";

    fn read(given: &Given) -> Result<Self, String> {
        let text = match &given.value {
            GivenValue::Text(text) => text.trim().to_owned(),
            GivenValue::List(directives) => directives.join(","),
            GivenValue::Maps(_) => return Err(format!("mappings are given, but it takes {}", Self::TAKES)),
        };
        match EnvFilter::builder().parse(&text) {
            Ok(_) if !text.is_empty() => Ok(Self(text)),
            Ok(_) => Err(format!("it is empty; it takes {}", Self::TAKES)),
            Err(error) => Err(format!("`{text}` is not a valid filter: {error}")),
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}
