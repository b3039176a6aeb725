//! What the tests of this crate share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use procession_domain::{
    definition::Definition,
    value::{Currency, ProcessName, TriggerId, Version},
};
use procession_language::{AgentState, Checked, Lookup, Nothing, Surroundings, check};

/// A server that knows some agents, people and processes.
pub struct Office {
    pub agents: BTreeMap<String, AgentState>,
    pub users: BTreeSet<String>,
    pub roles: BTreeSet<String>,
    pub environment: BTreeSet<String>,
    pub channels: BTreeSet<String>,
    pub processes: BTreeMap<String, Lookup>,
    pub currency: Currency,
}

impl Surroundings for Office {
    fn agents(&self) -> Option<&BTreeMap<String, AgentState>> {
        Some(&self.agents)
    }

    fn users(&self) -> Option<&BTreeSet<String>> {
        Some(&self.users)
    }

    fn roles(&self) -> Option<&BTreeSet<String>> {
        Some(&self.roles)
    }

    fn process(&self, name: &ProcessName, version: Option<Version>) -> Lookup {
        let found = self.processes.get(name.as_str()).cloned().unwrap_or(Lookup::Missing);
        match (&found, version) {
            (Lookup::Found(definition), Some(version)) if definition.version() != version => Lookup::Missing,
            _ => found,
        }
    }

    fn webhook_owner(&self, trigger: &TriggerId) -> Option<ProcessName> {
        (trigger.as_str() == "invoices").then(|| ProcessName::new("billing").unwrap())
    }

    fn currency(&self) -> Currency {
        self.currency
    }

    fn environment(&self) -> Option<&BTreeSet<String>> {
        Some(&self.environment)
    }

    fn notification_channels(&self) -> Option<&BTreeSet<String>> {
        Some(&self.channels)
    }
}

/// The office of most tests: agents `writer` and `editor`, `sleeper` stopped; `alice`, `bob`, role `legal`.
pub fn office() -> Office {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut processes = BTreeMap::from([("unfinished".to_owned(), Lookup::Draft)]);
    let mut add = |name: &str, child: Option<&str>| {
        let found = Lookup::Found(Arc::new(running(name, child)));
        processes.insert(name.to_owned(), found);
    };
    add("billing", None);
    add("round-trip", Some("parent"));
    add("far-round-trip", Some("round-trip"));
    add("endless", Some("endless"));
    for level in 1..8 {
        add(&format!("level-{level}"), Some(&format!("level-{}", level + 1)));
    }
    add("level-8", Some("billing"));
    Office {
        agents: BTreeMap::from([
            ("writer".to_owned(), AgentState::Running),
            ("editor".to_owned(), AgentState::Running),
            ("sleeper".to_owned(), AgentState::Stopped),
        ]),
        users: set(&["alice", "bob", "alice@example.com"]),
        roles: set(&["legal"]),
        environment: set(&["HOOK_SECRET"]),
        channels: set(&["teams"]),
        processes,
        currency: Currency::USD,
    }
}

/// A process that runs another one, or just waits.
fn running(name: &str, child: Option<&str>) -> Definition {
    let step = match child {
        Some(child) => format!("{{id: run, type: sub_process, process_name: {child}}}"),
        None => "{id: wait, type: timer, duration: 1s}".to_owned(),
    };
    // `endless` runs itself, which is refused under its own name, as nobody could have published it.
    let yaml = format!("name: made-up\nsteps: [{step}]\n");
    let made_up = valid(&yaml);
    let mut content = made_up.content().clone();
    content.name = ProcessName::new(name).unwrap();
    Definition::new(content).unwrap()
}

/// The definition of a text that has no errors.
pub fn valid(yaml: &str) -> Definition {
    let Checked { definition, diagnostics, .. } = check(yaml, &Nothing);
    definition.unwrap_or_else(|| panic!("{yaml}\n{diagnostics:#?}"))
}
