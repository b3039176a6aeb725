//! The channels against real receivers on this machine: HTTP servers, and an SMTP server with TLS.

#![cfg(test)]

mod mail;
mod outgoing;
mod receiver;
mod secrets;
mod smtp_server;
mod support;
mod web;
