//! Executions of extreme shapes: ten times as much of anything may take little more than ten times as long.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use procession_application::{
    approvals::ApprovalQuery,
    ports::{PageStart, Paging},
};
use procession_domain::{
    approval::{ApprovalStatus, Ballot},
    value::{ApprovalId, ExecutionId, ProcessId},
};

use crate::{
    Bench,
    machine::processor_time,
    processes,
    report::{Row, Section},
    stage::{Stage, topic},
    stopwatch::{Times, per_second, ratio, shown},
};

/// How much longer ten times as much may take.
const MOST: f64 = 12.0;

/// How many people decide at the same time.
const VOTERS: usize = 16;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new(
        "Large and odd executions",
        "One execution at a time, agents answer at once; the fastest of some runs, and their mean on the processor, whose \
         growth counts. *Beside each other*: a step, then so many \
         that wait for it, then one that waits for all. *Sub-processes*: steps that each run a process of one step, one \
         after the other. *Decisions*: one execution asks for all of them at once, 16 people decide; the time from the \
         first decision to the end of the execution.",
    );
    let runs = if bench.quick { 1 } else { 5 };
    for shape in [Shape::Beside, Shape::Chain, Shape::SubProcesses] {
        let few = time(bench, shape, 100, runs * 3).await?;
        let many = time(bench, shape, 1_000, runs).await?;
        section.add(row(shape.name(), &few, &many));
    }
    let few = decide(bench, 20, runs).await?;
    let many = decide(bench, 200, runs).await?;
    section.add(row("decisions", &few, &many));
    Ok(section)
}

/// What executions of one size cost.
struct Cost {
    size: usize,
    fastest: Duration,
    processor: Duration,
}

/// What there is much of.
#[derive(Clone, Copy)]
enum Shape {
    Beside,
    Chain,
    SubProcesses,
}

impl Shape {
    const fn name(self) -> &'static str {
        match self {
            Self::Beside => "steps beside each other",
            Self::Chain => "steps one after the other",
            Self::SubProcesses => "sub-processes one after the other",
        }
    }

    async fn publish(self, stage: &Stage, size: usize) -> anyhow::Result<ProcessId> {
        match self {
            Self::Beside => stage.publish(processes::fan("fan", size)).await,
            Self::Chain => stage.publish(processes::chain("chain", size)).await,
            Self::SubProcesses => {
                stage.publish(processes::chain("child", 1)).await?;
                stage.publish(processes::sub_processes("parent", "child", size)).await
            }
        }
    }
}

async fn time(bench: &Bench, shape: Shape, size: usize, runs: u32) -> anyhow::Result<Cost> {
    let stage = Stage::open(&bench.folder).await?;
    let process = shape.publish(&stage, size).await?;
    let mut times = Times::default();
    let before = processor_time()?;
    for _ in 0..runs {
        times.note(stage.run(process, topic()).await?);
    }
    let processor = processor_time()?.saturating_sub(before) / runs;
    stage.close().await;
    Ok(Cost { size, fastest: times.quantile(0.0), processor })
}

async fn decide(bench: &Bench, count: usize, runs: u32) -> anyhow::Result<Cost> {
    let stage = Stage::open(&bench.folder).await?;
    stage.access.create_user(&stage.system, "decider", "admin", None, None).await?;
    let principal = stage.access.principal("decider").await?.context("the user is there")?;
    let process = stage.publish(processes::approvals("decisions", count)).await?;
    let (mut times, mut processor) = (Times::default(), Duration::ZERO);
    for _ in 0..runs {
        let id = stage.start(process, topic()).await?;
        let asked = open_approvals(&stage, id, count).await?;
        let mut feed = stage.feed();
        let (begun, before) = (Instant::now(), processor_time()?);
        let votes = asked.into_iter().map(|approval| stage.approvals.vote(&principal, approval, Ballot::Approve, None));
        stream::iter(votes).buffer_unordered(VOTERS).try_for_each(|_| async { Ok(()) }).await?;
        stage.until_ended(&mut feed, HashSet::from([id])).await?;
        times.note(begun.elapsed());
        processor += processor_time()?.saturating_sub(before);
    }
    stage.close().await;
    Ok(Cost { size: count, fastest: times.quantile(0.0), processor: processor / runs })
}

/// The requests of an execution, as soon as all are there.
async fn open_approvals(stage: &Stage, execution: ExecutionId, count: usize) -> anyhow::Result<Vec<ApprovalId>> {
    let query =
        ApprovalQuery { execution_id: Some(execution), status: Some(ApprovalStatus::Pending), ..Default::default() };
    let paging = Paging { limit: 1_000, start: PageStart::Offset(0) };
    let begun = Instant::now();
    loop {
        let page = stage.approvals.list(&stage.system, query.clone(), &paging).await?;
        if page.rows.len() == count {
            return Ok(page.rows.into_iter().map(|row| row.approval.id()).collect());
        }
        ensure!(begun.elapsed() < Duration::from_mins(1), "{} of {count} decisions are asked for", page.rows.len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn row(what: &str, few: &Cost, many: &Cost) -> Row {
    let times = ratio(many.processor, few.processor);
    let rate = per_second(many.size, many.fastest);
    let cost = |cost: &Cost| format!("{}, {} of processor", shown(cost.fastest), shown(cost.processor));
    Row::new(format!("{} {what}", many.size), format!("{} ({rate})", cost(many)))
        .beside(format!("{}: {}", few.size, cost(few)))
        .target(format!("≤ {MOST} ×, is {times:.1}"), times <= MOST)
}
