//! Functions as agents: `async fn(Task) -> Result<Reply, AgentError>`, with as many `State<T>` behind the task as they
//! like.

use futures::{FutureExt as _, future::BoxFuture};

use super::{AgentError, Reply, State, States, Task};

/// An async function that is an agent. It is implemented for functions that take a [`Task`] and up to four
/// [`State`]s; nobody else needs to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an agent",
    note = "an agent is `async fn(Task) -> Result<Reply, AgentError>`, with up to four `State<T>` behind the task"
)]
pub trait AgentFunction<Arguments>: Send + Sync + 'static {
    /// The first type of which it needs a state that is not there.
    #[doc(hidden)]
    fn missing(&self, states: &Given<'_>) -> Option<&'static str>;

    /// Does a task.
    #[doc(hidden)]
    fn call(&self, task: Task, states: &Given<'_>) -> BoxFuture<'static, Result<Reply, AgentError>>;
}

/// The states that are there, as functions see them.
#[doc(hidden)]
pub struct Given<'s>(pub(crate) &'s States);

macro_rules! agent_functions {
    ($(($($state:ident $given:ident),*);)*) => {
        $(
            impl<F, Answer, R, E, $($state),*> AgentFunction<(Task, $(State<$state>,)*)> for F
            where
                F: Fn(Task, $(State<$state>),*) -> Answer + Send + Sync + 'static,
                Answer: Future<Output = Result<R, E>> + Send + 'static,
                R: Into<Reply>,
                E: Into<AgentError>,
                $($state: Clone + Send + Sync + 'static,)*
            {
                fn missing(&self, _states: &Given<'_>) -> Option<&'static str> {
                    $(
                        if _states.0.get::<$state>().is_none() {
                            return Some(std::any::type_name::<$state>());
                        }
                    )*
                    None
                }

                fn call(&self, task: Task, _states: &Given<'_>) -> BoxFuture<'static, Result<Reply, AgentError>> {
                    $(
                        let Some($given) = _states.0.get::<$state>() else {
                            let missing = std::any::type_name::<$state>();
                            let error = AgentError::failed(format!("there is no state of the type {missing}"));
                            return std::future::ready(Err(error)).boxed();
                        };
                    )*
                    let answer = self(task, $($given),*);
                    async move { answer.await.map(Into::into).map_err(Into::into) }.boxed()
                }
            }
        )*
    };
}

agent_functions! {
    ();
    (A a);
    (A a, B b);
    (A a, B b, C c);
    (A a, B b, C c, D d);
}
