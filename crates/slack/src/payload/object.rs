//! A shallow, forgiving look at one JSON object: what we ask for is read, everything else is only skipped.
//!
//! Derived types would lose a whole message over one odd field that nobody needs (a number in `metadata`, half an emoji
//! in a block). Here each field stands alone: a wrong type, a lone surrogate or deep nesting harms that field only.
//! Skipping is iterative, so nesting cannot exhaust the stack either.

use std::{borrow::Cow, fmt, str::FromStr};

use chathakase_session::SlackTs;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of a JSON object, unread.
pub(crate) struct Object<'a> {
    fields: Vec<(Cow<'a, [u8]>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Splits `json` into its fields. Fails on broken JSON and on anything but an object.
    pub(crate) fn read(json: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The field's JSON text. Of a field given twice the last one counts, as in JavaScript; `null` is as if absent.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        let found = self.fields.iter().rev().find(|(key, _)| key.as_ref() == name.as_bytes());
        found.map(|(_, value)| value.get()).filter(|json| *json != "null")
    }

    /// The field if it is an object.
    pub(crate) fn object(&self, name: &str) -> Option<Object<'a>> {
        self.raw(name).and_then(|json| Object::read(json).ok())
    }

    /// The objects of the field if it is an array: at most `limit`, `None` for an element of another kind.
    pub(crate) fn objects(&self, name: &str, limit: usize) -> Vec<Option<Object<'a>>> {
        let elements: Vec<&'a RawValue> =
            self.raw(name).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        elements.iter().take(limit).map(|element| Object::read(element.get()).ok()).collect()
    }

    /// The field if it is a string. Halves of a surrogate pair become replacement characters.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).and_then(string)
    }

    /// The field if it is a string with something in it.
    pub(crate) fn filled(&self, name: &str) -> Option<Cow<'a, str>> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// The field if it is a string that has the form of an id (or whatever `T` parses).
    pub(crate) fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// A timestamp that names a message, as a string or as a number that was written with its dot.
    pub(crate) fn ts(&self, name: &str) -> Option<SlackTs> {
        self.raw(name).and_then(ts)
    }

    /// The timestamps of the field if it is an array, of its first `limit` elements.
    pub(crate) fn times(&self, name: &str, limit: usize) -> Vec<SlackTs> {
        let elements: Vec<&'a RawValue> =
            self.raw(name).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        elements.iter().take(limit).filter_map(|element| ts(element.get())).collect()
    }

    /// A moment. Some of Slack's own samples write it without the dot (`1515449522000016`), which names a message
    /// nowhere.
    pub(crate) fn moment(&self, name: &str) -> Option<SlackTs> {
        self.ts(name).or_else(|| {
            let json = self.raw(name)?;
            let digits = string(json).unwrap_or(Cow::Borrowed(json));
            let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
            let micros = match digits.len() {
                16 if all_digits => digits.parse().ok()?,
                1..=12 if all_digits => digits.parse::<i64>().ok()? * 1_000_000,
                _ => return None,
            };
            SlackTs::from_micros(micros).ok()
        })
    }

    /// The field if it is a whole number, also one in quotes.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        let json = self.raw(name)?;
        string(json).unwrap_or(Cow::Borrowed(json)).parse().ok()
    }

    /// Whether the field is `true`; anything else counts as not.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.raw(name) == Some("true")
    }
}

/// The timestamp that `json` is, if it is one.
fn ts(json: &str) -> Option<SlackTs> {
    SlackTs::parse(&string(json).unwrap_or(Cow::Borrowed(json))).ok()
}

/// The string that `json` is, if it is one.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str::<Forgiving>(json).ok().map(|text| Cow::Owned(text.0))
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                // A message event has about twenty fields.
                let mut fields = Vec::with_capacity(24);
                while let Some(Key(key)) = map.next_key()? {
                    fields.push((key, map.next_value()?));
                }
                Ok(Object { fields })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A field's name as bytes: as text, half a surrogate pair in a name we do not even know would fail the whole object.
struct Key<'a>(Cow<'a, [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_borrowed_bytes<E: de::Error>(self, name: &'de [u8]) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(name)))
            }
            fn visit_bytes<E: de::Error>(self, name: &[u8]) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(name.to_vec())))
            }
            fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Key<'de>, E> {
                self.visit_borrowed_bytes(name.as_bytes())
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Key<'de>, E> {
                self.visit_bytes(name.as_bytes())
            }
        }
        deserializer.deserialize_bytes(Name)
    }
}

/// A string with escapes, of which the impossible ones are replaced and not refused.
struct Forgiving(String);

impl<'de> Deserialize<'de> for Forgiving {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Forgiving;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Forgiving, E> {
                Ok(Forgiving(text.to_owned()))
            }
            fn visit_bytes<E: de::Error>(self, text: &[u8]) -> Result<Forgiving, E> {
                Ok(Forgiving(String::from_utf8_lossy(text).into_owned()))
            }
        }
        deserializer.deserialize_bytes(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_stands_alone() {
        let json = r#"{"text":"h\u00e9llo","half":"\ud83d!","n":5,"b":true,"none":null,"te\u0078t2":"x","\ud800":1,"twice":"a","twice":"b"}"#;
        let object = Object::read(json).unwrap();
        assert_eq!(object.text("text").as_deref(), Some("héllo"));
        assert!(object.text("half").unwrap().ends_with('!'));
        assert_eq!(object.text("text2").as_deref(), Some("x"));
        assert_eq!(object.text("twice").as_deref(), Some("b"));
        assert_eq!((object.text("n"), object.raw("none"), object.text("missing")), (None, None, None));
        assert_eq!((object.number("n"), object.is_true("b"), object.is_true("n")), (Some(5), true, false));
    }

    #[test]
    fn a_million_levels_in_a_field_are_skipped() {
        let deep = format!(r#"{{"blocks":{}{},"text":"hi"}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(Object::read(&deep).unwrap().text("text").as_deref(), Some("hi"));
        assert!(Object::read(&deep).unwrap().objects("blocks", 8).iter().all(Option::is_none));
    }

    #[test]
    fn only_an_object_is_an_object() {
        for bad in ["", "null", "[]", "5", "\"{}\"", "{", "{}x", "{\"a\":}", "{\"a\":\"\u{1}\"}"] {
            assert!(Object::read(bad).is_err(), "{bad:?} was taken");
        }
        assert!(Object::read(" {} ").is_ok());
    }

    #[test]
    fn a_moment_may_lack_its_dot_and_a_name_may_not() {
        for (json, name, moment) in [
            (r#""1515449522.000016""#, true, true),
            ("1515449522.000016", true, true),
            ("1515449522000016", false, true),
            (r#""1515449522000016""#, false, true),
            ("1515449522", false, true),
            ("-5", false, false),
            ("1e9", false, false),
            ("[]", false, false),
        ] {
            let json = format!(r#"{{"ts":{json}}}"#);
            let object = Object::read(&json).unwrap();
            assert_eq!((object.ts("ts").is_some(), object.moment("ts").is_some()), (name, moment), "{json}");
        }
    }
}
