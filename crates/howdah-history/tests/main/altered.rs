//! Columns that are added, dropped and altered after older chunks were folded: the history is what
//! the table would be if nothing were folded.

use crate::rig::{Rig, fine};
use crate::worked::{SYSTEM, TRADES};

const CHANGES: [&str; 6] = [
    "alter table trades add column later int",
    "alter table trades add column venue text not null default 'it''s here', \
     add column fee numeric(9,3) default 0.125",
    "alter table trades drop column note, add column \"order\" bigint",
    "alter table trades alter column quantity type numeric(12,2), alter column side type varchar(3)",
    "alter table trades drop column later, drop column venue",
    "alter table trades add column later int, add column venue text",
];

/// An event that came behind a change.
fn late(n: usize) -> String {
    format!(
        "insert into trades (tenant_id, symbol, trade_id, executed_at, price, quantity, side{}) \
         select t.id, 's1', {}, '2026-01-02 07:00Z', 5, 0.5, 'buy'{} from tenants t",
        if n < 4 { ", later" } else { "" },
        100_000 + n,
        if n < 4 { ", 7" } else { "" },
    )
}

async fn rows(rig: &Rig, relation: &str) -> Vec<String> {
    let sql = format!("select t::text from {relation} t order by tenant_id, trade_id, symbol");
    rig.texts(&sql).await
}

#[tokio::test]
async fn history_follows_the_columns_of_its_stream() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    let twin = Rig::new(TRADES, SYSTEM).await;
    rig.fold_all().await;
    for (n, change) in CHANGES.iter().enumerate() {
        let views = fine(howdah_history::drop_views(&rig.client).await);
        fine(howdah_history::drop_views(&twin.client).await);
        assert_eq!(views, 1, "{change}");
        for it in [&rig, &twin] {
            it.run(change).await;
            it.apply().await;
            it.run(&late(n)).await;
        }
        let expected = rows(&twin, "trades").await;
        assert_eq!(rows(&rig, "trades_history").await, expected, "{change}");
        let between = "trades_between('-infinity', 'infinity')";
        assert_eq!(rows(&rig, between).await, expected, "{change}");
        rig.fold_every().await;
        assert_eq!(rows(&rig, "trades_history").await, expected, "{change}, folded again");
    }
    rig.restore_all().await;
    assert_eq!(rows(&rig, "trades").await, rows(&twin, "trades").await);
}
