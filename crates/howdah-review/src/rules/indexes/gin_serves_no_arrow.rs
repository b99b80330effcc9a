//! A GIN index is on a document whose fields are only asked for by `->>`, which it does not serve.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, attributes jsonb not null);
//! create index orders_attributes on orders using gin (attributes);
//! create view gifts as select id from orders where attributes ->> 'kind' = 'gift';
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, attributes jsonb not null, more jsonb);
//! create index orders_attributes on orders using gin (attributes);
//! create index orders_more on orders using gin (more);
//! create view gifts as
//!   select id, more ->> 'note' as note from orders where attributes @> '{"kind": "gift"}'
//!     and attributes ->> 'size' = 'small';
//! ```
//!
//! ## Why
//!
//! GIN finds documents that contain a piece (`@>`, `?`, `@?`, `@@`). A comparison of what `->>`
//! takes out is none of these: the table is read from end to end, and the index is paid for at each
//! write. The plan shows it with `enable_seqscan` off.
//!
//! ## Instead
//!
//! A B-tree on the expression, or the question as `attributes @> '{"kind": "gift"}'`.

use howdah_catalog::{Ident, Index, Literal, Relation, RelationKind};

use crate::experiment::Shown;
use crate::facts::Facts;
use crate::finding::{Expect, Findings, Level, Login, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0414",
    name: "gin-serves-no-arrow",
    level: Level::Notice,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("gin_serves_no_arrow.rs"),
    check,
};

/// What GIN serves, as it stands behind a column.
const SERVED: &[&str] = &["@>", "@?", "@@", "?"];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let mut texts: Option<Vec<String>> = None;
    for table in facts.tables() {
        for (index, column) in table.indexes.iter().filter_map(|index| document(table, index)) {
            let texts = texts.get_or_insert_with(|| queries(facts));
            let about: Vec<&str> = texts
                .iter()
                .map(String::as_str)
                .filter(|text| text.contains(table.name.name.as_str()))
                .collect();
            let served = about.iter().any(|text| behind(text, column, SERVED).next().is_some());
            let mut arrows = about.iter().flat_map(|text| behind(text, column, &["->>"]));
            let Some(key) = arrows.find_map(compared_key) else { continue };
            if served || has_expression(table, column) {
                continue;
            }
            let field = format!("{} ->> {}", Ident::new(column), Literal(key));
            let finding = findings.add(
                Subject::Index(table.name.clone(), index.name.clone()),
                format!("index \"{}\" serves none of the questions", index.name.as_str()),
            );
            finding.detail(format!("{field} is asked for, and no index has it."));
            finding.hint("Ask by @>, or use a B-tree on the expression that is asked for.");
            finding.experiment(Shown(Reproducer {
                before: None,
                sql: format!(
                    "begin;\nset local enable_seqscan = off;\n\
                     explain (costs off) select from {} where {field} = 'value'",
                    table.name
                ),
                expect: Expect::Line("Seq Scan on ".to_owned()),
                login: Login::Owner,
            }));
            let base = format!("{}_{key}", table.name.name.as_str());
            let name = facts.free_name(&table.name.schema, &base, "idx");
            // A partitioned table cannot have its index built concurrently.
            if table.kind == RelationKind::Table {
                finding.fix(vec![format!(
                    "create index concurrently {name} on {} (({field}))",
                    table.name
                )]);
            }
        }
    }
}

/// The one column of a GIN index that is a document.
fn document<'t>(table: &'t Relation, index: &'t Index) -> Option<(&'t Index, &'t str)> {
    let [only] = index.columns.as_slice() else { return None };
    let name = only.column.as_ref()?.as_str();
    let fits = index.method == "gin" && table.column(name)?.type_base == "jsonb";
    fits.then_some((index, name))
}

/// Whether some index is on what `->` or `->>` takes out of the column.
fn has_expression(table: &Relation, column: &str) -> bool {
    table.indexes.iter().any(|index| {
        index.columns.iter().any(|key| {
            key.column.is_none() && key.expression.contains(column) && key.expression.contains("->")
        })
    })
}

/// All that asks, in lower case with single blanks: views, functions, the application, the
/// statements that are run.
fn queries(facts: &Facts) -> Vec<String> {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let catalog = facts.catalog.iter();
    let views = catalog.clone().flat_map(|catalog| catalog.relations.values());
    let views = views.filter_map(|relation| relation.definition.as_deref());
    let functions = catalog.flat_map(|catalog| &catalog.functions).map(|f| f.body.as_str());
    let workload = facts.in_use.iter().filter_map(|in_use| in_use.workload.as_ref()).flatten();
    let workload = workload.map(|statement| statement.query.as_str());
    let mut all: Vec<String> = views.chain(functions).chain(workload).map(plain).collect();
    for file in &facts.sources {
        all.extend(file.sql().map(|(_, sql)| sql));
    }
    all
}

/// What stands behind the column and one of the operators, each time.
fn behind<'t>(
    text: &'t str,
    column: &'t str,
    operators: &'t [&str],
) -> impl Iterator<Item = &'t str> {
    text.match_indices(column).filter_map(move |(at, _)| {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let rest = text[at + column.len()..].trim_start_matches(['"', ')', ' ']);
        operators.iter().find_map(|operator| rest.strip_prefix(operator))
    })
}

/// The constant behind `->>`, when what it takes out is compared.
fn compared_key(rest: &str) -> Option<&str> {
    let (key, mut rest) = rest.trim_start().strip_prefix('\'')?.split_once('\'')?;
    loop {
        let after = rest.trim_start_matches([')', ' ']);
        let after = match after.strip_prefix("::") {
            Some(kind) => kind.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
            None => after,
        };
        if after.len() == rest.len() {
            break;
        }
        rest = after;
    }
    let compares = ["=", "<", ">", "!=", "in (", "like ", "ilike ", "~"];
    (!key.is_empty() && compares.iter().any(|word| rest.starts_with(word))).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_compared_counts() {
        for (text, key) in [
            ("where (a ->> 'kind'::text) = 'x'", Some("kind")),
            ("where (a->>'n')::numeric > 5", Some("n")),
            ("select a ->> 'kind' as kind", None),
            ("where data ->> 'kind' = 'x'", None),
        ] {
            let found = behind(text, "a", &["->>"]).find_map(compared_key);
            assert_eq!(found, key, "{text}");
        }
    }
}
