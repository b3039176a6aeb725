//! minijinja's filters and tests, some of them replaced: those that could make much of little are bounded, those that
//! make texts print as we do, and `default` has our meaning (spec 2.1).

use std::{borrow::Cow, error::Error as _, sync::OnceLock};

use minijinja::{
    Environment, Error, ErrorKind, State, Value, filters,
    value::{Kwargs, Rest, StringInput, ValueKind, ValueOrKwargs, from_args},
};
use procession_domain::value::Decimal;

use super::{
    print::{Output, items_of},
    value::{Number, Scalar, Val, scalar_of},
};
use crate::limits;

/// A state to call filters and tests with. Each evaluation has its own.
pub fn state() -> State<'static, 'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(environment).empty_state()
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    for name in ["debug", "namespace", "range", "dict"] {
        environment.remove_global(name);
    }
    environment.remove_filter("pprint");
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment.add_filter("string", string);
    environment.add_filter("join", join);
    environment.add_filter("replace", replace);
    environment.add_filter("indent", indent);
    environment.add_filter("int", int);
    environment.add_filter("format", format);
    environment.add_filter("split", split);
    environment.add_filter("lines", lines);
    environment.add_filter("list", list);
    environment.add_filter("batch", batch);
    environment.add_filter("slice", slice);
    environment.add_filter("sum", sum);
    environment.add_filter("tojson", tojson);
    environment.add_filter("truncate", truncate);
    environment.add_filter("wordcount", wordcount);
    environment
}

/// Why a call failed, as the end of a sentence. minijinja's own words may hold values, so only ours are repeated.
pub fn reason(error: &Error, what: &str, kind: &str) -> String {
    if let Some(refusal) = error.source().and_then(|source| source.downcast_ref::<Refusal>()) {
        return refusal.0.clone();
    }
    match error.kind() {
        ErrorKind::MissingArgument => format!("{what} needs another argument"),
        ErrorKind::TooManyArguments => format!("{what} does not take these arguments"),
        ErrorKind::UnknownFilter => format!("{what} is given the name of a filter that does not exist"),
        ErrorKind::UnknownTest => format!("{what} is given the name of a test that does not exist"),
        _ => format!("{what} does not go with {kind} and what it is given"),
    }
}

/// A reason of our own, which holds no values.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

fn refuse(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, "").with_source(Refusal(reason.into()))
}

/// What the filters of one evaluation have made, also those that `map` calls.
#[derive(Default)]
struct Made {
    bytes: usize,
}

/// Notes that so much is about to be made.
fn make(state: &mut State<'_, '_>, bytes: usize) -> Result<(), Error> {
    if bytes > limits::OUTPUT_BYTES {
        let most = limits::OUTPUT_BYTES >> 20;
        return Err(refuse(format!("more than {most} MiB would be made")));
    }
    let made = state.get_or_insert_extension(Made::default());
    made.bytes = made.bytes.saturating_add(bytes);
    if made.bytes > limits::DATA_BYTES {
        let most = limits::DATA_BYTES >> 20;
        return Err(refuse(format!("the filters of this text make more than {most} MiB")));
    }
    Ok(())
}

/// The same for items of lists.
fn make_items(state: &mut State<'_, '_>, items: usize) -> Result<(), Error> {
    if items > limits::ITEMS {
        return Err(refuse(super::arithmetic::too_many_items()));
    }
    make(state, items.saturating_mul(32))
}

fn printed(value: &Value) -> Result<String, Error> {
    let mut output = Output::default();
    output.print(&Val::Made(value.clone())).map_err(|error| refuse(error.reason()))?;
    Ok(output.into_text())
}

fn default(value: &Value, other: Option<Value>, replaces_false: Option<bool>) -> Value {
    let value = Val::Made(value.clone());
    let is_kept = if replaces_false == Some(true) { value.is_true() } else { value.is_present() };
    match value {
        Val::Made(value) if is_kept => value,
        _ => other.unwrap_or_else(|| Value::from("")),
    }
}

fn string(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    let text = printed(value)?;
    make(state, text.len())?;
    Ok(text)
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives filters their arguments by value")]
fn join(
    state: &mut State<'_, '_>,
    value: &Value,
    separator: Option<Value>,
    attribute: Option<String>,
    named: Kwargs,
) -> Result<String, Error> {
    let separator = match separator {
        Some(separator) => Some(separator),
        None => named.get("d")?,
    };
    let attribute = match attribute {
        Some(attribute) => Some(attribute),
        None => named.get("attribute")?,
    };
    named.assert_all_used()?;
    let separator = separator.map(|separator| printed(&separator)).transpose()?.unwrap_or_default();
    let items = value.try_iter().map_err(|_| refuse("only the items of a list can be joined"))?;
    let mut output = Output::default();
    for (at, item) in items.enumerate() {
        let item = attribute.as_deref().map_or(item.clone(), |attribute| attribute_of(&item, attribute));
        let pushed = output.push(if at > 0 { &separator } else { "" });
        let pushed = pushed.and_then(|()| output.print(&Val::Made(item)));
        pushed.map_err(|error| refuse(error.reason()))?;
    }
    let text = output.into_text();
    make(state, text.len())?;
    Ok(text)
}

/// The attribute at a dotted path, undefined if there is none.
fn attribute_of(item: &Value, path: &str) -> Value {
    let mut current = item.clone();
    for part in path.split('.') {
        let found = match part.parse::<usize>() {
            Ok(index) => current.get_item_by_index(index),
            Err(_) => current.get_attr(part),
        };
        current = found.unwrap_or_default();
    }
    current
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives filters their arguments by value")]
fn replace(
    state: &mut State<'_, '_>,
    value: StringInput<'_>,
    from: StringInput<'_>,
    to: StringInput<'_>,
) -> Result<String, Error> {
    let (value, from, to) = (value.as_str(), from.as_str(), to.as_str());
    let grown = value.matches(from).count().saturating_mul(to.len());
    make(state, value.len().saturating_add(grown))?;
    Ok(value.replace(from, to))
}

fn indent(state: &mut State<'_, '_>, value: StringInput<'_>, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = given.into_values();
    let (width, first, blank, named): (Option<usize>, Option<bool>, Option<bool>, Kwargs) = from_args(&given)?;
    let indentation = match width {
        Some(width) => width,
        None => named.peek::<Option<usize>>("width")?.unwrap_or(4),
    };
    let lines = value.as_str().matches('\n').count() + 1;
    make(state, lines.saturating_mul(indentation).saturating_add(value.as_str().len()))?;
    filters::indent(value, width, first, blank, named)
}

/// How wide `format` may make one value.
const MOST_WIDTH: usize = 1_000;

fn format(state: &mut State<'_, '_>, pattern: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let Some(text) = pattern.as_str() else {
        return Err(refuse("`format` is applied to a text with `%` in it"));
    };
    let mut longest = MOST_WIDTH;
    let mut values = Vec::new();
    for value in given.into_values() {
        let value = match scalar_of(&value) {
            Scalar::Text(_) | Scalar::Number(_) => value,
            _ if value.is_kwargs() => value,
            _ => Value::from(printed(&value)?),
        };
        longest = longest.max(value.as_str().map_or(0, str::len));
        if value.is_kwargs() {
            let lengths = items_of(&value).map(|key| value.get_item(&key).unwrap_or_default());
            longest = lengths.fold(longest, |most, value| most.max(value.as_str().map_or(MOST_WIDTH, str::len)));
        }
        values.push(ValueOrKwargs::from(value));
    }
    let places = text.matches('%').count();
    let widths = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let is_too_wide = |digits: &str| digits.parse::<usize>().map_or(true, |width| width > MOST_WIDTH);
    if (places > 0 && text.contains('*')) || text.contains('%') && widths.into_iter().any(is_too_wide) {
        return Err(refuse(format!("`format` makes values at most {MOST_WIDTH} characters wide")));
    }
    make(state, places.saturating_mul(longest).saturating_add(text.len()))?;
    filters::format(state, pattern, Rest(values))
}

fn split(
    state: &mut State<'_, '_>,
    value: &Value,
    separator: Option<Cow<'_, str>>,
    most: Option<i64>,
) -> Result<Value, Error> {
    let text = value.as_str().unwrap_or_default();
    let parts = match &separator {
        Some(separator) => text.matches(separator.as_ref()).count() + 1,
        None => text.split_whitespace().count(),
    };
    make_items(state, parts)?;
    filters::split(value, separator.map(|separator| separator.as_ref().into()), most)
}

fn lines(state: &mut State<'_, '_>, value: &Value) -> Result<Value, Error> {
    make_items(state, value.as_str().unwrap_or_default().matches('\n').count() + 1)?;
    filters::lines(value)
}

fn list(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::String {
        make_items(state, value.len().unwrap_or(0))?;
    }
    filters::list(state, value)
}

fn batch(state: &mut State<'_, '_>, value: Value, count: usize, filler: Option<Value>) -> Result<Value, Error> {
    make_items(state, count)?;
    filters::batch(state, value, count, filler)
}

fn slice(state: &mut State<'_, '_>, value: Value, count: usize, filler: Option<Value>) -> Result<Value, Error> {
    make_items(state, count)?;
    filters::slice(state, value, count, filler)
}

/// The whole number that a text is, its fraction cut off; other values and bases as in Jinja.
fn int(state: &State<'_, '_>, value: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = given.into_values();
    let (default, base, named): (Option<Value>, Option<u32>, Kwargs) = from_args(&given)?;
    let is_decimal = base.or(named.peek::<Option<u32>>("base")?).is_none_or(|base| base == 10);
    let decimal = value.as_str().filter(|_| is_decimal).and_then(|text| Decimal::parse(text.trim()));
    match decimal {
        Some(decimal) => {
            let whole =
                decimal.truncated().ok_or_else(|| refuse("the number has too many digits to calculate with"))?;
            Ok(Number::Whole(whole).into())
        }
        None => filters::int(state, value, default, base, named),
    }
}

/// Adds numbers, or lists if `start` is one.
#[expect(clippy::needless_pass_by_value, reason = "minijinja gives filters their arguments by value")]
fn sum(
    state: &mut State<'_, '_>,
    value: &Value,
    attribute: Option<String>,
    start: Option<Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    let attribute = match attribute {
        Some(attribute) => Some(attribute),
        None => named.get("attribute")?,
    };
    let start = match start {
        Some(start) => start,
        None => named.get::<Option<Value>>("start")?.unwrap_or_else(|| Value::from(0)),
    };
    named.assert_all_used()?;
    let items = value.try_iter().map_err(|_| refuse("only the items of a list can be summed up"))?;
    let items = items
        .map(|item| attribute.as_deref().map_or(item.clone(), |attribute| attribute_of(&item, attribute)))
        .filter(|item| !item.is_undefined());
    match scalar_of(&start) {
        Scalar::Number(start) => {
            let mut total = start;
            for item in items {
                let number = match scalar_of(&item) {
                    Scalar::Number(number) => number,
                    Scalar::Bool(truth) => Number::Whole(i128::from(truth)),
                    other => match other.as_long_number() {
                        Some(number) => number.map_err(refuse)?,
                        None => return Err(refuse("only numbers can be summed up")),
                    },
                };
                total = total.plus(number).map_err(refuse)?;
            }
            Ok(total.into())
        }
        Scalar::List => {
            let mut all: Vec<Value> = items_of(&start).collect();
            for item in items {
                if scalar_of(&item) != Scalar::List {
                    return Err(refuse("only lists can be added to a list"));
                }
                all.extend(items_of(&item));
                make_items(state, all.len())?;
            }
            Ok(Value::from(all))
        }
        _ => Err(refuse("a sum starts from a number or a list")),
    }
}

fn tojson(state: &mut State<'_, '_>, value: &Value, indent: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let given = match &indent {
        Some(indent) => Some(indent.clone()),
        None => named.peek("indent")?,
    };
    if let Some(given) = given {
        let indentation = given.as_usize().unwrap_or(2);
        let (lines, depth) = extent(value);
        make(state, lines.saturating_mul(depth).saturating_mul(indentation))?;
    }
    filters::tojson(value, indent, named)
}

/// How many items a value has, all levels together, and how deep it is.
fn extent(value: &Value) -> (usize, usize) {
    let is_map = value.kind() == ValueKind::Map;
    if value.kind() == ValueKind::String || value.as_object().is_none() {
        return (1, 0);
    }
    let parts = items_of(value).map(|item| if is_map { value.get_item(&item).unwrap_or_default() } else { item });
    parts.fold((1, 1), |(items, depth), part| {
        let (more, below) = extent(&part);
        (items + more, depth.max(below + 1))
    })
}

/// Cuts a text at a word, as in Jinja: `truncate(length=255, killwords=false, end="...", leeway=5)`.
fn truncate(text: Cow<'_, str>, given: Rest<ValueOrKwargs>) -> Result<String, Error> {
    type Given = (Option<usize>, Option<bool>, Option<String>, Option<usize>, Kwargs);
    let given = given.into_values();
    let (length, cuts_words, end, leeway, named): Given = from_args(&given)?;
    let length = match length {
        Some(length) => length,
        None => named.get::<Option<usize>>("length")?.unwrap_or(255),
    };
    let cuts_words = match cuts_words {
        Some(cuts_words) => cuts_words,
        None => named.get::<Option<bool>>("killwords")?.unwrap_or(false),
    };
    let end = match end {
        Some(end) => end,
        None => named.get::<Option<String>>("end")?.unwrap_or_else(|| "...".to_owned()),
    };
    let leeway = match leeway {
        Some(leeway) => leeway,
        None => named.get::<Option<usize>>("leeway")?.unwrap_or(5),
    };
    named.assert_all_used()?;
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text.into_owned());
    }
    let kept: String = text.chars().take(length.saturating_sub(end.chars().count())).collect();
    let at_word = kept.rsplit_once(' ').map_or(kept.as_str(), |(words, _)| words);
    Ok(format!("{}{end}", if cuts_words { &kept } else { at_word }))
}

fn wordcount(text: &str) -> usize {
    text.split_whitespace().count()
}
