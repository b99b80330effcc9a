//! The system files of trading become systems.

use howdah_catalog::Ident;
use howdah_system::{
    Bucket, ColumnType, DatabaseTarget, Format, MapFrom, MeasureKind, Origin, ReadAs, System,
    SystemFile, error_of,
};

use crate::catalog;

const TRADING: &str = include_str!("../../../../systems/trading/howdah.toml");
const FROM_FILES: &str = include_str!("../../../../systems/trading/howdah.files.toml");

fn system(text: &str) -> System {
    let (file, problems) = SystemFile::parse("howdah.toml", text);
    assert!(problems.is_empty(), "{}", error_of("howdah.toml", &problems).report());
    let draft = file.unwrap().check(&catalog::trading());
    let answers = catalog::answers(&draft);
    draft.finish(answers).unwrap_or_else(|problems| {
        panic!("{}", error_of("howdah.toml", &problems).report());
    })
}

fn idents(names: &[&str]) -> Vec<Ident> {
    names.iter().copied().map(Ident::new).collect()
}

#[test]
fn trading_becomes_a_system() {
    let system = system(TRADING);
    assert_eq!(system.roles.writer, Ident::new("trading_writer"));
    let tenants = system.tenants.as_ref().unwrap();
    assert_eq!((tenants.type_name.as_str(), tenants.table.is_some()), ("uuid", true));

    let trades = system.stream("trades").unwrap();
    assert_eq!(trades.key, idents(&["exchange", "symbol", "trade_id", "executed_at"]));
    assert_eq!(trades.order, idents(&["executed_at", "trade_id"]));
    assert_eq!((trades.tenant.as_ref(), trades.chunk), (None, Bucket::Day));
    let side = trades.column(&Ident::new("side")).unwrap();
    assert_eq!(side.kind, ColumnType::Enum(vec!["buy".into(), "sell".into()]));

    let fills = system.stream("fills").unwrap();
    assert_eq!(fills.key, idents(&["tenant_id", "order_id", "trade_id", "executed_at"]));
    assert_eq!(fills.order, idents(&["executed_at", "trade_id", "order_id"]));
    let snapshots = system.stream("portfolio_snapshots").unwrap();
    assert_eq!(snapshots.key, idents(&["tenant_id", "user_id", "taken_at", "rev"]));

    let candles = &system.rollups[0];
    let tables: Vec<_> = candles.levels.iter().map(|level| level.table.plain()).collect();
    assert_eq!(tables, ["candles_1m", "candles_1h", "candles_1d"]);
    let quote = candles.measures.iter().find(|m| m.name.as_str() == "quote").unwrap();
    let MeasureKind::Sum(sum) = &quote.kind else { panic!("quote is a sum") };
    assert_eq!((sum.text.as_str(), sum.type_name.as_str()), ("price * quantity", "numeric"));
    assert_eq!(sum.columns, idents(&["price", "quantity"]));

    let positions = system.rollups.iter().find(|r| r.name == "positions").unwrap();
    assert!(positions.is_state());
    let key: Vec<_> = positions.by.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(key, ["tenant_id", "user_id", "connection_id", "symbol"]);
    assert!(matches!(positions.measures[0].kind, MeasureKind::Position(_)));

    let source = &system.sources[0];
    assert_eq!(source.format, Format::Json);
    assert!(matches!(&source.origin, Origin::Redis { fields, .. } if *fields == ["data"]));
    // Every column but the generated one.
    assert_eq!(source.routes[0].map.len(), trades.columns.len() - 1);
}

#[test]
fn trading_from_files_becomes_a_system() {
    let system = system(FROM_FILES);
    let csv = &system.sources[0];
    assert_eq!(csv.format, Format::Csv);
    let executed_at =
        csv.routes[0].map.iter().find(|m| m.column.as_str() == "executed_at").unwrap();
    assert_eq!(executed_at.index, 3);
    assert_eq!(
        executed_at.from,
        MapFrom::Field {
            path: vec!["executed_at_ms".into()],
            read_as: ReadAs::EpochMillis,
            values: Vec::new(),
        }
    );
    let raw = &system.sources[1];
    let from =
        |name: &str| &raw.routes[0].map.iter().find(|m| m.column.as_str() == name).unwrap().from;
    assert_eq!(*from("exchange"), MapFrom::Const("binance".into()));
    let MapFrom::Field { path, values, .. } = from("side") else { panic!("side is a field") };
    assert_eq!(*path, ["data", "m"]);
    let values: Vec<_> = values.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(values, [("true", "sell"), ("false", "buy")]);
}

#[test]
fn without_a_database_section_the_server_is_private() {
    let file = SystemFile::read_text("howdah.toml", TRADING).unwrap();
    assert_eq!(file.database().target, DatabaseTarget::Private);
    let shown = file.effective();
    let find = |path: &str| shown.iter().find(|setting| setting.path == path).unwrap();
    assert_eq!(find("streams.trades.chunk").value, "\"1 day\"");
    assert_eq!(find("sources.trades.redis.url").value, "\"env:HOWDAH_REDIS_URL\"");
    assert_eq!(find("streams.trades.ahead").origin.to_string(), "default");
    assert_eq!(find("roles.writer").value, "\"trading_writer\"");
}
