//! The one table of rights (spec 4b 1.4 and 4c): what each use case needs, and what a refusal looks like.
//!
//! Whoever comes in, by HTTP, MCP, a webhook, a schedule or the library, is held to it by the use case itself. What comes
//! before anyone is known (the one-time set-up, logging in, looking a key up) is no row of it.

use super::Permission;
use crate::ports::Role;

macro_rules! use_cases {
    ($($name:ident, $kind:ident $(as $action:literal)?, $needs:expr, $sight:ident, $meaning:literal;)*) => {
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

            /// What the audit trail calls it, as `noun.verb` (spec 4c); what only looks has no such name.
            pub const fn action(self) -> &'static str {
                match self {
                    $(Self::$name => first(&[$($action,)? stringify!($name)]),)*
                }
            }
        }
    };
}

const fn first(names: &[&'static str]) -> &'static str {
    match names {
        [first, ..] => first,
        [] => "",
    }
}

use Need::{Administrator, EveryRight, Only, OwnSession, OwnVoice, ViewOrOwnVoice};
use Permission::{
    AdminManageLimits, AdminViewAll, ExecutionCancel, ExecutionRetry, ExecutionTrigger, ExecutionView, MetricsRead,
    ProcessCreate, ProcessDelete, ProcessPublish, ProcessRead, ProcessUpdate,
};

use_cases! {
    CheckDefinition, Reads, Only(ProcessRead), Free, "Check a text or a stored definition, storing nothing.";
    ReadDefinitions, Reads, Only(ProcessRead), Free, "See definitions.";
    CreateDefinition, Changes as "process.create", Only(ProcessCreate), Free, "Create a draft.";
    CopyDefinition, Changes as "process.new_version", Only(ProcessCreate), Free, "Copy a version to a new draft.";
    UpdateDefinition, Changes as "process.update", Only(ProcessUpdate), Free, "Replace the text of a draft.";
    PublishDefinition, Changes as "process.publish", Only(ProcessPublish), Free, "Make a draft startable.";
    ActivateDefinition, Changes as "process.activate", Only(ProcessPublish), Free, "Give a version the triggers of its process.";
    ArchiveDefinition, Changes as "process.archive", Only(ProcessPublish), Free, "Take a version out of use.";
    DeleteDefinition, Changes as "process.delete", Only(ProcessDelete), Free, "Remove a draft or an archived version.";
    SimulateProcess, Reads, Only(ProcessCreate), Free, "Play a process through without doing anything.";
    ReadTemplates, Reads, Only(ProcessRead), Free, "See templates.";
    PreviewTemplate, Reads, Only(ProcessCreate), Free, "See what a process made from a template would be.";
    UseTemplate, Changes as "template.use", Only(ProcessCreate), Free, "Make a draft from a template.";
    CreateTemplate, Changes as "template.create", Only(ProcessCreate), Free, "Make a template.";
    ChangeTemplate, Changes as "template.change", Only(ProcessUpdate), Free, "Replace or remove a template.";
    ReadTriggers, Reads, Only(ProcessRead), Free, "See what starts processes.";
    PauseSchedule, Changes as "schedule.pause", Only(ProcessPublish), Free, "Have a schedule start nothing for a while.";
    ResumeSchedule, Changes as "schedule.resume", Only(ProcessPublish), Free, "Let a paused schedule go on.";
    RunSchedule, Changes as "schedule.run", Only(ProcessPublish), Free, "Start what a schedule starts, now.";
    EnableTrigger, Changes as "trigger.enable", Only(ProcessPublish), Free, "Let calls of a webhook start its process.";
    DisableTrigger, Changes as "trigger.disable", Only(ProcessPublish), Free, "Refuse calls of a webhook.";
    ReplayCall, Changes as "trigger.replay", Only(ProcessPublish), Free, "Repeat a call of a webhook.";
    StartExecution, Changes as "execution.trigger", Only(ExecutionTrigger), Free, "Start an execution.";
    ReadExecution, Reads, Only(ExecutionView), Execution, "See an execution and what belongs to it: steps, values, costs.";
    ListExecutions, Reads, Only(ExecutionView), Execution, "List executions.";
    FollowEvents, Reads, Only(ExecutionView), Execution, "Read events, and hear of them as they happen.";
    CancelExecution, Changes as "execution.cancel", Only(ExecutionCancel), Execution, "Cancel an execution.";
    PauseExecution, Changes as "execution.pause", Only(ExecutionCancel), Execution, "Pause an execution.";
    ResumeExecution, Changes as "execution.resume", Only(ExecutionCancel), Execution, "Let a paused execution go on.";
    RetryExecution, Changes as "execution.retry", Only(ExecutionRetry), Execution, "Repeat an execution.";
    DismissExecution, Changes as "execution.dismiss", Only(ExecutionRetry), Execution, "Put a failure aside.";
    ListApprovals, Reads, ViewOrOwnVoice, Approval, "List approvals.";
    ReadApproval, Reads, ViewOrOwnVoice, Approval, "See an approval.";
    DecideApproval, Changes as "approval.decide", OwnVoice, Approval, "Vote on an approval.";
    DelegateApproval, Changes as "approval.delegate", OwnVoice, Approval, "Pass an approval on.";
    // Over the executions that one may see.
    ReadFigures, Reads, Only(ExecutionView), Free, "See how often processes run, how that ends, and what it costs.";
    // Of the executions that one may see, and of the server for who sees all.
    ReadAlerts, Reads, Only(ExecutionView), Free, "See which costs have passed a threshold.";
    DismissAlert, Changes as "alert.dismiss", Only(ProcessUpdate), Free, "Put a cost alert aside.";
    ReadThresholds, Reads, Only(ProcessRead), Free, "See from which cost on people are told.";
    ChangeThresholds, Changes as "threshold.change", Only(ProcessUpdate), Free, "Set or remove a threshold of cost.";
    // Everyone has their own.
    ReadViews, Reads, Only(ProcessRead), Free, "See one's saved views.";
    ChangeViews, Changes as "view.change", Only(ProcessRead), Free, "Save or remove a view of one's own.";
    // Sending again is what an operator does (spec 4c: deliveries are for administrators and operators).
    ReadDeliveries, Reads, Only(ExecutionRetry), Free, "See what was told outside, and what of it failed.";
    ResendDelivery, Changes as "delivery.resend", Only(ExecutionRetry), Free, "Send a delivery again.";
    // Of the executions that one may see; an agent by its own key all of it.
    ReadAgentEvents, Reads, Only(ExecutionView), Free, "See what an agent was told.";
    ListAgents, Reads, Only(ProcessRead), Free, "List the agents that steps can name.";
    // Who writes processes talks to agents about them.
    ChatWithAgent, Changes as "agent.chat", Only(ProcessCreate), Free, "Say something to an agent.";
    ReadFrame, Reads, Only(ProcessRead), Free, "What the frame around the pages shows: questions and alerts of agents.";
    MarkNotice, Changes as "notice.mark", Only(ProcessRead), Free, "Note that one has seen a notice, or put it aside.";
    // For any user, and every role has this permission (spec 4c).
    ReadRecovery, Reads, Only(ProcessRead), Free, "See what the last start found under way: counts only.";
    ReadLimits, Reads, Administrator(AdminManageLimits), Free, "See how full the server is.";
    ReadMetrics, Reads, Only(MetricsRead), Free, "Read the measurements of the server.";
    ReadNotificationSettings, Reads, Administrator(AdminManageLimits), Free, "See where notifications go.";
    ChangeNotificationSettings, Changes as "settings.notifications", Administrator(AdminManageLimits), Free, "Change where notifications go.";
    TestNotification, Changes as "notification.test", Administrator(AdminManageLimits), Free, "Send a test message.";
    ReadRetention, Reads, Administrator(AdminManageLimits), Free, "See for how long things are kept.";
    ChangeRetention, Changes as "settings.retention", Administrator(AdminManageLimits), Free, "Change for how long things are kept.";
    RunRetention, Changes as "retention.run", Administrator(AdminManageLimits), Free, "Remove what was kept for long enough.";
    ReadAudit, Reads, Administrator(AdminViewAll), Free, "See who did what.";
    ReadUsers, Reads, EveryRight, Free, "See users.";
    CreateUser, Changes as "user.create", EveryRight, Free, "Create a user.";
    ChangeRole, Changes as "user.role", EveryRight, Free, "Change a user's role.";
    ChangePassword, Changes as "user.password", EveryRight, Free, "Change a user's password.";
    RemoveUser, Changes as "user.remove", EveryRight, Free, "Remove a user.";
    ReadKeys, Reads, EveryRight, Free, "See API keys.";
    CreateKey, Changes as "key.create", EveryRight, Free, "Make an API key.";
    RevokeKey, Changes as "key.revoke", EveryRight, Free, "Revoke an API key.";
    EndSession, Changes as "session.end", OwnSession, Free, "End one's own sessions.";
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
    /// To have come in by a session; a key is none, and is revoked.
    OwnSession,
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
    #[error("the API key is limited to scopes without {}", .0.as_str())]
    Scope(Permission),
    /// A key is no session.
    #[error("An API key is no session that could end; an administrator can revoke it")]
    KeyIsNoSession,
    /// It is for administrators.
    #[error("Admin access required")]
    AdminsOnly,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_change_has_an_action_of_its_own() {
        let changes = UseCase::ALL.iter().filter(|use_case| use_case.rule().kind == Kind::Changes);
        let mut actions = BTreeSet::new();
        for action in changes.map(|use_case| use_case.action()) {
            let is_word =
                |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(action.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && is_word(verb)), "{action}");
            assert!(actions.insert(action), "{action}");
        }
    }
}
