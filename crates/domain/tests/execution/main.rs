//! Tests of the execution aggregate through its public interface: spec 3, case by case and as properties.

#[cfg(test)]
mod model;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod world;
