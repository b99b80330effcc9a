//! `howdah.api_keys`: keys made, listed, revoked.

use howdah_error::{Error, Result};
use howdah_pg::{Connection, from_pg};
use tokio_postgres::Row;

use super::scope::Scope;
use super::secret::Secret;

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is for, for people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Whose events it sends, as the tenant column's type prints it.
    pub tenant: Option<String>,
    /// In how many seconds it expires.
    pub expires_in: Option<i64>,
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub id: i64,
    /// The beginning of its secret.
    pub shown: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Whose events it sends.
    pub tenant: Option<String>,
    /// When it was made; this and the other times as PostgreSQL prints them in UTC.
    pub created_at: String,
    /// When it expires.
    pub expires_at: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// Whether it opens anything now.
    pub valid: bool,
}

/// Makes a key; its number. The secret is nowhere else.
pub async fn create(connection: &Connection, key: &NewKey, secret: &Secret) -> Result<i64> {
    let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
    let seconds = key.expires_in.map(|seconds| seconds as f64);
    let hash = secret.hash();
    connection
        .query_one(
            include_str!("create.sql"),
            &[&key.name, &secret.shown(), &&hash[..], &scopes, &key.tenant, &seconds],
        )
        .await
        .map(|row| row.get(0))
        .map_err(|error| from_pg("could not make the key", &error))
}

/// All keys, the oldest first.
pub async fn list(connection: &Connection) -> Result<Vec<Listed>> {
    let rows = connection
        .query(include_str!("list.sql"), &[])
        .await
        .map_err(|error| from_pg("could not read the keys", &error))?;
    Ok(rows.iter().map(listed).collect())
}

fn listed(row: &Row) -> Listed {
    Listed {
        id: row.get(0),
        shown: row.get(1),
        name: row.get(2),
        scopes: row.get(3),
        tenant: row.get(4),
        created_at: row.get(5),
        expires_at: row.get(6),
        revoked_at: row.get(7),
        valid: row.get(8),
    }
}

/// Revokes a key, by its number or by the beginning of its secret. One that is revoked already
/// stays as it is.
pub async fn revoke(connection: &Connection, which: &str) -> Result<Listed> {
    let found = list(connection).await?;
    let is_meant = |key: &&Listed| key.id.to_string() == which || key.shown == which;
    let mut meant = found.into_iter().filter(|key| is_meant(&key));
    let (Some(key), None) = (meant.next(), meant.next()) else {
        return Err(Error::input(format!("there is no one key \"{which}\""))
            .hint("`howdah keys list` shows their numbers and how they begin."));
    };
    let sql = "update howdah.api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1";
    connection
        .execute(sql, &[&key.id])
        .await
        .map_err(|error| from_pg("could not revoke the key", &error))?;
    Ok(key)
}
