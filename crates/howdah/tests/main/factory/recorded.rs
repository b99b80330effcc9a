//! Machine states and counts of three real machines, where `HOWDAH_DATA` has them, in the system:
//! its figures against the calculation from the same rows.

use std::path::{Path, PathBuf};

use super::plant::{Factory, count, state};
use super::reference::three_shifts;

/// The folder of recorded data, when `HOWDAH_DATA` names it; it is no part of the repository.
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("HOWDAH_DATA").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.join("factory_machine_states.csv").is_file());
    if folder.is_none() {
        println!("skipped: the recorded machines are not at hand");
    }
    folder
}

/// One row: when, which machine, its status, the items it has made since the row before.
struct Row {
    at: String,
    machine: String,
    status: u8,
    items: u64,
}

fn rows(folder: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(folder.join("factory_machine_states.csv")).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let (ts, asset, status, items) = (place("ts"), place("asset"), place("status"), place("items"));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let number = |at: usize| fields[at].parse::<f64>().unwrap_or_default();
            Row {
                at: fields[ts].replacen(' ', "T", 1),
                machine: format!("real-{}", number(asset) as u64 + 1),
                status: number(status) as u8,
                items: number(items) as u64,
            }
        })
        .collect()
}

pub async fn three_real_machines_are_as_computed(factory: &mut Factory) {
    let Some(folder) = data() else { return };
    factory.acme("real", &[]).await;
    let shifts = "select make_shifts('real', 'real-l', '2022-08-31', '2022-09-22', \
                  array['06:00', '14:00', '22:00']::time[], 0), \
                  make_days('real', 'lyon', '2022-08-30', '2022-09-24')";
    factory.run(shifts).await;
    let mut lines = Vec::new();
    let mut totals = [0; 4];
    for (number, row) in rows(&folder).iter().enumerate() {
        // Automatic is production, manual is setting up, an alarm is a breakdown.
        let (name, reason) = match row.status {
            2 => ("PRODUCING", ""),
            1 => ("SETUP", ""),
            3 => ("DOWN", "BREAKDOWN"),
            _ => ("NO_ORDER", ""),
        };
        lines.push(state(&row.machine, &row.at, number as u64, name, reason));
        let machine: usize = row.machine[5..].parse().unwrap();
        totals[machine] += row.items;
        let total = totals[machine];
        lines.push(count(&row.machine, &row.at, 1, [total, total, 0, 0]));
    }
    for part in lines.chunks(10_000) {
        factory.feed(part).await;
    }
    let first = "2022-08-31".parse().unwrap();
    let mut plant = factory.entities("real", first, first).await;
    plant.shifts =
        three_shifts("real", "real-l", "Europe/Paris", first, "2022-09-22".parse().unwrap());
    super::feed::take(&mut plant, &lines, i64::MAX / 2_000_000);
    factory.equals(&plant).await;
    let sql = "select equipment_id, round(sum(apt) / 3600, 1), round(sum(unk) / 3600, 1), \
               sum(pq)::int from machine_shift_kpi where org_id = 'real' group by 1 \
               having sum(pq) > 0 order by 1";
    println!("{}", factory.row(sql).await);
}
