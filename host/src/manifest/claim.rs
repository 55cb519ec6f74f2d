//! A claim as it is written: kind, access, and where its value comes from. It must not know any call.

use crate::call::{Access, Rights, Scope};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json_path::JsonPath;

/// Where the value of a claim comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Always this.
    Fixed(String),
    /// From the arguments.
    From {
        /// A JSONPath (RFC 9535) that begins with a property of the arguments.
        path: Box<JsonPath>,
        /// The path as it is written.
        text: String,
        /// What is meant where the path matches nothing; without one, nothing is needed then.
        default: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFrom {
    from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text or {\"from\": JSONPath, \"default\"?: text}")]
enum WrittenSource {
    Fixed(String),
    From(WrittenFrom),
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self {
            Self::Fixed(value) => WrittenSource::Fixed(value.clone()),
            Self::From { text, default, .. } => WrittenSource::From(WrittenFrom {
                from: text.clone(),
                default: default.clone(),
            }),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match WrittenSource::deserialize(deserializer)? {
            WrittenSource::Fixed(value) => Ok(Self::Fixed(value)),
            WrittenSource::From(WrittenFrom { from, default }) => match JsonPath::parse(&from) {
                Ok(path) => Ok(Self::From {
                    path: Box::new(path),
                    text: from,
                    default,
                }),
                Err(error) => Err(D::Error::custom(format!("{from:?} is not a JSONPath: {error}"))),
            },
        }
    }
}

/// What happens to a symbolic link in the last place of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symlink {
    /// Its target is meant.
    #[default]
    Follow,
    /// The link itself is meant.
    Keep,
}

impl Symlink {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this form")]
    fn is_default(&self) -> bool {
        *self == Self::Follow
    }
}

/// A declared need.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// A place in the file tree.
    Path {
        /// Which.
        path: Source,
        /// What is done there.
        access: Access,
        /// How much below it.
        scope: Scope,
        /// Whether a link there is followed.
        symlink: Symlink,
        /// Whether the tool can do without it: then a refusal leaves it out instead of ending the call.
        optional: bool,
    },
    /// A network endpoint, as a URL or `host:port`.
    Network {
        /// Which.
        network: Source,
        /// HTTP methods, upper case.
        methods: Vec<String>,
        /// Whether it extends to where the answers send the tool, as far as the policy allows that.
        redirects: bool,
        /// The property of the arguments that says which one of the methods a call uses (`$.method`); the first of them
        /// where it says nothing.
        method: Option<String>,
    },
    /// A browser session.
    Browser {
        /// Which.
        browser: Source,
        /// What is done there.
        access: Look,
        /// What needs a word of its own.
        rights: Rights,
    },
}

/// What a tool does in a browser session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Looks.
    Observe,
    /// Looks at what is shown: with some browsers that brings the tab to the front.
    View,
    /// Changes something.
    Drive,
}

impl Look {
    /// How it is compared; `shows` says whether the browser in use has to bring a tab to the front to show it.
    #[must_use]
    pub fn access(self, shows: bool) -> Access {
        match self {
            Self::Observe => Access::Read,
            Self::View if !shows => Access::Read,
            Self::View | Self::Drive => Access::Write,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPath {
    path: Source,
    access: Access,
    scope: Scope,
    #[serde(default, skip_serializing_if = "Symlink::is_default")]
    symlink: Symlink,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenNetwork {
    network: Source,
    methods: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    redirects: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBrowser {
    browser: Source,
    access: Look,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rights: Vec<String>,
}

impl Serialize for Claim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.clone() {
            Self::Path {
                path,
                access,
                scope,
                symlink,
                optional,
            } => WrittenPath {
                path,
                access,
                scope,
                symlink,
                optional,
            }
            .serialize(serializer),
            Self::Network {
                network,
                methods,
                redirects,
                method,
            } => WrittenNetwork {
                network,
                methods,
                redirects,
                method,
            }
            .serialize(serializer),
            Self::Browser {
                browser,
                access,
                rights,
            } => WrittenBrowser {
                browser,
                access,
                rights: rights.names().into_iter().map(str::to_owned).collect(),
            }
            .serialize(serializer),
        }
    }
}

/// The kind is the one key of `path`, `network` and `browser` that is there; errors are those of that kind.
impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let has = |key| value.get(key).is_some();
        let kinds = ["path", "network", "browser"].into_iter().filter(|kind| has(*kind));
        let kinds: Vec<&str> = kinds.collect();
        let wrong = |error: serde_json::Error| D::Error::custom(error.to_string());
        match kinds.as_slice() {
            ["path"] => serde_json::from_value(value)
                .map_err(wrong)
                .map(|written: WrittenPath| Self::Path {
                    path: written.path,
                    access: written.access,
                    scope: written.scope,
                    symlink: written.symlink,
                    optional: written.optional,
                }),
            ["network"] => serde_json::from_value(value)
                .map_err(wrong)
                .map(|written: WrittenNetwork| Self::Network {
                    network: written.network,
                    methods: written.methods,
                    redirects: written.redirects,
                    method: written.method,
                }),
            ["browser"] => serde_json::from_value(value)
                .map_err(wrong)
                .and_then(|written: WrittenBrowser| {
                    let rights = written.rights.iter().try_fold(Rights::default(), |all, name| {
                        let right = Rights::from_name(name).ok_or_else(|| {
                            D::Error::custom(format!("there is no right {name:?}; one of evaluate and storage"))
                        })?;
                        Ok(all.and(right))
                    });
                    Ok(Self::Browser {
                        browser: written.browser,
                        access: written.access,
                        rights: rights?,
                    })
                }),
            [] => Err(D::Error::custom(
                "unknown kind of claim; one of path, network and browser is needed",
            )),
            several => Err(D::Error::custom(format!(
                "{} in one claim; write two claims",
                several.join(" and ")
            ))),
        }
    }
}

impl Claim {
    /// Where its value comes from.
    #[must_use]
    pub fn source(&self) -> &Source {
        match self {
            Self::Path { path, .. } => path,
            Self::Network { network, .. } => network,
            Self::Browser { browser, .. } => browser,
        }
    }

    /// Whether the tool can do without it.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        matches!(self, Self::Path { optional: true, .. })
    }

    /// Whether it is about files.
    #[must_use]
    pub fn is_path(&self) -> bool {
        matches!(self, Self::Path { .. })
    }

    /// Whether it is about the network.
    #[must_use]
    pub fn is_network(&self) -> bool {
        matches!(self, Self::Network { .. })
    }

    /// Whether it is about a browser.
    #[must_use]
    pub fn is_browser(&self) -> bool {
        matches!(self, Self::Browser { .. })
    }

    /// The claim in words: `writes the file at $.path`.
    #[must_use]
    pub fn describe(&self) -> String {
        let at = self.source();
        match self {
            Self::Path {
                access,
                scope,
                symlink,
                optional,
                ..
            } => {
                let verb = match access {
                    Access::Read => "reads",
                    Access::Write => "writes",
                };
                let what = match scope {
                    Scope::File => "the file",
                    Scope::Directory => "the folder (with its direct children)",
                    Scope::Tree => "the tree",
                };
                let link = match symlink {
                    Symlink::Follow => "",
                    Symlink::Keep => ", a link itself",
                };
                let may = if *optional { ", if the policy allows it" } else { "" };
                format!("{verb} {what} at {at}{link}{may}")
            }
            Self::Network {
                methods,
                redirects,
                method,
                ..
            } => {
                let on = if *redirects { ", and to where it sends on" } else { "" };
                let which = method
                    .as_ref()
                    .map(|from| format!(" (as {from} says)"))
                    .unwrap_or_default();
                format!("{}{which} to the host in {at}{on}", methods.join(", "))
            }
            Self::Browser { access, rights, .. } => {
                let verb = match access {
                    Look::Observe => "observes",
                    Look::View => "looks at",
                    Look::Drive => "drives",
                };
                let with = match rights.names() {
                    names if names.is_empty() => String::new(),
                    names => format!(", with the right to {}", names.join(" and ")),
                };
                format!("{verb} the browser session {at}{with}")
            }
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(value) => f.write_str(value),
            Self::From {
                text,
                default: Some(default),
                ..
            } => write!(f, "{text} (default {default})"),
            Self::From { text, .. } => f.write_str(text),
        }
    }
}
