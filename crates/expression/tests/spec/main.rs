//! The rules of spec 2, as tables: what a text says, and what comes of it.

#[cfg(test)]
mod conditions;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod handing_over;
#[cfg(test)]
mod hyphens;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod numbers;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod references;
#[cfg(test)]
mod support;
#[cfg(test)]
mod syntax_errors;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod times;
#[cfg(test)]
mod undefined;
