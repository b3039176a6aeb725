//! Replaying a report.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use indexmap::IndexMap;
use procession_tests::{
    client::{self, Client},
    server::{Server, ServerOptions, procession},
};
use serde_json::{Value, json};

use crate::{
    model,
    report::{Act, Answer, Code, Expected, Report},
};

/// A report under way.
struct Play {
    folder: tempfile::TempDir,
    words: IndexMap<String, String>,
    server: Option<(Server, Client)>,
}

/// Replays a report with these words.
pub async fn play(report: &Report, words: &IndexMap<String, String>) -> anyhow::Result<()> {
    let mut play = Play { folder: tempfile::tempdir()?, words: words.clone(), server: None };
    if !report.model.is_empty() {
        let address = model::listen(report.model.iter().map(|answer| play.answer(answer)).collect()).await?;
        play.words.insert("model".to_owned(), address);
    }
    for (name, text) in &report.files {
        std::fs::write(play.path(name), play.filled(text))?;
    }
    for act in &report.acts {
        play.act(act).await.with_context(|| format!("{act:?}"))?;
    }
    Ok(())
}

impl Play {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A text with the words of this replay.
    fn filled(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (name, word)| {
            let as_json = Value::from(word.as_str()).to_string();
            text.replace(&format!("<<{name}>>"), word).replace(&format!("<<{name} as json>>"), &as_json)
        })
    }

    fn answer(&self, answer: &Answer) -> Answer {
        let headers = answer.headers.iter().map(|(name, value)| (name.clone(), self.filled(value))).collect();
        Answer { status: answer.status, headers, body: self.filled(&answer.body) }
    }

    async fn act(&mut self, act: &Act) -> anyhow::Result<()> {
        match act {
            Act::Run { procession: arguments, code, expected } => {
                let code = match code {
                    None => 0,
                    Some(Code::Number(code)) => *code,
                    Some(Code::Words(words)) => self.filled(words).parse()?,
                };
                let (ended, said, json) = self.run(&self.filled(arguments))?;
                ensure!(ended == Some(code), "it ended with {ended:?}:\n{said}");
                self.check(expected, &said, &json)
            }
            Act::Serve { serve } => {
                let data = self.path("data");
                std::fs::create_dir(&data)?;
                std::fs::copy(self.path("agents.yaml"), data.join("agents.yaml"))?;
                let arguments = serve.split_whitespace();
                let server = arguments.fold(ServerOptions::on(&data), ServerOptions::argument).start()?;
                let client = Client::log_in(server.url()).await?;
                self.server = Some((server, client));
                Ok(())
            }
            Act::Publish { publish } => {
                let (_, client) = self.server.as_ref().context("no server runs")?;
                let yaml = std::fs::read_to_string(self.path(publish))?;
                let made = client.post("/api/processes", &json!({"yaml_content": yaml})).await?;
                let id = made["id"].as_str().context("no id")?.to_owned();
                client.post(&format!("/api/processes/{id}/publish"), &Value::Null).await?;
                self.words.insert("id".to_owned(), id);
                Ok(())
            }
            Act::Ask { ask, header, body, status, expected } => {
                let (came, text) = self.ask(&self.filled(ask), header.as_deref(), body.as_deref()).await?;
                ensure!(came == *status, "the status is {came}: {text}");
                let json = serde_json::from_str(&text).unwrap_or(Value::Null);
                self.check(expected, &text, &json)
            }
        }
    }

    /// Runs the program to its end: its code, all that it said, and the JSON that it wrote.
    fn run(&self, arguments: &str) -> anyhow::Result<(Option<i32>, String, Value)> {
        let mut command = procession()?;
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        command.env("XDG_CONFIG_HOME", self.path("config")).env("COLUMNS", "100");
        let output = command.stdin(std::process::Stdio::null()).output()?;
        let written = String::from_utf8_lossy(&output.stdout).into_owned();
        let json = serde_json::from_str(&written).unwrap_or(Value::Null);
        Ok((output.status.code(), format!("{written}\n{}", String::from_utf8_lossy(&output.stderr)), json))
    }

    async fn ask(&self, what: &str, header: Option<&str>, body: Option<&str>) -> anyhow::Result<(u16, String)> {
        let (_, client) = self.server.as_ref().context("no server runs")?;
        let (method, path) = what.split_once(' ').context("a method and a path are asked for")?;
        let mut request = client::http()?.request(method.parse()?, format!("{}{path}", client.url()));
        request = request.bearer_auth(client.token());
        if let Some(header) = header {
            let (name, value) = header.split_once(": ").context("a header has a name and a value")?;
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(self.filled(body));
        }
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    fn check(&self, expected: &Expected, said: &str, json: &Value) -> anyhow::Result<()> {
        for words in &expected.has {
            let words = self.filled(words);
            ensure!(said.contains(&words), "`{words}` is missing in:\n{said}");
        }
        for words in &expected.lacks {
            let words = self.filled(words);
            ensure!(!said.contains(&words), "`{words}` is there:\n{said}");
        }
        for (words, times) in &expected.times {
            let found = said.matches(self.filled(words).as_str()).count();
            ensure!(found == *times, "`{words}` is there {found} times:\n{said}");
        }
        if let Some(wanted) = &expected.gives {
            let wanted: Value = serde_json::from_str(&self.filled(&wanted.to_string()))?;
            holds(json, &wanted, Path::new("")).with_context(|| said.to_owned())?;
        }
        Ok(())
    }
}

/// Whether all members of what is wanted are in a JSON.
fn holds(json: &Value, wanted: &Value, at: &Path) -> anyhow::Result<()> {
    match (json, wanted) {
        (Value::Object(json), Value::Object(wanted)) => {
            for (name, wanted) in wanted {
                holds(json.get(name).unwrap_or(&Value::Null), wanted, &at.join(name))?;
            }
            Ok(())
        }
        (json, wanted) if json == wanted => Ok(()),
        (json, wanted) => bail!("{} is {json}, not {wanted}", at.display()),
    }
}
