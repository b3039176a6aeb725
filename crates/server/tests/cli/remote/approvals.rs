//! `approvals`.

use super::World;

#[test]
fn a_question_is_listed_shown_and_decided() {
    let world = World::new();
    let (execution, approval) = world.start_and_be_asked();
    let listed = world.run(&["approvals", "list"]).ends_with(0);
    assert!(listed.out.contains(&approval) && listed.out.contains("Is it good?"), "{listed:?}");
    assert!(listed.out.contains("ask/review"), "{listed:?}");
    let shown = world.run(&["approvals", "show", &approval[..approval.len() - 2]]).ends_with(0);
    assert!(shown.out.starts_with("Is it good?  pending\n\nA draft\n"), "{shown:?}");
    for leads_to in ["nothing more depends on it", "the process fails", "runs again from `draft`, up to 3 times"] {
        assert!(shown.out.contains(leads_to), "{leads_to}: {shown:?}");
    }
    let shown = world.run(&["executions", "show", &execution]).ends_with(0);
    assert!(shown.out.contains(&format!("procession approvals show {approval}")), "{shown:?}");

    world
        .run(&["approvals", "approve", &approval, "--comment", "Well"])
        .ends_with(0)
        .complains("Is it good?: approved");
    world.run(&["executions", "events", &execution, "--follow"]).ends_with(0);
    world.run(&["approvals", "approve", &approval]).ends_with(1);
    world.run(&["approvals", "list"]).ends_with(0).complains("no such approvals");
    let approved = world.run(&["approvals", "list", "--status", "approved", "--format", "json"]).ends_with(0).json();
    assert_eq!(approved["approvals"][0]["id"].as_str(), Some(approval.as_str()));
    let all = world.run(&["approvals", "list", "--status", "all", "--user", "root"]).ends_with(0);
    assert!(all.out.contains(&approval), "{all:?}");
}

#[test]
fn changes_are_asked_for_and_a_rejection_needs_a_reason() {
    let world = World::new();
    let (execution, first) = world.start_and_be_asked();
    world.run(&["approvals", "request-changes", &first]).ends_with(2).complains("--comment");
    let said = world.run(&["approvals", "request-changes", &first, "--comment", "Shorter"]).ends_with(0);
    said.complains("changes requested");
    let second = world.asked(&execution);
    assert_ne!(first, second);
    world.run(&["approvals", "reject", &second]).ends_with(1);
    let rejected =
        world.run(&["approvals", "reject", &second, "--comment", "No", "--format", "json"]).ends_with(0).json();
    assert_eq!((&rejected["status"], &rejected["decision_comment"]), (&"rejected".into(), &"No".into()));
    world.run(&["executions", "events", &execution, "--follow"]).ends_with(1);
}

#[test]
fn who_may_not_decide_is_told_so() {
    let world = World::new();
    let key = world.key_of("vera", "viewer");
    let (_, approval) = world.start_and_be_asked();
    let said = world.run_as(&key, &["approvals", "approve", &approval]);
    assert_eq!(said.code, Some(1), "{said:?}");
}

#[test]
fn changes_are_refused_where_no_round_follows() {
    let world = World::empty();
    let text = "name: ask\nsteps: [{id: check, type: human_approval, title: Good?}]\n";
    world.place.write("processes/ask.yaml", text);
    world.run(&["apply", "processes"]).ends_with(0);
    let (_, approval) = world.start_and_be_asked();
    let shown = world.run(&["approvals", "show", &approval]).ends_with(0);
    assert!(shown.out.contains("the process fails") && !shown.out.contains("changes"), "{shown:?}");
    let said = world.run(&["approvals", "request-changes", &approval, "--comment", "Shorter"]).ends_with(1);
    said.complains("no further round follows").complains("reject it");
    world.run(&["approvals", "approve", &approval]).ends_with(0);
}
