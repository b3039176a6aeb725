//! What a store of definitions promises.

use std::sync::Arc;

use procession_domain::{
    definition::{Process, ProcessStatus},
    event::DefinitionEvent,
    value::ProcessId,
};

use super::{
    given::{Stores, agent, approval, at, at_once, definition, process_name, timer},
    run::Launch,
};
use procession_application::ports::DefinitionStoreError;

/// Texts that careless stores change: a BOM, CRLF, trailing spaces and tabs, no last newline, emoji, a lone quote.
const DIFFICULT_TEXTS: [&str; 4] = [
    "\u{feff}name: report\r\nversion: 1   \r\n\r\n# done\t",
    "name: \"ünïcode 🚀 — it's\"\n\n\n   ",
    "name: a # 'quoted' \"twice\" \\n \\u0000 %s ?1 :name\n",
    "",
];

/// A definition comes back as it was written, the author's text byte for byte.
pub async fn a_definition_comes_back_byte_for_byte(stores: &Stores) {
    let steps = vec![agent("a", &[]), approval("b", &["a"]), timer("c", &["a"])];
    for (version, text) in (1_u32..).zip(DIFFICULT_TEXTS) {
        let definition = definition("report", &version.to_string(), steps.clone());
        let id = ProcessId::new(stores.id());
        let by = Some("ada@example.org".to_owned());
        let (process, event) = Process::draft(id, text.to_owned(), definition, by, at(3));
        stores.definitions.create(&process, &event).await.unwrap();
        let loaded = stores.definitions.load(id).await.unwrap().unwrap();
        assert_eq!(loaded.yaml().as_bytes(), text.as_bytes());
        assert_eq!(loaded, process);
    }
    assert_eq!(stores.definitions.load(ProcessId::new(stores.id())).await.unwrap(), None);
}

/// Name and version are unique, whatever the status of who has them.
pub async fn a_name_and_version_are_taken_once(stores: &Stores) {
    let first = stores.draft("report", "1.2", at(0)).await;
    let definition = definition("report", "1.2", vec![agent("other", &[])]);
    let (second, event) = Process::draft(ProcessId::new(stores.id()), "two".into(), definition, None, at(1));
    let refused = stores.definitions.create(&second, &event).await;
    assert!(matches!(refused, Err(DefinitionStoreError::NameTaken { name, version })
            if name.as_str() == "report" && version.to_string() == "1.2"));
    assert_eq!(stores.definitions.load(second.id()).await.unwrap(), None);
    assert_eq!(stores.definitions.load(first.id()).await.unwrap(), Some(first));
    stores.draft("report", "1.20", at(1)).await;
    stores.draft("Report", "1.2", at(1)).await;
}

/// Of many creations of one name and version at once, one succeeds.
pub async fn of_creations_at_once_one_gets_the_name(stores: &Stores) {
    let creations = (0..16).map(|_| {
        let definitions = Arc::clone(&stores.definitions);
        let definition = definition("report", "1", vec![agent("write", &[])]);
        let (process, event) = Process::draft(ProcessId::new(stores.id()), "text".into(), definition, None, at(0));
        async move { definitions.create(&process, &event).await }
    });
    let results = at_once(creations.collect::<Vec<_>>()).await;
    let refused =
        |result: &&Result<(), DefinitionStoreError>| matches!(result, Err(DefinitionStoreError::NameTaken { .. }));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(refused).count(), 15);
}

/// An update to a name and version that another one has is refused, and changes nothing.
pub async fn an_update_cannot_take_anothers_name(stores: &Stores) {
    let one = stores.draft("report", "1", at(0)).await;
    let mut two = stores.draft("report", "2", at(0)).await;
    let before = two.clone();
    let stolen = Arc::clone(one.definition());
    let event = two.edit("version: 1".into(), stolen, None, None, at(5)).unwrap();
    let refused = stores.definitions.update(&two, 1, &event).await;
    assert!(matches!(refused, Err(DefinitionStoreError::NameTaken { .. })));
    assert_eq!(stores.definitions.load(two.id()).await.unwrap(), Some(before));
    assert_eq!(stores.definitions.events(two.id()).await.unwrap().len(), 1);
}

/// An update writes only on the revision that it was made on.
pub async fn an_update_on_an_older_revision_is_stale(stores: &Stores) {
    let draft = stores.draft("report", "1", at(0)).await;
    let edited = |text: &str| {
        let mut process = draft.clone();
        let definition = Arc::clone(process.definition());
        let event = process.edit(text.into(), definition, None, None, at(5)).unwrap();
        (process, event)
    };
    let (first, event) = edited("first");
    stores.definitions.update(&first, 1, &event).await.unwrap();
    let (second, event) = edited("second");
    let refused = stores.definitions.update(&second, 1, &event).await;
    assert!(matches!(refused, Err(DefinitionStoreError::Stale)));
    assert_eq!(stores.definitions.load(draft.id()).await.unwrap(), Some(first));
    assert!(stores.definitions.delete(draft.id()).await.unwrap());
    let gone = stores.definitions.update(&second, 2, &event).await;
    assert!(matches!(gone, Err(DefinitionStoreError::Stale)));
}

/// Of two updates of one revision at once, one is stale.
pub async fn of_updates_at_once_one_is_written(stores: &Stores) {
    let draft = stores.draft("report", "1", at(0)).await;
    let updates = (0..8).map(|number| {
        let (definitions, mut process) = (Arc::clone(&stores.definitions), draft.clone());
        let definition = Arc::clone(process.definition());
        let event = process.edit(format!("text {number}"), definition, None, None, at(1)).unwrap();
        async move { definitions.update(&process, 1, &event).await.map(|()| process) }
    });
    let results = at_once(updates.collect::<Vec<_>>()).await;
    let mut written = results.into_iter().filter_map(Result::ok);
    assert_eq!(stores.definitions.load(draft.id()).await.unwrap(), written.next());
    assert!(written.next().is_none());
}

/// The event of a change is written with it or not at all.
pub async fn the_event_is_written_with_the_change_or_not_at_all(stores: &Stores) {
    let mut process = stores.draft("report", "1", at(0)).await;
    let stale = process.clone();
    let published = process.publish(Some("ada".into()), at(1)).unwrap();
    stores.definitions.update(&process, 1, &published).await.unwrap();
    let archived = { stale }.archive(None, at(2)).unwrap();
    let refused = stores.definitions.update(&process, 1, &archived).await;
    assert!(matches!(refused, Err(DefinitionStoreError::Stale)));
    let events = stores.definitions.events(process.id()).await.unwrap();
    let types: Vec<&str> = events.iter().map(DefinitionEvent::event_type).collect();
    assert_eq!(types, ["ProcessCreated", "ProcessPublished"]);
    assert_eq!(events[1], published);
}

/// A name leads to its newest published version by number, or to the named one.
pub async fn a_name_leads_to_its_newest_published_version(stores: &Stores) {
    let name = process_name("report");
    assert!(stores.definitions.published(&name, None).await.unwrap().is_none());
    let mut ids = Vec::new();
    for version in ["1.9", "1.10", "1.2"] {
        let definition = definition("report", version, vec![agent(&format!("v{}", ids.len()), &[])]);
        ids.push(stores.published_from(definition).await.process.id);
    }
    stores.draft("report", "7", at(1)).await;
    let newest = stores.definitions.published(&name, None).await.unwrap().unwrap();
    assert_eq!((newest.id, newest.definition.version().to_string()), (ids[1], "1.10".to_owned()));
    let named = stores.definitions.published(&name, Some("1.9".parse().unwrap())).await;
    let named = named.unwrap().unwrap();
    assert_eq!((named.id, named.definition.steps()[0].id.as_str()), (ids[0], "v0"));
    let mut process = stores.definitions.load(ids[1]).await.unwrap().unwrap();
    let event = process.archive(None, at(2)).unwrap();
    stores.definitions.update(&process, 2, &event).await.unwrap();
    let newest = stores.definitions.published(&name, None).await.unwrap().unwrap();
    assert_eq!(newest.id, ids[0]);
    for version in ["1.10", "7", "3"] {
        let found = stores.definitions.published(&name, Some(version.parse().unwrap())).await;
        assert!(found.unwrap().is_none(), "{version}");
    }
}

/// Versions of every status exist and count for the highest number.
pub async fn versions_of_every_status_exist(stores: &Stores) {
    let name = process_name("report");
    assert_eq!(stores.definitions.highest_version(&name).await.unwrap(), None);
    assert!(!stores.definitions.exists(&name, None).await.unwrap());
    stores.draft("report", "2.3", at(0)).await;
    stores.draft("report", "2.12", at(0)).await;
    stores.draft("reports", "9", at(0)).await;
    let highest = stores.definitions.highest_version(&name).await.unwrap();
    assert_eq!(highest.map(|version| version.to_string()), Some("2.12".to_owned()));
    assert!(stores.definitions.exists(&name, None).await.unwrap());
    assert!(stores.definitions.exists(&name, Some("2.3".parse().unwrap())).await.unwrap());
    assert!(!stores.definitions.exists(&name, Some("2".parse().unwrap())).await.unwrap());
}

/// Of the versions of a name at most one is active: the one that was written so last.
pub async fn of_the_versions_of_a_name_one_is_active(stores: &Stores) {
    let (first, second) = (stores.draft("report", "1", at(0)).await, stores.draft("report", "2", at(0)).await);
    let other = stores.draft("memo", "1", at(0)).await;
    let active = async || {
        let mut active = Vec::new();
        for process in [&first, &second, &other] {
            active.push(stores.definitions.load(process.id()).await.unwrap().unwrap().is_active());
        }
        active
    };
    let change = async |id, change: &dyn Fn(&mut Process) -> DefinitionEvent| {
        let mut process = stores.definitions.load(id).await.unwrap().unwrap();
        let before = process.revision();
        let event = change(&mut process);
        stores.definitions.update(&process, before, &event).await.unwrap();
    };
    assert_eq!(active().await, [false, false, false]);
    for process in [&first, &other, &second] {
        change(process.id(), &|process| process.publish(None, at(1)).unwrap()).await;
    }
    assert_eq!(active().await, [false, true, true]);
    change(first.id(), &|process| process.activate(None, at(2)).unwrap()).await;
    assert_eq!(active().await, [true, false, true]);
    change(second.id(), &|process| process.archive(None, at(3)).unwrap()).await;
    assert_eq!(active().await, [true, false, true]);
    change(first.id(), &|process| process.archive(None, at(4)).unwrap()).await;
    assert_eq!(active().await, [false, false, true]);
}

/// The checked model beside the text is the one that was published, whatever its text says.
pub async fn the_published_model_is_kept_beside_the_text(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[]), approval("b", &["a"])]).await;
    let loaded = stores.definitions.load(process.process.id).await.unwrap().unwrap();
    assert_eq!(loaded.definition(), &process.definition);
    assert_eq!(loaded.status(), ProcessStatus::Published);
    assert_eq!(loaded.published_at(), Some(at(0)));
    let found = stores.definitions.published(&process.process.name, None).await;
    assert_eq!(found.unwrap().unwrap().definition, process.definition);
}

/// A version with executions that have not ended is not deleted.
pub async fn a_version_with_live_executions_is_not_deleted(stores: &Stores) {
    let (process, lease) = (stores.published("report", vec![agent("a", &[])]).await, stores.node().await);
    let mut run = stores.admitted(&process, lease).await;
    let id = process.process.id;
    archive(stores, id).await;
    let refused = stores.definitions.delete(id).await;
    assert!(matches!(refused, Err(DefinitionStoreError::HasLiveExecutions)));
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    let refused = stores.definitions.delete(id).await;
    assert!(matches!(refused, Err(DefinitionStoreError::HasLiveExecutions)));
    assert!(stores.definitions.exists(&process.process.name, None).await.unwrap());
}

/// A version with ended executions is hidden: lists don't show it, and its executions can still be read and retried.
pub async fn a_deleted_version_with_ended_executions_is_hidden(stores: &Stores) {
    let (process, lease) = (stores.published("report", vec![agent("a", &[])]).await, stores.node().await);
    let mut run = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    stores.executions.commit(Arc::new(run.finish(at(2), "a"))).await.unwrap();
    let id = process.process.id;
    archive(stores, id).await;
    assert!(stores.definitions.delete(id).await.unwrap());
    assert!(!stores.definitions.delete(id).await.unwrap(), "it is deleted already");
    let page = stores.definitions.list(&super::lists::all_processes(), &super::lists::first(10)).await;
    assert_eq!(page.unwrap().total, 0);
    assert!(stores.definitions.load(id).await.unwrap().is_some());
    let name = &process.process.name;
    assert!(!stores.definitions.exists(name, None).await.unwrap());
    let highest = stores.definitions.highest_version(name).await.unwrap();
    assert_eq!(highest, Some(process.process.version));
    stores.launched(&process, Launch::default()).await;
}

/// A version that was never run is gone after its deletion, and its name is free again.
pub async fn a_deleted_version_that_never_ran_is_gone(stores: &Stores) {
    let process = stores.draft("report", "1", at(0)).await;
    assert!(stores.definitions.delete(process.id()).await.unwrap());
    assert_eq!(stores.definitions.load(process.id()).await.unwrap(), None);
    assert_eq!(stores.definitions.events(process.id()).await.unwrap(), []);
    assert!(!stores.definitions.delete(process.id()).await.unwrap());
    stores.draft("report", "1", at(1)).await;
}

/// A published version is never deleted.
pub async fn a_published_version_is_not_deleted(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let refused = stores.definitions.delete(process.process.id).await;
    assert!(matches!(refused, Err(DefinitionStoreError::Stale)));
    assert!(stores.definitions.load(process.process.id).await.unwrap().is_some());
}

async fn archive(stores: &Stores, id: ProcessId) {
    let mut process = stores.definitions.load(id).await.unwrap().unwrap();
    let before = process.revision();
    let event = process.archive(None, at(10)).unwrap();
    stores.definitions.update(&process, before, &event).await.unwrap();
}
