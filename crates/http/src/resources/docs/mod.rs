//! The documentation that the existing frontend shows, served from within the program (spec 4b 11).

mod help;
mod pages;
mod search;

use axum::{
    Json,
    extract::Path,
    response::{IntoResponse, Response},
};
use help::editor_help;
use pages::{SECTIONS, page};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    extract::{NamePath, Parameters, Query, ReadParameters},
    problem::{Code, Problem},
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(docs_index))
        .routes(routes!(docs_list))
        .routes(routes!(docs_search))
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

/// What is looked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchParameters {
    /// Words; places that have all of them are found, in any case.
    #[param(example = "retry delay")]
    q: Option<String>,
}

impl ReadParameters for SearchParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { q: parameters.text("q") }
    }
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
struct DocsSearchResponse {
    /// The best first, 20 at most.
    results: Vec<DocsFoundResponse>,
    /// How many places there are.
    total: usize,
}

/// A part of a page.
#[derive(Debug, Serialize, ToSchema)]
struct DocsFoundResponse {
    #[schema(example = "reference/error-handling")]
    slug: String,
    /// The page's title.
    #[schema(example = "Errors and retries")]
    title: &'static str,
    /// The heading under which it was found; the title at the beginning of a page.
    #[schema(example = "Retries")]
    heading: String,
    /// The line in which it was found.
    #[schema(example = "The delay before the next attempt doubles, up to `max_delay`.")]
    excerpt: String,
}

/// Looks for words in the documentation.
#[utoipa::path(
    get, path = "/api/docs/search", tag = "docs", security(()), params(SearchParameters),
    responses(
        (status = 200, description = "Where they are", body = DocsSearchResponse),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn docs_search(Query(parameters): Query<SearchParameters>) -> Json<DocsSearchResponse> {
    let found = search::find(parameters.q.as_deref().unwrap_or_default());
    let total = found.len();
    let result = |found: search::Found| DocsFoundResponse {
        slug: found.slug,
        title: found.title,
        heading: found.heading,
        excerpt: found.excerpt,
    };
    Json(DocsSearchResponse { results: found.into_iter().take(search::MOST).map(result).collect(), total })
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
