//! Logging in, tokens, cookies, and the order in which a request is refused.

use axum::http::{Method, header};
use futures::future::join_all;
use insta::assert_json_snapshot;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use procession_domain::value::Duration;
use serde_json::json;

use crate::support::{ORIGIN, SECRET, Server, lasting, token};

const ME: &str = "/api/users/me";

/// A server that is set up, where `admin` has the password `correct horse`.
async fn set_up() -> Server {
    let server = Server::start().await;
    server.stage.access.set_up("correct horse").await.unwrap();
    server
}

#[tokio::test(start_paused = true)]
async fn a_password_gives_a_token_by_either_form_at_either_path() {
    let server = set_up().await;
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nadmin\r\n\
        --x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\ncorrect horse\r\n--x--\r\n";
    let urlencoded = "grant_type=password&username=Admin&password=correct+horse&scope=&client_id=ui";
    for path in ["/api/token", "/token"] {
        let forms = [("multipart/form-data; boundary=x", multipart), ("application/x-www-form-urlencoded", urlencoded)];
        for (kind, form) in forms {
            let session = server.post(path).body(kind, form).send().await.ok(200);
            assert_eq!(session["token_type"], "bearer");
            let token = session["access_token"].as_str().unwrap();
            let claims = token.split('.').nth(1).unwrap();
            assert!(token.starts_with("eyJ"), "{token}");
            assert!(!claims.is_empty());
            let me = server.get(ME).by(token).send().await.ok(200);
            assert_eq!(me["username"], "admin", "{path} {kind}");
        }
    }
    let user = server.stage.access.user(&server.stage.system, "admin").await.unwrap();
    assert!(user.last_login.is_some());
}

#[tokio::test(start_paused = true)]
async fn who_is_logged_in_is_shown_with_rights() {
    let server = Server::start().await;
    server
        .stage
        .access
        .create_user(&server.stage.system, "ann", "user", Some("ann@example.com".into()), None)
        .await
        .unwrap();
    let ann = token(&json!({"sub": "ANN", "mode": "email"}));
    assert_json_snapshot!(lasting(&server.get(ME).by(&ann).send().await.ok(200)));
}

#[tokio::test(start_paused = true)]
async fn bad_logins_say_what_is_wrong_and_never_more() {
    let server = set_up().await;
    server.stage.access.create_user(&server.stage.system, "keyed", "viewer", None, None).await.unwrap();
    for (form, status, code, detail) in [
        ("username=admin&password=wrong+horse", 401, "wrong_password", "Incorrect username or password"),
        ("username=nobody&password=correct+horse", 401, "wrong_password", "Incorrect username or password"),
        ("username=keyed&password=correct+horse", 401, "wrong_password", "Incorrect username or password"),
        ("username=admin", 422, "invalid_body", "the form does not fit: `password` is missing"),
        ("password=", 422, "invalid_body", "the form does not fit: `username` is missing; `password` is missing"),
        (
            "username=a&password=b&grant_type=client_credentials",
            422,
            "invalid_body",
            "the form does not fit: `grant_type` must be password",
        ),
    ] {
        let reply = server.post("/api/token").form(form).send().await;
        assert_eq!(reply.problem(status, code), detail, "{form}");
        assert_eq!(reply.header("www-authenticate"), (status == 401).then_some("Bearer"));
    }
    let as_json = server.post("/api/token").json(&json!({"username": "admin", "password": "correct horse"}));
    assert!(as_json.send().await.problem(422, "invalid_body").contains("multipart/form-data"));
    let broken = server.post("/api/token").body("multipart/form-data; boundary=x", "--x\r\nnonsense").send().await;
    broken.problem(422, "invalid_body");
}

#[tokio::test(start_paused = true)]
async fn before_the_set_up_nobody_logs_in() {
    let server = Server::start().await;
    let reply = server.post("/api/token").form("username=admin&password=correct+horse").send().await;
    assert_eq!(reply.problem(403, "setup_required"), "setup_required");
    let mode = server.get("/api/auth/mode").send().await.ok(200);
    assert_eq!(mode, json!({"email_auth_enabled": false, "setup_completed": false}));
    let email = server.post("/api/auth/email/request").json(&json!({"email": "ann@example.com"})).send().await;
    assert_eq!(email.problem(403, "setup_required"), "setup_required");
}

#[tokio::test(start_paused = true)]
async fn after_five_failures_an_address_waits_and_others_do_not() {
    let server = set_up().await;
    let attempt = |password: &str, from| {
        let form = format!("username=admin&password={password}");
        let call = server.post("/api/token").form(&form).from(from);
        async move { call.send().await }
    };
    let (attacker, other) = ([198, 51, 100, 7], [198, 51, 100, 8]);
    for _ in 0..5 {
        attempt("wrong", attacker).await.problem(401, "wrong_password");
    }
    let refused = attempt("correct+horse", attacker).await;
    let detail = refused.problem(429, "too_many_attempts");
    assert!(detail.starts_with("Too many login attempts. Try again in "), "{detail}");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((595..=600).contains(&wait), "{wait}");
    attempt("correct+horse", other).await.ok(200);
    server.stage.pass(Duration::from_secs(600)).await;
    attempt("correct+horse", attacker).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn guesses_that_come_all_at_once_are_counted_too() {
    let server = set_up().await;
    let guesses = (0..24).map(|guess| {
        let call = server.post("/api/token").form(&format!("username=admin&password=guess{guess}"));
        async move { call.send().await.status.as_u16() }
    });
    let statuses = join_all(guesses).await;
    let tried = statuses.iter().filter(|status| **status == 401).count();
    assert!((5..=8).contains(&tried), "{tried} passwords were looked at");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 24 - tried);
}

#[tokio::test(start_paused = true)]
async fn only_good_tokens_of_users_make_a_session() {
    let server = Server::start().await;
    server.user("ann", "viewer").await;
    let signed = |algorithm, secret: &str| {
        encode(&Header::new(algorithm), &json!({"sub": "ann"}), &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    };
    let now = 1_800_000_000;
    for (case, bearer, is_good) in [
        ("a platform's token with more claims", token(&json!({"sub": "ann", "exp": now + 60, "aud": "x"})), true),
        ("no end", token(&json!({"sub": "ann"})), true),
        ("ended", token(&json!({"sub": "ann", "exp": now})), false),
        ("nobody", token(&json!({"sub": "zed"})), false),
        ("no subject", token(&json!({"exp": now + 60})), false),
        ("another key", signed(Algorithm::HS256, "another"), false),
        ("another algorithm", signed(Algorithm::HS512, SECRET), false),
        ("unsigned", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.".into(), false),
        ("no token", "nonsense".into(), false),
        ("no key", "procession_nonsense".into(), false),
    ] {
        let reply = server.get(ME).by(&bearer).send().await;
        if is_good {
            reply.ok(200);
        } else {
            assert_eq!(reply.problem(401, "not_authenticated"), "Could not validate credentials", "{case}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }
    for other in ["Basic YW5uOmFubg==", "Bearer", "Bearer ", ""] {
        let reply = server.get(ME).header(header::AUTHORIZATION, other).send().await;
        assert_eq!(reply.problem(401, "not_authenticated"), "Not authenticated", "{other}");
    }
    assert_eq!(server.get(ME).send().await.problem(401, "not_authenticated"), "Not authenticated");
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_when_it_says_so_also_while_it_is_remembered() {
    let server = Server::start().await;
    server.user("ann", "viewer").await;
    let short = token(&json!({"sub": "ann", "exp": 1_800_000_002}));
    server.get(ME).by(&short).send().await.ok(200);
    server.stage.pass(Duration::from_secs(2)).await;
    server.get(ME).by(&short).send().await.problem(401, "not_authenticated");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_checked_for_a_proxy_wherever_it_stands() {
    let server = Server::start().await;
    let ann = server.user("ann", "viewer").await;
    let path = "/api/auth/validate";
    let valid = json!({"status": "valid", "user": "ann"});
    assert_eq!(server.get(path).by(&ann).send().await.ok(200), valid);
    assert_eq!(server.get(path).by_cookie(&ann).send().await.ok(200), valid);
    assert_eq!(server.get(format!("{path}?token={ann}")).send().await.ok(200), valid);
    let none = server.get(path).send().await;
    assert_eq!(none.problem(401, "not_authenticated"), "No token provided");
    let bad = server.get(format!("{path}?token=nonsense")).send().await;
    assert_eq!(bad.problem(401, "not_authenticated"), "Invalid token");
}

#[tokio::test(start_paused = true)]
async fn a_cookie_reads_everywhere_and_changes_things_from_own_pages_only() {
    let server = Server::start().await;
    let ann = server.user("ann", "designer").await;
    let read = server.get(ME).by_cookie(&ann).send().await;
    read.ok(200);
    let renewed = format!("token={ann}; Path=/; Max-Age=1800; SameSite=Strict");
    assert_eq!(read.header("set-cookie"), Some(renewed.as_str()));

    let body = json!({"yaml_content": "nonsense"});
    let validate = || server.post("/api/processes/validate").json(&body);
    validate().by_cookie(&ann).origin(ORIGIN).send().await.ok(200);
    validate().by_cookie(&ann).send().await.problem(403, "cross_origin");
    validate().by_cookie(&ann).origin("http://evil.test").send().await.problem(403, "cross_origin");
    validate().by_cookie(&ann).origin("null").send().await.problem(403, "cross_origin");
    // Only a program can set the header, so its origin does not matter.
    validate().by(&ann).origin("http://evil.test").send().await.ok(200);
    assert_eq!(server.get(ME).by(&ann).send().await.header("set-cookie"), None);
    server.get(ME).by_cookie("nonsense").send().await.problem(401, "not_authenticated");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_refused_in_the_order_of_the_contract() {
    let server = Server::start().await;
    let viewer = server.user("vic", "viewer").await;
    let path = "/api/processes";
    let malformed = || server.post(path).body("application/json", "{\"yaml_content\": ");
    malformed().send().await.problem(422, "malformed_json");
    server.post(path).json(&json!({"yaml_content": 1})).send().await.problem(401, "not_authenticated");
    server.post(path).json(&json!({"yaml_content": 1})).by(&viewer).send().await.problem(422, "invalid_body");
    let well_formed = server.post(path).json(&json!({"yaml_content": "nonsense"})).by(&viewer).send().await;
    let detail = well_formed.problem(403, "forbidden");
    assert_eq!(detail, "Role process_viewer does not have process:create permission");
    let archive = |id: &str| server.post(format!("{path}/{id}/archive")).by(&viewer);
    archive("nonsense").send().await.problem(403, "forbidden");
    let admin = server.user("root", "admin").await;
    server.post(format!("{path}/nonsense/archive")).by(&admin).send().await.problem(400, "bad_id");
    let unknown = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
    server.post(format!("{path}/{unknown}/archive")).by(&admin).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn codes_by_email_are_refused_as_the_log_in_page_expects() {
    let server = set_up().await;
    let request = server.post("/api/auth/email/request").json(&json!({"email": "ann@example.com"})).send().await;
    assert_eq!(request.problem(403, "forbidden"), "Email authentication is disabled");
    let body = json!({"email": "ann@example.com", "code": "123456"});
    let verify = server.post("/api/auth/email/verify").json(&body).send().await;
    assert_eq!(verify.problem(403, "forbidden"), "Email authentication is disabled");
    server.post("/api/auth/email/request").json(&json!({})).send().await.problem(422, "invalid_body");
    assert_eq!(
        server.call(Method::GET, "/api/auth/email/request").send().await.problem(405, "method_not_allowed"),
        "Method Not Allowed"
    );
}
