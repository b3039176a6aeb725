//! Spec 2.4: what is handed to another process.

use serde_json::json;

use crate::support::{handed_over, value};

#[test]
fn an_agents_whole_output_is_handed_over_as_its_json_or_its_text() {
    let json_reply = json!({"score": 85, "verdict": "good", "flag": false, "issues": ["a", "b"]});
    let cases = [
        ("{{ steps.analyze.output }}", json_reply.clone()),
        ("{{ steps.analyze.output | default({}) }}", json_reply.clone()),
        ("{{ steps.nobody.output || steps.analyze.output }}", json_reply),
        ("{{ steps.write.output }}", json!("Looks fine to me.")),
        ("{{ steps.quality-review.output }}", json!({"score": 9})),
        ("{{ steps.analyze.output.score }}", json!(85)),
        ("Say: {{ steps.write.output }}", json!("Say: Looks fine to me.")),
        ("{{ steps.choose.output }}", json!({"route": "publish", "gateway_type": "exclusive", "is_default": false})),
        ("{{ steps.skipped.output }}", json!(null)),
        ("{{ input.list }}", json!([1, 2, 3])),
        ("{{ steps.approve.output.comments }}", json!(["first", "second"])),
    ];
    for (source, expected) in cases {
        assert_eq!(handed_over(source), expected, "{source}");
    }
    assert_eq!(value("{{ steps.analyze.output }}")["response"], "{\"score\": 85, \"verdict\": \"good\"}");
}
