//! The session: opened when needed, opened again after a loss, refused where something else answers (spec 6, 1 and 9).

use procession_application::ports::AgentGateway;
use procession_domain::value::ErrorCode;
use procession_tests::platform::Fault;

use crate::support::{accepted, analyst, ask, failure, gateway, platform, task};

#[tokio::test]
async fn the_start_up_check_finds_the_platform() {
    let platform = analyst("");
    assert_eq!(gateway(&platform).check().await, Ok(()));
}

#[tokio::test]
async fn a_server_without_the_tools_is_refused_clearly() {
    for tool in ["chat_with_agent", "get_execution_result", "list_recent_executions", "list_agents"] {
        let platform = platform(&format!("{{\"missing_tools\": [\"{tool}\"], \"agents\": {{\"analyst\": {{}}}}}}"));
        let gateway = gateway(&platform);
        let (code, message) = failure(gateway.check().await);
        assert_eq!(code, ErrorCode::InvalidConfig);
        assert!(message.contains(&format!("it lacks the tool `{tool}`")), "{message}");
        // A task is refused in the same way, and nothing is sent.
        assert_eq!(failure(gateway.submit(&task("draft")).await).0, ErrorCode::InvalidConfig);
        assert_eq!(platform.calls().count("chat_with_agent"), 0);
    }
}

#[tokio::test]
async fn old_versions_of_the_protocol_are_spoken_too() {
    for version in ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] {
        let platform = platform(&format!("{{\"protocol\": \"{version}\", \"agents\": {{\"analyst\": {{}}}}}}"));
        let reply = ask(&gateway(&platform), &task("draft")).await;
        assert_eq!(reply.unwrap().text, "Read the market", "{version}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_resumed_and_the_call_is_made_once() {
    let platform = analyst("");
    platform.add_fault(Fault::CutStream.of_next("chat_with_agent"));
    platform.add_fault(Fault::CutStream.of_next("get_execution_result"));
    let task = task("draft");
    ask(&gateway(&platform), &task).await.unwrap();
    assert_eq!(platform.calls().count("chat_with_agent"), 1);
    assert_eq!(platform.calls().count("list_recent_executions"), 0);
}

#[tokio::test]
async fn a_lost_session_is_opened_again() {
    let platform = analyst("");
    let gateway = gateway(&platform);
    for step in ["first", "second", "third"] {
        let task = task(step);
        let call_ref = accepted(&gateway, &task).await;
        platform.lose_sessions().await;
        assert_eq!(gateway.wait(&task, &call_ref).await.unwrap().text, "Read the market", "{step}");
        platform.lose_sessions().await;
        assert_eq!(platform.calls().begun(&task.key), 1, "{step}");
    }
}

#[tokio::test]
async fn a_platform_that_comes_back_is_spoken_to_again() {
    let mut platform = analyst(r#"{"polls": 1}"#);
    let gateway = gateway(&platform);
    let first = task("first");
    let call_ref = accepted(&gateway, &first).await;
    platform.go_down();
    assert_eq!(failure(gateway.submit(&task("second")).await).0, ErrorCode::AgentUnavailable);
    platform.come_up().unwrap();
    assert_eq!(gateway.wait(&first, &call_ref).await.unwrap().text, "Read the market");
    assert_eq!(ask(&gateway, &task("second")).await.unwrap().text, "Read the market");
    assert_eq!(platform.calls().begun(&first.key), 1);
}

#[tokio::test]
async fn a_platform_that_goes_down_for_good_ends_no_task_before_its_time() {
    let mut platform = analyst(r#"{"polls": 1}"#);
    let gateway = gateway(&platform);
    let task = task("draft");
    let call_ref = accepted(&gateway, &task).await;
    platform.go_down();
    let (code, message) = failure(gateway.wait(&task, &call_ref).await);
    assert_eq!(code, ErrorCode::Timeout);
    assert!(message.contains("last heard") && message.contains("can't be reached"), "{message}");
}
