//! Use cases of figures: how often processes run, how that ends, how long it takes and what it costs (spec 4b 9, 4c).

use std::{collections::BTreeMap, sync::Arc};

use procession_domain::{
    definition::ProcessStatus,
    event::ProcessRef,
    value::{Cost, Currency, Duration, Money, ProcessId, Timestamp, Version},
};

use crate::{
    access::{Forbidden, Permission, Principal, Reach, UseCase},
    calendar::Calendar,
    ports::{
        Clock, Counted, DefinitionStore, FigureStore, Grouping, HOUR, PageStart, Paging, ProcessFilter, ProcessRow,
        QUARTER, RecentRuns, RunFigures, RunSums, StepFigures, StoreError,
    },
};

/// How many definitions are read at a time.
const PAGE: u32 = 100;

/// How many executions tell how a version has gone lately.
const RECENT: u32 = 30;

/// How many days can be told apart.
const MOST_DAYS: i64 = 1_100;

/// The service for figures.
#[derive(Clone)]
pub struct Figures {
    analytics: Arc<dyn FigureStore>,
    definitions: Arc<dyn DefinitionStore>,
    clock: Arc<dyn Clock>,
    currency: Currency,
}

/// Which time and what is counted.
#[derive(Debug, Clone)]
pub struct FiguresQuery {
    /// The time.
    pub span: FiguresSpan,
    /// The zone whose days are told apart, and whose dates begin and end the time.
    pub calendar: Calendar,
    /// Only executions of this version.
    pub process_id: Option<ProcessId>,
    /// Only executions of this process.
    pub process_name: Option<String>,
    /// Only executions of the version of this number.
    pub version: Option<Version>,
}

/// Which time is counted; it begins and ends on a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FiguresSpan {
    /// The last so many times 24 hours, to this moment.
    Days(u32),
    /// From one moment to the one before another.
    Between(Timestamp, Timestamp),
}

/// What happened day by day.
#[derive(Debug, Clone, PartialEq)]
pub struct Trends {
    /// Every day of the time, oldest first, also those on which nothing ran.
    pub days: Vec<DayOfTrend>,
    /// All of them together.
    pub total: RunSums,
}

/// A day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayOfTrend {
    /// Its date.
    pub date: String,
    /// The executions that began on it.
    pub sums: RunSums,
}

/// The figures of one version.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessFigures {
    /// The version.
    pub process: ProcessRef,
    /// Its executions.
    pub sums: RunSums,
}

/// The figures of one version on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct DailyFigures {
    /// The date.
    pub date: String,
    /// The version.
    pub process: ProcessRef,
    /// The executions.
    pub sums: RunSums,
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
    /// The time makes no sense.
    #[error("the time must end after it begins, and be at most {MOST_DAYS} days long")]
    Span,
    /// A version alone is of no process.
    #[error("a version is one of a process: name it too, as `process_name`")]
    VersionAlone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FiguresQuery {
    /// The last so many days, of everything, in UTC.
    pub fn of_days(days: u32) -> Self {
        Self {
            span: FiguresSpan::Days(days),
            calendar: Calendar::default(),
            process_id: None,
            process_name: None,
            version: None,
        }
    }
}

impl Figures {
    /// The service; costs are told in `currency`.
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
        let counted = self.counted(by, query).await?;
        let days = days_of(&counted, &query.calendar)?;
        let firsts: Vec<Timestamp> = days.iter().map(|(first, _)| *first).collect();
        let grouping = Grouping { days: &firsts, by_process: false };
        let mut found: BTreeMap<Timestamp, RunSums> = BTreeMap::new();
        for RunFigures { day, sums, .. } in self.analytics.run_figures(&counted, grouping, self.currency).await? {
            found.extend(day.map(|day| (day, sums)));
        }
        let mut total = RunSums::none(self.currency);
        let mut told = Vec::with_capacity(days.len());
        for (first, date) in days {
            let sums = found.remove(&first).unwrap_or_else(|| RunSums::none(self.currency));
            total.add(&sums);
            told.push(DayOfTrend { date, sums });
        }
        Ok(Trends { days: told, total })
    }

    /// The figures of every published version, the last changed first, over the executions that the principal may see.
    pub async fn processes(&self, by: &Principal, query: &FiguresQuery) -> Result<Vec<ProcessFigures>, FiguresFailure> {
        by.check(UseCase::ReadFigures)?;
        let counted = self.counted(by, query).await?;
        let mut found = self.by_process(&counted).await?;
        let is_meant = |row: &ProcessRow| counted.process_id.is_none_or(|id| id == row.id);
        let published = self.published(query).await?.into_iter().filter(is_meant);
        let figures = |row: ProcessRow| ProcessFigures {
            sums: found.remove(&row.id).map_or_else(|| RunSums::none(self.currency), |(_, sums)| sums),
            process: ProcessRef { id: row.id, name: row.name, version: row.version },
        };
        Ok(published.map(figures).collect())
    }

    /// The figures of one version, over the executions that the principal may see.
    pub async fn process(
        &self,
        by: &Principal,
        id: ProcessId,
        query: &FiguresQuery,
    ) -> Result<ProcessFigures, FiguresFailure> {
        by.check(UseCase::ReadFigures)?;
        let process = self.definitions.load(id).await?.ok_or(FiguresFailure::NotFound)?;
        let query = FiguresQuery { process_id: Some(id), process_name: None, version: None, ..query.clone() };
        let counted = self.counted(by, &query).await?;
        let found = self.by_process(&counted).await?.remove(&id);
        let definition = process.definition();
        Ok(ProcessFigures {
            process: ProcessRef { id, name: definition.name().clone(), version: definition.version() },
            sums: found.map_or_else(|| RunSums::none(self.currency), |(_, sums)| sums),
        })
    }

    /// The figures of every version that ran, over the executions that the principal may see.
    pub async fn versions_that_ran(
        &self,
        by: &Principal,
        query: &FiguresQuery,
    ) -> Result<Vec<ProcessFigures>, FiguresFailure> {
        by.check(UseCase::ReadFigures)?;
        let found = self.by_process(&self.counted(by, query).await?).await?;
        Ok(found.into_values().map(|(process, sums)| ProcessFigures { process, sums }).collect())
    }

    /// The figures of every version that ran, day by day, over the executions that the principal may see.
    pub async fn daily(&self, by: &Principal, query: &FiguresQuery) -> Result<Vec<DailyFigures>, FiguresFailure> {
        by.check(UseCase::ReadFigures)?;
        let counted = self.counted(by, query).await?;
        let days = days_of(&counted, &query.calendar)?;
        let firsts: Vec<Timestamp> = days.iter().map(|(first, _)| *first).collect();
        let dates: BTreeMap<Timestamp, String> = days.into_iter().collect();
        let grouping = Grouping { days: &firsts, by_process: true };
        let found = self.analytics.run_figures(&counted, grouping, self.currency).await?;
        let figures = |RunFigures { day, process, sums }: RunFigures| {
            Some(DailyFigures { date: dates.get(&day?)?.clone(), process: process?, sums })
        };
        let mut daily: Vec<DailyFigures> = found.into_iter().filter_map(figures).collect();
        daily.sort_by(|one, other| {
            let key = |daily: &DailyFigures| (daily.date.clone(), daily.process.name.clone(), daily.process.version);
            key(one).cmp(&key(other))
        });
        Ok(daily)
    }

    /// How the last thirty executions that ended of each of these versions have gone, of those that the principal may see.
    pub async fn recent(
        &self,
        by: &Principal,
        versions: &[ProcessId],
    ) -> Result<BTreeMap<ProcessId, RecentRuns>, FiguresFailure> {
        if by.check(UseCase::ReadFigures).is_err() {
            return Ok(BTreeMap::new());
        }
        let recent = self.analytics.recent_runs(versions, visible_user(by).as_deref(), RECENT).await?;
        Ok(recent.into_iter().map(|runs| (runs.process_id, runs)).collect())
    }

    /// What executions that ended have cost on average, of these.
    pub fn cost_per_run(&self, runs: &RecentRuns) -> Option<Cost> {
        let ended = i64::from(runs.ended);
        let amount = Money::from_nanos(runs.cost.checked_div(ended)?, self.currency);
        Some(Cost { amount, complete: runs.is_complete })
    }

    /// The figures of steps, over the executions that the principal may see.
    pub async fn steps(&self, by: &Principal, query: &FiguresQuery) -> Result<Vec<StepFigures>, FiguresFailure> {
        by.check(UseCase::ReadFigures)?;
        let counted = self.counted(by, query).await?;
        let counted =
            Counted { from: rounded_down(counted.from, HOUR), until: rounded_up(counted.until, HOUR), ..counted };
        Ok(self.analytics.step_figures(&counted, self.currency).await?)
    }

    async fn by_process(&self, counted: &Counted) -> Result<BTreeMap<ProcessId, (ProcessRef, RunSums)>, StoreError> {
        let grouping = Grouping { days: &[], by_process: true };
        let found = self.analytics.run_figures(counted, grouping, self.currency).await?;
        let keyed = |figures: RunFigures| figures.process.map(|process| (process.id, (process, figures.sums)));
        Ok(found.into_iter().filter_map(keyed).collect())
    }

    /// What is counted. An unknown process is none.
    async fn counted(&self, by: &Principal, query: &FiguresQuery) -> Result<Counted, FiguresFailure> {
        let now = self.clock.now();
        let (from, until) = match query.span {
            FiguresSpan::Days(days) => {
                // What began at this very moment counts.
                (before(now, days), now.saturating_add(Duration::from_millis(1)))
            }
            FiguresSpan::Between(from, until) if from < until => (from, until),
            FiguresSpan::Between(..) => return Err(FiguresFailure::Span),
        };
        let process_id = match (query.process_id, &query.process_name, query.version) {
            (Some(id), _, _) => Some(id),
            (None, Some(name), Some(version)) => Some(self.version(name, version).await?),
            (None, None, Some(_)) => return Err(FiguresFailure::VersionAlone),
            (None, Some(name), None) => {
                self.versions(name).await?;
                None
            }
            (None, None, None) => None,
        };
        Ok(Counted {
            from: rounded_down(from, QUARTER),
            until: rounded_up(until, QUARTER),
            user: visible_user(by),
            process_id,
            process_name: query.process_name.clone(),
        })
    }

    async fn version(&self, name: &str, version: Version) -> Result<ProcessId, FiguresFailure> {
        let versions = self.versions(name).await?;
        let found = versions.into_iter().find(|row| row.version == version);
        found.map(|row| row.id).ok_or(FiguresFailure::NotFound)
    }

    /// All versions of a process, of which there must be one.
    async fn versions(&self, name: &str) -> Result<Vec<ProcessRow>, FiguresFailure> {
        let rows = self.listed(ProcessFilter { name: Some(name.to_owned()), ..ProcessFilter::default() }).await?;
        if rows.is_empty() { Err(FiguresFailure::NotFound) } else { Ok(rows) }
    }

    async fn published(&self, query: &FiguresQuery) -> Result<Vec<ProcessRow>, StoreError> {
        let name = query.process_name.clone();
        self.listed(ProcessFilter { status: Some(ProcessStatus::Published), name, ..ProcessFilter::default() }).await
    }

    async fn listed(&self, filter: ProcessFilter) -> Result<Vec<ProcessRow>, StoreError> {
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

/// The last moment up to this one that is so many microseconds' multiple.
const fn rounded_down(moment: Timestamp, unit: i64) -> Timestamp {
    Timestamp::from_micros(moment.as_micros().div_euclid(unit) * unit)
}

/// The first moment from this one on that is so many microseconds' multiple.
const fn rounded_up(moment: Timestamp, unit: i64) -> Timestamp {
    Timestamp::from_micros((moment.as_micros().saturating_sub(1).div_euclid(unit) + 1) * unit)
}

fn before(now: Timestamp, days: u32) -> Timestamp {
    let back = i64::from(days).saturating_mul(86_400_000_000);
    Timestamp::from_micros(now.as_micros().saturating_sub(back))
}

/// The days on which the time lies, oldest first: the first moment and the date of each.
fn days_of(counted: &Counted, calendar: &Calendar) -> Result<Vec<(Timestamp, String)>, FiguresFailure> {
    let last_moment = Timestamp::from_micros(counted.until.as_micros().saturating_sub(1));
    let (first, last) = (calendar.day(counted.from), calendar.day(last_moment));
    if last.number() - first.number() > MOST_DAYS {
        return Err(FiguresFailure::Span);
    }
    let days = (first.number()..=last.number()).map(crate::ports::CostDay::new);
    Ok(days.map(|day| (calendar.first_moment(day), day.to_string())).collect())
}
