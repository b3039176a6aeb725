use procession_domain::value::{ExecutionId, ProcessName, StepId};

use super::*;

fn message(text: &str, recipients: &[&str]) -> Message {
    Message {
        channel: "slack".into(),
        message: text.into(),
        subject: "Report".into(),
        recipients: recipients.iter().map(|&recipient| recipient.to_owned()).collect(),
        url: None,
        process_name: ProcessName::new("report").unwrap(),
        execution_id: ExecutionId::new(uuid::Uuid::nil()),
        step_id: StepId::new("tell").unwrap(),
        delivery_id: "x/tell/1/slack".into(),
        timeout: None,
    }
}

fn block_texts(payload: &Value) -> Vec<&str> {
    let blocks = payload["blocks"].as_array().unwrap();
    blocks
        .iter()
        .filter(|block| block["type"] == "section")
        .map(|block| block["text"]["text"].as_str().unwrap())
        .collect()
}

#[test]
fn a_short_message_is_one_block_and_its_own_text() {
    let payload = payload(&message("*Done*: 3 reports", &[]));
    assert_eq!(
        payload,
        json!({
            "text": "*Done*: 3 reports",
            "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*Done*: 3 reports"}}],
        })
    );
}

#[test]
fn a_long_message_is_there_in_full_in_blocks_that_slack_takes() {
    for (name, text) in [
        ("lines", "All is well in this line.\n".repeat(1_000)),
        ("words", "word ".repeat(5_000)),
        ("one word", "x".repeat(10_000)),
        ("escapes", "&<>".repeat(2_000)),
        ("emoji", "🎉".repeat(4_000)),
        ("links", "see <https://example.org/a?b=1|the page> ".repeat(500)),
    ] {
        let payload = payload(&message(&text, &[]));
        let blocks = block_texts(&payload);
        assert_eq!(blocks.concat(), escaped(&text), "{name}");
        for block in blocks {
            assert!(block.encode_utf16().count() <= LONGEST_BLOCK, "{name}");
            assert_eq!(block.matches('<').count(), block.matches('>').count(), "{name}: a link is whole");
            assert_eq!(block.matches('&').count(), block.matches(';').count(), "{name}: an escape is whole");
        }
        assert!(payload["text"].as_str().unwrap().encode_utf16().count() <= LONGEST_TEXT, "{name}");
    }
}

#[test]
fn a_cut_is_at_the_end_of_a_line_where_there_is_one() {
    let text = format!("{}\n{}", "a".repeat(2_000), "b".repeat(2_000));
    let payload = payload(&message(&text, &[]));
    assert_eq!(block_texts(&payload), [format!("{}\n", "a".repeat(2_000)), "b".repeat(2_000)]);
}

#[test]
fn a_message_beyond_all_blocks_says_that_it_is_cut() {
    let payload = payload(&message(&"x".repeat(3_000 * 60), &["#ops"]));
    let blocks = payload["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 50);
    assert!(block_texts(&payload).last().unwrap().contains("the rest is left out"));
}

#[test]
fn an_empty_message_is_still_a_message_that_slack_takes() {
    assert_eq!(block_texts(&payload(&message(" \n", &[]))), ["(empty message)"]);
}

#[test]
fn what_an_agent_wrote_calls_nobody_and_links_stay_links() {
    for (text, expected) in [
        ("<!channel> & <@U012AB3CD>", "&lt;!channel&gt; &amp; &lt;@U012AB3CD&gt;"),
        ("a < b > c &lt;", "a &lt; b &gt; c &amp;lt;"),
        ("<https://example.org/?a=1&b=2|page>", "<https://example.org/?a=1&amp;b=2|page>"),
        ("<https://unclosed", "&lt;https://unclosed"),
        ("<https://a\n>", "&lt;https://a\n&gt;"),
    ] {
        assert_eq!(escaped(text), expected);
    }
}

#[test]
fn recipients_of_slack_are_shown_and_a_single_one_is_the_channel() {
    let one = payload(&message("Hello", &["ada@example.org", " #ops "]));
    assert_eq!(one["channel"], "#ops");
    assert_eq!(one["blocks"][1]["elements"][0]["text"], "For #ops");
    let more = payload(&message("Hello", &["#ops", "@ada", "@U012AB3CD", "#C012AB3CD", "#"]));
    assert!(more["channel"].is_null());
    assert_eq!(more["blocks"][1]["elements"][0]["text"], "For #ops @ada <@U012AB3CD> <#C012AB3CD>");
    assert!(payload(&message("Hello", &["ada"]))["blocks"][1].is_null());
}
