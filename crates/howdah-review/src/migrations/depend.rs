//! Files whose names tell no order, in one in which each finds what it names.

use std::collections::{BTreeMap, BTreeSet};

use howdah_sql::command::{AlterAction, AlterTable, Command, TableConstraint};
use howdah_sql::split;

use super::RawFile;

/// What a file makes, takes away, and names.
#[derive(Default)]
struct Part {
    makes: BTreeSet<String>,
    drops: bool,
    words: BTreeSet<String>,
    /// Tables to which it adds keys, and those to whose keys it adds references.
    adds_keys: BTreeSet<String>,
    refers_to: BTreeSet<String>,
}

impl Part {
    fn adds_nothing(&self) -> bool {
        self.makes.is_empty() && self.adds_keys.is_empty() && self.refers_to.is_empty()
    }

    fn alter(&mut self, table: &AlterTable) {
        for (action, _) in &table.actions {
            match action {
                AlterAction::DropConstraint(_) => self.drops = true,
                AlterAction::AddConstraint(added) => match &added.constraint {
                    TableConstraint::PrimaryKey(_) | TableConstraint::Unique(_) => {
                        self.adds_keys.insert(table.name.last().to_owned());
                    }
                    TableConstraint::ForeignKey { references, .. } => {
                        self.refers_to.insert(references.table.last().to_owned());
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }
}

/// The files ordered so that what makes something stands before what names it; otherwise in the
/// order in which they are. Files that only drop what others make are left out: they undo.
pub(super) fn order(files: Vec<RawFile>) -> Vec<RawFile> {
    let parts: Vec<Part> = files.iter().map(|file| part(&file.text)).collect();
    let mut makers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, part) in parts.iter().enumerate() {
        for name in &part.makes {
            makers.entry(name).or_default().push(number);
        }
    }
    let needs: Vec<BTreeSet<usize>> = (0..parts.len())
        .map(|number| {
            let mut needs = needs(number, &parts[number], &makers);
            needs.extend(needs_keys(number, &parts));
            needs
        })
        .collect();
    let undoes = |part: &Part| {
        let known = |word: &String| makers.contains_key(word.as_str());
        part.drops && part.adds_nothing() && part.words.iter().any(known)
    };
    let mut waits: Vec<bool> = parts.iter().map(|part| !undoes(part)).collect();
    let mut order = Vec::with_capacity(files.len());
    loop {
        let left: Vec<usize> = (0..files.len()).filter(|number| waits[*number]).collect();
        let ready = left.iter().find(|number| needs[**number].iter().all(|need| !waits[*need]));
        // In a circle the one that most of the others need is first.
        let wanted = |one: &usize| left.iter().filter(|other| needs[**other].contains(one)).count();
        let most = || left.iter().max_by_key(|one| (wanted(one), std::cmp::Reverse(**one)));
        let Some(next) = ready.or_else(most).copied() else { break };
        waits[next] = false;
        order.push(next);
    }
    let mut files: Vec<Option<RawFile>> = files.into_iter().map(Some).collect();
    order.into_iter().filter_map(|number| files[number].take()).collect()
}

/// The files that make what a file names and does not make.
fn needs(number: usize, part: &Part, makers: &BTreeMap<&str, Vec<usize>>) -> BTreeSet<usize> {
    let named = part.words.iter().filter(|word| !part.makes.contains(*word));
    // What several files make is no sign of an order.
    let makers = named.filter_map(|word| makers.get(word.as_str())).filter(|all| all.len() == 1);
    makers.flatten().copied().filter(|maker| *maker != number).collect()
}

/// The files that add keys to the tables to which a file adds references.
fn needs_keys(number: usize, parts: &[Part]) -> BTreeSet<usize> {
    let wanted = &parts[number].refers_to;
    let gives = |other: &usize| {
        let keys = &parts[*other].adds_keys;
        *other != number && keys.len() > 1 && !keys.is_disjoint(wanted)
    };
    (0..parts.len()).filter(gives).collect()
}

fn part(text: &str) -> Part {
    let mut part = Part::default();
    for statement in split(text).0 {
        let command = howdah_sql::command::read(statement.text);
        if let Some((_, name)) = command.creates() {
            part.makes.insert(name.last().to_owned());
        }
        part.drops |= matches!(command, Command::Drop(_));
        if let Command::AlterTable(table) = &command {
            part.alter(table);
        }
        // Bodies in PL/pgSQL are read when they are run; those in SQL when they are made.
        let late = matches!(command, Command::CreateRoutine(_))
            && statement.text.to_ascii_lowercase().contains("plpgsql");
        // The labels of an enum are no names.
        let labels = matches!(command, Command::CreateType { .. });
        let end = statement.text.find(['$', '\'']).filter(|_| late || labels);
        let read = &statement.text[..end.unwrap_or(statement.text.len())];
        let words = read.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        part.words.extend(words.filter(|word| word.len() > 2).map(str::to_ascii_lowercase));
    }
    part
}
