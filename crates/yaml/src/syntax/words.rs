//! The parser's reasons without its vocabulary.

use granit_parser::ErrorKind;

/// What a syntax error comes from.
pub(super) fn in_words(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedDocumentStart
        | ErrorKind::InvalidFlowScalarIndent => "its indentation fits none of the lines above",
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => "a key without `:` behind it",
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => "there is a `:` where no key can be",
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => "a comma is missing",
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => {
            "there is a `- ` where no list can begin"
        }
        ErrorKind::TabNotAllowed | ErrorKind::TabInPlainScalar | ErrorKind::TabAtBlockScalarStart => {
            "there is a tab where only spaces may be"
        }
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => "a quote is not closed",
        ErrorKind::InvalidBlockScalarHeader => "only `|` or `>`, with `+`, `-` or a digit, may stand on its first line",
        ErrorKind::CommentNotSeparated => "a `#` needs a space before it",
        ErrorKind::BomInsideDocument => "there is a byte order mark in the middle of the text",
        ErrorKind::UndeclaredTagHandle | ErrorKind::MissingTagUri | ErrorKind::InvalidTagTerminator => {
            "a `!` at its start makes it a tag; quote the text"
        }
        ErrorKind::MissingAnchorOrAliasName => "a `&` or `*` at its start needs a name; quote the text",
        // The parser's own list may grow.
        _ => "check indentation, quotes and brackets around here",
    }
}
