//! The one table of rights (spec 4b 1.4 and 4c): what each use case needs, and what a refusal looks like.
//!
//! Whoever comes in, by HTTP, MCP, a webhook, a schedule or the library, is held to it by the use case itself. What comes
//! before anyone is known (the one-time set-up, logging in, looking a key up) is no row of it.

use super::Permission;
use crate::ports::Role;

macro_rules! use_cases {
    ($($name:ident, $kind:ident, $needs:expr, $sight:ident, $meaning:literal;)*) => {
        /// Something that people and programs can ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum UseCase {
            $(#[doc = $meaning] $name,)*
        }

        impl UseCase {
            /// Every use case.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The row of the table.
            pub const fn rule(self) -> Rule {
                match self {
                    $(Self::$name => Rule { kind: Kind::$kind, needs: $needs, sight: Sight::$sight },)*
                }
            }
        }
    };
}

use Need::{Administrator, EveryRight, Only, OwnVoice, ViewOrOwnVoice};
use Permission::{
    AdminManageLimits, ExecutionCancel, ExecutionRetry, ExecutionTrigger, ExecutionView, ProcessCreate, ProcessDelete,
    ProcessPublish, ProcessRead, ProcessUpdate,
};

use_cases! {
    CheckDefinition, Reads, Only(ProcessRead), Free, "Check a text or a stored definition, storing nothing.";
    ReadDefinitions, Reads, Only(ProcessRead), Free, "See definitions.";
    CreateDefinition, Changes, Only(ProcessCreate), Free, "Create a draft.";
    CopyDefinition, Changes, Only(ProcessCreate), Free, "Copy a version to a new draft.";
    UpdateDefinition, Changes, Only(ProcessUpdate), Free, "Replace the text of a draft.";
    PublishDefinition, Changes, Only(ProcessPublish), Free, "Make a draft startable.";
    ArchiveDefinition, Changes, Only(ProcessPublish), Free, "Take a version out of use.";
    DeleteDefinition, Changes, Only(ProcessDelete), Free, "Remove a draft or an archived version.";
    ReadTemplates, Reads, Only(ProcessRead), Free, "See templates.";
    PreviewTemplate, Reads, Only(ProcessCreate), Free, "See what a process made from a template would be.";
    UseTemplate, Changes, Only(ProcessCreate), Free, "Make a draft from a template.";
    CreateTemplate, Changes, Only(ProcessCreate), Free, "Make a template.";
    ChangeTemplate, Changes, Only(ProcessUpdate), Free, "Replace or remove a template.";
    ReadTriggers, Reads, Only(ProcessRead), Free, "See what starts processes.";
    StartExecution, Changes, Only(ExecutionTrigger), Free, "Start an execution.";
    ReadExecution, Reads, Only(ExecutionView), Execution, "See an execution and what belongs to it: steps, values, costs.";
    ListExecutions, Reads, Only(ExecutionView), Execution, "List executions.";
    FollowEvents, Reads, Only(ExecutionView), Execution, "Read events, and hear of them as they happen.";
    CancelExecution, Changes, Only(ExecutionCancel), Execution, "Cancel an execution.";
    PauseExecution, Changes, Only(ExecutionCancel), Execution, "Pause an execution.";
    ResumeExecution, Changes, Only(ExecutionCancel), Execution, "Let a paused execution go on.";
    RetryExecution, Changes, Only(ExecutionRetry), Execution, "Repeat an execution.";
    DismissExecution, Changes, Only(ExecutionRetry), Execution, "Put a failure aside.";
    ListApprovals, Reads, ViewOrOwnVoice, Approval, "List approvals.";
    ReadApproval, Reads, ViewOrOwnVoice, Approval, "See an approval.";
    DecideApproval, Changes, OwnVoice, Approval, "Vote on an approval.";
    DelegateApproval, Changes, OwnVoice, Approval, "Pass an approval on.";
    // Over the executions that one may see.
    ReadFigures, Reads, Only(ExecutionView), Free, "See how often processes run, how that ends, and what it costs.";
    ReadThresholds, Reads, Only(ProcessRead), Free, "See from which cost on people are told.";
    ChangeThresholds, Changes, Only(ProcessUpdate), Free, "Set or remove a threshold of cost.";
    ListAgents, Reads, Only(ProcessRead), Free, "List the agents that steps can name.";
    // Who writes processes talks to agents about them.
    ChatWithAgent, Changes, Only(ProcessCreate), Free, "Say something to an agent.";
    ReadFrame, Reads, Only(ProcessRead), Free, "What the frame around the pages shows: questions and alerts of agents.";
    MarkNotice, Changes, Only(ProcessRead), Free, "Note that one has seen a notice, or put it aside.";
    // For any user, and every role has this permission (spec 4c).
    ReadRecovery, Reads, Only(ProcessRead), Free, "See what the last start found under way: counts only.";
    ReadLimits, Reads, Administrator(AdminManageLimits), Free, "See how full the server is.";
    ReadNotificationSettings, Reads, Administrator(AdminManageLimits), Free, "See where notifications go.";
    ChangeNotificationSettings, Changes, Administrator(AdminManageLimits), Free, "Change where notifications go.";
    TestNotification, Changes, Administrator(AdminManageLimits), Free, "Send a test message.";
    ReadUsers, Reads, EveryRight, Free, "See users.";
    CreateUser, Changes, EveryRight, Free, "Create a user.";
    ChangeRole, Changes, EveryRight, Free, "Change a user's role.";
    ChangePassword, Changes, EveryRight, Free, "Change a user's password.";
    RemoveUser, Changes, EveryRight, Free, "Remove a user.";
    ReadKeys, Reads, EveryRight, Free, "See API keys.";
    CreateKey, Changes, EveryRight, Free, "Make an API key.";
    RevokeKey, Changes, EveryRight, Free, "Revoke an API key.";
}

/// What the table says of a use case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Whether it changes something.
    pub kind: Kind,
    /// What it needs, whatever it is about; who lacks it is forbidden it (403).
    pub needs: Need,
    /// What it is about, if that must be in sight; for who does not see it, it is not there (404).
    pub sight: Sight,
}

/// What a use case does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only looks.
    Reads,
    /// It changes something, or tells someone outside: it is carried through, whoever stops waiting for it.
    Changes,
}

/// What a use case needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Only this permission, however far it reaches.
    Only(Permission),
    /// To be an administrator, with this permission.
    Administrator(Permission),
    /// To be an administrator without any limit: who writes users and keys could give itself every right.
    EveryRight,
    /// Nothing: the approval knows whom it asks (spec 3.5). But a key may do no more than its scopes say, and speaks for
    /// its user only with `approval:decide`.
    OwnVoice,
    /// To see executions, or else to have one's own voice.
    ViewOrOwnVoice,
}

/// What must be in sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Nothing: it is about no execution.
    Free,
    /// An execution that the principal may see: all of them by `execution:view`, a viewer its own.
    Execution,
    /// An approval of such an execution, or one that asks the principal.
    Approval,
}

/// Why someone may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The role lacks the permission.
    #[error("Role {} does not have {} permission", .role.as_str(), .permission.as_str())]
    Role {
        /// The role.
        role: Role,
        /// The permission.
        permission: Permission,
    },
    /// The role has the permission, and the key is limited to others.
    #[error("The API key is limited to scopes without {}", .0.as_str())]
    Scope(Permission),
    /// It is for administrators.
    #[error("Admin access required")]
    AdminsOnly,
}
