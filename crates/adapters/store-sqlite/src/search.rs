//! Looking for executions: which index gives the rows of a filter, in the order of the list.
//!
//! The database has no statistics, so that where several indices would do it is told here by what is usual: most
//! executions have completed, and few are in any other status. A `+` before a column keeps its index from being used.

use procession_application::ports::{Awaited, ExecutionFilter};
use procession_domain::{execution::ExecutionStatus, value::Timestamp};
use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

use crate::{
    codec::{blob, status_code},
    paging::List,
};

const COLUMNS: &str = "
    run.id, creation, status, phase, run.created_at, started_at, completed_at, cost_nanos, cost_currency, cost_complete,
    dismissed_at";

/// Executions by their age.
const BY_AGE: List = List {
    columns: COLUMNS,
    tables: "process_executions AS run",
    at: "run.created_at",
    at_column: "created_at",
    id: "run.id",
    newest_first: true,
};

/// Those with a label, in the order of the labels' rows, which is the same.
const BY_LABEL: List = List {
    tables: "execution_labels AS label CROSS JOIN process_executions AS run ON run.key = label.execution",
    at: "label.created_at",
    id: "label.id",
    ..BY_AGE
};

/// From so many characters on, the beginning of an id is that of few.
const TELLING: usize = 4;

/// A filter that is looked for.
pub(crate) struct ExecutionSearch<'a> {
    filter: &'a ExecutionFilter,
    /// The rows of the names of processes that hold its text.
    names: Vec<i64>,
    /// The ids that begin with its text.
    ids: Option<(Uuid, Uuid)>,
    /// The end of the ids that it is the short form of.
    end: Option<Vec<u8>>,
}

impl<'a> ExecutionSearch<'a> {
    pub fn new(filter: &'a ExecutionFilter, names: Vec<i64>) -> Self {
        let ids = filter.text.as_ref().and_then(|text| ids_that_begin_with(&text.to_lowercase()));
        Self { filter, names, ids, end: filter.text.as_deref().and_then(end_of_ids) }
    }

    /// The list that has the rows in its order.
    pub fn list(&self) -> List {
        if self.filter.label.is_some() {
            return BY_LABEL;
        }
        let text = self.filter.text.as_ref().filter(|text| text.len() >= TELLING);
        if text.is_some() && self.ids.is_some() && self.names.is_empty() {
            // Found by their ids, and then put in order.
            return List { at: "+run.created_at", ..BY_AGE };
        }
        BY_AGE
    }

    /// The tables in which its executions are counted: labels alone where nothing else is asked.
    pub fn counted_tables(&self) -> &'static str {
        match (&self.filter.label, self.asks_for_a_label_alone()) {
            (Some(_), true) => "execution_labels AS label",
            (Some(_), false) => BY_LABEL.tables,
            (None, _) => BY_AGE.tables,
        }
    }

    fn asks_for_a_label_alone(&self) -> bool {
        let ExecutionFilter {
            statuses,
            process_id,
            process_name,
            started_after,
            started_before,
            triggered_by,
            user,
            label: _,
            text,
            parent_id,
            waiting_for,
            sort: _,
        } = self.filter;
        statuses.is_empty()
            && process_id.is_none()
            && process_name.is_none()
            && started_after.is_none()
            && started_before.is_none()
            && triggered_by.is_none()
            && user.is_none()
            && text.is_none()
            && parent_id.is_none()
            && waiting_for.is_none()
    }

    /// The conditions under which rows are counted.
    pub fn count(&self, query: &mut QueryBuilder<Sqlite>) {
        self.ask(query);
        self.ask_for_time("started_at", query);
    }

    /// The conditions under which rows are shown: in the order of the list, so that times don't choose the index.
    pub fn show(&self, query: &mut QueryBuilder<Sqlite>) {
        self.ask(query);
        self.ask_for_time("+started_at", query);
        if let Some(until) = self.filter.started_before {
            // Nothing begins before it is created, and by that the list is ordered.
            query.push(" AND run.created_at < ").push_bind(until.as_micros());
        }
    }

    fn ask_for_time(&self, column: &str, query: &mut QueryBuilder<Sqlite>) {
        let mut ask = |relation: &str, moment: Option<Timestamp>| {
            if let Some(moment) = moment {
                query.push(format_args!(" AND {column} {relation} ")).push_bind(moment.as_micros());
            }
        };
        ask(">=", self.filter.started_after);
        ask("<", self.filter.started_before);
    }

    fn ask(&self, query: &mut QueryBuilder<Sqlite>) {
        let filter = self.filter;
        // Few are in these statuses: they are found by them, or else by something else.
        let is_rare = !filter.statuses.is_empty() && !filter.statuses.contains(&ExecutionStatus::Completed);
        let others = if is_rare { "+" } else { "" };
        if !filter.statuses.is_empty() {
            let has_other = filter.process_id.is_some()
                || filter.process_name.is_some()
                || filter.triggered_by.is_some()
                || filter.user.is_some();
            query.push(if has_other && !is_rare { " AND +status IN (" } else { " AND status IN (" });
            let mut statuses = query.separated(", ");
            for status in &filter.statuses {
                statuses.push_bind(status_code(*status));
            }
            query.push(")");
        }
        if let Some(id) = filter.process_id {
            query.push(format_args!(" AND {others}definition = (SELECT key FROM process_definitions WHERE id = "));
            query.push_bind(blob(id.uuid())).push(")");
        }
        if let Some(name) = &filter.process_name {
            query.push(format_args!(" AND {others}name = (SELECT key FROM process_names WHERE name = "));
            query.push_bind(name.clone()).push(")");
        }
        if let Some(id) = filter.parent_id {
            query.push(" AND parent = (SELECT key FROM process_executions WHERE id = ");
            query.push_bind(blob(id.uuid())).push(")");
        }
        if let Some(by) = &filter.triggered_by {
            query.push(format_args!(" AND {others}triggered_by = ")).push_bind(by.clone());
        }
        if let Some(user) = &filter.user {
            query.push(format_args!(" AND {others}user_name = ")).push_bind(user.clone());
        }
        if let Some(label) = &filter.label {
            let parts = label.split_once('=');
            let (label, value) = parts.map_or((label.as_str(), None), |(label, value)| (label, Some(value)));
            query.push(" AND label.label = ").push_bind(label.to_owned());
            if let Some(value) = value {
                query.push(" AND label.value = ").push_bind(value.to_owned());
            }
        }
        if let Some(awaited) = filter.waiting_for {
            query.push(waiting_for(awaited));
        }
        if filter.text.is_some() {
            self.ask_for_text(query);
        }
    }

    /// Those whose id begins with the text or has it as its short form, or whose process has one of the names. One name alone is looked for as such,
    /// so that its index gives the order too.
    fn ask_for_text(&self, query: &mut QueryBuilder<Sqlite>) {
        query.push(" AND (");
        match (self.ids, self.names.as_slice()) {
            (None, []) => drop(query.push("false")),
            (None, [name]) => drop(query.push("name = ").push_bind(*name)),
            (ids, names) => {
                if let Some((first, last)) = ids {
                    query.push("run.id BETWEEN ").push_bind(blob(first)).push(" AND ").push_bind(blob(last));
                    if let Some(end) = &self.end {
                        // Read from the index of ids alone.
                        query.push(" OR run.key IN (SELECT key FROM process_executions WHERE substr(id, 13) = ");
                        query.push_bind(end.clone()).push(")");
                    }
                    query.push(if names.is_empty() { "" } else { " OR " });
                }
                if !names.is_empty() {
                    query.push("name IN (");
                    let mut keys = query.separated(", ");
                    for name in names {
                        keys.push_bind(*name);
                    }
                    query.push(")");
                }
            }
        }
        query.push(")");
    }
}

/// Those that wait for this: few, and all of them at work, by whose status they are found.
const fn waiting_for(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::Person => {
            " AND status IN (1, 2) AND run.key IN (SELECT execution FROM approvals WHERE approvals.status = 'pending')"
        }
        Awaited::Child => {
            " AND status IN (1, 2) AND EXISTS (
                SELECT 1 FROM process_executions AS child WHERE child.parent = run.key AND child.status < 3)"
        }
        Awaited::Operator => " AND status = 2 AND phase = 2",
        Awaited::Limit => " AND status = 0",
    }
}

/// The first and the last id whose text begins with this one; `None` if none can.
fn ids_that_begin_with(text: &str) -> Option<(Uuid, Uuid)> {
    let filled = |digit: &str| {
        let digits = text.replace('-', "");
        let missing = 32_usize.checked_sub(digits.len())?;
        let id = Uuid::try_parse(&(digits + &digit.repeat(missing))).ok()?;
        // The dashes have their places.
        id.to_string().starts_with(text).then_some(id)
    };
    Some((filled("0")?, filled("f")?))
}

/// The last bytes of an id whose short form, its last eight digits, is this text.
fn end_of_ids(text: &str) -> Option<Vec<u8>> {
    let is_short = text.len() == 8 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let end = is_short.then(|| u32::from_str_radix(text, 16).ok()).flatten()?;
    Some(end.to_be_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_digits_are_the_end_of_an_id_too() {
        assert_eq!(end_of_ids("302A8057"), Some(vec![0x30, 0x2a, 0x80, 0x57]));
        for other in ["302a805", "302a80571", "-02a8057", "+02a8057", "x02a8057", "é2a8057"] {
            assert_eq!(end_of_ids(other), None, "{other}");
        }
    }

    #[test]
    fn an_id_is_found_by_its_beginning_as_it_is_written() {
        let whole = "01890a5d-ac96-774b-bcce-b302099a8057";
        let id = Uuid::try_parse(whole).unwrap();
        for end in 0..=whole.len() {
            let (first, last) = ids_that_begin_with(&whole[..end]).unwrap();
            assert!(first <= id && id <= last, "{}", &whole[..end]);
        }
        assert_eq!(ids_that_begin_with(whole), Some((id, id)));
        for other in ["x", "0189-", "01890a5dac", "review", "01890a5d-ac96-774b-bcce-b302099a80570"] {
            assert_eq!(ids_that_begin_with(other), None, "{other}");
        }
    }

    #[test]
    fn no_filter_looks_at_every_row() {
        let connection = database();
        let some = |text: &str| Some(text.to_owned());
        let none = ExecutionFilter::default;
        let moment = Some(Timestamp::from_micros(1));
        let failed = vec![ExecutionStatus::Failed];
        for filter in [
            none(),
            ExecutionFilter { statuses: failed.clone(), ..none() },
            ExecutionFilter { process_id: Some(procession_domain::value::ProcessId::new(Uuid::nil())), ..none() },
            ExecutionFilter { process_name: some("p"), ..none() },
            ExecutionFilter { triggered_by: some("schedule"), ..none() },
            ExecutionFilter { triggered_by: some("schedule"), statuses: failed.clone(), ..none() },
            ExecutionFilter { user: some("ann"), ..none() },
            ExecutionFilter { user: some("ann"), statuses: vec![ExecutionStatus::Completed], ..none() },
            ExecutionFilter { label: some("team"), ..none() },
            ExecutionFilter { label: some("team=press"), statuses: failed, ..none() },
            ExecutionFilter { started_after: moment, ..none() },
            ExecutionFilter { started_before: moment, started_after: moment, ..none() },
            ExecutionFilter { text: some("abcd"), ..none() },
            ExecutionFilter { text: some("report"), ..none() },
            ExecutionFilter { text: some("302a8057"), ..none() },
            ExecutionFilter { waiting_for: Some(Awaited::Person), ..none() },
            ExecutionFilter { waiting_for: Some(Awaited::Child), ..none() },
            ExecutionFilter { waiting_for: Some(Awaited::Operator), ..none() },
            ExecutionFilter { waiting_for: Some(Awaited::Limit), ..none() },
            ExecutionFilter { parent_id: Some(procession_domain::value::ExecutionId::new(Uuid::nil())), ..none() },
        ] {
            let names = if filter.text.as_deref() == Some("report") { vec![1, 2] } else { Vec::new() };
            let search = ExecutionSearch::new(&filter, names);
            let mut counted = QueryBuilder::new(format!("SELECT count(*) FROM {} WHERE true", search.counted_tables()));
            search.count(&mut counted);
            let list = search.list();
            let mut shown = QueryBuilder::new(format!("SELECT {} FROM {} WHERE true", list.columns, list.tables));
            search.show(&mut shown);
            shown.push(format_args!(" ORDER BY {} DESC, {} DESC LIMIT 51", list.at, list.id));
            for sql in [counted.sql().as_str().to_owned(), shown.sql().as_str().to_owned()] {
                for step in plan(&connection, &sql) {
                    // Without a filter the list is the index by age from its end on.
                    let is_list = step.contains("USING INDEX process_executions_by_age");
                    let is_count = step.contains("USING COVERING INDEX");
                    assert!(!step.starts_with("SCAN") || is_list || is_count, "{filter:?}\n{sql}\n{step}");
                }
            }
        }
    }

    /// An empty database.
    fn database() -> rusqlite::Connection {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for migration in crate::migrations::MIGRATOR.iter() {
            connection.execute_batch(migration.sql.as_str()).unwrap();
        }
        connection
    }

    fn plan(connection: &rusqlite::Connection, sql: &str) -> Vec<String> {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let unbound = vec![rusqlite::types::Value::Integer(1); explain.parameter_count()];
        let steps = explain.query_map(rusqlite::params_from_iter(unbound), |row| row.get::<_, String>(3)).unwrap();
        steps.map(Result::unwrap).collect()
    }
}
