//! One turn of an execution: commands come in, everything that can happen happens, and what is to be committed and done
//! goes out.

use super::{
    Execution,
    boundary::{CallId, Command, Context, Need, Transition},
    state::StepState,
};
use crate::{
    definition::{Step, StepIndex, UndefinedRule},
    event::{Direction, Event, Recorded},
    value::{StepId, Timestamp},
};

impl Execution {
    /// Takes commands, lets everything happen that can happen at `context.now`, and says what is to be committed and
    /// done. Commands are taken in the order of their weight: cancel, other signals, results, stored times last.
    ///
    /// The execution already has the new state. If the commit is refused, drop it and load it anew.
    pub fn handle(&mut self, mut commands: Vec<&Command>, context: &mut Context<'_>) -> Transition {
        context.now = context.now.max(self.state.updated_at);
        commands.sort_by_key(|command| command.weight());
        let mut turn = Turn { execution: self, context, transition: Transition::default() };
        for command in commands {
            turn.obey(command);
        }
        turn.pass_time();
        turn.warn_of_budget();
        turn.advance();
        turn.conclude();
        turn.transition
    }
}

/// A turn under way. Each concern adds its methods in its own file.
pub(super) struct Turn<'t, 'c> {
    pub execution: &'t mut Execution,
    pub context: &'t mut Context<'c>,
    pub transition: Transition,
}

impl Turn<'_, '_> {
    /// Records that something happened, which changes the state.
    pub fn emit(&mut self, event: Event) {
        let sequence = self.execution.state.sequence + 1;
        let recorded = Recorded { sequence, at: self.context.now, event };
        let reserved_before = self.execution.index.reserved;
        // The number is the next one and the step comes from the definition, so that the event applies.
        if self.execution.apply(&recorded).is_ok() {
            self.context.spend(recorded.event.usage());
            self.context.reserve(self.execution.index.reserved - reserved_before);
            self.transition.events.push(recorded);
        }
    }

    /// The time of this turn.
    pub const fn now(&self) -> Timestamp {
        self.context.now
    }

    /// A step's definition.
    pub fn step(&self, step: StepIndex) -> &Step {
        self.execution.definition.step(step)
    }

    /// A step's id.
    pub fn id(&self, step: StepIndex) -> StepId {
        self.step(step).id.clone()
    }

    /// A step's state.
    pub fn state(&self, step: StepIndex) -> &StepState {
        &self.execution.steps[step]
    }

    /// The key of a step's call.
    pub fn call_id(&self, step: StepIndex, direction: Direction, attempt: u32) -> CallId {
        CallId { execution_id: self.execution.id(), step_id: self.id(step), attempt, direction }
    }

    /// Asks for something that is not at hand.
    pub fn need(&mut self, need: Need) {
        if !self.transition.needs.contains(&need) {
            self.transition.needs.push(need);
        }
    }

    /// What an undefined reference does in a text that stands where `local` is the rule (spec 2.2).
    pub fn undefined_rule(&self, local: UndefinedRule) -> UndefinedRule {
        self.execution.creation.undefined.unwrap_or(local)
    }
}
