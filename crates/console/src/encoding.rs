//! How a file is compressed on its way.

/// How a file is compressed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Brotli.
    Brotli,
    /// Gzip.
    Gzip,
    /// Not at all.
    Identity,
}

impl Encoding {
    /// The smallest first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// Its name in `Content-Encoding`; none for bytes as they are.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// What the name of a file has at its end.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }

    /// Whether a client takes it that sends this `Accept-Encoding`.
    pub(crate) fn is_accepted(self, header: Option<&str>) -> bool {
        let Some(name) = self.name() else { return true };
        header.unwrap_or_default().split(',').any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let is_it = parts.next().is_some_and(|found| found.eq_ignore_ascii_case(name));
            is_it && !parts.any(|part| matches!(part.strip_prefix("q="), Some("0" | "0.0" | "0.00" | "0.000")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_only_what_it_takes() {
        assert!(Encoding::Brotli.is_accepted(Some("gzip, BR;q=0.5")));
        assert!(!Encoding::Brotli.is_accepted(Some("gzip, br;q=0")));
        assert!(!Encoding::Gzip.is_accepted(Some("gzipped")));
        assert!(!Encoding::Gzip.is_accepted(None));
        assert!(Encoding::Identity.is_accepted(None));
    }
}
