//! Introspection of a database that holds every kind of object, as its plain owner.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use howdah_catalog::{
    Bound, Catalog, ConstraintKind, FunctionKind, Generated, Grant, GrantTarget, Ident, Identity,
    Index, PartitionKey, PartitionStrategy, PolicyCommand, RelName, Relation, RelationKind,
    TypeKind, Volatility, diff,
};
use howdah_pg::{Connection, Scope, introspect, introspect_in_txn, introspect_scope};
use howdah_testkit::{Cluster, TestDatabase};

async fn everything() -> (TestDatabase, Connection, String) {
    let database = Cluster::shared().await.database().await;
    let client = database.connect().await;
    let other = format!("{} other", database.name());
    client.batch_execute(&format!("create role {}", Ident::new(&*other))).await.unwrap();
    let sql = include_str!("introspect/everything.sql").replace("OTHER_ROLE", &other);
    client.batch_execute(&sql).await.unwrap();
    (database, client, other)
}

fn public(name: &str) -> RelName {
    RelName::new("public", name)
}

fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Relation {
    catalog.relation(&public(name)).unwrap_or_else(|| panic!("no {name}"))
}

fn index<'a>(relation: &'a Relation, name: &str) -> &'a Index {
    relation.indexes.iter().find(|index| index.name.as_str() == name).unwrap()
}

fn names(idents: &[Ident]) -> Vec<&str> {
    idents.iter().map(Ident::as_str).collect()
}

#[tokio::test]
async fn server_schemas_and_settings_are_told() {
    let (database, client, _) = everything().await;
    client
        .batch_execute("set search_path to \"my \"\"odd\"\" schema\", nowhere, public")
        .await
        .unwrap();
    let catalog = introspect(&client).await.unwrap();
    let server = &catalog.server;
    assert!(server.version_num >= 150_000);
    assert_eq!(server.database, database.name());
    assert_eq!(server.database_owner.as_str(), database.name());
    assert_eq!(server.user.as_str(), database.name());
    assert!(!server.is_superuser && server.can_create_role);
    assert_eq!(names(&server.search_path), ["my \"odd\" schema", "public"]);
    let odd = &catalog.schemas[&Ident::new("my \"odd\" schema")];
    assert_eq!(odd.owner.as_str(), database.name());
    assert_eq!(odd.comment.as_deref(), Some("it's odd"));
    assert_eq!(catalog.schemas.len(), 2);
    assert_eq!(catalog.settings["shared_buffers"].unit.as_deref(), Some("8kB"));
    assert_eq!(catalog.settings["search_path"].source, "session");
    // What howdah sets for itself says nothing of the server.
    let server_has = "select reset_val, setting from pg_settings where name = 'jit'";
    let jit = client.query_one(server_has, &[]).await.unwrap();
    assert_eq!(jit.get::<_, &str>(1), "off");
    assert_eq!(catalog.settings["jit"].value, jit.get::<_, &str>(0));
    assert!(catalog.extensions.contains_key(&Ident::new("plpgsql")));
    let role = &catalog.roles[&Ident::new(database.name())];
    assert!(role.login && role.create_role && !role.superuser && !role.bypass_rls);
}

#[tokio::test]
async fn columns_are_told_whole() {
    let (_database, client, _) = everything().await;
    let catalog = introspect(&client).await.unwrap();
    let accounts = table(&catalog, "accounts");
    let columns: Vec<_> = accounts.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        columns,
        [
            "id",
            "alias",
            "tenant",
            "name",
            "feeling",
            "limit_amount",
            "home",
            "tags",
            "lower_name",
            "born",
            "note"
        ]
    );
    let column = |name: &str| accounts.column(name).unwrap();
    assert_eq!(column("id").identity, Some(Identity::Always));
    assert_eq!(column("alias").identity, Some(Identity::ByDefault));
    let name = column("name");
    assert_eq!(name.type_name, "character varying(40)");
    assert_eq!((name.type_base.as_str(), name.type_schema.as_str()), ("varchar", "pg_catalog"));
    assert_eq!(name.collation, Some(RelName::new("pg_catalog", "C")));
    assert_eq!(name.default.as_deref(), Some("'nobody'::character varying"));
    assert_eq!(name.comment.as_deref(), Some("as printed"));
    assert!(name.not_null);
    assert_eq!(column("feeling").type_name, "public.mood");
    assert_eq!(column("feeling").type_schema.as_str(), "public");
    assert_eq!(column("limit_amount").type_name, "public.price");
    assert_eq!(column("tags").type_base, "_text");
    assert_eq!(column("lower_name").generated, Some(Generated::Stored));
    assert_eq!(column("lower_name").default.as_deref(), Some("lower((name)::text)"));
    assert_eq!(column("note").storage, 'e');
    assert_eq!(column("note").compression.as_deref(), Some("pglz"));
}

#[tokio::test]
async fn virtual_columns_are_told_from_18_on() {
    let database = Cluster::shared().await.database().await;
    let client = database.connect().await;
    if client.server_version_num() < 180_000 {
        return;
    }
    let sql = "create table v (a int, b int generated always as (a * 2) virtual)";
    client.batch_execute(sql).await.unwrap();
    let catalog = introspect(&client).await.unwrap();
    assert_eq!(table(&catalog, "v").column("b").unwrap().generated, Some(Generated::Virtual));
}

#[tokio::test]
async fn constraints_are_told_whole() {
    let (_database, client, _) = everything().await;
    let catalog = introspect(&client).await.unwrap();
    let accounts = table(&catalog, "accounts");
    assert_eq!(names(&accounts.primary_key().unwrap().columns), ["id"]);
    let constraint =
        |name: &str| accounts.constraints.iter().find(|c| c.name.as_str() == name).unwrap();
    let unique = constraint("alias_is_unique");
    assert_eq!(unique.kind, ConstraintKind::Unique);
    assert!(unique.deferrable);
    assert!(index(accounts, "alias_is_unique").nulls_not_distinct);
    assert_eq!(constraint("born late").definition, "CHECK ((born > '1900-01-01'::date))");

    let odd = RelName::new("my \"odd\" schema", "a \"table\" with spaces");
    let odd = catalog.relation(&odd).unwrap();
    let kind = |kind| odd.constraints.iter().find(|c| c.kind == kind).unwrap();
    let foreign = kind(ConstraintKind::ForeignKey);
    assert_eq!(foreign.references, Some(public("accounts")));
    assert_eq!(names(&foreign.columns), ["Account"]);
    assert_eq!(names(&foreign.referenced_columns), ["id"]);
    assert_eq!(foreign.index, None);
    assert!(foreign.definition.contains("REFERENCES public.accounts(id) ON DELETE CASCADE"));
    let exclusion = kind(ConstraintKind::Exclusion);
    assert_eq!(exclusion.index, Some(Ident::new("no_overlap")));
    assert_eq!(names(&exclusion.columns), ["during"], "an expression has no column");
    assert!(!kind(ConstraintKind::Check).validated);
    assert_eq!(names(&odd.primary_key().unwrap().columns), ["the \"key\""]);

    let mentions = table(&catalog, "mentions");
    let foreign: Vec<_> =
        mentions.constraints.iter().filter(|c| c.kind == ConstraintKind::ForeignKey).collect();
    assert_eq!(foreign.len(), 1, "no internal rows for the partitions");
    let own = |relation: &str| {
        let checks = table(&catalog, relation).constraints.iter();
        checks.filter(|c| c.kind == ConstraintKind::Check).map(|c| c.inherited).collect::<Vec<_>>()
    };
    assert_eq!(own("derived"), [true]);
    assert_eq!(own("base"), [false, false]);
    let not_null =
        accounts.constraints.iter().filter(|c| c.kind == ConstraintKind::NotNull).count();
    assert_eq!(not_null > 0, client.server_version_num() >= 180_000);
}

#[tokio::test]
async fn indexes_are_told_whole() {
    let (_database, client, _) = everything().await;
    let catalog = introspect(&client).await.unwrap();
    let accounts = table(&catalog, "accounts");
    let lower = index(accounts, "accounts_lower");
    assert_eq!(lower.method, "btree");
    assert_eq!(lower.columns[0].column, None);
    assert_eq!(lower.columns[0].expression, "lower((name)::text)");
    assert_eq!(lower.columns[0].opclass.as_deref(), Some("text_pattern_ops"));
    assert_eq!(lower.columns[1].column, Some(Ident::new("id")));
    assert!(lower.columns[1].descending && !lower.columns[0].descending);
    assert_eq!(names(&lower.include), ["note"]);
    assert_eq!(lower.predicate.as_deref(), Some("(feeling <> 'sad'::public.mood)"));
    assert!(lower.valid && !lower.unique);
    assert!(index(accounts, "accounts_tenant").unique);
    assert_eq!(index(accounts, "accounts_tags").method, "gin");
    assert!(index(accounts, "accounts_pkey").primary);
    assert_eq!(accounts.replica_identity, 'i');
    let part = &table(&catalog, "events_2024").indexes;
    assert!(part.iter().any(|index| index.parent == Some(public("events_device"))));
    assert!(index(table(&catalog, "names"), "names_name").unique);
}

#[tokio::test]
async fn indexes_are_defined_as_the_server_prints_them() {
    let (_database, client, _) = everything().await;
    client
        .batch_execute(
            "create domain whole as int;
             create table \"Odd one\" (\"a b\" int, c varchar(9), d text collate \"C\",
               e text, f name, g int[], h whole, i point, j mood, \"order\" bigint);
             create index \"Plain one\" on \"Odd one\" (\"a b\", d, e, j, \"order\");
             create unique index on \"Odd one\" (f, g);
             create index on \"Odd one\" (c);
             create index on \"Odd one\" (h);
             create index on \"Odd one\" (e collate \"C\");
             create index on \"Odd one\" (d collate \"default\");
             create index on \"Odd one\" (e text_pattern_ops);
             create index on \"Odd one\" (\"a b\" desc);
             create index on \"Odd one\" (\"a b\" nulls first);
             create index on \"Odd one\" (\"a b\" desc nulls last);
             create index on \"Odd one\" (\"a b\") include (c);
             create index on \"Odd one\" (\"a b\") with (fillfactor = 70);
             create index on \"Odd one\" (\"a b\") where e is null;
             create index on \"Odd one\" ((\"a b\" + 1), \"order\");
             create unique index on \"Odd one\" (\"order\") nulls not distinct;
             create index on \"Odd one\" using hash (e);
             create index on \"Odd one\" using gist (i);
             create index on \"Odd one\" using brin (\"order\");
             create schema \"Other place\";
             create table \"Other place\".many (id int, at date, primary key (id, at))
               partition by range (at);
             create table \"Other place\".one partition of \"Other place\".many default;
             create index on only \"Other place\".many (at)",
        )
        .await
        .unwrap();
    let catalog = introspect(&client).await.unwrap();
    client.batch_execute("set search_path to pg_catalog").await.unwrap();
    let printed = "select n.nspname::text, c.relname::text, pg_get_indexdef(i.indexrelid) \
                   from pg_index i join pg_class c on c.oid = i.indexrelid \
                   join pg_namespace n on n.oid = c.relnamespace \
                   where n.nspname !~ '^pg_' order by 1, 2";
    let printed: Vec<(String, String, String)> = client
        .query(printed, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let mut told: Vec<(String, String, String)> = catalog
        .relations
        .values()
        .flat_map(|relation| {
            relation.indexes.iter().map(|index| {
                let schema = relation.name.schema.as_str().to_owned();
                (schema, index.name.as_str().to_owned(), index.definition.clone())
            })
        })
        .collect();
    told.sort();
    assert!(told.len() > 30, "{}", told.len());
    assert_eq!(told, printed);
}

#[tokio::test]
async fn partitions_and_parents_are_told() {
    let (_database, client, _) = everything().await;
    client.batch_execute("set timezone to 'Asia/Tokyo'; set datestyle to 'German'").await.unwrap();
    let catalog = introspect(&client).await.unwrap();
    let events = table(&catalog, "events");
    assert_eq!(events.kind, RelationKind::PartitionedTable);
    let cut = events.partitioning.as_ref().unwrap();
    assert_eq!(cut.strategy, PartitionStrategy::Range);
    assert_eq!(cut.keys, [PartitionKey::Column(Ident::new("at"))]);
    let bound = |name: &str| table(&catalog, name).partition_of.clone().unwrap();
    let from = Some("2024-01-01 00:00:00+00".to_owned());
    let to = Some("2025-01-01 00:00:00+00".to_owned());
    assert_eq!(bound("events_2024").bound, Bound::Range { from: from.clone(), to });
    assert_eq!(bound("events_before").bound, Bound::Range { from: None, to: from });
    assert_eq!(bound("events_2024_low").bound, Bound::Other);
    assert_eq!(bound("events_2024_low").parent, public("events_2024"));
    assert_eq!(bound("events_2024_low").text, "FOR VALUES IN (1, 2, NULL)");
    assert_eq!(bound("events_2024_rest").bound, Bound::Default);
    let nested = table(&catalog, "events_2024").partitioning.as_ref().unwrap();
    assert_eq!(nested.strategy, PartitionStrategy::List);
    assert_eq!(nested.default_partition, Some(public("events_2024_rest")));
    let hashed = table(&catalog, "hashed").partitioning.as_ref().unwrap();
    assert_eq!(hashed.strategy, PartitionStrategy::Hash);
    assert_eq!(
        hashed.keys,
        [
            PartitionKey::Column(Ident::new("id")),
            PartitionKey::Expression("lower(name)".to_owned()),
            PartitionKey::Expression("(id + 1)".to_owned()),
        ]
    );
    assert_eq!(table(&catalog, "derived").inherits, [public("base")]);
    assert!(table(&catalog, "events_2024").inherits.is_empty());
    assert_eq!(catalog.partitions_of(&public("events")).count(), 2);
}

#[tokio::test]
async fn views_policies_and_triggers_are_told() {
    let (_database, client, other) = everything().await;
    let catalog = introspect(&client).await.unwrap();
    let rich = table(&catalog, "rich");
    assert_eq!(rich.kind, RelationKind::View);
    assert_eq!(rich.options, ["security_invoker=true"]);
    assert!(rich.definition.as_ref().unwrap().contains("FROM public.accounts"));
    assert_eq!(table(&catalog, "names").kind, RelationKind::MaterializedView);
    assert_eq!(table(&catalog, "tickets").kind, RelationKind::Sequence);
    assert!(table(&catalog, "scratch").unlogged);
    let accounts = table(&catalog, "accounts");
    assert_eq!(accounts.options, ["fillfactor=80"]);
    assert_eq!(accounts.access_method.as_deref(), Some("heap"));
    assert_eq!(accounts.comment.as_deref(), Some("who has money"));
    assert!(accounts.row_security && accounts.force_row_security);
    let [only, own] = accounts.policies.as_slice() else { panic!("{:?}", accounts.policies) };
    assert_eq!((only.permissive, only.command), (false, PolicyCommand::Update));
    assert_eq!(names(&only.roles), [other.as_str()]);
    assert_eq!(only.check.as_deref(), Some("(note IS NULL)"));
    assert_eq!((own.permissive, own.command), (true, PolicyCommand::All));
    assert_eq!(names(&own.roles), ["public"]);
    let [statement, touch] = accounts.triggers.as_slice() else { panic!("two triggers") };
    assert_eq!((statement.enabled, statement.for_each_row), ('D', false));
    assert_eq!((touch.enabled, touch.for_each_row), ('O', true));
    assert_eq!(touch.function, public("touch"));
}

#[tokio::test]
async fn types_functions_and_grants_are_told() {
    let (_database, client, other) = everything().await;
    let catalog = introspect(&client).await.unwrap();
    let kind = |name: &str| catalog.types[&public(name)].kind.clone();
    let TypeKind::Enum(mood) = kind("mood") else { panic!("an enum") };
    assert_eq!(mood.labels, ["sad", "meh", "ok", "it's fine"]);
    let TypeKind::Domain(price) = kind("price") else { panic!("a domain") };
    assert_eq!(price.base_type, "numeric(38,18)");
    assert!(price.not_null);
    assert_eq!(price.checks[0].0.as_str(), "price_positive");
    let TypeKind::Composite(address) = kind("address") else { panic!("a composite") };
    assert_eq!(
        address.attributes[1],
        (Ident::new("post code"), "character varying(10)".to_owned())
    );
    assert_eq!(kind("span"), TypeKind::Range);

    let function = |name: &str| catalog.functions.iter().find(|f| f.name == public(name)).unwrap();
    let double = function("double_it");
    assert_eq!(double.arguments, "x integer, y integer");
    assert_eq!(double.volatility, Volatility::Immutable);
    assert_eq!(double.settings, ["search_path=public"]);
    assert!(function("secret").security_definer);
    assert!(function("secret").body.starts_with("BEGIN ATOMIC"));
    assert_eq!(function("tidy_up").kind, FunctionKind::Procedure);
    assert_eq!(function("tidy_up").result, None);
    assert_eq!(function("total").kind, FunctionKind::Aggregate);

    let granted = |target: GrantTarget, grantee: &str| -> Vec<(String, bool)> {
        let grants = catalog.grants.iter();
        grants
            .filter(|g: &&Grant| g.target == target && g.grantee.as_str() == grantee)
            .map(|g| (g.privilege.clone(), g.grantable))
            .collect()
    };
    let no = |privilege: &str| (privilege.to_owned(), false);
    let accounts = public("accounts");
    assert_eq!(
        granted(GrantTarget::Relation(accounts.clone()), &other),
        [no("INSERT"), no("SELECT")]
    );
    let note = GrantTarget::Column(accounts, Ident::new("note"));
    assert_eq!(granted(note, &other), [("UPDATE".to_owned(), true)]);
    let odd = GrantTarget::Schema(Ident::new("my \"odd\" schema"));
    assert_eq!(granted(odd, &other), [no("USAGE")]);
    let function =
        |name: &str, arguments: &str| GrantTarget::Function(public(name), arguments.to_owned());
    assert_eq!(granted(function("double_it", "x integer, y integer"), "public"), [no("EXECUTE")]);
    assert!(granted(function("secret", ""), "public").is_empty());
    assert!(granted(GrantTarget::Database, "public").contains(&no("CONNECT")));
}

#[tokio::test]
async fn sizes_and_statistics_are_told_when_asked_for() {
    let (_database, client, _) = everything().await;
    let sql = "create table sized (id int primary key, x text); \
               insert into sized select g, null from generate_series(1, 1000) g; analyze sized";
    client.batch_execute(sql).await.unwrap();
    let catalog = introspect(&client).await.unwrap();
    let sized = table(&catalog, "sized");
    assert!((sized.stats.estimated_rows - 1000.0).abs() < 1e-9);
    assert!(sized.stats.heap_bytes > 0 && sized.stats.index_bytes > 0);
    assert_eq!(sized.stats.index_bytes, sized.indexes[0].bytes);
    assert_eq!(sized.column("x").unwrap().null_fraction, Some(1.0));
    assert_eq!(sized.column("id").unwrap().n_distinct, Some(-1.0));

    let without =
        introspect_scope(&client, Scope { statistics: false, ..Scope::default() }).await.unwrap();
    assert_eq!(table(&without, "sized").stats.heap_bytes, 0);
    assert_eq!(table(&without, "sized").columns.len(), 2);
}

/// A table that vacuum has emptied keeps the pages of its indexes, and so does what is told.
#[tokio::test]
async fn sizes_are_those_of_the_server_whatever_became_of_the_rows() {
    let (_database, client, _) = everything().await;
    for sql in [
        "create table grown (id int primary key, note text);
         alter table grown alter column note set storage external;
         insert into grown select n, repeat('x', 3000) from generate_series(1, 2000) n;
         create table emptied (like grown including all);
         insert into emptied select * from grown;
         create table never (like grown including all);
         delete from emptied",
        "vacuum emptied",
    ] {
        client.batch_execute(sql).await.unwrap();
    }
    let catalog = introspect(&client).await.unwrap();
    for name in ["grown", "emptied", "never"] {
        let sizes = format!(
            "select pg_relation_size('{name}'), pg_relation_size('{name}_pkey'), \
             pg_relation_size(reltoastrelid) from pg_class where oid = '{name}'::regclass"
        );
        let sizes = client.query_one(&sizes, &[]).await.unwrap();
        let table = table(&catalog, name);
        assert_eq!(table.stats.heap_bytes, sizes.get::<_, i64>(0), "{name}");
        assert_eq!(table.stats.index_bytes, sizes.get::<_, i64>(1), "{name}");
        assert_eq!(table.stats.toast_bytes == 0, sizes.get::<_, i64>(2) == 0, "{name}");
    }
    let emptied = table(&catalog, "emptied");
    assert!(emptied.stats.heap_bytes == 0 && emptied.stats.index_bytes > 3 * 8192);
}

#[tokio::test]
async fn a_callers_transaction_is_seen_and_left_as_it_was() {
    let (_database, mut client, _) = everything().await;
    client.batch_execute("set datestyle to 'German'").await.unwrap();
    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute("create table fresh (x int)").await.unwrap();
    let catalog = introspect_in_txn(&transaction, Scope::default()).await.unwrap();
    assert!(catalog.relation(&public("fresh")).is_some());
    let row = transaction.query_one("select current_setting('datestyle')", &[]).await.unwrap();
    assert!(row.get::<_, String>(0).starts_with("German"));
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_dropped_introspection_leaves_no_transaction_open() {
    let (_database, client, _) = everything().await;
    for polls in 1..6 {
        let mut future = Box::pin(introspect(&client));
        for _ in 0..polls {
            let wait = std::time::Duration::from_millis(1);
            let _ = tokio::time::timeout(wait, &mut future).await;
        }
        drop(future);
        // A transaction would refuse this.
        client.batch_execute("vacuum accounts").await.unwrap();
    }
}

#[tokio::test]
async fn what_ddl_changes_is_the_difference() {
    let (_database, client, _) = everything().await;
    // Roles are the cluster's, and other tests make some meanwhile.
    let look = async || Catalog { roles: BTreeMap::new(), ..introspect(&client).await.unwrap() };
    let before = look().await;
    assert!(diff(&before, &look().await).is_empty());
    let sql = "alter table mentions add note text not null default 'x'; \
               create index on mentions (note); \
               alter table events detach partition events_before; \
               alter type mood add value 'great'; \
               drop view rich; create policy all_see on base using (true); \
               insert into base values (1, 1)";
    client.batch_execute(sql).await.unwrap();
    let after = look().await;
    let lines: Vec<_> = diff(&before, &after)
        .iter()
        .map(ToString::to_string)
        // A not-null constraint of its own comes with the column from PostgreSQL 18 on, and the
        // detached partition's key columns have theirs already.
        .filter(|line| !line.contains("not_null"))
        .collect();
    assert_eq!(
        lines,
        [
            "type public.mood: definition 'sad', 'meh', 'ok', 'it's fine' → \
             'sad', 'meh', 'ok', 'it's fine', 'great'",
            "table public.base: policy \"all_see\" added",
            "table public.events_before: partition of public.events \
             FOR VALUES FROM (MINVALUE) TO ('2024-01-01 00:00:00+00') → none",
            "table public.events_before: constraint \"events_before_pkey\" inherited yes → no",
            "table public.events_before: index \"events_before_device_at_idx\" part of \
             public.events_device → none",
            "table public.events_before: index \"events_before_pkey\" part of \
             public.events_pkey → none",
            "table public.mentions: column \"note\" added",
            "table public.mentions: index \"mentions_note_idx\" added",
            "view public.rich removed",
            "grant of SELECT on public.rich to public removed",
        ]
    );
}
