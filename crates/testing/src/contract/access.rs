//! What a store promises about users, keys and settings.

use std::sync::Arc;

use procession_domain::value::{Timestamp, UserId};

use super::given::{Stores, at, at_once};
use procession_application::ports::{AccessError, ApiKey, NewUser, Setting, User};

/// A user is read back by name, in any case, and listed by name.
pub async fn a_user_is_read_back(stores: &Stores) {
    let ada = new_user(stores, "Ada", Some("Ada@Example.org"));
    stores.access.create_user(&ada).await.unwrap();
    stores.access.create_user(&new_user(stores, "zoe", None)).await.unwrap();
    stores.access.create_user(&new_user(stores, "Élodie", None)).await.unwrap();
    stores.access.create_user(&new_user(stores, "bea", None)).await.unwrap();
    for name in ["Ada", "ada", "ADA"] {
        assert_eq!(stores.access.user(name).await.unwrap(), Some(User::from(ada.clone())), "{name}");
    }
    assert!(stores.access.user("éLODIE").await.unwrap().is_some());
    for unknown in ["ada@example.org", "ad", ""] {
        assert_eq!(stores.access.user(unknown).await.unwrap(), None, "{unknown}");
    }
    let names: Vec<String> = stores.access.users().await.unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["Ada", "bea", "zoe", "Élodie"]);
}

/// Names and addresses are unique in lower case, together: no name is another's address.
pub async fn names_and_addresses_are_unique_in_lower_case(stores: &Stores) {
    stores.access.create_user(&new_user(stores, "Ada", Some("Ada@Example.org"))).await.unwrap();
    stores.access.create_user(&new_user(stores, "bea@example.org", Some("bea@example.org"))).await.unwrap();
    let taken = [
        ("ada", None),
        ("ADA", Some("other@example.org")),
        ("cleo", Some("ada@example.ORG")),
        ("ada@example.org", None),
        ("dora", Some("BEA@example.org")),
    ];
    for (name, email) in taken {
        let refused = stores.access.create_user(&new_user(stores, name, email)).await;
        assert!(matches!(refused, Err(AccessError::Taken)), "{name} {email:?}");
    }
    for (name, email) in [("cleo", None), ("dora", None), ("emil", Some("emil@example.org"))] {
        stores.access.create_user(&new_user(stores, name, email)).await.unwrap();
    }
    assert_eq!(stores.access.users().await.unwrap().len(), 5);
}

/// Of users of one name created at once, one is.
pub async fn of_users_created_at_once_one_gets_the_name(stores: &Stores) {
    let creations: Vec<_> = (0..12)
        .map(|number| {
            let name = if number % 2 == 0 { "ada" } else { "Ada" };
            let (access, user) = (Arc::clone(&stores.access), new_user(stores, name, None));
            async move { access.create_user(&user).await }
        })
        .collect();
    let results = at_once(creations).await;
    let taken = |result: &&Result<(), AccessError>| matches!(result, Err(AccessError::Taken));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(taken).count(), 11);
}

/// Role, password and the last log-in can be changed; of a user who does not exist they can't.
pub async fn users_can_be_changed(stores: &Stores) {
    stores.access.create_user(&new_user(stores, "Ada", None)).await.unwrap();
    stores.access.set_role("ada", "process_designer").await.unwrap();
    stores.access.set_password("ADA", "$argon2id$new").await.unwrap();
    stores.access.logged_in("ada", at(9)).await.unwrap();
    let ada = stores.access.user("Ada").await.unwrap().unwrap();
    assert_eq!((ada.role.as_str(), ada.last_login), ("process_designer", Some(at(9))));
    assert_eq!(ada.password_hash.as_deref(), Some("$argon2id$new"));
    let role = stores.access.set_role("bea", "admin").await;
    let password = stores.access.set_password("bea", "hash").await;
    assert!(matches!((role, password), (Err(AccessError::Unknown), Err(AccessError::Unknown))));
    stores.access.logged_in("bea", at(9)).await.unwrap();
    assert_eq!(stores.access.users().await.unwrap().len(), 1);
}

/// The only administrator can neither be removed nor lose the role, whatever the stored name of the role.
pub async fn the_only_administrator_stays_one(stores: &Stores) {
    for (name, role) in [("Ada", "process_admin"), ("bea", "designer"), ("cleo", "admin")] {
        stores.access.create_user(&NewUser { role: role.to_owned(), ..new_user(stores, name, None) }).await.unwrap();
    }
    stores.access.remove_user("cleo").await.unwrap();
    let last = |result: Result<(), AccessError>| matches!(result, Err(AccessError::LastAdmin(name)) if name == "Ada");
    assert!(last(stores.access.set_role("ADA", "viewer").await));
    assert!(last(stores.access.remove_user("ada").await));
    stores.access.set_role("ada", "admin").await.unwrap();
    assert_eq!(stores.access.user("Ada").await.unwrap().unwrap().role, "admin");
    // Others may go, and with another administrator so may this one.
    stores.access.set_role("bea", "process_admin").await.unwrap();
    stores.access.set_role("ada", "viewer").await.unwrap();
    stores.access.remove_user("ada").await.unwrap();
    assert!(matches!(stores.access.remove_user("ada").await, Err(AccessError::Unknown)));
}

/// Of administrators who are removed or lose the role at once, one stays.
pub async fn of_administrators_who_go_at_once_one_stays(stores: &Stores) {
    let names: Vec<String> = (0..12).map(|number| format!("admin-{number}")).collect();
    for name in &names {
        stores.access.create_user(&NewUser { role: "admin".into(), ..new_user(stores, name, None) }).await.unwrap();
    }
    let goings: Vec<_> = names
        .into_iter()
        .enumerate()
        .map(|(number, name)| {
            let access = Arc::clone(&stores.access);
            async move {
                if number % 2 == 0 { access.remove_user(&name).await } else { access.set_role(&name, "viewer").await }
            }
        })
        .collect();
    let results = at_once(goings).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 11);
    assert!(results.iter().any(|result| matches!(result, Err(AccessError::LastAdmin(_)))));
    let left = stores.access.users().await.unwrap();
    assert_eq!(left.iter().filter(|user| user.role == "admin").count(), 1);
}

/// Another password, another role and the user's wish begin a new generation of sessions, a log-in does not.
pub async fn what_ends_sessions_begins_a_new_generation(stores: &Stores) {
    let access = &stores.access;
    access.create_user(&new_user(stores, "Ada", None)).await.unwrap();
    let generation = async || access.user("ada").await.unwrap().unwrap().session_generation;
    let first = generation().await;
    access.logged_in("ada", at(5)).await.unwrap();
    access.set_role("ada", "process_operator").await.unwrap();
    assert_eq!(generation().await, first, "the same role is no other");
    access.set_role("ada", "viewer").await.unwrap();
    assert_eq!(generation().await, first + 1);
    access.set_password("ADA", "hash").await.unwrap();
    assert_eq!(generation().await, first + 2);
    access.end_sessions("ADA").await.unwrap();
    assert_eq!(generation().await, first + 3);
    assert!(matches!(access.end_sessions("bea").await, Err(AccessError::Unknown)));
}

/// A session that was ended stays so until its token ends itself, and for good if that is without end.
pub async fn an_ended_session_stays_ended(stores: &Stores) {
    let access = &stores.access;
    let (short, endless, other) = ([1; 32], [2; 32], [3; 32]);
    access.end_session(&short, Some(at(10)), at(1)).await.unwrap();
    access.end_session(&endless, None, at(1)).await.unwrap();
    access.end_session(&short, Some(at(10)), at(2)).await.unwrap();
    assert!(access.is_session_ended(&short).await.unwrap());
    assert!(!access.is_session_ended(&other).await.unwrap());
    access.end_session(&other, Some(at(20)), at(10)).await.unwrap();
    for (token, is_ended) in [(short, false), (endless, true), (other, true)] {
        assert_eq!(access.is_session_ended(&token).await.unwrap(), is_ended, "{token:?}");
    }
}

/// A removed user's keys go too, and the name is free again.
pub async fn a_removed_user_takes_its_keys_along(stores: &Stores) {
    for name in ["Ada", "bea"] {
        stores.access.create_user(&new_user(stores, name, None)).await.unwrap();
        stores.access.create_key(&key(stores, name, name, at(1))).await.unwrap();
    }
    stores.access.remove_user("ada").await.unwrap();
    assert!(matches!(stores.access.remove_user("ada").await, Err(AccessError::Unknown)));
    assert_eq!(stores.access.user("Ada").await.unwrap(), None);
    assert_eq!(stores.access.key("hash of Ada").await.unwrap(), None);
    let left: Vec<String> = stores.access.keys().await.unwrap().into_iter().map(|key| key.user).collect();
    assert_eq!(left, ["bea"]);
    stores.access.create_user(&new_user(stores, "ada", None)).await.unwrap();
}

/// A key is found by its hash, revoked ones too, and keys are listed newest first.
pub async fn keys_are_found_by_hash_and_listed_newest_first(stores: &Stores) {
    stores.access.create_user(&new_user(stores, "Ada", None)).await.unwrap();
    let mut keys = Vec::new();
    for (name, second) in [("one", 5), ("two", 9), ("three", 7)] {
        let key = key(stores, "Ada", name, at(second));
        stores.access.create_key(&key).await.unwrap();
        keys.push(key);
    }
    assert_eq!(stores.access.key("hash of two").await.unwrap(), Some(keys[1].clone()));
    assert_eq!(stores.access.key("hash of four").await.unwrap(), None);
    stores.access.revoke_key(keys[1].id, at(20)).await.unwrap();
    stores.access.revoke_key(keys[1].id, at(30)).await.unwrap();
    let revoked = stores.access.key("hash of two").await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(at(20)), "the first time counts");
    let unknown = stores.access.revoke_key(UserId::new(stores.id()), at(20)).await;
    assert!(matches!(unknown, Err(AccessError::Unknown)));
    let names: Vec<String> = stores.access.keys().await.unwrap().into_iter().map(|key| key.name).collect();
    assert_eq!(names, ["two", "three", "one"]);
}

/// A key needs a user that exists, and its hash is its own.
pub async fn a_key_belongs_to_a_user(stores: &Stores) {
    let orphan = stores.access.create_key(&key(stores, "ada", "one", at(1))).await;
    assert!(matches!(orphan, Err(AccessError::Unknown)));
    stores.access.create_user(&new_user(stores, "Ada", None)).await.unwrap();
    let first = key(stores, "ada", "one", at(1));
    stores.access.create_key(&first).await.unwrap();
    let stored = stores.access.key("hash of one").await.unwrap().unwrap();
    assert_eq!(stored, ApiKey { user: "Ada".into(), ..first });
    let twin = stores.access.create_key(&key(stores, "ada", "one", at(1))).await;
    assert!(matches!(twin, Err(AccessError::Taken)));
}

/// The use of a key is noted to the hour, and never goes back.
pub async fn the_use_of_a_key_is_noted_to_the_hour(stores: &Stores) {
    stores.access.create_user(&new_user(stores, "Ada", None)).await.unwrap();
    let key = key(stores, "Ada", "one", at(0));
    stores.access.create_key(&key).await.unwrap();
    let noted = async |second| {
        stores.access.key_used(key.id, at(second)).await.unwrap();
        stores.access.key("hash of one").await.unwrap().unwrap().last_used_at.unwrap()
    };
    let first = noted(10).await;
    assert!(first <= at(10) && at(10).since(first).as_secs() < 3_600);
    assert_eq!(first.as_micros() % 3_600_000_000, 0);
    assert_eq!(noted(11).await, first);
    let later = noted(7_210).await;
    assert_eq!(later.since(first).as_secs(), 7_200);
    assert_eq!(noted(12).await, later);
    stores.access.key_used(UserId::new(stores.id()), at(10)).await.unwrap();
}

/// The set-up is done once, also when several ask at once: one administrator is written.
pub async fn the_set_up_is_done_once(stores: &Stores) {
    assert_eq!(stores.access.setting(Setting::SetupCompleted).await.unwrap(), None);
    let attempts: Vec<_> = (0..8)
        .map(|number| {
            let mut admin = new_user(stores, "admin", None);
            admin.password_hash = Some(format!("hash {number}"));
            let access = Arc::clone(&stores.access);
            async move { (access.complete_setup(&admin).await.unwrap(), admin) }
        })
        .collect();
    let results = at_once(attempts).await;
    let done: Vec<NewUser> = results.into_iter().filter_map(|(done, admin)| done.then_some(admin)).collect();
    assert_eq!(done.len(), 1);
    assert_eq!(stores.access.user("admin").await.unwrap(), Some(User::from(done[0].clone())));
    assert_eq!(stores.access.setting(Setting::SetupCompleted).await.unwrap(), Some("true".into()));
}

/// A setting is read back as it was written last, beside the others.
pub async fn a_setting_is_read_back(stores: &Stores) {
    assert_eq!(stores.access.setting(Setting::Notifications).await.unwrap(), None);
    for value in ["{\"slack_webhook_url\":\"https://example.org/ä\"}", "", "{}"] {
        stores.access.set_setting(Setting::Notifications, value).await.unwrap();
        assert_eq!(stores.access.setting(Setting::Notifications).await.unwrap(), Some(value.into()));
    }
    assert_eq!(stores.access.setting(Setting::SetupCompleted).await.unwrap(), None);
}

/// A user of the administrator's name who exists before the set-up gets the role and the password.
pub async fn the_set_up_takes_over_a_user_of_that_name(stores: &Stores) {
    let before = new_user(stores, "Admin", Some("admin@example.org"));
    stores.access.create_user(&before).await.unwrap();
    let mut admin = new_user(stores, "admin", None);
    (admin.role, admin.password_hash) = ("admin".into(), Some("new hash".into()));
    assert!(stores.access.complete_setup(&admin).await.unwrap());
    assert!(!stores.access.complete_setup(&admin).await.unwrap());
    let stored = stores.access.user("admin").await.unwrap().unwrap();
    assert_eq!((stored.id, stored.email), (before.id, before.email));
    assert_eq!((stored.role.as_str(), stored.password_hash), ("admin", admin.password_hash));
}

fn new_user(stores: &Stores, name: &str, email: Option<&str>) -> NewUser {
    NewUser {
        id: UserId::new(stores.id()),
        name: name.to_owned(),
        email: email.map(str::to_owned),
        role: "process_operator".to_owned(),
        password_hash: Some("$argon2id$v=19$m=1$c2FsdA$aGFzaA".to_owned()),
        created_at: at(0),
    }
}

fn key(stores: &Stores, user: &str, name: &str, created_at: Timestamp) -> ApiKey {
    ApiKey {
        id: UserId::new(stores.id()),
        name: name.to_owned(),
        prefix: "procession_ab12".to_owned(),
        hash: format!("hash of {name}"),
        user: user.to_owned(),
        scopes: vec!["execution:view".to_owned(), "process:read".to_owned()],
        created_at,
        revoked_at: None,
        last_used_at: None,
    }
}
