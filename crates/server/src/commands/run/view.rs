//! What people see while an execution runs: a table that is drawn anew on a terminal, else a line for each change.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use procession_application::Application;
use procession_domain::execution::Execution;

use super::{
    lines::{Layout, line},
    rows::{Change, Row, Rows},
    watch::Seen,
};
use crate::{
    commands::config::Format,
    terminal::{self, style},
};

/// The view of one run.
pub(super) struct View {
    rows: Rows,
    title: String,
    /// Tells the time.
    application: Application,
    screen: Screen,
}

/// How it is shown.
enum Screen {
    /// A table that is drawn anew, on standard output.
    Table {
        /// Lines that it takes up now.
        drawn: usize,
    },
    /// Lines on standard output.
    Lines,
    /// Lines on standard error, since standard output belongs to the result.
    Aside,
}

impl View {
    /// The view of an execution; a table where standard output is a terminal and not for the result alone.
    pub fn new(format: Format, execution: &Execution, application: Application) -> Self {
        let screen = match format {
            Format::Json => Screen::Aside,
            Format::Text if terminal::is_shown_on_terminal() => Screen::Table { drawn: 0 },
            Format::Text => Screen::Lines,
        };
        let process = &execution.creation().process;
        let title = format!("{} {}  {}", process.name, process.version, execution.id());
        Self { rows: Rows::of(execution), title, application, screen }
    }

    /// Says what runs.
    pub fn begin(&mut self) -> io::Result<()> {
        let title = style::paint(style::STRONG, &self.title);
        self.print(&title)?;
        self.draw()
    }

    /// Shows what has happened.
    pub fn show(&mut self, seen: &[Seen]) -> io::Result<()> {
        for seen in seen {
            match self.rows.take(&seen.path, &seen.stored.recorded) {
                Change::Row(number) if !self.is_table() => {
                    let layout = Layout::of(self.rows.all(), false);
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
        self.print(&style::paint(style::DIM, format_args!("  {note}")))
    }

    /// Draws the table anew; nothing where there is none.
    pub fn draw(&mut self) -> io::Result<()> {
        let Screen::Table { drawn } = &mut self.screen else { return Ok(()) };
        let layout = Layout::of(self.rows.all(), true);
        let now = self.application.now();
        let room = terminal::height().saturating_sub(2).max(2);
        let (first, last) = window(self.rows.all(), room);
        let mut text = erase(*drawn);
        for row in &self.rows.all()[first..last] {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{}", line(row, now, layout));
        }
        *drawn = last - first;
        let hidden = self.rows.all().len() - *drawn;
        if hidden > 0 {
            let _ = writeln!(text, "{}", style::paint(style::DIM, format_args!("  and {hidden} more steps")));
            *drawn += 1;
        }
        put(&text)
    }

    /// Makes room, so that something else can be written; the next drawing brings the table back.
    pub fn stand_aside(&mut self) -> io::Result<()> {
        let Screen::Table { drawn } = &mut self.screen else { return Ok(()) };
        let text = erase(*drawn);
        *drawn = 0;
        put(&text)
    }

    /// Leaves the whole table on the screen, as it stands at the end.
    pub fn end(&mut self) -> io::Result<()> {
        if !self.is_table() {
            return Ok(());
        }
        self.stand_aside()?;
        let layout = Layout::of(self.rows.all(), true);
        let now = self.application.now();
        self.rows.all().iter().try_for_each(|row| terminal::say(line(row, now, layout)))
    }

    const fn is_table(&self) -> bool {
        matches!(self.screen, Screen::Table { .. })
    }

    fn print(&self, line: &str) -> io::Result<()> {
        match self.screen {
            Screen::Table { .. } | Screen::Lines => terminal::say(line),
            Screen::Aside => {
                terminal::tell(line);
                Ok(())
            }
        }
    }
}

/// Takes the cursor to the beginning of the table and clears what is below.
fn erase(drawn: usize) -> String {
    if drawn == 0 { String::new() } else { format!("\x1b[{drawn}A\r\x1b[J") }
}

fn put(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Which rows are shown where not all have room: those around the first that is under way.
fn window(rows: &[Row], room: usize) -> (usize, usize) {
    let count = rows.len();
    if count <= room {
        return (0, count);
    }
    // One line tells how many are missing.
    let room = room - 1;
    let first_open = rows.iter().position(|row| !row.mark.is_end()).unwrap_or(count);
    let first = first_open.saturating_sub(2).min(count - room);
    (first, first + room)
}

#[cfg(test)]
mod tests {
    use super::{super::rows::Mark, *};

    #[test]
    fn the_window_shows_what_is_under_way() {
        let rows = |done: usize, open: usize| {
            let ended = Row { mark: Mark::Done, ..Row::new("a".to_owned()) };
            let mut rows = vec![ended; done];
            rows.extend(vec![Row::new("b".to_owned()); open]);
            rows
        };
        for (done, open, room, expected) in
            [(3, 2, 10, (0, 5)), (0, 20, 6, (0, 5)), (10, 10, 6, (8, 13)), (19, 1, 6, (15, 20)), (20, 0, 6, (15, 20))]
        {
            assert_eq!(window(&rows(done, open), room), expected, "{done} done, {open} open");
        }
    }
}
