//! The console: its files, and the session that its pages have.

use axum::http::{Method, header};
use serde_json::json;

use crate::support::{ORIGIN, Server};

const ME: &str = "/api/users/me";

/// A server where `admin` has the password `correct horse`, and the cookie of its session.
async fn with_session() -> (Server, String) {
    let server = Server::start().await;
    server.stage.access.set_up("correct horse").await.unwrap();
    let body = json!({"username": "admin", "password": "correct horse"});
    let reply = server.post("/api/session").json(&body).send().await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
    let cookie = reply.header("set-cookie").unwrap().to_owned();
    (server, cookie)
}

#[tokio::test(start_paused = true)]
async fn a_password_begins_a_session_that_no_script_can_read() {
    let (server, cookie) = with_session().await;
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Max-Age=604800; HttpOnly; SameSite=Strict");
    let me = server.get(ME).header(header::COOKIE, pair).send().await;
    assert_eq!(me.header("set-cookie"), None, "it is not handed out again");
    assert_eq!(me.ok(200)["username"], "admin");
    let wrong = server.post("/api/session").json(&json!({"username": "admin", "password": "x"})).send().await;
    assert_eq!(wrong.header("set-cookie"), None);
    wrong.problem(401, "wrong_password");
}

#[tokio::test(start_paused = true)]
async fn by_tls_the_session_is_sent_over_tls_only() {
    let (server, _) = with_session().await;
    let body = json!({"username": "admin", "password": "correct horse"});
    let reply = server.post("/api/session").header("x-forwarded-proto".parse().unwrap(), "https").json(&body);
    assert!(reply.send().await.header("set-cookie").unwrap().ends_with("; Secure"));
}

#[tokio::test(start_paused = true)]
async fn a_session_changes_things_only_from_a_page_of_the_server() {
    let (server, cookie) = with_session().await;
    let pair = cookie.split(';').next().unwrap();
    let key = || server.post("/api/keys").header(header::COOKIE, pair).json(&json!({"name": "ci"}));
    key().send().await.problem(403, "cross_origin");
    key().origin("http://elsewhere.test").send().await.problem(403, "cross_origin");
    key().origin(ORIGIN).send().await.ok(201);
}

#[tokio::test(start_paused = true)]
async fn signing_out_has_the_browser_forget_the_session() {
    let (server, _) = with_session().await;
    let reply = server.delete("/api/session").send().await;
    assert_eq!(reply.status.as_u16(), 204);
    assert_eq!(reply.header("set-cookie"), Some("session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"));
}

#[tokio::test(start_paused = true)]
async fn addresses_of_the_console_show_its_page_and_others_do_not() {
    let server = Server::start().await;
    for path in ["/", "/login", "/runs?status=failed", "/processes/report/edit"] {
        let page = server.get(path).send().await;
        assert_eq!(
            (page.status.as_u16(), page.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{path}"
        );
        assert_eq!(page.header("cache-control"), Some("no-cache"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self';") && policy.contains("base-uri 'none'"), "{policy}");
    }
    for path in ["/api/nothing", "/ws/nothing", "/mcp", "/assets/gone.js", "/favicon.ico"] {
        server.get(path).send().await.problem(404, "not_found");
    }
    server.post("/runs").send().await.problem(404, "not_found");
    assert_eq!(server.call(Method::HEAD, "/runs").send().await.status.as_u16(), 200);
}

#[tokio::test(start_paused = true)]
async fn files_are_sent_compressed_and_kept_by_browsers() {
    let server = Server::start().await;
    let page = server.get("/").send().await;
    assert_eq!(page.header("content-encoding"), None);
    let script = page.text.split('"').find(|part| part.starts_with("/assets/") && part.contains(".js")).unwrap();
    let whole = server.get(script).send().await;
    assert_eq!(whole.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(whole.header("content-type"), Some("text/javascript; charset=utf-8"));
    let tag = whole.header("etag").unwrap();
    let again = server.get(script).header(header::IF_NONE_MATCH, tag).send().await;
    assert_eq!((again.status.as_u16(), again.text.as_str(), again.header("etag")), (304, "", Some(tag)));
    let stale = server.get(script).header(header::IF_NONE_MATCH, "\"other\"").send().await;
    assert_eq!(stale.status.as_u16(), 200);
}
