//! A version of a process as the other engine keeps it: as JSON, or as the author's text.

use procession_domain::{
    definition::ProcessStatus,
    value::{Json, Timestamp},
};
use serde_json::{Map, json};

use super::{
    row::{TrinityRow, json as json_of, number, shown, text, time},
    writing::yaml_of,
};

/// Keys of a stored definition that are columns of its row, or made up of others.
const NOT_WRITTEN: [&str; 7] =
    ["id", "status", "created_by", "created_at", "updated_at", "published_at", "parallel_level"];

/// A version of a process, read but not checked.
#[derive(Debug)]
pub(super) struct StoredVersion {
    pub yaml: String,
    pub status: ProcessStatus,
    pub created_by: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub published_at: Option<Timestamp>,
}

impl StoredVersion {
    /// Reads a row. The error says what is wrong with it.
    pub fn of(row: &TrinityRow, now: Timestamp) -> Result<Self, String> {
        let status = match text(row, "status").as_deref() {
            Some("draft") => ProcessStatus::Draft,
            Some("published") => ProcessStatus::Published,
            Some("archived") => ProcessStatus::Archived,
            Some(other) => return Err(format!("its status is `{}`, which is none", shown(other))),
            None => return Err("it has no status".to_owned()),
        };
        let updated_at = time(row, "updated_at")?;
        let created_at = time(row, "created_at")?.or(updated_at).unwrap_or(now);
        let published_at = time(row, "published_at")?;
        Ok(Self {
            yaml: yaml(row)?,
            status,
            created_by: text(row, "created_by"),
            created_at,
            updated_at: updated_at.unwrap_or(created_at),
            published_at: published_at.or_else(|| (status == ProcessStatus::Published).then_some(created_at)),
        })
    }
}

/// How messages call a version.
pub(super) fn called(row: &TrinityRow) -> String {
    let name = text(row, "name").map_or_else(|| "without a name".to_owned(), |name| shown(&name));
    match version(row) {
        Some(version) => format!("process {name} {version}"),
        None => format!("process {name}"),
    }
}

/// The author's text where it is kept; else the text that says what is.
fn yaml(row: &TrinityRow) -> Result<String, String> {
    if let Some(Json::String(text)) = row.get("yaml_content")
        && !text.trim().is_empty()
    {
        return Ok(text.clone());
    }
    let mut definition = match json_of(row, "definition_json")? {
        Json::Object(definition) => definition,
        Json::Null => parts(row)?,
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            return Err("`definition_json` holds no object".to_owned());
        }
    };
    for key in NOT_WRITTEN {
        definition.remove(key);
    }
    // The columns are what that engine goes by.
    for (key, value) in
        [("name", text(row, "name")), ("version", version(row)), ("description", text(row, "description"))]
    {
        if let Some(value) = value {
            definition.insert(key.to_owned(), json!(value));
        }
    }
    tidy(&mut definition);
    Ok(yaml_of(&Json::Object(definition)))
}

/// A definition of which each list has a column of its own.
fn parts(row: &TrinityRow) -> Result<Map<String, Json>, String> {
    let mut definition = Map::new();
    for (key, column) in [("steps", "steps_json"), ("outputs", "outputs_json"), ("triggers", "triggers_json")] {
        definition.insert(key.to_owned(), json_of(row, column)?);
    }
    if definition.values().all(Json::is_null) {
        return Err("it holds no definition".to_owned());
    }
    Ok(definition)
}

/// The version, from two numbers or from a text.
fn version(row: &TrinityRow) -> Option<String> {
    match number(row, "version_major") {
        Some(major) => Some(match number(row, "version_minor").unwrap_or(0) {
            0 => major.to_string(),
            minor => format!("{major}.{minor}"),
        }),
        None => text(row, "version"),
    }
}

/// Takes out what says nothing: empty values, and a cron line that only repeats a preset.
fn tidy(definition: &mut Map<String, Json>) {
    definition.retain(|_, value| !value.is_null());
    for key in ["steps", "outputs", "triggers"] {
        let Some(Json::Array(entries)) = definition.get_mut(key) else { continue };
        for entry in entries.iter_mut().filter_map(Json::as_object_mut) {
            entry.retain(|_, value| !value.is_null());
            entry.remove("parallel_level");
            if entry.contains_key("cron") {
                entry.remove("cron_expression");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use procession_language::{Nothing, check};

    use super::*;

    fn stored(cells: &Json) -> Result<StoredVersion, String> {
        StoredVersion::of(cells.as_object().unwrap(), Timestamp::from_micros(0))
    }

    #[test]
    fn what_that_engine_keeps_becomes_a_text_without_problems() {
        let definition = json!({
            "id": "x", "name": "old", "version": "7", "status": "draft", "description": "",
            "steps": [
                {"id": "research", "name": "research", "type": "agent_task", "agent": "analyst", "condition": null,
                 "message": "Find facts\nabout {{input.topic}}.", "timeout": "5m",
                 "retry": {"max_attempts": 3, "initial_delay": "5s", "backoff_multiplier": 2.0},
                 "on_error": {"action": "fail_process"}},
                {"id": "ask", "name": "Ask", "type": "human_approval", "title": "Good?", "description": "",
                 "assignees": [], "timeout": "1d", "depends_on": ["research"]},
                {"id": "pause", "name": "pause", "type": "timer", "config": {"delay": "5s"}, "depends_on": ["ask"]},
            ],
            "outputs": [{"name": "facts", "source": "{{steps.research.output}}", "description": ""}],
            "triggers": [{"type": "schedule", "id": "early", "cron": "daily", "cron_expression": "0 9 * * *",
                          "timezone": "UTC", "enabled": true, "description": ""}],
        });
        let read = stored(&json!({
            "name": "report", "version_major": 2, "version_minor": 1, "status": "published", "description": "Reports",
            "definition_json": definition.to_string(), "created_at": "2026-01-02T03:04:05+00:00",
        }))
        .unwrap();
        let checked = check(&read.yaml, &Nothing);
        let problems: Vec<_> = checked.errors().collect();
        assert!(problems.is_empty(), "{problems:#?}\n{}", read.yaml);
        let definition = checked.definition.unwrap();
        assert_eq!((definition.name().as_str(), definition.version().to_string()), ("report", "2.1".to_owned()));
        assert_eq!(read.published_at, Some(read.created_at));
        assert!(read.yaml.contains("message: |-\n      Find facts\n"), "{}", read.yaml);
    }

    #[test]
    fn an_authors_text_is_kept_byte_for_byte() {
        let yaml = "# mine\nname: a\nsteps: []\n";
        let read = stored(&json!({"status": "draft", "yaml_content": yaml, "steps_json": "[]"})).unwrap();
        assert_eq!(read.yaml, yaml);
    }

    #[test]
    fn rows_that_say_too_little_are_refused_with_a_reason() {
        for (cells, why) in [
            (json!({}), "it has no status"),
            (json!({"status": "live"}), "its status is `live`"),
            (json!({"status": "draft"}), "it holds no definition"),
            (json!({"status": "draft", "definition_json": "{"}), "`definition_json` holds no JSON"),
            (json!({"status": "draft", "definition_json": "[]"}), "`definition_json` holds no object"),
            (json!({"status": "draft", "definition_json": "{}", "created_at": "soon"}), "`created_at` holds no time"),
        ] {
            let error = stored(&cells).unwrap_err();
            assert!(error.contains(why), "{cells}: {error}");
        }
    }
}
