//! The documentation that the existing frontend shows, served from within the program (spec 4b 11).

mod help;
mod pages;

use axum::{
    Json,
    extract::Path,
    response::{IntoResponse, Response},
};
use help::editor_help;
use pages::{SECTIONS, page};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    extract::NamePath,
    problem::{Code, Problem},
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(docs_index))
        .routes(routes!(docs_list))
        .routes(routes!(docs_file))
        .routes(routes!(docs_content))
}

/// The contents.
#[derive(Debug, Serialize, ToSchema)]
struct DocsIndexResponse {
    sections: Vec<DocsSectionResponse>,
}

/// A part of the contents.
#[derive(Debug, Serialize, ToSchema)]
struct DocsSectionResponse {
    #[schema(example = "reference")]
    id: &'static str,
    #[schema(example = "Reference")]
    title: &'static str,
    docs: Vec<DocsEntryResponse>,
}

/// A page in the contents.
#[derive(Debug, Serialize, ToSchema)]
struct DocsEntryResponse {
    #[schema(example = "reference/variables")]
    slug: String,
    #[schema(example = "Expressions")]
    title: &'static str,
}

/// All pages.
#[derive(Debug, Serialize, ToSchema)]
struct DocsListResponse {
    documents: Vec<DocsDocumentResponse>,
}

/// A page in the list.
#[derive(Debug, Serialize, ToSchema)]
struct DocsDocumentResponse {
    #[schema(example = "reference/variables")]
    slug: String,
    /// Its file.
    #[schema(example = "reference/variables.md")]
    path: String,
    #[schema(example = "Expressions")]
    title: &'static str,
}

/// A page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"content": "# Expressions\n\nTexts of steps may hold placeholders.", "slug": "reference/variables"}))]
struct DocsContentResponse {
    /// Its text, in Markdown, without links.
    content: String,
    /// Its name, as it was asked for.
    slug: String,
}

/// The contents of the documentation.
#[utoipa::path(
    get, path = "/api/docs/index", tag = "docs", security(()),
    responses((status = 200, description = "The contents", body = DocsIndexResponse)),
)]
async fn docs_index() -> Json<DocsIndexResponse> {
    let sections = SECTIONS.iter().map(|section| {
        let entry = |page: &pages::Page| DocsEntryResponse {
            slug: format!("{}/{}", section.id, page.name),
            title: page.title(),
        };
        DocsSectionResponse { id: section.id, title: section.title, docs: section.pages.iter().map(entry).collect() }
    });
    Json(DocsIndexResponse { sections: sections.collect() })
}

/// All pages of the documentation.
#[utoipa::path(
    get, path = "/api/docs/list", tag = "docs", security(()),
    responses((status = 200, description = "The pages", body = DocsListResponse)),
)]
async fn docs_list() -> Json<DocsListResponse> {
    let pages = SECTIONS.iter().flat_map(|section| section.pages.iter().map(move |page| (section.id, page)));
    let document = |(section, page): (&str, &pages::Page)| {
        let slug = format!("{section}/{}", page.name);
        DocsDocumentResponse { path: format!("{slug}.md"), slug, title: page.title() }
    };
    Json(DocsListResponse { documents: pages.map(document).collect() })
}

/// A page, or the help of the editor: `editor-help.json` is an object by path of key, such as `steps.retry`.
#[utoipa::path(
    get, path = "/api/docs/content/{file}", tag = "docs", security(()),
    params(("file" = String, Path, description = "`editor-help.json`, or a page with its `/` encoded", example = "editor-help.json")),
    responses(
        (status = 200, description = "The help, or the page", body = Object),
        (status = 400, description = "It leads out of the documentation"),
        (status = 404, description = "There is no such page"),
    ),
)]
async fn docs_file(NamePath(file): NamePath) -> Result<Response, Problem> {
    content(file)
}

/// A page of the documentation, in Markdown.
#[utoipa::path(
    get, path = "/api/docs/content/{section}/{page}", tag = "docs", security(()),
    params(
        ("section" = String, Path, description = "The section", example = "reference"),
        ("page" = String, Path, description = "The page", example = "variables"),
    ),
    responses(
        (status = 200, description = "The page", body = DocsContentResponse),
        (status = 400, description = "It leads out of the documentation"),
        (status = 404, description = "There is no such page"),
    ),
)]
async fn docs_content(Path((section, page)): Path<(String, String)>) -> Result<Response, Problem> {
    content(format!("{section}/{page}"))
}

fn content(slug: String) -> Result<Response, Problem> {
    if slug.contains("..") || slug.starts_with('/') {
        return Err(Problem::bad_request(Code::BadRequest, "Invalid document path"));
    }
    if slug == "editor-help.json" || slug == "editor-help" {
        return Ok(Json(editor_help()).into_response());
    }
    let found = page(&slug).ok_or_else(|| Problem::not_found("Document not found"))?;
    Ok(Json(DocsContentResponse { content: found.content(), slug }).into_response())
}
