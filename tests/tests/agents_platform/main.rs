//! The gateway to the platform's agents against a server that behaves as the platform does (spec 6).
#![cfg(test)]

mod doubt;
mod ending;
mod pace;
mod recovery;
mod session;
mod submission;
mod support;
