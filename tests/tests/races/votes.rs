//! Races of votes: against a sibling step, another vote, the deadline (spec 3.5).

use std::{collections::BTreeSet, sync::Arc};

use procession_application::{
    access::Principal,
    approvals::{ApprovalFailure, Approvals},
};
use procession_domain::{
    approval::{Approval, ApprovalError, ApprovalStatus, Ballot},
    event::{ApprovalEvent, Decision, Event, Verdict},
    execution::{Execution, ExecutionStatus},
    value::{ApprovalId, Duration},
};

use crate::{
    arena::{Arena, BATCH, RACES, all, place},
    tally::{Tally, after},
};

type Voted = Result<Approval, ApprovalFailure>;

/// A vote some turns later.
fn vote(
    arena: &Arena,
    lag: u64,
    by: &Principal,
    request: ApprovalId,
    ballot: Ballot,
) -> tokio::task::JoinHandle<Voted> {
    let approvals: Approvals = arena.stage.approvals.clone();
    let by = by.clone();
    let comment = (ballot != Ballot::Approve).then(|| "not like this".to_owned());
    tokio::spawn(after(lag, async move { approvals.vote(&by, request, ballot, comment).await.map(|row| row.approval) }))
}

fn is_decided(event: &Event) -> bool {
    matches!(event, Event::Approval(_, _, ApprovalEvent::Decided(_)))
}

fn verdict(events: &[Event]) -> &Verdict {
    let decided = place(events, is_decided).expect("it was decided");
    match &events[decided] {
        Event::Approval(_, _, ApprovalEvent::Decided(verdict)) => verdict,
        _ => unreachable!("that is its place"),
    }
}

fn completes(event: &Event, step: &str) -> bool {
    event.event_type() == "StepCompleted" && event.step_id().is_some_and(|id| id.as_str() == step)
}

fn starts(event: &Event, step: &str) -> bool {
    event.event_type() == "StepStarted" && event.step_id().is_some_and(|id| id.as_str() == step)
}

const SIBLINGS: &str = "
name: siblings
steps:
  - {id: ask, type: human_approval, title: May it?, assignees: [ada]}
  - {id: work, type: agent_task, agent: held, message: work}
  - {id: join, type: agent_task, agent: quick, message: '{{steps.ask.decided_by}}, {{steps.work.output}}', depends_on: [ask, work]}
outputs:
  - {name: joined, source: '{{steps.join.output.response}}'}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_while_a_sibling_runs_loses_neither() {
    let arena = Arena::open().await;
    let ada = arena.stage.person("ada", "viewer").await;
    let process = arena.stage.publish(SIBLINGS).await;
    let mut tally = Tally::between("the approval", "the sibling", 1);
    for _ in 0..RACES / BATCH {
        let executions = arena.start_batch(process).await;
        arena.until_runs(&executions, "work").await;
        let (mut votes, mut replies) = (Vec::new(), Vec::new());
        for (id, request) in arena.until_asked(&executions).await {
            votes.push(vote(&arena, tally.first_lag(), &ada, request, Ballot::Approve));
            let (agents, lag) = (Arc::clone(&arena.agents), tally.second_lag());
            replies.push(tokio::spawn(after(lag, async move { agents.release(id, "work") })));
        }
        assert!(all(votes).await.iter().all(Result::is_ok));
        all(replies).await;
        arena.until_ended(&executions).await;
        for id in executions {
            let (execution, events) = arena.ending(id).await;
            assert_eq!(execution.status(), ExecutionStatus::Completed);
            let decided = place(&events, is_decided).unwrap();
            let replied = place(&events, |event| completes(event, "work")).unwrap();
            let joined = place(&events, |event| starts(event, "join")).unwrap();
            assert!(joined > decided.max(replied));
            assert_eq!(verdict(&events).decided_by.as_deref(), Some("ada"));
            assert_eq!(arena.agents.calls_of(id), ["work/1", "join/1"]);
            tally.note(decided < replied);
        }
        tally.steer();
    }
    tally.check(RACES);
    arena.close().await;
}

const ONE_OF_TWO: &str = "
name: one-of-two
steps:
  - {id: ask, type: human_approval, title: May it?, assignees: [ada, bea], on_reject: continue}
outputs:
  - {name: decision, source: '{{steps.ask.output.decision}}'}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_votes_at_once_where_one_decides_exactly_one_counts() {
    let arena = Arena::open().await;
    let (ada, bea) = (arena.stage.person("ada", "viewer").await, arena.stage.person("bea", "viewer").await);
    let process = arena.stage.publish(ONE_OF_TWO).await;
    let mut tally = Tally::between("the approval", "the rejection", 2);
    for _ in 0..RACES / BATCH {
        let executions = arena.start_batch(process).await;
        let (mut approvals, mut rejections) = (Vec::new(), Vec::new());
        for (_, request) in arena.until_asked(&executions).await {
            approvals.push(vote(&arena, tally.first_lag(), &ada, request, Ballot::Approve));
            rejections.push(vote(&arena, tally.second_lag(), &bea, request, Ballot::Reject));
        }
        let (approvals, rejections) = (all(approvals).await, all(rejections).await);
        arena.until_ended(&executions).await;
        for ((id, approved), rejected) in executions.into_iter().zip(approvals).zip(rejections) {
            let (execution, events) = arena.ending(id).await;
            assert_eq!(execution.status(), ExecutionStatus::Completed);
            let approval_counts = approved.is_ok();
            let (winner, loser) = if approval_counts { (approved, rejected) } else { (rejected, approved) };
            let winner = winner.unwrap();
            assert!(
                matches!(loser, Err(ApprovalFailure::Refused(ApprovalError::Settled(status))) if status == winner.status()),
                "{loser:?} after {winner:?}"
            );
            assert_eq!(Some(verdict(&events)), winner.verdict());
            let (decision, by) =
                if approval_counts { (Decision::Approved, "ada") } else { (Decision::Rejected, "bea") };
            assert_eq!(verdict(&events).decision, decision);
            assert_eq!(verdict(&events).decided_by.as_deref(), Some(by));
            let stored = arena.stage.approvals.get(&arena.stage.system, winner.id()).await.unwrap().approval;
            assert_eq!(stored, winner);
            tally.note(approval_counts);
        }
        tally.steer();
    }
    tally.check(RACES);
    arena.close().await;
}

const TWO_OF_TWO: &str = "
name: two-of-two
steps:
  - {id: ask, type: human_approval, title: May it?, assignees: [ada, bea], required_approvals: 2}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_votes_at_once_where_two_decide_both_count_and_a_second_one_of_the_same_person_does_not() {
    let arena = Arena::open().await;
    let (ada, bea) = (arena.stage.person("ada", "viewer").await, arena.stage.person("bea", "viewer").await);
    let process = arena.stage.publish(TWO_OF_TWO).await;
    let mut tally = Tally::between("ada", "bea", 3);
    for _ in 0..RACES / BATCH {
        let executions = arena.start_batch(process).await;
        let mut clicks = [Vec::new(), Vec::new(), Vec::new()];
        for (_, request) in arena.until_asked(&executions).await {
            let lag = tally.first_lag();
            clicks[0].push(vote(&arena, lag, &ada, request, Ballot::Approve));
            clicks[1].push(vote(&arena, lag, &ada, request, Ballot::Approve));
            clicks[2].push(vote(&arena, tally.second_lag(), &bea, request, Ballot::Approve));
        }
        let [ones, agains, others] = clicks;
        let (ones, agains, others) = (all(ones).await, all(agains).await, all(others).await);
        arena.until_ended(&executions).await;
        for (((id, one), again), other) in executions.into_iter().zip(ones).zip(agains).zip(others) {
            let (execution, events) = arena.ending(id).await;
            assert_eq!(execution.status(), ExecutionStatus::Completed);
            assert!(one.is_ok() != again.is_ok(), "{one:?} and {again:?}");
            let refused = one.err().or(again.err());
            assert!(matches!(
                refused,
                Some(ApprovalFailure::Refused(
                    ApprovalError::VotedBefore(_) | ApprovalError::Settled(ApprovalStatus::Approved)
                ))
            ));
            assert!(other.is_ok(), "{other:?}");
            let ada_was_first = check_both_counted(&execution, &events);
            tally.note(ada_was_first);
        }
        tally.steer();
    }
    tally.check(RACES);
    arena.close().await;
}

/// Whether `ada` was the first of two whose votes are both in the history.
fn check_both_counted(execution: &Execution, events: &[Event]) -> bool {
    let voted = place(events, |event| event.event_type() == "ApprovalVoted");
    let voted = voted.unwrap_or_else(|| panic!("the first vote is lost: {execution:?}"));
    let Event::Approval(_, _, ApprovalEvent::Voted { by: first, decision: Decision::Approved, .. }) = &events[voted]
    else {
        panic!("another vote than was given: {:?}", events[voted]);
    };
    let verdict = verdict(events);
    assert_eq!(verdict.decision, Decision::Approved);
    let second = if first == "ada" { "bea" } else { "ada" };
    assert_eq!(verdict.decided_by.as_deref(), Some(second));
    let approved_by: BTreeSet<&str> = verdict.approved_by.iter().map(String::as_str).collect();
    assert_eq!(approved_by, BTreeSet::from(["ada", "bea"]));
    first == "ada"
}

const WITH_DEADLINE: &str = "
name: with-deadline
steps:
  - {id: ask, type: human_approval, title: May it?, assignees: [ada], timeout: 1h, timeout_action: reject, on_reject: continue}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_counts_or_the_deadline_does_and_who_votes_is_told_which() {
    let arena = Arena::open().await;
    let ada = arena.stage.person("ada", "viewer").await;
    let process = arena.stage.publish(WITH_DEADLINE).await;
    let mut tally = Tally::between("the vote", "the deadline", 4);
    for _ in 0..RACES / BATCH {
        let executions = arena.start_batch(process).await;
        let asked = arena.until_asked(&executions).await;
        let (clock, lag) = (Arc::clone(&arena.clock), tally.second_lag());
        let hour = tokio::spawn(after(lag, async move { clock.advance(Duration::from_secs(3_600)) }));
        let votes: Vec<_> =
            asked.iter().map(|(_, request)| vote(&arena, tally.first_lag(), &ada, *request, Ballot::Approve)).collect();
        let votes = all(votes).await;
        hour.await.unwrap();
        arena.until_ended(&executions).await;
        for (id, voted) in executions.into_iter().zip(votes) {
            let (execution, events) = arena.ending(id).await;
            assert_eq!(execution.status(), ExecutionStatus::Completed);
            let expired = place(&events, |event| event.event_type() == "ApprovalExpired").is_some();
            let vote_counts = match voted {
                Ok(approval) => {
                    assert_eq!(Some(verdict(&events)), approval.verdict());
                    assert_eq!(verdict(&events).decided_by.as_deref(), Some("ada"));
                    true
                }
                Err(ApprovalFailure::Refused(
                    ApprovalError::TooLate | ApprovalError::Settled(ApprovalStatus::Expired),
                )) => {
                    assert_eq!(verdict(&events).decision, Decision::Expired);
                    false
                }
                Err(error) => panic!("{error}"),
            };
            assert_eq!(expired, !vote_counts, "{events:?}");
            tally.note(vote_counts);
        }
        tally.steer();
    }
    tally.check(RACES);
    arena.close().await;
}
