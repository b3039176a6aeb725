//! The table of roles and permissions (spec 4b 1.4).

use std::{collections::BTreeSet, str::FromStr};

use crate::ports::{Role, User};

/// Something that one may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See definitions.
    ProcessRead,
    /// Create definitions.
    ProcessCreate,
    /// Change definitions.
    ProcessUpdate,
    /// Delete definitions.
    ProcessDelete,
    /// Publish definitions.
    ProcessPublish,
    /// See executions; a viewer its own only.
    ExecutionView,
    /// Start executions.
    ExecutionTrigger,
    /// Cancel, pause and resume executions.
    ExecutionCancel,
    /// Retry executions.
    ExecutionRetry,
    /// Decide approvals that name nobody.
    ApprovalDecide,
    /// Pass on approvals of others.
    ApprovalDelegate,
    /// See everything.
    AdminViewAll,
    /// Change limits.
    AdminManageLimits,
}

use Permission::{
    AdminManageLimits, AdminViewAll, ApprovalDecide, ApprovalDelegate, ExecutionCancel, ExecutionRetry,
    ExecutionTrigger, ExecutionView, ProcessCreate, ProcessDelete, ProcessPublish, ProcessRead, ProcessUpdate,
};

const AUTHORING: [Permission; 4] = [ProcessCreate, ProcessUpdate, ProcessDelete, ProcessPublish];

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 13] = [
        ProcessRead,
        ProcessCreate,
        ProcessUpdate,
        ProcessDelete,
        ProcessPublish,
        ExecutionView,
        ExecutionTrigger,
        ExecutionCancel,
        ExecutionRetry,
        ApprovalDecide,
        ApprovalDelegate,
        AdminViewAll,
        AdminManageLimits,
    ];

    /// Its name in messages and scopes.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProcessRead => "process:read",
            ProcessCreate => "process:create",
            ProcessUpdate => "process:update",
            ProcessDelete => "process:delete",
            ProcessPublish => "process:publish",
            ExecutionView => "execution:view",
            ExecutionTrigger => "execution:trigger",
            ExecutionCancel => "execution:cancel",
            ExecutionRetry => "execution:retry",
            ApprovalDecide => "approval:decide",
            ApprovalDelegate => "approval:delegate",
            AdminViewAll => "admin:view_all",
            AdminManageLimits => "admin:manage_limits",
        }
    }
}

impl FromStr for Permission {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text).ok_or(())
    }
}

impl Role {
    /// What a role may do.
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Admin => &Permission::ALL,
            Self::Designer => {
                &[ProcessRead, ProcessCreate, ProcessUpdate, ProcessDelete, ProcessPublish, ExecutionView]
            }
            Self::Operator => &[ProcessRead, ExecutionView, ExecutionTrigger, ExecutionCancel, ExecutionRetry],
            Self::Approver => &[ProcessRead, ExecutionView, ApprovalDecide],
            Self::Viewer => &[ProcessRead],
        }
    }
}

/// Who asks, with what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    name: String,
    email: Option<String>,
    stored_role: String,
    permissions: BTreeSet<Permission>,
}

impl Principal {
    /// A user, who may also write processes where the operator says so, limited to the scopes of a key.
    pub(super) fn new(user: &User, writes_processes: bool, scopes: Option<&[String]>) -> Self {
        let mut permissions: BTreeSet<Permission> = Role::of(&user.role).permissions().iter().copied().collect();
        if writes_processes {
            permissions.extend(AUTHORING);
        }
        if let Some(scopes) = scopes {
            permissions.retain(|permission| scopes.iter().any(|scope| scope == permission.as_str()));
        }
        Self { name: user.name.clone(), email: user.email.clone(), stored_role: user.role.clone(), permissions }
    }

    /// Who runs the program with a data folder to itself, and may therefore do everything.
    pub fn at_terminal(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            email: None,
            stored_role: "admin".to_owned(),
            permissions: Permission::ALL.into_iter().collect(),
        }
    }

    /// The user name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The e-mail address.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The role as it is stored.
    pub fn stored_role(&self) -> &str {
        &self.stored_role
    }

    /// The role towards processes.
    pub fn role(&self) -> Role {
        Role::of(&self.stored_role)
    }

    /// How the API names the author of a thing: by e-mail address where there is one.
    pub fn author(&self) -> String {
        self.email.clone().unwrap_or_else(|| self.name.clone())
    }

    /// Whether the permission is given.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Whether an execution that this user or trigger started may be seen: a viewer sees its own (spec 4).
    pub fn may_see_execution_of(&self, user: Option<&str>) -> bool {
        self.may(ExecutionView) || (self.role() == Role::Viewer && user == Some(self.name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles_is_that_of_the_specification() {
        let may = |role: Role, permission: Permission| role.permissions().contains(&permission);
        for permission in Permission::ALL {
            assert!(may(Role::Admin, permission));
            let designer = AUTHORING.contains(&permission) || matches!(permission, ProcessRead | ExecutionView);
            assert_eq!(may(Role::Designer, permission), designer, "{permission:?}");
            let operator =
                matches!(permission, ProcessRead | ExecutionView | ExecutionTrigger | ExecutionCancel | ExecutionRetry);
            assert_eq!(may(Role::Operator, permission), operator, "{permission:?}");
        }
        assert!(may(Role::Approver, ApprovalDecide) && !may(Role::Approver, ExecutionTrigger));
        assert!(may(Role::Viewer, ProcessRead) && !may(Role::Viewer, ExecutionView));
    }

    #[test]
    fn stored_roles_are_mapped_and_unknown_ones_see_least() {
        for (stored, role) in [
            ("admin", Role::Admin),
            ("designer", Role::Designer),
            ("user", Role::Operator),
            ("process_approver", Role::Approver),
            ("nonsense", Role::Viewer),
        ] {
            assert_eq!(Role::of(stored), role);
        }
    }
}
