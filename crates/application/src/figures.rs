//! Use cases of figures: how often processes run, how that ends, how long it takes and what it costs (spec 4b 9).

use std::{collections::BTreeMap, sync::Arc};

use procession_domain::{
    definition::ProcessStatus,
    value::{Cost, Currency, Duration, ProcessId, ProcessName, Timestamp},
};

use crate::{
    access::{Forbidden, Permission, Principal, Reach, UseCase},
    ports::{
        Clock, Counted, DayFigures, DefinitionStore, FigureStore, PageStart, Paging, ProcessFigures, ProcessFilter,
        ProcessRow, RunCounts, StepFigures, StoreError,
    },
};

/// How many definitions are read at a time.
const PAGE: u32 = 100;

/// The service for figures.
#[derive(Clone)]
pub struct Figures {
    analytics: Arc<dyn FigureStore>,
    definitions: Arc<dyn DefinitionStore>,
    clock: Arc<dyn Clock>,
    currency: Currency,
}

/// Which time and what is counted.
#[derive(Debug, Clone, Default)]
pub struct FiguresQuery {
    /// The last so many days, to this moment.
    pub days: u32,
    /// Only executions of this version.
    pub process_id: Option<ProcessId>,
    /// Only executions of this process.
    pub process_name: Option<String>,
}

/// What happened day by day.
#[derive(Debug, Clone, PartialEq)]
pub struct Trends {
    /// Every day of the time, oldest first, also those on which nothing ran.
    pub days: Vec<DayFigures>,
    /// All of them together.
    pub total: RunCounts,
}

/// Why figures can't be told.
#[derive(Debug, thiserror::Error)]
pub enum FiguresFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such process.
    #[error("Process not found")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Figures {
    /// The service; costs of nothing are told in `currency`.
    pub(crate) const fn new(
        analytics: Arc<dyn FigureStore>,
        definitions: Arc<dyn DefinitionStore>,
        clock: Arc<dyn Clock>,
        currency: Currency,
    ) -> Self {
        Self { analytics, definitions, clock, currency }
    }

    /// What happened day by day, over the executions that the principal may see.
    pub async fn trends(&self, by: &Principal, query: &FiguresQuery) -> Result<Trends, FiguresFailure> {
        by.check(UseCase::ReadFigures)?;
        let counted = self.counted(by, query);
        let mut found: BTreeMap<Timestamp, DayFigures> = BTreeMap::new();
        for day in self.analytics.day_figures(&counted).await? {
            found.insert(day.day, day);
        }
        let mut total = self.nothing();
        let mut days = Vec::new();
        for day in days_of(&counted) {
            let figures = found.remove(&day).unwrap_or_else(|| DayFigures { day, counts: self.nothing() });
            add(&mut total, &figures.counts);
            days.push(figures);
        }
        Ok(Trends { days, total })
    }

    /// The figures of every published version, the last changed first, over the executions that the principal may see.
    pub async fn processes(&self, by: &Principal, query: &FiguresQuery) -> Result<Vec<ProcessFigures>, FiguresFailure> {
        by.check(UseCase::ReadFigures)?;
        let counted = self.analytics.process_figures(&self.counted(by, query)).await?;
        let mut counted: BTreeMap<ProcessId, ProcessFigures> =
            counted.into_iter().map(|figures| (figures.process_id, figures)).collect();
        let published = self.published(query).await?;
        let figures = |row: ProcessRow| counted.remove(&row.id).unwrap_or_else(|| self.none_of(row.id, row.name));
        Ok(published.into_iter().map(figures).collect())
    }

    /// The figures of one version, over the executions that the principal may see.
    pub async fn process(&self, by: &Principal, id: ProcessId, days: u32) -> Result<ProcessFigures, FiguresFailure> {
        by.check(UseCase::ReadFigures)?;
        let process = self.definitions.load(id).await?.ok_or(FiguresFailure::NotFound)?;
        let query = FiguresQuery { days, process_id: Some(id), process_name: None };
        let counted = self.analytics.process_figures(&self.counted(by, &query)).await?;
        let figures = counted.into_iter().next();
        Ok(figures.unwrap_or_else(|| self.none_of(id, process.definition().name().clone())))
    }

    /// The figures of steps, over the executions that the principal may see.
    pub async fn steps(&self, by: &Principal, query: &FiguresQuery) -> Result<Vec<StepFigures>, FiguresFailure> {
        by.check(UseCase::ReadFigures)?;
        Ok(self.analytics.step_figures(&self.counted(by, query)).await?)
    }

    fn counted(&self, by: &Principal, query: &FiguresQuery) -> Counted {
        let now = self.clock.now();
        let back = Duration::from_secs(u64::from(query.days).saturating_mul(86_400));
        let micros = i64::try_from(back.as_millis()).unwrap_or(i64::MAX).saturating_mul(1_000);
        Counted {
            from: Timestamp::from_micros(now.as_micros().saturating_sub(micros)),
            // What began at this very moment counts.
            until: now.saturating_add(Duration::from_millis(1)),
            user: visible_user(by),
            process_id: query.process_id,
            process_name: query.process_name.clone(),
        }
    }

    async fn published(&self, query: &FiguresQuery) -> Result<Vec<ProcessRow>, StoreError> {
        let filter = ProcessFilter {
            status: Some(ProcessStatus::Published),
            name: query.process_name.clone(),
            ..ProcessFilter::default()
        };
        let mut rows = Vec::new();
        let mut start = PageStart::Offset(0);
        loop {
            let page = self.definitions.list(&filter, &Paging { limit: PAGE, start }).await?;
            rows.extend(page.rows);
            match page.next_cursor {
                Some(cursor) => start = PageStart::Cursor(cursor),
                None => return Ok(rows),
            }
        }
    }

    const fn nothing(&self) -> RunCounts {
        RunCounts { executions: 0, completed: 0, failed: 0, running: 0, cost: Cost::none(self.currency) }
    }

    const fn none_of(&self, process_id: ProcessId, process_name: ProcessName) -> ProcessFigures {
        ProcessFigures { process_id, process_name, counts: self.nothing(), took: None, cost: None }
    }
}

impl RunCounts {
    /// How many of a hundred that ended well or failed have ended well, to one decimal; 0 if there are none.
    #[expect(clippy::cast_precision_loss, reason = "a share to one decimal")]
    pub fn success_rate(&self) -> f64 {
        let ended = self.completed + self.failed;
        if ended == 0 { 0.0 } else { (self.completed as f64 / ended as f64 * 1_000.0).round() / 10.0 }
    }
}

/// The user whose executions alone the principal sees; `None` = it sees all. Who sees none looks for those of nobody.
pub(crate) fn visible_user(by: &Principal) -> Option<String> {
    match by.reach(Permission::ExecutionView) {
        Reach::All => None,
        Reach::Own => Some(by.user().unwrap_or_default().to_owned()),
        // Nobody has this name.
        Reach::Nothing => Some(String::new()),
    }
}

/// The days in UTC on which the time lies, oldest first.
fn days_of(counted: &Counted) -> impl Iterator<Item = Timestamp> {
    const DAY: i64 = 86_400_000_000;
    let first = counted.from.as_micros().div_euclid(DAY);
    let last = counted.until.as_micros().saturating_sub(1).div_euclid(DAY);
    (first..=last).map(|day| Timestamp::from_micros(day * DAY))
}

fn add(total: &mut RunCounts, counts: &RunCounts) {
    total.executions += counts.executions;
    total.completed += counts.completed;
    total.failed += counts.failed;
    total.running += counts.running;
    // All costs of a server are in its currency.
    if let Ok(sum) = total.cost.amount.checked_add(counts.cost.amount) {
        total.cost.amount = sum;
    }
    total.cost.complete &= counts.cost.complete;
}
