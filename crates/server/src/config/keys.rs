//! The table of keys.

use super::{
    Configuration,
    values::{Given, MASK, Setting},
};

/// One key of the configuration.
pub struct Key {
    /// Its name, with dots between levels.
    pub name: &'static str,
    /// What it means, as a sentence.
    pub meaning: &'static str,
    /// Its default in words, where that is not one fixed value.
    pub default_in_words: Option<&'static str>,
    /// The flag that sets it too.
    pub flag: Option<&'static str>,
    /// What its value looks like.
    takes: fn() -> &'static str,
    put: fn(&mut Configuration, &Given) -> Result<(), String>,
    show: fn(&Configuration) -> String,
}

/// How the name of every variable of ours begins.
pub(super) const PREFIX: &str = "PROCESSION_";

macro_rules! key {
    ($first:ident $(. $rest:ident)*, $meaning:literal) => {
        Key {
            name: concat!(stringify!($first) $(, ".", stringify!($rest))*),
            meaning: $meaning,
            default_in_words: None,
            flag: None,
            takes: || takes(|configuration| &configuration.$first $(.$rest)*),
            put: |configuration, given| {
                configuration.$first $(.$rest)* = Setting::read(given)?;
                Ok(())
            },
            show: |configuration| configuration.$first $(.$rest)*.show(),
        }
    };
}

/// Every key, in the order in which people read about them.
pub const KEYS: &[Key] = &[
    key!(listen, "Where the server listens. Port 0 picks a free one and prints it.").flag("--listen"),
    key!(
        data_dir,
        "The folder of the database, large values, the secret key and the local agents. It is made for its owner only (0700), and one server at a time uses it."
    )
    .flag("--data-dir"),
    key!(database.url, "The database: `sqlite://` and a path.").or("`procession.db` in the data folder"),
    key!(
        database.synchronous,
        "`full`: every commit is on the disk before it counts, and survives a power failure. `normal`: a power failure may take the last commits, a crash of the server none."
    ),
    key!(
        auth.secret_key,
        "Signs and checks tokens. Set it to the platform's key so that its tokens are accepted here; the variable `SECRET_KEY` is read too. At least 32 bytes."
    )
    .or("made once and kept in the data folder"),
    key!(auth.admin_password, "At the first start the user `admin` gets this password.")
        .or("a one-time password is printed on a terminal; elsewhere the set-up page asks for one"),
    key!(auth.user_role, "What the stored role `user` may do: `operator`, or `designer` to write processes too."),
    key!(auth.token_lifetime, "How long a login lasts."),
    key!(agents.file, "The file of local agents; it is read again when it changes.")
        .or("`agents.yaml` in the data folder"),
    key!(agents.mcp.url, "The platform's MCP server; its agents come beside the local ones."),
    key!(agents.mcp.api_key, "The key for the platform's MCP server."),
    key!(agents.mcp.poll_first, "How soon the platform's work is looked at first, and at most how often."),
    key!(
        agents.mcp.poll_most,
        "The longest time from one look to the next. Up to it, the end of work is told within a tenth of the time that it took."
    ),
    key!(agents.allow_commands, "Whether local agents may be programs on this machine (kind `command`)."),
    key!(
        agents.price_list,
        "Whether a model without a `price` in the file of agents costs what the program's price list says of it."
    ),
    key!(
        alerts.timezone,
        "The time zone whose days and weeks count for cost alerts: `UTC`, or a name such as `Europe/Berlin`."
    ),
    key!(
        alerts.channel,
        "The notification channel through which people are told of cost alerts, where a definition names none."
    )
    .or("none: alerts are only shown"),
    key!(alerts.recipients, "Who is told of cost alerts, by channels that have recipients: users or mail addresses."),
    key!(engine.max_concurrent_executions, "How many root executions run at once; more wait."),
    key!(engine.max_concurrent_instances, "How many executions of one process run at once, where it does not say."),
    key!(engine.max_concurrent_steps, "How many calls of one execution are in flight, where its process does not say."),
    key!(engine.queue_length, "How many executions may wait to start; beyond that a start is refused (429)."),
    key!(
        engine.undefined,
        "What an undefined reference does in processes that don't say: `error`, `empty`, or `keep` its text."
    )
    .or("by place: an error in what calls someone, kept in what people read"),
    key!(engine.currency, "The currency in which costs and budgets are counted."),
    key!(limits.body, "The largest body of a request."),
    key!(limits.definition, "The largest definition, at most 1MiB."),
    key!(limits.inline_output, "Values up to this size are kept in the database, larger ones in files."),
    key!(limits.output, "The largest output of a step; a larger one fails it."),
    key!(limits.starts_per_minute, "How many executions one user may start in a minute; 0 = no limit."),
    key!(
        http.public_url,
        "Where people and programs reach the server, for links in mails and webhooks: `https://procession.example.org`."
    )
    .or("`http://` and the address where it listens"),
    key!(http.allowed_origins, "Other origins whose pages may call the API (CORS), with the cookie."),
    key!(
        http.trusted_proxies,
        "Addresses of reverse proxies, whose `X-Forwarded-For` says who really asks; attempts to log in are counted by it. Nobody else is believed."
    ),
    key!(
        http.max_connections,
        "How many connections there may be at once; as many fewer as the system lets the program have open files. Beyond it the quietest is cut, and `/healthz` and `/readyz` are still answered."
    ),
    key!(
        http.max_connections_per_address,
        "How many of them one address may have; trusted proxies may have all."
    )
    .or("half of them"),
    key!(notifications.slack_webhook_url, "The incoming webhook of Slack, for the channel `slack`."),
    key!(notifications.webhook_url, "Where the channel `webhook` posts, if a step does not say."),
    key!(
        notifications.webhook_secret,
        "Signs what webhooks get (Standard Webhooks): `whsec_` and base64, or any other text."
    ),
    key!(notifications.channels, "Further channels, each with the address of its webhook."),
    key!(notifications.smtp.host, "The mail server, for the channel `email`."),
    key!(notifications.smtp.port, "Its port.").or("587 with `starttls`, 465 with `tls`, 25 with `none`"),
    key!(notifications.smtp.security, "How the connection is protected."),
    key!(notifications.smtp.username, "The user, if the mail server asks for one."),
    key!(notifications.smtp.password, "The user's password."),
    key!(
        notifications.smtp.from,
        "The sender of emails: `procession@example.org`, or `Procession <procession@example.org>`."
    ),
    key!(
        webhooks,
        "Webhooks that hear of all processes, each with `url`, and if wanted `events` and `secret` (a text, or `${ENV:NAME}`)."
    ),
    key!(deliveries.attempts, "How often a webhook, a message to an agent or a mail is tried before it is given up."),
    key!(deliveries.delays, "How long after each failure it is tried again; the last one counts for all that follow."),
    key!(
        outgoing.allow,
        "Hosts, with port if wanted, that outgoing requests may reach although their address is private."
    ),
    key!(environment.allow, "Names of variables that definitions may read with `${ENV:NAME}`."),
    key!(retention.events, "How long events of executions are kept after these have ended; 0 = for ever."),
    key!(retention.executions, "How long executions are kept after they have ended, with all that belongs to them."),
    key!(retention.outputs, "How long inputs, outputs and messages of executions are kept after these have ended."),
    key!(retention.deliveries, "How long it is kept what was delivered to others."),
    key!(retention.audit, "How long entries of the audit trail are kept."),
    key!(
        retention.export,
        "A folder to which executions are written before anything of them is removed: `procession import` reads its files."
    ),
    key!(
        metrics.public,
        "Whether everyone may read `/metrics`; otherwise an administrator, or a key with the scope `metrics:read`."
    ),
    key!(
        telemetry.otlp.endpoint,
        "The collector of OpenTelemetry to which traces of executions go, such as `http://127.0.0.1:4318`; `/v1/traces` is added where it is missing."
    )
    .or("none: no traces are exported"),
    key!(
        telemetry.otlp.headers,
        "Headers of each request to the collector, such as a key: `name=value`, several separated by commas."
    ),
    key!(telemetry.otlp.protocol, "How the collector is spoken to: `http/protobuf`."),
    key!(telemetry.otlp.sample, "The share of executions whose traces are exported, from 0 to 1."),
    key!(log.filter, "What is logged: `error`, `warn`, `info`, `debug`, `trace`, or directives as `info,sqlx=warn`."),
    key!(log.format, "`text`, or `json` with one object a line."),
];

impl Key {
    /// The key of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The variable of the environment that sets it.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "__").to_uppercase())
    }

    /// What its value looks like: "a number", "`full` or `normal`".
    pub fn takes(&self) -> &'static str {
        (self.takes)()
    }

    /// Its value in a configuration, as it could be written; secrets are masked, and what is not set is empty.
    pub fn show(&self, configuration: &Configuration) -> String {
        (self.show)(configuration)
    }

    /// Whether it has a value that is a secret.
    pub fn is_masked(&self, configuration: &Configuration) -> bool {
        self.show(configuration) == MASK
    }

    pub(super) fn put(&self, configuration: &mut Configuration, given: &Given) -> Result<(), String> {
        (self.put)(configuration, given)
    }

    const fn flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }

    const fn or(self, default_in_words: &'static str) -> Self {
        Self { default_in_words: Some(default_in_words), ..self }
    }
}

/// What the field behind a key takes, by its type.
fn takes<T: Setting>(_: for<'c> fn(&'c Configuration) -> &'c T) -> &'static str {
    T::TAKES
}
