//! Checking definitions (spec 1.11).

use std::time::{Duration, Instant};

use anyhow::ensure;
use procession_language::{Nothing, check};

use crate::{
    Bench,
    machine::processor_time,
    processes,
    report::{Row, Section},
    stopwatch::{Times, shown},
};

/// The most that checking 1,000 steps may take; the specification allows 20 ms (1.11).
const MOST: Duration = Duration::from_millis(15);

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new(
        "Checking definitions",
        "`procession_language::check` of one text, many times: YAML to a checked definition. *Mixed* files have messages \
         that read, conditions on every step, gateways, approvals and retries; *chains* only steps with messages. What \
         counts is the time on the processor, the mean of all runs: a check waits for nothing.",
    );
    for (kind, write) in [("mixed", processes::mixed as fn(&str, usize) -> String), ("chain", processes::chain)] {
        for steps in [100, 1_000] {
            let yaml = write("checked", steps);
            let (wall, processor) = times(&yaml, if bench.quick { 10 } else { 100 })?;
            let row = Row::new(
                format!("{kind}, {steps} steps, {} KB", yaml.len() / 1_000),
                format!("{} of processor", shown(processor)),
            )
            .beside(format!(
                "on the wall, median: {}; 99 %: {}",
                shown(wall.median()),
                shown(wall.quantile(0.99))
            ));
            let row = if steps == 1_000 { row.target("under 15 ms", processor < MOST) } else { row };
            section.add(row);
        }
    }
    Ok(section)
}

/// The times that checks take on the wall, and on the processor in the mean.
fn times(yaml: &str, count: u32) -> anyhow::Result<(Times, Duration)> {
    let mut times = Times::default();
    let before = processor_time()?;
    for _ in 0..count {
        let begun = Instant::now();
        let checked = check(yaml, &Nothing);
        times.note(begun.elapsed());
        let errors: Vec<_> = checked.errors().collect();
        ensure!(errors.is_empty(), "the definition has errors: {errors:?}");
    }
    Ok((times, processor_time()?.saturating_sub(before) / count))
}
