//! Claims: which node works on which execution, and leases.

use std::collections::HashMap;

use procession_domain::{
    execution::ExecutionStatus,
    value::{ExecutionId, ProcessName, Timestamp},
};
use uuid::Uuid;

use super::{MemoryStore, Node, StoredExecution, Tables};
use procession_application::ports::{Claim, ClaimKind, ClaimRequest, Lease, WorkScope};

impl MemoryStore {
    pub(super) fn claim_now(&self, request: &ClaimRequest) -> Vec<Claim> {
        let mut tables = self.tables();
        tables.notice_ended_leases(request.lease.node, request.now);
        if !tables.is_live(request.lease) {
            return Vec::new();
        }
        let mut claims = tables.take_over(request);
        let left = (request.most as usize).saturating_sub(claims.len());
        claims.extend(tables.claim_due(request, left));
        claims.extend(tables.admit(request));
        claims
    }

    pub(super) fn claim_one_now(&self, lease: Lease, id: ExecutionId, now: Timestamp) -> bool {
        let mut tables = self.tables();
        tables.notice_ended_leases(lease.node, now);
        if !tables.is_live(lease) {
            return false;
        }
        let owner = tables.executions.get(&id).map(|stored| stored.owner);
        match owner {
            None => false,
            Some(Some(owner)) if owner == lease => true,
            Some(Some(owner)) if tables.is_live(owner) => false,
            Some(_) => {
                tables.give(id, lease);
                true
            }
        }
    }

    pub(super) fn join_now(&self, node: Uuid, now: Timestamp, until: Timestamp) -> Lease {
        let mut tables = self.tables();
        tables.notice_ended_leases(node, now);
        let epoch = tables.nodes.get(&node).map_or(1, |before| before.epoch + 1);
        let until = Some(until);
        tables.nodes.insert(node, Node { epoch, until });
        Lease { node, epoch }
    }

    pub(super) fn renew_now(&self, lease: Lease, until: Timestamp) -> bool {
        let mut tables = self.tables();
        let live = tables.is_live(lease);
        if let Some(node) = tables.nodes.get_mut(&lease.node).filter(|_| live) {
            node.until = Some(until);
        }
        live
    }

    pub(super) fn leave_now(&self, lease: Lease) {
        let mut tables = self.tables();
        let live = tables.is_live(lease);
        if let Some(node) = tables.nodes.get_mut(&lease.node).filter(|_| live) {
            node.until = None;
        }
    }
}

impl Tables {
    /// Notes that leases have run out. A node does not judge its own: nobody else has taken its executions yet.
    fn notice_ended_leases(&mut self, own: Uuid, now: Timestamp) {
        for (id, node) in &mut self.nodes {
            let over = node.until.is_some_and(|until| until <= now);
            if *id != own && over {
                node.until = None;
            }
        }
    }

    /// Takes over what belongs to nodes that are gone. What was only admitted goes back to the queue.
    fn take_over(&mut self, request: &ClaimRequest) -> Vec<Claim> {
        let orphans = self.chosen(|tables, stored| stored.owner.is_some_and(|owner| !tables.is_live(owner)));
        let mut claims = Vec::new();
        for id in orphans {
            let not_begun =
                |stored: &&mut StoredExecution| stored.is_root() && stored.standing.status == ExecutionStatus::Pending;
            let is_in_scope = self.executions.get(&id).is_some_and(|stored| self.is_in(&request.scope, stored));
            if let Some(stored) = self.executions.get_mut(&id).filter(not_begun) {
                stored.owner = None;
            } else if is_in_scope && claims.len() < request.most as usize {
                self.give(id, request.lease);
                claims.push(claim(id, ClaimKind::TakenOver));
            }
        }
        claims
    }

    fn claim_due(&mut self, request: &ClaimRequest, most: usize) -> Vec<Claim> {
        let is_due = |stored: &StoredExecution| stored.attention_at.is_some_and(|at| at <= request.now);
        let is_free = |stored: &StoredExecution| stored.owner.is_none() && is_due(stored);
        let mut due = self.chosen(|tables, stored| is_free(stored) && tables.is_in(&request.scope, stored));
        due.sort_by_key(|id| (self.executions.get(id).and_then(|stored| stored.attention_at), *id));
        due.truncate(most);
        for id in &due {
            self.give(*id, request.lease);
        }
        due.into_iter().map(|id| claim(id, ClaimKind::Due)).collect()
    }

    /// Admits pending roots by priority and age, up to the limits of the server and of each process (spec 3.9).
    fn admit(&mut self, request: &ClaimRequest) -> Vec<Claim> {
        // In a scope, what belongs to nodes that are gone stays with them, so that it holds nobody back.
        let is_worked_on = |tables: &Self, stored: &StoredExecution| {
            request.scope == WorkScope::All || stored.owner.is_some_and(|owner| tables.is_live(owner))
        };
        let in_work = self.chosen(|tables, stored| stored.is_in_work() && is_worked_on(tables, stored));
        let mut room = (request.most_running as usize).saturating_sub(in_work.len());
        let mut of_process: HashMap<ProcessName, u32> = HashMap::new();
        for id in &in_work {
            if let Some(stored) = self.executions.get(id) {
                *of_process.entry(stored.creation.process.name.clone()).or_default() += 1;
            }
        }
        let mut queue = self.chosen(|tables, stored| stored.is_in_queue() && tables.is_in(&request.scope, stored));
        queue.sort_by_key(|id| {
            let stored = self.executions.get(id);
            stored.map(|stored| (stored.creation.priority, stored.created_at, *id))
        });
        let mut claims = Vec::new();
        for id in queue {
            let Some(stored) = self.executions.get(&id).filter(|_| room > 0) else {
                break;
            };
            let running = of_process.entry(stored.creation.process.name.clone()).or_default();
            if stored.instance_limit.is_some_and(|limit| *running >= limit) {
                continue;
            }
            *running += 1;
            room -= 1;
            self.give(id, request.lease);
            claims.push(claim(id, ClaimKind::Admitted));
        }
        claims
    }

    /// Whether an execution is one of the scope, or a sub-process below one.
    pub(super) fn is_in(&self, scope: &WorkScope, stored: &StoredExecution) -> bool {
        let WorkScope::Below(roots) = scope else { return true };
        let parent = |stored: &StoredExecution| self.executions.get(&stored.creation.parent.as_ref()?.execution_id);
        std::iter::successors(Some(stored), |stored| parent(stored)).any(|stored| roots.contains(&stored.id))
    }

    fn chosen(&self, fits: impl Fn(&Self, &StoredExecution) -> bool) -> Vec<ExecutionId> {
        let chosen = self.executions.iter().filter(|(_, stored)| fits(self, stored));
        chosen.map(|(id, _)| *id).collect()
    }

    fn give(&mut self, id: ExecutionId, lease: Lease) {
        if let Some(stored) = self.executions.get_mut(&id) {
            stored.owner = Some(lease);
            stored.attention_at = None;
        }
    }
}

const fn claim(execution_id: ExecutionId, kind: ClaimKind) -> Claim {
    Claim { execution_id, kind }
}
