//! `run`: one process to its end in this terminal, with everything in this program (spec 8.1).
//!
//! * `arguments`, `input`: what is asked for; `publish`: the file becomes a published version;
//! * `begin`: it is started, or goes on, unless something is missing; `beginning`: what it was started with, for later;
//! * `watch`: the events of the execution and its sub-processes; `rows`: what they add up to; `telling`: in words;
//! * `view`, `selection` and `lines`: how that is shown; `decide`: approvals, by `--decide` or by asking, which
//!   `question` puts;
//! * `report`: how it ended.

mod arguments;
mod begin;
mod beginning;
mod decide;
mod input;
mod lines;
mod publish;
mod question;
mod report;
mod rows;
mod selection;
mod telling;
mod view;
mod watch;

use std::pin::pin;

pub(super) use arguments::RunArguments;
pub(super) use input::read as read_input;
use procession_application::{
    access::Principal, engine::TakesUp, events::EventsFailure, executions::VisibleExecution, ports::StoreError,
};
use procession_domain::value::ExecutionId;
use tokio::time::Interval;

use self::{
    arguments::Plan,
    begin::Begun,
    decide::{Decider, Outlook},
    report::Report,
    view::View,
    watch::{Seen, Watch},
};
use super::{GlobalArguments, block_on};
use crate::{
    config::{DataDir, Loaded},
    exit::{Exit, Failure},
    logging,
    signals::StopSignals,
    terminal,
    wiring::{Application, Stores},
};

/// How often the live view is drawn anew while nothing happens.
const DRAW_EVERY: std::time::Duration = std::time::Duration::from_millis(120);

pub(super) fn run(arguments: RunArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let plan = Plan::of(arguments, global)?;
    let (loaded, folder) = placed(&plan)?;
    logging::start(&plan.log(&loaded));
    let exit = block_on(carry_out(&plan, &loaded));
    // A folder that nobody named goes with everything in it.
    drop(folder);
    exit
}

/// The configuration with the data folder of this run: the one that `--data-dir` names, else a temporary one.
fn placed(plan: &Plan) -> Result<(Loaded, Option<tempfile::TempDir>), Failure> {
    let mut loaded = plan.loaded.clone();
    loaded.configuration.agents.file = Some(plan.agents_file());
    if plan.keeps_data {
        return Ok((loaded, None));
    }
    let folder = tempfile::Builder::new().prefix("procession-run-").tempdir();
    let folder = folder.map_err(|error| Failure::failed(format_args!("no temporary folder can be made: {error}")))?;
    loaded.configuration.data_dir = DataDir(folder.path().to_owned());
    loaded.configuration.database.url = None;
    Ok((loaded, Some(folder)))
}

async fn carry_out(plan: &Plan, loaded: &Loaded) -> Result<Exit, Failure> {
    let mut signals = StopSignals::listen()?;
    let stores = Stores::open(&loaded.configuration).await?;
    // What else is under way in the folder has agents of its own, and waits for who knows them.
    let application = Application::start(stores, loaded, TakesUp::Own).await?;
    let outcome = match begin::begin(plan, &application).await {
        Ok(Begun::Execution(begun)) => {
            let (watch, execution) = *begun;
            follow(plan, &application, watch, execution, &mut signals).await
        }
        Ok(Begun::Refused(report, exit)) => Ok((report, exit)),
        Err(failure) => Err(failure),
    };
    // From now on a second Ctrl-C ends the program at once.
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(Exit::Interrupted.code().into());
    });
    application.stop().await;
    let (report, exit) = outcome?;
    report.print(plan.format)?;
    Ok(exit)
}

/// Shows what happens until the execution ends, or can't go on here.
async fn follow(
    plan: &Plan,
    application: &Application,
    mut watch: Watch,
    execution: VisibleExecution,
    signals: &mut StopSignals,
) -> Result<(Report, Exit), Failure> {
    let id = execution.id();
    let mut view = View::new(plan.format, &execution, (**application).clone());
    view.begin()?;
    let mut decider = Decider::new(plan.decisions.clone(), &plan.person);
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    let exit = loop {
        let Some(seen) = next_events(&mut watch, &mut view, &mut ticks, signals).await? else {
            break Some(Exit::Interrupted);
        };
        view.show(&seen)?;
        decider.note(&seen);
        if watch.has_ended() {
            break None;
        }
        tokio::select! {
            outlook = decider.decide(application, &watch, &mut view) => match outlook? {
                Outlook::GoesOn => {}
                Outlook::Stuck => break Some(Exit::Undecided),
            },
            _ = signals.next() => break Some(Exit::Interrupted),
        }
    };
    decider.leave_question();
    view.end()?;
    let person = Principal::at_terminal(&plan.person);
    let execution = application.executions.get(&person, id).await.map_err(Failure::failed)?;
    let exit = exit.unwrap_or_else(|| report::exit_of(&execution.state().life));
    advise(plan, id, &decider, exit);
    let report = Report::of(application, execution).await.map_err(store_failed)?;
    Ok((report, exit))
}

/// The next events, while the view is drawn anew; nothing when the program is told to stop.
async fn next_events(
    watch: &mut Watch,
    view: &mut View,
    ticks: &mut Interval,
    signals: &mut StopSignals,
) -> Result<Option<Vec<Seen>>, Failure> {
    let mut next = pin!(watch.next());
    loop {
        tokio::select! {
            seen = &mut next => return seen.map(Some).map_err(|error: EventsFailure| Failure::failed(error)),
            _ = ticks.tick() => view.tick()?,
            _ = signals.next() => return Ok(None),
        }
    }
}

/// What to do about an execution that has not ended.
fn advise(plan: &Plan, id: ExecutionId, decider: &Decider, exit: Exit) {
    for step in decider.unused() {
        terminal::warn(format_args!("no approval `{step}` was asked for, so --decide {step}=… did nothing"));
    }
    let what = match exit {
        Exit::Interrupted => "interrupted".to_owned(),
        Exit::Undecided => decider.what_is_open(),
        Exit::Done | Exit::Failed | Exit::Usage | Exit::Cancelled | Exit::Differs => return,
    };
    let mut failure = Failure::failed(what);
    if exit == Exit::Undecided {
        failure = failure.hint(format_args!(
            "--decide {}=approve or =reject:REASON decides it; in a terminal you are asked",
            decider.open_step().unwrap_or("STEP")
        ));
    }
    failure = if plan.keeps_data {
        failure.hint(format_args!("go on with: procession run --resume {id} {}", plan.flags.join(" ")))
    } else {
        failure.hint("with --data-dir DIR it is kept, and --resume goes on with it")
    };
    terminal::report(&failure);
}

fn store_failed(error: StoreError) -> Failure {
    Failure::failed(error)
}
