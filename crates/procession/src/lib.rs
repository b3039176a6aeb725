//! Procession in your own service: durable processes for work done by several agents and people.
//!
//! A process is YAML: steps with agents, people, timers, conditions. The engine checks it like a compiler, runs it so that
//! nothing is lost when the program is killed, and keeps what happened, what it cost and who decided. The server
//! `procession` is built on this crate; it adds configuration, HTTP and the command line.
//!
//! ```
//! use procession::{AgentError, Decision, Engine, Input, Reply, Sqlite, State, Task};
//! use serde_json::json;
//!
//! #[derive(Clone)]
//! struct Llm;
//!
//! impl Llm {
//!     async fn ask(&self, prompt: &str) -> Result<String, std::io::Error> {
//!         Ok(format!("On {prompt}: it depends."))
//!     }
//! }
//!
//! // An async function is an agent.
//! async fn write(task: Task, State(llm): State<Llm>) -> Result<Reply, AgentError> {
//!     let text = llm.ask(task.message()).await?; // task.key() is the idempotency key
//!     Ok(Reply::text(text).cost("0.012 USD".parse()?).tokens(120, 300))
//! }
//!
//! const REVIEW: &str = "
//! name: review
//! steps:
//!   - {id: draft, agent: writer, message: 'Write about {{input.topic}}'}
//!   - {id: check, type: human_approval, title: 'Is it good?', depends_on: [draft]}
//! outputs:
//!   - {name: text, source: '{{steps.draft.output.response}}'}
//! ";
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::builder()
//!     .store(Sqlite::in_memory().await?)      // or Sqlite::open("orders.db"), or an own Store
//!     .agent("writer", write)
//!     .state(Llm)
//!     .process(REVIEW)                        // published if it is new or changed
//!     .approvals(|request| async move {
//!         if request.process() == "review" { Decision::Approve } else { Decision::LeaveToPeople }
//!     })
//!     .build()
//!     .await?;
//!
//! let run = engine.start("review", Input::of(&json!({"topic": "tides"}))?).idempotency_key("order-7").await?;
//! let end = run.wait().await?;
//! let text: String = end.output("text")?;
//! assert_eq!(text, "On Write about tides: it depends.");
//! engine.drain(std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to start
//!
//! [`Engine::builder`] puts an engine together; [`Engine::start`] starts a [`Run`], [`Engine::events`] tells what happens.
//! [`Engine::as_user`] acts for someone who may do less than the program itself. What this crate does not offer, the use
//! cases behind it do: [`Engine::application`]. `examples/review.rs` is a program that runs.
//!
//! # What it does not do
//!
//! It opens no port, installs no signal handler, logger or panic hook, reads no environment variable, and makes no
//! runtime: it works in the tokio runtime in which it is built. Several engines live in one program, each on a store of
//! its own. Dropping the last handle stops an engine as a crash would, which loses nothing; [`Engine::drain`] stops it in
//! order. It speaks by [`tracing`](https://docs.rs/tracing), to whoever listens.
//!
//! # Features
//!
//! * `sqlite` (on by default): [`Sqlite`], the stores in one file.
//! * `agents`: agents of an `agents.yaml` and of the platform. HTTPS then uses the program's `rustls` provider; where
//!   there is none, the first request installs `ring`.
//! * `notifications`: Slack, mail and webhooks.
//! * `testing`: stores in memory, a clock by hand, scripted agents, and the contract that every store keeps.

mod agents;
mod approvals;
mod builder;
mod diagnostics;
mod engine;
mod error;
mod events;
#[cfg(feature = "agents")]
mod file_agents;
mod input;
mod notifier;
mod run;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;

pub use agents::{AgentError, AgentFunction, Reply, State, Task};
pub use approvals::{Approval, Decision};
pub use builder::EngineBuilder;
pub use diagnostics::{Diagnostics, draw};
pub use engine::Engine;
pub use error::{BuildError, OutputError, RunError, StartRunError};
pub use events::{EventQuery, EventStream};
#[cfg(feature = "agents")]
pub use file_agents::{AgentSourceError, AgentSources, AgentsFileError, Environment, FoundAgents, install_tls};
pub use input::Input;
#[doc(no_inline)]
pub use procession_application::executions::RetryFrom as From;
pub use procession_application::{
    ApplicationSettings,
    access::{Principal, Via},
    ports,
    ports::StoredEvent,
};
pub use procession_domain as domain;
pub use procession_domain::execution::ExecutionStatus;
#[cfg(feature = "notifications")]
pub use procession_notifications::{AllowedHosts, BadHost, ClientError};
#[cfg(feature = "testing")]
pub use procession_testing as testing;
pub use run::{End, Run, StartRun};
#[cfg(feature = "sqlite")]
pub use sqlite::{OpenError, Sqlite, SqliteError, SqliteOptions, Synchronous};
pub use store::Store;
