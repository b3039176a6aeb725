//! A stage whose webhooks, agents and mails are kept.

use std::{collections::BTreeMap, sync::Arc};

use procession_application::{
    ApplicationSettings,
    definitions::DefinitionSettings,
    deliveries::{DeliverySettings, LinkKey},
    notifications::{NotificationSettings, SmtpSecurity, SmtpSettings},
    ports::{self, Clock, DeliveryFilter, DeliveryRow, DeliveryState, PageStart, Paging, Ports},
    variables::Variables,
};
use procession_domain::value::Duration;
use procession_testing::{
    CURTAIN, KeptMessages, KeptPosts, Line, MemoryStore, ScriptedAgents, SequentialIds, Stage, VirtualClock,
};

/// A stage and its receiver of webhooks.
pub struct House {
    pub stage: Stage,
    pub posts: Arc<KeptPosts>,
}

impl House {
    /// A house whose agents answer so; those that are not named do not exist.
    pub async fn with(agents: &[(&str, Vec<Line>)], deliveries: DeliverySettings) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(CURTAIN));
        let store = Arc::new(MemoryStore::with_clock(Arc::clone(&clock)));
        let scripts: BTreeMap<String, Vec<Line>> =
            agents.iter().map(|(name, lines)| ((*name).to_owned(), lines.clone())).collect();
        let agents = Arc::new(ScriptedAgents::new(Arc::clone(&clock), scripts));
        let (messages, posts) = (Arc::new(KeptMessages::default()), Arc::new(KeptPosts::default()));
        let ids = Arc::new(SequentialIds::default());
        let stores = ports::Stores::of(&store, store.clone());
        let ports = Ports::on(stores, Arc::clone(&agents) as _, Arc::clone(&messages) as _, clock, ids);
        let ports = ports.with_webhooks(Arc::clone(&posts) as _);
        let notifications = NotificationSettings { smtp: Some(mail_server()), ..NotificationSettings::default() };
        let environment = ["HOOK_SECRET", "MISSING"].map(str::to_owned).into();
        let definitions = DefinitionSettings { environment, ..DefinitionSettings::default() };
        let variables = Variables::new(|name| (name == "HOOK_SECRET").then(|| "whsec_c2VjcmV0".to_owned()));
        let settings =
            ApplicationSettings { deliveries, notifications, definitions, variables, ..ApplicationSettings::default() };
        Self { stage: Stage::with(ports, agents, messages, settings).await, posts }
    }

    /// A house with a writer, and settings as they usually are.
    pub async fn usual() -> Self {
        Self::with(&[("writer", vec![Line::reply("All is well")]), ("watcher", vec![Line::reply("seen")])], settings())
            .await
    }

    /// All deliveries, oldest first.
    pub async fn all(&self) -> Vec<DeliveryRow> {
        let paging = Paging { limit: 100, start: PageStart::Offset(0) };
        let page = self.stage.deliveries.list(&self.stage.system, &DeliveryFilter::default(), &paging).await.unwrap();
        let mut rows = page.rows;
        rows.reverse();
        rows
    }

    /// All deliveries once none of them is waiting or tried again, within a day of the clock.
    pub async fn settled(&self) -> Vec<DeliveryRow> {
        for _ in 0..24 * 60 {
            self.stage.pass(Duration::from_secs(60)).await;
            let rows = self.all().await;
            let is_open = |row: &DeliveryRow| matches!(row.state, DeliveryState::Waiting | DeliveryState::Retrying);
            if !rows.is_empty() && !rows.iter().any(is_open) {
                return rows;
            }
        }
        panic!("{:#?}", self.all().await);
    }
}

/// Settings as they usually are.
pub fn settings() -> DeliverySettings {
    DeliverySettings {
        public_url: Some("https://procession.example".to_owned()),
        link_key: Some(LinkKey::of_secret("a secret of the server")),
        ..DeliverySettings::default()
    }
}

fn mail_server() -> SmtpSettings {
    SmtpSettings {
        host: "mail.example.org".into(),
        port: None,
        security: SmtpSecurity::StartTls,
        username: None,
        password: None,
        from: "procession@example.org".into(),
    }
}
