//! Problems as workflow commands, which GitHub Actions shows as annotations beside the lines.

use std::io;

use procession_language::{Diagnostic, Severity};

use super::{CheckedFile, in_words};
use crate::terminal;

pub(super) fn print(files: &[CheckedFile]) -> io::Result<()> {
    for file in files {
        for diagnostic in &file.diagnostics {
            terminal::say(annotation(&file.name, diagnostic))?;
        }
    }
    Ok(())
}

/// One command: `::error file=…,line=…::message`.
fn annotation(file: &str, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    // Columns are shown only for problems within one line.
    let columns = if diagnostic.line == diagnostic.end_line {
        format!(",col={},endColumn={}", diagnostic.column, diagnostic.end_column)
    } else {
        String::new()
    };
    format!(
        "::{level} file={},line={},endLine={}{columns},title={}::{}",
        property(file),
        diagnostic.line,
        diagnostic.end_line,
        property(diagnostic.code.as_str()),
        data(&in_words(diagnostic))
    )
}

/// A message in which nothing ends the command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property in which nothing ends it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use procession_language::{Nothing, check};

    use super::*;

    #[test]
    fn an_annotation_is_one_line_whatever_the_text_holds() {
        let mut diagnostic = check("name: x\nsteps: 5\n", &Nothing).diagnostics.remove(0);
        diagnostic.message = "100 %\u{1b}\nof: it, all".to_owned();
        diagnostic.suggestion = Some("a\nb".to_owned());
        let line = annotation("a,b:c.yaml", &diagnostic);
        assert!(line.starts_with("::error file=a%2Cb%3Ac.yaml,line=2,endLine=2,col="), "{line}");
        assert!(line.ends_with("::100 %25␛%0Aof: it, all%0Awrite: a%0Ab"), "{line}");
    }
}
