//! Live events: the WebSocket against a real server, and the event stream.

use std::{net::SocketAddr, time::Duration};

use axum::http::HeaderName;
use futures::{SinkExt, StreamExt};
use procession_application::access::Principal;
use procession_domain::value::{ExecutionId, Json};
use procession_http::{HttpSettings, TimeLimits, WebServer, serve};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use crate::support::Server;

const HELLO: &str = "{name: hello, steps: [{id: a, agent: writer, message: one}, {id: b, agent: writer, message: two, depends_on: [a]}]}";

/// A step that people decide, so that a test can let it go on.
const ASKS: &str = "{name: asks, steps: [{id: ask, type: human_approval, title: Go on?, assignees: [ann]}, {id: b, agent: writer, message: two, depends_on: [ask]}]}";

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client's end of a WebSocket.
struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Serves the API on a port of its own.
async fn served(server: &Server) -> (SocketAddr, WebServer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, serve(listener, server.state.clone()))
}

impl Client {
    async fn connect(address: SocketAddr, query: &str) -> Result<Self, Error> {
        let (socket, _) = connect_async(format!("ws://{address}/ws?{query}")).await?;
        Ok(Self(socket))
    }

    async fn say(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    /// The next thing that the server says.
    async fn hear(&mut self) -> Message {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("the server says something");
            match message.unwrap().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    async fn json(&mut self) -> Json {
        let message = self.hear().await;
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    /// Everything up to the event that is looked for.
    async fn until(&mut self, name: &str, value: &str) -> Vec<Json> {
        let mut heard = Vec::new();
        loop {
            heard.push(self.json().await);
            if heard.last().is_some_and(|message| message[name] == value) {
                return heard;
            }
        }
    }

    async fn close_code(&mut self) -> (u16, String) {
        match self.hear().await {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("{other:?} instead of a close"),
        }
    }
}

fn ids(messages: &[Json], name: &str) -> Vec<u64> {
    messages.iter().filter_map(|message| message[name].as_u64()).collect()
}

/// The ids of all events of an execution.
async fn stored(server: &Server, id: ExecutionId) -> Vec<u64> {
    server.stage.events(id).await.iter().map(|event| event.id).collect()
}

#[tokio::test]
async fn a_client_hears_everything_as_the_existing_frontend_reads_it() {
    let server = Server::start().await;
    let ann = server.user("ann", "operator").await;
    let (address, _web) = served(&server).await;
    let mut client = Client::connect(address, &format!("token={ann}")).await.unwrap();
    client.say("{\"type\": \"ping\"}").await;
    assert_eq!(client.json().await, json!({"type": "pong"}));
    let id = server.execution_of(HELLO, "ann").await;
    let heard = client.until("event_type", "process_completed").await;
    assert_eq!(ids(&heard, "event_id"), stored(&server, id).await);
    for message in &heard {
        assert_eq!((&message["type"], &message["execution_id"]), (&json!("process_event"), &json!(id)));
        assert!(message["timestamp"].as_str().unwrap().ends_with("+00:00"), "{message}");
    }
    let names: Vec<&str> = heard.iter().map(|message| message["event_type"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "execution_created",
            "process_started",
            "step_started",
            "step_completed",
            "step_started",
            "step_completed",
            "process_completed"
        ]
    );
    assert!(heard[3]["duration_seconds"].is_u64() && heard[6]["duration_seconds"].is_u64());
}

#[tokio::test]
async fn a_page_of_the_server_comes_in_by_its_session_and_others_do_not() {
    let server = Server::start().await;
    let ann = server.user("ann", "operator").await;
    let (address, _web) = served(&server).await;
    let from = |origin: String| {
        let mut request = format!("ws://{address}/ws?format=v2").into_client_request().unwrap();
        request.headers_mut().insert("cookie", format!("session={ann}").parse().unwrap());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        request
    };
    let (socket, _) = connect_async(from(format!("http://{address}"))).await.unwrap();
    let mut page = Client(socket);
    page.say("{\"type\": \"ping\"}").await;
    assert_eq!(page.json().await, json!({"type": "pong"}));
    let (socket, _) = connect_async(from("http://elsewhere.test".to_owned())).await.unwrap();
    let mut other = Client(socket);
    other.say("{\"type\": \"ping\"}").await;
    assert_eq!(other.close_code().await, (4001, "Authentication required".to_owned()));
}

#[tokio::test]
async fn a_bad_token_is_refused_before_the_upgrade() {
    let server = Server::start().await;
    let (address, _web) = served(&server).await;
    match Client::connect(address, "token=nonsense").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("{:?}", other.map(|_| "let in").map_err(|error| error.to_string())),
    }
}

#[tokio::test]
async fn a_client_may_say_who_it_is_with_its_first_message() {
    let server = Server::start().await;
    let ann = server.user("ann", "operator").await;
    let (address, _web) = served(&server).await;
    let mut client = Client::connect(address, "").await.unwrap();
    client.say(format!("Bearer {ann}")).await;
    assert_eq!(client.json().await, json!({"type": "authenticated", "user": "ann"}));
    for odd in ["[1, 2]", "7", "\"text\"", "no JSON", "{\"type\": \"unknown\"}", "{}", "null"] {
        client.say(odd).await;
    }
    client.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    client.say("{\"type\": \"ping\"}").await;
    assert_eq!(client.json().await, json!({"type": "pong"}));

    let mut stranger = Client::connect(address, "").await.unwrap();
    stranger.say("Bearer nonsense").await;
    assert_eq!(stranger.close_code().await, (4001, "Authentication required".into()));
}

#[tokio::test]
async fn a_client_that_says_nothing_is_sent_away() {
    let time_limits = TimeLimits { first_message: Duration::from_millis(50), ..TimeLimits::default() };
    let server = Server::with(vec![], HttpSettings { time_limits, ..Server::settings() }).await;
    let (address, _web) = served(&server).await;
    let mut client = Client::connect(address, "").await.unwrap();
    assert_eq!(client.close_code().await, (4001, "Authentication required".into()));
}

#[tokio::test]
async fn a_subscription_tells_first_what_has_happened_and_then_what_happens() {
    let server = Server::start().await;
    let (ann, person) = (server.user("ann", "admin").await, server.stage.person("ann", "admin").await);
    let (address, _web) = served(&server).await;
    let other = server.execution_of(HELLO, "ann").await;
    server.stage.until_ended(other).await;
    let id = server.execution_of(ASKS, "ann").await;
    server.stage.open_approval(id, "ask").await;

    let mut client = Client::connect(address, &format!("token={ann}")).await.unwrap();
    let subscribe = json!({"type": "subscribe", "execution_id": id, "after": 0});
    client.say(subscribe.to_string()).await;
    let answer = client.json().await;
    assert_eq!(answer, json!({"type": "subscribed", "execution_id": id, "after": 0}));
    // The same again tells nothing twice.
    client.say(subscribe.to_string()).await;
    let vote = procession_domain::approval::Ballot::Approve;
    let mut heard = client.until("event_type", "process_paused").await;
    server.stage.vote(id, "ask", &person, vote, None).await;
    heard.extend(client.until("event_type", "process_completed").await);
    assert_eq!(ids(&heard, "event_id"), stored(&server, id).await);

    client.say(json!({"type": "unsubscribe", "execution_id": id}).to_string()).await;
    assert_eq!(ids(&client.until("type", "unsubscribed").await, "event_id"), Vec::<u64>::new());
    client.say(json!({"type": "subscribe"}).to_string()).await;
    assert_eq!(client.json().await["code"], "invalid_body");
    client.say(json!({"type": "subscribe", "execution_id": "x"}).to_string()).await;
    assert_eq!(client.json().await["code"], "bad_id");
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann", "operator").await;
    let (address, _web) = served(&server).await;
    let first = server.execution_of(HELLO, "ann").await;
    server.stage.until_ended(first).await;
    let seen = stored(&server, first).await[2];
    let mut client = Client::connect(address, &format!("token={ann}&format=v2")).await.unwrap();
    client.say(json!({"type": "subscribe", "all": true, "after": seen}).to_string()).await;
    assert_eq!(client.json().await["type"], "subscribed");
    let mut heard = client.until("type", "execution:completed").await;
    let process = server.stage.execution(first).await.creation().process.id;
    let second = server.stage.start(process, json!({})).await;
    heard.extend(client.until("type", "execution:completed").await);
    let mut wanted = stored(&server, first).await.split_off(3);
    wanted.extend(stored(&server, second).await);
    assert_eq!(ids(&heard, "eventId"), wanted);
    let completed = heard.iter().find(|message| message["type"] == "step:completed").unwrap();
    assert_eq!((&completed["executionId"], &completed["stepId"]), (&json!(first), &json!("a")));
    assert_eq!(completed["output"]["response"], "one");
    assert!(completed["duration"].is_u64() && completed["cost"].is_string(), "{completed}");
}

#[tokio::test]
async fn a_viewer_hears_only_of_its_own_executions() {
    let server = Server::start().await;
    let vic = server.user("vic", "viewer").await;
    let (address, _web) = served(&server).await;
    let mut client = Client::connect(address, &format!("token={vic}")).await.unwrap();
    client.say("{\"type\": \"ping\"}").await;
    client.json().await;
    let other = server.execution_of(HELLO, "ann").await;
    server.stage.until_ended(other).await;
    let process = server.stage.execution(other).await.creation().process.id;
    let own = server.stage.start_by(&Principal::at_terminal("vic"), process, json!({})).await;
    let heard = client.until("event_type", "process_completed").await;
    assert_eq!(ids(&heard, "event_id"), stored(&server, own).await);
    client.say(json!({"type": "subscribe", "execution_id": other}).to_string()).await;
    let refused = client.json().await;
    assert_eq!(refused, json!({"type": "error", "code": "not_found", "detail": "Execution not found"}));
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye_and_ends_in_order() {
    let server = Server::start().await;
    let ann = server.user("ann", "operator").await;
    let (address, web) = served(&server).await;
    let mut client = Client::connect(address, &format!("token={ann}")).await.unwrap();
    client.say("{\"type\": \"ping\"}").await;
    client.json().await;
    server.state.drain();
    assert_eq!(client.close_code().await.0, 1001);
    drop(client);
    tokio::time::timeout(PATIENCE, web.stop(PATIENCE)).await.expect("the server stops");
    assert!(Client::connect(address, "").await.is_err());
}

/// The ids of an event stream, and the types of its messages.
fn told(text: &str) -> (Vec<u64>, Vec<String>) {
    let ids = text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let messages =
        data.map(|data| serde_json::from_str::<Json>(data).unwrap()["event_type"].as_str().unwrap().to_owned());
    (ids, messages.collect())
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_tells_an_execution_to_its_end() {
    let server = Server::start().await;
    let ann = server.user("ann", "operator").await;
    let id = server.execution_of(HELLO, "ann").await;
    let path = format!("/api/executions/{id}/stream");
    let stream = server.get(&path).by(&ann).send().await;
    assert_eq!((stream.status.as_u16(), stream.header("content-type")), (200, Some("text/event-stream")));
    let (ids, messages) = told(&stream.text);
    assert_eq!(ids, stored(&server, id).await);
    assert_eq!(messages.last().unwrap(), "process_completed");

    let last = HeaderName::from_static("last-event-id");
    let rest = server.get(&path).header(last.clone(), &ids[3].to_string()).by(&ann).send().await;
    assert_eq!(told(&rest.text).0, ids[4..]);
    let behind = ids.last().unwrap().to_string();
    assert_eq!(server.get(&path).header(last.clone(), &behind).by(&ann).send().await.status.as_u16(), 204);
    let bad = server.get(&path).header(last, "x").by(&ann).send().await;
    assert!(bad.problem(422, "invalid_query").contains("Last-Event-ID"));
    let vic = server.user("vic", "viewer").await;
    server.get(&path).by(&vic).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn agents_news_are_for_programs_with_a_key() {
    let server = Server::start().await;
    let ann = server.user("ann", "operator").await;
    let (key, stored) =
        server.stage.access.create_key(&server.stage.system, "ann", "listener", Vec::new()).await.unwrap();
    let (address, _web) = served(&server).await;
    let connect = async |query: String| {
        let (socket, _) = connect_async(format!("ws://{address}/ws/events?{query}")).await.unwrap();
        Client(socket)
    };
    let mut client = connect(format!("token={key}")).await;
    let welcome = client.json().await;
    assert_eq!((&welcome["type"], &welcome["user"]), (&json!("connected"), &json!("ann")));
    let agents = welcome["accessible_agents"].as_array().unwrap();
    assert!(agents.contains(&json!("writer")) && welcome["message"].is_string(), "{welcome}");
    client.say("ping").await;
    assert_eq!(client.hear().await, Message::text("pong"));
    client.say("{}").await;
    client.say("refresh").await;
    assert_eq!(client.json().await, json!({"type": "refreshed", "accessible_agents": agents}));
    // It carries no events of processes.
    server.execution_of(HELLO, "ann").await;
    client.say("ping").await;
    assert_eq!(client.hear().await, Message::text("pong"));

    let required = (4001, "API key required (use ?token=procession_xxx)".to_owned());
    assert_eq!(connect(String::new()).await.close_code().await, required);
    let bad = (4001, "Invalid or inactive API key".to_owned());
    assert_eq!(connect(format!("token={ann}")).await.close_code().await, bad, "a session is no key");
    server.stage.access.revoke_key(&server.stage.system, stored.id).await.unwrap();
    assert_eq!(connect(format!("token={key}")).await.close_code().await, bad);
}
