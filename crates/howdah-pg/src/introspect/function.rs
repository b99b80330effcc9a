//! Functions, procedures, aggregates and window functions.

use std::collections::HashMap;

use howdah_catalog::{Catalog, Function, FunctionKind, RelName, Volatility};
use tokio_postgres::{Error, Row};

use super::decode::Fields as _;

/// Gives the functions' names and identity arguments by oid.
pub(super) fn decode(
    rows: &[Row],
    catalog: &mut Catalog,
) -> Result<HashMap<u32, (RelName, String)>, Error> {
    let mut names = HashMap::with_capacity(rows.len());
    for row in rows {
        let function = function(row)?;
        names.insert(row.get_oid("oid")?, (function.name.clone(), function.arguments.clone()));
        catalog.functions.push(function);
    }
    Ok(names)
}

fn function(row: &Row) -> Result<Function, Error> {
    Ok(Function {
        name: row.get_name("schema", "name")?,
        arguments: row.get_text("arguments")?,
        result: row.get_text_opt("result")?,
        kind: match row.get_char("kind")? {
            'f' => FunctionKind::Function,
            'p' => FunctionKind::Procedure,
            'a' => FunctionKind::Aggregate,
            'w' => FunctionKind::Window,
            other => FunctionKind::Other(other),
        },
        owner: row.get_ident("owner")?,
        language: row.get_text("language")?,
        volatility: match row.get_char("volatility")? {
            'i' => Volatility::Immutable,
            's' => Volatility::Stable,
            'v' => Volatility::Volatile,
            other => Volatility::Other(other),
        },
        security_definer: row.get_bool("security_definer")?,
        leakproof: row.get_bool("leakproof")?,
        settings: row.get_texts("settings")?,
        body: row.get_text("body")?,
    })
}
