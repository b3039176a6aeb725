//! A step as a line.

use anstyle::Style;
use procession_domain::value::Timestamp;

use super::{
    rows::{Mark, Row},
    telling::{lasted, money},
};
use crate::terminal::style::{self, first_line, fit, paint};

/// The longest name that others are aligned with.
const LONGEST_NAME: usize = 32;

/// The least room that is left for a text.
const LEAST_TEXT: usize = 12;

/// How a row is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Columns of the longest name.
    pub names: usize,
    /// Columns of the whole line.
    pub width: usize,
    /// Whether the time of what is under way is shown: only where the line is drawn anew.
    pub is_live: bool,
}

impl Layout {
    pub fn of(rows: &[Row], is_live: bool) -> Self {
        let names = rows.iter().map(|row| name(row, is_live).chars().count()).max().unwrap_or(0);
        Self { names: names.min(LONGEST_NAME), width: crate::terminal::width().saturating_sub(1), is_live }
    }
}

/// The line of a row: symbol, name, facts, text.
pub(super) fn line(row: &Row, now: Timestamp, layout: Layout) -> String {
    let (symbol, look) = symbol(row.mark);
    let name = fit(&name(row, layout.is_live), layout.names);
    let names = layout.names;
    let facts = facts(row, now, layout.is_live).join("  ");
    let used = 2 + names + 2 + facts.chars().count() + 2;
    let text = first_line(&row.text, layout.width.saturating_sub(used).max(LEAST_TEXT));
    let look_of_text = match row.mark {
        Mark::Failed => style::BAD,
        Mark::Asking => style::WAITING,
        _ => Style::new(),
    };
    let mut line = format!("{} {name:names$}", paint(look, symbol));
    if !facts.is_empty() {
        line.push_str("  ");
        line.push_str(&paint(style::DIM, facts));
    }
    if !text.is_empty() {
        line.push_str("  ");
        line.push_str(&paint(look_of_text, text));
    }
    line.truncate(line.trim_end().len());
    line
}

/// Below the step that runs it, a sub-process's step goes by its own name; in lines it is told by its whole place.
fn name(row: &Row, is_live: bool) -> String {
    if !is_live {
        return row.place.clone();
    }
    let own = row.place.rsplit('/').next().unwrap_or_default();
    format!("{}{own}", "  ".repeat(row.depth()))
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

fn facts(row: &Row, now: Timestamp, is_live: bool) -> Vec<String> {
    let mut facts = Vec::new();
    facts.extend(row.agent.clone());
    if row.attempt > 1 {
        facts.push(format!("attempt {}", row.attempt));
    }
    let until = row.ended_at.or(is_live.then_some(now).filter(|_| row.mark != Mark::Pending));
    if let (Some(began), Some(until)) = (row.began_at, until) {
        facts.push(lasted(until.since(began)));
    }
    facts.extend(row.cost.map(money));
    if let Some(until) = row.until.filter(|until| *until > now) {
        facts.push(format!("{} left", lasted(until.since(now))));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_a_step_stands_and_fits_its_width() {
        let now = Timestamp::from_micros(10_000_000);
        let layout = Layout { names: 10, width: 60, is_live: true };
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
        assert_eq!(shown(&row, layout), "▸   books     bookkeeper  attempt 2  1.2s  $0.012  first line,…");
        let plain = Layout { is_live: false, ..layout };
        assert_eq!(shown(&row, plain), "▸ report/bo…  bookkeeper  attempt 2  $0.012  first line, wh…");
        let waiting = Row { mark: Mark::Waiting, until: Some(Timestamp::from_micros(13_000_000)), ..row };
        assert!(shown(&waiting, plain).contains("3.0s left"), "{}", shown(&waiting, plain));
    }
}
