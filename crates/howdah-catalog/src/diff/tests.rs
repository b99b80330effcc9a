//! Differences, as data and as lines.

use super::{Change, ChangeKind, Object, Part, diff};
use crate::{
    Catalog, Column, Grant, GrantTarget, Ident, Index, Policy, PolicyCommand, RelName, Relation,
    RelationKind, RelationStats, Schema, Setting,
};

fn column(name: &str, type_name: &str) -> Column {
    Column {
        name: Ident::new(name),
        type_name: type_name.to_owned(),
        type_base: type_name.to_owned(),
        type_schema: Ident::new("pg_catalog"),
        not_null: false,
        default: None,
        generated: None,
        identity: None,
        collation: None,
        storage: 'p',
        compression: None,
        comment: None,
        null_fraction: None,
        n_distinct: None,
        correlation: None,
    }
}

fn table(name: &str) -> Relation {
    Relation {
        name: RelName::new("public", name),
        kind: RelationKind::Table,
        owner: Ident::new("owner"),
        comment: None,
        columns: vec![column("id", "bigint"), column("price", "numeric")],
        constraints: Vec::new(),
        indexes: Vec::new(),
        policies: Vec::new(),
        triggers: Vec::new(),
        row_security: false,
        force_row_security: false,
        partitioning: None,
        partition_of: None,
        inherits: Vec::new(),
        unlogged: false,
        options: Vec::new(),
        access_method: Some("heap".to_owned()),
        definition: None,
        replica_identity: 'd',
        stats: RelationStats::default(),
    }
}

fn catalog(relations: impl IntoIterator<Item = Relation>) -> Catalog {
    Catalog {
        relations: relations
            .into_iter()
            .map(|relation| (relation.name.clone(), relation))
            .collect(),
        ..Catalog::default()
    }
}

fn lines(old: &Catalog, new: &Catalog) -> Vec<String> {
    diff(old, new).iter().map(ToString::to_string).collect()
}

#[test]
fn a_catalog_does_not_differ_from_itself_nor_by_its_statistics() {
    let old = catalog([table("trades")]);
    let mut busy = table("trades");
    busy.stats.live_rows = 7;
    busy.columns[0].n_distinct = Some(-1.0);
    let mut new = catalog([busy]);
    new.server.database = "other".to_owned();
    assert!(diff(&old, &old).is_empty());
    assert!(diff(&old, &new).is_empty());
}

#[test]
fn a_change_names_object_part_attribute_and_both_texts() {
    let old = catalog([table("trades")]);
    let mut wider = table("trades");
    wider.columns[1].type_name = "numeric(38,18)".to_owned();
    let changes = diff(&old, &catalog([wider]));
    assert_eq!(
        changes,
        [Change {
            object: Object::Relation("table", RelName::new("public", "trades")),
            part: Some(Part::Column(Ident::new("price"))),
            kind: ChangeKind::Changed {
                attribute: "type",
                old: "numeric".to_owned(),
                new: "numeric(38,18)".to_owned(),
            },
        }]
    );
    let line = "table public.trades: column \"price\" type numeric → numeric(38,18)";
    assert_eq!(changes[0].to_string(), line);
}

#[test]
fn objects_and_parts_come_and_go_in_a_stable_order() {
    let mut old = catalog([table("gone"), table("trades")]);
    let owner = Ident::new("owner");
    old.schemas.insert(Ident::new("z"), Schema { owner: owner.clone(), comment: None });
    let mut trades = table("trades");
    trades.columns.remove(0);
    trades.columns[0].comment = Some("in\nquote currency".to_owned());
    trades.row_security = true;
    trades.indexes.push(Index {
        name: Ident::new("trades_price"),
        method: "btree".to_owned(),
        columns: Vec::new(),
        include: Vec::new(),
        unique: false,
        nulls_not_distinct: false,
        primary: false,
        predicate: None,
        valid: true,
        definition: String::new(),
        parent: None,
        bytes: 0,
        scans: 0,
    });
    trades.policies.push(Policy {
        name: Ident::new("own"),
        permissive: true,
        command: PolicyCommand::All,
        roles: vec![Ident::new("public")],
        using: None,
        check: None,
        comment: None,
    });
    let mut new = catalog([trades, table("fills")]);
    new.schemas.insert(Ident::new("a"), Schema { owner, comment: None });
    new.grants.push(Grant {
        target: GrantTarget::Relation(RelName::new("public", "fills")),
        grantee: Ident::new("reader"),
        privilege: "SELECT".to_owned(),
        grantable: false,
    });
    let setting = |value: &str| Setting {
        value: value.to_owned(),
        unit: None,
        boot_value: None,
        source: "default".to_owned(),
        context: "user".to_owned(),
    };
    old.settings.insert("jit".to_owned(), setting("on"));
    new.settings.insert("jit".to_owned(), setting("off"));
    assert_eq!(
        lines(&old, &new),
        [
            "schema a added",
            "schema z removed",
            "table public.fills added",
            "table public.gone removed",
            "table public.trades: row security no → yes",
            "table public.trades: column \"id\" removed",
            "table public.trades: column \"price\" comment none → \"in quote currency\"",
            "table public.trades: index \"trades_price\" added",
            "table public.trades: policy \"own\" added",
            "grant of SELECT on public.fills to reader added",
            "setting jit: value on → off",
        ]
    );
}
