//! The text as YAML: its tree, and what is wrong with it in the codes of this crate.

use procession_yaml::{Document, Fault, Reading, Source, Span};

use crate::{
    code::Code,
    keys,
    problem::{Problem, Problems},
};

/// Reads a text; without a root there is nothing to check further, and a problem says why.
pub(crate) fn read<'s>(source: &'s Source<'_>, is_wanted: &dyn Fn() -> bool, problems: &mut Problems) -> Document<'s> {
    let mut document = procession_yaml::read(source, Reading { is_known_key: &keys::is_known_anywhere, is_wanted });
    let is_empty = document.root.is_none()
        && !document.is_cut_off
        && document.problems.iter().all(|problem| problem.fault.is_harmless());
    for found in std::mem::take(&mut document.problems) {
        problems.push(problem(found));
    }
    if is_empty {
        let message = "the text is empty; a process needs at least `name` and `steps`";
        let start = source.line_start(1);
        problems.push(Problem::new(Code::EmptyDocument, Span::new(start, start), message));
    }
    document
}

fn problem(found: procession_yaml::Problem) -> Problem {
    let procession_yaml::Problem { fault, message, path, span, suggestion, fix } = found;
    let message = match fault {
        Fault::SeveralDocuments => "a file holds one process; put this document into a file of its own".to_owned(),
        Fault::TooLarge => format!("{message}; move long messages elsewhere, or split the process"),
        _ => message,
    };
    Problem { code: code(fault), message, path, span, suggestion, fix }
}

const fn code(fault: Fault) -> Code {
    match fault {
        Fault::Syntax => Code::YamlSyntax,
        Fault::TabIndentation => Code::TabIndentation,
        Fault::UnquotedExpression => Code::UnquotedExpression,
        Fault::UnquotedColon => Code::UnquotedColon,
        Fault::DuplicateKey => Code::DuplicateKey,
        Fault::BadKey => Code::BadKey,
        Fault::UnknownAnchor => Code::UnknownAnchor,
        Fault::IgnoredTag => Code::IgnoredTag,
        Fault::MergeOfNoMapping => Code::WrongType,
        Fault::SeveralDocuments => Code::SeveralDocuments,
        Fault::TooLarge => Code::DocumentTooLarge,
        Fault::NestedTooDeep => Code::NestedTooDeep,
        Fault::TooManyAliases => Code::TooManyAliases,
        Fault::TooManyNodes => Code::TooManyNodes,
    }
}
