//! How shared text and bytes stand in JSON: as plain text and lists, and bytes in Base64. It must not know any type of a call.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// What is shared, as if it weren't.
pub(super) fn share<T: Serialize + ?Sized, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
    (**value).serialize(serializer)
}

/// What is shared, made of a `B` of one's own.
pub(super) fn own<'de, B, T, D>(deserializer: D) -> Result<Arc<T>, D::Error>
where
    B: Deserialize<'de>,
    T: ?Sized,
    Arc<T>: From<B>,
    D: Deserializer<'de>,
{
    B::deserialize(deserializer).map(Arc::from)
}

/// Bytes as text (RFC 4648, 4).
pub(super) mod bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::call) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in crate::call) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}
