//! Whose seat is whose.

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_micros(secs * 1_000_000)
}

fn approval(assignees: &[&str], required_approvals: u32) -> Approval {
    Approval::open(ApprovalRequest {
        id: ApprovalId::new(uuid::Uuid::nil()),
        execution_id: ExecutionId::new(uuid::Uuid::nil()),
        step_id: StepId::new("review").unwrap(),
        title: "Well?".to_owned(),
        description: String::new(),
        assignees: assignees.iter().map(|name| (*name).to_owned()).collect(),
        required_approvals,
        barred: Vec::new(),
        artifacts: Vec::new(),
        allow_comments: true,
        require_reason_on_reject: true,
        deadline: None,
        timeout_action: TimeoutAction::Reject,
        escalation_period: Duration::from_secs(60),
        escalate_to: Vec::new(),
        created_at: at(0),
    })
}

/// An approver, whose e-mail address is at example.org.
fn person(name: &str) -> Voter {
    Voter {
        name: name.to_owned(),
        email: Some(format!("{name}@example.org")),
        roles: vec!["approver".to_owned()],
        is_admin: false,
        may_decide: true,
    }
}

fn admin(name: &str) -> Voter {
    Voter { is_admin: true, ..person(name) }
}

fn viewer(name: &str) -> Voter {
    Voter { may_decide: false, roles: vec!["viewer".to_owned()], ..person(name) }
}

#[test]
fn who_has_voted_passes_nothing_on_and_gets_nothing() {
    let mut both = approval(&["ann", "ben"], 2);
    assert_eq!(both.vote(&person("ann"), Ballot::Approve, None, at(1)), Ok(None));
    assert_eq!(both.delegate(&person("ann"), &person("cleo"), at(2)), Err(ApprovalError::VotedBefore("ann".into())));
    assert_eq!(both.delegate(&person("ben"), &person("ann"), at(2)), Err(ApprovalError::VotedBefore("ann".into())));
    assert_eq!(both.delegate(&person("ben"), &person("cleo"), at(2)), Ok(()));
    assert_eq!(both.request().assignees, ["ann", "cleo"]);
    assert!(both.vote(&person("cleo"), Ballot::Approve, None, at(3)).unwrap().is_some());
}

#[test]
fn a_delegate_must_be_able_to_decide() {
    let mut one = approval(&["ann"], 1);
    assert_eq!(one.delegate(&person("ann"), &viewer("vic"), at(1)), Err(ApprovalError::MayNotDecide("vic".into())));
    // By address, too, one is assigned already.
    let mut by_address = approval(&["ann", "ben@example.org"], 1);
    let refused = by_address.delegate(&person("ann"), &person("ben"), at(1));
    assert_eq!(refused, Err(ApprovalError::AssignedAlready("ben".into())));
    assert_eq!(one.delegate(&person("ann"), &admin("root"), at(1)), Ok(()));
}

#[test]
fn what_several_must_approve_stays_decidable() {
    let mut two = approval(&["ann", "ben"], 2);
    assert_eq!(two.delegate(&admin("root"), &person("cleo"), at(1)), Err(ApprovalError::TooFewDeciders(2)));
    // With one vote there, the one who is left is enough.
    two.vote(&person("ann"), Ballot::Approve, None, at(1)).unwrap();
    assert_eq!(two.delegate(&admin("root"), &person("cleo"), at(2)), Ok(()));
    // Of a role, many may be asked; one of them can't take that from the others.
    let mut of_role = approval(&["role:approver"], 2);
    assert_eq!(of_role.delegate(&person("ann"), &person("cleo"), at(1)), Err(ApprovalError::TooFewDeciders(2)));
    let mut named_too = approval(&["role:approver", "ann"], 2);
    assert_eq!(named_too.delegate(&person("ann"), &person("cleo"), at(1)), Ok(()));
    assert_eq!(named_too.request().assignees, ["role:approver", "cleo"]);
    // Whoever may decide is asked: an approver passes on for all only what one may decide.
    assert_eq!(approval(&[], 1).delegate(&person("ann"), &person("cleo"), at(1)), Ok(()));
    assert_eq!(
        approval(&[], 2).delegate(&person("ann"), &person("cleo"), at(1)),
        Err(ApprovalError::TooFewDeciders(2))
    );
}

fn barring(assignees: &[&str], required: u32, barred: &[&str]) -> Approval {
    let mut approval = approval(assignees, required);
    approval.request.barred = barred.iter().map(|name| (*name).to_owned()).collect();
    approval
}

#[test]
fn who_has_a_part_in_what_is_judged_may_not_decide_it_not_even_as_an_admin() {
    let mut own = barring(&["ann", "ben"], 1, &["ann", "root"]);
    for voter in [person("ann"), admin("root")] {
        let refused = own.vote(&voter, Ballot::Approve, None, at(1));
        assert_eq!(refused, Err(ApprovalError::OwnPart(voter.name.clone())));
        assert!(!own.waits_for(&voter));
    }
    assert!(own.waits_for(&person("ben")));
    assert!(own.vote(&person("ben"), Ballot::Approve, None, at(1)).unwrap().is_some());
}

#[test]
fn who_has_a_part_in_what_is_judged_may_pass_it_on_but_gets_nothing() {
    let mut own = barring(&["ann", "ben"], 1, &["ann", "cleo"]);
    let to_cleo = own.delegate(&person("ben"), &person("cleo"), at(1));
    assert_eq!(to_cleo, Err(ApprovalError::DelegateHasPart("cleo".into())));
    assert_eq!(own.delegate(&person("ann"), &person("dan"), at(1)), Ok(()));
    assert_eq!(own.request().assignees, ["dan", "ben"]);
}

#[test]
fn passing_on_counts_only_who_may_decide() {
    // Ann can't decide, so that Ben and Cleo are the two who must.
    let mut own = barring(&["ann", "ben", "cleo"], 2, &["ann"]);
    assert_eq!(own.delegate(&admin("root"), &person("dan"), at(1)), Err(ApprovalError::TooFewDeciders(2)));
}
