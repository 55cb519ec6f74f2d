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
        let found = self.0.iter().find(|pattern| pattern.kind.matches(path));
        found.map(|pattern| pattern.text.as_str())
    }
}

impl Kind {
    fn matches(&self, path: &str) -> bool {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        match self {
            Self::All => true,
            Self::Name(wanted) => names.any(|name| name.eq_ignore_ascii_case(wanted)),
            Self::NameGlob(glob) => names.any(|name| glob.is_match(name)),
            Self::Path(glob) => {
                // The root has no name: only ** means it.
                let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
                let mut names = ends.filter_map(|end| path.get(..end)).filter(|above| !above.is_empty());
                names.any(|above| glob.is_match(above))
            }
        }
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    let rooted = text.strip_prefix('/').unwrap_or(text);
    let plain = rooted.strip_suffix('/').unwrap_or(rooted);
    let plain = plain.strip_suffix("/**").unwrap_or(plain);
    if plain.is_empty() || plain.split('/').any(|part| part == ".." || part == ".") {
        return Err("a pattern is a name or a path below the workspace, without . and ..".to_owned());
    }
    if plain == "**" {
        return Ok(Kind::All);
    }
    let anywhere = !plain.contains('/') && !text.starts_with('/');
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
