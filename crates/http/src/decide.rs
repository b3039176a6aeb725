//! The page of a link by which one person decides one request (spec 5.6, mails to who is asked).
//!
//! The link is the credential: it names the person and the request, is signed, and works until the person has voted or the
//! request is settled. Looking at the page changes nothing, since programs look at links too; only its form does.

use std::fmt::Write as _;

use axum::{
    Router,
    body::Body,
    extract::{FromRequest, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use procession_application::{
    approvals::{ApprovalFailure, LinkStanding, LinkedApproval},
    deliveries::in_words,
    ports::StoreError,
};
use procession_domain::approval::{ApprovalError, ApprovalStatus, Ballot};

use crate::{
    HttpState,
    extract::{Form, Parameters, Query, ReadParameters},
    problem::PageForPeople,
    session::origin_of,
    state::App,
};

const PATH: &str = "/decide";

/// The most characters of a comment, as for votes by the API.
const LONGEST_COMMENT: usize = 10_000;

/// How the page looks; it loads nothing.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#1c1c22}\
    h1{font-size:1.4rem}.text{white-space:pre-wrap;overflow-wrap:anywhere}.dim{color:#5a5a66}\
    .note{border-left:4px solid #b45309;padding:.5rem 1rem;background:#fff7ed}\
    textarea{width:100%;box-sizing:border-box;font:inherit}button{font:inherit;padding:.5rem 1rem;margin:.5rem .5rem 0 0}\
    @media(prefers-color-scheme:dark){body{background:#18181b;color:#e4e4e7}.dim{color:#a1a1aa}.note{background:#292524}}";

/// The page and what its form does. It is no endpoint of the API.
pub(crate) fn pages() -> Router<HttpState> {
    Router::new().route(PATH, get(show).post(decide))
}

/// The query of the page.
struct LinkParameters {
    link: String,
}

impl ReadParameters for LinkParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { link: parameters.text("link").unwrap_or_default() }
    }
}

async fn show(app: App, Query(LinkParameters { link }): Query<LinkParameters>) -> Response {
    match app.approvals.by_link(&link).await {
        Ok(linked) => page(StatusCode::OK, &body_of(&linked, &link, None)),
        Err(failure) => refused(&failure),
    }
}

async fn decide(app: App, State(state): State<HttpState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let origin = origin_of(&parts, &state);
    let form = match Form::from_request(Request::from_parts(parts, Body::new(body)), &state).await {
        Ok(form) => form,
        Err(problem) => return problem.into_response(),
    };
    let link = form.text("link").unwrap_or_default();
    let comment = form.text("comment").filter(|comment| !comment.trim().is_empty());
    let ballot = match form.text("decision").as_deref() {
        Some("approve") => Some(Ballot::Approve),
        Some("reject") => Some(Ballot::Reject),
        Some("request_changes") => Some(Ballot::RequestChanges),
        Some(_) | None => None,
    };
    let is_too_long = comment.as_ref().is_some_and(|comment| comment.chars().count() > LONGEST_COMMENT);
    let Some(ballot) = ballot.filter(|_| !is_too_long) else {
        let problem = if is_too_long { "The comment is too long." } else { "Choose one of the answers." };
        return again(&app, &link, StatusCode::UNPROCESSABLE_ENTITY, problem).await;
    };
    match app.approvals.vote_by_link(&link, ballot, comment, origin).await {
        // So that going back or loading the page anew votes for nothing.
        Ok(_) => Redirect::to(&format!("{PATH}?link={}", hexadecimal(&link))).into_response(),
        Err(ApprovalFailure::Refused(ApprovalError::CommentRequired)) => {
            again(&app, &link, StatusCode::UNPROCESSABLE_ENTITY, "Please say why in the comment.").await
        }
        Err(ApprovalFailure::Refused(refusal)) => {
            again(&app, &link, StatusCode::CONFLICT, &format!("{refusal}.")).await
        }
        Err(failure) => refused(&failure),
    }
}

/// What is in a link, and nothing that could be anything else in an address.
fn hexadecimal(link: &str) -> String {
    link.chars().filter(char::is_ascii_hexdigit).collect()
}

/// The page once more, with what was wrong.
async fn again(app: &App, link: &str, status: StatusCode, problem: &str) -> Response {
    match app.approvals.by_link(link).await {
        Ok(linked) => page(status, &body_of(&linked, link, Some(problem))),
        Err(failure) => refused(&failure),
    }
}

fn refused(failure: &ApprovalFailure) -> Response {
    let (status, text) = match failure {
        ApprovalFailure::NotFound | ApprovalFailure::UnknownUser(_) => {
            (StatusCode::NOT_FOUND, "This link leads to nothing. Use the newest mail, or log in and open the request.")
        }
        ApprovalFailure::Forbidden(_) | ApprovalFailure::Refused(_) => {
            (StatusCode::FORBIDDEN, "You may not decide this request.")
        }
        ApprovalFailure::Store(error) => {
            if let StoreError::Corrupt(error) = error {
                tracing::error!(error, "a request can't be shown");
            }
            (StatusCode::SERVICE_UNAVAILABLE, "The server can't be used at the moment. Please try again soon.")
        }
    };
    page(status, &format!("<h1>Procession</h1><p>{text}</p>"))
}

fn page(status: StatusCode, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>Decision</title>\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    );
    let mut response = (status, page).into_response();
    response.extensions_mut().insert(PageForPeople);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // The address holds the link, which is nobody else's business.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// What is to be decided, and the form if it can be.
fn body_of(linked: &LinkedApproval, link: &str, problem: Option<&str>) -> String {
    let request = linked.row.approval.request();
    let mut body = format!(
        "<p class=\"dim\">{} asks {}</p><h1>{}</h1>",
        escaped(linked.row.process_name.as_str()),
        escaped(&linked.person),
        escaped(&request.title)
    );
    // Writing to a text does not fail.
    if !request.description.trim().is_empty() {
        let _ = write!(body, "<p class=\"text\">{}</p>", escaped(request.description.trim()));
    }
    for artifact in &request.artifacts {
        let _ = write!(body, "<p class=\"text\">{}</p>", artifact_of(artifact));
    }
    if let Some(deadline) = request.deadline {
        let _ = write!(body, "<p class=\"dim\">Until {}</p>", in_words(deadline));
    }
    for vote in linked.row.approval.votes() {
        let comment = vote.comment.as_deref().map(|comment| format!(": {}", escaped(comment))).unwrap_or_default();
        let _ = write!(body, "<p class=\"dim text\">{} {}{comment}</p>", escaped(&vote.by), answer(vote.ballot));
    }
    if let Some(problem) = problem {
        let _ = write!(body, "<p class=\"note\" role=\"alert\">{}</p>", escaped(problem));
    }
    let note = match linked.standing {
        LinkStanding::Open => {
            let _ = write!(body, "{}", form(link, request.allow_comments || request.require_reason_on_reject));
            return body;
        }
        LinkStanding::Voted => "Your answer has been counted. This link has done its work.",
        LinkStanding::Settled(ApprovalStatus::Approved) => "It has been approved; nothing is left to decide.",
        LinkStanding::Settled(ApprovalStatus::Rejected) => "It has been rejected; nothing is left to decide.",
        LinkStanding::Settled(ApprovalStatus::ChangesRequested) => "Changes were requested; nothing is left to decide.",
        LinkStanding::Settled(ApprovalStatus::Expired | ApprovalStatus::Pending) | LinkStanding::Late => {
            "Its deadline has passed; nothing is left to decide."
        }
        LinkStanding::Settled(ApprovalStatus::Cancelled) => "Nobody needs the answer any more.",
        LinkStanding::PassedOn => "Somebody else is asked now.",
    };
    let _ = write!(body, "<p class=\"note\" role=\"status\">{note}</p>");
    body
}

/// The form. Changes always need a comment, so that there is room for one even where others are not taken.
fn form(link: &str, has_hint: bool) -> String {
    let hint = if has_hint { "Comment" } else { "Comment (only for changes)" };
    format!(
        "<form method=\"post\" action=\"{PATH}\"><input type=\"hidden\" name=\"link\" value=\"{}\">\
         <p><label for=\"comment\">{hint}</label><br><textarea id=\"comment\" name=\"comment\" rows=\"4\" \
         maxlength=\"{LONGEST_COMMENT}\"></textarea></p>\
         <button name=\"decision\" value=\"approve\">Approve</button>\
         <button name=\"decision\" value=\"request_changes\">Request changes</button>\
         <button name=\"decision\" value=\"reject\">Reject</button></form>",
        hexadecimal(link)
    )
}

fn artifact_of(artifact: &str) -> String {
    let shown = escaped(artifact);
    if artifact.starts_with("https://") || artifact.starts_with("http://") {
        format!("<a href=\"{shown}\" rel=\"noopener noreferrer\">{shown}</a>")
    } else {
        shown
    }
}

const fn answer(ballot: Ballot) -> &'static str {
    match ballot {
        Ballot::Approve => "approved",
        Ballot::Reject => "rejected",
        Ballot::RequestChanges => "requested changes",
    }
}

/// A text within a page or an attribute of it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_authors_stay_texts() {
        assert_eq!(escaped("<b a=\"'\">&"), "&lt;b a=&quot;&#39;&quot;&gt;&amp;");
        assert_eq!(artifact_of("javascript:alert(1)"), "javascript:alert(1)");
        assert_eq!(
            artifact_of("https://a.example/?x=\"y"),
            "<a href=\"https://a.example/?x=&quot;y\" rel=\"noopener noreferrer\">https://a.example/?x=&quot;y</a>"
        );
    }
}
