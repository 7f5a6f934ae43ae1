//! How a text is kept: plain, or compressed when that pays. A sealed form has room beside them.

use std::borrow::Cow;

/// Texts from this length on (bytes) are tried with zstd.
pub(crate) const COMPRESS_FROM_BYTES: usize = 1024;
/// The longest text that is unpacked (bytes): far above what can be stored, so that a damaged length cannot take the memory.
pub(crate) const UNPACKED_BYTES_MAX: usize = 64 << 20;
/// Level 1: the text is in memory once and small; what more effort saves does not pay.
const LEVEL: i32 = 1;

/// The form of a content's bytes, as its row says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Plain,
    Zstd,
}

impl Codec {
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Plain => 0,
            Self::Zstd => 1,
        }
    }
    pub(crate) const fn of(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Plain),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// A text in the form in which it is kept. `Debug` shows no word of it.
#[derive(Clone)]
pub(crate) struct Packed {
    pub(crate) codec: Codec,
    pub(crate) bytes: Vec<u8>,
    /// Length of the text itself; 0 in one that was read back, where nobody asks for it.
    pub(crate) text_bytes: usize,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({:?}, {} bytes)", self.codec, self.bytes.len())
    }
}

/// The kept bytes are no text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadContent {
    #[error("it does not unpack")]
    Zstd(#[source] std::io::Error),
    #[error("it is not UTF-8")]
    Utf8(#[source] std::string::FromUtf8Error),
}

impl Packed {
    /// Whether both are kept as the same bytes, and so are the same text.
    pub(crate) fn is_kept_like(&self, other: &Self) -> bool {
        (self.codec, &self.bytes) == (other.codec, &other.bytes)
    }

    pub(crate) fn new(text: String) -> Self {
        let text_bytes = text.len();
        if text_bytes >= COMPRESS_FROM_BYTES
            && let Ok(bytes) = zstd::bulk::compress(text.as_bytes(), LEVEL)
            && bytes.len() < text_bytes - text_bytes / 8
        {
            return Self { codec: Codec::Zstd, bytes, text_bytes };
        }
        Self { codec: Codec::Plain, bytes: text.into_bytes(), text_bytes }
    }

    pub(crate) fn text(&self) -> Result<String, BadContent> {
        unpack(self.codec, &self.bytes)
    }
}

/// The text that `bytes` stand for.
pub(crate) fn unpack(codec: Codec, bytes: &[u8]) -> Result<String, BadContent> {
    let plain: Cow<'_, [u8]> = match codec {
        Codec::Plain => bytes.into(),
        Codec::Zstd => {
            let room = zstd::bulk::Decompressor::upper_bound(bytes).unwrap_or(UNPACKED_BYTES_MAX);
            zstd::bulk::decompress(bytes, room.min(UNPACKED_BYTES_MAX)).map_err(BadContent::Zstd)?.into()
        }
    };
    String::from_utf8(plain.into_owned()).map_err(BadContent::Utf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_text_is_kept_smaller_and_a_short_or_random_one_as_it_is() {
        assert_eq!(Packed::new("word ".repeat(1000)).codec, Codec::Zstd);
        assert_eq!(Packed::new("word ".repeat(100)).codec, Codec::Plain);
        let noise: String =
            (0..4000u32).map(|n| char::from(b' ' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 95)).collect();
        assert!(Packed::new(noise.clone()).bytes.len() <= noise.len());
    }

    #[test]
    fn damaged_bytes_are_refused() {
        assert!(unpack(Codec::Plain, &[0xff]).is_err());
        let mut bytes = Packed::new("word ".repeat(1000)).bytes;
        bytes.truncate(bytes.len() / 2);
        assert!(unpack(Codec::Zstd, &bytes).is_err());
    }

    #[test]
    fn any_bytes_unpack_or_are_refused() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = unpack(Codec::Zstd, bytes);
            let _ = unpack(Codec::Plain, bytes);
        });
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC*", times in 1usize..200) {
            let text = text.repeat(times);
            prop_assert_eq!(Packed::new(text.clone()).text().unwrap(), text);
        }
    }
}
