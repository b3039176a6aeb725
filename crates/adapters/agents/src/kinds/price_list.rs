//! What models cost by their makers' own price lists, for agents without a `price` (`agents.price_list`).
//!
//! Each entry says where it stands and since when. A model is known by its exact name only: versions of one model have had
//! different prices, and what is not in the list has an unknown cost, never none.

use procession_domain::value::{Money, TokenUsage};

use super::openai::Price;

/// What a million tokens of some models cost, in USD.
#[derive(Debug)]
struct Listed {
    /// The names by which their maker knows them.
    models: &'static [&'static str],
    /// Since when, as far as the source says.
    since: &'static str,
    /// Where it stands.
    source: &'static str,
    /// Input, cached input, what is put into the cache, output.
    price: [&'static str; 4],
    /// The most tokens of input to which it applies; beyond them others do, which are not listed.
    most_input: Option<u64>,
}

const ANTHROPIC_PRICING: &str = "https://docs.anthropic.com/en/docs/about-claude/pricing";

const LIST: &[Listed] = &[
    Listed {
        models: &["gpt-4o-2024-08-06"],
        since: "2024-10-01",
        source: "https://openai.com/index/api-prompt-caching/",
        price: ["2.50", "1.25", "2.50", "10.00"],
        most_input: None,
    },
    Listed {
        models: &["gpt-4o-mini", "gpt-4o-mini-2024-07-18"],
        since: "2024-10-01",
        source: "https://openai.com/index/api-prompt-caching/",
        price: ["0.15", "0.075", "0.15", "0.60"],
        most_input: None,
    },
    Listed {
        models: &["gpt-4.1", "gpt-4.1-2025-04-14"],
        since: "2025-04-14",
        source: "https://openai.com/index/gpt-4-1/",
        price: ["2.00", "0.50", "2.00", "8.00"],
        most_input: None,
    },
    Listed {
        models: &["gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"],
        since: "2025-04-14",
        source: "https://openai.com/index/gpt-4-1/",
        price: ["0.40", "0.10", "0.40", "1.60"],
        most_input: None,
    },
    Listed {
        models: &["gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"],
        since: "2025-04-14",
        source: "https://openai.com/index/gpt-4-1/",
        price: ["0.10", "0.025", "0.10", "0.40"],
        most_input: None,
    },
    Listed {
        models: &["gpt-5", "gpt-5-2025-08-07"],
        since: "2025-08-07",
        source: "https://openai.com/index/introducing-gpt-5-for-developers/",
        price: ["1.25", "0.125", "1.25", "10.00"],
        most_input: None,
    },
    Listed {
        models: &["gpt-5-mini", "gpt-5-mini-2025-08-07"],
        since: "2025-08-07",
        source: "https://openai.com/index/introducing-gpt-5-for-developers/",
        price: ["0.25", "0.025", "0.25", "2.00"],
        most_input: None,
    },
    Listed {
        models: &["gpt-5-nano", "gpt-5-nano-2025-08-07"],
        since: "2025-08-07",
        source: "https://openai.com/index/introducing-gpt-5-for-developers/",
        price: ["0.05", "0.005", "0.05", "0.40"],
        most_input: None,
    },
    Listed {
        models: &["claude-3-haiku-20240307"],
        since: "2025-08-05",
        source: ANTHROPIC_PRICING,
        price: ["0.25", "0.03", "0.30", "1.25"],
        most_input: None,
    },
    Listed {
        models: &["claude-3-5-haiku-20241022"],
        since: "2025-08-05",
        source: ANTHROPIC_PRICING,
        price: ["0.80", "0.08", "1.00", "4.00"],
        most_input: None,
    },
    Listed {
        models: &["claude-3-5-sonnet-20241022", "claude-3-7-sonnet-20250219"],
        since: "2025-08-05",
        source: ANTHROPIC_PRICING,
        price: ["3.00", "0.30", "3.75", "15.00"],
        most_input: None,
    },
    Listed {
        models: &["claude-sonnet-4-20250514"],
        since: "2025-08-05",
        source: ANTHROPIC_PRICING,
        price: ["3.00", "0.30", "3.75", "15.00"],
        most_input: Some(200_000),
    },
    Listed {
        models: &["claude-opus-4-20250514", "claude-opus-4-1", "claude-opus-4-1-20250805"],
        since: "2025-08-05",
        source: ANTHROPIC_PRICING,
        price: ["15.00", "1.50", "18.75", "75.00"],
        most_input: None,
    },
    Listed {
        models: &["claude-sonnet-4-5", "claude-sonnet-4-5-20250929"],
        since: "2025-09-29",
        source: "https://www.anthropic.com/news/claude-sonnet-4-5",
        price: ["3.00", "0.30", "3.75", "15.00"],
        most_input: Some(200_000),
    },
    Listed {
        models: &["claude-haiku-4-5", "claude-haiku-4-5-20251001"],
        since: "2025-10-15",
        source: "https://www.anthropic.com/news/claude-haiku-4-5",
        price: ["1.00", "0.10", "1.25", "5.00"],
        most_input: None,
    },
    Listed {
        models: &["claude-opus-4-5", "claude-opus-4-5-20251101"],
        since: "2025-11-24",
        source: "https://www.anthropic.com/news/claude-opus-4-5",
        price: ["5.00", "0.50", "6.25", "25.00"],
        most_input: None,
    },
];

/// The price of a call of a model that has used these tokens, if the list has one.
pub(super) fn listed_price(model: &str, tokens: &TokenUsage) -> Option<Price> {
    let listed = LIST.iter().find(|listed| listed.models.contains(&model))?;
    let input = [tokens.input_tokens, tokens.cached_input_tokens, tokens.cache_write_tokens];
    let all_input = input.into_iter().flatten().fold(0, u64::saturating_add);
    if listed.most_input.is_some_and(|most| all_input > most) {
        return None;
    }
    tracing::debug!(model, since = listed.since, source = listed.source, "the price list says what a call costs");
    listed.price()
}

impl Listed {
    fn price(&self) -> Option<Price> {
        let [input, cached_input, cache_write, output] = self.price.map(|price| price.parse::<Money>().ok());
        Some(Price { input: input?, cached_input: cached_input?, cache_write: cache_write?, output: output? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_price_can_be_read_and_no_model_has_two() {
        let mut seen = BTreeSet::new();
        for listed in LIST {
            let price = listed.price().unwrap_or_else(|| panic!("{listed:?}"));
            assert!(price.cached_input.nanos() < price.input.nanos(), "{listed:?}");
            assert!(price.input.nanos() <= price.cache_write.nanos(), "{listed:?}");
            assert!(price.cache_write.nanos() < price.output.nanos(), "{listed:?}");
            assert!(listed.models.iter().all(|model| seen.insert(*model)), "{listed:?}");
            assert!(listed.source.starts_with("https://"), "{listed:?}");
        }
    }

    #[test]
    fn the_page_about_agents_shows_the_list() {
        let page = include_str!("../../../../../docs/agents.md");
        for listed in LIST {
            let models: Vec<String> = listed.models.iter().map(|model| format!("`{model}`")).collect();
            let [input, cached_input, cache_write, output] = listed.price;
            let limit = listed.most_input.map(|most| format!(", up to {most} tokens of input")).unwrap_or_default();
            let row = format!(
                "| {}{limit} | {input} | {cached_input} | {cache_write} | {output} | {} | <{}> |",
                models.join(", "),
                listed.since,
                listed.source
            );
            assert!(page.contains(&row), "docs/agents.md lacks\n{row}");
        }
    }

    #[test]
    fn a_model_is_known_by_its_whole_name_and_within_its_input_only() {
        let few = TokenUsage::new(1_000, 10);
        let cost = |model: &str, tokens: &TokenUsage| {
            listed_price(model, tokens).and_then(|price| price.cost(tokens)).map(Money::amount)
        };
        assert_eq!(cost("gpt-4.1-mini", &few).as_deref(), Some("0.000416"));
        for unknown in ["gpt-4.1-mini-next", "openai/gpt-4.1-mini", "GPT-4.1-mini", "gpt-4", ""] {
            assert_eq!(cost(unknown, &few), None, "{unknown}");
        }
        let many = TokenUsage { cached_input_tokens: Some(150_000), ..TokenUsage::new(50_000, 10) };
        assert!(cost("claude-sonnet-4-5", &many).is_some());
        let more = TokenUsage { cached_input_tokens: Some(150_001), ..many };
        assert_eq!(cost("claude-sonnet-4-5", &more), None);
    }
}
