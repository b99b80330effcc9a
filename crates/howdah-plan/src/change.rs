//! The table of a rollup is brought to what the system file says of it now.
//!
//! What howdah keeps in it is computed, so it may be dropped and made again; what the application
//! keeps beside it stays.

use howdah_catalog::{Column, Constraint, ConstraintKind, Ident, Relation, RelationKind, name};
use howdah_error::{Code, Error, Kind, Result};
use howdah_rollup::table::TableColumn;

use crate::filled::Filled;
use crate::step::{Lock, LockMode, Step};

/// A table that is there and follows another definition, or none of howdah's.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) filled: &'a Filled<'a>,
    pub(crate) relation: &'a Relation,
}

impl Change<'_> {
    /// A table that howdah made, or adopted, from the definition `before`.
    pub(crate) fn own(&self, before: &str) -> Step {
        let shape = &self.filled.shape;
        let (table, wanted) = (&shape.table, &shape.columns);
        let keyed =
            self.relation.constraints.iter().any(|constraint| is_key(constraint, &shape.key));
        let mut sql = Vec::new();
        let mut lost = None;
        if !keyed {
            // Rows of another key say nothing under the new one.
            sql.push(format!("delete from {table}"));
            sql.extend(self.old_keys().map(|constraint| {
                format!("alter table {table} drop constraint {}", constraint.name)
            }));
        }
        let is_wanted = |column: &Column| wanted.iter().any(|own| own.name == column.name);
        // Generated columns go first: they stand on others.
        let (generated, plain): (Vec<&Column>, Vec<&Column>) =
            self.relation.columns.iter().partition(|column| column.generated.is_some());
        for column in generated.into_iter().chain(plain) {
            let kept = wanted.iter().any(|own| own.name == column.name && same(own, column));
            let was_key = self.old_keys().any(|key| key.columns.contains(&column.name));
            if !kept && (is_wanted(column) || was_ours(before, column) || (!keyed && was_key)) {
                sql.push(format!("alter table {table} drop column {}", column.name));
            } else if !kept {
                sql.extend(self.loosen(column));
                if !keyed {
                    lost = Some(format!("the application's columns of {}", table.plain()));
                }
            }
        }
        for own in wanted {
            let kept = self.relation.column(own.name.as_str()).is_some_and(|have| same(own, have));
            if !kept {
                sql.push(format!("alter table {table} add column {} {}", own.name, own.definition));
            }
        }
        if !keyed {
            sql.push(format!("alter table {table} add {}", shape.key_constraint()));
        }
        let mut step = self.step(sql);
        step.loses = lost;
        step
    }

    /// A table that the user made: columns that are missing are added.
    pub(crate) fn adopt(&self) -> Result<Step> {
        self.check_adoptable()?;
        let shape = &self.filled.shape;
        let (table, wanted) = (&shape.table, &shape.columns);
        let mut sql = Vec::new();
        for own in wanted {
            let have = self.relation.column(own.name.as_str());
            if have.is_some_and(|have| have.generated.is_some()) {
                sql.push(format!("alter table {table} drop column {}", own.name));
            }
            if have.is_none_or(|have| have.generated.is_some()) {
                sql.push(format!("alter table {table} add column {} {}", own.name, own.definition));
            }
        }
        let others = self
            .relation
            .columns
            .iter()
            .filter(|column| wanted.iter().all(|own| own.name != column.name));
        sql.extend(others.filter_map(|column| self.loosen(column)));
        Ok(self.step(sql))
    }

    /// Not null would refuse the rows that a fold makes without a column of the application's.
    fn loosen(&self, column: &Column) -> Option<String> {
        (column.not_null && column.default.is_none()).then(|| {
            format!(
                "alter table {} alter column {} drop not null",
                self.filled.shape.table, column.name
            )
        })
    }

    fn step(&self, changes: Vec<String>) -> Step {
        let Filled { shape, kind, .. } = self.filled;
        let table = &shape.table;
        let mut sql = self.filled.next_generation();
        sql.extend(changes);
        sql.push(self.filled.register("false"));
        Step::new(
            format!("rollup {}", table.plain()),
            format!("bring the {kind} {} to its new definition", table.plain()),
            sql,
        )
        .lock(Lock::moment(LockMode::AccessExclusive, table))
        .check(self.filled.registered_check())
    }

    /// The constraints that may be the key of the definition before.
    fn old_keys(&self) -> impl Iterator<Item = &Constraint> {
        self.relation.constraints.iter().filter(|constraint| {
            matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
        })
    }

    /// Whether a table that was there before can be the level's.
    fn check_adoptable(&self) -> Result<()> {
        let Self { filled: Filled { shape, kind, derived, .. }, relation } = *self;
        let refuse = |why: String| {
            Error::new(
                Kind::Conflict,
                format!("\"{}\" cannot be the table of a {kind}", shape.table.plain()),
            )
            .code(Code::CannotBecomeStream)
            .detail(why)
            .hint("Rename the rollup in the system file, or the relation in a migration.")
        };
        if relation.kind != RelationKind::Table {
            return Err(refuse("A relation of that name exists and is not a table.".to_owned()));
        }
        let is_own = |column: &&Column| !shape.columns.iter().any(|own| own.name == column.name);
        if let Some(column) = relation.columns.iter().find(is_own).filter(|_| *derived) {
            return Err(refuse(format!(
                "A table of that name exists, with a column \"{}\" of its own; rows come and go in \
                 a {kind}, and what the application keeps would go with them.",
                column.name.as_str()
            )));
        }
        let key = &shape.key;
        let unique = relation.indexes.iter().any(|index| {
            let columns: Vec<&Ident> =
                index.columns.iter().filter_map(|column| column.column.as_ref()).collect();
            index.unique
                && index.predicate.is_none()
                && columns.len() == key.len()
                && key.iter().all(|column| columns.contains(&column))
        });
        if !unique {
            return Err(refuse(format!(
                "A table of that name exists, without a unique key on ({}).",
                name::list(key)
            )));
        }
        for own in &shape.columns {
            if let Some(column) = relation.column(own.name.as_str())
                && !same_type(own, column)
            {
                return Err(refuse(format!(
                    "Its column \"{}\" is {}, the {kind} needs {}.",
                    own.name.as_str(),
                    column.type_name,
                    own.type_name
                )));
            }
        }
        Ok(())
    }
}

/// Whether a constraint is a unique key on exactly these columns.
fn is_key(constraint: &Constraint, key: &[Ident]) -> bool {
    matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
        && constraint.columns.len() == key.len()
        && key.iter().all(|column| constraint.columns.contains(column))
}

/// Whether a column is as it is wanted. Generated ones are made again: their expression is not
/// compared.
fn same(own: &TableColumn, have: &Column) -> bool {
    !own.definition.contains(" generated always as ")
        && have.generated.is_none()
        && same_type(own, have)
}

fn same_type(own: &TableColumn, have: &Column) -> bool {
    have.type_base == base_name(&own.type_name) || have.type_name == own.type_name
}

/// Whether a column was filled by howdah under the definition `before` (see `table::definition`),
/// or made of such columns.
fn was_ours(before: &str, column: &Column) -> bool {
    let kept = |name: &Ident| before.contains(&format!("; {name} = "));
    let sum = Ident::new(format!("{}_sum", column.name.as_str()));
    kept(&column.name) || (column.generated.is_some() && kept(&sum))
}

/// `numeric(38,18)` and `numeric` hold the same; the type's modifier may be the user's choice.
fn base_name(type_name: &str) -> &str {
    type_name.split('(').next().unwrap_or(type_name).trim()
}
