//! How long a review takes, on inputs of the size that was asked for.

use std::time::Instant;

use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_review::build::Scratch;
use howdah_review::migrations::RawFile;
use howdah_review::target::Target;
use howdah_review::{Options, check, report};
use serde::Serialize;

use crate::output::{self, Table};

/// The files of the static case, and about how many bytes they are in all.
const FILES: usize = 288;
const BYTES: usize = 1_300_000;
/// The tables of the live database, and those of the folder that is built.
const LIVE_TABLES: usize = 291;
const BUILT_TABLES: usize = 300;

/// One case.
#[derive(Debug, Serialize)]
pub struct Speed {
    pub case: &'static str,
    /// The middle one of the runs.
    pub milliseconds: f64,
    pub goal_milliseconds: f64,
    pub findings: usize,
    pub runs: u64,
}

/// Measures all cases.
pub async fn measure(scratch: &Scratch, runs: u64) -> Result<Vec<Speed>> {
    let mut all = Vec::new();
    let folder = std::env::temp_dir().join(format!("howdah-bench-review-{}", std::process::id()));
    write(&folder, &migrations())?;
    let target = Target::Path(folder.clone());
    let options = Options { static_only: true, ..Options::default() };
    let mut times = Vec::new();
    let mut found = 0;
    for _ in 0..runs {
        let begin = Instant::now();
        let review = Box::pin(howdah_review::review(&target, &options)).await?;
        let printed = report::json(&review)?;
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
        found = review.findings.len();
        drop(printed);
    }
    let _ = std::fs::remove_dir_all(&folder);
    all.push(Speed::of("288 files, 1.3 MB, static", 100.0, times, found));

    let database = scratch.database().await?;
    let connection = database.admin().await?;
    for number in 0..LIVE_TABLES {
        let made = connection.batch_execute(&table(number)).await;
        made.map_err(|error| from_pg("could not make a table", &error))?;
    }
    connection.close().await;
    let target = Target::Live(database.admin_options().clone());
    let mut times = Vec::new();
    for _ in 0..runs {
        let begin = Instant::now();
        let facts = target.read().await?;
        found = check(&facts).len();
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    scratch.drop(database).await?;
    all.push(Speed::of("live database of 291 tables, all rules", 250.0, times, found));

    let files: Vec<RawFile> = (0..BUILT_TABLES)
        .map(|number| RawFile { path: format!("{number:04}_table.sql"), text: table(number) })
        .collect();
    let mut times = Vec::new();
    // It takes seconds: once is enough.
    let begin = Instant::now();
    let review = howdah_review::review_folder_on(scratch, files, &Options::default()).await?;
    times.push(begin.elapsed().as_secs_f64() * 1000.0);
    found = review.findings.len();
    all.push(Speed::of("build of 300 tables, experiments and fixes", 60_000.0, times, found));
    Ok(all)
}

impl Speed {
    fn of(case: &'static str, goal: f64, mut times: Vec<f64>, findings: usize) -> Self {
        times.sort_by(f64::total_cmp);
        Self {
            case,
            milliseconds: times[times.len() / 2],
            goal_milliseconds: goal,
            findings,
            runs: times.len() as u64,
        }
    }
}

/// A table with keys, a foreign key, checks, a document, row security and what is wrong about
/// many: an index twice, a time without a zone, a policy that is not forced.
fn table(number: usize) -> String {
    let other = if number == 0 { String::new() } else { format!(" references t{}", number - 1) };
    format!(
        "create table t{number} (\n  id bigint generated always as identity primary key,\n  \
         tenant_id uuid not null,\n  other bigint{other},\n  state varchar(20) not null \
         default 'new',\n  amount numeric(12, 2) not null check (amount >= 0),\n  \
         at timestamp not null default now(),\n  document jsonb\n);\n\
         create index t{number}_tenant on t{number} (tenant_id, at);\n\
         create index t{number}_tenant_again on t{number} (tenant_id);\n\
         alter table t{number} enable row level security;\n\
         create policy own on t{number}\n  \
         using (tenant_id = current_setting('app.tenant', true)::uuid);\n\
         create function f{number}() returns trigger language plpgsql as $$\nbegin\n  \
         new.at := now();\n  return new;\nend $$;\n\
         create trigger touch before update on t{number}\n  \
         for each row execute function f{number}();\n"
    )
}

/// Files of the size of a grown application: tables, then changes of them.
fn migrations() -> Vec<RawFile> {
    (0..FILES)
        .map(|file| {
            let mut text = String::new();
            let mut number = file * 1000;
            while text.len() < BYTES / FILES - 500 {
                text.push_str(&table(number));
                text.push_str(&format!(
                    "alter table t{number} add column note text;\n\
                     insert into t{number} (tenant_id, amount) select gen_random_uuid(), n\n  \
                     from generate_series(1, 3) n;\n"
                ));
                number += 1;
            }
            let before = file.saturating_sub(1) * 1000;
            text.push_str(&format!(
                "alter table t{before} add column changed timestamptz;\n\
                 create index t{before}_changed on t{before} (changed);\n\
                 update t{before} set note = '' where note is null;\n"
            ));
            RawFile { path: format!("{file:04}_change.sql"), text }
        })
        .collect()
}

fn write(folder: &std::path::Path, files: &[RawFile]) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(super::unreadable(folder))?;
    for file in files {
        let path = folder.join(&file.path);
        std::fs::write(&path, &file.text).map_err(super::unreadable(&path))?;
    }
    Ok(())
}

pub fn print(all: &[Speed]) -> Result<()> {
    let mut table = Table::new(&["case", "ms", "goal", "findings", "runs"]);
    for speed in all {
        table.row(vec![
            speed.case.to_owned(),
            format!("{:.1}", speed.milliseconds),
            format!("{:.0}", speed.goal_milliseconds),
            output::grouped(speed.findings as i64),
            speed.runs.to_string(),
        ]);
    }
    table.print()
}
