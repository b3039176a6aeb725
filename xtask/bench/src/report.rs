//! What was measured, as tables.

use std::fmt::Write as _;

use crate::machine::Machine;

/// Where the processor's time goes under clients: taken by hand with a profiler, which not every machine has.
const PROFILE: &str = include_str!("../profile.md");

/// Everything measured in one run.
#[derive(Debug)]
pub struct Report {
    machine: Machine,
    sections: Vec<Section>,
}

/// What one part measured.
#[derive(Debug)]
pub struct Section {
    title: &'static str,
    about: &'static str,
    rows: Vec<Row>,
}

/// One measurement.
#[derive(Debug)]
pub struct Row {
    what: String,
    measured: String,
    beside: String,
    target: Option<Target>,
}

/// What it should be, and whether it is.
#[derive(Debug)]
struct Target {
    text: String,
    met: bool,
}

const HEAD: [&str; 4] = ["what", "measured", "beside it", "target"];

impl Report {
    /// Nothing measured yet.
    pub const fn new(machine: Machine) -> Self {
        Self { machine, sections: Vec::new() }
    }

    /// Adds what a part measured.
    pub fn add(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// The whole page.
    pub fn to_markdown(&self) -> String {
        let mut page = String::from(
            "# Performance\n\n\
             Written by `cargo xtask bench`, which measures all of it anew; do not edit.\n\
             Numbers of another machine differ, above all with how long its disk takes to flush. So what counts are the\n\
             ratios: beside a measurement stands, where there is one, the *floor* of the same run: the same rows with\n\
             the same indexes and bytes, written by one thread through SQLite's own interface, with statements that were\n\
             prepared once and `synchronous=FULL`.\n\n",
        );
        page.push_str(&self.machine.to_markdown());
        for section in &self.sections {
            let _ = write!(page, "\n{}", section.to_markdown());
        }
        let _ = write!(page, "\n{}\n\n{PROFILE}", self.summary());
        page
    }

    /// Which targets are met.
    pub fn summary(&self) -> String {
        let rows = || self.sections.iter().flat_map(|section| &section.rows);
        let missed: Vec<&str> = rows().filter(|row| row.is_met() == Some(false)).map(|row| row.what.as_str()).collect();
        let count = rows().filter(|row| row.target.is_some()).count();
        if missed.is_empty() {
            format!("All {count} targets are met.")
        } else {
            format!("{} of {count} targets are met; missed: {}.", count - missed.len(), missed.join("; "))
        }
    }
}

impl Section {
    /// A part, and how it measures.
    pub const fn new(title: &'static str, about: &'static str) -> Self {
        Self { title, about, rows: Vec::new() }
    }

    /// Adds a measurement.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// A heading, what was done, and the table.
    pub fn to_markdown(&self) -> String {
        let cells: Vec<[String; 4]> =
            std::iter::once(HEAD.map(str::to_owned)).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths = [width(0), width(1), width(2), width(3)];
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.about);
        for (number, row) in cells.iter().enumerate() {
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(text, "| {cell:<width$} ");
            }
            text.push_str("|\n");
            if number == 0 {
                for width in widths {
                    let _ = write!(text, "|{:-<1$}", "", width + 2);
                }
                text.push_str("|\n");
            }
        }
        text
    }
}

impl Row {
    /// What was measured.
    pub fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { what: what.into(), measured: measured.into(), beside: String::new(), target: None }
    }

    /// What it can be compared with.
    #[must_use]
    pub fn beside(self, beside: impl Into<String>) -> Self {
        Self { beside: beside.into(), ..self }
    }

    /// What it should be, and whether it is.
    #[must_use]
    pub fn target(self, text: impl Into<String>, met: bool) -> Self {
        Self { target: Some(Target { text: text.into(), met }), ..self }
    }

    fn is_met(&self) -> Option<bool> {
        self.target.as_ref().map(|target| target.met)
    }

    fn cells(&self) -> [String; 4] {
        let target = self.target.as_ref().map_or_else(String::new, |target| {
            format!("{}: {}", target.text, if target.met { "met" } else { "**missed**" })
        });
        [self.what.clone(), self.measured.clone(), self.beside.clone(), target]
    }
}
