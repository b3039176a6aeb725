//! Whatever happens to an execution reads back from SQLite as it was written, and its stored events add up to it.

use crate::support::empty_stores;
use procession_testing::contract::histories;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_history_reads_back_as_it_was_written(script in proptest::collection::vec(any::<u8>(), 1..90)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            histories::a_history_reads_back_as_it_was_written(&empty_stores().await, &script).await;
        });
    }
}
