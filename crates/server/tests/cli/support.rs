//! A folder in which the program is started, with nothing of this environment's configuration.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

/// A folder of its own.
pub struct Place(tempfile::TempDir);

/// What the program said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A server that runs. It is killed when this is dropped.
pub struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    /// Its address, such as `127.0.0.1:41234`.
    pub address: String,
    /// What it wrote before and with its address.
    pub greeting: String,
}

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and returns its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program with these arguments, in this folder.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_procession"));
        self.settle(&mut command);
        command.args(arguments);
        command
    }

    /// Has a command run in this folder, and know nothing of whoever runs the tests.
    pub fn settle(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PROCESSION_") || name == "SECRET_KEY") {
                command.env_remove(name);
            }
        }
        command.env("USER", "ada").env("COLUMNS", "100").env_remove("CLICOLOR_FORCE");
        // Sessions of whoever runs the tests are not those of this place.
        command.env("XDG_CONFIG_HOME", self.path().join("config"));
        command.current_dir(self.path()).stdin(Stdio::null());
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        said(&mut self.program(arguments))
    }

    /// Runs the program to its end with this on standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = self.program(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        // A program that does not read it may end before it is written.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        Said::of(&process.wait_with_output().unwrap())
    }

    /// Starts a server on a free port, with its data in the folder `data`.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_at("127.0.0.1:0", arguments)
    }

    /// Starts a server at this address, with its data in the folder `data`.
    pub fn serve_at(&self, address: &str, arguments: &[&str]) -> Server {
        let mut command = self.program(&["serve", "--listen", address, "--data-dir", "data"]);
        command.args(arguments);
        Self::serve_by(command)
    }

    /// Starts a server by this command.
    pub fn serve_by(mut command: Command) -> Server {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut server = Server { process, output, address: String::new(), greeting: String::new() };
        while server.address.is_empty() {
            let mut line = String::new();
            let read = server.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the server did not start: {:?}", server.ended());
            if let Some((_, address)) = line.split_once("http://") {
                address.trim().clone_into(&mut server.address);
            }
            server.greeting.push_str(&line);
        }
        server
    }
}

/// Runs a command to its end.
pub fn said(command: &mut Command) -> Said {
    Said::of(&command.output().unwrap())
}

impl Said {
    fn of(output: &std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Fails unless the program ended with this code.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Fails unless standard error holds this text.
    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "`{text}` is not in {self:?}");
        self
    }

    /// Fails unless nothing was said on standard output and standard error.
    #[track_caller]
    pub fn says_nothing(self) -> Self {
        assert!(self.out.is_empty() && self.err.is_empty(), "{self:?}");
        self
    }
}

impl Server {
    /// Asks for a page: its status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"))
    }

    /// Asks for a page with an API key: its body.
    pub fn get_as(&self, key: &str, path: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Bearer {key}");
        self.ask(&format!("{head}\r\n\r\n")).1
    }

    /// Sends JSON.
    pub fn post(&self, path: &str, body: &str) -> (u16, String) {
        let head = format!("POST {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Type: application/json");
        self.ask(&format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// Sends JSON with an API key: the answer.
    pub fn post_as(&self, key: &str, path: &str, body: &str) -> serde_json::Value {
        let head = format!("POST {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Bearer {key}");
        let length = body.len();
        let (_, answer) =
            self.ask(&format!("{head}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"));
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error} in {answer}"))
    }

    /// The server's process.
    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.process)
    }

    fn ask(&self, request: &str) -> (u16, String) {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let status = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned());
        (status, body)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells it to stop as a service manager does, and waits for its end.
    pub fn stop(mut self) -> Said {
        rustix::process::kill_process(self.pid(), rustix::process::Signal::TERM).unwrap();
        self.ended()
    }

    /// What it said, once it has ended.
    fn ended(&mut self) -> Said {
        let mut out = std::mem::take(&mut self.greeting);
        self.output.read_to_string(&mut out).unwrap();
        let mut err = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        Said { code: self.process.wait().unwrap().code(), out, err }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
