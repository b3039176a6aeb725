//! The library as a program uses it: built, started, waited for, stopped and built again.

#![cfg(test)]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use procession::domain::event::{ApprovalEvent, Event};
use procession::{
    AgentError, BuildError, Decision, Engine, EngineBuilder, ExecutionStatus, From, Input, OpenError, OutputError,
    Reply, RunError, Sqlite, SqliteError, StartRunError, State, StoredEvent, Task,
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Notify;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

const HELLO: &str = "
name: hello
input: {name: {type: string, required: true}}
steps:
  - {id: greet, agent: greeter, message: '{{input.name}}'}
outputs:
  - {name: greeting, source: '{{steps.greet.output}}'}
";

#[derive(Debug, PartialEq, Deserialize)]
struct Greeting {
    response: String,
}

async fn greet(task: Task) -> Result<Reply, AgentError> {
    std::future::ready(Ok(Reply::text(format!("Hello {}", task.message())))).await
}

async fn builder() -> EngineBuilder {
    Engine::builder().store(Sqlite::in_memory().await.unwrap()).agent("greeter", greet)
}

fn input(name: &str) -> Input {
    Input::of(&json!({"name": name})).unwrap()
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it happens soon")
}

/// Opens a database that an engine has just let go.
async fn opened_again(file: &Path) -> Sqlite {
    soon(async {
        loop {
            match Sqlite::open(file).await {
                Ok(store) => return store,
                Err(SqliteError::Open(OpenError::InUse { .. })) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await
}

#[test]
fn an_engine_can_be_shared_by_all_of_a_program() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<Engine>();
    is_shared::<procession::Run>();
}

#[tokio::test]
async fn a_process_runs_with_functions_as_agents() {
    async fn count(
        _: Task,
        State(calls): State<Arc<AtomicU32>>,
        State(name): State<&'static str>,
    ) -> Result<Reply, AgentError> {
        Ok(Reply::text(format!("{name} {}", calls.fetch_add(1, Ordering::SeqCst))))
    }
    let yaml = "{name: counts, steps: [{id: a, agent: counter, message: x}, {id: b, agent: counter, message: x, depends_on: [a]}], outputs: [{name: last, source: '{{steps.b.output.response}}'}]}";
    let engine = builder().await.agent("counter", count).state(Arc::new(AtomicU32::new(1))).state("number");
    let engine = engine.process(yaml).process(HELLO).build().await.unwrap();
    let run = engine.start("counts", Input::none()).label("team", "shop").await.unwrap();
    let end = soon(run.wait()).await.unwrap();
    assert!(end.is_completed(), "{:?}", end.message());
    assert_eq!(end.output::<String>("last").unwrap(), "number 2");
    assert_eq!(end.execution().creation().labels["team"], "shop");

    let run = engine.start("hello", input("Ann")).await.unwrap();
    let end = soon(run.wait()).await.unwrap();
    let greeting: Greeting = end.output("greeting").unwrap();
    assert_eq!(greeting, Greeting { response: "Hello Ann".into() });
    assert!(matches!(end.output::<u32>("greeting"), Err(OutputError::Type { .. })));
    let unknown = end.output::<u32>("nothing").unwrap_err().to_string();
    assert_eq!(unknown, "the run has no output `nothing`; it has: greeting");
}

#[tokio::test]
async fn all_that_is_wrong_with_processes_is_told_at_once_and_nothing_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let bad = "{name: bad, steps: [{id: a, agent: greeter, mesage: x}]}";
    let worse = "name: worse\nsteps:\n  - {id: a, agent: greeter, message: x, depends_on: [b]}\n";
    let built = Engine::builder().store(Sqlite::open(&file).await.unwrap()).agent("greeter", greet);
    let error = built.process(bad).process(HELLO).process(worse).build().await.unwrap_err();
    let BuildError::Definitions(refused) = &error else { panic!("{error}") };
    assert_eq!(refused.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["process 1", "process 3"]);
    let drawn = error.to_string();
    assert!(drawn.contains("process 1:1:") && drawn.contains("process 3:3:") && drawn.contains("mesage"), "{drawn}");

    let engine = Engine::builder().store(opened_again(&file).await).build().await.unwrap();
    let missing = engine.start("hello", input("Ann")).await.unwrap_err();
    assert!(matches!(missing, StartRunError::NotPublished(_)), "{missing}");
}

#[tokio::test]
async fn a_process_is_published_if_it_is_new_or_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let changed = HELLO.replace("{{input.name}}", "dear {{input.name}}");
    for (yaml, version, greeting) in [
        (HELLO.to_owned(), "1", "Hello Ann"),
        (HELLO.to_owned(), "1", "Hello Ann"),
        (changed.clone(), "2", "Hello dear Ann"),
        (changed, "2", "Hello dear Ann"),
    ] {
        let store = opened_again(&file).await;
        let engine = Engine::builder().store(store).agent("greeter", greet).process(yaml).build().await.unwrap();
        let end = soon(engine.start("hello", input("Ann")).await.unwrap().wait()).await.unwrap();
        assert_eq!(end.execution().creation().process.version.to_string(), version);
        assert_eq!(end.output::<Greeting>("greeting").unwrap().response, greeting);
        soon(engine.drain(PATIENCE)).await;
    }
    let store = opened_again(&file).await;
    let engine = Engine::builder().store(store).agent("greeter", greet).build().await.unwrap();
    let end = soon(engine.start("hello", input("Ann")).version("1").await.unwrap().wait()).await.unwrap();
    assert_eq!(end.output::<Greeting>("greeting").unwrap().response, "Hello Ann");
    let error = engine.start("hello", input("Ann")).version("7").await.unwrap_err();
    assert!(matches!(error, StartRunError::NotPublished(_)), "{error}");
}

#[tokio::test]
async fn what_is_missing_is_named_when_the_engine_is_built() {
    async fn needs(_: Task, State(_): State<u64>) -> Result<Reply, AgentError> {
        Ok(Reply::default())
    }
    assert!(matches!(Engine::builder().build().await, Err(BuildError::NoStore)));
    let error = builder().await.agent("needy", needs).build().await.unwrap_err();
    assert_eq!(error.to_string(), "the agent `needy` needs a state of the type u64: give it with `.state(…)`");
    let error = builder().await.agent("", greet).build().await.unwrap_err();
    assert!(matches!(error, BuildError::AgentName { .. }), "{error}");
}

#[tokio::test]
async fn the_program_decides_approvals_or_leaves_them_to_people() {
    let yaml = "
name: asks
steps:
  - {id: small, type: human_approval, title: small}
  - {id: large, type: human_approval, title: large, depends_on: [small], assignees: [ann]}
  - {id: bad, type: human_approval, title: bad, depends_on: [large], on_reject: continue}
outputs:
  - {name: reason, source: '{{steps.bad.output.comment}}'}
";
    let engine = builder().await.process(yaml).approvals(|approval| async move {
        assert_eq!((approval.process(), approval.step().as_str()), ("asks", approval.title()));
        match approval.title() {
            "small" => Decision::Approve,
            "bad" => Decision::Reject("not like this".into()),
            _ => Decision::LeaveToPeople,
        }
    });
    let engine = engine.build().await.unwrap();
    let run = engine.start("asks", Input::none()).await.unwrap();
    let mut events = run.events().stream();
    let large = soon(async {
        loop {
            let event = events.next().await.unwrap().unwrap();
            if let Event::Approval(_, approval_id, ApprovalEvent::Requested { title, .. }) = event.event()
                && title == "large"
            {
                return *approval_id;
            }
        }
    })
    .await;
    let ann = engine.as_user("ann", ["viewer"]);
    let approve = procession::domain::approval::Ballot::Approve;
    ann.application().approvals.vote(ann.principal(), large, approve, None).await.unwrap();
    let end = soon(run.wait()).await.unwrap();
    assert!(end.is_completed(), "{:?}", end.message());
    assert_eq!(end.output::<String>("reason").unwrap(), "not like this");
}

#[tokio::test]
async fn approvals_that_were_open_before_are_decided_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let yaml = "{name: asks, steps: [{id: ask, type: human_approval, title: Well?}]}";
    let engine = Engine::builder().store(Sqlite::open(&file).await.unwrap()).process(yaml).build().await.unwrap();
    let run = engine.start("asks", Input::none()).await.unwrap();
    let mut events = run.events().stream();
    soon(async { while events.next().await.unwrap().unwrap().event().event_type() != "ApprovalRequested" {} }).await;
    drop(events);
    let id = run.id();
    drop((engine, run));
    let engine = Engine::builder().store(opened_again(&file).await);
    let engine = engine.approvals(|_| async { Decision::Approve }).build().await.unwrap();
    assert!(soon(engine.run(id).wait()).await.unwrap().is_completed());
}

/// An agent that is begun, and answers when it is let.
#[derive(Clone, Default)]
struct Held {
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
    calls: Arc<AtomicU32>,
}

async fn hold(task: Task, State(held): State<Held>) -> Result<Reply, AgentError> {
    held.calls.fetch_add(1, Ordering::SeqCst);
    held.begun.notify_one();
    held.go_on.notified().await;
    Ok(Reply::text(task.key()))
}

const HOLDS: &str = "{name: holds, steps: [{id: a, agent: holder, message: x}], outputs: [{name: key, source: '{{steps.a.output.response}}'}]}";

#[tokio::test]
async fn dropping_the_last_handle_stops_as_a_crash_would_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let held = Held::default();
    let build = |store: Sqlite| Engine::builder().store(store).agent("holder", hold).state(held.clone()).process(HOLDS);
    let engine = build(Sqlite::open(&file).await.unwrap()).build().await.unwrap();
    let run = engine.start("holds", Input::none()).await.unwrap();
    let id = run.id();
    soon(held.begun.notified()).await;
    let other = engine.clone();
    drop(engine);
    assert_eq!(run.status().await.unwrap(), ExecutionStatus::Running, "another handle is left");
    drop((other, run));

    let engine = build(opened_again(&file).await).build().await.unwrap();
    soon(held.begun.notified()).await;
    held.go_on.notify_one();
    let end = soon(engine.run(id).wait()).await.unwrap();
    // Asked twice, under one key.
    assert_eq!(end.output::<String>("key").unwrap(), format!("{id}/a/1"));
    assert_eq!(held.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn stopping_in_order_leaves_calls_to_the_next_engine_and_tells_who_waits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let held = Held::default();
    let build = |store: Sqlite| Engine::builder().store(store).agent("holder", hold).state(held.clone()).process(HOLDS);
    let engine = build(Sqlite::open(&file).await.unwrap()).build().await.unwrap();
    let run = engine.start("holds", Input::none()).await.unwrap();
    soon(held.begun.notified()).await;
    let (waiting, mut events) = (run.clone(), engine.events().stream());
    let waiting = tokio::spawn(async move { waiting.wait().await });
    soon(engine.drain(PATIENCE)).await;
    assert!(matches!(soon(waiting).await.unwrap(), Err(RunError::Stopped)));
    soon(async { while events.next().await.is_some() {} }).await;

    // It is closed: the next one can have it while this one is still held.
    let next = build(Sqlite::open(&file).await.unwrap()).build().await.unwrap();
    soon(held.begun.notified()).await;
    held.go_on.notify_one();
    assert!(soon(next.run(run.id()).wait()).await.unwrap().is_completed());
    drop(engine);
}

#[tokio::test]
async fn everyone_comes_in_by_the_same_door() {
    let engine = builder().await.process(HELLO).build().await.unwrap();
    let (ann, vic) = (engine.as_user("ann", ["operator"]), engine.as_user("vic", ["viewer"]));
    let refused = vic.start("hello", input("Vic")).await.unwrap_err().to_string();
    assert_eq!(refused, "Role process_viewer does not have execution:trigger permission");
    let run = ann.start("hello", input("Ann")).await.unwrap();
    let end = soon(run.wait()).await.unwrap();
    assert_eq!(end.execution().creation().user.as_deref(), Some("ann"));
    let hidden = vic.run(run.id()).status().await.unwrap_err().to_string();
    assert_eq!(hidden, "Execution not found");
    assert!(engine.as_user("ann", ["viewer"]).run(run.id()).status().await.is_ok());
    // The program itself is no user, and may do everything.
    let end = soon(ann.as_system().start("hello", input("x")).await.unwrap().wait()).await.unwrap();
    assert_eq!(end.execution().creation().user, None);
}

#[tokio::test]
async fn events_come_from_a_cursor_on_and_then_live() {
    let engine = builder().await.process(HELLO).process(HOLDS).agent("holder", greet).build().await.unwrap();
    let from_now = engine.events().of_process("hello").stream();
    let first = engine.start("hello", input("Ann")).await.unwrap();
    soon(first.wait()).await.unwrap();
    soon(engine.start("holds", Input::none()).await.unwrap().wait()).await.unwrap();
    let from_the_start = engine.events().of_process("hello").after(0).stream();
    let second = engine.start("hello", input("Ben")).await.unwrap();
    soon(second.wait()).await.unwrap();
    let told = async |stream: procession::EventStream| -> Vec<StoredEvent> {
        let is_last =
            |event: &StoredEvent| event.execution_id == second.id() && event.event().event_type() == "ProcessCompleted";
        let mut told = Vec::new();
        let mut stream = stream;
        while let Some(event) = soon(stream.next()).await {
            told.push(event.unwrap());
            if told.last().is_some_and(is_last) {
                return told;
            }
        }
        panic!("the stream has ended");
    };
    let (live, stored) = (told(from_now).await, told(from_the_start).await);
    assert_eq!(live, stored);
    assert!(live.iter().all(|event| event.process_name().as_str() == "hello"));
    assert!(live.is_sorted_by_key(|event| event.id));
    let rest = told(engine.events().of_process("hello").after(live[2].id).stream()).await;
    assert_eq!(rest, live[3..]);
}

#[tokio::test]
async fn starts_with_one_key_are_one_and_failures_can_be_repeated() {
    async fn frail(task: Task, State(calls): State<Arc<AtomicU32>>) -> Result<Reply, AgentError> {
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Err(AgentError::failed("not yet")),
            1 => Err(AgentError::busy(Duration::from_millis(1), "starting up")),
            2 => panic!("a defect"),
            _ => Ok(Reply::text(task.message())),
        }
    }
    let yaml = "{name: frail, steps: [{id: a, agent: frail, message: done, retry: {max_attempts: 1}}], outputs: [{name: text, source: '{{steps.a.output.response}}'}]}";
    let engine = builder().await.agent("frail", frail).state(Arc::new(AtomicU32::new(0))).process(yaml);
    let engine = engine.build().await.unwrap();
    let run = engine.start("frail", Input::none()).idempotency_key("k").await.unwrap();
    assert_eq!(engine.start("frail", Input::none()).idempotency_key("k").await.unwrap().id(), run.id());
    let end = soon(run.wait()).await.unwrap();
    assert_eq!(end.status(), ExecutionStatus::Failed);
    assert!(end.message().unwrap().contains("not yet"), "{:?}", end.message());
    let none = end.output::<String>("text").unwrap_err().to_string();
    assert!(none.starts_with("the run has no outputs, since it is failed: "), "{none}");
    // Busy at first, which is no failure; then the panic is one, of this step and of nothing else.
    let again = run.retry(From::Failed).await.unwrap();
    let end = soon(again.wait()).await.unwrap();
    assert!(end.message().unwrap().contains("panicked"), "{:?}", end.message());
    let end = soon(again.retry(From::Failed).await.unwrap().wait()).await.unwrap();
    assert_eq!(end.output::<String>("text").unwrap(), "done");
}

#[tokio::test]
async fn a_run_is_paused_and_cancelled() {
    let held = Held::default();
    let engine = builder().await.agent("holder", hold).state(held.clone()).process(HOLDS).build().await.unwrap();
    let run = engine.start("holds", Input::none()).await.unwrap();
    soon(held.begun.notified()).await;
    run.pause().await.unwrap();
    assert_eq!(run.status().await.unwrap(), ExecutionStatus::Paused);
    run.resume().await.unwrap();
    run.cancel("no longer needed").await.unwrap();
    let end = soon(run.wait()).await.unwrap();
    assert_eq!(end.message().as_deref(), Some("cancelled by system: no longer needed"));
    assert!(matches!(run.cancel("again").await, Err(RunError::Refused(_))));
}

#[tokio::test]
async fn several_engines_live_in_one_program() {
    let (one, other) = (builder().await.process(HELLO), builder().await);
    let (one, other) = (one.build().await.unwrap(), other.build().await.unwrap());
    assert!(soon(one.start("hello", input("Ann")).await.unwrap().wait()).await.unwrap().is_completed());
    assert!(matches!(other.start("hello", input("Ann")).await, Err(StartRunError::NotPublished(_))));
}
