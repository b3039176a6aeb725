//! A service with a process of its own: an agent that is a function, an approval that the program decides, and a second
//! round when it is not content. Run it with `cargo run -p procession --example review`.

use std::time::Duration;

use futures::StreamExt as _;
use procession::{AgentError, Approval, Decision, Engine, Input, Reply, Sqlite, State, Task};
use serde::Serialize;

/// The process: a draft, somebody's judgement, and another round with what was said.
const REVIEW: &str = "
name: review
input: {topic: {type: string, required: true}}
steps:
  - id: draft
    type: agent_task
    agent: writer
    message: |
      Write about {{input.topic}}.
      {{steps.check.output.feedback | default('')}}
  - id: check
    type: human_approval
    title: 'Print this? {{steps.draft.output.response}}'
    depends_on: [draft]
    on_changes_requested: {rerun: draft, max: 3}
outputs:
  - {name: article, source: '{{steps.draft.output.response}}'}
";

/// What the service writes about.
#[derive(Serialize)]
struct Order {
    topic: &'static str,
}

/// A model, as far as this example needs one.
#[derive(Clone)]
struct Model {
    name: &'static str,
}

impl Model {
    async fn ask(&self, prompt: &str) -> Result<String, std::io::Error> {
        tokio::task::yield_now().await;
        let topic = prompt.lines().next().unwrap_or_default();
        let is_longer = prompt.contains("longer");
        let ending = if is_longer { " In short: it is the moon, and the sun helps." } else { "" };
        Ok(format!("[{}] {topic}{ending}", self.name))
    }
}

/// An async function is an agent.
async fn write(task: Task, State(model): State<Model>) -> Result<Reply, AgentError> {
    let text = model.ask(task.message()).await?;
    Ok(Reply::text(text).cost("0.012 USD".parse()?).tokens(120, 300))
}

/// What the program thinks of a draft.
async fn judge(request: Approval) -> Decision {
    if request.title().contains("In short") {
        Decision::Approve
    } else {
        Decision::RequestChanges("make it longer".to_owned())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::builder()
        .store(Sqlite::in_memory().await?)
        .agent("writer", write)
        .state(Model { name: "small" })
        .process(REVIEW)
        .approvals(judge)
        .build()
        .await?;

    let order = Order { topic: "tides" };
    let run = engine.start("review", Input::of(&order)?).idempotency_key("order-7").label("team", "press").await?;
    let mut events = run.events().stream();
    let telling = tokio::spawn(async move {
        while let Some(Ok(event)) = events.next().await {
            let step = event.event().step_id().map(ToString::to_string).unwrap_or_default();
            say(&format!("{:>3}  {:24} {step}", event.sequence(), event.event().event_type()));
        }
    });
    let end = run.wait().await?;
    let article: String = end.output("article")?;
    say(&format!("\n{article}\n\n{} for it", end.execution().state().cost.amount));
    engine.drain(Duration::from_secs(10)).await;
    telling.await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn say(text: &str) {
    println!("{text}");
}
