//! The in-memory store keeps the contract of the stores.

use std::sync::Arc;

use procession_application::{
    store_contract,
    testing::{
        MemoryStore, SequentialIds,
        contract::{Stores, histories},
    },
};
use proptest::prelude::*;

async fn stores() -> Stores {
    std::future::ready(memory_stores()).await
}

fn memory_stores() -> Stores {
    let store = Arc::new(MemoryStore::new());
    Stores {
        definitions: store.clone(),
        executions: store.clone(),
        approvals: store.clone(),
        access: store.clone(),
        queries: store.clone(),
        feed: store.clone(),
        blobs: store,
        ids: Arc::new(SequentialIds::new()),
        keep: Box::new(()),
    }
}

store_contract!(crate::stores);

proptest! {
    #[test]
    fn any_history_reads_back_as_it_was_written(script in proptest::collection::vec(any::<u8>(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(histories::a_history_reads_back_as_it_was_written(&memory_stores(), &script));
    }
}
