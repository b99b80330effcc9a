//! Keys: the columns of a group as bytes, found again by hash.

use std::hash::{BuildHasher, Hasher as _};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::fault::Fault;
use crate::tuple::RawField;
use crate::types::Type;

const NOT_CANONICAL: Fault = Fault("a numeric of a key is not in its shortest form");

/// Whether equal values of a type have equal bytes, but for what [`same`] leaves out.
///
/// # Errors
/// Why not.
pub(crate) fn check(field: &RawField) -> Result<(), String> {
    match &field.kind {
        Type::Float4 | Type::Float8 => Err("a key of floats".to_owned()),
        Type::Opaque | Type::Unknown => Err("a key of a rare type".to_owned()),
        Type::Text(collation) | Type::Char(collation) if !collation.is_exact() => {
            Err("a key of a collation that may not be deterministic".to_owned())
        }
        _ => Ok(()),
    }
}

/// The bytes that decide whether two values are the same: of a numeric all but its display scale.
fn parts<'b>(kind: &Type, bytes: &'b [u8]) -> (&'b [u8], &'b [u8]) {
    match kind {
        Type::Numeric if bytes.len() >= 8 => (&bytes[..6], &bytes[8..]),
        _ => (bytes, &[]),
    }
}

fn same(kind: &Type, a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a == b || (*kind == Type::Numeric && parts(kind, a) == parts(kind, b))
        }
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Reads the key of a row out of its fields, and hashes it.
pub(crate) fn read<'a>(
    key: &[RawField],
    fields: &[Option<&'a [u8]>],
    hasher: &DefaultHashBuilder,
    into: &mut Vec<Option<&'a [u8]>>,
) -> Result<u64, Fault> {
    let value = |column: &RawField| fields.get(column.field).copied().flatten();
    take(key, key.iter().map(value), hasher, into)
}

/// The same for the values of the key's columns.
pub(crate) fn take<'a>(
    key: &[RawField],
    values: impl Iterator<Item = Option<&'a [u8]>>,
    hasher: &DefaultHashBuilder,
    into: &mut Vec<Option<&'a [u8]>>,
) -> Result<u64, Fault> {
    into.clear();
    let mut hash = hasher.build_hasher();
    for (column, value) in key.iter().zip(values) {
        let value = column.bytes(value);
        match value {
            None => hash.write_u8(0xFF),
            Some(bytes) => {
                let (head, tail) = parts(&column.kind, bytes);
                if column.kind == Type::Numeric && !is_shortest(bytes) {
                    return Err(NOT_CANONICAL);
                }
                hash.write(head);
                hash.write(tail);
                hash.write_usize(bytes.len());
            }
        }
        into.push(value);
    }
    Ok(hash.finish())
}

/// No zero groups at either end.
fn is_shortest(numeric: &[u8]) -> bool {
    match numeric.get(8..) {
        Some([first, second, .., before, last]) => {
            (*first | *second) != 0 && (*before | *last) != 0
        }
        Some([first, second]) => (*first | *second) != 0,
        _ => numeric.len() == 8,
    }
}

/// Groups of rows: by key and bucket, numbered as they come.
pub(crate) struct Groups<'a> {
    kinds: Vec<Type>,
    table: HashTable<u32>,
    /// The hash of each group's key, without its bucket.
    hashes: Vec<u64>,
    keys: Vec<Option<&'a [u8]>>,
    buckets: Vec<i64>,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(key: &[RawField]) -> Self {
        Self {
            kinds: key.iter().map(|column| column.kind.clone()).collect(),
            table: HashTable::new(),
            hashes: Vec::new(),
            keys: Vec::new(),
            buckets: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.buckets.len()
    }

    pub(crate) fn key(&self, group: usize) -> &[Option<&'a [u8]>] {
        &self.keys[group * self.kinds.len()..][..self.kinds.len()]
    }

    pub(crate) fn bucket(&self, group: usize) -> i64 {
        self.buckets[group]
    }

    pub(crate) fn hash(&self, group: usize) -> u64 {
        self.hashes[group]
    }

    /// The number of the group, and whether it is new.
    pub(crate) fn find(
        &mut self,
        hash: u64,
        key: &[Option<&'a [u8]>],
        bucket: i64,
    ) -> (usize, bool) {
        let Self { kinds, table, hashes, keys, buckets } = self;
        let width = kinds.len();
        let found = table.find(mixed(hash, bucket), |group| {
            let group = *group as usize;
            hashes[group] == hash
                && buckets[group] == bucket
                && keys[group * width..][..width]
                    .iter()
                    .zip(key)
                    .zip(kinds.iter())
                    .all(|((a, b), kind)| same(kind, *a, *b))
        });
        if let Some(group) = found {
            return (*group as usize, false);
        }
        let group = buckets.len();
        hashes.push(hash);
        keys.extend_from_slice(key);
        buckets.push(bucket);
        table.insert_unique(mixed(hash, bucket), group as u32, |group| {
            mixed(hashes[*group as usize], buckets[*group as usize])
        });
        (group, true)
    }

    /// The groups in the order of the bytes of their keys, then of their buckets: near the order of
    /// the index, and the same whatever the hash.
    pub(crate) fn sorted(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_unstable_by(|a, b| {
            let (a, b) = (*a as usize, *b as usize);
            self.key(a).cmp(self.key(b)).then(self.buckets[a].cmp(&self.buckets[b]))
        });
        order
    }
}

/// The hash of key and bucket together; the product spreads neighbouring buckets.
fn mixed(hash: u64, bucket: i64) -> u64 {
    let product = u128::from(hash ^ bucket as u64) * 0x9E37_79B9_7F4A_7C15;
    (product as u64) ^ (product >> 64) as u64
}
