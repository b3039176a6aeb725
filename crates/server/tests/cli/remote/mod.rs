//! The command line against a running server.

mod apply;
mod approvals;
mod docs;
mod errors;
mod executions;
mod login;
mod table;

use std::time::{Duration, Instant};

use super::support::{Place, Said, Server, said};

/// The agents of the server.
const AGENTS: &str = "\
agents:
  echo: {kind: echo}
  broken: {kind: script, replies: [{reply: x, fail: {code: AGENT_ERROR}}]}
";

/// Echoes its input.
const HELLO: &str = "\
name: hello
version: 1
input:
  who: {type: string, default: world}
steps:
  - {id: greet, type: agent_task, agent: echo, message: 'Hello {{input.who}}'}
outputs:
  - {name: greeting, source: '{{steps.greet.output.response}}'}
";

/// Fails.
const BROKEN: &str = "\
name: broken
version: 1
steps:
  - {id: break, type: agent_task, agent: broken, message: x, retry: {max_attempts: 1}}
";

/// Asks a person.
const ASK: &str = "\
name: ask
version: 1
steps:
  - {id: draft, type: agent_task, agent: echo, message: A draft}
  - id: review
    type: human_approval
    depends_on: [draft]
    title: Is it good?
    description: '{{steps.draft.output.response}}'
    on_changes_requested: {rerun: draft, max: 3}
";

/// A server with an administrator's key, and a folder to work in.
pub struct World {
    pub place: Place,
    pub server: Server,
    pub key: String,
}

impl World {
    /// With nothing published.
    pub fn empty() -> Self {
        let place = Place::new();
        place.write("data/agents.yaml", AGENTS);
        place.run(&["db", "migrate", "--data-dir", "data"]).ends_with(0);
        place.run(&["user", "add", "root", "--role", "admin", "--data-dir", "data"]).ends_with(0);
        let key = place.run(&["key", "create", "test", "--user", "root", "--data-dir", "data"]).ends_with(0).out;
        let server = place.serve(&[]);
        Self { place, server, key: key.trim().to_owned() }
    }

    /// With `hello`, `broken` and `ask`, by `apply`.
    pub fn new() -> Self {
        let world = Self::empty();
        for (name, text) in [("hello", HELLO), ("broken", BROKEN), ("ask", ASK)] {
            world.place.write(&format!("processes/{name}.yaml"), text);
        }
        world.run(&["apply", "processes"]).ends_with(0);
        world
    }

    /// Runs the program against the server, as its administrator.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_as(&self.key, arguments)
    }

    /// Runs the program against the server with another key.
    pub fn run_as(&self, key: &str, arguments: &[&str]) -> Said {
        let mut command = self.place.program(arguments);
        said(command.env("PROCESSION_SERVER", self.server.url()).env("PROCESSION_API_KEY", key))
    }

    /// Runs words with white space between them.
    pub fn words(&self, words: &str) -> Said {
        self.run(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// The id of a new execution.
    pub fn start(&self, process: &str) -> String {
        self.run(&["executions", "start", process]).ends_with(0).out.trim().to_owned()
    }

    /// The id of a new execution that has ended, however it did.
    pub fn start_and_wait(&self, process: &str) -> String {
        let said = self.run(&["executions", "start", process, "--follow"]);
        said.out.lines().next().unwrap().to_owned()
    }

    /// The ids of a new execution that asks, and of its question.
    pub fn start_and_be_asked(&self) -> (String, String) {
        let execution = self.start("ask");
        let approval = self.asked(&execution);
        (execution, approval)
    }

    /// The id of an execution's open question, once it asks.
    pub fn asked(&self, execution: &str) -> String {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let listed = self.run(&["approvals", "list", "--execution", execution, "--format", "json"]).ends_with(0);
            if let Some(id) = listed.json()["approvals"][0]["id"].as_str() {
                return id.to_owned();
            }
            assert!(Instant::now() < deadline, "{execution} does not ask");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The key of a new user with this role.
    pub fn key_of(&self, name: &str, role: &str) -> String {
        let url = self.server.url();
        self.run(&["user", "add", name, "--role", role, "--server", &url]).ends_with(0);
        let made = self.run(&["key", "create", name, "--user", name, "--server", &url]).ends_with(0);
        made.out.trim().to_owned()
    }
}
