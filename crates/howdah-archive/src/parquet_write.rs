//! Rows as a Parquet file in memory, of bounded size.

use std::sync::Arc;

use bytes::Bytes;
use howdah_error::{Error, Result};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use tokio_postgres::Row;

use crate::column::{LONG_DIGITS, Stored};
use crate::manifest::StoredColumn;

/// Values that wait for their row group: rows, and bytes of texts.
const GROUP_ROWS: usize = 50_000;
const GROUP_BYTES: usize = 16 << 20;
/// A file is closed when it has so many bytes.
const FILE_BYTES: usize = 32 << 20;

/// The values of a column that wait, without nulls.
enum Values {
    Bool(Vec<bool>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

struct Waiting {
    stored: Stored,
    values: Values,
    /// 1 for a value, 0 for a null.
    levels: Vec<i16>,
}

/// A file that is being filled.
pub(crate) struct FileWriter {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: Vec<Waiting>,
    waiting_rows: usize,
    waiting_bytes: usize,
    /// Rows of the file.
    pub(crate) rows: i64,
}

fn failed(error: parquet::errors::ParquetError) -> Error {
    Error::internal("a Parquet file cannot be written").source(error)
}

impl FileWriter {
    pub(crate) fn new(columns: &[StoredColumn]) -> Result<Self> {
        let fields: Result<Vec<_>> =
            columns.iter().map(|column| column.stored.schema(&column.name)).collect();
        let schema = Type::group_type_builder("events").with_fields(fields?).build();
        let schema = Arc::new(schema.map_err(failed)?);
        let level = ZstdLevel::try_new(3).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(format!("howdah {}", env!("CARGO_PKG_VERSION")))
            .build();
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties));
        let columns = columns.iter().map(|column| Waiting::new(column.stored)).collect();
        Ok(Self {
            writer: writer.map_err(failed)?,
            columns,
            waiting_rows: 0,
            waiting_bytes: 0,
            rows: 0,
        })
    }

    /// Adds a row of what [`Stored::sent`] asks for.
    pub(crate) fn push(&mut self, row: &Row) -> Result<()> {
        for (at, column) in self.columns.iter_mut().enumerate() {
            self.waiting_bytes += column.push(row, at)?;
        }
        self.waiting_rows += 1;
        self.rows += 1;
        if self.waiting_rows >= GROUP_ROWS || self.waiting_bytes >= GROUP_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Whether it is large enough.
    pub(crate) fn is_full(&self) -> bool {
        self.writer.bytes_written() >= FILE_BYTES
    }

    fn flush(&mut self) -> Result<()> {
        if self.waiting_rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let mut writer = group
                .next_column()
                .map_err(failed)?
                .ok_or_else(|| Error::internal("a Parquet file has too few columns"))?;
            column.write(&mut writer)?;
            writer.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        Ok(())
    }

    /// The whole file.
    pub(crate) fn finish(mut self) -> Result<Bytes> {
        self.flush()?;
        self.writer.into_inner().map(Bytes::from).map_err(failed)
    }
}

impl Waiting {
    fn new(stored: Stored) -> Self {
        let values = match stored {
            Stored::Boolean => Values::Bool(Vec::new()),
            Stored::Small | Stored::Integer | Stored::Date => Values::I32(Vec::new()),
            Stored::Bigint | Stored::Timestamp | Stored::Timestamptz => Values::I64(Vec::new()),
            Stored::Decimal { precision, .. } if precision <= LONG_DIGITS => {
                Values::I64(Vec::new())
            }
            Stored::Decimal { .. } | Stored::Uuid => Values::Fixed(Vec::new()),
            Stored::Real => Values::F32(Vec::new()),
            Stored::Double => Values::F64(Vec::new()),
            Stored::Bytes | Stored::Json | Stored::Text => Values::Bytes(Vec::new()),
        };
        Self { stored, values, levels: Vec::new() }
    }

    /// Adds the value of a row; gives about how many bytes it takes.
    fn push(&mut self, row: &Row, at: usize) -> Result<usize> {
        let before = self.len();
        let stored = self.stored;
        let bytes = match &mut self.values {
            Values::Bool(values) => add(values, row, at)?,
            Values::I32(values) if stored == Stored::Small => {
                values.extend(get::<i16>(row, at)?.map(i32::from));
                4
            }
            Values::I32(values) => add(values, row, at)?,
            Values::I64(values) => match stored {
                Stored::Decimal { scale, .. } => {
                    if let Some(text) = get::<&str>(row, at)? {
                        let whole = whole(text, scale).and_then(|whole| i64::try_from(whole).ok());
                        values.push(whole.ok_or_else(not_kept)?);
                    }
                    8
                }
                _ => add(values, row, at)?,
            },
            Values::F32(values) => add(values, row, at)?,
            Values::F64(values) => add(values, row, at)?,
            Values::Bytes(values) => {
                let value = match stored {
                    Stored::Bytes => get::<&[u8]>(row, at)?.map(<[u8]>::to_vec),
                    _ => get::<&str>(row, at)?.map(|text| text.as_bytes().to_vec()),
                };
                let length = value.as_ref().map_or(0, Vec::len);
                values.extend(value.map(ByteArray::from));
                length + 8
            }
            Values::Fixed(values) => {
                let value = match stored {
                    Stored::Decimal { scale, .. } => match get::<&str>(row, at)? {
                        None => None,
                        Some(text) => {
                            Some(whole(text, scale).ok_or_else(not_kept)?.to_be_bytes().to_vec())
                        }
                    },
                    _ => get::<&[u8]>(row, at)?.map(<[u8]>::to_vec),
                };
                values.extend(value.map(|value| FixedLenByteArray::from(ByteArray::from(value))));
                24
            }
        };
        self.levels.push(i16::from(self.len() > before));
        Ok(bytes)
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Bool(values) => values.len(),
            Values::I32(values) => values.len(),
            Values::I64(values) => values.len(),
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
            Values::Bytes(values) => values.len(),
            Values::Fixed(values) => values.len(),
        }
    }

    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let levels = std::mem::take(&mut self.levels);
        match &mut self.values {
            Values::Bool(values) => write::<BoolType>(writer, values, &levels),
            Values::I32(values) => write::<Int32Type>(writer, values, &levels),
            Values::I64(values) => write::<Int64Type>(writer, values, &levels),
            Values::F32(values) => write::<FloatType>(writer, values, &levels),
            Values::F64(values) => write::<DoubleType>(writer, values, &levels),
            Values::Bytes(values) => write::<ByteArrayType>(writer, values, &levels),
            Values::Fixed(values) => write::<FixedLenByteArrayType>(writer, values, &levels),
        }
    }
}

fn write<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    levels: &[i16],
) -> Result<()> {
    writer.typed::<T>().write_batch(values, Some(levels), None).map_err(failed)?;
    values.clear();
    Ok(())
}

fn get<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, at: usize) -> Result<Option<T>> {
    row.try_get(at).map_err(|error| Error::internal("a value cannot be exported").source(error))
}

fn add<'r, T: tokio_postgres::types::FromSql<'r>>(
    values: &mut Vec<T>,
    row: &'r Row,
    at: usize,
) -> Result<usize> {
    values.extend(get::<T>(row, at)?);
    Ok(size_of::<T>())
}

fn not_kept() -> Error {
    Error::internal("a decimal has other digits than its type says; nothing was dropped")
}

/// A decimal of exactly `scale` decimals, as a whole number of its last one.
pub(crate) fn whole(text: &str, scale: u8) -> Option<i128> {
    let (left, right) = text.split_once('.').unwrap_or((text, ""));
    if right.len() != usize::from(scale) {
        return None;
    }
    format!("{left}{right}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_whole_numbers() {
        assert_eq!(whole("61000.10", 2), Some(6_100_010));
        assert_eq!(whole("-0.05", 2), Some(-5));
        assert_eq!(whole("7", 0), Some(7));
        assert_eq!(whole("7.1", 2), None);
        assert_eq!(whole("NaN", 0), None);
    }
}
