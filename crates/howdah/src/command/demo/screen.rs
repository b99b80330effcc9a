//! What a demo shows while it runs: redrawn in place on a terminal, a line now and then elsewhere.

use std::time::{Duration, Instant};

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use tokio_postgres::SimpleQueryMessage;

use super::systems::{Embedded, LETTER_CODES, Look};
use crate::canvas::Canvas;
use crate::meter::{Meter, Speed};
use crate::output::{self, Table, grouped};

/// How far the demo is.
pub struct Moment {
    /// Events that were sent.
    pub sent: u64,
    /// Events that will be sent in all.
    pub of: u64,
}

/// The live status.
pub struct Screen {
    system: &'static Embedded,
    started: Instant,
    drawn: Instant,
    every: Duration,
    canvas: Canvas,
    speed: Speed,
}

impl Screen {
    /// A screen on standard error.
    pub fn new(system: &'static Embedded) -> Self {
        let canvas = Canvas::stderr();
        Self {
            system,
            started: Instant::now(),
            drawn: Instant::now(),
            every: Duration::from_millis(if canvas.redraws() { 400 } else { 2_000 }),
            canvas,
            speed: Speed::new(),
        }
    }

    /// Shows the moment, unless the last drawing is fresh; at most 24 lines, for small terminals.
    pub async fn show(&mut self, connection: &Connection, meter: &Meter, moment: &Moment) {
        if self.drawn.elapsed() < self.every {
            return;
        }
        self.drawn = Instant::now();
        let counts = self.counts(meter, moment);
        if !self.canvas.redraws() {
            output::say(&counts.join("  "));
            return;
        }
        let mut lines = vec![format!("howdah demo · {}", self.system.name)];
        lines.extend(counts);
        for look in self.system.looks {
            lines.push(String::new());
            lines.push(look.title.to_owned());
            // A look that fails now may work the next time: the counts go on meanwhile.
            match table(connection, look).await {
                Ok(table) => lines.extend(table.lines().iter().map(|line| format!("  {line}"))),
                Err(error) => lines.push(format!("  {error}")),
            }
        }
        lines.push(String::new());
        lines.push(match rows(connection, &LETTER_CODES).await {
            Ok((_, rows)) => {
                let counts: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
                format!("dead letters by code: {}", counts.join("  "))
            }
            Err(error) => format!("dead letters: {error}"),
        });
        self.canvas.draw(&lines);
    }

    fn counts(&mut self, meter: &Meter, moment: &Moment) -> Vec<String> {
        let totals = meter.totals();
        let seconds = self.started.elapsed().as_secs();
        let number = |count: u64| grouped(count as i64);
        vec![
            format!(
                "{:02}:{:02}  {} of {} events  {}/s  lag {}{}",
                seconds / 60,
                seconds % 60,
                number(totals.events),
                number(moment.of),
                number(self.speed.look(totals.events)),
                number(moment.sent.saturating_sub(totals.events)),
                if totals.waiting.is_some() { "  (waiting)" } else { "" },
            ),
            format!(
                "rows {}  duplicates {}  dead letters {}",
                number(totals.rows),
                number(totals.duplicates),
                number(totals.dead_letters)
            ),
        ]
    }

    /// Takes the last drawing away: the summary follows.
    pub fn clear(&mut self) {
        self.canvas.clear();
    }
}

/// The answer of a look as a table.
pub async fn table(connection: &Connection, look: &Look) -> Result<Table> {
    let (names, rows) = rows(connection, look).await?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut table = Table::new(&names);
    for row in rows {
        table.row(row);
    }
    Ok(table)
}

/// The column names and the rows of a look.
async fn rows(connection: &Connection, look: &Look) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let messages = connection
        .simple_query(look.sql)
        .await
        .map_err(|error| from_pg(&format!("could not show {}", look.title), &error))?;
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    for message in &messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                names = columns.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                let cell = |index| row.get(index).unwrap_or("-").to_owned();
                rows.push((0..row.len()).map(cell).collect());
            }
            _ => {}
        }
    }
    Ok((names, rows))
}
