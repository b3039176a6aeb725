//! What a check knows beyond the text: agents, users, other processes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use procession_domain::value::{Currency, ProcessName, TriggerId, Version};
use procession_language::{AgentState, Checked, Lookup, Surroundings};

use super::{DefinitionFailure, DefinitionSettings, Definitions};
use crate::ports::{AgentStatus, Role, StoreError, WebhookAddress};

/// How long a check waits for the list of agents before it goes on without.
const AGENT_LIST_WAIT: std::time::Duration = std::time::Duration::from_secs(2);

impl Definitions {
    /// Checks a text against all that this server knows.
    pub(crate) async fn checked(&self, yaml: &str) -> Result<Checked, DefinitionFailure> {
        let mut known = self.surroundings().await?;
        let yaml: Arc<str> = yaml.into();
        loop {
            let text = Arc::clone(&yaml);
            let check = move || (procession_language::check(&text, &known), known);
            let checked;
            (checked, known) = self.workshop.run(check).await?;
            if !self.look_up_asked(&mut known).await? {
                return Ok(checked);
            }
        }
    }

    async fn surroundings(&self) -> Result<Known, StoreError> {
        let listed = tokio::time::timeout(AGENT_LIST_WAIT, self.agents.list()).await;
        let agents = listed.ok().and_then(Result::ok).map(|agents| {
            let state = |status| match status {
                AgentStatus::Running => AgentState::Running,
                AgentStatus::Stopped => AgentState::Stopped,
            };
            agents.into_iter().map(|agent| (agent.name, state(agent.status))).collect()
        });
        let users = self.access.users().await?;
        Ok(Known {
            agents,
            roles: users.iter().map(|user| user.role.clone()).chain(Role::NAMES.map(str::to_owned)).collect(),
            users: users.into_iter().flat_map(|user| std::iter::once(user.name).chain(user.email)).collect(),
            settings: Arc::clone(&self.settings),
            processes: HashMap::new(),
            webhooks: HashMap::new(),
            asked: Mutex::default(),
            asked_webhooks: Mutex::default(),
        })
    }

    /// Looks up the processes and webhooks that a check asked for. `false` if it asked for none that are not known.
    async fn look_up_asked(&self, known: &mut Known) -> Result<bool, StoreError> {
        let asked = std::mem::take(&mut *known.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let webhooks = std::mem::take(&mut *known.asked_webhooks.lock().unwrap_or_else(PoisonError::into_inner));
        let any = !asked.is_empty() || !webhooks.is_empty();
        for (name, version) in asked {
            let store = &self.store;
            let found = match store.published(&name, version).await? {
                Some(published) => Lookup::Found(published.definition),
                None if store.exists(&name, version).await? => Lookup::Draft,
                None => Lookup::Missing,
            };
            known.processes.insert((name, version), found);
        }
        for trigger in webhooks {
            let short = WebhookAddress { process: None, trigger: trigger.to_string() };
            let owner = match &self.webhooks {
                Some(webhooks) => webhooks.webhook(&short).await?.map(|webhook| webhook.process_name),
                None => None,
            };
            known.webhooks.insert(trigger, owner);
        }
        Ok(any)
    }
}

/// What this server knows beyond a text.
struct Known {
    agents: Option<BTreeMap<String, AgentState>>,
    users: BTreeSet<String>,
    roles: BTreeSet<String>,
    settings: Arc<DefinitionSettings>,
    processes: HashMap<(ProcessName, Option<Version>), Lookup>,
    /// To which process the short address of a webhook leads.
    webhooks: HashMap<TriggerId, Option<ProcessName>>,
    /// Processes that were asked for and must be looked up.
    asked: Mutex<BTreeSet<(ProcessName, Option<Version>)>>,
    /// The same for webhooks.
    asked_webhooks: Mutex<BTreeSet<TriggerId>>,
}

impl Surroundings for Known {
    fn agents(&self) -> Option<&BTreeMap<String, AgentState>> {
        self.agents.as_ref()
    }

    fn users(&self) -> Option<&BTreeSet<String>> {
        Some(&self.users)
    }

    fn roles(&self) -> Option<&BTreeSet<String>> {
        Some(&self.roles)
    }

    fn currency(&self) -> Currency {
        self.settings.currency
    }

    fn environment(&self) -> Option<&BTreeSet<String>> {
        Some(&self.settings.environment)
    }

    fn webhook_owner(&self, trigger: &TriggerId) -> Option<ProcessName> {
        if let Some(found) = self.webhooks.get(trigger) {
            return found.clone();
        }
        self.asked_webhooks.lock().unwrap_or_else(PoisonError::into_inner).insert(trigger.clone());
        None
    }

    fn process(&self, name: &ProcessName, version: Option<Version>) -> Lookup {
        let key = (name.clone(), version);
        if let Some(found) = self.processes.get(&key) {
            return found.clone();
        }
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        Lookup::Unknown
    }
}
