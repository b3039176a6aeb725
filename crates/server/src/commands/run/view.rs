//! What people see while an execution runs: a table that is drawn anew on a terminal, else a line for each change.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use procession_application::Application;
use procession_domain::execution::Execution;

use super::{
    lines::{Layout, LineStyle, line},
    rows::{Change, Row, Rows},
    selection::Selection,
    watch::Seen,
};
use crate::{
    commands::config::Format,
    terminal::{
        self, style,
        text::{clean, fit, width},
    },
};

/// The view of one run.
pub(super) struct View {
    rows: Rows,
    /// What runs, and its id.
    title: [String; 2],
    /// Tells the time.
    application: Application,
    screen: Screen,
    /// Whether the store could not be written when that was last looked at.
    store_fails: bool,
}

/// How it is shown.
enum Screen {
    /// A table that is drawn anew, on standard output.
    Table(Drawn),
    /// Lines on standard output.
    Lines,
    /// Lines on standard error, since standard output belongs to the result.
    Aside,
}

/// What of the table is on the terminal now.
#[derive(Default)]
struct Drawn {
    /// How many lines.
    lines: usize,
    /// How many columns the widest one takes.
    width: usize,
}

impl View {
    /// The view of an execution; a table where standard output is a terminal that can draw it anew, and is not for the
    /// result alone.
    pub fn new(format: Format, execution: &Execution, application: Application) -> Self {
        let screen = match format {
            Format::Json => Screen::Aside,
            Format::Text if terminal::is_redrawn() => Screen::Table(Drawn::default()),
            Format::Text => Screen::Lines,
        };
        let process = &execution.creation().process;
        let title = [format!("{} {}", process.name, process.version), execution.id().to_string()];
        Self { rows: Rows::of(execution), title, application, screen, store_fails: false }
    }

    /// Says what runs.
    pub fn begin(&mut self) -> io::Result<()> {
        for line in self.title_lines() {
            self.print(&style::paint(style::STRONG, line))?;
        }
        self.draw()
    }

    /// Shows what has happened.
    pub fn show(&mut self, seen: &[Seen]) -> io::Result<()> {
        for seen in seen {
            match self.rows.take(&seen.path, &seen.stored.recorded) {
                Change::Row(number) if !self.is_table() => {
                    let layout = Layout::of(self.rows.all().iter(), LineStyle::Log, terminal::width());
                    let line = line(self.rows.row(number), self.application.now(), layout);
                    self.print(&line)?;
                }
                Change::Row(_) | Change::Nothing => {}
                Change::Note(note) => self.note(&note)?,
            }
        }
        self.draw()
    }

    /// Writes a line that stays, above the table.
    pub fn note(&mut self, note: &str) -> io::Result<()> {
        self.stand_aside()?;
        self.print(&style::paint(style::DIM, format_args!("  {}", clean(note))))
    }

    /// Draws the table anew, and says once if nothing can go on because the store fails.
    pub fn tick(&mut self) -> io::Result<()> {
        let problem = self.application.engine.health().store_problem;
        if problem.is_some() != self.store_fails {
            self.store_fails = problem.is_some();
            let said = problem.unwrap_or_else(|| "the store can be written again; what has waited goes on".to_owned());
            self.note(&said)?;
        }
        self.draw()
    }

    /// Draws the table anew; nothing where there is none.
    pub fn draw(&mut self) -> io::Result<()> {
        let Screen::Table(drawn) = &self.screen else { return Ok(()) };
        let columns = terminal::width();
        let mut text = self.cleared(drawn, columns);
        let lines = self.table(columns, terminal::height().saturating_sub(2).max(3));
        let drawn = Drawn { lines: lines.len(), width: lines.iter().map(|line| shown_width(line)).max().unwrap_or(0) };
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        self.screen = Screen::Table(drawn);
        put(&text)
    }

    /// The lines of the table that have room: all steps, or what runs above what has ended, with the counts of the rest.
    fn table(&self, columns: usize, room: usize) -> Vec<String> {
        let (rows, now) = (self.rows.all(), self.application.now());
        if rows.len() <= room {
            let layout = Layout::of(rows.iter(), LineStyle::Tree, columns);
            return rows.iter().map(|row| line(row, now, layout)).collect();
        }
        let selection = Selection::of(rows, room - 1);
        let shown: Vec<&Row> = selection.shown.iter().map(|number| &rows[*number]).collect();
        let layout = Layout::of(shown.iter().copied(), LineStyle::Selection, columns);
        let mut lines: Vec<String> = shown.iter().map(|row| line(row, now, layout)).collect();
        let rest = fit(&format!("  and {}", selection.rest()), columns.saturating_sub(1));
        lines.push(style::paint(style::DIM, rest));
        lines
    }

    /// Makes room, so that something else can be written; the next drawing brings the table back.
    pub fn stand_aside(&mut self) -> io::Result<()> {
        let Screen::Table(drawn) = &self.screen else { return Ok(()) };
        let text = self.cleared(drawn, terminal::width());
        self.screen = Screen::Table(Drawn::default());
        put(&text)
    }

    /// What takes the table away that is drawn now.
    fn cleared(&self, drawn: &Drawn, columns: usize) -> String {
        if drawn.width < columns {
            return erase(drawn.lines);
        }
        // Narrower than before: whether the terminal has broken the lines anew is not known, so the screen is begun anew.
        let title = self.title_lines().into_iter().map(|line| format!("{}\n", style::paint(style::STRONG, line)));
        format!("\x1b[H\x1b[2J{}", title.collect::<String>())
    }

    /// Leaves the whole table on the screen, as it stands at the end.
    pub fn end(&mut self) -> io::Result<()> {
        if !self.is_table() {
            return Ok(());
        }
        self.stand_aside()?;
        let layout = Layout::of(self.rows.all().iter(), LineStyle::Tree, terminal::width());
        let now = self.application.now();
        self.rows.all().iter().try_for_each(|row| terminal::say(line(row, now, layout)))
    }

    /// What runs, on one line if it has room there.
    fn title_lines(&self) -> Vec<String> {
        let [process, id] = &self.title;
        let columns = terminal::width().saturating_sub(1);
        if width(process) + 2 + width(id) <= columns {
            return vec![format!("{}  {id}", clean(process))];
        }
        self.title.iter().map(|part| fit(part, columns)).collect()
    }

    const fn is_table(&self) -> bool {
        matches!(self.screen, Screen::Table(_))
    }

    fn print(&self, line: &str) -> io::Result<()> {
        match self.screen {
            Screen::Table(_) | Screen::Lines => terminal::say(line),
            Screen::Aside => {
                terminal::tell(line);
                Ok(())
            }
        }
    }
}

fn shown_width(line: &str) -> usize {
    width(&anstream::adapter::strip_str(line).to_string())
}

/// Takes the cursor to the beginning of the table and clears what is below.
fn erase(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}A\r\x1b[J") }
}

/// Writes to the terminal. The cursor moves there whether there are colours or not, so that only those are taken away.
fn put(text: &str) -> io::Result<()> {
    let text = if terminal::shows_colours() { text.to_owned() } else { without_styles(text) };
    let mut out = io::stdout().lock();
    terminal::unless_closed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// A text that moves the cursor, without its colours and other looks.
fn without_styles(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character: char| character.is_ascii_alphabetic());
        match end {
            Some(end) if part[end..].starts_with('m') => plain.push_str(&part[end + 1..]),
            Some(_) | None => {
                plain.push_str("\x1b[");
                plain.push_str(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_the_cursor_still_moves() {
        let text = format!("{}{}\n", erase(3), style::paint(style::BAD, "failed"));
        assert_eq!(without_styles(&text), "\x1b[3A\r\x1b[Jfailed\n");
    }
}
