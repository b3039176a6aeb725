//! Which steps are shown where not all have room: what is under way above what has ended, and how many others there are.

use super::rows::{Mark, Row};

/// The steps that are shown, and how many are not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selection {
    /// Their numbers, in the order in which they are shown.
    pub shown: Vec<usize>,
    /// How many of each kind are not.
    hidden: [usize; 4],
}

/// What counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    UnderWay,
    ToCome,
    Failed,
    Ended,
}

impl Kind {
    const fn of(mark: Mark) -> Self {
        match mark {
            Mark::Running | Mark::Waiting | Mark::Asking | Mark::Undoing => Self::UnderWay,
            Mark::Pending => Self::ToCome,
            Mark::Failed => Self::Failed,
            Mark::Done | Mark::Skipped | Mark::Cancelled | Mark::Undone => Self::Ended,
        }
    }
}

impl Selection {
    /// As many rows as have room: first what is under way, then what comes next and what has failed, then what ended last.
    pub fn of(rows: &[Row], room: usize) -> Self {
        let numbers = |kind: Kind| -> Vec<usize> {
            (0..rows.len()).filter(|number| Kind::of(rows[*number].mark) == kind).collect()
        };
        let under_way = numbers(Kind::UnderWay);
        let to_come = numbers(Kind::ToCome);
        let mut ended: Vec<usize> = [numbers(Kind::Failed), numbers(Kind::Ended)].concat();
        // Failures stay in front; of the rest, the newest first.
        ended.sort_by_key(|number| (Kind::of(rows[*number].mark), std::cmp::Reverse(rows[*number].ended_at)));
        let left = room.saturating_sub(under_way.len());
        let of_ended = ended.len().min(left.saturating_sub(to_come.len()).max(left / 2));
        let of_coming = to_come.len().min(left - of_ended);
        let shown: Vec<usize> = under_way
            .into_iter()
            .take(room)
            .chain(to_come.into_iter().take(of_coming))
            .chain(ended.into_iter().take(of_ended))
            .collect();
        let mut hidden = [0; 4];
        for row in rows {
            hidden[Kind::of(row.mark) as usize] += 1;
        }
        for number in &shown {
            hidden[Kind::of(rows[*number].mark) as usize] -= 1;
        }
        Self { shown, hidden }
    }

    /// How many are not shown: "31 more: 3 under way, 17 to come, 2 failed, 9 ended".
    pub fn rest(&self) -> String {
        let names = ["under way", "to come", "failed", "ended"];
        let parts = self.hidden.iter().zip(names).filter(|(count, _)| **count > 0);
        let parts: Vec<String> = parts.map(|(count, name)| format!("{count} {name}")).collect();
        format!("{} more: {}", self.hidden.iter().sum::<usize>(), parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use procession_domain::value::Timestamp;

    use super::*;

    /// Rows by their marks: r runs, p is to come, f has failed, d is done, each at the time of its place.
    fn rows(marks: &str) -> Vec<Row> {
        let row = |(place, mark): (usize, char)| {
            let mark = match mark {
                'r' => Mark::Running,
                'p' => Mark::Pending,
                'f' => Mark::Failed,
                _ => Mark::Done,
            };
            let ended_at = matches!(mark, Mark::Done | Mark::Failed)
                .then(|| Timestamp::from_micros(i64::try_from(place).unwrap()));
            Row { mark, ended_at, ..Row::new(place.to_string()) }
        };
        marks.chars().enumerate().map(row).collect()
    }

    #[test]
    fn what_runs_stands_above_what_has_ended() {
        let cases: [(&str, usize, &[usize], &str); 6] = [
            ("dddrp", 4, &[3, 4, 2, 1], "1 more: 1 ended"),
            ("ddddddrppppp", 5, &[6, 7, 8, 5, 4], "7 more: 3 to come, 4 ended"),
            ("rrrrrr", 4, &[0, 1, 2, 3], "2 more: 2 under way"),
            ("pppppp", 4, &[0, 1, 2, 3], "2 more: 2 to come"),
            ("fddddd", 3, &[0, 5, 4], "3 more: 3 ended"),
            ("rppppf", 3, &[0, 1, 5], "3 more: 3 to come"),
        ];
        for (marks, room, shown, rest) in cases {
            let selection = Selection::of(&rows(marks), room);
            assert_eq!((selection.shown.as_slice(), selection.rest().as_str()), (shown, rest), "{marks}");
        }
    }
}
