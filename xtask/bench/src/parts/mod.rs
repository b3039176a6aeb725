//! What is measured, part by part.

mod analytics;
mod deliveries;
mod http;
mod purge;
mod schedules;
mod shapes;
mod startup;
mod steps;
mod timers;
mod validation;
mod webhooks;

use clap::ValueEnum;

use crate::{Bench, report::Section};

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Checking definitions.
    Validation,
    /// What a step costs in the engine.
    Steps,
    /// Wide, long, nested and undecided executions.
    Shapes,
    /// Many executions that wait.
    Timers,
    /// The program, from its start.
    Startup,
    /// The program, under clients.
    Http,
    /// Figures of many executions.
    Analytics,
    /// Removing many executions while others work.
    Purge,
    /// Many schedules that are due at once.
    Schedules,
    /// Many calls of a webhook.
    Webhooks,
    /// Telling a receiver of much.
    Deliveries,
}

impl Part {
    /// All, in the order in which they are measured.
    pub const ALL: &[Self] = &[
        Self::Validation,
        Self::Steps,
        Self::Shapes,
        Self::Timers,
        Self::Startup,
        Self::Http,
        Self::Analytics,
        Self::Purge,
        Self::Schedules,
        Self::Webhooks,
        Self::Deliveries,
    ];

    /// Its name, as `--only` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Steps => "steps",
            Self::Shapes => "shapes",
            Self::Timers => "timers",
            Self::Startup => "startup",
            Self::Http => "http",
            Self::Analytics => "analytics",
            Self::Purge => "purge",
            Self::Schedules => "schedules",
            Self::Webhooks => "webhooks",
            Self::Deliveries => "deliveries",
        }
    }

    /// Measures it.
    pub async fn measure(self, bench: &Bench) -> anyhow::Result<Section> {
        match self {
            Self::Validation => validation::measure(bench),
            Self::Steps => steps::measure(bench).await,
            Self::Shapes => shapes::measure(bench).await,
            Self::Timers => timers::measure(bench).await,
            Self::Startup => startup::measure(bench).await,
            Self::Http => http::measure(bench).await,
            Self::Analytics => analytics::measure(bench).await,
            Self::Purge => purge::measure(bench).await,
            Self::Schedules => schedules::measure(bench).await,
            Self::Webhooks => webhooks::measure(bench).await,
            Self::Deliveries => deliveries::measure(bench).await,
        }
    }
}
