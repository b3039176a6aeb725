//! What the program hands to its agents: one value of each type, as with axum's handlers.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

/// A value that the program gave to [`EngineBuilder::state`](crate::EngineBuilder::state), for a function that asks for
/// one of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<T>(pub T);

/// All values, by type.
#[derive(Clone, Default)]
pub(crate) struct States(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl States {
    pub fn put<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<State<T>> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned().map(State)
    }
}
