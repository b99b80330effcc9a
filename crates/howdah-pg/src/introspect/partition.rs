//! How tables are cut, and which part each partition holds.

use howdah_catalog::{Bound, Ident, PartitionBound, PartitionKey, PartitionStrategy, Partitioning};
use tokio_postgres::{Error, Row};

use super::{Found, decode::Fields as _};

pub(super) fn decode_partitioning(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    for row in rows {
        let default_partition = found.name(row.get_oid("default_partition")?);
        let Some(relation) = found.relation_of(row)? else { continue };
        relation.partitioning = Some(Partitioning {
            strategy: match row.get_char("strategy")? {
                'r' => PartitionStrategy::Range,
                'l' => PartitionStrategy::List,
                'h' => PartitionStrategy::Hash,
                other => PartitionStrategy::Other(other),
            },
            keys: keys(row)?,
            default_partition,
        });
    }
    Ok(())
}

fn keys(row: &Row) -> Result<Vec<PartitionKey>, Error> {
    let columns: Vec<Option<String>> = row.try_get("columns")?;
    let list = row.get_text_opt("expressions")?.unwrap_or_default();
    let mut expressions = items(&list).into_iter();
    Ok(columns
        .into_iter()
        .filter_map(|column| match column {
            Some(name) => Some(PartitionKey::Column(Ident::new(name))),
            None => expressions.next().map(|item| PartitionKey::Expression(item.to_owned())),
        })
        .collect())
}

pub(super) fn decode_partitions(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    for row in rows {
        let Some(parent) = found.name(row.get_oid("parent")?) else { continue };
        let Some(relation) = found.relation_of(row)? else { continue };
        let text = row.get_text_opt("bound")?.unwrap_or_default();
        relation.partition_of = Some(PartitionBound {
            parent,
            bound: parse_bound(&text),
            text,
            detach_pending: row.get_bool("detach_pending")?,
        });
    }
    Ok(())
}

/// Reads what `pg_get_expr(relpartbound)` prints: `FOR VALUES FROM ('…') TO (MAXVALUE)`.
pub fn parse_bound(text: &str) -> Bound {
    if text == "DEFAULT" {
        return Bound::Default;
    }
    range(text).unwrap_or(Bound::Other)
}

fn range(text: &str) -> Option<Bound> {
    let rest = text.strip_prefix("FOR VALUES FROM (")?;
    // The lower bound ends at the first `) TO (` outside of quotes.
    let mut quoted = false;
    let end = rest.char_indices().find_map(|(at, c)| {
        quoted ^= c == '\'';
        (!quoted && rest[at..].starts_with(") TO (")).then_some(at)
    })?;
    let upper = rest[end..].strip_prefix(") TO (")?.strip_suffix(')')?;
    let (lower, upper) = (items(&rest[..end]), items(upper));
    match (lower.as_slice(), upper.as_slice()) {
        ([from], [to]) => Some(Bound::Range {
            from: (*from != "MINVALUE").then(|| literal(from)),
            to: (*to != "MAXVALUE").then(|| literal(to)),
        }),
        _ => None,
    }
}

/// The text of a constant: quotes removed, doubled quotes single. Strings are printed under
/// `standard_conforming_strings`, so a backslash is itself.
fn literal(item: &str) -> String {
    match item.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => item.to_owned(),
    }
}

/// The items of a list that PostgreSQL printed, cut at the commas outside of quotes and brackets.
fn items(list: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_usize, None);
    for (at, c) in list.char_indices() {
        match (quote, c) {
            (Some(open), _) => quote = (open != c).then_some(open),
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                items.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if !list[start..].trim().is_empty() {
        items.push(list[start..].trim());
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range_of(from: Option<&str>, to: Option<&str>) -> Bound {
        Bound::Range { from: from.map(str::to_owned), to: to.map(str::to_owned) }
    }

    #[test]
    fn bounds_of_one_column_are_read() {
        assert_eq!(
            parse_bound("FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00')"),
            range_of(Some("2024-01-01 00:00:00+00"), Some("2024-02-01 00:00:00+00"))
        );
        assert_eq!(parse_bound("FOR VALUES FROM (MINVALUE) TO (10)"), range_of(None, Some("10")));
        assert_eq!(parse_bound("FOR VALUES FROM ('-5') TO (MAXVALUE)"), range_of(Some("-5"), None));
        assert_eq!(
            parse_bound("FOR VALUES FROM ('it''s, ) TO (') TO ('MAXVALUE')"),
            range_of(Some("it's, ) TO ("), Some("MAXVALUE"))
        );
        assert_eq!(parse_bound("DEFAULT"), Bound::Default);
    }

    #[test]
    fn other_bounds_are_kept_as_text() {
        for text in [
            "FOR VALUES FROM (1, 'a,b') TO (2, MAXVALUE)",
            "FOR VALUES IN ('a', NULL)",
            "FOR VALUES WITH (modulus 4, remainder 0)",
            "",
            "FOR VALUES FROM (",
        ] {
            assert_eq!(parse_bound(text), Bound::Other, "{text}");
        }
    }

    #[test]
    fn expressions_are_cut_at_outer_commas() {
        assert_eq!(items("lower(a), f(b, 'x,''y'), (c)"), ["lower(a)", "f(b, 'x,''y')", "(c)"]);
        assert!(items("").is_empty());
    }
}
