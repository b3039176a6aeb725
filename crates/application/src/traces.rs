//! What identifies the traces of executions (spec 4c, traces): every execution is one trace, and its ids follow from what
//! it is, so that whoever tells of a span after a crash gives it the id that agents were told before.

use procession_domain::{
    execution::CallId,
    value::{ExecutionId, TraceContext},
};

/// Which executions are recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceSampling(f64);

/// A span of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanName<'a> {
    /// The execution itself.
    Root,
    /// An attempt, at a step or at undoing it.
    Attempt(&'a CallId),
    /// The wait of an attempt for a time or another execution.
    Wait(&'a CallId),
    /// The wait for people who are asked by this request.
    People(&'a str),
}

impl TraceSampling {
    /// Records this share of executions, from 0 to 1.
    pub const fn of_share(share: f64) -> Self {
        Self(share.clamp(0.0, 1.0))
    }

    /// Whether an execution is recorded: always the same answer for the same one.
    pub fn takes(self, execution: ExecutionId) -> bool {
        let drawn = u32::from_be_bytes(beginning(&hash_of(execution, b"sample")));
        f64::from(drawn) < self.0 * (f64::from(u32::MAX) + 1.0)
    }
}

/// The trace of an execution: its id, without the dashes.
pub fn trace_id(execution: ExecutionId) -> [u8; 16] {
    *execution.uuid().as_bytes()
}

/// The id of a span of an execution.
pub fn span_id(execution: ExecutionId, span: SpanName<'_>) -> [u8; 8] {
    let hash = match span {
        SpanName::Root => hash_of(execution, b"root"),
        SpanName::Attempt(call) => hash_of(execution, format!("attempt {call}").as_bytes()),
        SpanName::Wait(call) => hash_of(execution, format!("wait {call}").as_bytes()),
        SpanName::People(request) => hash_of(execution, format!("people {request}").as_bytes()),
    };
    // Zero is no id; nothing that is hashed is known to give it.
    let id: [u8; 8] = beginning(&hash);
    if id == [0; 8] { [1; 8] } else { id }
}

/// The place of a call in the trace of its execution, as an agent is told it.
pub fn context_of(call: &CallId, sampling: TraceSampling) -> TraceContext {
    TraceContext {
        trace_id: trace_id(call.execution_id),
        span_id: span_id(call.execution_id, SpanName::Attempt(call)),
        is_sampled: sampling.takes(call.execution_id),
    }
}

fn hash_of(execution: ExecutionId, what: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(execution.uuid().as_bytes()).update(what);
    *hasher.finalize().as_bytes()
}

fn beginning<const N: usize>(hash: &[u8; 32]) -> [u8; N] {
    std::array::from_fn(|index| hash[index])
}

#[cfg(test)]
mod tests {
    use procession_domain::{event::Direction, value::StepId};
    use uuid::Uuid;

    use super::*;

    fn execution(number: u128) -> ExecutionId {
        ExecutionId::new(Uuid::from_u128(number))
    }

    fn call(attempt: u32, direction: Direction) -> CallId {
        CallId { execution_id: execution(7), step_id: StepId::new("write").unwrap(), attempt, direction }
    }

    #[test]
    fn every_span_of_an_execution_has_an_id_of_its_own_that_never_changes() {
        let (first, second, undone) = (call(1, Direction::Do), call(2, Direction::Do), call(1, Direction::Undo));
        let of = |span| span_id(execution(7), span);
        let ids = [
            of(SpanName::Root),
            of(SpanName::Attempt(&first)),
            of(SpanName::Attempt(&second)),
            of(SpanName::Attempt(&undone)),
            of(SpanName::Wait(&first)),
            of(SpanName::People("request")),
            span_id(execution(8), SpanName::Root),
        ];
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        // What agents were told before an upgrade holds after it.
        let told = context_of(&first, TraceSampling::of_share(1.0)).to_string();
        assert_eq!(told, "00-00000000000000000000000000000007-ed72e25c5e4153f7-01");
    }

    #[test]
    fn a_share_of_the_executions_is_recorded() {
        let recorded =
            |share| (0..4_000).filter(|number| TraceSampling::of_share(share).takes(execution(*number))).count();
        assert_eq!((recorded(0.0), recorded(1.0), recorded(7.0), recorded(-1.0)), (0, 4_000, 4_000, 0));
        let half = recorded(0.5);
        assert!((1_850..2_150).contains(&half), "{half}");
    }
}
