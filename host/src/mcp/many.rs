//! How many values a message has. A short text can be many small ones, each of which takes far more room once it is read, so
//! they are counted before that. It must not keep anything of them.

use rmcp::model::{ErrorData, NumberOrString, RequestId};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// As many values a message may have: read, that is some hundred bytes each.
const MOST: usize = 250_000;

/// A shorter text has fewer, whatever it is.
const FEW: usize = 2 * MOST;

/// Finds out whether this is JSON with no more values than a message may have.
///
/// # Errors
/// What the protocol says to it if it is not.
pub(super) fn check(text: &[u8]) -> Result<(), ErrorData> {
    let left = Cell::new(MOST);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Count(&left).deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| match error.is_data() {
        true => ErrorData::invalid_request(error.to_string(), None),
        false => ErrorData::parse_error(format!("not JSON: {error}"), None),
    })
}

/// The same for what is read in full at once: a text that is too short for too many is not looked at.
pub(super) fn check_long(text: &[u8]) -> Result<(), ErrorData> {
    match text.len() < FEW {
        true => Ok(()),
        false => check(text),
    }
}

/// The id in a message that may be of any size and kind, if it has one.
pub(super) fn id_of(text: &[u8]) -> Option<RequestId> {
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(default)]
        id: Id,
    }
    if text.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(text).ok().and_then(|Head { id: Id(id) }| id)
}

/// An id; nothing if something else stands in its place, which is not kept.
#[derive(Default)]
struct Id(Option<RequestId>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct One;

        impl<'de> Visitor<'de> for One {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id")
            }

            fn visit_unit<E: Error>(self) -> Result<Id, E> {
                Ok(Id(None))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Id, E> {
                Ok(Id(None))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Id, E> {
                Ok(Id(None))
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<Id, E> {
                Ok(Id(Some(NumberOrString::Number(id))))
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
                Ok(Id(i64::try_from(id).ok().map(NumberOrString::Number)))
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<Id, E> {
                Ok(Id(Some(NumberOrString::String(id.into()))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Id, A::Error> {
                while all.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Id(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Id, A::Error> {
                while all.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Id(None))
            }
        }

        reader.deserialize_any(One)
    }
}

#[derive(Clone, Copy)]
struct Count<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        let left = self.0.get().checked_sub(1);
        self.0.set(
            left.ok_or_else(|| D::Error::custom(format!("more than {MOST} values in one message; send less at once")))?,
        );
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while all.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while all.next_key::<IgnoredAny>()?.is_some() {
            all.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_anything() {
        for (text, id) in [
            ("{\"id\":7,\"a\":[[]]}", Some(NumberOrString::Number(7))),
            ("{\"a\":[[]],\"id\":\"b\"}", Some(NumberOrString::String("b".into()))),
            ("{\"id\":[[],[]]}", None),
            ("{\"id\":{\"id\":1}}", None),
            ("{\"id\":1.5}", None),
            ("{\"id\":null}", None),
            ("{\"id\":9223372036854775808}", None),
            ("{}", None),
            ("[1]", None),
        ] {
            assert_eq!(id_of(text.as_bytes()), id, "{text}");
        }
    }

    #[test]
    fn values_are_counted_and_texts_are_judged() {
        let many = |values: usize| format!("[{}[]]", "[],".repeat(values - 2));
        for (text, code) in [
            (many(MOST), None),
            (many(MOST + 1), Some(-32600)),
            (format!("{{\"a\":{}}}", many(MOST)), Some(-32600)),
            ("{\"a\": [1, -2, 2.5, \"b\", null, true, {\"c\": {}}]}".to_owned(), None),
            ("{".to_owned(), Some(-32700)),
            ("{} {}".to_owned(), Some(-32700)),
            ("1e999".to_owned(), Some(-32700)),
            ("\"\\ud800\"".to_owned(), Some(-32700)),
            ("[".repeat(200), Some(-32700)),
        ] {
            let judged = check(text.as_bytes()).map_err(|error| error.code.0);
            assert_eq!(judged.err(), code, "{}", text.get(..40).unwrap_or(&text));
        }
        assert_eq!(check(b"\"\xff\"").map_err(|error| error.code.0), Err(-32700));
    }
}
