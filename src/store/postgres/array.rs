//! Arrays in PostgreSQL's binary form (`array_recv` in `arrayfuncs.c`), grown
//! value by value: an array of values that are each serialized by themselves
//! takes a vector of values and several allocations more.

use std::io::Write;
use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Array, HasSqlType, SingleValue};

/// An element of a one-dimensional array.
pub(super) trait Element {
    /// The type's `oid` in `pg_type.dat`.
    const OID: u32;
    fn put(self, bytes: &mut Vec<u8>);
}

impl Element for &str {
    const OID: u32 = 25;
    fn put(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }
}

impl Element for f64 {
    const OID: u32 = 701;
    fn put(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }
}

impl Element for i64 {
    const OID: u32 = 20;
    fn put(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }
}

/// Days since 2000-01-01.
impl Element for NaiveDate {
    const OID: u32 = 1082;
    fn put(self, bytes: &mut Vec<u8>) {
        const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
        let days = self.signed_duration_since(EPOCH).num_days();
        // Every date that chrono has is within six million days.
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        bytes.extend_from_slice(&days.to_be_bytes());
    }
}

/// Microseconds since 2000-01-01 00:00 UTC.
impl Element for DateTime<Utc> {
    const OID: u32 = 1184;
    fn put(self, bytes: &mut Vec<u8>) {
        const EPOCH: i64 = 946_684_800_000_000;
        bytes.extend_from_slice(&(self.timestamp_micros() - EPOCH).to_be_bytes());
    }
}

/// Bound as an array of values of the type of its first, or of nulls and them.
#[derive(Debug)]
pub(super) struct PgArray {
    /// As it is sent: the header and the elements, each behind its length.
    bytes: Vec<u8>,
}

/// The number of dimensions, whether there are nulls, the type; of the one
/// dimension its length and its lower bound. All are of four bytes.
const HEADER: [u8; 20] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const NULLS: Range<usize> = 4..8;
const OID: Range<usize> = 8..12;
const LENGTH: Range<usize> = 12..16;

impl PgArray {
    /// Empty, with room for `length` values of twelve bytes.
    pub(super) fn with_capacity<T: Element>(length: usize) -> PgArray {
        let mut bytes = Vec::with_capacity(HEADER.len() + 16 * length);
        bytes.extend_from_slice(&HEADER);
        let mut array = PgArray { bytes };
        array.put(OID, T::OID);
        array
    }

    pub(super) fn of<T: Element>(values: impl ExactSizeIterator<Item = T>) -> PgArray {
        let mut array = PgArray::with_capacity::<T>(values.len());
        values.for_each(|value| array.push(value));
        array
    }

    pub(super) fn push<T: Element>(&mut self, value: T) {
        debug_assert_eq!(self.get(OID), T::OID);
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        value.put(&mut self.bytes);
        // The server takes no gigabyte in one message.
        let length = u32::try_from(self.bytes.len() - at - 4).unwrap_or(u32::MAX);
        self.put(at..at + 4, length);
        self.put(LENGTH, self.get(LENGTH) + 1);
    }

    pub(super) fn push_null(&mut self) {
        self.bytes.extend_from_slice(&(-1i32).to_be_bytes());
        self.put(LENGTH, self.get(LENGTH) + 1);
        self.put(NULLS, 1);
    }

    fn get(&self, place: Range<usize>) -> u32 {
        let mut number = [0; 4];
        number.copy_from_slice(&self.bytes[place]);
        u32::from_be_bytes(number)
    }

    fn put(&mut self, place: Range<usize>, number: u32) {
        self.bytes[place].copy_from_slice(&number.to_be_bytes());
    }
}

impl<ST: SingleValue> ToSql<Array<ST>, Pg> for PgArray
where
    Pg: HasSqlType<ST>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.bytes)?;
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use diesel::pg::{PgMetadataLookup, PgTypeMetadata};
    use diesel::query_builder::BindCollector;
    use diesel::query_builder::bind_collector::RawBytesBindCollector;
    use diesel::sql_types::{BigInt, Date, Double, Text, Timestamptz};
    use proptest::prelude::*;

    use super::*;

    struct NoLookup;

    impl PgMetadataLookup for NoLookup {
        fn lookup_type(&mut self, name: &str, _: Option<&str>) -> PgTypeMetadata {
            panic!("{name} is a built-in type");
        }
    }

    fn bytes<ST: SingleValue>(values: &impl ToSql<Array<ST>, Pg>) -> Vec<u8>
    where
        Pg: HasSqlType<ST>,
    {
        let mut collector = RawBytesBindCollector::<Pg>::new();
        collector
            .push_bound_value::<Array<ST>, _>(values, &mut NoLookup)
            .unwrap();
        collector.binds.pop().unwrap().unwrap()
    }

    fn same<ST: SingleValue, T: Element + Clone + std::fmt::Debug + ToSql<ST, Pg>>(values: Vec<T>)
    where
        Pg: HasSqlType<ST>,
    {
        let array = PgArray::of(values.clone().into_iter());
        assert_eq!(bytes::<ST>(&array), bytes::<ST>(&values), "{values:?}");
    }

    #[test]
    fn nulls_stand_between_values() {
        let mut array = PgArray::with_capacity::<i64>(2);
        array.push_null();
        array.push(7);
        let expected = [
            &[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 1][..],
            &[255, 255, 255, 255, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7],
        ];
        assert_eq!(bytes::<BigInt>(&array), expected.concat());
    }

    proptest! {
        #[test]
        fn arrays_are_those_that_diesel_makes_of_vectors(
            texts in prop::collection::vec(".{0,9}", 0..4),
            doubles in prop::collection::vec(any::<f64>(), 0..4),
            integers in prop::collection::vec(any::<i64>(), 0..4),
            days in prop::collection::vec(-800_000..2_900_000_i32, 0..4),
            micros in prop::collection::vec(-60_000_000_000_000_000..250_000_000_000_000_000_i64, 0..4),
        ) {
            same::<Text, _>(texts.iter().map(String::as_str).collect::<Vec<&str>>());
            same::<Double, _>(doubles);
            same::<BigInt, _>(integers);
            let date = |day| NaiveDate::from_num_days_from_ce_opt(day);
            same::<Date, _>(days.into_iter().filter_map(date).collect::<Vec<_>>());
            let time = |micros| DateTime::from_timestamp_micros(micros);
            same::<Timestamptz, _>(micros.into_iter().filter_map(time).collect::<Vec<_>>());
        }
    }
}
