//! What is said of texts that can't be read, and that every correction makes the text readable.

use procession_yaml::{Problem, Reading, Source, read};

const KEYS: [&str; 12] =
    ["name", "steps", "id", "type", "agent", "message", "outputs", "depends_on", "title", "config", "timeout", "r"];

fn problems(text: &str) -> Vec<Problem> {
    let source = Source::new(text);
    let is_known_key = |key: &str| KEYS.contains(&key);
    read(&source, Reading { is_known_key: &is_known_key, ..Reading::default() }).problems
}

/// The text with the problem's fix, by places as people count them.
fn fixed(text: &str, problem: &Problem) -> Option<String> {
    let source = Source::new(text);
    let fix = problem.fix.as_ref()?;
    let place = |at: usize| {
        let position = source.position(at);
        let line = text.split_inclusive('\n').nth(position.line as usize - 1).unwrap_or("");
        let before: usize = text.split_inclusive('\n').take(position.line as usize - 1).map(str::len).sum();
        before + line.chars().take(position.column as usize - 1).map(char::len_utf8).sum::<usize>()
    };
    let (start, end) = (place(fix.span.start), place(fix.span.end));
    Some(format!("{}{}{}", &text[..start], fix.text, &text[end..]))
}

fn line_of(text: &str, problem: &Problem) -> u32 {
    Source::new(text).position(problem.span.start).line
}

/// One mistake each: the text, the line of the problem, words of its message, and the text as it should be.
const MISTAKES: &[(&str, u32, &str, &str)] = &[
    // A colon is missing, on a line below a flow mapping.
    (
        "steps:\n  - {id: a, type: x}\n  - {id: b, type: x}\noutputs\n  r: 5\n",
        4,
        "a colon is missing behind `outputs`",
        "steps:\n  - {id: a, type: x}\n  - {id: b, type: x}\noutputs:\n  r: 5\n",
    ),
    ("name: x\nsteps\n  - id: a\n", 2, "a colon is missing behind `steps`", "name: x\nsteps:\n  - id: a\n"),
    (
        "steps:\n  - id: a\n    type x\n    agent: b\n",
        3,
        "a colon is missing behind `type`",
        "steps:\n  - id: a\n    type: x\n    agent: b\n",
    ),
    ("steps:\n  - id a\n    type: x\n", 2, "a colon is missing behind `id`", "steps:\n  - id: a\n    type: x\n"),
    (
        "steps:\n  - id: a\n    type:x\n    agent: b\n",
        3,
        "a space is missing behind `type:`",
        "steps:\n  - id: a\n    type: x\n    agent: b\n",
    ),
    ("name = x\nsteps: []\n", 1, "write `name:` instead of `name =`", "name: x\nsteps: []\n"),
    // Quotes.
    (
        "steps:\n  - {id: a, message: \"x}\n  - {id: b, message: x}\n",
        2,
        "the second `\"` is missing",
        "steps:\n  - {id: a, message: \"x\"}\n  - {id: b, message: x}\n",
    ),
    (
        "steps:\n  - {id: a, message: 'x, agent: b}\n  - {id: b, message: x}\n",
        2,
        "the second `'` is missing",
        "steps:\n  - {id: a, message: 'x', agent: b}\n  - {id: b, message: x}\n",
    ),
    (
        "steps:\n  - {id: a, message: \"x}\n  - {id: b, message: \"x\"}\n",
        2,
        "the second `\"` is missing",
        "steps:\n  - {id: a, message: \"x\"}\n  - {id: b, message: \"x\"}\n",
    ),
    ("message: \"hello\nname: x\n", 1, "the second `\"` is missing", "message: \"hello\"\nname: x\n"),
    ("message: \"hello\n  you\nname: x\n", 1, "the second `\"` is missing", "message: \"hello\n  you\"\nname: x\n"),
    ("message: \"say \"hi\" now\"\nname: x\n", 1, "ends at its second `\"`", "message: 'say \"hi\" now'\nname: x\n"),
    (
        "steps:\n  - {message: \"say \"hi\" now\", id: a}\n",
        2,
        "ends at its second `\"`",
        "steps:\n  - {message: 'say \"hi\" now', id: a}\n",
    ),
    ("message: \"C:\\dir\"\n", 1, "a backslash", "message: 'C:\\dir'\n"),
    // Brackets.
    (
        "steps:\n  - {id: a, message: x\n  - {id: b, message: x}\n",
        2,
        "a `}` is missing",
        "steps:\n  - {id: a, message: x}\n  - {id: b, message: x}\n",
    ),
    ("depends_on: [a, b\nname: x\n", 1, "a `]` is missing", "depends_on: [a, b]\nname: x\n"),
    ("depends_on: [a, [b, c\nname: x\n", 1, "a `]` is missing", "depends_on: [a, [b, c]]\nname: x\n"),
    (
        "steps: [{id: a, depends_on: [b, c}]\n",
        1,
        "a `]` is missing before this `}`",
        "steps: [{id: a, depends_on: [b, c]}]\n",
    ),
    ("depends_on: [a, b}\nname: x\n", 1, "instead of `]`", "depends_on: [a, b]\nname: x\n"),
    ("message: [draft] do it\nname: x\n", 1, "quote the whole text", "message: \"[draft] do it\"\nname: x\n"),
    (
        "steps:\n  - {id: a, message: Fix #42}\n  - {id: b}\n",
        2,
        "` #` begins a comment",
        "steps:\n  - {id: a, message: \"Fix #42\"}\n  - {id: b}\n",
    ),
    (
        "steps:\n  - {id: a, message: Fix #42, agent: b}\n",
        2,
        "` #` begins a comment",
        "steps:\n  - {id: a, message: \"Fix #42\", agent: b}\n",
    ),
    // Indentation.
    (
        "steps:\n  - id: a\n   type: x\n    agent: b\n",
        3,
        "indentation",
        "steps:\n  - id: a\n    type: x\n    agent: b\n",
    ),
    (
        "steps:\n  - id: a\n    type: x\n      agent: b\n      message: m\n",
        4,
        "indented deeper",
        "steps:\n  - id: a\n    type: x\n    agent: b\n    message: m\n",
    ),
    (
        "steps:\n  - id: a\n    type: x\n - id: b\n   type: x\n",
        4,
        "indentation",
        "steps:\n  - id: a\n    type: x\n  - id: b\n    type: x\n",
    ),
    // Other values.
    ("message: Note: this\n", 1, "quote this text", "message: \"Note: this\"\n"),
    ("message: @ann\n", 1, "can't begin with `@`", "message: \"@ann\"\n"),
    ("message: {{ x }} y\n", 1, "quote this expression", "message: \"{{ x }} y\"\n"),
    ("message: {% if x %}y{% endif %}\n", 1, "quote this expression", "message: \"{% if x %}y{% endif %}\"\n"),
    ("message: *ann\n", 1, "no such anchor", "message: \"*ann\"\n"),
    // White space.
    (
        "steps:\n  - id: a\n\ttype: x\n    agent: b\n",
        3,
        "indent with spaces",
        "steps:\n  - id: a\n    type: x\n    agent: b\n",
    ),
    (
        "steps:\n  - id: a\n\u{a0}\u{a0}\u{a0}\u{a0}type: x\n",
        3,
        "indent with spaces",
        "steps:\n  - id: a\n    type: x\n",
    ),
    ("name:\u{a0}x\nsteps: []\n", 1, "a no-break space", "name: x\nsteps: []\n"),
    ("```yaml\nname: x\n```\n", 1, "a fence of Markdown", "name: x\n"),
];

#[test]
fn one_mistake_is_one_problem_with_a_correction_that_helps() {
    let mut wrong = Vec::new();
    for (text, line, words, expected) in MISTAKES {
        let problems = problems(text);
        let [problem] = problems.as_slice() else {
            wrong.push(format!("{text}: {problems:#?}"));
            continue;
        };
        let fixed = fixed(text, problem);
        if line_of(text, problem) != *line || !problem.message.contains(words) || fixed.as_deref() != Some(*expected) {
            wrong.push(format!("{text}: line {} {problem:#?}\n{fixed:?}", line_of(text, problem)));
        } else if !self::problems(expected).is_empty() {
            wrong.push(format!("{expected}: {:#?}", self::problems(expected)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
