//! Rounds of starting, killing and starting again.

use std::{
    collections::BTreeSet,
    fmt::Display,
    io::Write as _,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use procession_tests::{
    client::Client,
    platform::PlatformProcess,
    server::{Server, ServerOptions},
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// How many executions are under way in each round.
pub const EXECUTIONS: usize = 50;
/// How many of them must be unfinished when the server is killed, and how many steps must have completed.
const AT_LEAST: usize = 10;
/// How many rounds there are at each change; the nightly run asks for more.
const ROUNDS: usize = 8;

/// The system under test, with its agents.
pub struct World {
    platform: PlatformProcess,
    options: ServerOptions,
    server: Option<Server>,
    client: Client,
    random: fastrand::Rng,
    folder: tempfile::TempDir,
    rounds: usize,
    clients_hang_up: bool,
}

/// What has happened so far in a round, heard over the WebSocket.
#[derive(Default)]
struct Heard {
    completed_steps: AtomicUsize,
    ended: Mutex<BTreeSet<String>>,
}

impl World {
    pub async fn new(plan: &str, settle: impl FnOnce(ServerOptions) -> ServerOptions) -> Self {
        let seed = std::env::var("CRASH_SEED").ok().map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
        tell(format_args!("CRASH_SEED={seed}"));
        let folder = tempfile::tempdir().unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_procession-fake-platform"));
        let platform = PlatformProcess::start(binary, folder.path(), plan).unwrap();
        let options = settle(ServerOptions::on(&folder.path().join("data")).with("agents.mcp.url", platform.url()));
        let server = options.start().unwrap();
        let client = Client::log_in(server.url()).await.unwrap();
        Self {
            platform,
            options,
            server: Some(server),
            client,
            random: fastrand::Rng::with_seed(seed),
            folder,
            rounds: ROUNDS,
            clients_hang_up: false,
        }
    }

    /// Fewer rounds, in which whoever starts an execution hangs up, and asks again.
    pub const fn with_hang_ups(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self.clients_hang_up = true;
        self
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn random(&mut self) -> &mut fastrand::Rng {
        &mut self.random
    }

    /// Plays all rounds. `processes` are started in turn, `with` tells what people do while executions are under way,
    /// and `check` looks at each execution that has ended.
    pub async fn play<People, Doing>(
        mut self,
        processes: &[String],
        with: People,
        mut check: impl FnMut(&Value, &[Value], &[procession_tests::platform::Call]),
    ) where
        People: Fn(Client) -> Doing,
        Doing: Future<Output = ()> + Send + 'static,
    {
        let rounds = std::env::var("CRASH_ROUNDS").ok().map_or(self.rounds, |rounds| rounds.parse().unwrap());
        for round in 0..rounds {
            let people = tokio::spawn(with(self.client.clone()));
            let ids = self.start_and_kill(processes).await;
            people.abort();
            let people = tokio::spawn(with(self.client.clone()));
            let ended: Vec<_> = stream::iter(&ids).map(|id| self.ended(id)).buffer_unordered(8).collect().await;
            people.abort();
            let calls = self.platform.calls().unwrap();
            for (detail, events) in &ended {
                check(detail, events, &calls);
            }
            tell(format_args!("round {round}: {} executions ended as they should", ended.len()));
        }
        drop(self.server);
        drop(self.folder);
    }

    async fn ended(&self, id: &str) -> (Value, Vec<Value>) {
        let detail = self.client.ended(id).await.unwrap();
        (detail, self.client.events(id).await.unwrap())
    }

    /// Starts executions, kills the server while enough of them are under way, and starts it again.
    async fn start_and_kill(&mut self, processes: &[String]) -> BTreeSet<String> {
        let heard = Arc::new(Heard::default());
        let listening = tokio::spawn(listen(self.client.clone(), Arc::clone(&heard)));
        let of_round = self.random.u64(..);
        let lags: Vec<Duration> = (0..EXECUTIONS).map(|_| Duration::from_micros(self.random.u64(0..8_000))).collect();
        let starts = lags.into_iter().enumerate().map(|(number, lag)| {
            let process = &processes[number % processes.len()];
            let (client, hangs_up, input) = (&self.client, self.clients_hang_up, json!({"number": number}));
            async move {
                if hangs_up {
                    let key = format!("{of_round}-{number}");
                    client.execute_hanging_up(process, &input, &key, lag).await.unwrap()
                } else {
                    client.execute(process, &input).await.unwrap()
                }
            }
        });
        let ids: BTreeSet<String> = stream::iter(starts).buffer_unordered(16).collect().await;
        let steps = self.random.usize(AT_LEAST..=2 * EXECUTIONS);
        let pause = Duration::from_micros(self.random.u64(0..20_000));
        let deadline = Instant::now() + Duration::from_mins(1);
        while heard.completed_steps.load(Ordering::SeqCst) < steps {
            assert!(Instant::now() < deadline, "only {:?} steps have completed", heard.completed_steps);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(pause).await;
        self.server.take().unwrap().kill().unwrap();
        listening.abort();
        let ended = ids.intersection(&heard.ended.lock().unwrap()).count();
        assert!(EXECUTIONS - ended >= AT_LEAST, "{ended} executions had ended when the server was killed");
        let server = self.options.start().unwrap();
        self.client = self.client.at(server.url());
        self.server = Some(server);
        ids
    }
}

/// Counts what happens.
async fn listen(client: Client, heard: Arc<Heard>) {
    let address = format!("{}/ws?token={}", client.url().replace("http://", "ws://"), client.token());
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(&text).unwrap();
        match message["event_type"].as_str() {
            Some("step_completed") => {
                heard.completed_steps.fetch_add(1, Ordering::SeqCst);
            }
            Some("process_completed" | "process_failed") => {
                heard.ended.lock().unwrap().insert(message["execution_id"].as_str().unwrap().to_owned());
            }
            _ => {}
        }
    }
}

/// Says something that is wanted when a test has failed.
fn tell(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
