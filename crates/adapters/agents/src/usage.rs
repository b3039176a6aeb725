//! What a call used, read from the many ways in which models and tool servers write it. What is not told, or not
//! understood, is unknown; it never costs the reply.

use procession_domain::value::TokenUsage;
use serde_json::Value;

/// Where the tokens that were read stand: all of them with OpenAI, …
const ALL_INPUT: &str = "/prompt_tokens";
/// … with OpenAI's newer interface too; with Anthropic only those that have nothing to do with its cache.
const INPUT: &str = "/input_tokens";
const OUTPUT: [&str; 2] = ["/completion_tokens", "/output_tokens"];
/// Tokens from the cache that stand within those read …
const CACHED_WITHIN: [&str; 4] = [
    "/prompt_tokens_details/cached_tokens",
    "/input_tokens_details/cached_tokens",
    "/prompt_cache_hit_tokens",
    "/cached_tokens",
];
/// … and beside them.
const CACHED_BESIDE: [&str; 2] = ["/cache_read_input_tokens", "/cache_read_tokens"];
/// Tokens put into the cache, within and beside.
const WRITTEN_WITHIN: [&str; 3] = [
    "/prompt_tokens_details/cache_write_tokens",
    "/prompt_tokens_details/cache_creation_tokens",
    "/input_tokens_details/cache_creation_tokens",
];
const WRITTEN_BESIDE: [&str; 3] = ["/cache_creation_input_tokens", "/cache_creation_tokens", "/cache_write_tokens"];

/// The tokens of an object such as OpenAI's or Anthropic's `usage`, each counted once; `None` if it tells no number.
pub(crate) fn token_usage(usage: &Value, model: Option<String>) -> Option<TokenUsage> {
    // Some put their only usage into a list.
    let usage = match usage {
        Value::Array(items) if items.len() == 1 => &items[0],
        other => other,
    };
    let first = |places: &[&str]| places.iter().find_map(|place| count(usage.pointer(place)?));
    let output = first(&OUTPUT);
    let cached = first(&CACHED_WITHIN).or_else(|| first(&CACHED_BESIDE));
    let written = first(&WRITTEN_WITHIN).or_else(|| first(&WRITTEN_BESIDE));
    let of_cache = cached.unwrap_or(0).saturating_add(written.unwrap_or(0));
    let all_input = first(&[ALL_INPUT]);
    let told = all_input.or_else(|| first(&[INPUT]));
    let told_total = count(usage.pointer("/total_tokens").unwrap_or(&Value::Null));

    let says_within = all_input.is_some() || first(&CACHED_WITHIN).is_some() || first(&WRITTEN_WITHIN).is_some();
    let fits_within = told.is_some_and(|told| of_cache <= told);
    let all = |told: u64, output: u64| told.saturating_add(output).saturating_add(of_cache);
    let total_says_beside =
        of_cache > 0 && told.zip(output).is_some_and(|(told, output)| told_total == Some(all(told, output)));
    let input = if says_within && fits_within && !total_says_beside { told.map(|told| told - of_cache) } else { told };

    let sum = input.zip(output).map(|(input, output)| all(input, output));
    let tokens = TokenUsage {
        input_tokens: input,
        cached_input_tokens: cached,
        cache_write_tokens: written,
        output_tokens: output,
        total_tokens: told_total.max(sum),
        model,
    };
    tokens.is_known().then_some(tokens)
}

/// A whole number from 0: also one with a point (`12.0`) or in a text (`"12"`).
pub(crate) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "only whole numbers within the bounds are cast"
)]
fn whole(number: f64) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    ((0.0..=MOST).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Input, cached, written, output, total.
    type Counts = (Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>);

    fn counts(usage: &Value) -> Option<Counts> {
        let found = token_usage(usage, None)?;
        let TokenUsage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, total_tokens, .. } =
            found;
        Some((input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, total_tokens))
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        for (value, expected) in [
            (json!(12), Some(12)),
            (json!(12.0), Some(12)),
            (json!("12"), Some(12)),
            (json!(" 12.0 "), Some(12)),
            (json!(0), Some(0)),
            (json!(12.5), None),
            (json!(-1), None),
            (json!("-1"), None),
            (json!("many"), None),
            (json!(""), None),
            (json!("NaN"), None),
            (json!(1e300), None),
            (json!(null), None),
            (json!(true), None),
            (json!([12]), None),
            (json!({"value": 12}), None),
        ] {
            assert_eq!(count(&value), expected, "{value}");
        }
    }

    #[test]
    fn the_names_of_openai_count_the_cache_within_the_input() {
        for usage in [
            json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
                "prompt_tokens_details": {"cached_tokens": 60}}),
            json!({"input_tokens": 100, "output_tokens": 20, "total_tokens": 120,
                "input_tokens_details": {"cached_tokens": 60}}),
            json!({"prompt_tokens": "100", "completion_tokens": 20.0, "prompt_cache_hit_tokens": 60,
                "prompt_cache_miss_tokens": 40}),
            json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "cached_tokens": 60}),
            // Both names at once are the same tokens.
            json!({"prompt_tokens": 100, "input_tokens": 100, "completion_tokens": 20, "output_tokens": 20,
                "total_tokens": 120, "prompt_tokens_details": {"cached_tokens": 60}, "cache_read_input_tokens": 60}),
        ] {
            let expected = (Some(40), Some(60), None, Some(20), Some(120));
            assert_eq!(counts(&usage), Some(expected), "{usage}");
        }
        let written = json!({"prompt_tokens": 100, "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30}});
        assert_eq!(counts(&written), Some((Some(10), Some(60), Some(30), Some(20), Some(120))));
    }

    #[test]
    fn the_names_of_anthropic_count_the_cache_beside_the_input() {
        for usage in [
            json!({"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30}),
            json!({"input_tokens": 10, "output_tokens": 20, "cache_read_tokens": 60, "cache_creation_tokens": 30}),
            // A gateway that writes OpenAI's names and Anthropic's meaning: its total tells.
            json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 120,
                "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30}),
            // Or the numbers can't mean anything else.
            json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30,
                "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30}),
        ] {
            let expected = (Some(10), Some(60), Some(30), Some(20), Some(120));
            assert_eq!(counts(&usage), Some(expected), "{usage}");
        }
    }

    #[test]
    fn what_is_not_told_is_unknown() {
        for (usage, expected) in [
            (json!({}), None),
            (json!(null), None),
            (json!([]), None),
            (json!("none"), None),
            (json!([{"prompt_tokens": 1}, {"prompt_tokens": 2}]), None),
            (json!({"prompt_tokens": null, "completion_tokens": "?", "total_tokens": -1}), None),
            (json!({"total_tokens": 120}), Some((None, None, None, None, Some(120)))),
            (json!({"prompt_tokens": 12}), Some((Some(12), None, None, None, None))),
            (json!({"completion_tokens": 3, "total_tokens": 15}), Some((None, None, None, Some(3), Some(15)))),
            (json!([{"prompt_tokens": 12, "completion_tokens": 3}]), Some((Some(12), None, None, Some(3), Some(15)))),
            (json!({"cache_read_input_tokens": 5}), Some((None, Some(5), None, None, None))),
        ] {
            assert_eq!(counts(&usage), expected, "{usage}");
        }
    }

    #[test]
    fn a_total_may_count_more_than_its_parts_and_never_less() {
        let reasoning = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 200,
            "completion_tokens_details": {"reasoning_tokens": 80}});
        assert_eq!(counts(&reasoning), Some((Some(100), None, None, Some(20), Some(200))));
        let nonsense = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 0});
        assert_eq!(counts(&nonsense), Some((Some(100), None, None, Some(20), Some(120))));
    }
}
