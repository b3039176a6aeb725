//! Stored times (spec 3.4): thousands of executions wait in the database and none in memory; each fires once, at its time,
//! also when the server is killed just then.

#[cfg(test)]
#[path = "support/database.rs"]
mod database;
#[cfg(test)]
#[path = "support/dice.rs"]
mod dice;
#[cfg(test)]
#[path = "support/history.rs"]
mod history;
#[cfg(test)]
#[path = "support/witness.rs"]
mod witness;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use procession_application::{engine::EngineSettings, ports::Ports};
    use procession_domain::{
        event::Event,
        value::{Duration, ExecutionId, Timestamp},
    };
    use procession_testing::{CURTAIN, KeptMessages, ManualClock, ScriptedAgents, Stage};
    use serde_json::json;

    use super::{
        database::ports_in,
        dice::dice,
        history::check_history,
        witness::{Witness, until},
    };

    const NAPS: u64 = 1_500;
    const QUESTIONS: usize = 500;

    /// All wake within so many seconds.
    const LONGEST: u64 = 3_600;

    const NAP: &str = "
name: nap
steps:
  - {id: wait, type: timer, duration: '{{input.seconds}}s'}
";

    const QUESTION: &str = "
name: question
steps:
  - {id: wait, type: human_approval, title: May it?, timeout: 30m, timeout_action: approve}
";

    struct House {
        ports: Ports,
        agents: Arc<ScriptedAgents>,
        messages: Arc<KeptMessages>,
    }

    impl House {
        async fn open(&self) -> Stage {
            let settings = EngineSettings { max_concurrent_executions: 10_000, ..EngineSettings::default() };
            Stage::on(self.ports.clone(), Arc::clone(&self.agents), Arc::clone(&self.messages), settings).await
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn thousands_wait_without_memory_and_each_fires_once_at_its_time() {
        let mut dice = dice("timers", 21);
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(CURTAIN));
        let messages = Arc::new(KeptMessages::default());
        let agents = Arc::new(ScriptedAgents::new(clock.clone(), BTreeMap::new()));
        let ports = ports_in(folder.path(), agents.clone(), messages.clone(), clock.clone()).await;
        let house = House { ports, agents, messages };
        let witness = Witness::of(house.ports.stores.feed.as_ref());
        let mut stage = house.open().await;
        let nap = stage.publish(NAP).await;
        let question = stage.publish(QUESTION).await;
        let mut waiting: Vec<(Timestamp, ExecutionId)> = Vec::new();
        for _ in 0..NAPS {
            let seconds = dice.u64(1..=LONGEST);
            let id = stage.start(nap, json!({"seconds": seconds})).await;
            waiting.push((CURTAIN.saturating_add(Duration::from_secs(seconds)), id));
        }
        for _ in 0..QUESTIONS {
            let id = stage.start(question, json!({})).await;
            waiting.push((CURTAIN.saturating_add(Duration::from_secs(1_800)), id));
        }
        until_all_wait(&stage, &witness, &waiting).await;
        let mut jumps = 0;
        let mut fired = 0;
        while fired < waiting.len() {
            let now = clock.advance(Duration::from_secs(dice.u64(1..=200)));
            jumps += 1;
            if jumps % 5 == 0 {
                // Some have fired by now, some are under way, some not yet begun.
                for _ in 0..dice.u64(0..2_000) {
                    tokio::task::yield_now().await;
                }
                stage.engine.halt();
                stage = house.open().await;
            }
            let due: Vec<ExecutionId> = waiting.iter().filter(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
            witness.until_each(&due, "its end", Event::ends_execution).await;
            fired = due.len();
            for (at, id) in waiting.iter().filter(|(at, _)| *at > now) {
                let early = witness.of_execution(*id).into_iter().any(|event| event.event().ends_execution());
                assert!(!early, "{id} is due at {at} and has fired by {now}");
            }
        }
        assert!(jumps >= 18, "{jumps}");
        for (at, id) in waiting {
            check(&stage, at, id).await;
        }
        stage.engine.halt();
    }

    async fn until_all_wait(stage: &Stage, witness: &Witness, waiting: &[(Timestamp, ExecutionId)]) {
        let ids: Vec<ExecutionId> = waiting.iter().map(|(_, id)| *id).collect();
        let waits = |event: &Event| matches!(event.event_type(), "StepWaiting" | "StepWaitingApproval");
        witness.until_each(&ids, "a wait", waits).await;
        // A run leaves memory just after its commit.
        until(|| stage.engine.executions_in_memory() == 0).await;
        assert_eq!(stage.ports.clock.now(), CURTAIN);
    }

    /// It fired once, and not before its time.
    async fn check(stage: &Stage, at: Timestamp, id: ExecutionId) {
        let execution = stage.execution(id).await;
        let events = stage.events(id).await;
        check_history(&execution, &events);
        let fired: Vec<Timestamp> = events
            .iter()
            .filter(|event| event.event().event_type() == "StepCompleted")
            .map(procession_application::ports::StoredEvent::at)
            .collect();
        assert!(fired.len() == 1 && fired[0] >= at, "{id}, due at {at}, fired at {fired:?}");
    }
}
