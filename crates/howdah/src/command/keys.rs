//! `howdah keys create|list|revoke`: who may send events by HTTP.

use howdah_error::{Code, Error, Result};
use howdah_pg::{Connection, from_pg};
use howdah_server::keys::{self, Listed, NewKey, Scope, Secret};
use howdah_system::System;
use serde_json::{Value, json};

use crate::Outcome;
use crate::cli::{Global, KeysAction, KeysArgs, OutputFormat};
use crate::output::{self, Table};
use crate::session::Session;

/// Runs one of the three.
pub async fn run(global: &Global, args: &KeysArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let json = global.format == OutputFormat::Json;
    let result = Box::pin(act(&session, json, &args.action)).await;
    session.close().await?;
    result.map(|()| Outcome::Fine)
}

async fn act(session: &Session, json: bool, action: &KeysAction) -> Result<()> {
    let connection = session.connect().await?;
    session.require_applied(&connection).await?;
    match action {
        KeysAction::Create { name, scope, tenant, expires } => {
            let system = session.system(&connection).await?;
            require_sense(&system, scope, tenant.is_some())?;
            let key = NewKey {
                name: name.clone(),
                scopes: scope.clone(),
                tenant: canonical(&connection, &system, tenant.as_deref()).await?,
                expires_in: expires.map(|ms| ms / 1000),
            };
            create(&connection, &key, json).await
        }
        KeysAction::List => list(&connection, json).await,
        KeysAction::Revoke { key } => {
            let revoked = keys::revoke(&connection, key).await?;
            if json {
                return output::json(&json!({ "version": 1, "revoked": revoked.id }));
            }
            let Listed { id, shown, .. } = revoked;
            output::say(&format!("key {id} ({shown}…) is revoked; servers know within seconds"));
            Ok(())
        }
    }
}

/// The secret goes to standard output alone, so that it can be piped into a file.
async fn create(connection: &Connection, key: &NewKey, json: bool) -> Result<()> {
    let secret = Secret::generate()?;
    let id = keys::create(connection, key, &secret).await?;
    if json {
        return output::json(&json!({ "version": 1, "id": id, "secret": secret.reveal() }));
    }
    output::say(&format!("key {id}; this is its secret, which is kept nowhere:"));
    output::line(secret.reveal())
}

/// Refuses scopes that open nothing, and a key that would be refused everywhere.
fn require_sense(system: &System, scopes: &[Scope], has_tenant: bool) -> Result<()> {
    let bad = |message: String| Error::input(message).code(Code::UnknownName);
    let mut writes = false;
    for scope in scopes {
        let Scope::Write(stream) = scope else { continue };
        writes = true;
        if system.stream(stream).is_none() {
            let known: Vec<&str> = system.streams.iter().map(|known| known.name.as_str()).collect();
            return Err(bad(format!("stream \"{stream}\" does not exist"))
                .hint(format!("The system file has: {}.", known.join(", "))));
        }
    }
    let any = scopes.contains(&Scope::AnyTenant);
    if has_tenant && any {
        return Err(Error::input("a key has a tenant or the scope any-tenant, not both"));
    }
    if has_tenant && system.tenants.is_none() {
        return Err(Error::input("the system has no tenants").hint("Leave --tenant out."));
    }
    if writes && system.tenants.is_some() && !has_tenant && !any {
        return Err(Error::input("the key's tenant is not said").hint(
            "Give --tenant TENANT, or the scope any-tenant to a sender of all tenants' events.",
        ));
    }
    Ok(())
}

/// The tenant as the type of the tenant column prints it.
async fn canonical(
    connection: &Connection,
    system: &System,
    tenant: Option<&str>,
) -> Result<Option<String>> {
    let (Some(tenant), Some(tenants)) = (tenant, &system.tenants) else { return Ok(None) };
    let sql = format!("select $1::text::{}::text", tenants.type_name);
    let row = connection.query_one(&sql, &[&tenant]).await;
    let row = row.map_err(|error| from_pg("the tenant does not fit the tenant column", &error))?;
    Ok(Some(row.get(0)))
}

async fn list(connection: &Connection, json: bool) -> Result<()> {
    let keys = keys::list(connection).await?;
    if json {
        let keys: Vec<Value> = keys.iter().map(as_json).collect();
        return output::json(&json!({ "version": 1, "keys": keys }));
    }
    if keys.is_empty() {
        return output::line("no keys");
    }
    let mut table = Table::new(&["id", "secret", "name", "scopes", "tenant", "state"]);
    for key in keys {
        let state = match (&key.revoked_at, &key.expires_at) {
            (Some(_), _) => "revoked".to_owned(),
            (None, Some(at)) if key.valid => format!("until {}", &at[..at.len().min(10)]),
            (None, Some(_)) => "expired".to_owned(),
            (None, None) => "valid".to_owned(),
        };
        table.row(vec![
            key.id.to_string(),
            format!("{}…", key.shown),
            output::cut(&key.name),
            output::cut(&key.scopes.join(",")),
            output::cut(&key.tenant.unwrap_or_default()),
            state,
        ]);
    }
    table.print()
}

fn as_json(key: &Listed) -> Value {
    json!({
        "id": key.id, "shown": key.shown, "name": key.name, "scopes": key.scopes,
        "tenant": key.tenant, "created_at": key.created_at, "expires_at": key.expires_at,
        "revoked_at": key.revoked_at, "valid": key.valid,
    })
}
