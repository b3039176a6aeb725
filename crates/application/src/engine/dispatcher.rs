//! The dispatcher: claims executions that need attention, finds those that nobody runs, and keeps the node's lease.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

use procession_domain::value::{Duration, ExecutionId, Timestamp};

use super::{
    Inner,
    health::Part,
    runner::{Origin, Run},
};
use crate::ports::{ClaimKind, ClaimRequest, StoreError};

/// How many executions are claimed at a time.
const BATCH: u32 = 64;

/// Claims and starts runs until the engine stops.
pub(super) async fn dispatch(engine: Arc<Inner>) {
    while !engine.stop.is_cancelled() {
        let woken = engine.wake.notified();
        let until = match claim(&engine).await {
            Ok(until) => until,
            Err(error) => {
                let now = engine.now();
                engine.health.failed(Part::Store, now, &error);
                now.saturating_add(engine.health.pause(now))
            }
        };
        tokio::select! {
            () = woken => {}
            () = engine.ports.clock.sleep_until(until) => {}
            () = engine.stop.cancelled() => {}
        }
    }
}

/// Claims all that needs attention now. When to look again.
async fn claim(engine: &Arc<Inner>) -> Result<Timestamp, StoreError> {
    let store = &engine.ports.stores.executions;
    loop {
        let now = engine.now();
        let lease = engine.lease();
        let most_running = engine.settings.max_concurrent_executions;
        let had_backlog = engine.backlog.swap(false, Ordering::Relaxed);
        let scope = engine.scope();
        let claims = store.claim(ClaimRequest { lease, now, most: BATCH, most_running, scope }).await;
        let claims = claims.inspect_err(|_| engine.backlog.store(had_backlog, Ordering::Relaxed))?;
        let admitted = claims.iter().filter(|claim| claim.kind == ClaimKind::Admitted).count();
        let count = claims.len();
        for claim in claims {
            Run::begin(engine, claim.execution_id, lease, Origin::Claimed(claim.kind));
        }
        // As long as pending executions are found, or can't be looked for, there may be more.
        let full = engine.roots.load(Ordering::Relaxed) >= most_running as usize;
        if admitted > 0 || (had_backlog && full) {
            engine.backlog.store(true, Ordering::Relaxed);
        }
        if count < BATCH as usize && admitted == 0 {
            break;
        }
    }
    let now = engine.now();
    for id in store.owned_and_due(engine.lease(), now).await? {
        engine.attend(id);
    }
    let latest = now.saturating_add(engine.settings.poll);
    Ok(store.next_attention(&engine.scope()).await?.map_or(latest, |next| next.min(latest)))
}

/// Looks now and then for executions that this node owns and nobody runs, whatever became of their runs. One that has just
/// been created is not in memory yet, so that only those count that were found twice.
pub(super) async fn find_abandoned(engine: Arc<Inner>) {
    let mut suspects: HashSet<ExecutionId> = HashSet::new();
    loop {
        let next = engine.now().saturating_add(engine.settings.look_for_abandoned);
        tokio::select! {
            () = engine.ports.clock.sleep_until(next) => {}
            () = engine.stop.cancelled() => return,
        }
        let lease = engine.lease();
        let owned = match engine.ports.stores.executions.owned(lease).await {
            Ok(owned) => owned,
            Err(error) => {
                engine.health.failed(Part::Store, engine.now(), &error);
                continue;
            }
        };
        let idle = owned.into_iter().filter(|id| !engine.runs.contains(*id) && !engine.broken.contains(*id));
        let (abandoned, new): (Vec<ExecutionId>, Vec<ExecutionId>) = idle.partition(|id| suspects.contains(id));
        for id in abandoned {
            tracing::warn!(execution = %id, "nobody was running this execution; resuming it");
            Run::begin(&engine, id, lease, Origin::Abandoned);
        }
        suspects = new.into_iter().collect();
    }
}

/// Renews the node's lease, and takes a new one when it was lost: the machine slept, or the store was away for too long.
pub(super) async fn keep_lease(engine: Arc<Inner>) {
    let period = Duration::from_millis(engine.settings.lease.as_millis() / 4);
    while !engine.stop.is_cancelled() {
        let next = engine.now().saturating_add(period);
        tokio::select! {
            () = engine.ports.clock.sleep_until(next) => {}
            () = engine.stop.cancelled() => return,
        }
        match renew(&engine).await {
            Ok(()) => engine.health.answered(Part::Store),
            Err(error) => engine.health.failed(Part::Store, engine.now(), &error),
        }
    }
}

async fn renew(engine: &Inner) -> Result<(), StoreError> {
    let store = &engine.ports.stores.executions;
    let now = engine.now();
    let until = now.saturating_add(engine.settings.lease);
    let lease = engine.lease();
    if !store.renew(lease, until).await? {
        tracing::warn!("the node's lease had run out; taking a new one");
        engine.set_lease(store.join(lease.node, now, until).await?);
        engine.wake.notify_one();
    }
    Ok(())
}

impl Inner {
    /// Tells an execution of this node that needs attention; runs it if nobody does.
    fn attend(self: &Arc<Self>, id: ExecutionId) {
        if !self.broken.contains(id) {
            Run::begin(self, id, self.lease(), Origin::Abandoned);
        }
    }
}
