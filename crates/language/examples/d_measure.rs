//! Throw-away.
use std::fmt::Write;
use std::time::Instant;
fn main() {
    let mut text = String::from("name: big\ninput:\n  topic: {type: string, required: true}\nsteps:\n");
    for i in 0..1000 {
        let a = if i > 0 { format!("s{}", i - 1) } else { String::new() };
        let b = if i > 1 { format!(", s{}", i / 2) } else { String::new() };
        match i % 5 {
            0 | 1 | 2 => writeln!(text, "  - id: s{i}\n    type: agent_task\n    name: Step {i}\n    agent: writer\n    depends_on: [{a}{b}]\n    condition: \"{}\"\n    message: |\n      Work on {{{{input.topic}}}} with {{{{steps.{}.output.response}}}}.\n      And {{{{ steps.s{}.output.score | default(3) }}}}.\n    retry: {{max_attempts: 4, initial_delay: 2s}}\n    timeout: 10m", if i > 0 { format!("steps.s{}.output.score >= 80 and not steps.s{}.output.flag", i-1, i/2) } else { "input.topic != 'x'".into() }, if i > 0 { a.clone() } else { "s0".into() }, i / 2).unwrap(),
            3 => writeln!(text, "  - id: s{i}\n    type: human_approval\n    depends_on: [{a}]\n    title: \"Go on with {{{{input.topic}}}}?\"\n    assignees: [ann, bob]\n    on_reject: fail").unwrap(),
            _ => writeln!(text, "  - {{id: s{i}, type: notification, channel: email, recipients: [a@example.com], depends_on: [{a}], message: \"{{{{steps.{a}.decision}}}} {{{{input.topic}}}}\"}}").unwrap(),
        }
    }
    for (what, text) in [
        ("as it is", text.clone()),
        ("with a cycle", text.replacen("depends_on: []", "depends_on: [s999]", 1)),
        ("with 1000 misspellings", text.replace("agent: writer", "agnt: writer")),
        ("unknown steps", text.replace(".output.response", ".output.response}} {{steps.nope.output")),
    ] {
        let mut times: Vec<u128> = (0..40)
            .map(|_| {
                let s = Instant::now();
                let c = procession_language::check(&text, &procession_language::Nothing);
                std::hint::black_box(&c);
                s.elapsed().as_micros()
            })
            .collect();
        times.sort();
        let c = procession_language::check(&text, &procession_language::Nothing);
        println!(
            "{what}: {} bytes, best {} us, median {} us, {} diagnostics, first {:?}",
            text.len(),
            times[0],
            times[20],
            c.diagnostics.len(),
            c.diagnostics.first().map(ToString::to_string)
        );
    }
    // Costly texts.
    let step =
        |m: &str| format!("name: p\nsteps:\n  - id: a\n    type: agent_task\n    agent: w\n    message: '{m}'\n");
    for (what, m) in [
        ("{", "{".repeat(1_000_000)),
        ("{{", "{{ ".repeat(300_000)),
        ("{{{)", "{{{)))".repeat(160_000)),
        ("raw", "{% raw %}".repeat(100_000)),
        ("if", "{% if a %}".repeat(100_000)),
        ("placeholders", "{{input.x}} ".repeat(80_000)),
        ("{{{ {a:1} }}}", "{{{ x }}} ".repeat(100_000)),
        ("long", format!("{{{{ {} }}}}", "a.b ".repeat(250_000))),
    ] {
        let y = step(&m);
        let s = Instant::now();
        let c = procession_language::check(&y, &procession_language::Nothing);
        println!(
            "{what}: {} ms, {:?}",
            s.elapsed().as_millis(),
            c.diagnostics.first().map(|d| d.to_string().chars().take(150).collect::<String>())
        );
    }
}
