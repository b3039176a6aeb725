//! The pages: those of `docs/`, as parts of the program, under the names that the existing frontend knows (spec 4b 11).

/// A part of the contents.
pub(super) struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub pages: &'static [Page],
}

/// A page.
pub(super) struct Page {
    /// Its name within its section.
    pub name: &'static str,
    /// Its text, in Markdown, with the title as its first heading.
    text: &'static str,
}

/// What the frontend links to and is told elsewhere: another name, and the page that it means.
const OTHER_NAMES: [(&str, &str); 3] = [
    ("reference/triggers", "reference/yaml-schema"),
    ("patterns/parallel", "patterns/sequential"),
    ("patterns/approvals", "tutorials/human-checkpoints"),
];

macro_rules! page {
    ($name:literal, $file:literal) => {
        Page { name: $name, text: include_str!(concat!("../../../../../docs/", $file)) }
    };
}

pub(super) static SECTIONS: [Section; 5] = [
    Section {
        id: "getting-started",
        title: "Getting started",
        pages: &[
            page!("what-are-processes", "guide/what-are-processes.md"),
            page!("first-process", "guide/first-process.md"),
            page!("step-types", "language/README.md"),
        ],
    },
    Section {
        id: "tutorials",
        title: "Tutorials",
        pages: &[
            page!("from-nothing", "tutorial.md"),
            page!("second-process", "language/agent-task.md"),
            page!("human-checkpoints", "language/human-approval.md"),
            page!("complex-workflows", "language/gateway.md"),
            page!("sub-processes", "language/sub-process.md"),
            page!("timers", "language/timer.md"),
            page!("notifications", "language/notification.md"),
        ],
    },
    Section {
        id: "reference",
        title: "Reference",
        pages: &[
            page!("yaml-schema", "language/overview.md"),
            page!("variables", "language/expressions.md"),
            page!("error-handling", "language/errors-and-retries.md"),
            page!("limits-and-budgets", "language/limits-and-budgets.md"),
            page!("commands", "language/commands.md"),
            page!("crash-recovery", "language/crash-recovery.md"),
            page!("agents", "agents.md"),
            page!("http-api", "http-api.md"),
            page!("notification-settings", "notifications.md"),
            page!("deliveries", "deliveries.md"),
        ],
    },
    Section {
        id: "patterns",
        title: "Patterns",
        pages: &[page!("sequential", "language/flow.md"), page!("recipes", "recipes.md")],
    },
    Section {
        id: "troubleshooting",
        title: "Troubleshooting",
        pages: &[page!("common-errors", "language/diagnostics.md")],
    },
];

impl Page {
    /// Its title: the first heading.
    pub fn title(&self) -> &'static str {
        self.text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(self.name)
    }

    /// Its text as the existing frontend can render it.
    pub fn content(&self) -> String {
        without_links(self.text)
    }
}

/// The page of a name such as `reference/variables`.
pub(super) fn page(slug: &str) -> Option<&'static Page> {
    let slug = slug.strip_suffix(".md").unwrap_or(slug);
    let slug = OTHER_NAMES.iter().find(|(other, _)| *other == slug).map_or(slug, |(_, meant)| meant);
    let (section, name) = slug.split_once('/')?;
    SECTIONS.iter().find(|known| known.id == section)?.pages.iter().find(|page| page.name == name)
}

/// The text without links: the existing frontend shows none of them, not even their words (spec 4b 18.A.19). Words stay, and
/// the address of a page elsewhere stands behind them as code.
fn without_links(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut is_code = false;
    for line in markdown.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            text.push_str(line);
        } else if is_code {
            text.push_str(line);
        } else {
            push_without_links(&mut text, line);
        }
    }
    text
}

fn push_without_links(text: &mut String, line: &str) {
    let mut rest = line;
    while let Some(at) = rest.find(['`', '[', '<', 'h']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = code_span(rest).map(|code| (code.to_owned(), code.len()));
        let taken = taken.or_else(|| link(rest)).or_else(|| address(rest));
        let (shown, length) = taken.unwrap_or_else(|| (rest[..1].to_owned(), 1));
        text.push_str(&shown);
        rest = &rest[length..];
    }
    text.push_str(rest);
}

/// The code at the beginning, with its marks.
fn code_span(text: &str) -> Option<&str> {
    let end = text.strip_prefix('`')?.find('`')?;
    Some(&text[..end + 2])
}

/// What is shown for a link at the beginning, and how long the link is.
fn link(text: &str) -> Option<(String, usize)> {
    let words_end = text.strip_prefix('[')?.find("](")? + 1;
    let target_end = words_end + text[words_end..].find(')')?;
    let (words, target) = (&text[1..words_end], &text[words_end + 2..target_end]);
    let shown = if target.starts_with("http") { format!("{words} (`{target}`)") } else { words.to_owned() };
    Some((shown, target_end + 1))
}

/// The same for an address, which readers of Markdown make a link.
fn address(text: &str) -> Option<(String, usize)> {
    let bare = text.strip_prefix('<').unwrap_or(text);
    if !bare.starts_with("http://") && !bare.starts_with("https://") {
        return None;
    }
    let ends = |letter: char| letter.is_whitespace() || ['>', ')', '|', ','].contains(&letter);
    let end = bare.find(ends).unwrap_or(bare.len());
    let closing = usize::from(bare.len() < text.len());
    Some((format!("`{}`", &bare[..end]), closing + end + closing))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_pages_that_the_frontend_links_to_are_there() {
        for slug in [
            "getting-started/what-are-processes",
            "getting-started/first-process",
            "getting-started/step-types",
            "tutorials/second-process",
            "tutorials/human-checkpoints",
            "tutorials/complex-workflows",
            "reference/yaml-schema",
            "reference/variables",
            "reference/triggers",
            "reference/error-handling",
            "patterns/sequential",
            "patterns/parallel",
            "patterns/approvals",
            "troubleshooting/common-errors",
        ] {
            assert!(page(slug).is_some(), "{slug}");
        }
        assert!(page("reference").is_none() && page("reference/nothing").is_none());
        assert!(page("reference/variables.md").is_some());
    }

    #[test]
    fn every_page_has_a_title_and_a_name_of_its_own() {
        let mut slugs = BTreeSet::new();
        for section in &SECTIONS {
            for page in section.pages {
                assert_ne!(page.title(), page.name);
                assert!(slugs.insert((section.id, page.name)), "{}", page.name);
            }
        }
    }

    #[test]
    fn links_keep_their_words_and_addresses_are_code() {
        for (markdown, shown) in [
            ("See [Flow](flow.md) and `[x](y)`.", "See Flow and `[x](y)`."),
            ("| [`timer`](timer.md) | waits |", "| `timer` | waits |"),
            ("[RFC 9457](https://example.org/rfc)", "RFC 9457 (`https://example.org/rfc`)"),
            (
                "at <https://example.org> or https://example.org/x, too",
                "at `https://example.org` or `https://example.org/x`, too",
            ),
            ("a [list] of `https://example.org`", "a [list] of `https://example.org`"),
            ("```\n[a](b)\n```\n[a](b)\n", "```\n[a](b)\n```\na\n"),
            ("how is it", "how is it"),
        ] {
            assert_eq!(without_links(markdown), shown);
        }
    }

    #[test]
    fn no_page_shows_a_link() {
        for page in SECTIONS.iter().flat_map(|section| section.pages) {
            let mut is_code = false;
            for line in page.content().lines() {
                is_code ^= line.trim_start().starts_with("```");
                let prose: String = line.split('`').step_by(2).collect();
                assert!(
                    is_code || !(prose.contains("](") || prose.contains("http://") || prose.contains("https://")),
                    "{}: {line}",
                    page.name
                );
            }
        }
    }
}
