//! The server, its settings and roles, and the database's schemas and extensions.

use std::collections::HashMap;

use howdah_catalog::{Catalog, Extension, Ident, Role, Schema, Server, Setting};
use tokio_postgres::{Error, Row};

use super::decode::Fields as _;

pub(super) fn decode(rows: &[Row], catalog: &mut Catalog) -> Result<(), Error> {
    for row in rows {
        catalog.server = Server {
            version_num: row.try_get::<_, i32>("version_num")?.unsigned_abs(),
            database: row.get_text("database")?,
            database_owner: row.get_ident("database_owner")?,
            user: row.get_ident("user_name")?,
            is_superuser: row.get_bool("is_superuser")?,
            can_create_role: row.get_bool("can_create_role")?,
            search_path: row.get_idents("search_path")?,
        };
    }
    Ok(())
}

pub(super) fn decode_settings(rows: &[Row], catalog: &mut Catalog) -> Result<(), Error> {
    for row in rows {
        let setting = Setting {
            value: row.get_text("setting")?,
            unit: row.get_text_opt("unit")?,
            boot_value: row.get_text_opt("boot_val")?,
            source: row.get_text("source")?,
            context: row.get_text("context")?,
        };
        catalog.settings.insert(row.get_text("name")?, setting);
    }
    Ok(())
}

/// Gives the schemas' names by oid.
pub(super) fn decode_schemas(
    rows: &[Row],
    catalog: &mut Catalog,
) -> Result<HashMap<u32, Ident>, Error> {
    let mut names = HashMap::with_capacity(rows.len());
    for row in rows {
        let name = row.get_ident("name")?;
        names.insert(row.get_oid("oid")?, name.clone());
        let schema =
            Schema { owner: row.get_ident("owner")?, comment: row.get_text_opt("comment")? };
        catalog.schemas.insert(name, schema);
    }
    Ok(names)
}

pub(super) fn decode_extensions(rows: &[Row], catalog: &mut Catalog) -> Result<(), Error> {
    for row in rows {
        let extension =
            Extension { schema: row.get_ident("schema")?, version: row.get_text("version")? };
        catalog.extensions.insert(row.get_ident("name")?, extension);
    }
    Ok(())
}

pub(super) fn decode_roles(rows: &[Row], catalog: &mut Catalog) -> Result<(), Error> {
    for row in rows {
        let role = Role {
            superuser: row.get_bool("superuser")?,
            bypass_rls: row.get_bool("bypass_rls")?,
            create_role: row.get_bool("create_role")?,
            create_db: row.get_bool("create_db")?,
            login: row.get_bool("login")?,
            replication: row.get_bool("replication")?,
            inherit: row.get_bool("inherit")?,
            member_of: row.get_idents("member_of")?,
        };
        catalog.roles.insert(row.get_ident("name")?, role);
    }
    Ok(())
}
