//! The in-memory store keeps the contract of the stores.

use procession_testing::{
    contract::{Stores, histories},
    store_contract,
};
use proptest::prelude::*;

async fn stores() -> Stores {
    std::future::ready(Stores::in_memory()).await
}

store_contract!(crate::stores);

proptest! {
    #[test]
    fn any_history_reads_back_as_it_was_written(script in proptest::collection::vec(any::<u8>(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(histories::a_history_reads_back_as_it_was_written(&Stores::in_memory(), &script));
    }
}
