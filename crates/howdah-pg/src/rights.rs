//! What the login may do in this database, and what howdah misses.

use howdah_catalog::name::Ident;
use howdah_error::Result;
use tokio_postgres::Client;

use crate::connect::MIN_SERVER_VERSION_NUM;
use crate::fault::from_pg;

/// The facts about server and login that decide what howdah can do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "facts of the catalog, not states")]
pub struct Rights {
    /// `server_version_num`, such as 150008.
    pub server_version_num: u32,
    /// The login, as `session_user`.
    pub login: String,
    /// The database.
    pub database: String,
    /// Whether the login is a superuser.
    pub superuser: bool,
    /// Whether row security does not hold for the login.
    pub bypass_rls: bool,
    /// Whether the login may create roles.
    pub create_role: bool,
    /// Whether the login owns the database, or is a member of the role that does.
    pub owns_database: bool,
    /// Whether the login may create schemas.
    pub create_schema: bool,
    /// Whether a bare name can mean a table of schema `howdah`: the schema is in the search path,
    /// or will be as `"$user"`.
    pub hides_user_tables: bool,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsFinding {
    /// Whether it is as it should be.
    pub ok: bool,
    /// Whether nothing can be applied while it is not; otherwise howdah does with less.
    pub needed: bool,
    /// What was found, lower-case and without a full stop.
    pub what: String,
    /// What to do, a sentence; none when all is well.
    pub hint: Option<String>,
}

impl RightsFinding {
    fn new(ok: bool, what: String, hint: impl FnOnce() -> String) -> Self {
        Self { ok, needed: true, what, hint: (!ok).then(hint) }
    }

    /// The same, but howdah can do without.
    fn optional(self) -> Self {
        Self { needed: false, ..self }
    }
}

impl Rights {
    /// Asks the catalog.
    pub async fn read(client: &Client) -> Result<Self> {
        let row = client
            .query_one(include_str!("rights.sql"), &[])
            .await
            .map_err(|error| from_pg("could not read the rights of the login", &error))?;
        let version: i32 = row.get(0);
        Ok(Self {
            server_version_num: u32::try_from(version).unwrap_or(0),
            login: row.get(1),
            database: row.get(2),
            superuser: row.get(3),
            bypass_rls: row.get(4),
            create_role: row.get(5),
            owns_database: row.get(6),
            create_schema: row.get(7),
            hides_user_tables: row.get(8),
        })
    }

    /// The facts against what howdah needs, one finding each.
    pub fn findings(&self) -> Vec<RightsFinding> {
        let (login, database) = (Ident::new(&self.login), Ident::new(&self.database));
        let version = self.server_version_num;
        let not = |yes: bool| if yes { "" } else { "not " };
        vec![
            RightsFinding::new(
                version >= MIN_SERVER_VERSION_NUM,
                format!("the server is PostgreSQL {}.{}", version / 10_000, version % 10_000),
                || "Use PostgreSQL 15 or newer.".to_owned(),
            ),
            RightsFinding::new(
                self.create_schema || self.superuser,
                format!(
                    "{login} may {}create schemas in database {database}",
                    not(self.create_schema || self.superuser)
                ),
                || format!("grant create on database {database} to {login};"),
            ),
            RightsFinding::new(
                self.owns_database || self.superuser,
                format!("{login} does {}own database {database}", not(self.owns_database)),
                || format!("alter database {database} owner to {login};"),
            ),
            RightsFinding::new(
                self.create_role || self.superuser,
                format!("{login} may {}create roles", not(self.create_role || self.superuser)),
                || format!("alter role {login} createrole;"),
            )
            .optional(),
            RightsFinding::new(
                !self.superuser && !self.bypass_rls,
                format!(
                    "row security does {}hold for {login}",
                    not(!self.superuser && !self.bypass_rls)
                ),
                || format!("alter role {login} nosuperuser nobypassrls;"),
            )
            .optional(),
            RightsFinding::new(
                !self.hides_user_tables,
                format!(
                    "schema howdah is {}in the search path of {login}",
                    not(self.hides_user_tables)
                ),
                || {
                    format!(
                        "Tables of howdah would hide those of the user: \
                         alter role {login} set search_path = public;"
                    )
                },
            ),
        ]
    }
}

/// What `howdah doctor` prints about a connection and `howdah apply` checks first.
pub async fn check_rights(client: &Client) -> Result<Vec<RightsFinding>> {
    Ok(Rights::read(client).await?.findings())
}
