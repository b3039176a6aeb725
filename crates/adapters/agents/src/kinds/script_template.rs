//! The templates of scripted replies, with limits of work and size (spec 8.3).

use std::{
    io::{self, Write},
    sync::Arc,
};

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use procession_application::ports::AgentTask;

use crate::suggest::did_you_mean;

/// What a template may read.
const VARIABLES: [&str; 4] = ["message", "attempt", "execution_id", "step_id"];
/// The largest template, and the largest single tag in one: the engine's parser runs out of stack on very long chains.
const LARGEST_TEMPLATE: usize = 256 * 1024;
const LARGEST_TAG: usize = 4 * 1024;
/// Steps of work for one reply.
const FUEL: u64 = 100_000;
/// The largest reply, in bytes: above what a server keeps of an output (16 MiB), so that this limit too can be tried.
const LARGEST_REPLY: usize = 32 * 1024 * 1024;

const NAME: &str = "reply";

/// A checked template.
#[derive(Debug, Clone)]
pub(super) struct ReplyTemplate(Arc<Environment<'static>>);

impl ReplyTemplate {
    /// Compiles the text; the error is a sentence.
    pub(super) fn compile(source: &str) -> Result<Self, String> {
        check_size(source)?;
        let mut environment = Environment::new();
        environment.remove_global("namespace");
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_debug(false);
        environment.add_template_owned(NAME, source.to_owned()).map_err(|error| sentence(&error))?;
        let template = environment.get_template(NAME).map_err(|error| sentence(&error))?;
        let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        unknown.retain(|name| {
            !VARIABLES.contains(&name.as_str()) && !environment.globals().any(|(global, _)| global == name)
        });
        unknown.sort_unstable();
        if let Some(name) = unknown.first() {
            let hint = did_you_mean(name, VARIABLES);
            return Err(format!("a reply can use {}, but not `{name}`{hint}", VARIABLES.join(", ")));
        }
        Ok(Self(Arc::new(environment)))
    }

    /// The reply to a task; the error is a sentence without the task's content.
    pub(super) fn fill_in(&self, task: &AgentTask) -> Result<String, String> {
        let template = self.0.get_template(NAME).map_err(|error| sentence(&error))?;
        let context = context! {
            message => Value::from(task.message.as_str()),
            attempt => task.attempt,
            execution_id => task.execution_id.to_string(),
            step_id => task.step_id.as_str(),
        };
        let mut reply = Bounded(Vec::new());
        match template.render_captured_to(context, &mut reply) {
            Ok(_) => String::from_utf8(reply.0).map_err(|_| "the reply is not UTF-8".to_owned()),
            Err(error) => Err(sentence(&error)),
        }
    }
}

/// A buffer that takes no more than a reply may have.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST_REPLY {
            return Err(io::Error::other("the reply is larger than 32 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn check_size(source: &str) -> Result<(), String> {
    if source.len() > LARGEST_TEMPLATE {
        return Err("the template is larger than 256 KiB".into());
    }
    let mut rest = source;
    while let Some(start) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let tag = &rest[start + 2..];
        let end = tag.find("}}").into_iter().chain(tag.find("%}")).min().unwrap_or(tag.len());
        if end > LARGEST_TAG {
            return Err("a tag of the template is larger than 4 KiB".into());
        }
        rest = &tag[end..];
    }
    Ok(())
}

/// An error in words, without the values of the variables.
fn sentence(error: &minijinja::Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" (line {line} of the template)"));
    let cause = std::error::Error::source(error).map(ToString::to_string);
    match error.kind() {
        ErrorKind::OutOfFuel => "the template takes too many steps to fill in".to_owned(),
        ErrorKind::WriteFailure => cause.unwrap_or_else(|| "the reply can't be written".to_owned()),
        kind => match error.detail() {
            Some(detail) => format!("{kind}: {detail}{line}"),
            None => format!("{kind}{line}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::tests::task;

    #[test]
    fn a_template_reads_the_task() {
        let template = ReplyTemplate::compile("{{ step_id }}/{{ attempt }}: {{ message | upper }}").unwrap();
        let mut task = task("a", "héllo");
        task.attempt = 2;
        assert_eq!(template.fill_in(&task).unwrap(), "draft/2: HÉLLO");
    }

    #[test]
    fn mistakes_are_told_when_the_file_is_read() {
        for (source, expected) in [
            ("{{ mesage }}", "did you mean `message`?"),
            ("{{ message", "unexpected end"),
            ("{% for x in %}", "line 1 of the template"),
            ("{{ message | nofilter }}", "nofilter"),
        ] {
            let outcome = ReplyTemplate::compile(source).and_then(|template| template.fill_in(&task("a", "m")));
            let error = outcome.unwrap_err();
            assert!(error.contains(expected), "{source}: {error}");
        }
        assert!(ReplyTemplate::compile(&format!("{{{{ {}message }}}}", "-".repeat(10_000))).is_err());
    }

    #[test]
    fn work_and_size_are_bounded() {
        let busy =
            ReplyTemplate::compile("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}");
        assert!(busy.unwrap().fill_in(&task("a", "m")).unwrap_err().contains("too many steps"));
        let large = ReplyTemplate::compile("{% for a in range(2000) %}{{ message }}{% endfor %}").unwrap();
        let error = large.fill_in(&task("a", &"x".repeat(20_000))).unwrap_err();
        assert!(error.contains("larger than 32 MiB"), "{error}");
    }
}
