//! Whom rows belong to: forced row security, its policies, and the grants to the group roles.
//!
//! Each table with the tenant column, and each of which the file says who sees its rows, gets three
//! policies:
//! - `howdah_tenant`, for everybody: the rows of the session's tenant. Where the file says it, rows
//!   may have several owners, so seeing is not owning: that policy is for reading alone;
//! - `howdah_owner`, for the table's owner, and only while the session's own login is that role or
//!   a member of it: a view or function that it owns does not carry its sight to others
//!   (`session_user` cannot be changed by SQL, `current_user` can);
//! - `howdah_writer`, for members of the writer role.
//!
//! The tenant is asked once a statement (`(select …)` becomes an init plan), not once a row.

use howdah_catalog::name::stable_hash;
use howdah_catalog::{Catalog, GrantTarget, Ident, Literal, RelName, RelationKind};
use howdah_system::{Stream, System, Tenants};

use crate::chunk::CHUNK_SCHEMA;
use crate::roles::{Wanted, push_grants};
use crate::step::{Lock, LockMode, Plan, Step};

/// A table that tenants may read through row security, or that all may read.
struct Target {
    relation: RelName,
    /// Which rows tenants see; `None`: the rows are everybody's.
    sight: Option<TenantSight>,
    /// What the writer role may do.
    writer: &'static [&'static str],
}

/// What the tenant's policy says.
struct TenantSight {
    predicate: String,
    /// Whether a tenant that is granted it may write what it sees.
    writes: bool,
    /// Whether there is a row that a tenant may see.
    any: bool,
}

const STREAM_RIGHTS: &[&str] = &["SELECT", "INSERT"];
/// Those of a stream that can lose events.
const LOSING_RIGHTS: &[&str] = &["SELECT", "INSERT", "DELETE"];
const ROLLUP_RIGHTS: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE"];

pub(crate) fn plan(plan: &mut Plan, system: &System, catalog: &Catalog) {
    for target in targets(system, catalog) {
        if let Some(sight) = &target.sight {
            protect(plan, system, catalog, &target.relation, sight);
        }
        let mut grants = vec![
            Wanted::schema(target.relation.schema.as_str(), &system.roles.reader),
            Wanted::schema(target.relation.schema.as_str(), &system.roles.writer),
        ];
        if target.sight.as_ref().is_none_or(|sight| sight.any) {
            grants.push(Wanted::relation(&target.relation, &system.roles.reader, "SELECT"));
        }
        for right in target.writer {
            grants.push(Wanted::relation(&target.relation, &system.roles.writer, right));
        }
        let what = target.relation.plain();
        push_grants(plan, catalog, &format!("grants {what}"), &what, &grants);
    }
    let tenant_table = system.tenants.as_ref().and_then(|tenants| tenants.table.as_ref());
    if let Some((table, _)) = tenant_table {
        let grants = [Wanted::relation(table, &system.roles.writer, "SELECT")];
        let what = table.plain();
        push_grants(plan, catalog, &format!("grants {what} for the writer"), &what, &grants);
    }
    for reorganisation in &system.reorganisations {
        let blocks = &reorganisation.blocks;
        let rights = ["SELECT", "INSERT", "UPDATE"];
        let grants = rights.map(|right| Wanted::relation(blocks, &system.roles.writer, right));
        let what = blocks.plain();
        push_grants(plan, catalog, &format!("grants {what}"), &what, &grants);
    }
    close_chunk_schema(plan, catalog);
}

fn targets(system: &System, catalog: &Catalog) -> Vec<Target> {
    let tenants = system.tenants.as_ref();
    let mut out: Vec<Target> = Vec::new();
    for stream in &system.streams {
        out.push(Target {
            relation: stream.table.clone(),
            sight: sight(tenants, &stream.table, stream.tenant.is_some()),
            writer: if stream.retracted.is_some() { LOSING_RIGHTS } else { STREAM_RIGHTS },
        });
        // What counts no more is seen by those who saw it count.
        out.extend(stream.retracted.as_ref().map(|retracted| Target {
            relation: retracted.clone(),
            sight: sight(tenants, &stream.table, stream.tenant.is_some()),
            writer: LOSING_RIGHTS,
        }));
    }
    let of_spans = system.span_rollups.iter().map(|rollup| &rollup.rollup);
    for rollup in system.rollups.iter().chain(of_spans) {
        let stream = system.stream_of(rollup);
        for level in &rollup.levels {
            out.push(Target {
                relation: level.table.clone(),
                sight: sight(tenants, &level.table, stream.tenant.is_some()),
                writer: ROLLUP_RIGHTS,
            });
        }
    }
    for derived in &system.derived {
        let column = tenants.map(|tenants| &tenants.column);
        let has_tenant = derived.by.iter().any(|key| Some(&key.name) == column);
        out.push(Target {
            relation: derived.table.clone(),
            sight: sight(tenants, &derived.table, has_tenant),
            writer: ROLLUP_RIGHTS,
        });
    }
    for relation in catalog.relations.values() {
        let table = matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable);
        let known = out.iter().any(|target| target.relation == relation.name);
        let ours = matches!(relation.name.schema.as_str(), "howdah" | CHUNK_SCHEMA);
        if !table || known || ours || relation.partition_of.is_some() {
            continue;
        }
        let has_tenant =
            tenants.is_some_and(|tenants| relation.column(tenants.column.as_str()).is_some());
        if let Some(sight) = sight(tenants, &relation.name, has_tenant) {
            out.push(Target { relation: relation.name.clone(), sight: Some(sight), writer: &[] });
        }
    }
    out
}

/// What the file declares, else `tenant_id = (select howdah.tenant()::uuid)`.
///
/// A session without a tenant sees nothing, whatever a declared condition makes of null.
fn sight(tenants: Option<&Tenants>, table: &RelName, has_tenant: bool) -> Option<TenantSight> {
    let tenants = tenants?;
    let Some(declared) = tenants.visible.iter().find(|known| known.table == *table) else {
        let Tenants { column, type_name, .. } = tenants;
        let predicate = format!("{column} = (select howdah.tenant()::{type_name})");
        return has_tenant.then_some(TenantSight { predicate, writes: true, any: true });
    };
    let conditions: Vec<String> =
        declared.any_of.iter().map(|sight| format!("({})", sight.sql)).collect();
    let predicate = if conditions.is_empty() {
        "false".to_owned()
    } else if declared.any_of.iter().any(|sight| sight.asks_tenant) {
        format!("(select howdah.tenant() is not null) and ({})", conditions.join(" or "))
    } else {
        conditions.join(" or ")
    };
    Some(TenantSight { predicate, writes: false, any: !conditions.is_empty() })
}

/// One policy: its name, whether it is for reading alone, its roles and its predicate.
struct Wall {
    name: &'static str,
    reads: bool,
    roles: String,
    predicate: String,
}

impl Wall {
    /// The policy's comment; the hash tells a policy of an older definition.
    fn comment(&self) -> String {
        let reads = if self.reads { " reads" } else { "" };
        let hash = stable_hash(&format!("{} {}{reads}", self.roles, self.predicate));
        format!("howdah {hash:016x}")
    }
}

/// The statements that force row security on `relation` exactly as on `stream`, for a table that
/// the stream's owner makes beside it; none where rows are everybody's.
#[must_use]
pub fn walls_like(
    system: &System,
    catalog: &Catalog,
    stream: &Stream,
    relation: &RelName,
) -> Vec<String> {
    let tenants = system.tenants.as_ref();
    let Some(sight) = sight(tenants, &stream.table, stream.tenant.is_some()) else {
        return Vec::new();
    };
    let have = catalog.relation(&stream.table);
    let owner = have.map_or(&catalog.server.user, |have| &have.owner);
    let walls = walls(&sight, owner, catalog.roles.contains_key(&system.roles.writer), system);
    protect_step(relation, &walls).sql
}

fn walls(sight: &TenantSight, owner: &Ident, has_writer: bool, system: &System) -> Vec<Wall> {
    let mut walls = vec![
        Wall {
            name: "howdah_tenant",
            reads: !sight.writes,
            roles: "public".to_owned(),
            predicate: sight.predicate.clone(),
        },
        Wall {
            name: "howdah_owner",
            reads: false,
            roles: owner.to_string(),
            predicate: format!(
                "(select pg_has_role(session_user, {}, 'member'))",
                Literal(owner.as_str())
            ),
        },
    ];
    if has_writer {
        walls.push(Wall {
            name: "howdah_writer",
            reads: false,
            roles: system.roles.writer.to_string(),
            predicate: "true".to_owned(),
        });
    }
    walls
}

fn protect(
    plan: &mut Plan,
    system: &System,
    catalog: &Catalog,
    relation: &RelName,
    sight: &TenantSight,
) {
    let have = catalog.relation(relation);
    let owner = have.map_or(&catalog.server.user, |have| &have.owner);
    let writer = &system.roles.writer;
    let writer_planned =
        plan.steps.iter().any(|step| step.id == format!("role {}", writer.as_str()));
    let has_writer = writer_planned || catalog.roles.contains_key(writer);
    let walls = walls(sight, owner, has_writer, system);
    let done = have.is_some_and(|have| {
        have.row_security
            && have.force_row_security
            && walls.iter().all(|wall| {
                have.policies.iter().any(|policy| {
                    policy.name.as_str() == wall.name
                        && policy.comment.as_deref() == Some(&wall.comment())
                })
            })
    });
    if done {
        return;
    }
    plan.steps.push(protect_step(relation, &walls));
}

fn protect_step(relation: &RelName, walls: &[Wall]) -> Step {
    let mut sql = vec![
        format!("alter table {relation} enable row level security"),
        format!("alter table {relation} force row level security"),
    ];
    let mut undo = Vec::new();
    let mut checks = vec![format!(
        "(select relrowsecurity and relforcerowsecurity from pg_catalog.pg_class \
         where oid = to_regclass({}))",
        Literal(&relation.to_string())
    )];
    for wall in walls {
        let Wall { name, reads, roles, predicate } = wall;
        let (command, check) = if *reads {
            ("select", String::new())
        } else {
            ("all", format!(" with check ({predicate})"))
        };
        sql.push(format!("drop policy if exists {name} on {relation}"));
        sql.push(format!(
            "create policy {name} on {relation} for {command} to {roles} \
             using ({predicate}){check}"
        ));
        sql.push(format!("comment on policy {name} on {relation} is {}", Literal(&wall.comment())));
        undo.push(format!("drop policy {name} on {relation}"));
        checks.push(format!(
            "exists (select from pg_catalog.pg_policy where polrelid = to_regclass({}) \
             and polname = '{name}' and obj_description(oid, 'pg_policy') = {})",
            Literal(&relation.to_string()),
            Literal(&wall.comment())
        ));
    }
    undo.push(format!("alter table {relation} no force row level security"));
    undo.push(format!("alter table {relation} disable row level security"));
    Step::new(
        format!("protect {}", relation.plain()),
        format!("force row security on {}", relation.plain()),
        sql,
    )
    .lock(Lock::moment(LockMode::AccessExclusive, relation))
    .undo(undo)
    .check(format!("select coalesce({}, false)", checks.join(" and ")))
}

/// Nobody but the owner may enter the schema of chunks.
fn close_chunk_schema(plan: &mut Plan, catalog: &Catalog) {
    for grant in &catalog.grants {
        let GrantTarget::Schema(schema) = &grant.target else { continue };
        let owner = catalog.schemas.get(schema).map(|schema| &schema.owner);
        if schema.as_str() != CHUNK_SCHEMA || Some(&grant.grantee) == owner {
            continue;
        }
        let grantee = crate::roles::role(&grant.grantee);
        let privilege = grant.privilege.to_lowercase();
        plan.steps.push(
            Step::new(
                format!("close {CHUNK_SCHEMA} to {}", grant.grantee.as_str()),
                format!("take {privilege} on the schema of chunks from {}", grant.grantee.as_str()),
                vec![format!("revoke {privilege} on schema {schema} from {grantee}")],
            )
            .undo(vec![format!("grant {privilege} on schema {schema} to {grantee}")])
            .check(format!(
                "select not exists (select from pg_catalog.pg_namespace n, \
                 aclexplode(n.nspacl) a where n.nspname = '{CHUNK_SCHEMA}' and a.grantee = \
                 coalesce((select oid from pg_catalog.pg_roles where rolname = {}), 0) \
                 and a.privilege_type = {})",
                Literal(grant.grantee.as_str()),
                Literal(&grant.privilege)
            )),
        );
    }
}
