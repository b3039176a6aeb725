//! "Did you mean", by the rule of the whole program.

pub(crate) use procession_domain::suggest::did_you_mean;
