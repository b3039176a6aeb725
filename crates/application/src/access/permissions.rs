//! Permissions, and how far each reaches for a role (spec 4b 1.4).

use std::str::FromStr;

use crate::ports::Role;

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
    /// Read the measurements of the server: what a monitoring system's key is limited to.
    MetricsRead,
}

/// How far a permission reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// It is not given.
    Nothing,
    /// To what one has started oneself.
    Own,
    /// To everything.
    All,
}

use Permission::{
    AdminManageLimits, AdminViewAll, ApprovalDecide, ApprovalDelegate, ExecutionCancel, ExecutionRetry,
    ExecutionTrigger, ExecutionView, MetricsRead, ProcessCreate, ProcessDelete, ProcessPublish, ProcessRead,
    ProcessUpdate,
};

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 14] = [
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
        MetricsRead,
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
            MetricsRead => "metrics:read",
        }
    }

    /// Whether it is one of those to write processes.
    pub const fn is_authoring(self) -> bool {
        matches!(self, ProcessCreate | ProcessUpdate | ProcessDelete | ProcessPublish)
    }
}

impl FromStr for Permission {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text).ok_or(())
    }
}

impl Role {
    /// How far a permission reaches for this role.
    pub const fn reach(self, permission: Permission) -> Reach {
        let is_given = match self {
            Self::Admin => true,
            Self::Designer => permission.is_authoring() || matches!(permission, ProcessRead | ExecutionView),
            Self::Operator => {
                matches!(permission, ProcessRead | ExecutionView | ExecutionTrigger | ExecutionCancel | ExecutionRetry)
            }
            Self::Approver => matches!(permission, ProcessRead | ExecutionView | ApprovalDecide),
            Self::Viewer => match permission {
                ExecutionView => return Reach::Own,
                ProcessRead => true,
                ProcessCreate | ProcessUpdate | ProcessDelete | ProcessPublish | ExecutionTrigger | ExecutionCancel
                | ExecutionRetry | ApprovalDecide | ApprovalDelegate | AdminViewAll | AdminManageLimits
                | MetricsRead => false,
            },
        };
        if is_given { Reach::All } else { Reach::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spec 4b 1.4, row by row: admin, designer, operator, viewer, approver; `-` not given, `o` own, `x` given.
    const MATRIX: &str = "
        process:read         x x x x x
        process:create       x x - - -
        process:update       x x - - -
        process:delete       x x - - -
        process:publish      x x - - -
        execution:view       x x x o x
        execution:trigger    x - x - -
        execution:cancel     x - x - -
        execution:retry      x - x - -
        approval:decide      x - - - x
        approval:delegate    x - - - -
        admin:view_all       x - - - -
        admin:manage_limits  x - - - -
        metrics:read         x - - - -";

    #[test]
    fn what_roles_may_do_is_the_matrix_of_the_specification() {
        let columns = [Role::Admin, Role::Designer, Role::Operator, Role::Viewer, Role::Approver];
        let mut rows = 0;
        for line in MATRIX.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let permission: Permission = words.next().unwrap().parse().unwrap();
            for (role, mark) in columns.iter().zip(words) {
                let reach = match mark {
                    "x" => Reach::All,
                    "o" => Reach::Own,
                    _ => Reach::Nothing,
                };
                assert_eq!(role.reach(permission), reach, "{role:?} {line}");
            }
            rows += 1;
        }
        assert_eq!(rows, Permission::ALL.len());
    }

    #[test]
    fn stored_roles_are_mapped_and_unknown_ones_see_least() {
        for (stored, role) in [
            ("admin", Role::Admin),
            ("process_admin", Role::Admin),
            ("designer", Role::Designer),
            ("process_designer", Role::Designer),
            ("user", Role::Operator),
            ("operator", Role::Operator),
            ("process_operator", Role::Operator),
            ("approver", Role::Approver),
            ("process_approver", Role::Approver),
            ("viewer", Role::Viewer),
            ("process_viewer", Role::Viewer),
            ("nonsense", Role::Viewer),
        ] {
            assert_eq!(Role::of(stored), role);
        }
    }
}
