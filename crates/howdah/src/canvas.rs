//! Lines that are redrawn in place on a terminal.

use std::io::{IsTerminal, Write};

/// Lines are cut to a terminal of 80 columns.
const WIDTH: usize = 79;

/// The part of a terminal that was drawn last.
pub struct Canvas {
    out: Box<dyn Write>,
    terminal: bool,
    /// How many lines the last drawing has.
    lines: usize,
}

impl Canvas {
    /// On standard output.
    pub fn stdout() -> Self {
        Self::on(std::io::stdout())
    }

    /// On standard error.
    pub fn stderr() -> Self {
        Self::on(std::io::stderr())
    }

    fn on(out: impl Write + IsTerminal + 'static) -> Self {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self { terminal: out.is_terminal() && !dumb, out: Box::new(out), lines: 0 }
    }

    /// Whether a drawing replaces the one before; if not, it is for the caller to be brief.
    pub fn redraws(&self) -> bool {
        self.terminal
    }

    /// Replaces the last drawing; `false` when the reader has gone.
    ///
    /// The escapes go past `anstream`, which would take them out under NO_COLOR: they move the
    /// cursor and colour nothing.
    pub fn draw(&mut self, lines: &[String]) -> bool {
        let mut text = String::new();
        if self.terminal && self.lines > 0 {
            text.push_str(&format!("\x1b[{}A\x1b[J", self.lines));
        }
        for line in lines {
            if self.terminal && line.chars().count() > WIDTH {
                text.extend(line.chars().take(WIDTH - 1));
                text.push('…');
            } else {
                text.push_str(line);
            }
            text.push('\n');
        }
        self.lines = lines.len();
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).is_ok()
    }

    /// Takes the last drawing away.
    pub fn clear(&mut self) {
        if self.terminal && self.lines > 0 {
            self.draw(&[]);
        }
    }
}
