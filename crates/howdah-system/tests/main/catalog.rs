//! A catalog from a few words, in place of a server.

use howdah_catalog::{
    Catalog, Column, Constraint, ConstraintKind, Domain, EnumType, Generated, Ident, RelName,
    Relation, RelationKind, RelationStats, TypeKind, UserType,
};
use howdah_system::{Draft, ExprProblem, ExprQuestion, System, SystemFile};

/// An empty database whose search path is `public`.
pub(crate) fn empty() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.server.search_path = vec![Ident::new("public")];
    catalog
}

/// The system of a file held against a database, or what is told of its mistakes, a line each.
pub(crate) fn read(text: &str, database: &Catalog) -> Result<System, String> {
    let (file, mut problems) = SystemFile::parse("howdah.toml", text);
    if problems.is_empty() {
        let draft = file.unwrap().check(database);
        let answers = answers(&draft);
        match draft.finish(answers) {
            Ok(system) => return Ok(system),
            Err(found) => problems = found,
        }
    }
    Err(problems.iter().map(|problem| format!("{problem}\n")).collect())
}

/// Adds table `name`: columns as `name type`, with `!` for not null, `=` for a default and `@` for
/// generated behind the type, joined by `;`. `unique` are column lists; the first is the primary
/// key.
pub(crate) fn table(catalog: &mut Catalog, name: &str, columns: &str, unique: &[&str]) {
    let columns = columns.split(';').map(column).collect();
    let constraints =
        unique.iter().enumerate().map(|(n, list)| constraint(name, n, list)).collect();
    let relation = Relation {
        name: RelName::new("public", name),
        kind: RelationKind::Table,
        owner: Ident::new("app"),
        comment: None,
        columns,
        constraints,
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
        access_method: Some("heap".into()),
        definition: None,
        replica_identity: 'd',
        stats: RelationStats::default(),
    };
    catalog.relations.insert(relation.name.clone(), relation);
}

fn column(text: &str) -> Column {
    let (name, kind) = text.trim().split_once(' ').unwrap();
    let type_name = kind.trim_end_matches(['!', '=', '@']);
    Column {
        name: Ident::new(name),
        type_name: type_name.to_owned(),
        type_base: type_name.split(['(', ' ']).next().unwrap().to_owned(),
        type_schema: Ident::new("public"),
        not_null: kind.contains('!'),
        default: kind.contains(['=', '@']).then(|| "something".to_owned()),
        generated: kind.contains('@').then_some(Generated::Stored),
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

fn constraint(table: &str, number: usize, columns: &str) -> Constraint {
    let kind = if number == 0 { ConstraintKind::PrimaryKey } else { ConstraintKind::Unique };
    let name = if number == 0 { format!("{table}_pkey") } else { format!("{table}_key{number}") };
    Constraint {
        name: Ident::new(name.as_str()),
        kind,
        columns: columns.split(", ").map(Ident::new).collect(),
        definition: String::new(),
        validated: true,
        deferrable: false,
        inherited: false,
        references: None,
        referenced_columns: Vec::new(),
        index: Some(Ident::new(name)),
    }
}

/// Adds an enum.
pub(crate) fn enumeration(catalog: &mut Catalog, name: &str, labels: &[&str]) {
    let labels = labels.iter().map(|&label| label.to_owned()).collect();
    user_type(catalog, name, TypeKind::Enum(EnumType { labels }));
}

/// Adds a domain.
pub(crate) fn domain(catalog: &mut Catalog, name: &str, base: &str, not_null: bool) {
    let base_type = base.to_owned();
    let domain = Domain { base_type, not_null, default: None, checks: Vec::new() };
    user_type(catalog, name, TypeKind::Domain(domain));
}

fn user_type(catalog: &mut Catalog, name: &str, kind: TypeKind) {
    let name = RelName::new("public", name);
    let found = UserType { name: name.clone(), owner: Ident::new("app"), kind, comment: None };
    catalog.types.insert(name, found);
}

/// What a server would answer, roughly: conditions are boolean, all else is numeric.
pub(crate) fn answers(draft: &Draft) -> Vec<Result<String, ExprProblem>> {
    let answer = |question: &ExprQuestion| {
        Ok(if question.want_boolean { "boolean" } else { "numeric" }.to_owned())
    };
    draft.questions.iter().map(answer).collect()
}

/// The tables of `systems/trading/migrations` that its system file speaks of.
pub(crate) fn trading() -> Catalog {
    let mut catalog = empty();
    enumeration(&mut catalog, "side", &["buy", "sell"]);
    enumeration(&mut catalog, "liquidity", &["maker", "taker"]);
    table(&mut catalog, "tenants", "id uuid!; name text!", &["id"]);
    table(
        &mut catalog,
        "trades",
        "exchange text!; symbol text!; trade_id bigint!; executed_at timestamp with time zone!; \
         price numeric(38,18)!; quantity numeric(38,18)!; cost numeric!@; side side!; \
         recorded_at timestamp with time zone!=",
        &["exchange, symbol, trade_id, executed_at"],
    );
    table(
        &mut catalog,
        "fills",
        "tenant_id uuid!; user_id uuid!; connection_id uuid!; order_id uuid!; exchange text!; \
         symbol text!; trade_id bigint!; executed_at timestamp with time zone!; side side!; \
         price numeric(38,18)!; quantity numeric(38,18)!; cost numeric!@; \
         fee_amount numeric(38,18)!=; fee_currency text!; fee_quote numeric(38,18)!=; \
         liquidity liquidity!; recorded_at timestamp with time zone!=",
        &["tenant_id, order_id, trade_id, executed_at"],
    );
    table(
        &mut catalog,
        "portfolio_snapshots",
        "tenant_id uuid!; user_id uuid!; taken_at timestamp with time zone!; rev integer!=; \
         total_value numeric(38,18)!; cash numeric(38,18)!; positions_value numeric(38,18)!; \
         unrealised numeric(38,18)!; net_flow numeric(38,18)!=; \
         recorded_at timestamp with time zone!=",
        &["tenant_id, user_id, taken_at, rev"],
    );
    catalog
}
