//! Values on their way to PostgreSQL. They are owned, so that a write can be under way while the next step is thought about.

use std::error::Error;

use bytes::BytesMut;
use chathakase_session::{SlackTs, Timestamp};
use tokio_postgres::types::{IsNull, ToSql, Type};

use crate::code::Code;

/// A value with the type of the column it is for.
#[derive(Debug)]
pub(super) enum Param {
    Int(Option<i64>),
    Code(Option<i16>),
    Flag(bool),
    Text(Option<String>),
    Bytes(Vec<u8>),
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

impl Param {
    pub(super) const fn kind(&self) -> Type {
        match self {
            Self::Int(_) => Type::INT8,
            Self::Code(_) => Type::INT2,
            Self::Flag(_) => Type::BOOL,
            Self::Text(_) => Type::TEXT,
            Self::Bytes(_) => Type::BYTEA,
            Self::Ints(_) => Type::INT8_ARRAY,
            Self::Texts(_) => Type::TEXT_ARRAY,
        }
    }
}

impl ToSql for Param {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Int(value) => value.to_sql(ty, out),
            Self::Code(value) => value.to_sql(ty, out),
            Self::Flag(value) => value.to_sql(ty, out),
            Self::Text(value) => value.to_sql(ty, out),
            Self::Bytes(value) => value.to_sql(ty, out),
            Self::Ints(value) => value.to_sql(ty, out),
            Self::Texts(value) => value.to_sql(ty, out),
        }
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    fn to_sql_checked(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(&self.kind(), out)
    }
}

/// A number of a caller's as PostgreSQL takes it: what is greater than any row's is as good as the greatest there can be.
pub(super) fn int(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A word as a number.
pub(super) fn code(word: impl Code) -> Param {
    Param::Code(i16::try_from(word.code()).ok())
}
pub(super) fn code_or_none(word: Option<impl Code>) -> Param {
    Param::Code(word.and_then(|word| i16::try_from(word.code()).ok()))
}
/// Another program's words: PostgreSQL's texts take anything but a zero.
pub(super) fn foreign(text: Option<&str>) -> Param {
    Param::Text(text.map(|text| text.replace('\0', "")))
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}
impl From<u64> for Param {
    fn from(value: u64) -> Self {
        Self::Int(Some(int(value)))
    }
}
impl From<u32> for Param {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}
impl From<usize> for Param {
    fn from(value: usize) -> Self {
        Self::Int(Some(int(value)))
    }
}
impl From<bool> for Param {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}
impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}
impl From<Option<&str>> for Param {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}
impl From<&[u8]> for Param {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_owned())
    }
}
impl From<SlackTs> for Param {
    fn from(value: SlackTs) -> Self {
        Self::Int(Some(value.as_micros()))
    }
}
impl From<Timestamp> for Param {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.as_millis()))
    }
}
impl From<Vec<i64>> for Param {
    fn from(value: Vec<i64>) -> Self {
        Self::Ints(value)
    }
}
impl From<Vec<String>> for Param {
    fn from(value: Vec<String>) -> Self {
        Self::Texts(value)
    }
}
macro_rules! optional {
    ($($kind:ty),*) => { $(
        impl From<Option<$kind>> for Param {
            fn from(value: Option<$kind>) -> Self {
                value.map_or(Self::Int(None), Self::from)
            }
        }
    )* };
}
optional!(i64, u64, u32, SlackTs, Timestamp);

/// Values for a statement, in the order of its `$1`, `$2` and so on.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$(crate::postgres::param::Param::from($value)),*] };
}
pub(super) use params;
