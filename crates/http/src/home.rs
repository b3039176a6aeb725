//! The page for people who open the server's address in a browser where no console is built in.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::openapi;

/// The page; `{version}`, `{api}` and `{document}` are filled in.
const PAGE: &str = include_str!("home.html");

/// The page of this path, if it is the first one.
pub(crate) fn page(path: &str, version: &str) -> Option<Response> {
    if path != "/" {
        return None;
    }
    let text = PAGE
        .replace("{version}", &escaped(version))
        .replace("{api}", openapi::PAGE)
        .replace("{document}", openapi::DOCUMENT);
    Some(([(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], text).into_response())
}

/// A text as it stands in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn the_page_says_what_runs_and_where_to_go_on() {
        let page = page("/", "1.2.3 <b>").unwrap();
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let text = to_bytes(page.into_body(), usize::MAX).await.unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        for part in ["Procession", "1.2.3 &lt;b&gt;", r#"href="/api/docs/ui""#, r#"href="/api/openapi.json""#] {
            assert!(text.contains(part), "{part}");
        }
        for place in ["{version}", "{api}", "{document}"] {
            assert!(!text.contains(place), "{place} is not filled in");
        }
    }

    #[test]
    fn other_paths_have_no_page() {
        assert!(page("/index.html", "1").is_none() && page("", "1").is_none());
    }
}
