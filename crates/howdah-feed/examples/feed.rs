//! Prints a feed, or says how fast it is made: `cargo run --release --example feed -- 1000000`.
//!
//! Arguments: the number of events; then `events`, `entities` or a stream's name prints instead.

use std::io::Write as _;
use std::time::Instant;

use howdah_feed::{Options, entities_sql, events};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let print = arguments.next();
    let options = Options::new(count, 1, 1_792_000_000_000);
    if print.as_deref() == Some("entities") {
        print!("{}", entities_sql("trading", &options).map_err(|error| error.report())?);
        return Ok(());
    }
    let mut feed = events("trading", &options).map_err(|error| error.report())?;
    let begin = Instant::now();
    let mut bytes = 0;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for event in feed.by_ref() {
        bytes += event.json.len();
        if print.as_deref().is_some_and(|name| name == "events" || name == event.stream) {
            writeln!(out, "{}", event.json)?;
        }
    }
    out.flush()?;
    let seconds = begin.elapsed().as_secs_f64();
    eprintln!("{:.0} events/s, {bytes} bytes in {seconds:.2} s", count as f64 / seconds);
    eprintln!("{:#?}", feed.expected());
    Ok(())
}
