//! What takes events back: reversals and reorganisations, against the database.

use howdah_catalog::{Ident, RelName, name};

use super::Check;
use crate::column::{ColumnType, StreamColumn};
use crate::file::{At, ReorganisationSection, StreamSection};
use crate::model::{KeyColumn, Marker, Reorganisation, Stream};
use crate::suggest;

/// Columns of the table of retracted events, beside those of the stream.
const BESIDE: [&str; 2] = ["retracted_at", "cause"];

/// The table of a stream's retracted events.
pub(super) fn retracted(table: &RelName) -> RelName {
    RelName { schema: table.schema.clone(), name: name::fitting(table.name.as_str(), "retracted") }
}

impl Check<'_> {
    /// How an event of a stream reverses another; `None` when there are mistakes.
    pub(super) fn reverses(
        &mut self,
        section: &StreamSection,
        columns: &[StreamColumn],
        declared: &[Ident],
    ) -> Option<Vec<(Ident, Ident)>> {
        if section.reverses.is_empty() {
            return Some(Vec::new());
        }
        if declared.is_empty() {
            let message = "without a key no event can be reversed";
            self.report(section.name.problem(message).hint("Declare \"key\"."));
            return None;
        }
        self.beside(&section.name, columns);
        let mut all = true;
        let mut found = Vec::new();
        for (key, column) in &section.reverses {
            if !declared.iter().any(|known| known.as_str() == key.value) {
                let message = format!("\"{}\" is no key column of the stream", key.value);
                let known = declared.iter().map(Ident::as_str);
                let hint = suggest::hint(&key.value, known, "key columns");
                self.report(key.problem(message).hint_if(hint));
                all = false;
                continue;
            }
            let named = |name: &str| columns.iter().find(|known| known.name.as_str() == name);
            let (Some(of_key), Some(naming)) = (named(&key.value), named(&column.value)) else {
                let message = format!("the stream has no column \"{}\"", column.value);
                let known = columns.iter().map(|column| column.name.as_str());
                let hint = suggest::hint(&column.value, known, "columns");
                self.report(column.problem(message).hint_if(hint));
                all = false;
                continue;
            };
            let problem = if self.types.plain(&of_key.type_name)
                != self.types.plain(&naming.type_name)
            {
                Some(format!(
                    "\"{}\" is of type {}, the key column \"{}\" of type {}",
                    column.value, naming.type_name, key.value, of_key.type_name
                ))
            } else if naming.not_null {
                Some(format!("\"{}\" is never null: every event would reverse one", column.value))
            } else if naming.generated {
                Some(format!("\"{}\" is generated: an event does not give it", column.value))
            } else {
                None
            };
            if let Some(message) = problem {
                self.report(column.problem(message).hint(
                    "Name a column that only reversals have, of the type of the key column.",
                ));
                all = false;
                continue;
            }
            found.push((of_key.name.clone(), naming.name.clone()));
        }
        all.then_some(found)
    }

    /// The table of retracted events has columns of its own.
    fn beside(&mut self, place: &At<String>, columns: &[StreamColumn]) {
        let taken = columns.iter().find(|column| BESIDE.contains(&column.name.as_str()));
        if let Some(column) = taken {
            let message = format!(
                "the stream has a column \"{}\", which retraction needs",
                column.name.as_str()
            );
            self.report(place.problem(message).hint("Rename the column."));
        }
    }

    pub(super) fn reorganisations(&mut self) {
        let file = self.file;
        for section in &file.reorganisations {
            if let Some(found) = self.reorganisation(section) {
                for stream in &found.of {
                    let stream = &mut self.system.streams[*stream];
                    stream.retracted = Some(retracted(&stream.table));
                }
                self.system.reorganisations.push(found);
            }
        }
    }

    fn reorganisation(&mut self, section: &ReorganisationSection) -> Option<Reorganisation> {
        let mut of = Vec::new();
        let mut all = true;
        for name in &section.streams {
            match self.free_stream(name) {
                Some(stream) => of.push(stream),
                None => all = false,
            }
        }
        let first = self.system.streams[*of.first()?].clone();
        if !all {
            return None;
        }
        for stream in &of {
            all &= self.can_lose_blocks(section, *stream);
        }
        let mut column = |name: &At<String>| self.block_column(&of, &first, name);
        let scope: Vec<_> = section.scope.iter().map(&mut column).collect();
        let once: Vec<_> = section.once.iter().map(&mut column).collect();
        let block = section.block.as_ref().map(&mut column);
        let hash = section.hash.as_ref().map(&mut column);
        let scope: Vec<KeyColumn> = scope.into_iter().collect::<Option<_>>()?;
        let once: Vec<KeyColumn> = once.into_iter().collect::<Option<_>>()?;
        let (block, hash) = (block??, hash??);
        let number = matches!(
            self.types.kind(&block.type_name),
            ColumnType::Int2 | ColumnType::Int4 | ColumnType::Int8 | ColumnType::Numeric(_)
        );
        if let (false, Some(name)) = (number, &section.block) {
            let message = format!("\"{}\" is of type {}", name.value, block.type_name);
            self.report(name.problem(message).hint("A block has a whole number."));
            all = false;
        }
        let marker = match &section.marker {
            None => None,
            Some(marker) => {
                let (stream, fork) = (marker.stream.as_ref()?, marker.fork.as_ref()?);
                Some(self.marker(stream, fork, &scope, &block)?)
            }
        };
        all.then(|| Reorganisation {
            name: section.name.value.clone(),
            of,
            scope,
            block,
            hash,
            depth: section.depth,
            once,
            marker,
            blocks: RelName {
                schema: Ident::new("howdah"),
                name: name::fitting("blocks", &section.name.value),
            },
        })
    }

    /// Whether an event of a stream is known by its key when its block goes and another comes.
    fn can_lose_blocks(&mut self, section: &ReorganisationSection, stream: usize) -> bool {
        let stream = self.system.streams[stream].clone();
        self.beside(&section.name, &stream.columns);
        if stream.key.is_empty() {
            let problem = section.name.problem(format!("stream \"{}\" has no key", stream.name));
            self.report(
                problem.hint("An event that is taken back must be known when it comes again."),
            );
            return false;
        }
        let Some(hash) = &section.hash else { return true };
        if stream.key.iter().any(|key| key.as_str() == hash.value) {
            return true;
        }
        let message = format!("\"{}\" is not in the key of stream \"{}\"", hash.value, stream.name);
        self.report(hash.problem(message).hint(
            "An event of the new block would be taken for the one that went: add it to the key.",
        ));
        false
    }

    /// A stream that no reorganisation has yet.
    fn free_stream(&mut self, name: &At<String>) -> Option<usize> {
        let stream = self.stream_named(name)?;
        if let Some(other) = self.system.reorganisation_of(stream) {
            let message =
                format!("stream \"{}\" is in reorganisation \"{}\"", name.value, other.name);
            self.report(name.problem(message).hint("A block is replaced in one of them."));
            return None;
        }
        Some(stream)
    }

    /// A column that all streams of a reorganisation have, in one type and never null.
    fn block_column(
        &mut self,
        of: &[usize],
        first: &Stream,
        name: &At<String>,
    ) -> Option<KeyColumn> {
        let wanted = Ident::new(name.value.as_str());
        for index in of {
            let stream = self.system.streams[*index].clone();
            let Some(column) = stream.column(&wanted) else {
                self.no_stream_column(&stream, &name.value, &name.place);
                return None;
            };
            let known = first.column(&wanted).map(|first| self.types.plain(&first.type_name));
            let problem = if column.not_null {
                let kind = self.types.plain(&column.type_name);
                (known.as_ref() != Some(&kind)).then(|| {
                    format!(
                        "\"{}\" is of type {kind} in stream \"{}\", elsewhere of another",
                        name.value, stream.name
                    )
                })
            } else {
                Some(format!("\"{}\" of stream \"{}\" must be not null", name.value, stream.name))
            };
            if let Some(message) = problem {
                self.report(
                    name.problem(message).hint(
                        "Every event is of one block; the column is the same in all streams.",
                    ),
                );
                return None;
            }
        }
        let column = first.column(&wanted)?;
        Some(KeyColumn {
            name: wanted,
            type_name: self.types.base(&column.type_name),
            not_null: true,
        })
    }

    fn marker(
        &mut self,
        name: &At<String>,
        fork: &At<String>,
        scope: &[KeyColumn],
        block: &KeyColumn,
    ) -> Option<Marker> {
        let index = self.free_stream(name)?;
        let stream = self.system.streams[index].clone();
        let fork_column = KeyColumn { name: Ident::new(fork.value.as_str()), ..block.clone() };
        for wanted in scope.iter().chain([&fork_column]) {
            let Some(column) = stream.column(&wanted.name) else {
                self.no_stream_column(&stream, wanted.name.as_str(), &name.place);
                return None;
            };
            if self.types.plain(&column.type_name) != self.types.plain(&wanted.type_name) {
                let message = format!(
                    "\"{}\" of the marker is of type {}, elsewhere of type {}",
                    wanted.name.as_str(),
                    column.type_name,
                    wanted.type_name
                );
                self.report(name.problem(message));
                return None;
            }
        }
        Some(Marker { stream: index, fork: fork_column.name })
    }
}
