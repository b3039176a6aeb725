//! The engine with stores in memory, scripted agents and the runtime's paused time.

#[cfg(test)]
mod healing;
#[cfg(test)]
mod running;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod webhooks;
