//! The SQL that trading's rollups compile to, so that a change of it is seen in review.

use howdah_rollup::fold::fold;
use howdah_rollup::staging::{StagedColumn, Staging};
use howdah_rollup::{recompute, table};

use crate::apply::{trading, trading_system};
use crate::engine::{Engine, fine};

#[tokio::test]
async fn the_folds_of_trading_compile_to_this() {
    let engine = Engine::new(&trading(false), &trading_system()).await;
    let (_, system) = engine.model().await;
    for name in ["candles", "positions"] {
        let rollup = system.rollups.iter().find(|rollup| rollup.name == name).unwrap();
        let stream = system.stream_of(rollup);
        let source = system.sources.iter().find(|source| source.feeds(rollup.stream)).unwrap();
        let staged = source.routes[0].map.iter().map(|mapping| StagedColumn {
            column: stream.columns[mapping.index].clone(),
            as_text: false,
        });
        let staging = Staging::new(&source.name, staged.collect());
        let level = &rollup.levels[0];
        let text = [
            "-- the table".to_owned(),
            table::Shape::of(stream, rollup, level).create(),
            "-- the fold of a batch".to_owned(),
            fine(fold(stream, &[rollup], &staging)),
            "-- the proof".to_owned(),
            recompute::proof(stream, rollup, 0, None),
            "-- what a change of means a rebuild".to_owned(),
            table::definition(stream, rollup, level),
        ];
        insta::assert_snapshot!(name, text.join("\n"));
    }
}
