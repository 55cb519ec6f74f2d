//! URLs as argument types: the type says which requests the tool sends there, and becomes the network claim.
//!
//! These types must not check or change a URL: the host judges every request when it is sent.

/// Makes an argument type for URLs: its HTTP methods (upper case), and whether redirects are followed to other hosts,
/// become a network claim. Use it where [`GetUrl`], [`PostUrl`] and [`AnyUrl`] claim too much or too little. Where an
/// argument of the tool says which method a call uses, `method = "its_name"` narrows the claim to that one.
///
/// ```
/// use toolyard_sdk::prelude::*;
///
/// toolyard_sdk::url_type! {
///     /// Where things are put.
///     pub PutUrl, ["PUT"]
/// }
///
/// assert_eq!(PutUrl::from("https://example.com/").as_str(), "https://example.com/");
/// ```
#[macro_export]
macro_rules! url_type {
    ($(#[doc = $doc:literal])+ $visibility:vis $name:ident, [$($method:literal),+ $(,)?], redirects) => {
        $crate::url_type! { @ $(#[doc = $doc])+ $visibility $name, [$($method),+], true, None }
    };
    (
        $(#[doc = $doc:literal])+ $visibility:vis $name:ident, [$($method:literal),+ $(,)?], redirects,
        method = $argument:literal
    ) => {
        $crate::url_type! { @ $(#[doc = $doc])+ $visibility $name, [$($method),+], true, Some($argument) }
    };
    ($(#[doc = $doc:literal])+ $visibility:vis $name:ident, [$($method:literal),+ $(,)?]) => {
        $crate::url_type! { @ $(#[doc = $doc])+ $visibility $name, [$($method),+], false, None }
    };
    (@ $(#[doc = $doc:literal])+ $visibility:vis $name:ident, [$($method:literal),+], $redirects:literal, $one:expr) => {
        $(#[doc = $doc])+
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            $crate::serde::Deserialize, $crate::serde::Serialize,
        )]
        #[serde(crate = "toolyard_sdk::serde", transparent)]
        $visibility struct $name(::std::string::String);

        impl $crate::__private::Schema for $name {
            const TYPE: $crate::__private::Type = $crate::__private::Type::String;
            const MEMBERS: $crate::__private::Json = $crate::__private::Json::TextMember("type", "string");
            const CLAIMS: $crate::__private::Claims = $crate::__private::Claims::Network {
                methods: &[$($method),+],
                redirects: $redirects,
                method: $one,
            };
        }

        impl $name {
            /// The URL as text, as it came with the call.
            $visibility fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl ::std::convert::From<&str> for $name {
            fn from(url: &str) -> Self {
                $name(url.to_owned())
            }
        }
    };
}

url_type! {
    /// A URL that the tool reads from, following redirects: requests without a body and without effect.
    pub GetUrl, ["GET", "HEAD"], redirects
}
url_type! {
    /// A URL that the tool reads from or posts to, following redirects.
    pub PostUrl, ["GET", "HEAD", "POST"], redirects
}
url_type! {
    /// A URL that the tool sends requests of every kind to, following redirects.
    pub AnyUrl, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], redirects
}
