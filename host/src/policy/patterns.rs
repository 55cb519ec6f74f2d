//! Patterns of names and paths. It must not know what a match means.

use globset::{GlobBuilder, GlobMatcher};

/// A list of patterns, in its order.
#[derive(Clone, Default)]
pub(super) struct Patterns(Vec<Pattern>);

/// As they are written.
impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.texts()).finish()
    }
}

#[derive(Clone)]
struct Pattern {
    text: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// Everything.
    All,
    /// This name anywhere, in either case: the common kind, without a glob.
    Name(String),
    /// A glob for one name anywhere.
    NameGlob(GlobMatcher),
    /// A glob for a path from the root.
    Path(GlobMatcher),
}

impl Patterns {
    /// The list of these patterns.
    ///
    /// # Errors
    /// The pattern that makes no sense, and why.
    pub(super) fn new(texts: &[String]) -> Result<Self, (String, String)> {
        let patterns = texts.iter().map(|text| {
            let kind = kind(text).map_err(|problem| (text.clone(), problem))?;
            let text = text.clone();
            Ok(Pattern { text, kind })
        });
        patterns.collect::<Result<_, _>>().map(Self)
    }

    /// The patterns as they are written.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|pattern| pattern.text.as_str())
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// The first pattern that matches the path or a folder above it.
    pub(super) fn find(&self, path: &str) -> Option<&str> {
        let found = self.0.iter().find(|pattern| pattern.kind.deepest(path).is_some());
        found.map(|pattern| pattern.text.as_str())
    }

    /// The pattern that matches deepest: the most of the path's names, from the root down. How long that part is, in bytes.
    pub(super) fn deepest(&self, path: &str) -> Option<(usize, &str)> {
        let matches = self
            .0
            .iter()
            .filter_map(|pattern| Some((pattern.kind.deepest(path)?, pattern.text.as_str())));
        // Of several the first: it is the one that is told.
        matches.reduce(|best, other| if other.0 > best.0 { other } else { best })
    }
}

impl Kind {
    /// The end of the longest part of the path, in whole names from the root, that it matches.
    fn deepest(&self, path: &str) -> Option<usize> {
        let ends = || {
            let inner = path.match_indices('/').map(|(end, _)| end);
            // The root has no name: only ** means it.
            inner.chain([path.len()]).filter(|end| *end > 0)
        };
        let name = |end: usize| {
            let above = path.get(..end).unwrap_or_default();
            above.rsplit('/').next().unwrap_or_default()
        };
        match self {
            Self::All => Some(path.len()),
            Self::Name(wanted) => ends().rfind(|end| name(*end).eq_ignore_ascii_case(wanted)),
            Self::NameGlob(glob) => ends().rfind(|end| glob.is_match(name(*end))),
            Self::Path(glob) => ends().rfind(|end| path.get(..*end).is_some_and(|above| glob.is_match(above))),
        }
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    if text.ends_with('/') {
        return Err("a pattern has no slash at its end: what it matches includes everything below".to_owned());
    }
    let rooted = text.strip_prefix('/').unwrap_or(text);
    let plain = rooted.strip_suffix("/**").unwrap_or(rooted);
    if plain.is_empty() || plain.split('/').any(|part| part == ".." || part == ".") {
        return Err("a pattern is a name or a path below the workspace, without . and ..".to_owned());
    }
    if plain == "**" {
        return Ok(Kind::All);
    }
    // As it is written: with a slash it begins at the root, wherever the slash stands.
    let anywhere = !text.contains('/');
    if anywhere && !plain.contains(['*', '?', '[', '{', '\\']) {
        return Ok(Kind::Name(plain.to_owned()));
    }
    let glob = GlobBuilder::new(plain)
        .literal_separator(true)
        .backslash_escape(true)
        .case_insensitive(true)
        .build()
        .map_err(|error| error.kind().to_string())?;
    let matcher = glob.compile_matcher();
    Ok(if anywhere {
        Kind::NameGlob(matcher)
    } else {
        Kind::Path(matcher)
    })
}

/// A text as TOML has it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The pattern that means exactly this path from the root, and what lies below it.
pub(super) fn exactly(path: &str) -> String {
    if path.is_empty() {
        return "**".to_owned();
    }
    let mut text = String::with_capacity(path.len() + 1);
    // Without a slash it would mean the name anywhere.
    if !path.contains('/') {
        text.push('/');
    }
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}
