//! Versions of a process definition.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `major[.minor]`, major at least 1; printed without the minor part when that is 0 (spec 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    major: u32,
    minor: u32,
}

/// The text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version: write 1, 2 or 1.2 (major from 1 on, minor optional)")]
pub struct VersionError(String);

impl Version {
    /// The version of a definition that names none.
    pub const FIRST: Self = Self { major: 1, minor: 0 };

    /// A version, if its major part is at least 1.
    pub fn new(major: u32, minor: u32) -> Result<Self, VersionError> {
        if major == 0 {
            return Err(VersionError(format!("{major}.{minor}")));
        }
        Ok(Self { major, minor })
    }

    /// The part before the dot.
    pub const fn major(self) -> u32 {
        self.major
    }

    /// The part after the dot, 0 when there is none.
    pub const fn minor(self) -> u32 {
        self.minor
    }

    /// The version that follows as a new major one.
    #[must_use]
    pub const fn next_major(self) -> Self {
        Self { major: self.major.saturating_add(1), minor: 0 }
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError(text.chars().take(64).collect());
        let number = |part: &str| -> Result<u32, VersionError> {
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(error());
            }
            part.parse().map_err(|_| error())
        };
        let text = text.trim();
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        Self::new(number(major)?, number(minor)?).map_err(|_| error())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            0 => write!(f, "{}", self.major),
            minor => write!(f, "{}.{minor}", self.major),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_printed() {
        for (text, printed) in [("1", "1"), ("1.0", "1"), ("1.2", "1.2"), ("12.30", "12.30")] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), printed);
        }
        for bad in ["", "0", "0.1", "v1", "1.", ".1", "1.2.3", "-1", "+1", "99999999999"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_sort_as_numbers() {
        let mut versions: Vec<Version> = ["1.10", "2", "1.9"].iter().map(|v| v.parse().unwrap()).collect();
        versions.sort();
        assert_eq!(versions.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.9", "1.10", "2"]);
    }
}
