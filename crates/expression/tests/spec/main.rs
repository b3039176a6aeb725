//! The rules of spec 2, as tables: what a text says, and what comes of it.

mod conditions;
mod foreign;
mod handing_over;
mod hyphens;
mod limits;
mod messages;
mod properties;
mod references;
mod support;
mod syntax_errors;
mod templates;
mod times;
mod undefined;
