//! Finding words in the pages. There are few of them, and all are in memory: no index is needed.

use std::sync::LazyLock;

use super::pages::SECTIONS;

/// The most places that are told.
pub(super) const MOST: usize = 20;

/// The most bytes of what is looked for, and the most characters of an excerpt.
const LONGEST: usize = 200;

/// A place with all of the words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub slug: String,
    pub title: &'static str,
    pub heading: String,
    pub excerpt: String,
}

/// The part of a page under one heading.
struct Part {
    slug: String,
    title: &'static str,
    heading: String,
    text: String,
    /// The same in lower case, heading and title included.
    folded: String,
}

static PARTS: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let pages = SECTIONS.iter().flat_map(|section| section.pages.iter().map(move |page| (section, page)));
    pages
        .flat_map(|(section, page)| parts_of(&format!("{}/{}", section.id, page.name), page.title(), &page.content()))
        .collect()
});

fn parts_of(slug: &str, title: &'static str, content: &str) -> Vec<Part> {
    let mut parts: Vec<(String, String)> = Vec::new();
    let mut is_code = false;
    for line in content.lines() {
        is_code ^= line.trim_start().starts_with("```");
        match line.trim_start_matches('#').strip_prefix(' ') {
            Some(heading) if !is_code && line.starts_with('#') => parts.push((heading.to_owned(), String::new())),
            _ => {
                if let Some((_, text)) = parts.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    let part = |(heading, text): (String, String)| {
        let folded = format!("{title}\n{heading}\n{text}").to_lowercase();
        Part { slug: slug.to_owned(), title, heading, text, folded }
    };
    parts.into_iter().map(part).collect()
}

/// The places with all of these words: those first whose headings have them, then in the order of the contents.
pub(super) fn find(query: &str) -> Vec<Found> {
    let query = query[..query.floor_char_boundary(LONGEST)].to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<&Part> =
        PARTS.iter().filter(|part| words.iter().all(|word| part.folded.contains(word))).collect();
    found.sort_by_key(|part| {
        let named = format!("{} {}", part.title, part.heading).to_lowercase();
        words.iter().filter(|word| !named.contains(**word)).count()
    });
    let told = |part: &Part| Found {
        slug: part.slug.clone(),
        title: part.title,
        heading: part.heading.clone(),
        excerpt: excerpt(&part.text, &words),
    };
    found.into_iter().map(told).collect()
}

/// The line with most of the words, the first of them; the first line with words where none has any.
fn excerpt(text: &str, words: &[&str]) -> String {
    let count = |line: &str| {
        let line = line.to_lowercase();
        words.iter().filter(|word| line.contains(**word)).count()
    };
    let lines =
        text.lines().map(str::trim).filter(|line| line.contains(char::is_alphabetic) && !line.starts_with("```"));
    let best = lines.rev().max_by_key(|line| count(line)).unwrap_or_default();
    best.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_with_all_words_are_found_those_with_them_in_their_heading_first() {
        let found = find("RETRY delay");
        assert!(!found.is_empty());
        for place in &found {
            let part = PARTS.iter().find(|part| part.slug == place.slug && part.heading == place.heading).unwrap();
            assert!(part.folded.contains("retry") && part.folded.contains("delay"), "{place:?}");
        }
        let first = &find("gateway")[0];
        assert!(format!("{} {}", first.title, first.heading).to_lowercase().contains("gateway"), "{first:?}");
    }

    #[test]
    fn nothing_is_found_of_nothing() {
        assert_eq!(find(""), []);
        assert_eq!(find("  \n "), []);
        assert_eq!(find("xyzzy-is-nowhere"), []);
        assert_eq!(find(&"ä".repeat(10_000)), []);
    }
}
