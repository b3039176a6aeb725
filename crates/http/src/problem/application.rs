//! What errors of the application mean on the wire: the one place that decides (spec 4, errors).

use procession_application::{
    access::{AccessFailure, Forbidden, NameError, PasswordError},
    agents::AgentsFailure,
    alerts::AlertFailure,
    approvals::ApprovalFailure,
    audit::AuditFailure,
    dashboard::DashboardFailure,
    definitions::DefinitionFailure,
    deliveries::DeliveriesFailure,
    events::EventsFailure,
    executions::{ExecutionFailure, SimulationFailure, StartFailure, TooManyStarts},
    figures::FiguresFailure,
    inbox::InboxFailure,
    notifications::NotificationFailure,
    ports::{AccessError, DefinitionStoreError, StartError, StoreError},
    retention::RetentionFailure,
    server_status::StatusFailure,
    templates::TemplateFailure,
    triggers::{CallFailure, TriggerFailure},
    views::ViewFailure,
};
use procession_domain::{approval::ApprovalError, definition::ProcessError, execution::CommandError};
use procession_language::Diagnostic;
use serde_json::json;

use super::{Code, FieldError, Problem};
use crate::wire::Issue;

/// How long a client is asked to wait while too many executions are pending, in seconds.
const QUEUE_PATIENCE: u64 = 10;

/// How long a client is asked to wait while too many texts are being checked, in seconds.
const CHECK_PATIENCE: u64 = 2;

impl From<Forbidden> for Problem {
    fn from(error: Forbidden) -> Self {
        Self::forbidden(error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) => {
                tracing::error!(%error, "the store is not available");
                Self::unavailable(Code::StoreUnavailable, "The database can't be used at the moment; try again")
            }
            StoreError::Corrupt(_) => {
                tracing::error!(%error, "the store can't be read");
                Self::internal()
            }
            StoreError::UnknownCursor(_) => Self::invalid(Code::InvalidQuery, error.to_string()),
        }
    }
}

impl From<DefinitionFailure> for Problem {
    fn from(error: DefinitionFailure) -> Self {
        let detail = error.to_string();
        match error {
            DefinitionFailure::Forbidden(forbidden) => forbidden.into(),
            DefinitionFailure::NotFound => Self::not_found(detail),
            DefinitionFailure::TooLarge { .. } => Self::too_large(detail),
            DefinitionFailure::Invalid(diagnostics) => {
                let errors = diagnostics.iter().filter(|diagnostic| Diagnostic::is_error(diagnostic));
                Self::invalid(Code::InvalidDefinition, detail).with_errors(errors.map(Issue::of))
            }
            DefinitionFailure::Version(_) => Self::invalid(Code::InvalidDefinition, detail),
            DefinitionFailure::State(error) => error.into(),
            DefinitionFailure::Overloaded(_) => Self::too_many(Code::Busy, detail, CHECK_PATIENCE),
            DefinitionFailure::Store(error) => match error {
                DefinitionStoreError::NameTaken { .. } => Self::conflict(Code::NameTaken, detail),
                DefinitionStoreError::Stale => Self::conflict(Code::Stale, detail),
                DefinitionStoreError::HasLiveExecutions => Self::conflict(Code::InUse, detail),
                DefinitionStoreError::Store(error) => error.into(),
            },
        }
    }
}

impl From<ProcessError> for Problem {
    fn from(error: ProcessError) -> Self {
        let code = match error {
            ProcessError::Stale { .. } => Code::Stale,
            ProcessError::NotEditable(_)
            | ProcessError::NotPublishable(_)
            | ProcessError::NotActivatable(_)
            | ProcessError::AlreadyArchived
            | ProcessError::NotDeletable
            | ProcessError::NotStartable(_) => Code::Conflict,
        };
        Self::conflict(code, error.to_string())
    }
}

impl From<StartFailure> for Problem {
    fn from(error: StartFailure) -> Self {
        let detail = error.to_string();
        match error {
            StartFailure::Forbidden(forbidden) => forbidden.into(),
            StartFailure::NotFound => Self::not_found(detail),
            StartFailure::NotStartable(error) => error.into(),
            StartFailure::InvalidInput(problems) => {
                let errors = problems.into_iter().map(|problem| FieldError::new(problem.field, problem.message));
                Self::invalid(Code::InvalidInput, detail).with_errors(errors)
            }
            StartFailure::TooLarge(_) => Self::too_large(detail),
            StartFailure::TooManyStarts(refused) => refused.into(),
            StartFailure::Start(error) => error.into(),
        }
    }
}

impl From<SimulationFailure> for Problem {
    fn from(error: SimulationFailure) -> Self {
        let detail = error.to_string();
        match error {
            SimulationFailure::Start(error) => error.into(),
            SimulationFailure::UnknownStep(step) => {
                Self::invalid(Code::InvalidValue, detail).with_errors([FieldError::new(step.to_string(), "is no step")])
            }
        }
    }
}

impl From<AuditFailure> for Problem {
    fn from(error: AuditFailure) -> Self {
        let detail = error.to_string();
        match error {
            AuditFailure::Forbidden(forbidden) => forbidden.into(),
            AuditFailure::NotFound => Self::not_found(detail),
            AuditFailure::Store(error) => error.into(),
        }
    }
}

impl From<TooManyStarts> for Problem {
    fn from(error: TooManyStarts) -> Self {
        Self::too_many(Code::RateLimited, error.to_string(), error.wait.as_millis().div_ceil(1_000))
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        let detail = error.to_string();
        match error {
            StartError::KeyReused => Self::conflict(Code::KeyReused, detail),
            StartError::QueueFull { .. } => Self::too_many(Code::QueueFull, detail, QUEUE_PATIENCE),
            StartError::ProcessGone => Self::not_found(detail),
            StartError::Outrun => Self::conflict(Code::Stale, detail),
            StartError::Store(error) => error.into(),
        }
    }
}

impl From<ExecutionFailure> for Problem {
    fn from(error: ExecutionFailure) -> Self {
        let detail = error.to_string();
        match error {
            ExecutionFailure::Forbidden(forbidden) => forbidden.into(),
            ExecutionFailure::NotFound | ExecutionFailure::NoSuchEvent { .. } => Self::not_found(detail),
            ExecutionFailure::Refused(
                CommandError::Ended { .. }
                | CommandError::RollingBack { .. }
                | CommandError::NotStarted { .. }
                | CommandError::AlreadyPaused
                | CommandError::NotPaused,
            )
            | ExecutionFailure::NotFailed(_)
            | ExecutionFailure::Retry(_)
            | ExecutionFailure::OutputPurged(_)
            | ExecutionFailure::EventsPurged => Self::conflict(Code::Conflict, detail),
            ExecutionFailure::Waiting => Self::conflict(Code::CommandWaiting, detail),
            ExecutionFailure::TooManyStarts(refused) => refused.into(),
            ExecutionFailure::Start(error) => error.into(),
            ExecutionFailure::Store(error) => error.into(),
        }
    }
}

impl From<ApprovalFailure> for Problem {
    fn from(error: ApprovalFailure) -> Self {
        let detail = error.to_string();
        match error {
            ApprovalFailure::Forbidden(forbidden) => forbidden.into(),
            ApprovalFailure::NotFound => Self::not_found(detail),
            ApprovalFailure::UnknownUser(_) => {
                Self::invalid(Code::InvalidValue, detail).with_errors([FieldError::new("to", "is not a user")])
            }
            ApprovalFailure::Refused(refused) => match refused {
                ApprovalError::Settled(_) | ApprovalError::VotedBefore(_) | ApprovalError::TooLate => {
                    Self::conflict(Code::AlreadyDecided, detail)
                }
                ApprovalError::AssignedAlready(_) | ApprovalError::TooFewDeciders(_) => {
                    Self::conflict(Code::Conflict, detail)
                }
                ApprovalError::MayNotDecide(_) => {
                    let errors = [FieldError::new("to", "may not decide approvals")];
                    Self::invalid(Code::InvalidValue, detail).with_errors(errors)
                }
                ApprovalError::DelegateHasPart(_) => {
                    let errors = [FieldError::new("to", "has a part in what is judged")];
                    Self::invalid(Code::InvalidValue, detail).with_errors(errors)
                }
                ApprovalError::NotAsked(_) | ApprovalError::OwnPart(_) => Self::forbidden(detail),
                ApprovalError::CommentRequired => {
                    let errors = [FieldError::new("comment", "is required")];
                    Self::invalid(Code::InvalidValue, detail).with_errors(errors)
                }
            },
            ApprovalFailure::Store(error) => error.into(),
        }
    }
}

impl From<AccessFailure> for Problem {
    fn from(error: AccessFailure) -> Self {
        let detail = error.to_string();
        match error {
            AccessFailure::Forbidden(forbidden) => forbidden.into(),
            AccessFailure::SetupRequired => Self { code: Code::SetupRequired, ..Self::forbidden(detail) },
            AccessFailure::SetupDone => Self { code: Code::SetupDone, ..Self::forbidden(detail) },
            AccessFailure::WrongPassword => Self { code: Code::WrongPassword, ..Self::no_session(&detail) },
            AccessFailure::TooManyAttempts(wait) => {
                Self::too_many(Code::TooManyAttempts, detail, wait.as_millis().div_ceil(1_000))
            }
            AccessFailure::LastAdmin(_) => Self::conflict(Code::Conflict, detail),
            AccessFailure::Password(PasswordError::Busy) => Self::too_many(Code::Busy, detail, 1),
            AccessFailure::Name(NameError::LooksLike { .. }) => Self::conflict(Code::NameTaken, capitalised(&detail)),
            AccessFailure::Password(_)
            | AccessFailure::UnknownRole(_)
            | AccessFailure::Name(_)
            | AccessFailure::BadEmail(_)
            | AccessFailure::BadKeyName
            | AccessFailure::UnknownScope(_) => Self::invalid(Code::InvalidValue, capitalised(&detail)),
            AccessFailure::Store(error) => match error {
                AccessError::Taken => Self::conflict(Code::NameTaken, capitalised(&detail)),
                AccessError::Unknown => Self::not_found(capitalised(&detail)),
                AccessError::LastAdmin(_) => Self::conflict(Code::Conflict, detail),
                AccessError::Store(error) => error.into(),
            },
        }
    }
}

impl From<NotificationFailure> for Problem {
    fn from(error: NotificationFailure) -> Self {
        let detail = capitalised(&error.to_string());
        match error {
            NotificationFailure::Forbidden(forbidden) => forbidden.into(),
            NotificationFailure::Settings(_) => Self::invalid(Code::InvalidValue, detail),
            NotificationFailure::UnknownChannel { .. } => {
                Self::invalid(Code::InvalidValue, detail).with_errors([FieldError::new("channel", "is not a channel")])
            }
            // What is tested are the settings, and they don't do: a receiver that is down is no failure of this server.
            NotificationFailure::Undelivered(_) => Self::invalid(Code::Undelivered, detail),
            NotificationFailure::Store(error) => error.into(),
        }
    }
}

impl From<RetentionFailure> for Problem {
    fn from(error: RetentionFailure) -> Self {
        let detail = error.to_string();
        match error {
            RetentionFailure::Forbidden(forbidden) => forbidden.into(),
            RetentionFailure::Running => Self::conflict(Code::Conflict, detail),
            RetentionFailure::Archive(_) => Self::unavailable(Code::StoreUnavailable, detail),
            RetentionFailure::Store(error) => error.into(),
        }
    }
}

impl From<DeliveriesFailure> for Problem {
    fn from(error: DeliveriesFailure) -> Self {
        let detail = error.to_string();
        match error {
            DeliveriesFailure::Forbidden(forbidden) => forbidden.into(),
            DeliveriesFailure::NotFound => Self::not_found(detail),
            DeliveriesFailure::Store(error) => error.into(),
        }
    }
}

impl From<AgentsFailure> for Problem {
    fn from(error: AgentsFailure) -> Self {
        let detail = error.to_string();
        match error {
            AgentsFailure::Forbidden(forbidden) => forbidden.into(),
            AgentsFailure::NotFound => Self::not_found(detail),
            AgentsFailure::Stopped(_) | AgentsFailure::Chat(_) => Self::unavailable(Code::AgentsUnavailable, detail),
            AgentsFailure::Busy(wait) => Self::too_many(Code::AgentBusy, detail, wait.as_secs()),
            AgentsFailure::Store(error) => error.into(),
            AgentsFailure::Gateway(failure) => {
                Self::unavailable(Code::AgentsUnavailable, format!("the agents can't be listed: {failure}"))
            }
        }
    }
}

impl From<TemplateFailure> for Problem {
    fn from(error: TemplateFailure) -> Self {
        let detail = error.to_string();
        match error {
            TemplateFailure::Forbidden(forbidden) => forbidden.into(),
            TemplateFailure::NotFound => Self::not_found(detail),
            TemplateFailure::NameTaken(_) => Self::conflict(Code::NameTaken, detail),
            TemplateFailure::Bundled(_) => Self::conflict(Code::Conflict, detail),
            TemplateFailure::NotOwned => Self::forbidden(detail),
            TemplateFailure::Unfit(problems) => {
                let errors = problems
                    .into_iter()
                    .map(|problem| json!({"path": problem.path, "field": problem.path, "message": problem.message}));
                Self::invalid(Code::InvalidValue, detail).with_errors(errors)
            }
            TemplateFailure::Definition(error) => error.into(),
            TemplateFailure::Store(error) => error.into(),
        }
    }
}

impl From<TriggerFailure> for Problem {
    fn from(error: TriggerFailure) -> Self {
        let detail = error.to_string();
        match error {
            TriggerFailure::Forbidden(forbidden) => forbidden.into(),
            TriggerFailure::NoProcess
            | TriggerFailure::NoWebhook(_)
            | TriggerFailure::NoCall
            | TriggerFailure::NoSchedule(_) => Self::not_found(detail),
            TriggerFailure::NotReplayable(_) => Self::conflict(Code::Conflict, detail),
            TriggerFailure::Contended => Self::conflict(Code::Stale, detail),
            TriggerFailure::Start(failure) => failure.into(),
            TriggerFailure::Store(error) => error.into(),
        }
    }
}

impl From<CallFailure> for Problem {
    fn from(error: CallFailure) -> Self {
        let detail = error.to_string();
        match error {
            CallFailure::NotFound(_) => Self::not_found(detail),
            // It is no session that is missing, so that nobody is asked to log in (spec 4).
            CallFailure::Disabled | CallFailure::NotLetIn(_) => Self::forbidden(detail),
            CallFailure::NoSecret => Self::unavailable(Code::WebhookSecretMissing, detail),
            CallFailure::NotJson(_) => Self::bad_request(Code::MalformedJson, detail),
            CallFailure::BadHeader(_) => Self::invalid(Code::InvalidQuery, detail),
            CallFailure::Start(failure) => failure.into(),
            CallFailure::Store(error) => error.into(),
        }
    }
}

impl From<FiguresFailure> for Problem {
    fn from(error: FiguresFailure) -> Self {
        let detail = error.to_string();
        match error {
            FiguresFailure::Forbidden(forbidden) => forbidden.into(),
            FiguresFailure::NotFound => Self::not_found(detail),
            FiguresFailure::Span | FiguresFailure::VersionAlone => {
                Self::invalid(Code::InvalidQuery, capitalised(&detail))
            }
            FiguresFailure::Store(error) => error.into(),
        }
    }
}

impl From<AlertFailure> for Problem {
    fn from(error: AlertFailure) -> Self {
        let detail = capitalised(&error.to_string());
        match error {
            AlertFailure::Forbidden(forbidden) => forbidden.into(),
            AlertFailure::NoProcess | AlertFailure::NoThreshold | AlertFailure::NoAlert => Self::not_found(detail),
            AlertFailure::Dismissed => Self::bad_request(Code::Conflict, detail),
            AlertFailure::Amount => {
                Self::invalid(Code::InvalidValue, detail).with_errors([FieldError::new("amount", "does not do")])
            }
            AlertFailure::Store(error) => error.into(),
        }
    }
}

impl From<DashboardFailure> for Problem {
    fn from(error: DashboardFailure) -> Self {
        match error {
            DashboardFailure::Forbidden(error) => error.into(),
            DashboardFailure::Executions(error) => error.into(),
            DashboardFailure::Approvals(error) => error.into(),
            DashboardFailure::Figures(error) => error.into(),
            DashboardFailure::Triggers(error) => error.into(),
            DashboardFailure::Inbox(error) => error.into(),
            DashboardFailure::Alerts(error) => error.into(),
            DashboardFailure::Deliveries(error) => error.into(),
            DashboardFailure::Store(error) => error.into(),
        }
    }
}

impl From<ViewFailure> for Problem {
    fn from(error: ViewFailure) -> Self {
        let detail = capitalised(&error.to_string());
        match error {
            ViewFailure::Forbidden(forbidden) => forbidden.into(),
            ViewFailure::NotFound => Self::not_found(detail),
            ViewFailure::Name => {
                Self::invalid(Code::InvalidValue, detail).with_errors([FieldError::new("name", "does not do")])
            }
            ViewFailure::TooLarge => {
                Self::invalid(Code::InvalidValue, detail).with_errors([FieldError::new("filters", "are too large")])
            }
            ViewFailure::NoUser | ViewFailure::TooMany => Self::conflict(Code::Conflict, detail),
            ViewFailure::Store(error) => error.into(),
        }
    }
}

impl From<InboxFailure> for Problem {
    fn from(error: InboxFailure) -> Self {
        let detail = capitalised(&error.to_string());
        match error {
            InboxFailure::Forbidden(forbidden) => forbidden.into(),
            InboxFailure::NotFound(_) => Self::not_found(detail),
            InboxFailure::Answered => Self::conflict(Code::AlreadyDecided, detail),
            InboxFailure::Response(options) => {
                let message = format!("must be one of {}", options.join(", "));
                Self::invalid(Code::InvalidValue, detail).with_errors([FieldError::new("response", message)])
            }
            InboxFailure::Approval(error) => error.into(),
            InboxFailure::Execution(error) => error.into(),
            InboxFailure::Store(error) => error.into(),
        }
    }
}

impl From<EventsFailure> for Problem {
    fn from(error: EventsFailure) -> Self {
        match error {
            EventsFailure::Forbidden(forbidden) => forbidden.into(),
            EventsFailure::Store(error) => error.into(),
        }
    }
}

impl From<StatusFailure> for Problem {
    fn from(error: StatusFailure) -> Self {
        match error {
            StatusFailure::Forbidden(forbidden) => forbidden.into(),
            StatusFailure::Store(error) => error.into(),
        }
    }
}

/// A sentence with a capital at its beginning.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
