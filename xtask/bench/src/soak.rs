//! `cargo xtask soak`: the program under everything at once, for minutes: clients that start executions and hang up, kills,
//! sockets that say nothing, guesses at passwords. What must hold: nothing is lost or done twice, `/healthz` answers at once,
//! and the memory comes back.

use std::{
    collections::HashMap,
    fmt::Write as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    processes,
    server::{PASSWORD, Server},
    stopwatch::{Times, shown},
};

const CLIENTS: usize = 16;
const SLOW_SOCKETS: usize = 64;
const GUESSERS: usize = 2;

/// How often the server is killed in a run.
const KILLS: u32 = 6;

/// The most that 99 of 100 answers of `/healthz` may take.
const HEALTH_GOAL: Duration = Duration::from_millis(50);

/// How much more memory there may be at the end, in hundredths.
const MEMORY_GOAL: f64 = 20.0;

/// How long an execution may take before it counts as lost; a server starts again meanwhile.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long clients run in peace, before the memory is looked at for the first time.
const WARMING: Duration = Duration::from_secs(20);

/// How long the server rests before its memory is looked at.
const RESTING: Duration = Duration::from_secs(10);

/// What all who trouble the server share.
struct Stress {
    address: RwLock<String>,
    token: String,
    process: String,
    /// The execution of each start, by its key.
    started: Mutex<HashMap<String, String>>,
    /// What has gone wrong, as sentences.
    wrong: Mutex<Vec<String>>,
    health: Mutex<Times>,
    stop: CancellationToken,
}

/// Troubles a server for so long; the report. It fails where a goal is missed.
pub async fn soak(program: &Path, folder: &Path, length: Duration) -> anyhow::Result<String> {
    let data = tempfile::tempdir_in(folder)?;
    let server = Server::start(program, data.path()).await?;
    let stress = Arc::new(Stress::on(&server).await?);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(Arc::clone(&stress).start_executions(client));
    }
    sleep(WARMING).await;
    let before = server.memory()?;
    let mut others = JoinSet::new();
    others.spawn(Arc::clone(&stress).ask_for_health());
    (0..SLOW_SOCKETS).for_each(|_| drop(others.spawn(Arc::clone(&stress).dawdle())));
    (0..GUESSERS).for_each(|guesser| drop(others.spawn(Arc::clone(&stress).guess(guesser))));
    let server = kill_now_and_then(&stress, server, program, data.path(), length).await?;
    stress.stop.cancel();
    while let Some(ended) = clients.join_next().await {
        ended?;
    }
    others.join_all().await;
    sleep(RESTING).await;
    let after = server.memory()?;
    let total = stress.count().await?;
    server.stop()?;
    stress.report(length, before, after, total)
}

/// Kills the server again and again, and starts it anew on the same data. The last one has the last seventh for itself.
async fn kill_now_and_then(
    stress: &Stress,
    mut server: Server,
    program: &Path,
    data: &Path,
    length: Duration,
) -> anyhow::Result<Server> {
    for _ in 0..KILLS {
        sleep(length / (KILLS + 1)).await;
        server.kill()?;
        server = Server::start(program, data).await?;
        stress.address.write().unwrap_or_else(PoisonError::into_inner).clone_from(&server.address);
    }
    sleep(length / (KILLS + 1)).await;
    Ok(server)
}

impl Stress {
    async fn on(server: &Server) -> anyhow::Result<Self> {
        let mut client = Client::connect(&server.address).await?;
        let token = client.log_in(PASSWORD).await?;
        let mut client = client.with_token(&token);
        let text = processes::chain("soaked", 3);
        let created = client.post("/api/processes", &json!({"yaml_content": text})).await?;
        let process = created["id"].as_str().context("no id of a process")?.to_owned();
        client.post(&format!("/api/processes/{process}/publish"), &json!({})).await?;
        Ok(Self {
            address: RwLock::new(server.address.clone()),
            token,
            process,
            started: Mutex::default(),
            wrong: Mutex::default(),
            health: Mutex::default(),
            stop: CancellationToken::new(),
        })
    }

    fn address(&self) -> String {
        self.address.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, wrong: String) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(wrong);
    }

    async fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(&self.address()).await?.with_token(&self.token))
    }

    /// Starts executions one after the other, each under a key, and waits for their end. Every fourth time it hangs up first.
    async fn start_executions(self: Arc<Self>, client: usize) {
        let mut number = 0_u64;
        while !self.stop.is_cancelled() {
            number += 1;
            let key = format!("{client}-{number}");
            let id = self.start_at_last(&key, number.is_multiple_of(4)).await;
            let outcome = match id {
                Ok(id) => self.ended_at_last(&id).await,
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                self.tell(format!("start {key}: {error:#}"));
            }
        }
    }

    async fn start_at_last(&self, key: &str, hangs_up: bool) -> anyhow::Result<String> {
        let path = format!("/api/processes/{}/execute", self.process);
        let body = json!({"input": {"topic": key}});
        if hangs_up && let Ok(client) = self.client().await {
            // Sent and left; nobody reads the answer.
            let _ = client.send_and_leave(&path, ("idempotency-key", key), &body).await;
        }
        let begun = Instant::now();
        loop {
            let answer = async { self.client().await?.post_with(&path, ("idempotency-key", key), &body).await };
            match timeout(Duration::from_secs(20), answer).await {
                Ok(Ok(answer)) if (200..300).contains(&answer.status) => {
                    let id = answer.body["id"].as_str().context("no id of an execution")?.to_owned();
                    let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
                    started.insert(key.to_owned(), id.clone());
                    return Ok(id);
                }
                Ok(Ok(answer)) if ![429, 503].contains(&answer.status) => bail!("{} {}", answer.status, answer.body),
                // The server is full, or starts again.
                Ok(_) | Err(_) if begun.elapsed() < PATIENCE => sleep(Duration::from_millis(100)).await,
                Ok(_) | Err(_) => bail!("no answer within {} s", PATIENCE.as_secs()),
            }
        }
    }

    async fn ended_at_last(&self, id: &str) -> anyhow::Result<()> {
        let (path, begun) = (format!("/api/executions/{id}"), Instant::now());
        let mut pause = Duration::from_millis(20);
        loop {
            let answer = async { self.client().await?.get(&path).await };
            if let Ok(Ok(answer)) = timeout(Duration::from_secs(20), answer).await {
                ensure!(answer.status != 404, "{id} is gone");
                match answer.body["status"].as_str() {
                    Some("completed") => return Ok(()),
                    Some(status @ ("failed" | "cancelled")) => bail!("{id} has {status}: {}", answer.body["error"]),
                    Some(_) | None => {}
                }
            }
            ensure!(begun.elapsed() < PATIENCE, "{id} has not ended within {} s", PATIENCE.as_secs());
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// Asks for `/healthz` again and again, as a load balancer does. While the server starts, nobody answers.
    async fn ask_for_health(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            if let Ok(mut client) = self.client().await {
                loop {
                    let begun = Instant::now();
                    let address = self.address();
                    match timeout(Duration::from_secs(10), client.get("/healthz")).await {
                        Ok(Ok(answer)) if answer.status == 200 => {
                            let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
                            health.note(begun.elapsed());
                        }
                        Err(_) if address == self.address() => {
                            self.tell("/healthz did not answer within 10 s".to_owned());
                            break;
                        }
                        // Killed meanwhile, or it closes connections now and then.
                        Ok(_) | Err(_) => break,
                    }
                    if self.stop.is_cancelled() {
                        return;
                    }
                    sleep(Duration::from_millis(25)).await;
                }
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Opens a connection and sends a head, a byte a second.
    async fn dawdle(self: Arc<Self>) {
        let head = b"GET /api/executions HTTP/1.1\r\nhost: localhost\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        while !self.stop.is_cancelled() {
            if let Ok(mut socket) = TcpStream::connect(self.address()).await {
                for byte in head.iter().cycle() {
                    if self.stop.is_cancelled() || socket.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                    sleep(Duration::from_secs(1)).await;
                }
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Guesses at passwords, of a user that there is and of one that there isn't.
    async fn guess(self: Arc<Self>, guesser: usize) {
        while !self.stop.is_cancelled() {
            let guess = async {
                let mut client = Client::connect(&self.address()).await?;
                client.try_log_in(if guesser == 0 { "admin" } else { "nobody" }, "guess").await
            };
            if let Ok(Ok(200)) = timeout(Duration::from_secs(20), guess).await {
                self.tell("a guess was let in".to_owned());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// How many executions the server knows.
    async fn count(&self) -> anyhow::Result<u64> {
        let path = format!("/api/executions?process_id={}&limit=1", self.process);
        let answer = self.client().await?.get(&path).await?;
        ensure!(answer.status == 200, "GET {path}: {} {}", answer.status, answer.body);
        answer.body["total"].as_u64().context("no total of executions")
    }

    fn report(&self, length: Duration, before: u64, after: u64, total: u64) -> anyhow::Result<String> {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = health.len();
        ensure!(asked > 0, "/healthz never answered");
        let slowest = health.quantile(0.99);
        let growth = (to_f64(after) / to_f64(before) - 1.0) * 100.0;
        let mut report = format!(
            "Soaked for {} min with {CLIENTS} clients and {KILLS} kills.\n\
             * executions: {started} started, {} lost, {} doubled\n\
             * /healthz: p99 {} of {asked} answers (goal: below {})\n\
             * memory: {:.1} MiB before, {:.1} MiB after, {growth:+.0} % (goal: at most +{MEMORY_GOAL:.0} %)\n",
            length.as_secs() / 60,
            started.saturating_sub(total),
            total.saturating_sub(started),
            shown(slowest),
            shown(HEALTH_GOAL),
            to_f64(before) / 1_048_576.0,
            to_f64(after) / 1_048_576.0,
        );
        for wrong in wrong.iter().take(20) {
            writeln!(report, "* wrong: {wrong}")?;
        }
        let is_kept = wrong.is_empty() && started == total && slowest < HEALTH_GOAL && growth <= MEMORY_GOAL;
        if is_kept { Ok(report) } else { bail!("{report}a goal is missed") }
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
const fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}
