//! Parquet: the same columns as a table's, in the columnar files that warehouses write.
//!
//! Only flat columns are read: a column of lists or structures is as good as not there.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Repetition, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use crate::builder::Builder;
use crate::columns::{Columns, Mapping};
use crate::error::Error;
use crate::table;

/// How every file begins and ends.
pub(crate) const MAGIC: &[u8] = b"PAR1";

/// Reads every row; those that cannot be used are counted. The first row is line 1.
pub(crate) fn read(path: &Path, mappings: &[Mapping], builder: &mut Builder<'_>) -> Result<(), Error> {
    let broken = |e: ParquetError| Error::reading(path)(io::Error::other(e));
    let file = File::open(path).map_err(Error::reading(path))?;
    let bytes = file.metadata().map_err(Error::reading(path))?.len();
    let reader = guarded(|| SerializedFileReader::new(file)).map_err(broken)?;
    let chunks = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
    for chunk in chunks {
        match chunk.compression() {
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) => {}
            other => return Err(Error::UnknownCompression { path: path.to_owned(), name: format!("{other:?}") }),
        }
    }
    // A row's share of the file: its columns lie apart, so no row has a place in it.
    let share = bytes as f64 / reader.metadata().file_metadata().num_rows().max(1) as f64;
    let flat = flat(reader.metadata().file_metadata().schema()).map_err(broken)?;
    let header: Vec<String> = flat.get_fields().iter().map(|column| column.name().to_owned()).collect();
    let columns = Columns::find(&header, mappings, path).map_err(Error::MissingColumns)?;
    let mut rows = guarded(|| RowIter::from_file(Some(flat), &reader)).map_err(broken)?;
    let mut next = || guarded(|| rows.next().transpose());
    let mut number = 0;
    while let Some(row) = next().map_err(broken)? {
        number += 1;
        let row: Vec<String> = row.get_column_iter().map(|(_, field)| text(field)).collect();
        builder.place((share * number as f64) as u64);
        builder.take(number, table::row(&row, &columns))?;
    }
    Ok(())
}

/// Runs a step of the reader, which asserts on some damaged files instead of refusing them. Nothing is read on after a
/// failure, so no half-changed state is seen.
fn guarded<T>(step: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let damaged = |_| Err(ParquetError::General("the file is damaged".to_owned()));
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(damaged)
}

/// The schema's columns that hold one plain value a row.
fn flat(schema: &Type) -> Result<Type, ParquetError> {
    let plain = |column: &Arc<Type>| {
        let one = column.is_primitive() && column.get_basic_info().repetition() != Repetition::REPEATED;
        one && matches!(
            column.get_physical_type(),
            Physical::BOOLEAN
                | Physical::INT32
                | Physical::INT64
                | Physical::FLOAT
                | Physical::DOUBLE
                | Physical::BYTE_ARRAY
        )
    };
    let columns = schema.get_fields().iter().filter(|column| plain(column)).cloned().collect();
    Type::group_type_builder(schema.name()).with_fields(columns).build()
}

/// A value as a table would write it; empty where there is none.
fn text(field: &Field) -> String {
    const DAY_S: i64 = 24 * 60 * 60;
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.trim().to_owned(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).trim().to_owned(),
        Field::Double(number) => number.to_string(),
        Field::Float(number) => number.to_string(),
        Field::TimestampMillis(time) | Field::TimestampMicros(time) => time.to_string(),
        Field::Date(days) => (i64::from(*days) * DAY_S).to_string(),
        other => other.to_string(),
    }
}
