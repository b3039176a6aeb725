//! Whether an answer has the fields of the contract, each of its type: the words of spec 4b, compared field by field.

use std::collections::BTreeSet;

use serde_json::Value as Json;

/// Checks an object against words such as `id: text`, `cost: text|null`, `tags: list`, `total: integer`; no field more
/// and none less.
#[track_caller]
pub fn has_shape(value: &Json, shape: &str) {
    let fields = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    let mut known = BTreeSet::new();
    for line in shape.split([',', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
        let (name, types) = line.split_once(':').unwrap_or_else(|| panic!("`{line}` is no field"));
        let (name, types) = (name.trim(), types.trim());
        known.insert(name);
        let field = fields.get(name).unwrap_or_else(|| panic!("`{name}` is missing: {value}"));
        assert!(types.split('|').any(|kind| is(field, kind)), "`{name}` is not {types}: {field}");
    }
    let more: Vec<&String> = fields.keys().filter(|name| !known.contains(name.as_str())).collect();
    assert!(more.is_empty(), "fields that are not in the shape: {more:?}");
}

fn is(value: &Json, kind: &str) -> bool {
    let text = value.as_str();
    match kind.trim() {
        "null" => value.is_null(),
        "text" => text.is_some(),
        // A rounded amount, such as $0.03.
        "money" => text.is_some_and(|text| {
            let amount = text.strip_prefix('$').and_then(|amount| amount.split_once('.'));
            amount.is_some_and(|(whole, cents)| whole.parse::<u64>().is_ok() && cents.len() == 2)
        }),
        "time" => text.is_some_and(|text| text.len() == 32 && text.ends_with("+00:00")),
        "id" => text.is_some_and(|text| text.len() == 36 && text.matches('-').count() == 4),
        "number" => value.is_number(),
        "integer" => value.is_u64(),
        "bool" => value.is_boolean(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` is no type"),
    }
}
