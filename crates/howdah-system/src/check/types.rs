//! PostgreSQL's types as the catalog prints them, and what they are good for.

use std::collections::BTreeMap;

use howdah_catalog::{Catalog, Column, RelName, TypeKind};

use crate::column::ColumnType;

/// The enums and domains of a database, by the names that `format_type` prints.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Types {
    enums: BTreeMap<String, Vec<String>>,
    domains: BTreeMap<String, (String, bool)>,
}

impl Types {
    pub(crate) fn of(catalog: &Catalog) -> Self {
        let mut types = Self::default();
        for user in catalog.types.values() {
            // A type in the search path prints without its schema, others with it.
            let bare = user.name.name.as_str().to_owned();
            let full = format!("{}.{bare}", user.name.schema.as_str());
            for name in [full, bare] {
                match &user.kind {
                    TypeKind::Enum(found) => {
                        types.enums.entry(name).or_insert_with(|| found.labels.clone());
                    }
                    TypeKind::Domain(found) => {
                        let domain = (found.base_type.clone(), found.not_null);
                        types.domains.entry(name).or_insert(domain);
                    }
                    TypeKind::Composite(_) | TypeKind::Range | TypeKind::Other(_) => {}
                }
            }
        }
        types
    }

    /// The type beneath domains, with modifiers.
    pub(crate) fn base(&self, type_name: &str) -> String {
        let mut name = type_name.to_owned();
        // Domains over domains are rare; the bound only guards against a catalog that is wrong.
        for _ in 0..16 {
            match self.domains.get(&name.replace('"', "")) {
                Some((base, _)) => name.clone_from(base),
                None => break,
            }
        }
        name
    }

    /// The type beneath domains, without modifiers: `numeric`, `timestamp with time zone`.
    pub(crate) fn plain(&self, type_name: &str) -> String {
        without_modifiers(&self.base(type_name)).0
    }

    pub(crate) fn is_numeric(&self, type_name: &str) -> bool {
        let numeric = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];
        numeric.contains(&self.plain(type_name).as_str())
    }

    /// Whether values are texts: `text`, `varchar`, `char` and enums.
    pub(crate) fn is_text_or_enum(&self, type_name: &str) -> bool {
        matches!(
            self.kind(type_name),
            ColumnType::Text | ColumnType::Varchar(_) | ColumnType::Char(_) | ColumnType::Enum(_)
        )
    }

    /// Whether PostgreSQL 15 has `min` and `max` of it.
    pub(crate) fn has_min_and_max(&self, type_name: &str) -> bool {
        !matches!(
            self.kind(type_name),
            ColumnType::Bool
                | ColumnType::Uuid
                | ColumnType::Json
                | ColumnType::Jsonb
                | ColumnType::Bytea
        ) && !matches!(
            self.plain(type_name).as_str(),
            "xml" | "point" | "line" | "lseg" | "box" | "path" | "polygon" | "circle" | "macaddr"
        )
    }

    /// Whether a column can hold no null, by itself or through a domain.
    pub(crate) fn is_not_null(&self, column: &Column) -> bool {
        let name = column.type_name.replace('"', "");
        column.not_null || self.domains.get(&name).is_some_and(|(_, not_null)| *not_null)
    }

    /// What an event's value for a column is decoded into.
    pub(crate) fn column_kind(&self, column: &Column) -> ColumnType {
        // The type's own schema and name are surer than what the search path prints.
        let name =
            RelName { schema: column.type_schema.clone(), name: column.type_base.as_str().into() };
        let full = format!("{}.{}", name.schema.as_str(), name.name.as_str());
        if self.enums.contains_key(&full) || self.domains.contains_key(&full) {
            return self.kind(&full);
        }
        self.kind(&column.type_name)
    }

    /// The same for a type's name.
    pub(crate) fn kind(&self, type_name: &str) -> ColumnType {
        let base = self.base(type_name);
        if let Some(element) = base.strip_suffix("[]") {
            return match self.kind(element) {
                ColumnType::Array(_) | ColumnType::Other => ColumnType::Other,
                element => ColumnType::Array(Box::new(element)),
            };
        }
        if let Some(labels) = self.enums.get(&base.replace('"', "")) {
            return ColumnType::Enum(labels.clone());
        }
        let (plain, modifiers) = without_modifiers(&base);
        let first = modifiers.first().copied().and_then(|n| u32::try_from(n).ok());
        match plain.as_str() {
            "smallint" => ColumnType::Int2,
            "integer" => ColumnType::Int4,
            "bigint" => ColumnType::Int8,
            "real" => ColumnType::Float4,
            "double precision" => ColumnType::Float8,
            "numeric" => ColumnType::Numeric(match modifiers.as_slice() {
                [precision, scale] => Some((*precision as u16, *scale as i16)),
                [precision] => Some((*precision as u16, 0)),
                _ => None,
            }),
            "text" | "name" => ColumnType::Text,
            other if other == "citext" || other.ends_with(".citext") => ColumnType::Text,
            "character varying" => first.map_or(ColumnType::Text, ColumnType::Varchar),
            "character" => ColumnType::Char(first.unwrap_or(1)),
            "boolean" => ColumnType::Bool,
            "uuid" => ColumnType::Uuid,
            "timestamp with time zone" => ColumnType::Timestamptz,
            "timestamp without time zone" => ColumnType::Timestamp,
            "date" => ColumnType::Date,
            "json" => ColumnType::Json,
            "jsonb" => ColumnType::Jsonb,
            "bytea" => ColumnType::Bytea,
            "inet" => ColumnType::Inet,
            "cidr" => ColumnType::Cidr,
            _ => ColumnType::Other,
        }
    }
}

/// `numeric(38,18)` → `numeric` and 38, 18; `timestamp(3) with time zone` likewise.
fn without_modifiers(type_name: &str) -> (String, Vec<i64>) {
    let Some((before, rest)) = type_name.split_once('(') else {
        return (type_name.to_owned(), Vec::new());
    };
    let Some((inside, after)) = rest.split_once(')') else {
        return (type_name.to_owned(), Vec::new());
    };
    let modifiers = inside.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    (format!("{before}{after}"), modifiers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_types_are_known() {
        let types = Types::default();
        for (name, kind) in [
            ("numeric(38,18)", ColumnType::Numeric(Some((38, 18)))),
            ("numeric", ColumnType::Numeric(None)),
            ("numeric(78,0)", ColumnType::Numeric(Some((78, 0)))),
            ("timestamp(3) with time zone", ColumnType::Timestamptz),
            ("character varying(20)", ColumnType::Varchar(20)),
            ("character varying", ColumnType::Text),
            ("text[]", ColumnType::Array(Box::new(ColumnType::Text))),
            ("numeric(10,2)[]", ColumnType::Array(Box::new(ColumnType::Numeric(Some((10, 2)))))),
            ("geometry(Point,4326)", ColumnType::Other),
        ] {
            assert_eq!(types.kind(name), kind, "{name}");
        }
    }
}
