//! Every commit of a process once as the last one.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use procession_domain::value::Json;
use procession_store_sqlite::fail_points::{self, FailPoint, Moment};

use crate::{
    child,
    dice::dice,
    notebook::{Note, Notebook},
};

/// What a child does, and where: without it this process is none. `FOLDER`, then `prepare`, `run`, or `run before 7`.
const PART: &str = "PROCESSION_FAIL_POINTS_PART";

/// How many commits the process takes at least; fewer would mean that not all of it is looked at.
const FEWEST_COMMITS: u64 = 30;

/// How many pairs of crashes are tried, one after the other in the same run.
const PAIRS: usize = 12;

/// How many servers run at once.
const AT_ONCE: usize = 3;

/// `SIGABRT`.
const ABORTED: i32 = 6;

/// What is left when a process has ended.
#[derive(Debug, PartialEq)]
struct Left {
    endings: Json,
    /// How many executions made calls.
    executions: usize,
    /// The calls of agents, without the ids of executions: `step/attempt`.
    keys: BTreeSet<String>,
    /// The messages on each channel.
    deliveries: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_the_server_is_killed_the_process_comes_to_the_same_end() {
    if let Ok(part) = env::var(PART) {
        play(&part).await;
        return;
    }
    let template = tempfile::tempdir().unwrap();
    succeed(&template.path().join("data"), "prepare");
    let (undisturbed, commits) = undisturbed(template.path());
    assert!(commits >= FEWEST_COMMITS, "{commits}");
    let mut cases: Vec<Vec<FailPoint>> = Vec::new();
    for commit in 1..=commits {
        cases.push(vec![FailPoint { moment: Moment::Before, commit }]);
        cases.push(vec![FailPoint { moment: Moment::After, commit }]);
    }
    let mut dice = dice("pairs of crashes", 11);
    for _ in 0..PAIRS {
        let mut point = || FailPoint {
            moment: if dice.bool() { Moment::Before } else { Moment::After },
            commit: dice.u64(1..=commits / 2),
        };
        cases.push(vec![point(), point()]);
    }
    let (next, reached) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(points) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (left, crashes) = disturbed(template.path(), points);
                    assert_eq!(left, undisturbed, "after a crash at {points:?}");
                    if crashes == points.len() && crashes == 1 {
                        let FailPoint { moment, commit } = points[0];
                        reached.lock().unwrap().insert((commit, moment == Moment::After));
                    }
                }
            });
        }
    });
    // What is written together differs a little from run to run, so that the last commits may not be reached.
    let reached = reached.into_inner().unwrap();
    let missing = (1..=FEWEST_COMMITS)
        .find(|commit| !(reached.contains(&(*commit, false)) && reached.contains(&(*commit, true))));
    assert_eq!(missing, None, "{reached:?}");
}

/// How the process ends when nothing happens to the server, and after how many commits.
fn undisturbed(template: &Path) -> (Left, u64) {
    let folder = tempfile::tempdir().unwrap();
    copy(template, folder.path());
    let data = folder.path().join("data");
    let output = succeed(&data, "run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let commits = said.lines().find_map(|line| line.split("COMMITS ").nth(1)).unwrap().trim().parse().unwrap();
    let left = left_in(&data);
    assert_eq!(left.endings[0]["process"], "everything");
    let said = left.endings.to_string();
    for part in [
        "\"part\":\"after first by named by forgetful\"",
        "\"doomed\":\"SUB_PROCESS_FAILED\"",
        "skipped(route_not_taken)",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(left.deliveries.len(), 2);
    (left, commits)
}

/// How the process ends when the server is killed at these points, one after the other, and how many were reached.
fn disturbed(template: &Path, points: &[FailPoint]) -> (Left, usize) {
    let folder = tempfile::tempdir().unwrap();
    copy(template, folder.path());
    let data = folder.path().join("data");
    let mut crashes = 0;
    for point in points {
        let moment = if point.moment == Moment::Before { "before" } else { "after" };
        let output = spawn(&data, &format!("run {moment} {}", point.commit));
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.signal(), Some(ABORTED), "{point:?}: {}", told(&output));
        crashes += 1;
    }
    if !data.join("endings.json").exists() {
        succeed(&data, "run");
    }
    (left_in(&data), crashes)
}

/// What is left in a folder. Nothing was asked of an agent before it was stored as begun, or when it was done, and nothing
/// more often than crashes explain.
fn left_in(data: &Path) -> Left {
    let endings = serde_json::from_str(&fs::read_to_string(data.join("endings.json")).unwrap()).unwrap();
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    let mut executions = BTreeSet::new();
    let mut deliveries = BTreeSet::new();
    for note in Notebook::of(data).read() {
        match note {
            Note::Asked { key, stored } => {
                assert_eq!(stored, "open", "{key} was asked for before it had begun or after it was done");
                executions.insert(key.split_once('/').unwrap().0.to_owned());
                *keys.entry(without_execution(&key)).or_default() += 1;
            }
            Note::Answered(_) => {}
            Note::Delivered(id) => {
                let (channel, id) = id.split_once(' ').unwrap();
                deliveries.insert(format!("{channel} {}", without_execution(id)));
            }
        }
    }
    assert!(keys.values().all(|times| *times <= 3), "{keys:?}");
    Left { endings, executions: executions.len(), keys: keys.into_keys().collect(), deliveries }
}

fn without_execution(key: &str) -> String {
    key.split_once('/').map_or(key, |(_, rest)| rest).to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn succeed(data: &Path, part: &str) -> Output {
    let output = spawn(data, part);
    assert!(output.status.success(), "{part}: {}", told(&output));
    output
}

fn spawn(data: &Path, part: &str) -> Output {
    Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "every_commit::wherever_the_server_is_killed_the_process_comes_to_the_same_end",
            "--nocapture",
        ])
        .env(PART, format!("{}\n{part}", data.display()))
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The child.
async fn play(part: &str) {
    use std::io::Write;
    let (data, part) = part.split_once('\n').unwrap();
    let data = PathBuf::from(data);
    let mut words = part.split(' ');
    if words.next() == Some("prepare") {
        child::prepare(&data).await;
        return;
    }
    if let (Some(moment), Some(commit)) = (words.next(), words.next()) {
        let moment = if moment == "before" { Moment::Before } else { Moment::After };
        fail_points::arm(FailPoint { moment, commit: commit.parse().unwrap() });
    }
    let endings = child::run(&data).await;
    fs::write(data.join("endings.json"), endings.to_string()).unwrap();
    writeln!(std::io::stdout(), "COMMITS {}", fail_points::commits()).unwrap();
}
