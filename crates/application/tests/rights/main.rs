//! The door: who may do what, and that what was asked for is carried through.

#![cfg(test)]

mod attempts;
mod carried_through;
mod matrix;
mod parking;
mod sight;
