//! Attacks on a server from outside, each as it was once seen, bounded in load and time: what is right is told in
//! docs/operations/security.md.

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod log_ins;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod support;
