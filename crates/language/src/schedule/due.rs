//! When a schedule is due (spec 1.8): the days and times of its cron line, and what the clocks of its zone make of them.

use croner::{Cron, Weekday};
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};
use procession_domain::{definition::Schedule, value::Timestamp as Moment};

use super::{ScheduleError, parse, zone};

/// How far clocks are put back at most, in hours: what is later than that on the clock is later in time as well.
const FURTHEST_BACK: i64 = 4;

/// For how many days a due time is looked for: every line that has a day has one in as many years.
const SEARCHED: usize = 41 * 366;

/// The due times of a schedule. Reading its line is done once; the rest is arithmetic.
#[derive(Debug, Clone)]
pub struct DueTimes {
    cron: Cron,
    hours: Vec<i8>,
    minutes: Vec<i8>,
    zone: TimeZone,
    clocks: Clocks,
}

/// What becomes of a time that the clocks leave out or show twice.
#[derive(Debug, Clone, Copy)]
enum Clocks {
    /// It goes by elapsed time: a time left out does not come, one shown twice comes twice.
    Elapsed,
    /// It binds a time of day.
    TimeOfDay {
        /// Whether a time left out is due at the end of the gap.
        shift_missing: bool,
        /// Whether a time shown twice is due twice.
        fire_repeated_twice: bool,
    },
}

impl DueTimes {
    /// Of a schedule.
    pub fn of(schedule: &Schedule) -> Result<Self, ScheduleError> {
        let line = &schedule.cron_expression;
        let cron = parse(line)?;
        let name = zone(&schedule.timezone)?;
        let unknown = |_| ScheduleError { message: format!("`{name}` is not a time zone"), suggestion: None };
        let zone = TimeZone::get(&name).map_err(unknown)?;
        let of_day = |field: &str| !field.contains(['*', '/']);
        let clocks = if line.split_whitespace().take(2).all(of_day) {
            Clocks::TimeOfDay {
                shift_missing: schedule.shift_missing,
                fire_repeated_twice: schedule.fire_repeated_twice,
            }
        } else {
            Clocks::Elapsed
        };
        let hours = (0..24_i8).filter(|hour| cron.pattern.hour_match(u32::from(hour.unsigned_abs())).unwrap_or(false));
        let minutes =
            (0..60_i8).filter(|minute| cron.pattern.minute_match(u32::from(minute.unsigned_abs())).unwrap_or(false));
        let (hours, minutes) = (hours.collect(), minutes.collect());
        Ok(Self { cron, hours, minutes, zone, clocks })
    }

    /// The first due time after a moment; `None` if there is none any more.
    pub fn next_after(&self, after: Moment) -> Option<Moment> {
        let after = instant(after)?;
        let local = self.zone.to_datetime(after);
        let floor = local.checked_sub(jiff::Span::new().hours(FURTHEST_BACK)).unwrap_or(local);
        let mut best: Option<(Timestamp, DateTime)> = None;
        for time in self.times_from(floor.date()).skip_while(|time| *time < floor) {
            if best.is_some_and(|(_, last)| time > last) {
                break;
            }
            for due in self.instants(time).into_iter().flatten().filter(|due| *due > after) {
                if best.is_none_or(|(earliest, _)| due < earliest) {
                    let last = time.checked_add(jiff::Span::new().hours(FURTHEST_BACK)).unwrap_or(DateTime::MAX);
                    best = Some((due, last));
                }
            }
        }
        best.map(|(due, _)| moment(due))
    }

    /// The next due times after a moment, the soonest first; fewer where there are no more.
    pub fn following(&self, after: Moment, count: usize) -> Vec<Moment> {
        let mut times = Vec::with_capacity(count);
        let mut at = after;
        while times.len() < count
            && let Some(next) = self.next_after(at)
        {
            times.push(next);
            at = next;
        }
        times
    }

    /// How many due times there are after a moment and until another one; it counts no further than `most`.
    pub fn count(&self, after: Moment, until: Moment, most: u64) -> u64 {
        let (Some(after), Some(until)) = (instant(after), instant(until)) else { return 0 };
        let first = self.zone.to_datetime(after).date();
        let last = self.zone.to_datetime(until).date();
        let (mut count, mut previous) = (0, None);
        for date in dates_from(first.yesterday().unwrap_or(first)) {
            if count >= most || date.yesterday().is_ok_and(|before| before > last) {
                break;
            }
            for due in self.on(date).into_iter().filter(|due| *due > after && *due <= until) {
                // The end of a gap may be the time of day of the next one as well.
                count += u64::from(previous.replace(due) != Some(due));
            }
        }
        count.min(most)
    }

    /// The last due times after a moment and until another one, `most` of them, the oldest first.
    pub fn latest(&self, after: Moment, until: Moment, most: usize) -> Vec<Moment> {
        let (Some(after), Some(until)) = (instant(after), instant(until)) else { return Vec::new() };
        let first = self.zone.to_datetime(after).date();
        let mut date = self.zone.to_datetime(until).date();
        date = date.tomorrow().unwrap_or(date);
        let mut found: Vec<Timestamp> = Vec::new();
        // One day more than needed: around midnight the times of two days may be mixed.
        let mut has_enough = false;
        for _ in 0..SEARCHED {
            found.extend(self.on(date).into_iter().filter(|due| *due > after && *due <= until));
            found.sort_unstable();
            found.dedup();
            let is_before = date.tomorrow().is_ok_and(|next| next < first);
            if has_enough || is_before {
                break;
            }
            has_enough = found.len() >= most;
            let Ok(before) = date.yesterday() else { break };
            date = before;
        }
        found.split_off(found.len().saturating_sub(most)).into_iter().map(moment).collect()
    }

    /// The due times of the local day, in order.
    fn on(&self, date: Date) -> Vec<Timestamp> {
        let times = self.times_on(date).flat_map(|time| self.instants(time)).flatten();
        let mut times: Vec<Timestamp> = times.collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    /// The times of the line as clocks show them, from a day on.
    fn times_from(&self, first: Date) -> impl Iterator<Item = DateTime> {
        dates_from(first).flat_map(|date| self.times_on(date))
    }

    fn times_on(&self, date: Date) -> impl Iterator<Item = DateTime> {
        let hours: &[i8] = if self.has_day(date) { &self.hours } else { &[] };
        hours.iter().flat_map(move |hour| self.minutes.iter().map(move |minute| date.at(*hour, *minute, 0, 0)))
    }

    fn has_day(&self, date: Date) -> bool {
        let (Ok(month), Ok(day)) = (u32::try_from(date.month()), u32::try_from(date.day())) else { return false };
        let weekday = Weekday::from_days_from_sunday(u32::from(date.weekday().to_sunday_zero_offset().unsigned_abs()));
        let pattern = &self.cron.pattern;
        pattern.month_match(month).unwrap_or(false)
            && pattern.day_match(i32::from(date.year()), month, day, weekday).unwrap_or(false)
    }

    /// When clocks show this time: once, never, or twice.
    fn instants(&self, time: DateTime) -> [Option<Timestamp>; 2] {
        match (self.zone.to_ambiguous_timestamp(time).offset(), self.clocks) {
            (AmbiguousOffset::Unambiguous { offset }, _) => [offset.to_timestamp(time).ok(), None],
            (AmbiguousOffset::Gap { after, .. }, Clocks::TimeOfDay { shift_missing: true, .. }) => {
                // By the later offset the time is before the gap.
                let before = after.to_timestamp(time).ok();
                let end = before.and_then(|before| self.zone.following(before).next());
                [end.map(|transition| transition.timestamp()), None]
            }
            (AmbiguousOffset::Gap { .. }, Clocks::Elapsed | Clocks::TimeOfDay { shift_missing: false, .. }) => {
                [None, None]
            }
            (AmbiguousOffset::Fold { before, after }, clocks) => {
                let twice = match clocks {
                    Clocks::Elapsed => true,
                    Clocks::TimeOfDay { fire_repeated_twice, .. } => fire_repeated_twice,
                };
                [before.to_timestamp(time).ok(), after.to_timestamp(time).ok().filter(|_| twice)]
            }
        }
    }
}

/// Days in their order, as far as due times are looked for.
fn dates_from(first: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |date| date.tomorrow().ok()).take(SEARCHED)
}

fn instant(moment: Moment) -> Option<Timestamp> {
    Timestamp::from_microsecond(moment.as_micros()).ok()
}

fn moment(instant: Timestamp) -> Moment {
    Moment::from_micros(instant.as_microsecond())
}

#[cfg(test)]
#[path = "due_tests.rs"]
mod tests;
