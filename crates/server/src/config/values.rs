//! What values of the configuration look like: read from text, shown as text.

use std::{
    fmt,
    net::IpAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use procession_application::calendar::Calendar;
use procession_domain::{
    definition::UndefinedRule,
    value::{Currency, Duration},
};
use secrecy::SecretString;

use super::DataDir;

/// What stands in the place of a secret.
pub(super) const MASK: &str = "********";

/// A value as someone wrote it.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub value: GivenValue,
    /// What relative paths are relative to; empty = the folder in which the program runs.
    pub base: PathBuf,
}

#[derive(Debug, Clone)]
pub(super) enum GivenValue {
    Text(String),
    List(Vec<String>),
    /// Mappings, each by its keys in their order.
    Maps(Vec<Vec<(String, GivenValue)>>),
}

/// A type that a key can have.
pub(super) trait Setting: Sized {
    /// What its text looks like.
    const TAKES: &'static str;
    /// Whether `none` takes an optional value away again.
    const MAY_BE_NONE: bool = false;

    /// Reads a value; the error is a sentence about it.
    fn read(given: &Given) -> Result<Self, String>;

    /// The value as it could be written; a secret masked, nothing as empty text.
    fn show(&self) -> String;
}

impl Given {
    /// The text of a single value.
    pub(super) fn text(&self, takes: &str) -> Result<&str, String> {
        match &self.value {
            GivenValue::Text(text) => Ok(text.trim()),
            GivenValue::List(_) | GivenValue::Maps(_) => Err(format!("a list is given, but it takes {takes}")),
        }
    }
}

/// A `host:port` to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or an address.
    pub host: String,
    /// The port; 0 = any free one.
    pub port: u16,
}

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Which database is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// The address of a web service, without a name or password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebAddress(String);

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.show())
    }
}

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(String);

impl Default for Zone {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

impl Zone {
    /// Its calendar.
    pub fn calendar(&self) -> Calendar {
        // What is no zone was refused when it was read.
        Calendar::of_zone(&self.0).unwrap_or_default()
    }
}

impl Setting for Zone {
    const TAKES: &'static str = "a time zone such as `Europe/Berlin`, or `UTC`";

    fn read(given: &Given) -> Result<Self, String> {
        let name = given.text(Self::TAKES)?;
        Calendar::of_zone(name).map(|_| Self(name.to_owned())).map_err(|error| error.to_string())
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ } takes $takes:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl Setting for $name {
            const TAKES: &'static str = $takes;

            fn read(given: &Given) -> Result<Self, String> {
                match given.text(Self::TAKES)? {
                    $($text => Ok(Self::$variant),)+
                    other => Err(format!("`{other}` is not one of them; it takes {}", Self::TAKES)),
                }
            }

            fn show(&self) -> String {
                match self { $(Self::$variant => $text),+ }.to_owned()
            }
        }
    };
}

pub(super) use choice;

choice! {
    /// When a commit is on the disk.
    Synchronous {
        /// Before it counts.
        #[default]
        Full = "full",
        /// Soon after.
        Normal = "normal"
    } takes "`full` or `normal`"
}

choice! {
    /// What the stored role `user` may do.
    UserRole {
        /// Run processes.
        #[default]
        Operator = "operator",
        /// Write them too.
        Designer = "designer"
    } takes "`operator` or `designer`"
}

choice! {
    /// How logs are written.
    LogFormat {
        /// For people.
        #[default]
        Text = "text",
        /// One object a line.
        Json = "json"
    } takes "`text` or `json`"
}

/// A number of at least 1.
pub(super) const fn count(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

impl<T: Setting> Setting for Option<T> {
    const TAKES: &'static str = T::TAKES;

    fn read(given: &Given) -> Result<Self, String> {
        let is_none = T::MAY_BE_NONE && matches!(&given.value, GivenValue::Text(text) if text.trim() == "none");
        if is_none { Ok(None) } else { T::read(given).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }
}

impl Setting for bool {
    const TAKES: &'static str = "`true` or `false`";

    fn read(given: &Given) -> Result<Self, String> {
        match given.text(Self::TAKES)?.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            other => Err(format!("`{other}` is neither `true` nor `false`")),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for u32 {
    const TAKES: &'static str = "a number";

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        text.replace('_', "").parse().map_err(|_| format!("`{text}` is not a number from 0 to {}", Self::MAX))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for NonZeroU32 {
    const TAKES: &'static str = "a number from 1";
    const MAY_BE_NONE: bool = true;

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        text.replace('_', "").parse().map_err(|_| format!("`{text}` is not a number from 1 to {}", Self::MAX))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Duration {
    const TAKES: &'static str = "a duration such as `90s`, `12h` or `7d`";

    fn read(given: &Given) -> Result<Self, String> {
        given.text(Self::TAKES)?.parse().map_err(|error: procession_domain::value::DurationError| error.to_string())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Currency {
    const TAKES: &'static str = "an ISO 4217 code such as `USD`";

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        Self::try_from(text.to_owned()).map_err(|_| format!("`{text}` is not a currency; it takes {}", Self::TAKES))
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Setting for UndefinedRule {
    const TAKES: &'static str = "`error`, `empty` or `keep`";
    const MAY_BE_NONE: bool = true;

    fn read(given: &Given) -> Result<Self, String> {
        match given.text(Self::TAKES)? {
            "error" => Ok(Self::Error),
            "empty" => Ok(Self::Empty),
            "keep" => Ok(Self::Keep),
            other => Err(format!("`{other}` is not one of them; it takes {}", Self::TAKES)),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Error => "error",
            Self::Empty => "empty",
            Self::Keep => "keep",
        }
        .to_owned()
    }
}

impl Setting for SecretString {
    const TAKES: &'static str = "a secret text";

    fn read(given: &Given) -> Result<Self, String> {
        match given.text(Self::TAKES)? {
            "" => Err("it is empty".to_owned()),
            text => Ok(text.into()),
        }
    }

    fn show(&self) -> String {
        MASK.to_owned()
    }
}

impl Setting for Vec<String> {
    const TAKES: &'static str = "a list, or texts separated by commas";

    fn read(given: &Given) -> Result<Self, String> {
        let split = |text: &String| -> Vec<String> {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        Ok(match &given.value {
            GivenValue::Text(text) => split(text),
            GivenValue::List(texts) => texts.clone(),
            GivenValue::Maps(_) => return Err(format!("mappings are given, but it takes {}", Self::TAKES)),
        })
    }

    fn show(&self) -> String {
        self.join(",")
    }
}

impl Setting for Vec<IpAddr> {
    const TAKES: &'static str = "a list of IP addresses, or several separated by commas";

    fn read(given: &Given) -> Result<Self, String> {
        let texts = <Vec<String> as Setting>::read(given)?;
        let read = |text: &String| text.parse().map_err(|_| format!("`{text}` is not an IP address"));
        texts.iter().map(read).collect()
    }

    fn show(&self) -> String {
        self.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",")
    }
}

impl Setting for Vec<Duration> {
    const TAKES: &'static str = "a list of durations, or several separated by commas";

    fn read(given: &Given) -> Result<Self, String> {
        let texts = <Vec<String> as Setting>::read(given)?;
        let read =
            |text: &String| text.parse().map_err(|error: procession_domain::value::DurationError| error.to_string());
        texts.iter().map(read).collect()
    }

    fn show(&self) -> String {
        self.iter().map(Duration::to_string).collect::<Vec<_>>().join(",")
    }
}

impl Setting for PathBuf {
    const TAKES: &'static str = "a path";

    fn read(given: &Given) -> Result<Self, String> {
        match given.text(Self::TAKES)? {
            "" => Err("it is empty".to_owned()),
            text => Ok(given.base.join(text)),
        }
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for DataDir {
    const TAKES: &'static str = PathBuf::TAKES;

    fn read(given: &Given) -> Result<Self, String> {
        PathBuf::read(given).map(Self)
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

impl Setting for DatabaseUrl {
    const TAKES: &'static str = "`sqlite://` and a path";

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        // Only the scheme is repeated: other addresses may hold a password.
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        match (text.strip_prefix("sqlite://"), scheme) {
            (Some(path), _) if !path.is_empty() => Ok(Self::Sqlite(given.base.join(path))),
            (_, "postgres" | "postgresql") => Err("PostgreSQL is not supported yet; use `sqlite://` and a path".into()),
            _ => Err(format!("it is not the address of a database; it takes {}", Self::TAKES)),
        }
    }

    fn show(&self) -> String {
        let Self::Sqlite(path) = self;
        format!("sqlite://{}", path.display())
    }
}

impl Setting for WebAddress {
    const TAKES: &'static str = "a URL with http:// or https://";

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        match authority {
            Some(authority) if authority.contains('@') => {
                Err("it holds a name or password, which would be shown; use the key for that".to_owned())
            }
            Some(authority) if !authority.is_empty() && !text.contains(char::is_whitespace) => {
                Ok(Self(text.to_owned()))
            }
            Some(_) | None => Err(format!("it takes {}", Self::TAKES)),
        }
    }

    fn show(&self) -> String {
        // What follows a `?` is often a key.
        match self.0.split_once('?') {
            Some((shown, _)) => format!("{shown}?{MASK}"),
            None => self.0.clone(),
        }
    }
}

impl Setting for ListenAddress {
    const TAKES: &'static str = "`host:port`, or a port";

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        let (host, port) = match text.rsplit_once(':') {
            Some(("", port)) => ("0.0.0.0", port),
            Some((host, port)) => (host.trim_start_matches('[').trim_end_matches(']'), port),
            None => ("127.0.0.1", text),
        };
        let port = port.parse().map_err(|_| {
            format!("`{text}` has no port from 0 to {}; it takes {}, such as 127.0.0.1:8000", u16::MAX, Self::TAKES)
        })?;
        Ok(Self { host: host.to_owned(), port })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for ByteSize {
    const TAKES: &'static str = "a size such as `65536`, `64KiB` or `2MiB`";

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        let refuse = || format!("`{text}` is not a size; it takes {}", Self::TAKES);
        let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count();
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim() {
            "" | "B" => 1,
            "KB" | "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(refuse()),
        };
        let number: u64 = number.replace('_', "").parse().map_err(|_| refuse())?;
        number.checked_mul(factor).filter(|bytes| *bytes > 0).map(Self).ok_or_else(refuse)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl WebAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DatabaseUrl {
    /// The database's file.
    pub fn path(&self) -> &Path {
        let Self::Sqlite(path) = self;
        path
    }
}

impl Default for ListenAddress {
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 8000 }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match units.into_iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size)) {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}
