//! The log, on standard error: for people, or one JSON object a line.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts to log. A second call changes nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::new(log.filter.as_str());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // Who reads the log may be gone, or its disk full. Whatever logs must not hear of it: saying so on standard error
        // would panic.
        .log_internal_errors(false);
    // An error means that the embedding program logs already.
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(shows_colours()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    };
}

fn shows_colours() -> bool {
    let choice = anstream::AutoStream::choice(&io::stderr());
    io::stderr().is_terminal() && choice != anstream::ColorChoice::Never
}
