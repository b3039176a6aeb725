//! Reads questions from standard input, one a line: five cron fields, a time zone and a moment, with tabs between them.
//! Answers each with the due time after that moment, or with nothing. Another implementation is compared with this one
//! (`tests/cron/compare.py`).

use std::io::{self, BufRead as _, Write as _};

use indexmap::IndexMap;
use procession_domain::{
    definition::{Misfire, Overlap, Schedule},
    value::{Duration, Timestamp},
};
use procession_language::schedule::{DueTimes, expand};

fn answer(question: &str) -> Option<Timestamp> {
    let parts: Vec<&str> = question.split('\t').collect();
    let [line, zone, after] = parts.as_slice() else { return None };
    let schedule = Schedule {
        cron: (*line).to_owned(),
        cron_expression: expand(line).ok()?,
        timezone: (*zone).to_owned(),
        input: IndexMap::new(),
        misfire: Misfire::FireOnce,
        misfire_grace: Duration::ZERO,
        overlap: Overlap::Allow,
        shift_missing: true,
        fire_repeated_twice: false,
        jitter: Duration::ZERO,
    };
    DueTimes::of(&schedule).ok()?.next_after(after.parse().ok()?)
}

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for question in io::stdin().lock().lines() {
        match answer(&question?) {
            Some(due) => writeln!(output, "{due}")?,
            None => writeln!(output)?,
        }
    }
    Ok(())
}
