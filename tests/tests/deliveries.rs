//! Outgoing webhooks of the real program: signed so that others can tell, and none lost or doubled by `kill -9`.

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use procession_tests::{
    client::Client,
    server::{Server, ServerOptions},
};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a receiver got: headers and body.
type Got = (BTreeMap<String, String>, Vec<u8>);

/// A receiver of webhooks on this machine.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// What it took.
    taken: Vec<Got>,
    /// How many requests came.
    asked: usize,
    /// Of so many requests it refuses one; 0 = none.
    refuses_every: usize,
}

impl Receiver {
    async fn start(refuses_every: usize) -> anyhow::Result<Self> {
        let kept = Arc::new(Mutex::new(Kept { refuses_every, ..Kept::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = Router::new().fallback(receive).with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, kept })
    }

    fn taken(&self) -> Vec<Got> {
        self.kept.lock().unwrap().taken.clone()
    }
}

async fn receive(State(kept): State<Arc<Mutex<Kept>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut kept = kept.lock().unwrap();
    kept.asked += 1;
    if kept.refuses_every > 0 && kept.asked.is_multiple_of(kept.refuses_every) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    let got = (headers.collect(), body.to_vec());
    kept.taken.push(got);
    StatusCode::NO_CONTENT
}

fn options(data: &Path, receiver: &Receiver) -> ServerOptions {
    ServerOptions::on(data)
        .with("outgoing.allow", &receiver.address.to_string())
        .with("environment.allow", "HOOK_SECRET")
        .with("deliveries.attempts", "50")
        .with("deliveries.delays", "100ms")
        .with_environment("HOOK_SECRET", SECRET)
}

fn process(receiver: &Receiver) -> String {
    let url = format!("http://{}/hooks/t0ken-of-the-test", receiver.address);
    format!(
        "{{name: nap, webhooks: [{{url: '{url}', secret: '${{ENV:HOOK_SECRET}}'}}], \
         steps: [{{id: nap, type: timer, duration: 20ms}}]}}"
    )
}

/// All deliveries as soon as there are so many and all are delivered.
async fn delivered(client: &Client, count: u64) -> anyhow::Result<Vec<Value>> {
    for _ in 0..600 {
        let page = client.get("/api/deliveries?state=delivered&limit=100").await?;
        if page["total"].as_u64() == Some(count) {
            let mut rows = page["deliveries"].as_array().cloned().unwrap_or_default();
            let mut cursor = page["next_cursor"].clone();
            while let Some(next) = cursor.as_str() {
                let page = client.get(&format!("/api/deliveries?state=delivered&limit=100&cursor={next}")).await?;
                rows.extend(page["deliveries"].as_array().cloned().unwrap_or_default());
                cursor = page["next_cursor"].clone();
            }
            return Ok(rows);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("not all are delivered: {}", client.get("/api/deliveries").await?)
}

/// The signature of a request by this test's own hand.
fn signature(headers: &BTreeMap<String, String>, body: &[u8]) -> String {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.", headers["webhook-id"], headers["webhook-timestamp"]).as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_signature_is_good_to_others_and_no_secret_is_shown() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = Receiver::start(0).await?;
    let server = options(folder.path(), &receiver).start()?;
    let client = Client::log_in(server.url()).await?;
    let process = client.publish(&process(&receiver)).await?;
    let execution = client.execute(&process, &json!({})).await?;
    client.ended(&execution).await?;
    let rows = delivered(&client, 1).await?;
    let [(headers, body)] = receiver.taken().try_into().map_err(|_| anyhow::anyhow!("not one request"))?;
    assert_eq!(headers["webhook-id"], rows[0]["id"].as_str().unwrap_or_default());
    assert_eq!(headers["webhook-signature"], signature(&headers, &body));
    let told: Value = serde_json::from_slice(&body)?;
    assert_eq!((&told["event"], &told["execution"]["id"]), (&json!("process_completed"), &json!(execution)));
    assert_eq!(told["links"]["api"], json!(format!("{}/api/executions/{execution}", server.url())));

    let shown = [
        client.get("/api/deliveries").await?.to_string(),
        client.get(&format!("/api/deliveries/{}", headers["webhook-id"])).await?.to_string(),
        client.get(&format!("/api/executions/{execution}/events")).await?.to_string(),
        client.get("/api/audit").await?.to_string(),
        server.log(),
    ];
    for text in shown {
        assert!(!text.contains("MfKQ9r8") && !text.contains("t0ken-of-the-test"), "{text}");
    }
    // `cargo xtask test signatures` brings a Python with the scheme's own library.
    if let Some(python) = std::env::var_os("PROCESSION_PYTHON") {
        let request = folder.path().join("request.json");
        std::fs::write(&request, json!({"headers": headers, "body": String::from_utf8(body)?}).to_string())?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/verify_webhook.py");
        let verified = Command::new(python).arg(script).arg(&request).env("SECRET", SECRET).output()?;
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
    Ok(())
}

#[tokio::test]
async fn a_kill_loses_and_doubles_no_delivery() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = Receiver::start(3).await?;
    let mut executions = BTreeSet::new();
    for round in 0..4_u64 {
        let server = options(folder.path(), &receiver).start()?;
        let client = Client::log_in(server.url()).await?;
        let process = process_of(&client, &receiver).await?;
        for _ in 0..25 {
            executions.insert(client.execute(&process, &json!({})).await?);
        }
        tokio::time::sleep(Duration::from_millis(30 * round)).await;
        server.kill()?;
    }
    let server: Server = options(folder.path(), &receiver).start()?;
    let client = Client::log_in(server.url()).await?;
    let rows = delivered(&client, executions.len() as u64).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told: BTreeMap<String, String> =
        rows.iter().map(|row| (text(&row["id"]), text(&row["execution_id"]))).collect();
    assert_eq!(told.len(), executions.len());
    assert_eq!(told.values().cloned().collect::<BTreeSet<_>>(), executions);
    let mut heard = BTreeMap::new();
    for (headers, body) in receiver.taken() {
        let body: Value = serde_json::from_slice(&body)?;
        let execution = text(&body["execution"]["id"]);
        let before = heard.insert(headers["webhook-id"].clone(), execution.clone());
        assert!(before.is_none_or(|before| before == execution), "one id tells of one thing, however often it comes");
    }
    assert_eq!(heard, told);
    Ok(())
}

/// The process, which the first round publishes.
async fn process_of(client: &Client, receiver: &Receiver) -> anyhow::Result<String> {
    let known = client.get("/api/processes").await?;
    match known["processes"][0]["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => client.publish(&process(receiver)).await,
    }
}
