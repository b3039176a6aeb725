//! What a step costs: latency and overhead of the engine with an agent that answers at once, and its throughput.

use std::time::Duration;

use crate::{
    Bench,
    floor::Floor,
    machine::processor_time,
    processes,
    report::{Row, Section},
    stage::{Leftover, Stage, topic},
    stopwatch::{Times, per_second, rate, ratio, shown},
};

/// How many steps the executions have whose throughput is measured.
const STEPS: usize = 10;

/// A measured chain.
struct Chain {
    steps: usize,
    times: Times,
    /// Time on the processor of one execution, in the mean.
    processor: Duration,
}

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new(
        "What a step costs",
        "Chains of steps in the engine, on SQLite with `synchronous=FULL`; the agent answers at once, so all of the time is \
         overhead. *A further step* is the difference between a long and a short chain, divided by the difference of \
         their lengths. The floor writes what the 1,000-step execution wrote: one transaction a transition, or 50 \
         transitions in one.",
    );
    let lengths: &[(usize, u32)] =
        if bench.quick { &[(1, 20), (10, 10), (1_000, 1)] } else { &[(1, 300), (10, 100), (1_000, 5)] };
    let mut chains = Vec::new();
    let mut long_chain = None;
    for (steps, times) in lengths {
        let (chain, leftover) = run(bench, *steps, *times).await?;
        let text = format!("99 %: {}", shown(chain.times.quantile(0.99)));
        section.add(Row::new(format!("execution of {steps}, median"), shown(chain.times.median())).beside(text));
        chains.push(chain);
        long_chain = Some(leftover);
    }
    let [one, ten, thousand] = chains.as_slice() else { return Ok(section) };
    let of = |shorter: &Chain, longer: &Chain| per_step(shorter, longer, longer.times.median(), shorter.times.median());
    let (short, long) = (of(one, ten), of(ten, thousand));
    if let Some(leftover) = long_chain {
        let floor = Floor::read(&leftover.database())?;
        let single = floor.replay(&bench.folder, 1).await?;
        let bare = single / u32::try_from(floor.transitions()).unwrap_or(u32::MAX);
        let times = ratio(long, bare);
        section.add(
            Row::new("a further step, of 1,000", shown(long))
                .beside(format!("floor, one commit each: {}", shown(bare)))
                .target(format!("≤ 3 × the floor, is {times:.2}"), times <= 3.0),
        );
    }
    let of = |shorter: &Chain, longer: &Chain| per_step(shorter, longer, longer.processor, shorter.processor);
    let (short_processor, long_processor) = (of(one, ten), of(ten, thousand));
    let change = ratio(long_processor, short_processor);
    section.add(
        Row::new("a further step, of 10", shown(short))
            .beside(format!("on the processor: {}, of 1,000: {}", shown(short_processor), shown(long_processor)))
            .target(format!("as much of the processor, ± 30 %, is {change:.2}"), (0.7..=1.3).contains(&change)),
    );
    section.add(throughput(bench).await?);
    Ok(section)
}

/// Runs a chain several times, one after the other.
async fn run(bench: &Bench, steps: usize, times: u32) -> anyhow::Result<(Chain, Leftover)> {
    let stage = Stage::open(&bench.folder).await?;
    let process = stage.publish(processes::chain("chain", steps)).await?;
    if steps < 1_000 {
        stage.run(process, topic()).await?;
    }
    let mut measured = Times::default();
    let before = processor_time()?;
    for _ in 0..times {
        measured.note(stage.run(process, topic()).await?);
    }
    let processor = processor_time()?.saturating_sub(before) / times;
    Ok((Chain { steps, times: measured, processor }, stage.close().await))
}

/// What a step more costs, by what two chains cost.
fn per_step(short: &Chain, long: &Chain, of_long: Duration, of_short: Duration) -> Duration {
    let more = u32::try_from(long.steps - short.steps).unwrap_or(u32::MAX);
    of_long.saturating_sub(of_short) / more
}

/// Many executions at once.
async fn throughput(bench: &Bench) -> anyhow::Result<Row> {
    let stage = Stage::open(&bench.folder).await?;
    let process = stage.publish(processes::chain("chain", STEPS)).await?;
    let count = if bench.quick { 100 } else { 2_000 };
    let time = stage.run_many(process, count, 64).await?;
    let leftover = stage.close().await;
    let floor = Floor::read(&leftover.database())?.replay(&bench.folder, 50).await?;
    let steps = count * STEPS;
    let part = 100.0 * rate(steps, time) / rate(steps, floor);
    Ok(Row::new(format!("steps, 64 executions of {STEPS} at once"), per_second(steps, time))
        .beside(format!("floor, in groups of 50: {}", per_second(steps, floor)))
        .target(format!("≥ 35 % of the floor, is {part:.0} %"), part >= 35.0))
}
