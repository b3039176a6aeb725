//! The command line as people and scripts use it: the program is started, and what it says and how it ends is checked.
#![cfg(test)]

mod config;
mod database;
mod help;
mod init;
mod newcomer;
mod newcomer_server;
mod newcomer_terminal;
mod operators;
mod people;
mod remote;
mod run;
mod samples;
mod seed;
mod serve;
mod support;
mod terminal;
mod validate;
mod validate_formats;
