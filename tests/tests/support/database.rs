//! Everything that an engine asks of the world, with its stores in an SQLite file.

use std::{path::Path, sync::Arc};

use procession_application::{
    ports::{AgentGateway, Clock, Notifier, Ports, Stores},
    system::UuidGenerator,
};
use procession_store_sqlite::{FileBlobs, Options, SqliteStore, Synchronous};

/// Ports on the database in this folder, which is created when it is missing. A kill of the process loses nothing that
/// was committed; a power failure is tested elsewhere, so that nothing need be flushed here.
pub async fn ports_in(
    folder: &Path,
    agents: Arc<dyn AgentGateway>,
    notifier: Arc<dyn Notifier>,
    clock: Arc<dyn Clock>,
) -> Ports {
    let options = Options { synchronous: Synchronous::Normal, ..Options::new(folder.join("procession.db")) };
    let store = Arc::new(SqliteStore::open(options).await.unwrap());
    let blobs = FileBlobs::open(folder.join("blobs")).await.unwrap();
    Ports::on(Stores::of(&store, Arc::new(blobs)), agents, notifier, clock, Arc::new(UuidGenerator))
}
