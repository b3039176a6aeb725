use super::*;

/// The example of spec 8.3.
const EXAMPLE: &str = r#"
agents:
  echo-bot: {kind: echo}                     # answers its message
  analyst:
    kind: script
    description: Reads markets
    concurrency: 2
    replies:
      - when: market
        reply: "Read: {{ message }}"
        delay: 2s
        cost: "0.012"
        tokens: {input: 120, output: 300}
        fail: {code: AGENT_UNAVAILABLE, times: 2}
  formatter: {kind: command, command: [./format.sh], timeout: 1m}
  gpt:       {kind: openai, base_url: https://models.example/v1, model: m, system: "…", api_key: "${ENV:OPENAI_API_KEY}", price: {input: "0.15", output: "0.60"}}
  remote:    {kind: mcp, url: https://tools.example/mcp, api_key: "${ENV:REMOTE_KEY}", tool: ask, argument: prompt}
"#;

fn problems(text: &str) -> Vec<String> {
    match AgentsFile::parse(text) {
        Ok(_) => Vec::new(),
        Err(AgentsFileError::Invalid(problems)) => problems.iter().map(Problem::to_string).collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn the_example_of_the_specification_is_read() {
    let file = AgentsFile::parse(EXAMPLE).unwrap();
    assert_eq!(file.names().collect::<Vec<_>>(), ["echo-bot", "analyst", "formatter", "gpt", "remote"]);
    let kinds: Vec<&str> = file.agents.values().map(|agent| agent.kind.name()).collect();
    assert_eq!(kinds, ["echo", "script", "command", "openai", "mcp"]);
    let analyst = &file.agents["analyst"];
    assert_eq!(analyst.concurrency, Some(2));
    assert_eq!(analyst.description.as_deref(), Some("Reads markets"));
    assert_eq!(file.agents["formatter"].timeout, Some(Duration::from_secs(60)));
}

#[test]
fn an_empty_file_has_no_agents() {
    for text in ["", "# nothing yet\n", "---\n", "agents:\n", "agents: {}\n", "\u{feff}agents: {}\n"] {
        assert_eq!(AgentsFile::parse(text).unwrap().names().count(), 0, "{text:?}");
    }
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let text = "\
agents:
  a: {kind: ehco}
  b:
    kind: script
    replys: []
    concurrency: 0
  c: {kind: command, command: ./x.sh, timeout: soon}
  d: {kind: openai, base_url: ftp://x, modell: m}
  e: 5
agent: {}
";
    assert_eq!(
        problems(text),
        [
            "line 2, column 13: `kind`: `ehco` is not a kind of agent; it may be: echo, script, command, openai, mcp; did you mean `echo`?",
            "line 4, column 5: the agent `b` needs `replies`",
            "line 5, column 5: the agent `b` has no key `replys`; did you mean `replies`?",
            "line 6, column 18: `concurrency`: `0` is not a whole number of at least 1",
            "line 7, column 31: `command` is a list: the program, then its arguments, such as [./format.sh, --short]",
            "line 7, column 48: `timeout`: `soon` is not a duration: write whole seconds (90), or parts such as 500ms, 90s, 5m, 2h, 3d, or a sum in falling order (1h30m)",
            "line 8, column 6: the agent `d` needs `model`",
            "line 8, column 31: `base_url`: `ftp://x` must begin with http:// or https://",
            "line 8, column 40: the agent `d` has no key `modell`; did you mean `model`?",
            "line 9, column 6: the agent `e` is a single value; a mapping is expected",
            "line 10, column 1: the file has no key `agent`; did you mean `agents`?",
        ]
    );
}

#[test]
fn mistakes_in_replies_are_told_with_their_place() {
    let text = "\
agents:
  a:
    kind: script
    replies:
      - when: /(/
        reply: x
      - reply: '{{ mesage }}'
      - delay: 1s
      - fail: {code: AGENT_BUZY, time: 2}
      - reply: ok
        cost: cheap
        tokens: {input: many}
      - fail: {code: TIMEOUT}
";
    let found = problems(text);
    let expected = [
        ("line 5, column 15", "unclosed group"),
        ("line 7, column 16", "did you mean `message`?"),
        ("line 8, column 9", "no `reply`"),
        ("line 9, column 22", "did you mean `AGENT_BUSY`?"),
        ("line 9, column 34", "did you mean `times`?"),
        ("line 11, column 15", "not an amount of money"),
        ("line 12, column 25", "not a whole number"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (problem, (place, text)) in found.iter().zip(expected) {
        assert!(problem.starts_with(place) && problem.contains(text), "{problem} / {place} {text}");
    }
}

#[test]
fn mistakes_in_the_environment_of_a_program_are_told_with_their_place() {
    let text = "\
agents:
  a:
    kind: command
    command: [x]
    env:
      GOOD: \"${ENV:SOME_TOKEN}\"
      1st: x
      PROCESSION_KEY: x
      LEAK: \"${ENV:SECRET_KEY}\"
      NOTHING:
      LIST: [x]
      BAD: \"${SOME_TOKEN}\"
    inherit: [SECRET_KEY]
  b: {kind: command, command: [x], env: [x], inherit: X}
";
    let own = |name| format!("`{name}` is reserved for the server; give the program a variable with another name");
    assert_eq!(
        problems(text),
        [
            "line 7, column 7: `env`: `1st` is not a valid variable name: use letters, digits and `_`".to_owned(),
            format!("line 8, column 7: `env`: {}", own("PROCESSION_KEY")),
            format!("line 9, column 13: `env`: {}", own("SECRET_KEY")),
            "line 10, column 14: `NOTHING` of `env`: it has no value; write \"\" for an empty one".to_owned(),
            "line 11, column 13: `LIST` of `env`: it is a list; a single value is expected".to_owned(),
            "line 12, column 12: `BAD` of `env`: a secret is written as ${ENV:NAME}, with letters, digits and `_` in the name".to_owned(),
            format!("line 13, column 15: `inherit`: {}", own("SECRET_KEY")),
            "line 14, column 41: `env` is a list; a mapping of names to values is expected".to_owned(),
            "line 14, column 55: `inherit` is a single value; a list of names is expected".to_owned(),
        ]
    );
}

#[test]
fn syntax_errors_and_repeated_keys_have_a_place() {
    for (text, place) in [
        ("agents:\n  a: {kind: echo\n", "line 2, column 6"),
        ("agents:\n  a: {kind: echo}\n  a: {kind: echo}\n", "line 3, column 3"),
        ("agents: [a, b]\n", "line 1, column 9"),
    ] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(place), "{text}: {found:?}");
    }
}

#[test]
fn a_deep_or_exploding_document_is_refused() {
    assert_eq!(problems(&"- ".repeat(20_000)).len(), 1);
    let level = |(letter, before): (&str, &str)| format!("{letter}: &{letter} [{}]\n", [before; 10].join(", "));
    let levels = [("a", "x"), ("b", "*a"), ("c", "*b"), ("d", "*c"), ("e", "*d"), ("f", "*e")];
    let bomb: String = levels.map(level).concat();
    assert_eq!(problems(&bomb).len(), 1);
}

#[test]
fn amounts_keep_the_digits_of_the_file() {
    let text = "agents: {a: {kind: command, command: [x], cost: 0.1000000001}}";
    let Kind::Command(settings) = &AgentsFile::parse(text).unwrap().agents["a"].kind else {
        panic!("a command");
    };
    let shown = format!("{settings:?}");
    assert!(shown.contains("nanos: 100000000"), "{shown}");
}

#[test]
fn a_secret_in_the_file_is_not_shown() {
    let text = "agents: {a: {kind: openai, base_url: 'http://x/v1', model: m, api_key: sk-very-secret}}";
    let file = AgentsFile::parse(text).unwrap();
    assert!(!format!("{file:?}").contains("sk-very-secret"));
    let in_address = "agents: {a: {kind: mcp, url: 'http://x/mcp?key=sk-very-secret', tool: t}}";
    assert!(!format!("{:?}", AgentsFile::parse(in_address).unwrap()).contains("sk-very-secret"));
    let bad = problems(&in_address.replace("http://", "ftp://"));
    assert_eq!(bad, ["line 1, column 30: `url`: `ftp://x/mcp` must begin with http:// or https://"]);
    let with_user = "agents: {a: {kind: mcp, url: 'http://user:pw@x/mcp', tool: t}}";
    assert_eq!(
        problems(with_user),
        ["line 1, column 30: `url`: an address must not contain a user name or password; use `api_key`"]
    );
}
