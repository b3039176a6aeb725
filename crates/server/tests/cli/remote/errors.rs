//! What goes wrong on the way to a server, in sentences; and what a server sends that a terminal must not obey.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use crate::support::{Place, Said, said};

/// The address of a server that gives each request this answer.
fn answering(answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            serve_one(connection, &answer);
        }
    });
    url
}

fn serve_one(mut connection: TcpStream, answer: &[u8]) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).unwrap_or(0) > 0 {
        head.push(byte[0]);
    }
    // A client that has gone does not want it.
    let _ = connection.write_all(answer);
}

fn http(status: &str, head: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{head}\r\n{body}", body.len())
}

/// A command that asks the server at this address.
fn ask(url: &str) -> Said {
    ask_for(url, &["executions", "list"])
}

fn ask_for(url: &str, arguments: &[&str]) -> Said {
    let place = Place::new();
    let mut command = place.program(&[arguments, &["--server", url]].concat());
    said(command.env("PROCESSION_API_KEY", "procession_x").env_remove("SSL_CERT_FILE"))
}

#[test]
fn each_way_to_fail_has_a_sentence_that_says_what_to_do() {
    let html = |status: &str| http(status, "Content-Type: text/html\r\n", "<html>It works!</html>");
    let json = |status: &str, head: &str, body: &str| {
        http(status, &format!("Content-Type: application/problem+json\r\n{head}"), body)
    };
    let refused = |status: &str, detail: &str, head: &str| json(status, head, &format!(r#"{{"detail": "{detail}"}}"#));
    let cases = [
        (html("200 OK"), "is not a Procession server: it answers with a web page", "without /api"),
        (html("404 Not Found"), "it answers 404 Not Found with a web page", "without /api"),
        (html("502 Bad Gateway"), "a proxy before it answers 502 Bad Gateway", "behind the proxy"),
        (http("200 OK", "", ""), "it answers with nothing", ""),
        (http("200 OK", "", "hello"), "something that is not JSON", ""),
        (json("200 OK", "", r#"{"items": []}"#), "has none of the members", ""),
        (http("301 Moved Permanently", "Location: https://h/\r\n", ""), "it sends on to https://h/", ""),
        (refused("404 Not Found", "Not Found", ""), "it has no /api/executions", ""),
        (refused("401 Unauthorized", "Could not validate credentials", ""), "Could not validate", "not a valid key"),
        (refused("403 Forbidden", "Role viewer does not have it", ""), "Role viewer", "of someone who may do this"),
        (refused("429 Too Many Requests", "Slowly", "Retry-After: 90\r\n"), "error: Slowly", "try again in 1m30s"),
        (refused("503 Service Unavailable", "Starting", "Retry-After: 5\r\n"), "error: Starting", "again in 5s"),
        (refused("500 Internal Server Error", "Something went wrong", ""), "error: Something went wrong", ""),
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), "does not speak HTTP", "https://"),
    ];
    for (answer, message, hint) in cases {
        let said = ask(&answering(answer.clone()));
        assert_eq!(said.code, Some(1), "{answer}: {said:?}");
        assert!(said.err.contains(message) && said.err.contains(hint), "`{message}` `{hint}` of {answer}: {said:?}");
        assert!(said.err.starts_with("error: ") && said.out.is_empty(), "{answer}: {said:?}");
    }
}

#[test]
fn a_server_that_is_not_there_can_not_be_reached() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    ask(&format!("http://{closed}")).ends_with(1).complains("nothing answers there").complains("procession serve");
    let id = "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71";
    ask_for(&format!("http://{closed}"), &["executions", "events", id, "--follow"])
        .ends_with(1)
        .complains("nothing answers");
    ask("http://no-such-host.invalid").ends_with(1).complains("can't be reached");
    ask("127.0.0.1:8000").ends_with(2).complains("http://127.0.0.1:8000 is expected");
    ask("http://ann:secret@127.0.0.1").ends_with(2).complains("no name and password");
}

#[test]
fn tls_that_can_not_be_trusted_or_is_not_there_is_said() {
    let server_place = Place::new();
    let server = server_place.serve(&[]);
    ask(&format!("https://{}", server.address)).ends_with(1).complains("does not speak TLS").complains("http://");

    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::Stream::new(&mut tls, &mut connection);
            let mut request = [0; 1024];
            if stream.read(&mut request).is_ok() {
                let answer = http("200 OK", "Content-Type: application/json\r\n", r#"{"executions": [], "total": 0}"#);
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    let url = format!("https://{address}");
    ask(&url).ends_with(1).complains("its certificate is not trusted").complains("SSL_CERT_FILE");

    let place = Place::new();
    let authority = place.write("authority.pem", &certified.cert.pem());
    let mut command = place.program(&["executions", "list", "--server", &url]);
    said(command.env("PROCESSION_API_KEY", "x").env("SSL_CERT_FILE", authority)).ends_with(0);
}

/// What a hostile server puts into every text.
const HOSTILE: &str = "\\u001b[2J\\u001b]0;owned\\u0007\\u009b31m\\u202e\\r\\b\\u0000x";

/// Whether something is in a text that a terminal obeys.
fn is_obeyed(text: &str) -> bool {
    text.chars().any(|character| (character.is_control() && character != '\n') || character == '\u{202e}')
}

#[test]
fn nothing_that_a_terminal_obeys_comes_through_from_a_server() {
    let h = HOSTILE;
    let execution = format!(
        r#"{{"id": "{h}", "status": "completed", "process_name": "{h}", "process_version": "{h}", "user": "{h}",
            "started_at": "{h}", "exact_cost": {{"amount": "1", "currency": "{h}"}}, "input_data": {{"{h}": "{h}"}},
            "error": {{"code": "{h}", "message": "{h}"}}, "warnings": ["{h}"], "output_data": {{"{h}": "{h}\n{h}"}},
            "steps": [{{"step_id": "{h}", "state": "{h}", "agent": "{h}", "skip_reason": "{h}",
                "error": {{"message": "{h}"}}}}, {{"step_id": "{h}", "state": "waiting_approval", "approval_id": "{h}"}}]}}"#
    );
    let approval = format!(
        r#"{{"id": "{h}", "title": "{h}", "description": "{h}\n{h}", "status": "{h}", "process_name": "{h}",
            "step_id": "{h}", "deadline": "{h}", "assignees": ["{h}"], "artifacts": ["{h}"],
            "votes": [{{"by": "{h}", "decision": "{h}", "comment": "{h}"}}]}}"#
    );
    let event = format!(
        r#"[{{"id": 1, "sequence": 1, "event_type": "{h}", "timestamp": "{h}", "step_id": "{h}", "agent": "{h}",
            "error_message": "{h}", "reason": "{h}", "taken": ["{h}"]}}]"#
    );
    let processes = format!(
        r#"{{"processes": [{{"id": "1", "name": "{h}", "version": "1", "status": "published"}}], "total": 1}}"#
    );
    let refused = format!(r#"{{"detail": "{h}"}}"#);
    let id = "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71";
    let cases: [(&str, &[&str], String); 9] = [
        ("200 OK", &["executions", "list"], format!(r#"{{"executions": [{execution}], "total": 1}}"#)),
        ("200 OK", &["executions", "show", id], execution),
        ("200 OK", &["executions", "events", id], event),
        ("200 OK", &["approvals", "list"], format!("[{approval}]")),
        ("200 OK", &["approvals", "show", id], approval.clone()),
        ("200 OK", &["approvals", "approve", id], approval),
        ("200 OK", &["executions", "start", "x"], processes),
        (
            "200 OK",
            &["user", "list"],
            format!(r#"{{"users": [{{"username": "{h}", "role": "{h}", "email": "{h}"}}]}}"#),
        ),
        ("403 Forbidden", &["executions", "list"], refused),
    ];
    for (status, arguments, body) in cases {
        let url = answering(http(status, "Content-Type: application/json\r\n", &body));
        for format in [&[][..], &["--format", "json"]] {
            if arguments[0] == "user" && !format.is_empty() {
                continue;
            }
            let said = ask_for(&url, &[arguments, format].concat());
            assert!(!is_obeyed(&said.out) && !is_obeyed(&said.err), "{arguments:?} {format:?}: {said:?}");
            assert!(said.out.contains('x') || said.err.contains('x'), "{arguments:?} {format:?}: {said:?}");
        }
    }
}

#[test]
fn a_proxy_is_used_for_other_machines_only() {
    let list = http("200 OK", "Content-Type: application/json\r\n", r#"{"executions": [], "total": 0}"#);
    let (server, closed) = (answering(list), "http://127.0.0.1:1");
    let ask_through = |proxy: &str, url: &str| {
        let place = Place::new();
        let mut command = place.program(&["executions", "list", "--server", url]);
        command.env_remove("NO_PROXY").env_remove("no_proxy").env("HTTP_PROXY", proxy).env("http_proxy", proxy);
        said(command.env("PROCESSION_API_KEY", "procession_x"))
    };
    ask_through(&server, "http://processes.invalid").ends_with(0);
    ask_through(closed, &server).ends_with(0);
    ask_through(closed, "http://processes.invalid").ends_with(1);
}

#[test]
fn a_redirect_does_not_take_the_key_along() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let target = format!("Location: http://{}/\r\n", elsewhere.local_addr().unwrap());
    ask(&answering(http("302 Found", &target, ""))).ends_with(1).complains("it sends on to");
    assert!(elsewhere.accept().is_err(), "someone was asked there");
}
