//! From Rust types to JSON Schema (draft 2020-12): the trait, and the types that the language brings along.
//!
//! It must not do anything at run time, and must not know of arguments or tools.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::claims::Claims;
use crate::json::Json;

/// What kind of JSON value a type is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Any value.
    Any,
    /// A string.
    String,
    /// A number without a fraction.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A type with a JSON Schema: it may be an argument of a tool, or a part of one, or of a structured answer.
///
/// Derive it beside serde's traits:
///
/// ```
/// use toolyard_sdk::prelude::*;
///
/// /// A place in a text.
/// #[derive(Deserialize, Schema)]
/// #[serde(crate = "toolyard_sdk::serde", deny_unknown_fields)]
/// struct Position {
///     /// The line, from 1.
///     line: u32,
///     /// The column, from 1.
///     column: Option<u32>,
/// }
/// ```
///
/// Doc comments become descriptions. A field is required unless it is an `Option` or has `#[serde(default)]`. An
/// `Option` field may be `null`, unless `#[serde(skip_serializing_if = "Option::is_none")]` says that it is left out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema, so it can't be a tool's argument or part of one",
    label = "no JSON Schema for this type",
    note = "use String, bool, a number, a path or URL type of the SDK, Option, Vec, serde_json::Value, or a type with `#[derive(Deserialize, Schema)]`"
)]
pub trait Schema {
    /// What kind of value it is.
    const TYPE: Type;
    /// The members of the schema, without description and bounds.
    const MEMBERS: Json;
    /// The value of the member `minimum`, or nothing.
    const MINIMUM: Json = Json::NONE;
    /// The value of the member `maximum`, or nothing.
    const MAXIMUM: Json = Json::NONE;
    /// What the type itself says that it is for; empty for none.
    const DESCRIPTION: &'static str = "";
    /// Whether it may be left out.
    const OPTIONAL: bool = false;
    /// The members of the schema when the value is there: for an `Option`, those of the type within.
    const PRESENT: Json = Self::MEMBERS;
    /// What a value claims.
    const CLAIMS: Claims = Claims::None;
}

/// The whole schema of a type, as an object.
pub const fn full<T: Schema + ?Sized>() -> Json {
    const {
        Json::Object(&[
            T::MEMBERS,
            Json::When(!T::OPTIONAL, &Json::Member("minimum", &T::MINIMUM)),
            Json::When(!T::OPTIONAL, &Json::Member("maximum", &T::MAXIMUM)),
            Json::TextMember("description", T::DESCRIPTION),
        ])
    }
}

macro_rules! simple {
    ($kind:ident, $word:literal: $($type:ty),+) => {$(
        impl Schema for $type {
            const TYPE: Type = Type::$kind;
            const MEMBERS: Json = Json::TextMember("type", $word);
        }
    )+};
}

macro_rules! integer {
    ($($type:ty: $minimum:expr, $maximum:expr;)+) => {$(
        impl Schema for $type {
            const TYPE: Type = Type::Integer;
            const MEMBERS: Json = Json::TextMember("type", "integer");
            const MINIMUM: Json = $minimum;
            const MAXIMUM: Json = $maximum;
        }
    )+};
}

simple!(String, "string": String, str, char);
simple!(Boolean, "boolean": bool);
simple!(Number, "number": f32, f64);
integer! {
    u8: Json::Raw("0"), Json::Raw("255");
    u16: Json::Raw("0"), Json::Raw("65535");
    u32: Json::Raw("0"), Json::Raw("4294967295");
    u64: Json::Raw("0"), Json::NONE;
    usize: Json::Raw("0"), Json::NONE;
    i8: Json::Raw("-128"), Json::Raw("127");
    i16: Json::Raw("-32768"), Json::Raw("32767");
    i32: Json::Raw("-2147483648"), Json::Raw("2147483647");
    i64: Json::NONE, Json::NONE;
    isize: Json::NONE, Json::NONE;
}

impl Schema for Value {
    const TYPE: Type = Type::Any;
    const MEMBERS: Json = Json::NONE;
}

impl<T: Schema> Schema for Option<T> {
    const TYPE: Type = T::TYPE;
    const MEMBERS: Json = Json::Member("anyOf", &Json::Array(&[full::<T>(), Json::Raw("{\"type\":\"null\"}")]));
    const MINIMUM: Json = T::MINIMUM;
    const MAXIMUM: Json = T::MAXIMUM;
    const DESCRIPTION: &'static str = T::DESCRIPTION;
    const OPTIONAL: bool = true;
    const PRESENT: Json = T::PRESENT;
    const CLAIMS: Claims = T::CLAIMS;
}

impl<T: Schema> Schema for Vec<T> {
    const TYPE: Type = Type::Array;
    const MEMBERS: Json = Json::List(&[Json::TextMember("type", "array"), Json::Member("items", &full::<T>())]);
    const CLAIMS: Claims = Claims::Each(&T::CLAIMS);
}

impl<T: Schema> Schema for BTreeMap<String, T> {
    const TYPE: Type = Type::Object;
    const MEMBERS: Json = {
        assert!(
            T::CLAIMS.is_none(),
            "a path or URL type can't stand in a map: nothing would claim it"
        );
        Json::List(&[
            Json::TextMember("type", "object"),
            Json::Member("additionalProperties", &full::<T>()),
        ])
    };
}

impl<T: Schema + ?Sized> Schema for Box<T> {
    const TYPE: Type = T::TYPE;
    const MEMBERS: Json = T::MEMBERS;
    const MINIMUM: Json = T::MINIMUM;
    const MAXIMUM: Json = T::MAXIMUM;
    const DESCRIPTION: &'static str = T::DESCRIPTION;
    const OPTIONAL: bool = T::OPTIONAL;
    const PRESENT: Json = T::PRESENT;
    const CLAIMS: Claims = T::CLAIMS;
}
