//! Mails to who is asked to decide, and deciding by their links.

use procession_application::{
    access::Via,
    approvals::{ApprovalFailure, LinkStanding},
    ports::{AuditFilter, DeliveryKind, DeliveryState, Message, Origin, PageStart, Paging},
};
use procession_domain::{
    approval::{ApprovalError, ApprovalStatus, Ballot},
    value::{Duration, ExecutionId},
};
use serde_json::json;

use crate::support::House;

/// A house with people, and an execution that asks some of them.
async fn asking(assignees: &str, more: &str) -> (House, ExecutionId) {
    let house = House::usual().await;
    let system = &house.stage.system;
    for (name, role, email) in [
        ("ada", "approver", Some("ada@example.org")),
        ("bea", "viewer", None),
        ("root", "admin", Some("root@example.org")),
    ] {
        let created = house.stage.access.create_user(system, name, role, email.map(str::to_owned), None).await;
        created.unwrap();
    }
    let yaml = format!(
        "{{name: asks, steps: [{{id: ok, type: human_approval, title: Well?, description: See <this>, \
         assignees: {assignees}{more}}}]}}"
    );
    let id = house.stage.publish(&yaml).await;
    let execution = house.stage.start(id, json!({})).await;
    house.stage.open_approval(execution, "ok").await;
    house.stage.pass(Duration::from_secs(1)).await;
    (house, execution)
}

fn mails(house: &House) -> Vec<Message> {
    house.stage.messages.sent().into_iter().filter(|message| message.channel == "email").collect()
}

fn recipients(house: &House) -> Vec<String> {
    mails(house).into_iter().flat_map(|mail| mail.recipients).collect()
}

/// The link in a mail.
fn link(mail: &Message) -> String {
    let line = mail.message.lines().find(|line| line.contains("/decide?link=")).unwrap();
    assert!(line.starts_with("https://procession.example/decide?link="), "{line}");
    line.split_once("link=").unwrap().1.to_owned()
}

async fn vote(house: &House, link: &str, ballot: Ballot) -> Result<ApprovalStatus, ApprovalFailure> {
    let row = house.stage.approvals.vote_by_link(link, ballot, None, Origin::default()).await?;
    Ok(row.approval.status())
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_and_has_an_address_gets_a_mail() {
    let (house, execution) = asking("[ada, bea, 'role:admin', 'guest@example.com']", "").await;
    let mut got = recipients(&house);
    got.sort();
    assert_eq!(got, ["ada@example.org", "guest@example.com", "root@example.org"]);
    let mail = &mails(&house)[0];
    assert_eq!(mail.subject, "Decision needed: Well?");
    assert!(mail.message.contains("See <this>") && mail.message.contains(&execution.to_string()), "{}", mail.message);
    let rows = house.all().await;
    assert!(rows.iter().all(|row| row.kind == DeliveryKind::Mail));
    let of_now = rows.iter().filter(|row| row.state == DeliveryState::Delivered);
    assert_eq!(of_now.filter(|row| row.event == "approval_requested").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_link_decides_once_and_for_its_person_only() {
    let (house, execution) = asking("[ada, 'guest@example.com']", ", required_approvals: 2").await;
    let links: Vec<String> = mails(&house).iter().map(link).collect();
    assert_ne!(links[0], links[1]);
    let shown = house.stage.approvals.by_link(&links[0]).await.unwrap();
    assert_eq!((shown.standing, shown.person.as_str()), (LinkStanding::Open, "ada"));
    assert_eq!(vote(&house, &links[0], Ballot::Approve).await.unwrap(), ApprovalStatus::Pending);
    let again = vote(&house, &links[0], Ballot::Approve).await;
    assert!(matches!(again, Err(ApprovalFailure::Refused(ApprovalError::VotedBefore(_)))), "{again:?}");
    assert_eq!(house.stage.approvals.by_link(&links[0]).await.unwrap().standing, LinkStanding::Voted);
    assert_eq!(vote(&house, &links[1], Ballot::Approve).await.unwrap(), ApprovalStatus::Approved);
    assert_eq!(house.stage.until_ended(execution).await.status().as_str(), "completed");
    let paging = Paging { limit: 10, start: PageStart::Offset(0) };
    let filter = AuditFilter { action: Some("approval.decide".into()), ..AuditFilter::default() };
    let audit = house.stage.audit.list(&house.stage.system, &filter, &paging).await.unwrap();
    let actors: Vec<&str> = audit.rows.iter().map(|row| row.entry.actor.as_str()).collect();
    assert!(actors.contains(&"ada") && actors.contains(&"guest@example.com"), "{actors:?}");
    assert!(audit.rows.iter().all(|row| row.entry.via == Via::Link.as_str()));
}

#[tokio::test(start_paused = true)]
async fn a_link_ends_with_its_request() {
    let (house, execution) = asking("[ada, root]", "").await;
    let links: Vec<String> = mails(&house).iter().map(link).collect();
    vote(&house, &links[0], Ballot::Approve).await.unwrap();
    house.stage.until_ended(execution).await;
    let shown = house.stage.approvals.by_link(&links[1]).await.unwrap();
    assert_eq!(shown.standing, LinkStanding::Settled(ApprovalStatus::Approved));
    let late = vote(&house, &links[1], Ballot::Reject).await;
    assert!(matches!(late, Err(ApprovalFailure::Refused(ApprovalError::Settled(_)))), "{late:?}");
    let forged = links[1].replace(links[1].chars().next().unwrap(), "f");
    for bad in [forged.as_str(), "", "00"] {
        assert!(matches!(house.stage.approvals.by_link(bad).await, Err(ApprovalFailure::NotFound)), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reminder_comes_before_the_deadline_unless_it_was_decided() {
    let (house, _) = asking("[ada]", ", timeout: 8h").await;
    assert_eq!(recipients(&house).len(), 1);
    house.stage.pass(Duration::from_secs(7 * 3_600 - 60)).await;
    assert_eq!(recipients(&house).len(), 1);
    house.stage.pass(Duration::from_secs(120)).await;
    let reminder = &mails(&house)[1];
    assert_eq!(reminder.subject, "Reminder: Well?");
    link(reminder);

    let (house, execution) = asking("[ada]", ", timeout: 8h").await;
    vote(&house, &link(&mails(&house)[0]), Ballot::Approve).await.unwrap();
    house.stage.until_ended(execution).await;
    house.stage.pass(Duration::from_secs(8 * 3_600)).await;
    assert_eq!(recipients(&house).len(), 1);
    let rows = house.all().await;
    assert_eq!(rows.len(), 1, "what nobody needs is gone: {rows:?}");
    assert_eq!(rows[0].state, DeliveryState::Delivered);
}

#[tokio::test(start_paused = true)]
async fn an_escalation_is_told_to_all_who_are_asked_then() {
    let more = ", timeout: 1h, timeout_action: escalate, escalate_to: [root]";
    let (house, _) = asking("[ada]", more).await;
    house.stage.pass(Duration::from_secs(3_700)).await;
    let escalated: Vec<Message> =
        mails(&house).into_iter().filter(|mail| mail.subject.starts_with("Escalated")).collect();
    let to: Vec<String> = escalated.into_iter().flat_map(|mail| mail.recipients).collect();
    assert_eq!(to, ["ada@example.org", "root@example.org"]);
}

#[tokio::test(start_paused = true)]
async fn who_a_request_is_passed_on_to_gets_a_mail_and_the_other_link_ends() {
    let (house, execution) = asking("[ada]", "").await;
    let first = link(&mails(&house)[0]);
    let approval = house.stage.open_approval(execution, "ok").await.id();
    let ada = house.stage.person("ada", "approver").await;
    house.stage.approvals.delegate(&ada, approval, "root", None).await.unwrap();
    house.stage.pass(Duration::from_secs(1)).await;
    let mail = &mails(&house)[1];
    assert_eq!(
        (mail.subject.as_str(), mail.recipients.as_slice()),
        ("Passed on to you: Well?", &["root@example.org".to_owned()][..])
    );
    assert_eq!(house.stage.approvals.by_link(&first).await.unwrap().standing, LinkStanding::PassedOn);
    assert!(vote(&house, &first, Ballot::Approve).await.is_err());
    assert_eq!(vote(&house, &link(mail), Ballot::Approve).await.unwrap(), ApprovalStatus::Approved);
}

#[tokio::test(start_paused = true)]
async fn no_row_holds_a_link() {
    let (house, _) = asking("[ada]", "").await;
    let link = link(&mails(&house)[0]);
    let shown = format!("{:?}", house.all().await);
    assert!(!shown.contains(&link) && !shown.contains("decide?"), "{shown}");
}
