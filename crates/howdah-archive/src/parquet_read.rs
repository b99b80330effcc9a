//! The rows of a Parquet file of ours, as the text that COPY takes.

use bytes::Bytes;
use howdah_error::{Code, Error, Kind, Result};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::column::Stored;
use crate::copy_text;
use crate::manifest::StoredColumn;

/// A file of which the rows are read group by group.
pub(crate) struct FileRows {
    reader: SerializedFileReader<Bytes>,
    columns: Vec<StoredColumn>,
    /// Which of them are read.
    taken: Vec<bool>,
    next: usize,
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Conflict, "a file of an export is no Parquet file of its manifest")
        .code(Code::ExportDamaged)
        .source(error)
}

impl FileRows {
    pub(crate) fn open(content: Bytes, columns: &[StoredColumn]) -> Result<Self> {
        let reader = SerializedFileReader::new(content).map_err(damaged)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let same = schema.num_columns() == columns.len()
            && schema.columns().iter().zip(columns).all(|(have, want)| have.name() == want.name);
        if !same {
            return Err(Error::new(Kind::Conflict, "a file of an export has other columns")
                .code(Code::ExportDamaged)
                .detail("They are not those of its manifest."));
        }
        Ok(Self { reader, columns: columns.to_vec(), taken: vec![true; columns.len()], next: 0 })
    }

    /// Reads only some of the columns.
    pub(crate) fn taking(mut self, taken: &[bool]) -> Self {
        taken.clone_into(&mut self.taken);
        self
    }

    /// How many rows the file says that it has.
    pub(crate) fn rows(&self) -> i64 {
        self.reader.metadata().file_metadata().num_rows()
    }

    /// The rows of the next group; `None`: there is no more.
    pub(crate) fn next_group(&mut self) -> Result<Option<Bytes>> {
        if self.next >= self.reader.num_row_groups() {
            return Ok(None);
        }
        let group = self.reader.get_row_group(self.next).map_err(damaged)?;
        self.next += 1;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut fields = Vec::with_capacity(self.columns.len());
        for (at, column) in self.columns.iter().enumerate() {
            if !self.taken[at] {
                continue;
            }
            let reader = group.get_column_reader(at).map_err(damaged)?;
            let values = read_column(reader, column.stored, rows)?;
            if values.len() != rows {
                return Err(Error::new(Kind::Conflict, "a file of an export lacks values")
                    .code(Code::ExportDamaged));
            }
            fields.push(values.into_iter());
        }
        let mut out = Vec::with_capacity(rows * 64);
        for _ in 0..rows {
            let row = fields.iter_mut().map(|values| values.next().flatten());
            copy_text::put_row(&mut out, row);
        }
        Ok(Some(Bytes::from(out)))
    }
}

type Texts = Vec<Option<String>>;

fn read_column(reader: ColumnReader, stored: Stored, rows: usize) -> Result<Texts> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => {
            read(reader, rows, |value| Some(if *value { "t" } else { "f" }.to_owned()))
        }
        ColumnReader::Int32ColumnReader(reader) => {
            read(reader, rows, |value| copy_text::of_int(i64::from(*value), stored))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            read(reader, rows, |value| copy_text::of_int(*value, stored))
        }
        ColumnReader::FloatColumnReader(reader) => {
            read(reader, rows, |value| Some(value.to_string()))
        }
        ColumnReader::DoubleColumnReader(reader) => {
            read(reader, rows, |value| Some(value.to_string()))
        }
        ColumnReader::ByteArrayColumnReader(reader) => {
            read(reader, rows, |value| copy_text::of_bytes(value.data(), stored))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            read(reader, rows, |value| copy_text::of_bytes(value.data(), stored))
        }
        ColumnReader::Int96ColumnReader(_) => Err(Error::new(
            Kind::Conflict,
            "a file of an export has a column of a type that no export has",
        )
        .code(Code::ExportDamaged)),
    }
}

fn read<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    text: impl Fn(&T::T) -> Option<String>,
) -> Result<Texts> {
    let mut out = Vec::with_capacity(rows);
    while out.len() < rows {
        let (mut levels, mut values): (Vec<i16>, Vec<T::T>) = (Vec::new(), Vec::new());
        let (records, _, _) = reader
            .read_records(rows - out.len(), Some(&mut levels), None, &mut values)
            .map_err(damaged)?;
        if records == 0 {
            break;
        }
        let mut values = values.iter();
        for level in levels {
            let value = if level > 0 { values.next() } else { None };
            let Some(value) = value else {
                out.push(None);
                continue;
            };
            let text = text(value).ok_or_else(|| {
                Error::new(Kind::Conflict, "a value of an export is out of its type's range")
                    .code(Code::ExportDamaged)
            })?;
            out.push(Some(text));
        }
    }
    Ok(out)
}
