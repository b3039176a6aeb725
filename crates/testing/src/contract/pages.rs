//! What a store promises about templates, thresholds and notices.

use std::sync::Arc;

use indexmap::IndexMap;
use procession_application::ports::{
    CostDay, Mark, NoticeMark, ProcessTemplate, SavedView, Threshold, ThresholdKind, Visibility,
};
use procession_domain::{
    definition::{InputField, InputSchema, InputType},
    value::ProcessId,
};
use serde_json::json;

use super::given::{Stores, at, at_once};

/// A template is read back as it was written, and listed by name; of creations at once one gets the name.
pub async fn a_template_is_read_back_and_names_are_unique(stores: &Stores) {
    let (brief, audit) = (template("brief"), template("audit"));
    assert!(stores.stores.templates.create_template(&brief).await.unwrap());
    assert!(stores.stores.templates.create_template(&audit).await.unwrap());
    assert_eq!(stores.stores.templates.template("brief").await.unwrap(), Some(brief.clone()));
    assert_eq!(stores.stores.templates.template("Brief").await.unwrap(), None);
    assert_eq!(stores.stores.templates.templates().await.unwrap(), [audit, brief]);
    let creations: Vec<_> = (0..8)
        .map(|_| {
            let (templates, template) = (Arc::clone(&stores.stores.templates), template("one"));
            async move { templates.create_template(&template).await.unwrap() }
        })
        .collect();
    assert_eq!(at_once(creations).await.into_iter().filter(|created| *created).count(), 1);
}

/// A template takes the place of the one of its name, and goes when it is removed.
pub async fn a_template_is_replaced_and_removed(stores: &Stores) {
    let templates = &stores.stores.templates;
    let brief = template("brief");
    assert!(!templates.replace_template(&brief).await.unwrap());
    templates.create_template(&brief).await.unwrap();
    let newer = ProcessTemplate { version: "2.0.0".into(), visibility: Visibility::Shared, ..brief };
    assert!(templates.replace_template(&newer).await.unwrap());
    assert_eq!(templates.template("brief").await.unwrap(), Some(newer));
    assert!(templates.remove_template("brief").await.unwrap());
    assert!(!templates.remove_template("brief").await.unwrap());
    assert_eq!(templates.templates().await.unwrap(), []);
}

/// A threshold that is set again keeps its id and its first time; others stay.
pub async fn a_threshold_is_set_once_for_its_process_and_kind(stores: &Stores) {
    let thresholds = &stores.stores.thresholds;
    let process = Some(ProcessId::new(stores.id()));
    let new = |process_id, kind, amount: &str, second| Threshold {
        id: stores.id(),
        process_id,
        kind,
        amount: amount.parse().unwrap(),
        enabled: true,
        created_at: at(second),
        updated_at: at(second),
    };
    let today = CostDay::new(20_000);
    let weekly = thresholds.set_threshold(&new(process, ThresholdKind::Weekly, "10", 0), today, None).await.unwrap();
    let first = thresholds.set_threshold(&new(process, ThresholdKind::Daily, "2.5", 1), today, None).await.unwrap();
    let server = thresholds.set_threshold(&new(None, ThresholdKind::Daily, "7 EUR", 2), today, None).await.unwrap();
    let again = Threshold { enabled: false, ..new(process, ThresholdKind::Daily, "3", 9) };
    let again = thresholds.set_threshold(&again, today, None).await.unwrap();
    assert_eq!((again.id, again.created_at, again.updated_at), (first.id, at(1), at(9)));
    assert_eq!((again.amount.amount().as_str(), again.enabled), ("3", false));
    assert_eq!(thresholds.thresholds(process).await.unwrap(), [again, weekly]);
    assert_eq!(thresholds.thresholds(None).await.unwrap(), [server]);
    assert!(thresholds.remove_threshold(process, ThresholdKind::Daily).await.unwrap());
    assert!(!thresholds.remove_threshold(process, ThresholdKind::Daily).await.unwrap());
    assert_eq!(thresholds.thresholds(process).await.unwrap(), [weekly]);
    assert_eq!(thresholds.thresholds(None).await.unwrap(), [server]);
}

/// Marks are each user's own, the newest first; a later one on the same notice takes the place of the earlier one.
pub async fn a_mark_of_a_notice_is_its_users_own(stores: &Stores) {
    let notices = &stores.stores.notices;
    let mark = |user: &str, notice: &str, mark, second| NoticeMark {
        user: user.to_owned(),
        notice: notice.to_owned(),
        mark,
        at: at(second),
    };
    let seen = mark("ada", "approval-1", Mark::Acknowledged, 1);
    let other = mark("ada", "approval-2", Mark::Acknowledged, 2);
    let aside = mark("ada", "approval-1", Mark::Dismissed, 3);
    let of_bea = mark("bea", "approval-1", Mark::Acknowledged, 4);
    for mark in [&seen, &other, &aside, &of_bea] {
        notices.mark_notice(mark).await.unwrap();
    }
    assert_eq!(notices.notice_marks("ada").await.unwrap(), [aside, other]);
    assert_eq!(notices.notice_marks("bea").await.unwrap(), [of_bea]);
    assert_eq!(notices.notice_marks("zoe").await.unwrap(), []);
}

/// A view that is saved again keeps its id and its first time; others' views stay.
pub async fn a_view_is_saved_once_for_its_page_and_name(stores: &Stores) {
    let views = &stores.stores.views;
    let view = |user: &str, name: &str, status: &str, second| SavedView {
        id: stores.id(),
        user: user.to_owned(),
        name: name.to_owned(),
        page: "runs".to_owned(),
        filters: json!({"status": status}),
        created_at: at(second),
    };
    let late = views.save_view(&view("ada", "late", "running", 1)).await.unwrap();
    let bad = views.save_view(&view("ada", "bad", "failed", 2)).await.unwrap();
    let of_bea = views.save_view(&view("bea", "late", "paused", 3)).await.unwrap();
    let again = views.save_view(&view("ada", "late", "pending", 4)).await.unwrap();
    assert_eq!(again, SavedView { filters: json!({"status": "pending"}), ..late });
    assert_eq!(views.views("ada").await.unwrap(), [bad.clone(), again.clone()]);
    assert!(!views.remove_view("bea", again.id).await.unwrap());
    assert!(views.remove_view("ada", again.id).await.unwrap());
    assert_eq!(views.views("ada").await.unwrap(), [bad]);
    assert_eq!(views.views("bea").await.unwrap(), [of_bea]);
}

fn template(name: &str) -> ProcessTemplate {
    let topic = InputField {
        field_type: Some(InputType::String),
        description: Some("What it is about".into()),
        default: Some(json!("täglich")),
        required: false,
        one_of: vec![json!("täglich"), json!("weekly")],
    };
    ProcessTemplate {
        name: name.to_owned(),
        display_name: format!("The {name}"),
        description: "Für alle".into(),
        category: "business".into(),
        complexity: "simple".into(),
        version: "1.0.0".into(),
        author: "ada@example.org".into(),
        tags: vec!["a".into(), "b".into()],
        use_cases: vec!["one".into()],
        visibility: Visibility::Private,
        parameters: InputSchema { fields: IndexMap::from([("topic".to_owned(), topic)]) },
        definition_yaml: "name: \"{{name}}\"\nsteps: []\n".into(),
        owner: Some("ada".into()),
        created_by: Some("ada@example.org".into()),
        created_at: at(1),
        updated_at: at(2),
    }
}
