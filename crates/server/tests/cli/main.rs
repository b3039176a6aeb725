//! The command line as people and scripts use it: the program is started, and what it says and how it ends is checked.
#![cfg(test)]

mod config;
mod database;
mod help;
mod init;
mod people;
mod remote;
mod run;
mod samples;
mod seed;
mod serve;
mod support;
mod validate;
mod validate_formats;
