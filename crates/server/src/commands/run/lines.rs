//! A step as a line, which is never wider than the terminal.

use anstyle::Style;
use procession_domain::value::Timestamp;

use super::{
    rows::{Mark, Row},
    telling::{lasted, money},
};
use crate::terminal::{
    style::{self, paint},
    text::{clean, first_line, fit, pad, width},
};

/// The longest name that others are aligned with.
const LONGEST_NAME: usize = 32;

/// The least room that is left for a text, where there is one.
const LEAST_TEXT: usize = 12;

/// How a row is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Columns of the longest name.
    pub names: usize,
    /// Columns of the whole line.
    pub width: usize,
    /// How the steps are shown.
    pub style: LineStyle,
}

/// How steps are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineStyle {
    /// Each by its own name below the step that runs its process, with the time that it takes, since it is drawn anew.
    Tree,
    /// The same by their whole places, since not all have room.
    Selection,
    /// One after the other as they change.
    Log,
}

/// A fact about a step, and how soon it is left out where there is no room.
struct Fact {
    rank: u8,
    text: String,
}

impl Layout {
    /// For these rows, on a terminal of so many columns.
    pub fn of<'r>(rows: impl Iterator<Item = &'r Row>, style: LineStyle, columns: usize) -> Self {
        let names = rows.map(|row| width(&name(row, style))).max().unwrap_or(0);
        // In its last column, some terminals begin a new line already.
        let line = columns.saturating_sub(1);
        Self { names: names.min(LONGEST_NAME).min((line * 2 / 5).max(8)), width: line, style }
    }

    const fn is_live(self) -> bool {
        matches!(self.style, LineStyle::Tree | LineStyle::Selection)
    }
}

/// The line of a row: symbol, name, facts, text.
pub(super) fn line(row: &Row, now: Timestamp, layout: Layout) -> String {
    let (symbol, look) = symbol(row.mark);
    let name = pad(&fit(&name(row, layout.style), layout.names), layout.names);
    let mut room = layout.width.saturating_sub(width(symbol) + 1 + width(&name));
    let wanted = if row.text.is_empty() { 0 } else { LEAST_TEXT + 2 };
    let facts = fitting(facts(row, now, layout.is_live()), room.saturating_sub(wanted));
    let mut line = format!("{} {name}", paint(look, symbol));
    if !facts.is_empty() {
        room = room.saturating_sub(width(&facts) + 2);
        line.push_str("  ");
        line.push_str(&paint(style::DIM, facts));
    }
    let text = first_line(&row.text, room.saturating_sub(2));
    if !text.is_empty() {
        let look_of_text = match row.mark {
            Mark::Failed => style::BAD,
            Mark::Asking => style::WAITING,
            Mark::Pending
            | Mark::Running
            | Mark::Waiting
            | Mark::Done
            | Mark::Skipped
            | Mark::Cancelled
            | Mark::Undoing
            | Mark::Undone => Style::new(),
        };
        line.push_str("  ");
        line.push_str(&paint(look_of_text, text));
    }
    line.truncate(line.trim_end().len());
    line
}

/// Below the step that runs it, a sub-process's step goes by its own name; elsewhere it is told by its whole place.
fn name(row: &Row, style: LineStyle) -> String {
    match style {
        LineStyle::Selection | LineStyle::Log => clean(&row.place),
        LineStyle::Tree => {
            let own = row.place.rsplit('/').next().unwrap_or_default();
            format!("{}{}", "  ".repeat(row.depth()), clean(own))
        }
    }
}

/// The facts that have room, the most telling ones, in their order.
fn fitting(mut facts: Vec<Fact>, room: usize) -> String {
    loop {
        let texts: Vec<&str> = facts.iter().map(|fact| fact.text.as_str()).collect();
        let joined = texts.join("  ");
        let least = facts.iter().enumerate().min_by_key(|(_, fact)| fact.rank).map(|(number, _)| number);
        match least {
            Some(least) if width(&joined) + 2 > room => facts.remove(least),
            Some(_) | None => return joined,
        };
    }
}

const fn symbol(mark: Mark) -> (&'static str, Style) {
    match mark {
        Mark::Pending => ("·", style::DIM),
        Mark::Running => ("▸", style::ACTIVE),
        Mark::Waiting => ("◦", style::WAITING),
        Mark::Asking => ("?", style::WAITING),
        Mark::Done => ("✓", style::GOOD),
        Mark::Failed => ("✗", style::BAD),
        Mark::Skipped | Mark::Cancelled => ("-", style::DIM),
        Mark::Undoing => ("↶", style::ACTIVE),
        Mark::Undone => ("↶", style::DIM),
    }
}

fn facts(row: &Row, now: Timestamp, is_live: bool) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(row.agent.as_deref().map(|agent| Fact { rank: 1, text: clean(agent) }));
    if row.attempt > 1 {
        facts.push(Fact { rank: 3, text: format!("attempt {}", row.attempt) });
    }
    let until = row.ended_at.or(is_live.then_some(now).filter(|_| row.mark != Mark::Pending));
    if let (Some(began), Some(until)) = (row.began_at, until) {
        facts.push(Fact { rank: 4, text: lasted(until.since(began)) });
    }
    facts.extend(row.cost.map(|cost| Fact { rank: 2, text: money(cost) }));
    if let Some(until) = row.until.filter(|until| *until > now) {
        facts.push(Fact { rank: 5, text: format!("{} left", lasted(until.since(now))) });
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_a_step_stands_and_fits_its_width() {
        let now = Timestamp::from_micros(10_000_000);
        let layout = Layout { names: 10, width: 60, style: LineStyle::Tree };
        let row = Row {
            place: "report/books".to_owned(),
            mark: Mark::Running,
            agent: Some("bookkeeper".to_owned()),
            attempt: 2,
            began_at: Some(Timestamp::from_micros(8_750_000)),
            ended_at: None,
            until: None,
            cost: "0.012".parse().ok(),
            text: "first line, which is long enough to be cut\nsecond".to_owned(),
        };
        let shown = |row: &Row, layout| anstream::adapter::strip_str(&line(row, now, layout)).to_string();
        assert_eq!(shown(&row, layout), "▸   books     attempt 2  1.2s  $0.012  first line, which is…");
        let plain = Layout { style: LineStyle::Log, ..layout };
        assert_eq!(shown(&row, plain), "▸ report/bo…  bookkeeper  attempt 2  $0.012  first line, wh…");
        let waiting = Row { mark: Mark::Waiting, until: Some(Timestamp::from_micros(13_000_000)), ..row };
        assert!(shown(&waiting, plain).contains("3.0s left"), "{}", shown(&waiting, plain));
    }

    #[test]
    fn a_line_is_never_wider_than_the_terminal() {
        let now = Timestamp::from_micros(10_000_000);
        let texts =
            ["", "short", "第一行：日本語の文章がここに入ります。とても長い文章なので", "👩‍👩‍👧‍👦 \u{1b}[2Jfamily", "a\tb"];
        let places = ["a", "fetch-the-quarterly-figures", "report/summary/研究-notes"];
        for columns in 20..=120 {
            for (place, text) in places.iter().flat_map(|place| texts.map(|text| (place, text))) {
                let row = Row {
                    mark: Mark::Waiting,
                    agent: Some("the-bookkeeper-of-the-house".to_owned()),
                    attempt: 12,
                    began_at: Some(Timestamp::from_micros(1_000_000)),
                    until: Some(Timestamp::from_micros(13_000_000)),
                    cost: "0.0125".parse().ok(),
                    text: text.to_owned(),
                    ..Row::new((*place).to_owned())
                };
                for style in [LineStyle::Tree, LineStyle::Selection, LineStyle::Log] {
                    let layout = Layout::of(std::iter::once(&row), style, columns);
                    let shown = anstream::adapter::strip_str(&line(&row, now, layout)).to_string();
                    assert!(width(&shown) < columns, "{columns}: {shown}");
                    assert!(
                        text.is_empty()
                            || columns < 40
                            || shown.contains(&text[..text.chars().next().unwrap().len_utf8()]),
                        "{columns}: {shown}"
                    );
                }
            }
        }
    }
}
