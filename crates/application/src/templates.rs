//! Use cases of process templates: those that come with the program and those of users (spec 4c, templates).
//!
//! * `library`: the templates that come with the program; `filling`: making a process's text from one;
//! * `writing`: what a user gives for a template, checked.

mod filling;
mod library;
mod writing;

use std::sync::{Arc, LazyLock};

use procession_domain::{definition::Definition, value::ProcessId};
use procession_language::Diagnostic;

pub use filling::TemplateProblem;
pub use writing::TemplateDraft;

use crate::{
    access::{Forbidden, Principal, UseCase},
    audit,
    definitions::{DefinitionFailure, Definitions},
    door::Door,
    ports::{Clock, ProcessTemplate, StoreError, TemplateStore, Visibility},
};

/// The templates that come with the program.
static LIBRARY: LazyLock<Vec<ProcessTemplate>> = LazyLock::new(library::all);

/// The service for templates.
#[derive(Clone)]
pub struct Templates {
    store: Arc<dyn TemplateStore>,
    definitions: Definitions,
    clock: Arc<dyn Clock>,
    door: Door,
}

/// Where a template is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateSource {
    /// It comes with the program.
    Bundled,
    /// A user made it.
    User,
}

/// A template with where it is from.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownTemplate {
    /// Where it is from.
    pub source: TemplateSource,
    /// The template.
    pub template: ProcessTemplate,
}

/// Which templates a list shows.
#[derive(Debug, Clone, Default)]
pub struct TemplateFilter {
    /// Of this category.
    pub category: Option<String>,
    /// From there.
    pub source: Option<TemplateSource>,
    /// With this tag.
    pub tag: Option<String>,
}

/// What a process made from a template would be.
#[derive(Debug, Clone)]
pub struct TemplatePreview {
    /// The template.
    pub shown: ShownTemplate,
    /// Its text with the defaults of its parameters; the name is still open.
    pub yaml: String,
    /// The definition, where the defaults make one.
    pub definition: Option<Arc<Definition>>,
    /// What the check had to say.
    pub diagnostics: Vec<Diagnostic>,
}

/// A draft that was made from a template.
#[derive(Debug, Clone)]
pub struct UsedTemplate {
    /// The template.
    pub shown: ShownTemplate,
    /// The draft.
    pub process_id: ProcessId,
    /// Its name.
    pub process_name: String,
}

/// Why a template can't be shown, used or written.
#[derive(Debug, thiserror::Error)]
pub enum TemplateFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none with this id, or none that the principal may know of.
    #[error("Template not found")]
    NotFound,
    /// Another template has this name.
    #[error("Template with name '{0}' already exists")]
    NameTaken(String),
    /// It comes with the program, and is neither changed nor removed.
    #[error("Cannot {0} bundled templates")]
    Bundled(&'static str),
    /// It belongs to someone else.
    #[error("the template belongs to someone else; save it under another name")]
    NotOwned,
    /// What was given does not fit.
    #[error("{}", summary(.0))]
    Unfit(Vec<TemplateProblem>),
    /// The process that it makes is refused.
    #[error(transparent)]
    Definition(#[from] DefinitionFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Templates {
    /// The service.
    pub(crate) const fn new(
        store: Arc<dyn TemplateStore>,
        definitions: Definitions,
        clock: Arc<dyn Clock>,
        door: Door,
    ) -> Self {
        Self { store, definitions, clock, door }
    }

    /// The templates that the principal may know of, by what lists call them.
    pub async fn list(&self, by: &Principal, filter: &TemplateFilter) -> Result<Vec<ShownTemplate>, TemplateFailure> {
        by.check(UseCase::ReadTemplates)?;
        let bundled =
            LIBRARY.iter().cloned().map(|template| ShownTemplate { source: TemplateSource::Bundled, template });
        let of_users = self.store.templates().await?.into_iter().filter(|template| is_in_sight(template, by));
        let of_users = of_users.map(|template| ShownTemplate { source: TemplateSource::User, template });
        let mut shown: Vec<ShownTemplate> = bundled.chain(of_users).filter(|shown| filter.admits(shown)).collect();
        shown.sort_by(|one, other| {
            let key = |shown: &ShownTemplate| (shown.template.display_name.clone(), shown.id());
            key(one).cmp(&key(other))
        });
        Ok(shown)
    }

    /// A template.
    pub async fn get(&self, by: &Principal, id: &str) -> Result<ShownTemplate, TemplateFailure> {
        by.check(UseCase::ReadTemplates)?;
        self.in_sight(by, id).await
    }

    /// What a process made from a template would be, with the defaults of its parameters.
    pub async fn preview(&self, by: &Principal, id: &str) -> Result<TemplatePreview, TemplateFailure> {
        by.check(UseCase::PreviewTemplate)?;
        let shown = self.in_sight(by, id).await?;
        let yaml = filling::with_defaults(&shown.template, None)?;
        let named = filling::with_defaults(&shown.template, Some(&filling::sample_name()))?;
        self.previewed(shown, yaml, &named).await
    }

    /// What a process made from a template would be, with these parameters, checked as [`make_process`](Self::make_process)
    /// does it; without a name, that is still open.
    pub async fn preview_with(
        &self,
        by: &Principal,
        id: &str,
        name: Option<&str>,
        parameters: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<TemplatePreview, TemplateFailure> {
        by.check(UseCase::PreviewTemplate)?;
        let shown = self.in_sight(by, id).await?;
        let yaml = filling::filled(&shown.template, name, parameters)?;
        let sample = filling::sample_name();
        let named = filling::filled(&shown.template, Some(name.unwrap_or(sample.as_str())), parameters)?;
        self.previewed(shown, yaml, &named).await
    }

    async fn previewed(
        &self,
        shown: ShownTemplate,
        yaml: String,
        named: &str,
    ) -> Result<TemplatePreview, TemplateFailure> {
        self.definitions.check_size(named)?;
        let checked = self.definitions.checked(named).await?;
        let definition = checked.definition.map(Arc::new);
        Ok(TemplatePreview { shown, yaml, definition, diagnostics: checked.diagnostics })
    }

    /// Makes a draft of this name from a template.
    pub async fn make_process(
        &self,
        by: &Principal,
        id: &str,
        name: String,
        parameters: serde_json::Map<String, serde_json::Value>,
    ) -> Result<UsedTemplate, TemplateFailure> {
        let (this, principal, id) = (self.clone(), by.clone(), id.to_owned());
        let make = async move {
            audit::about(&id);
            let shown = this.in_sight(&principal, &id).await?;
            let yaml = filling::filled(&shown.template, Some(&name), &parameters)?;
            let written = this.definitions.draft(yaml, principal.author()).await?;
            let process_name = written.process.definition().name().to_string();
            Ok(UsedTemplate { shown, process_id: written.process.id(), process_name })
        };
        self.door.change(by, UseCase::UseTemplate, make).await
    }

    /// Writes a new template of the principal's own.
    pub async fn create(&self, by: &Principal, draft: TemplateDraft) -> Result<ShownTemplate, TemplateFailure> {
        let (this, principal) = (self.clone(), by.clone());
        let create = async move {
            let template = draft.checked(&this.definitions, &principal, this.clock.now(), None).await?;
            audit::about(&format!("user:{}", template.name));
            if this.store.create_template(&template).await? {
                Ok(ShownTemplate { source: TemplateSource::User, template })
            } else {
                Err(TemplateFailure::NameTaken(template.name))
            }
        };
        self.door.change(by, UseCase::CreateTemplate, create).await
    }

    /// Writes a new version of one of the principal's own templates; its name stays.
    pub async fn replace(
        &self,
        by: &Principal,
        id: &str,
        draft: TemplateDraft,
    ) -> Result<ShownTemplate, TemplateFailure> {
        let (this, principal, id) = (self.clone(), by.clone(), id.to_owned());
        let replace = async move {
            audit::about(&id);
            let before = this.own(&principal, &id, "change").await?;
            let template = draft.checked(&this.definitions, &principal, this.clock.now(), Some(&before)).await?;
            if this.store.replace_template(&template).await? {
                Ok(ShownTemplate { source: TemplateSource::User, template })
            } else {
                Err(TemplateFailure::NotFound)
            }
        };
        self.door.change(by, UseCase::ChangeTemplate, replace).await
    }

    /// Removes one of the principal's own templates; who may see everything removes any shared one.
    pub async fn remove(&self, by: &Principal, id: &str) -> Result<(), TemplateFailure> {
        let (this, principal, id) = (self.clone(), by.clone(), id.to_owned());
        let remove = async move {
            audit::about(&id);
            let template = this.own(&principal, &id, "delete").await?;
            if this.store.remove_template(&template.name).await? { Ok(()) } else { Err(TemplateFailure::NotFound) }
        };
        self.door.change(by, UseCase::ChangeTemplate, remove).await
    }

    /// The template of an id that the principal may know of: `process:NAME`, `user:NAME`, or a bare name.
    async fn in_sight(&self, by: &Principal, id: &str) -> Result<ShownTemplate, TemplateFailure> {
        let (name, source) = match (id.strip_prefix("process:"), id.strip_prefix("user:")) {
            (Some(name), _) => (name, Some(TemplateSource::Bundled)),
            (None, Some(name)) => (name, Some(TemplateSource::User)),
            (None, None) => (id, None),
        };
        let bundled = LIBRARY.iter().find(|template| template.name == name);
        if let Some(template) = bundled.filter(|_| source != Some(TemplateSource::User)) {
            return Ok(ShownTemplate { source: TemplateSource::Bundled, template: template.clone() });
        }
        if source == Some(TemplateSource::Bundled) {
            return Err(TemplateFailure::NotFound);
        }
        let found = self.store.template(name).await?.filter(|template| is_in_sight(template, by));
        let template = found.ok_or(TemplateFailure::NotFound)?;
        Ok(ShownTemplate { source: TemplateSource::User, template })
    }

    /// The template of an id, if the principal may do this to it.
    async fn own(&self, by: &Principal, id: &str, act: &'static str) -> Result<ProcessTemplate, TemplateFailure> {
        if id.starts_with("process:") {
            return Err(TemplateFailure::Bundled(act));
        }
        let shown = self.in_sight(by, id).await?;
        let is_own = shown.template.owner.as_deref() == by.user() || by.may(crate::access::Permission::AdminViewAll);
        match shown.source {
            TemplateSource::Bundled => Err(TemplateFailure::Bundled(act)),
            TemplateSource::User if is_own => Ok(shown.template),
            TemplateSource::User => Err(TemplateFailure::NotOwned),
        }
    }
}

impl ShownTemplate {
    /// Its id.
    pub fn id(&self) -> String {
        format!("{}:{}", self.source.prefix(), self.template.name)
    }
}

impl TemplateSource {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bundled => "bundled",
            Self::User => "user",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Bundled => "process",
            Self::User => "user",
        }
    }
}

impl TemplateFilter {
    fn admits(&self, shown: &ShownTemplate) -> bool {
        self.category.as_ref().is_none_or(|category| *category == shown.template.category)
            && self.source.is_none_or(|source| source == shown.source)
            && self.tag.as_ref().is_none_or(|tag| shown.template.tags.contains(tag))
    }
}

/// A private template is there for whoever made it only.
fn is_in_sight(template: &ProcessTemplate, by: &Principal) -> bool {
    match template.visibility {
        Visibility::Shared => true,
        Visibility::Private => template.owner.as_deref() == by.user(),
    }
}

/// The problems in one sentence.
fn summary(problems: &[TemplateProblem]) -> String {
    let listed: Vec<String> =
        problems.iter().take(3).map(|problem| format!("`{}` {}", problem.path, problem.message)).collect();
    let more = match problems.len() {
        0..=3 => String::new(),
        count => format!(" (and {} more)", count - 3),
    };
    format!("Template validation failed: {}{more}", listed.join("; "))
}
