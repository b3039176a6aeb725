//! Which time is looked at, and what (spec 4c, analytics).

use procession_application::{
    calendar::Calendar,
    figures::{FiguresQuery, FiguresSpan},
};
use procession_domain::value::{ProcessId, Timestamp, Version};
use utoipa::IntoParams;

use crate::{
    extract::{Parameters, Parsed, ReadParameters},
    problem::Problem,
};

/// How many days are looked at where the client does not say.
const DAYS: u32 = 30;

/// How many days can be looked at.
const MOST_DAYS: u32 = 365;

/// Which time is looked at, and which executions.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FiguresParameters {
    /// The last so many days; 30 by default.
    #[param(minimum = 1, maximum = 365, example = 30)]
    pub days: Option<u32>,
    /// From this day or moment on, in place of `days`. Times are counted by quarters of an hour.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    pub from: Option<Timestamp>,
    /// To the end of this day, or before this moment; now by default.
    #[param(value_type = Option<String>, example = "2026-11-21")]
    pub to: Option<Timestamp>,
    /// The zone of days and dates; UTC by default.
    #[param(value_type = Option<String>, example = "Europe/Berlin")]
    pub timezone: Zone,
    /// Only executions of this version.
    #[param(value_type = Option<uuid::Uuid>)]
    pub process_id: Option<String>,
    /// Only executions of this process.
    #[param(example = "support-triage")]
    pub process_name: Option<String>,
    /// Only executions of this version of the process.
    #[param(value_type = Option<String>, example = "1")]
    pub version: Option<Version>,
}

/// A time zone, and its name as the client gave it.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub name: String,
    pub calendar: Calendar,
}

impl Zone {
    fn read(parameters: &mut Parameters) -> Self {
        let utc = || Self { name: "UTC".to_owned(), calendar: Calendar::default() };
        let Some(name) = parameters.text("timezone") else { return utc() };
        match Calendar::of_zone(&name) {
            Ok(calendar) => Self { name, calendar },
            Err(error) => {
                parameters.refuse("timezone", error.to_string());
                utc()
            }
        }
    }
}

impl ReadParameters for FiguresParameters {
    fn read(parameters: &mut Parameters) -> Self {
        let timezone = Zone::read(parameters);
        let version = parameters.text("version").map(|text| text.parse());
        if let Some(Err(_)) = version {
            parameters.refuse("version", "must be a version such as 1 or 1.2");
        }
        let version = version.and_then(Result::ok);
        Self {
            days: parameters.number("days", 1..=MOST_DAYS),
            from: moment(parameters, "from", &timezone.calendar, 0),
            to: moment(parameters, "to", &timezone.calendar, 1),
            process_id: parameters.text("process_id"),
            process_name: parameters.text("process_name"),
            version,
            timezone,
        }
    }
}

/// A moment, or the first one so many days after a date.
fn moment(parameters: &mut Parameters, name: &str, calendar: &Calendar, later: i64) -> Option<Timestamp> {
    let text = parameters.text(name)?;
    match Calendar::day_of_text(&text) {
        Some(day) => Some(calendar.first_moment(day.plus(later))),
        None => parameters.time(name),
    }
}

impl FiguresParameters {
    /// What is asked for, `now` being the time.
    pub fn query(&self, now: Timestamp) -> Result<FiguresQuery, Problem> {
        let process_id = self.process_id.as_deref().map(ProcessId::read).transpose()?;
        let span = match (self.from, self.to) {
            (None, None) => FiguresSpan::Days(self.days.unwrap_or(DAYS)),
            (Some(from), until) => FiguresSpan::Between(from, until.unwrap_or(now)),
            (None, Some(until)) => FiguresSpan::Between(days_before(until, self.days.unwrap_or(DAYS)), until),
        };
        Ok(FiguresQuery {
            span,
            calendar: self.timezone.calendar.clone(),
            process_id,
            process_name: self.process_name.clone(),
            version: self.version,
        })
    }

    /// How many days are looked at, a part of one counted as one.
    pub fn number_of_days(&self, now: Timestamp) -> u32 {
        match self.from {
            None => self.days.unwrap_or(DAYS),
            Some(from) => {
                let seconds = self.to.unwrap_or(now).since(from).as_secs();
                u32::try_from(seconds.div_ceil(86_400)).unwrap_or(u32::MAX)
            }
        }
    }
}

fn days_before(moment: Timestamp, days: u32) -> Timestamp {
    Timestamp::from_micros(moment.as_micros().saturating_sub(i64::from(days) * 86_400_000_000))
}
