//! Streams against the database.

use howdah_catalog::{Constraint, ConstraintKind, Ident, Identity, Relation};

use super::Check;
use crate::column::{ColumnType, StreamColumn};
use crate::file::{At, StreamSection};
use crate::model::{Accept, KeepBy, Segment, Stream, TimeType};
use crate::problem::Place;
use crate::time::Bucket;

impl Check<'_> {
    pub(super) fn streams(&mut self) {
        for section in &self.file.streams {
            if let Some(stream) = self.stream(section) {
                if let Some(other) =
                    self.system.streams.iter().find(|other| other.table == stream.table)
                {
                    let message = format!(
                        "streams \"{}\" and \"{}\" have the same table",
                        other.name, stream.name
                    );
                    self.report(section.table.problem(message));
                    continue;
                }
                self.system.streams.push(stream);
            }
        }
    }

    fn stream(&mut self, section: &StreamSection) -> Option<Stream> {
        let relation = self.table(&section.table)?;
        if let Some(parent) = &relation.partition_of {
            let message = format!(
                "table \"{}\" is a partition of \"{}\"",
                section.table.value,
                parent.parent.plain()
            );
            self.report(section.table.problem(message).hint("Name the partitioned table."));
            return None;
        }
        let columns = self.columns(relation);
        let tenant = self.stream_tenant(section, relation);
        // Every list is looked at even when an earlier one has mistakes.
        let time = self.time(section, relation);
        let declared = self.key(section, relation);
        let order = self.names(section.order.as_deref().unwrap_or_default(), relation);
        let segment_by = section.segment.as_ref().map(|segment| self.names(&segment.by, relation));
        let (time, time_type) = time?;
        self.chunk(section, time_type);
        let (declared, order) = (declared?, order?);
        let key = full_key(tenant.as_ref(), &declared, &time);
        self.unique_constraints(section, relation, &time, &key);
        let reverses = self.reverses(section, &columns, &declared)?;
        if section.refuse_conflicts && declared.is_empty() {
            let message = "without a key no event can be in conflict with another";
            self.report(section.name.problem(message).hint("Declare \"key\"."));
        }
        let retracted =
            (!reverses.is_empty()).then(|| super::correction::retracted(&relation.name));
        let keep_by = self.stream_keep_by(section, tenant.as_ref());
        let segment = match (&section.segment, segment_by) {
            (Some(segment), Some(by)) => Some(Segment { after: segment.after?, by: by? }),
            _ => None,
        };
        let order =
            full_order(&time, section.order.is_some().then_some(order), &declared, tenant.as_ref());
        Some(Stream {
            name: section.name.value.clone(),
            table: relation.name.clone(),
            time,
            time_type,
            key,
            order,
            chunk: section.chunk.value,
            ahead: section.ahead,
            accept: Accept { past: section.past, future: section.future },
            keep: section.keep,
            keep_by,
            segment,
            tenant,
            reverses,
            refuse_conflicts: section.refuse_conflicts,
            retracted,
            span_key: Vec::new(),
            horizon: None,
            columns,
        })
    }

    /// How long tenants keep the events of this stream.
    fn stream_keep_by(
        &mut self,
        section: &StreamSection,
        tenant: Option<&Ident>,
    ) -> Option<KeepBy> {
        if let (Some(given), None) = (&section.keep_by.column, tenant) {
            let message = format!("the events of \"{}\" belong to no tenant", section.name.value);
            self.report(given.problem(message));
            return None;
        }
        let table = self.system.tenants.as_ref().and_then(|tenants| tenants.table.clone());
        self.keep_by(&section.keep_by, "keep_by = \"retention\"", table.as_ref())
    }

    fn columns(&self, relation: &Relation) -> Vec<StreamColumn> {
        relation
            .columns
            .iter()
            .map(|column| StreamColumn {
                name: column.name.clone(),
                type_name: column.type_name.clone(),
                kind: self.types.column_kind(column),
                not_null: self.types.is_not_null(column),
                has_default: column.generated.is_none()
                    && (column.default.is_some() || column.identity.is_some()),
                // An identity that is always generated takes no value either.
                generated: column.generated.is_some() || column.identity == Some(Identity::Always),
                expression: column.default.clone(),
                collation: column.collation.clone(),
            })
            .collect()
    }

    /// The tenant column when the table has it; it must not be null and of the one tenant type.
    fn stream_tenant(&mut self, section: &StreamSection, relation: &Relation) -> Option<Ident> {
        let tenants = self.system.tenants.clone()?;
        let column = relation.column(tenants.column.as_str())?;
        if !self.types.is_not_null(column) {
            let message = format!(
                "tenant column \"{}\" of table \"{}\" must be not null",
                tenants.column.as_str(),
                relation.name.plain()
            );
            self.report(section.table.problem(message).hint("A row of nobody is seen by nobody."));
        }
        if self.types.plain(&column.type_name) != self.types.plain(&tenants.type_name) {
            let message = format!(
                "tenant column \"{}\" of table \"{}\" is of type {}, elsewhere of type {}",
                tenants.column.as_str(),
                relation.name.plain(),
                column.type_name,
                tenants.type_name
            );
            self.report(
                section.table.problem(message).hint("Use one type for tenants everywhere."),
            );
        }
        Some(tenants.column)
    }

    fn time(&mut self, section: &StreamSection, relation: &Relation) -> Option<(Ident, TimeType)> {
        let name = section.time.as_ref()?;
        let Some(column) = relation.column(&name.value) else {
            self.no_column(relation, &name.value, &name.place);
            return None;
        };
        let kind =
            match self.types.column_kind(column) {
                ColumnType::Timestamptz => TimeType::Timestamptz,
                ColumnType::Timestamp => TimeType::Timestamp,
                ColumnType::Date => TimeType::Date,
                _ => {
                    let message =
                        format!("time column \"{}\" is of type {}", name.value, column.type_name);
                    self.report(name.problem(message).hint(
                        "A time column is timestamptz, timestamp or date; timestamptz is best.",
                    ));
                    return None;
                }
            };
        if column.generated.is_some() {
            let message = format!("time column \"{}\" is generated", name.value);
            self.report(
                name.problem(message).hint(
                    "PostgreSQL cannot partition by a generated column; make it a plain one.",
                ),
            );
        }
        if !self.types.is_not_null(column) {
            let message = format!("time column \"{}\" must be not null", name.value);
            self.report(name.problem(message).hint(format!(
                "Add a migration: alter table {} alter column {} set not null;",
                relation.name, column.name
            )));
        }
        Some((column.name.clone(), kind))
    }

    /// The declared key's columns; each must exist and be not null.
    fn key(&mut self, section: &StreamSection, relation: &Relation) -> Option<Vec<Ident>> {
        let Some(declared) = &section.key else { return Some(Vec::new()) };
        if declared.is_empty() {
            let problem = section.name.problem("the key has no column");
            self.report(problem.hint("Leave \"key\" out when events have no name."));
        }
        let names = self.names(declared, relation)?;
        for name in declared {
            if let Some(column) = relation.column(&name.value)
                && !self.types.is_not_null(column)
            {
                let message = format!("key column \"{}\" must be not null", name.value);
                self.report(
                    name.problem(message)
                        .hint("Null is not equal to null, so such an event would be taken twice."),
                );
            }
        }
        Some(names)
    }

    /// Columns of `relation` by name; `None` when one does not exist.
    pub(super) fn names(
        &mut self,
        names: &[At<String>],
        relation: &Relation,
    ) -> Option<Vec<Ident>> {
        let mut found = Vec::new();
        let mut all = true;
        for name in names {
            if let Some(column) = relation.column(&name.value) {
                found.push(column.name.clone());
            } else {
                self.no_column(relation, &name.value, &name.place);
                all = false;
            }
        }
        all.then_some(found)
    }

    fn chunk(&mut self, section: &StreamSection, time: TimeType) {
        if let (TimeType::Date, Bucket::Seconds(_)) = (time, section.chunk.value) {
            let message = format!("a chunk of {} is narrower than a date", section.chunk.value);
            self.report(section.chunk.problem(message).hint("Use \"1 day\" or more."));
        }
    }

    /// PostgreSQL keeps a unique constraint of a partitioned table only when it holds the
    /// partition column (manual, "5.12.2.3. Limitations").
    fn unique_constraints(
        &mut self,
        section: &StreamSection,
        relation: &Relation,
        time: &Ident,
        key: &[Ident],
    ) {
        let place: &Place = section.time.as_ref().map_or(&section.name.place, |time| &time.place);
        let constraints = relation.constraints.iter().filter(|constraint| {
            matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
        });
        let mut unique: Vec<(&Ident, Vec<Ident>, &str)> = constraints
            .map(|found: &Constraint| {
                let kind =
                    if found.kind == ConstraintKind::PrimaryKey { "primary key" } else { "unique" };
                (&found.name, found.columns.clone(), kind)
            })
            .collect();
        for index in relation.indexes.iter().filter(|index| index.unique && !index.primary) {
            let named = |(name, ..): &(&Ident, Vec<Ident>, &str)| **name == index.name;
            let behind = relation
                .constraints
                .iter()
                .any(|constraint| constraint.index.as_ref() == Some(&index.name));
            if !behind && !unique.iter().any(named) {
                let columns = index.columns.iter().filter_map(|part| part.column.clone()).collect();
                unique.push((&index.name, columns, "unique index"));
            }
        }
        for (name, columns, kind) in unique {
            if columns.contains(time) {
                continue;
            }
            let right: Vec<&str> = if key.is_empty() {
                columns.iter().chain([time]).map(Ident::as_str).collect()
            } else {
                key.iter().map(Ident::as_str).collect()
            };
            self.report(
                place
                    .problem(format!(
                        "{kind} \"{}\" of table \"{}\" does not contain the time column \"{}\"",
                        name.as_str(),
                        relation.name.plain(),
                        time.as_str()
                    ))
                    .hint(format!(
                        "PostgreSQL needs it in every unique constraint of a partitioned table; \
                         {kind} ({}) would do.",
                        right.join(", ")
                    )),
            );
        }
    }
}

/// Tenant first, then the declared key, the time last unless it stands in the declared key.
fn full_key(tenant: Option<&Ident>, declared: &[Ident], time: &Ident) -> Vec<Ident> {
    if declared.is_empty() {
        return Vec::new();
    }
    let mut key: Vec<Ident> = tenant.cloned().into_iter().collect();
    for column in declared.iter().chain([time]) {
        if !key.contains(column) {
            key.push(column.clone());
        }
    }
    key
}

/// Time, then the declared order, else the declared key without tenant.
fn full_order(
    time: &Ident,
    order: Option<Vec<Ident>>,
    declared: &[Ident],
    tenant: Option<&Ident>,
) -> Vec<Ident> {
    let mut full = vec![time.clone()];
    let rest = order.unwrap_or_else(|| {
        declared.iter().filter(|column| Some(*column) != tenant).cloned().collect()
    });
    for column in rest {
        if !full.contains(&column) {
            full.push(column);
        }
    }
    full
}
