//! Names of database objects, quoted by type.
//!
//! An [`Ident`] or [`RelName`] prints itself as SQL needs it, so a name is never interpolated as
//! bare text. [`Literal`] does the same for string constants.

use std::fmt;

/// PostgreSQL's limit on the length of a name, in bytes (`NAMEDATALEN - 1`).
pub const MAX_IDENT_BYTES: usize = 63;

/// One identifier, held as PostgreSQL stores it (already case-folded, without quotes).
///
/// `Display` always quotes: `"trades"`, `"a ""b"""`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(String);

impl Ident {
    /// The identifier `name`, exactly as stored in the catalog.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The stored text, unquoted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl From<&str> for Ident {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// A relation, type or function by schema and name. `Display` gives `"schema"."name"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelName {
    /// The schema.
    pub schema: Ident,
    /// The name within the schema.
    pub name: Ident,
}

impl RelName {
    /// `schema.name`, both as stored in the catalog.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Ident::new(schema), name: Ident::new(name) }
    }

    /// For people: `name` in schema public, else `schema.name`, unquoted.
    #[must_use]
    pub fn plain(&self) -> String {
        if self.schema.as_str() == "public" {
            self.name.as_str().to_owned()
        } else {
            format!("{}.{}", self.schema.as_str(), self.name.as_str())
        }
    }
}

impl fmt::Display for RelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// A string constant; `Display` gives it as a SQL literal that is right whatever
/// `standard_conforming_strings` says.
#[derive(Debug, Clone, Copy)]
pub struct Literal<'a>(pub &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains('\\') {
            write!(f, "E'{}'", self.0.replace('\\', "\\\\").replace('\'', "''"))
        } else {
            write!(f, "'{}'", self.0.replace('\'', "''"))
        }
    }
}

/// `items` printed and joined by `", "`.
pub fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut out = String::new();
    for item in items {
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&item.to_string());
    }
    out
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): the same in every process, version and machine. For names
/// and lock keys, never for secrets.
#[must_use]
pub fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// `base_suffix` as an identifier. One that is too long keeps its suffix, which tells siblings
/// apart, and a hash of `base`, of which the end is cut.
#[must_use]
pub fn fitting(base: &str, suffix: &str) -> Ident {
    let full = format!("{base}_{suffix}");
    if full.len() <= MAX_IDENT_BYTES {
        return Ident::new(full);
    }
    let tail = format!("_{:08x}_{suffix}", stable_hash(base) as u32);
    let mut cut = MAX_IDENT_BYTES.saturating_sub(tail.len());
    while !base.is_char_boundary(cut) {
        cut -= 1;
    }
    Ident::new(format!("{}{tail}", &base[..cut]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(Ident::new("a\"b").to_string(), "\"a\"\"b\"");
        assert_eq!(RelName::new("public", "t; drop").to_string(), "\"public\".\"t; drop\"");
        assert_eq!(Literal("it's").to_string(), "'it''s'");
        assert_eq!(Literal("a\\'b").to_string(), "E'a\\\\''b'");
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        assert_eq!(fitting("trades", "20251017"), Ident::new("trades_20251017"));
        let a = fitting(&"ü".repeat(40), "key");
        let b = fitting(&"ü".repeat(41), "key");
        assert!(a.as_str().len() <= MAX_IDENT_BYTES && a.as_str().ends_with("_key"));
        assert_ne!(a, b);
    }
}
