//! The principal: who comes in, by what, and how far their rights reach.

use std::{collections::BTreeSet, sync::Arc};

use procession_domain::{approval::Voter, value::UserId};

use super::{
    Permission, Reach,
    table::{Forbidden, Need, Sight, UseCase},
};
use crate::ports::{Asked, Origin, Role, User};

/// Who asks for something: every use case takes one, whatever door it comes in by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    name: String,
    email: Option<String>,
    /// Roles as they are stored; at least one.
    roles: Vec<String>,
    /// Whether the operator lets this user write processes, whatever the role says (`auth.user_role`).
    writes_processes: bool,
    /// What a key is limited to.
    scopes: Option<BTreeSet<Permission>>,
    via: Via,
    /// From where a request came.
    origin: Option<Arc<Origin>>,
}

/// By what a principal comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// A token in the head of a request.
    Session,
    /// The token in the cookie of a page.
    Cookie,
    /// An API key.
    Key(UserId),
    /// A call from outside that a process waits for.
    Webhook,
    /// A due time of a process's schedule.
    Schedule,
    /// An agent, by MCP.
    Agent,
    /// A link that was sent to decide one thing.
    Link,
    /// The program in which Procession is embedded.
    Library,
    /// This program itself, or who runs it on its own data.
    System,
}

impl Via {
    /// Its name in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Cookie => "cookie",
            Self::Key(_) => "key",
            Self::Webhook => "webhook",
            Self::Schedule => "schedule",
            Self::Agent => "agent",
            Self::Link => "link",
            Self::Library => "library",
            Self::System => "system",
        }
    }

    /// The API key, if it is one.
    pub const fn key(self) -> Option<UserId> {
        match self {
            Self::Key(id) => Some(id),
            Self::Session
            | Self::Cookie
            | Self::Webhook
            | Self::Schedule
            | Self::Agent
            | Self::Link
            | Self::Library
            | Self::System => None,
        }
    }
}

/// The name of the program itself.
const SYSTEM: &str = "system";

impl Principal {
    /// A user, as it is stored.
    pub(super) fn of_user(user: &User, writes_processes: bool, via: Via) -> Self {
        Self {
            name: user.name.clone(),
            email: user.email.clone(),
            roles: vec![user.role.clone()],
            writes_processes,
            scopes: None,
            via,
            origin: None,
        }
    }

    /// Someone for whom the program acts in which Procession is embedded; it answers for name and roles.
    pub fn of_library(name: &str, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut roles: Vec<String> = roles.into_iter().map(Into::into).collect();
        if roles.is_empty() {
            roles.push("viewer".to_owned());
        }
        Self {
            name: name.to_owned(),
            email: None,
            roles,
            writes_processes: false,
            scopes: None,
            via: Via::Library,
            origin: None,
        }
    }

    /// The same, with an e-mail address.
    #[must_use]
    pub fn with_email(self, email: Option<String>) -> Self {
        Self { email, ..self }
    }

    /// Who runs the program with a data folder to itself, and may therefore do everything.
    pub fn at_terminal(name: &str) -> Self {
        Self { via: Via::System, ..Self::of_library(name, ["admin"]) }
    }

    /// A trigger of a process: it may start that and stop what it has started, and is no user.
    pub(crate) fn of_trigger(via: Via, process: &str, trigger: &str) -> Self {
        let scopes = [Permission::ExecutionTrigger, Permission::ExecutionCancel, Permission::ExecutionView];
        let name = format!("{}:{process}/{trigger}", via.as_str());
        Self { via, scopes: Some(scopes.into()), ..Self::of_library(&name, ["admin"]) }
    }

    /// The program itself, which may do everything and is no user.
    pub fn system() -> Self {
        Self::at_terminal(SYSTEM)
    }

    /// The same, limited to the scopes of a key; no scopes are no limit. What is no permission gives none.
    #[must_use]
    pub fn limited_to(self, scopes: &[String]) -> Self {
        let named = scopes.iter().filter_map(|scope| scope.parse().ok()).collect();
        Self { scopes: (!scopes.is_empty()).then_some(named), ..self }
    }

    /// The same, come in by something else.
    #[must_use]
    pub fn by(self, via: Via) -> Self {
        Self { via, ..self }
    }

    /// The same, with a request that came from here.
    #[must_use]
    pub fn coming_from(self, origin: Origin) -> Self {
        Self { origin: Some(Arc::new(origin)), ..self }
    }

    /// From where its request came, if it came by one.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_deref()
    }

    /// The user name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user to whom belongs what is started; the program itself is none, nor is a trigger.
    pub fn user(&self) -> Option<&str> {
        let is_nobody = match self.via {
            Via::System => self.name == SYSTEM,
            Via::Webhook | Via::Schedule => true,
            Via::Session | Via::Cookie | Via::Key(_) | Via::Agent | Via::Link | Via::Library => false,
        };
        (!is_nobody).then_some(self.name.as_str())
    }

    /// The email address.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The role as it is stored; the first one, of several.
    pub fn stored_role(&self) -> &str {
        self.roles.first().map_or("", String::as_str)
    }

    /// The role towards processes.
    pub fn role(&self) -> Role {
        Role::of(self.stored_role())
    }

    /// By what it comes in.
    pub const fn via(&self) -> Via {
        self.via
    }

    /// How the author of a thing is named: by e-mail address where there is one.
    pub fn author(&self) -> Option<String> {
        self.user().map(|name| self.email.clone().unwrap_or_else(|| name.to_owned()))
    }

    /// How far a permission reaches.
    pub fn reach(&self, permission: Permission) -> Reach {
        if self.is_in_scope(permission) { self.reach_of_roles(permission) } else { Reach::Nothing }
    }

    /// Whether the permission is given for everything.
    pub fn may(&self, permission: Permission) -> bool {
        self.reach(permission) == Reach::All
    }

    /// Whether this principal may know of an execution that `user` has started; `None` = no user did.
    pub fn sees_execution_of(&self, user: Option<&str>) -> bool {
        match self.reach(Permission::ExecutionView) {
            Reach::All => true,
            Reach::Own => user.is_some() && user == self.user(),
            Reach::Nothing => false,
        }
    }

    /// Refuses a use case that the table does not give to this principal, for nothing at all.
    pub fn check(&self, use_case: UseCase) -> Result<(), Forbidden> {
        let rule = use_case.rule();
        match rule.needs {
            Need::Only(permission) => self.require(permission)?,
            Need::Administrator(permission) => {
                self.require_admin()?;
                self.require(permission)?;
            }
            Need::EveryRight => {
                self.require_admin()?;
                Permission::ALL.into_iter().try_for_each(|permission| self.require(permission))?;
            }
            Need::OwnVoice => self.require_scope(Permission::ApprovalDecide)?,
            Need::OwnSession => {
                if matches!(self.via, Via::Key(_)) {
                    return Err(Forbidden::KeyIsNoSession);
                }
            }
            Need::ViewOrOwnVoice => {
                if !self.may(Permission::ExecutionView) {
                    self.require_scope(Permission::ApprovalDecide)?;
                }
            }
        }
        match rule.sight {
            Sight::Execution => self.require(Permission::ExecutionView),
            Sight::Free | Sight::Approval => Ok(()),
        }
    }

    /// The person as approvals see one.
    pub fn voter(&self) -> Voter {
        let mapped = self.roles.iter().map(|role| Role::of(role).as_str().to_owned());
        Voter {
            name: self.name.clone(),
            email: self.email.clone(),
            roles: self.roles.iter().cloned().chain(mapped).collect(),
            is_admin: self.is_admin(),
            may_decide: self.may(Permission::ApprovalDecide),
        }
    }

    /// The person as lists of approvals look for one.
    pub fn as_asked(&self) -> Asked {
        let Voter { name, email, roles, may_decide, is_admin: _ } = self.voter();
        let roles = roles.into_iter().flat_map(|role| [format!("role:{role}"), role]);
        Asked { names: std::iter::once(name).chain(email).chain(roles).collect(), may_decide }
    }

    fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| Role::of(role) == Role::Admin)
    }

    fn is_in_scope(&self, permission: Permission) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&permission))
    }

    fn reach_of_roles(&self, permission: Permission) -> Reach {
        if self.writes_processes && permission.is_authoring() {
            return Reach::All;
        }
        self.roles.iter().map(|role| Role::of(role).reach(permission)).max().unwrap_or(Reach::Nothing)
    }

    fn require(&self, permission: Permission) -> Result<(), Forbidden> {
        if self.reach_of_roles(permission) == Reach::Nothing {
            return Err(Forbidden::Role { role: self.role(), permission });
        }
        self.require_scope(permission)
    }

    fn require_scope(&self, permission: Permission) -> Result<(), Forbidden> {
        if self.is_in_scope(permission) { Ok(()) } else { Err(Forbidden::Scope(permission)) }
    }

    fn require_admin(&self) -> Result<(), Forbidden> {
        if self.is_admin() { Ok(()) } else { Err(Forbidden::AdminsOnly) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reaches_no_further_than_its_scopes_and_its_user() {
        let scopes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let vic = Principal::of_library("vic", ["viewer"]);
        assert!(vic.sees_execution_of(Some("vic")) && !vic.sees_execution_of(Some("ann")));
        assert!(!vic.sees_execution_of(None));
        let reads = vic.clone().limited_to(&scopes(&["process:read", "execution:cancel"]));
        assert!(reads.may(Permission::ProcessRead) && !reads.may(Permission::ExecutionCancel));
        assert!(!reads.sees_execution_of(Some("vic")), "an own execution is seen by `execution:view` only");
        assert_eq!(vic.clone().limited_to(&[]), vic, "no scopes are no limit");
        let nothing = Principal::system().limited_to(&scopes(&["nonsense"]));
        assert!(Permission::ALL.into_iter().all(|permission| !nothing.may(permission)));
    }

    #[test]
    fn several_roles_reach_as_far_as_the_widest() {
        let both = Principal::of_library("ann", ["designer", "operator"]);
        assert!(both.may(Permission::ProcessCreate) && both.may(Permission::ExecutionTrigger));
        assert!(!both.may(Permission::ApprovalDecide));
        let nobody = Principal::of_library("zoe", [] as [&str; 0]);
        assert_eq!(nobody.reach(Permission::ExecutionView), Reach::Own);
    }

    #[test]
    fn the_program_itself_is_no_user() {
        assert_eq!((Principal::system().user(), Principal::system().author()), (None, None));
        assert_eq!(Principal::at_terminal("ann").user(), Some("ann"));
        // A user of that name is one.
        assert_eq!(Principal::of_library("system", ["admin"]).user(), Some("system"));
    }
}
