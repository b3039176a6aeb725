//! What newcomers have met in a terminal, each kind by the name of what is right.

use super::{support::Place, terminal::Terminal};

const AGENTS: &str = r#"
agents:
  quick: {kind: script, replies: [{reply: done}]}
  flaky: {kind: script, replies: [{reply: ok at last, fail: {code: AGENT_UNAVAILABLE, times: 2}}]}
  slow: {kind: script, replies: [{reply: slow done, delay: 1500ms}]}
  ctrl: {kind: script, replies: [{reply: "evil \e[31mred\e[0m \e]0;pwned\a \e[2J\r\n tab\there \u009b2J\u202e"}]}
  rtl: {kind: script, replies: [{reply: "مرحبا بالعالم", delay: 200ms}]}
  long:
    kind: script
    replies:
      - reply: |
          第一行：日本語の文章がここに入ります。とても長い文章なので、端末の幅を超えてしまうはずです。確認してください。
          Second line with many words to see how the wrapping works in a narrow terminal when an agent talks a lot.

          - bullet 👩‍👩‍👧‍👦
          - bullet é́́́́ zalgo
        delay: 200ms
"#;

const RETRY: &str = r"
name: retry2
steps:
  - id: fetch-the-quarterly-figures
    type: agent_task
    agent: flaky
    message: go
    retry: {max_attempts: 4, initial_delay: 400ms, backoff: fixed, jitter: false}
";

const UNICODE: &str = r#"
name: unicode
steps:
  - {id: emoji, name: "研究 👩‍👩‍👧‍👦", type: agent_task, agent: long, message: "日本語のメッセージ 🎉"}
  - {id: rtl, type: agent_task, agent: rtl, depends_on: emoji, message: "مرحبا"}
  - {id: ctrl, type: agent_task, agent: ctrl, depends_on: rtl, message: x}
  - id: ask
    type: human_approval
    depends_on: ctrl
    title: "承認しますか？ 👍🏽 {{steps.ctrl.output.response}}"
    description: "{{steps.emoji.output.response}}"
outputs:
  long: "{{steps.emoji.output.response}}"
  ctrl: "{{steps.ctrl.output.response}}"
"#;

/// The sizes in which everything must look right.
const SIZES: [(u16, u16); 3] = [(40, 24), (80, 24), (200, 50)];

fn place() -> Place {
    let place = Place::new();
    for (name, text) in [("agents.yaml", AGENTS), ("retry2.yaml", RETRY), ("uni.yaml", UNICODE)] {
        place.write(name, text);
    }
    place
}

/// How many lines have this text in them.
fn count(lines: &[String], text: &str) -> usize {
    lines.iter().filter(|line| line.contains(text)).count()
}

/// Fails if the terminal was told anything but text, looks, and to draw the table anew.
#[track_caller]
fn obeys_nothing_foreign(terminal: &Terminal) {
    let raw = terminal.raw();
    let mut rest = raw.as_str();
    while let Some((_, after)) = rest.split_once('\u{1b}') {
        let sequence = after.strip_prefix('[').unwrap_or_else(|| panic!("ESC before {:?}", after.get(..10)));
        let end = sequence.find(|character: char| character.is_ascii_alphabetic()).unwrap();
        let is_own = match &sequence[..=end] {
            "J" => true,
            other => other.ends_with('m') || other.ends_with('A'),
        };
        assert!(is_own, "ESC [ {:?}", &sequence[..=end]);
        assert_ne!(&sequence[..=end], "31mred");
        rest = &sequence[end + 1..];
    }
    let obeyed = |character: char| {
        character.is_control() && !matches!(character, '\u{1b}' | '\n' | '\r' | '\t')
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!raw.contains(obeyed), "{raw:?}");
}

#[test]
fn n03_control_characters_of_agents_reach_no_terminal() {
    let place = place();
    place.write(
        "esc.yaml",
        r#"
name: esc
steps:
  - {id: ctrl, type: agent_task, agent: ctrl, message: x}
  - {id: ask, type: human_approval, depends_on: ctrl, title: "Pay? {{steps.ctrl.output.response}}"}
outputs: {r: "{{steps.ctrl.output.response}}"}
"#,
    );
    for size in SIZES {
        let mut terminal = place.in_terminal(size, &[], &["run", "esc.yaml"]);
        terminal.wait_for("[a]pprove");
        assert!(count(&terminal.screen(), "Pay? evil ␛[31mred") > 0, "{:?}", terminal.screen());
        terminal.types("a");
        terminal.wait_for("Comment");
        terminal.types("fine");
        terminal.ends_with(0);
        assert!(count(&terminal.all_lines(), "␛]0;pwned␇") > 0, "{:?}", terminal.all_lines());
        obeys_nothing_foreign(&terminal);
    }
    let mut terminal = place.in_terminal((80, 24), &[], &["agents", "test", "ctrl", "x", "--agents", "agents.yaml"]);
    terminal.ends_with(0);
    assert!(count(&terminal.all_lines(), "␛[31mred") > 0, "{:?}", terminal.all_lines());
    obeys_nothing_foreign(&terminal);
}

#[test]
fn n03_control_characters_of_authors_reach_no_terminal() {
    let place = place();
    place.write(
        "bad.yaml",
        "name: \"a\\e[2Jb\"\nsteps:\n  - {id: \"x\\e]0;pwned\\a\", type: \"\\e[31mred\", message: x}\n",
    );
    place.write("raw.yaml", "name: a\n# \u{1b}]0;pwned\u{7}\nsteps: \u{1b}[2J\n");
    for file in ["bad.yaml", "raw.yaml"] {
        for arguments in [&["validate", file][..], &["run", file], &["validate", "--format", "json", file]] {
            let mut terminal = place.in_terminal((80, 40), &[], arguments);
            terminal.ends_with(1);
            obeys_nothing_foreign(&terminal);
        }
    }
    // What is for programs is escaped, and the same for them.
    let json = place.run(&["run", "uni.yaml", "--decide", "ask=approve", "--format", "json"]).ends_with(0);
    assert!(!json.out.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{json:?}");
    let reply = json.json()["outputs"]["ctrl"].as_str().unwrap().to_owned();
    assert!(reply.contains("\u{1b}[31mred") && reply.contains("\u{9b}2J\u{202e}"), "{reply:?}");
}

#[test]
fn n04_no_color_takes_only_the_colours_away() {
    let place = place();
    for (variables, flags) in [([("NO_COLOR", "1")], &[][..]), ([("LANG", "C")], &["--color", "never"])] {
        let mut terminal = place.in_terminal((80, 24), &variables, &[&["run", "retry2.yaml"], flags].concat());
        terminal.ends_with(0);
        let lines = terminal.all_lines();
        assert_eq!(count(&lines, "fetch-the-quarterly-figures"), 1, "{lines:?}");
        assert!(terminal.raw().contains("\u{1b}[J"), "the table is drawn anew");
        let looks = terminal.raw().split("\u{1b}[").skip(1).any(|sequence| {
            let end = sequence.find(|character: char| character.is_ascii_alphabetic()).unwrap_or_default();
            sequence[end..].starts_with('m')
        });
        assert!(!looks, "{:?}", terminal.raw());
    }
}

#[test]
fn n04_a_dumb_terminal_gets_plain_lines() {
    let place = place();
    let mut terminal = place.in_terminal((80, 24), &[("TERM", "dumb")], &["run", "retry2.yaml"]);
    terminal.ends_with(0);
    assert!(!terminal.raw().contains('\u{1b}'), "{:?}", terminal.raw());
    let lines = terminal.all_lines();
    // Three attempts, two times of waiting, and the end: a line for each change, and no more.
    let changes = count(&lines, "fetch-the-quarterly");
    assert!((5..=8).contains(&changes), "{lines:?}");
}

#[test]
fn n05_a_line_is_never_wider_than_the_terminal() {
    let place = place();
    for size in SIZES {
        let mut terminal = place.in_terminal(size, &[], &["run", "retry2.yaml"]);
        terminal.ends_with(0);
        let lines = terminal.all_lines();
        assert_eq!((count(&lines, "fetch-the"), count(&lines, "retry2")), (1, 1), "{lines:?}");

        let mut terminal = place.in_terminal(size, &[], &["run", "uni.yaml", "--decide", "ask=approve"]);
        terminal.ends_with(0);
        let lines = terminal.all_lines();
        for step in ["✓ emoji", "✓ rtl", "✓ ctrl", "✓ ask"] {
            assert_eq!(count(&lines, step), 1, "{step} at {size:?}: {lines:#?}");
        }
        let table = lines.iter().position(|line| line.starts_with("✓ emoji")).unwrap();
        assert!(lines[table + 4].starts_with("completed"), "{lines:#?}");
    }
}

#[test]
fn n05_the_view_survives_a_terminal_that_shrinks() {
    let place = place();
    place.write(
        "slow.yaml",
        "name: slow\nsteps:\n  - {id: first-of-the-two-steps, type: agent_task, agent: slow, message: x}\n  - {id: second, type: agent_task, agent: slow, message: x, depends_on: first-of-the-two-steps}\n",
    );
    let mut terminal = place.in_terminal((120, 24), &[], &["run", "slow.yaml"]);
    terminal.wait_for("▸ first-of-the-two-steps");
    for size in [(60, 24), (40, 12), (90, 12), (44, 20)] {
        terminal.resize(size);
        terminal.wait_until("the table", |lines| count(lines, "first-of") == 1 && count(lines, "second") == 1);
    }
    terminal.ends_with(0);
    let screen = terminal.screen();
    assert_eq!((count(&screen, "✓ first-of"), count(&screen, "✓ second")), (1, 1), "{screen:#?}");
    assert_eq!((count(&screen, "first-of"), count(&screen, "second")), (1, 1), "{screen:#?}");
}

#[test]
fn what_runs_stands_above_what_has_ended_with_counts() {
    let place = place();
    let step = |number: u32| format!("  - {{id: quick-{number}, type: agent_task, agent: quick, message: x}}\n");
    let text = format!(
        "name: many\nsteps:\n{}  - {{id: lasting, type: agent_task, agent: slow, message: x}}\n  - {{id: later, type: agent_task, agent: quick, message: x, depends_on: lasting}}\n",
        (1..=20).map(step).collect::<String>()
    );
    place.write("many.yaml", &text);
    let mut terminal = place.in_terminal((80, 12), &[], &["run", "many.yaml"]);
    terminal.wait_until("one step among those that have ended", |lines| {
        let line = |text: &str| lines.iter().position(|line| line.starts_with(text));
        let (Some(runs), Some(ended)) = (line("▸ lasting"), line("✓ quick")) else { return false };
        runs < ended && line("· later").is_some_and(|comes| comes < ended) && count(lines, "more: 13 ended") == 1
    });
    terminal.ends_with(0);
    // At the end all of them are there.
    let lines = terminal.all_lines();
    assert_eq!(count(&lines, "✓ quick-"), 20, "{lines:#?}");
}

#[test]
fn n12_changes_are_offered_only_where_a_round_follows() {
    let place = place();
    let process = |changes: &str| {
        format!(
            "name: ask\nsteps:\n  - {{id: draft, type: agent_task, agent: quick, message: x}}\n  - {{id: check, type: human_approval, depends_on: draft, title: Good?{changes}}}\n  - {{id: send, type: agent_task, agent: quick, depends_on: check, message: x}}\n"
        )
    };
    place.write("plain.yaml", &process(""));
    place.write("rounds.yaml", &process(", on_changes_requested: {rerun: draft, max: 1}"));

    let mut terminal = place.in_terminal((80, 24), &[], &["run", "plain.yaml"]);
    terminal.wait_for("[a]pprove, [r]eject?");
    let screen = terminal.screen();
    assert_eq!((count(&screen, "hanges"), count(&screen, "approve: `send` comes next")), (0, 1), "{screen:#?}");
    assert_eq!(count(&screen, "reject: the process fails"), 1, "{screen:#?}");
    // It is no answer either: the question is put again.
    terminal.types("c");
    terminal.wait_until("the question again", |lines| count(lines, "[a]pprove, [r]eject?") == 2);
    terminal.types("a");
    terminal.wait_for("Comment");
    terminal.types("");
    terminal.ends_with(0);

    let mut terminal = place.in_terminal((40, 30), &[], &["run", "rounds.yaml"]);
    terminal.wait_for("[a]pprove, [r]eject, [c]hanges?");
    assert_eq!(count(&terminal.screen(), "changes: runs again from `draft`"), 1, "{:#?}", terminal.screen());
    terminal.types("c");
    terminal.wait_for("Reason:");
    terminal.types("shorter");
    // The one round is used up.
    terminal.wait_for("[a]pprove, [r]eject?");
    terminal.types("r");
    terminal.wait_until("the question why", |lines| count(lines, "Reason:") == 2);
    terminal.types("no");
    terminal.ends_with(1);
}
