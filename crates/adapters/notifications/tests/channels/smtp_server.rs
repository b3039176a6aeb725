//! A small SMTP server on this machine (RFC 5321): EHLO, STARTTLS or TLS from the first byte, AUTH PLAIN and LOGIN, MAIL,
//! RCPT, DATA. It keeps what it takes.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// The server; it stops with the runtime of its test.
pub struct SmtpServer {
    pub address: SocketAddr,
    /// The certificate with which it proves who it is, in PEM.
    pub certificate: String,
    taken: Arc<Mutex<Vec<Taken>>>,
}

/// How it behaves.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub protection: Protection,
    /// The mechanisms it offers for this user and password.
    pub log_in: Option<(&'static str, &'static str, &'static str)>,
    /// What it replies to commands that begin so, instead of what it should.
    pub replies: Vec<(&'static str, &'static str)>,
    /// It accepts connections and says nothing.
    pub silent: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protection {
    #[default]
    None,
    StartTls,
    Tls,
}

/// A mail it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub text: String,
    pub encrypted: bool,
    pub user: Option<String>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

struct Conversation {
    stream: BufReader<Box<dyn Stream>>,
    rules: Rules,
    acceptor: TlsAcceptor,
    mail: Taken,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl SmtpServer {
    pub async fn start(rules: Rules) -> Self {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, rules.clone(), acceptor.clone(), Arc::clone(&kept)));
            }
        });
        Self { address, certificate: own.cert.pem(), taken }
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

async fn converse(
    stream: TcpStream,
    rules: Rules,
    acceptor: TlsAcceptor,
    taken: Arc<Mutex<Vec<Taken>>>,
) -> io::Result<()> {
    if rules.silent {
        return std::future::pending().await;
    }
    let encrypted = rules.protection == Protection::Tls;
    let stream: Box<dyn Stream> = if encrypted { Box::new(acceptor.accept(stream).await?) } else { Box::new(stream) };
    let mail = Taken { encrypted, ..Taken::default() };
    let mut conversation = Conversation { stream: BufReader::new(stream), rules, acceptor, mail, taken };
    conversation.say("220 mail.example.org ESMTP").await?;
    loop {
        let line = conversation.line().await?;
        if line.is_empty() {
            return Ok(());
        }
        let prescribed =
            conversation.rules.replies.iter().find(|(verb, _)| line.starts_with(verb)).map(|(_, reply)| *reply);
        if let Some(reply) = prescribed {
            conversation.say(reply).await?;
            continue;
        }
        conversation = match conversation.answer(line.trim_end()).await? {
            Some(next) => next,
            None => return Ok(()),
        };
    }
}

impl Conversation {
    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        Ok(line)
    }

    /// Answers a command; `None` after the last one.
    async fn answer(mut self, command: &str) -> io::Result<Option<Self>> {
        let verb = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => self.greet().await?,
            "STARTTLS" if self.rules.protection == Protection::StartTls && !self.mail.encrypted => {
                self.say("220 go on").await?;
                assert!(self.stream.buffer().is_empty(), "nothing is said before TLS is up");
                let encrypted = self.acceptor.accept(self.stream.into_inner()).await?;
                self.stream = BufReader::new(Box::new(encrypted));
                self.mail.encrypted = true;
            }
            "AUTH" => self.log_in(command).await?,
            "MAIL" if self.rules.log_in.is_some() && self.mail.user.is_none() => {
                self.say("530 5.7.0 log in first").await?;
            }
            "MAIL" => {
                self.mail.from = address_in(command);
                self.say("250 2.1.0 ok").await?;
            }
            "RCPT" => {
                self.mail.to.push(address_in(command));
                self.say("250 2.1.5 ok").await?;
            }
            "DATA" => self.take().await?,
            "RSET" | "NOOP" => self.say("250 ok").await?,
            "QUIT" => {
                self.say("221 bye").await?;
                return Ok(None);
            }
            _ => self.say("500 5.5.2 what?").await?,
        }
        Ok(Some(self))
    }

    async fn greet(&mut self) -> io::Result<()> {
        self.say("250-mail.example.org").await?;
        self.say("250-8BITMIME").await?;
        if self.rules.protection == Protection::StartTls && !self.mail.encrypted {
            self.say("250-STARTTLS").await?;
        }
        if let Some((mechanisms, ..)) = self.rules.log_in {
            self.say(&format!("250-AUTH {mechanisms}")).await?;
        }
        self.say("250 SMTPUTF8").await
    }

    async fn log_in(&mut self, command: &str) -> io::Result<()> {
        let Some((_, user, password)) = self.rules.log_in else {
            return self.say("503 5.5.1 nobody needs to").await;
        };
        let mut words = command.split(' ').skip(1);
        let given = match (words.next(), words.next()) {
            (Some("PLAIN"), Some(both)) => decoded(both),
            (Some("LOGIN"), None) => {
                self.say("334 VXNlcm5hbWU6").await?;
                let given_user = decoded(self.line().await?.trim_end());
                self.say("334 UGFzc3dvcmQ6").await?;
                format!("\0{given_user}\0{}", decoded(self.line().await?.trim_end()))
            }
            _ => return self.say("504 5.5.4 not this way").await,
        };
        if given == format!("\0{user}\0{password}") {
            self.mail.user = Some(user.to_owned());
            self.say("235 2.7.0 welcome").await
        } else {
            self.say(&format!("535 5.7.8 wrong password {}", given.rsplit('\0').next().unwrap_or_default())).await
        }
    }

    async fn take(&mut self) -> io::Result<()> {
        self.say("354 end with a dot").await?;
        let mut text = String::new();
        loop {
            let line = self.line().await?;
            match line.strip_prefix('.') {
                Some("\r\n") => break,
                Some(stuffed) => text.push_str(stuffed),
                None if line.is_empty() => return Ok(()),
                None => text.push_str(&line),
            }
        }
        let Taken { encrypted, user, .. } = self.mail.clone();
        let mail = std::mem::replace(&mut self.mail, Taken { encrypted, user, ..Taken::default() });
        self.taken.lock().unwrap().push(Taken { text, ..mail });
        self.say("250 2.0.0 taken").await
    }
}

fn address_in(command: &str) -> String {
    let inside = command.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

fn decoded(base64: &str) -> String {
    String::from_utf8(STANDARD.decode(base64).unwrap()).unwrap()
}
