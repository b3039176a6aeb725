//! The console: Procession's own web page, as files in the program.
//!
//! Its source is in `ui/`; `cargo xtask ui` builds it into `dist/`, which is committed, so that the program can be built
//! without Node. This crate only finds files: it knows no HTTP library, and never reads anything outside of `dist/`.
//!
//! Beside each file of text stand the same bytes compressed, as `NAME.br` and `NAME.gz`.

mod encoding;

use std::{borrow::Cow, fmt::Write as _};

use rust_embed::{EmbeddedFile, RustEmbed};

pub use encoding::Encoding;

#[derive(RustEmbed)]
#[folder = "dist/"]
struct Dist;

/// The page that every address of the console begins with.
const INDEX: &str = "index.html";

/// Files whose name changes with their content.
const HASHED: &str = "assets/";

/// A file of the console, as it is sent.
#[derive(Debug)]
pub struct File {
    /// What is sent, encoded.
    pub bytes: Cow<'static, [u8]>,
    /// How the bytes are encoded.
    pub encoding: Encoding,
    /// Its media type, with the character set.
    pub media_type: &'static str,
    /// What tells this content in this encoding from any other: an `ETag` with its quotes.
    pub tag: String,
    /// Whether there will never be other content under this name.
    pub is_immutable: bool,
}

/// What a path of the server shows: a file by its name, or the page itself where the path can be an address of the
/// console. `accepted` is the value of `Accept-Encoding`.
pub fn file(path: &str, accepted: Option<&str>) -> Option<File> {
    let name = path.strip_prefix('/')?;
    if is_compressed(name) {
        return None;
    }
    let name = if Dist::get(name).is_some() {
        name
    } else if is_address(name) {
        INDEX
    } else {
        return None;
    };
    let (encoding, found) = Encoding::ALL
        .into_iter()
        .filter(|encoding| encoding.is_accepted(accepted))
        .find_map(|encoding| Some((encoding, Dist::get(&format!("{name}{}", encoding.extension()))?)))?;
    Some(File {
        tag: tag_of(&found),
        bytes: found.data,
        encoding,
        media_type: media_type(name),
        is_immutable: name.starts_with(HASHED),
    })
}

/// Whether a path without its first slash can be an address of the console: it looks like no file and belongs to no
/// other part of the server.
fn is_address(name: &str) -> bool {
    const OTHERS: [&str; 8] = ["api", "ws", "mcp", "token", "health", "healthz", "readyz", "metrics"];
    let first = name.split('/').next().unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    // `//host` is another server's address.
    !OTHERS.contains(&first) && !last.contains('.') && !name.starts_with('/') && !name.contains('\\')
}

fn is_compressed(name: &str) -> bool {
    [Encoding::Brotli, Encoding::Gzip].iter().any(|encoding| name.ends_with(encoding.extension()))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn tag_of(file: &EmbeddedFile) -> String {
    let mut tag = String::from("\"");
    for byte in &file.metadata.sha256_hash()[..12] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROWSER: Option<&str> = Some("gzip, deflate, br, zstd");

    #[test]
    fn every_address_of_the_console_shows_the_page() {
        for path in
            ["/", "/runs", "/runs/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "/processes/nightly-report/edit", "/apis"]
        {
            let page = file(path, BROWSER).unwrap();
            assert_eq!(page.media_type, "text/html; charset=utf-8", "{path}");
            assert!(!page.is_immutable, "{path}");
        }
    }

    #[test]
    fn other_parts_of_the_server_and_names_of_files_are_no_addresses() {
        for path in
            ["/api", "/api/nothing", "/ws", "/ws/x", "/mcp", "/healthz", "/assets/gone.js", "/x.php", "//host/x"]
        {
            assert!(file(path, BROWSER).is_none(), "{path}");
        }
    }

    #[test]
    fn files_are_sent_as_the_client_takes_them() {
        let page = |accepted| file("/", accepted).unwrap();
        assert_eq!(page(BROWSER).encoding, Encoding::Brotli);
        assert_eq!(page(Some("gzip")).encoding, Encoding::Gzip);
        assert_eq!(page(None).encoding, Encoding::Identity);
        assert!(page(None).bytes.starts_with(b"<!doctype html>"));
        assert_ne!(page(BROWSER).tag, page(None).tag);
        assert!(file("/index.html.br", BROWSER).is_none());
    }

    #[test]
    fn every_file_the_page_names_is_there_and_lasts() {
        let page = file("/", None).unwrap();
        let text = std::str::from_utf8(&page.bytes).unwrap();
        let named: Vec<&str> = text.split('"').filter(|part| part.starts_with("/assets/")).collect();
        assert!(named.len() >= 2, "{text}");
        for name in named {
            assert!(file(name, BROWSER).unwrap().is_immutable, "{name}");
        }
    }

    #[test]
    fn the_page_holds_no_script_of_its_own() {
        let page = file("/", None).unwrap();
        let text = std::str::from_utf8(&page.bytes).unwrap();
        assert!(!text.contains("<script>") && !text.contains("onload="), "the policy forbids it: {text}");
    }
}
