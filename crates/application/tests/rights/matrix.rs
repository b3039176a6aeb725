//! The table of rights, walked: every use case, by every role, of own and of others' things, by a key with and without
//! the scope.

use std::collections::BTreeSet;

use procession_application::access::{Permission, Principal, UseCase};
use procession_testing::Stage;

use crate::attempts::{Came, Processes, attempt, stage};

/// The columns of the matrix: user and role.
const COLUMNS: [(&str, &str); 5] =
    [("root", "admin"), ("dora", "designer"), ("otto", "user"), ("vic", "viewer"), ("pia", "approver")];

/// Spec 4b 1.4 and 4c, written out by use case: what each role gets, and the scopes that a key must have for it.
///
/// `x` let in; `-` forbidden; `o` let in to one's own, and others' are not there; `h` forbidden one's own, and others'
/// are not there.
const MATRIX: &str = "
    CheckDefinition             x x x x x  process:read
    ReadDefinitions             x x x x x  process:read
    CreateDefinition            x x - - -  process:create
    CopyDefinition              x x - - -  process:create
    UpdateDefinition            x x - - -  process:update
    PublishDefinition           x x - - -  process:publish
    ActivateDefinition          x x - - -  process:publish
    ArchiveDefinition           x x - - -  process:publish
    DeleteDefinition            x x - - -  process:delete
    SimulateProcess             x x - - -  process:create
    ReadTemplates               x x x x x  process:read
    PreviewTemplate             x x - - -  process:create
    UseTemplate                 x x - - -  process:create
    CreateTemplate              x x - - -  process:create
    ChangeTemplate              x x - - -  process:update
    ReadTriggers                x x x x x  process:read
    PauseSchedule               x x - - -  process:publish
    ResumeSchedule              x x - - -  process:publish
    RunSchedule                 x x - - -  process:publish
    EnableTrigger               x x - - -  process:publish
    DisableTrigger              x x - - -  process:publish
    ReplayCall                  x x - - -  process:publish
    StartExecution              x - x - -  execution:trigger
    ReadExecution               x x x o x  execution:view
    ListExecutions              x x x o x  execution:view
    FollowEvents                x x x o x  execution:view
    CancelExecution             x - x - -  execution:cancel execution:view
    PauseExecution              x - x - -  execution:cancel execution:view
    ResumeExecution             x - x - -  execution:cancel execution:view
    RetryExecution              x - x - -  execution:retry execution:view
    DismissExecution            x - x - -  execution:retry execution:view
    ListApprovals               x x x x x  view-or-decide
    ReadApproval                x x x o x  view-or-decide
    DecideApproval              x - - h x  decide
    DelegateApproval            x - - h x  decide
    ReadFigures                 x x x x x  execution:view
    ReadAlerts                  x x x x x  execution:view
    DismissAlert                x x - - -  process:update
    ReadThresholds              x x x x x  process:read
    ChangeThresholds            x x - - -  process:update
    ReadViews                   x x x x x  process:read
    ChangeViews                 x x x x x  process:read
    ReadDeliveries              x - x - -  execution:retry
    ResendDelivery              x - x - -  execution:retry
    ReadAgentEvents             x x x x x  execution:view
    ListAgents                  x x x x x  process:read
    ChatWithAgent               x x - - -  process:create
    ReadFrame                   x x x x x  process:read
    MarkNotice                  x x x x x  process:read
    ReadRecovery                x x x x x  process:read
    ReadLimits                  x - - - -  admin:manage_limits
    ReadMetrics                 x - - - -  metrics:read
    ReadNotificationSettings    x - - - -  admin:manage_limits
    ChangeNotificationSettings  x - - - -  admin:manage_limits
    TestNotification            x - - - -  admin:manage_limits
    ReadRetention               x - - - -  admin:manage_limits
    ChangeRetention             x - - - -  admin:manage_limits
    RunRetention                x - - - -  admin:manage_limits
    ReadAudit                   x - - - -  admin:view_all
    ReadUsers                   x - - - -  all
    CreateUser                  x - - - -  all
    ChangeRole                  x - - - -  all
    ChangePassword              x - - - -  all
    RemoveUser                  x - - - -  all
    ReadKeys                    x - - - -  all
    CreateKey                   x - - - -  all
    RevokeKey                   x - - - -  all
    EndSession                  x x x x x  session";

/// A row of the matrix.
struct Row {
    use_case: UseCase,
    marks: Vec<char>,
    scopes: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let lines = MATRIX.lines().map(str::trim).filter(|line| !line.is_empty());
    let row = |line: &'static str| {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        let named = |use_case: &&UseCase| format!("{use_case:?}") == words[0];
        let use_case = *UseCase::ALL.iter().find(named).unwrap_or_else(|| panic!("no use case: {line}"));
        let marks = words[1..6].iter().map(|mark| mark.chars().next().unwrap()).collect();
        Row { use_case, marks, scopes: words[6..].to_vec() }
    };
    lines.map(row).collect()
}

/// What the matrix says.
fn expected(mark: char, is_own: bool) -> Came {
    match (mark, is_own) {
        ('x', _) | ('o', true) => Came::In,
        ('o' | 'h', false) => Came::ToNothing,
        ('-', _) | ('h', true) => Came::Forbidden,
        (other, _) => panic!("{other} is no mark"),
    }
}

/// Keys that are just enough for a use case, and keys that lack one thing for it.
fn keys(scopes: &[&str]) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let all = || Permission::ALL.iter().map(|permission| permission.as_str().to_owned());
    let without = |lacking: &[&str]| all().filter(|scope| !lacking.contains(&scope.as_str())).collect::<Vec<_>>();
    let owned = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
    match scopes {
        ["all"] => (vec![all().collect()], all().map(|scope| without(&[&scope])).collect()),
        ["view-or-decide"] => {
            (vec![owned(&["execution:view", "approval:decide"])], vec![without(&["execution:view", "approval:decide"])])
        }
        // A key is no session, whatever it may do.
        ["session"] => (Vec::new(), vec![all().collect()]),
        // Without `execution:view` there is nothing for who is not asked.
        ["decide"] => (vec![owned(&["execution:view", "approval:decide"])], vec![without(&["approval:decide"])]),
        scopes => (vec![owned(scopes)], scopes.iter().map(|scope| without(&[scope])).collect()),
    }
}

async fn key_of(stage: &Stage, user: &str, scopes: Vec<String>) -> Principal {
    let (key, _) = stage.access.create_key(&stage.system, user, "a key", scopes).await.unwrap();
    stage.access.principal_of_key(&key).await.unwrap().unwrap()
}

#[test]
fn every_use_case_has_its_row() {
    let written: Vec<UseCase> = rows().iter().map(|row| row.use_case).collect();
    assert_eq!(written, UseCase::ALL);
    let names: BTreeSet<String> = UseCase::ALL.iter().map(|use_case| format!("{use_case:?}")).collect();
    assert_eq!(names.len(), UseCase::ALL.len());
}

#[tokio::test(start_paused = true)]
async fn everyone_may_do_what_the_matrix_says_and_nothing_else() {
    let stage = stage().await;
    let processes = Processes::on(&stage).await;
    let mut number = 0;
    let mut wrong = Vec::new();
    for row in rows() {
        let (enough, lacking) = keys(&row.scopes);
        for ((name, role), mark) in COLUMNS.iter().zip(&row.marks) {
            let user = stage.person(name, role).await;
            let mut principals = vec![(String::new(), user, true)];
            for (keys, does_fit) in [(&enough, true), (&lacking, false)] {
                for scopes in keys {
                    principals.push((scopes.join(" "), key_of(&stage, name, scopes.clone()).await, does_fit));
                }
            }
            for (scopes, principal, does_fit) in &principals {
                for is_own in [true, false] {
                    number += 1;
                    let owner = if is_own { *name } else { "somebody" };
                    let things = processes.things(&stage, row.use_case, owner, number).await;
                    let came = attempt(&stage, principal, row.use_case, &things).await;
                    let expected = if *does_fit { expected(*mark, is_own) } else { Came::Forbidden };
                    if came != expected {
                        let own = if is_own { "own" } else { "other's" };
                        wrong.push(format!("{:?} {own} by {name} [{scopes}]: {came:?}", row.use_case));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(number > 1_000, "{number}");
}
