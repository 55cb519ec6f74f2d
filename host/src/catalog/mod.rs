//! The catalog: plugins by name and tools by name, loaded once and replaced as one value.
//! It must not run a tool or schedule anything. Guest code is compiled only when a tool is first called.

mod imports;
mod near;
mod read;

#[cfg(test)]
mod tests;

pub use imports::{Covered, Kind as ImportKind, rule as import_rule};
pub use read::{Contents, ReadError, read};

use crate::manifest::{Claim, Manifest, ManifestError, Tool};
use crate::native::NativePlugin;
use crate::sandbox::{Compiled, Sandbox, SandboxError};
use crate::walls::{self, Wall};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The standard plugins, as they were built with this host.
pub const STANDARD: &[(&str, &[u8])] = &[
    ("fs.wasm", include_bytes!("../../prebuilt/fs.wasm")),
    ("text.wasm", include_bytes!("../../prebuilt/text.wasm")),
    ("web.wasm", include_bytes!("../../prebuilt/web.wasm")),
    #[cfg(feature = "browser")]
    ("browser.wasm", include_bytes!("../../prebuilt/browser.wasm")),
];

/// One component with its manifest.
#[derive(Debug)]
pub struct Plugin {
    /// What it declares.
    pub manifest: Manifest,
    /// Where it came from: a file, or words for what else.
    pub origin: String,
    /// What it imports, sorted.
    pub imports: Vec<String>,
    /// Whether it came with this host.
    standard: bool,
    /// Set if its tools are closures and not a component's.
    native: Option<NativePlugin>,
    bytes: Arc<[u8]>,
    digest: std::sync::OnceLock<blake3::Hash>,
    /// What came of compiling it: it is tried once.
    compiled: OnceCell<Result<Compiled, SandboxError>>,
}

/// A tool and the plugin it is part of.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Its declaration.
    pub tool: Arc<Tool>,
}

/// Why one plugin was left out. The others are loaded all the same.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct LoadError {
    /// The file.
    pub origin: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a plugin file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Io(std::io::Error),
    /// It is larger than the policy allows.
    #[error("{0} bytes, more than the {1} that a component may have")]
    TooLarge(u64, u64),
    /// It is not a plugin.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its manifest is wrong.
    #[error("manifest: {0}")]
    Manifest(#[from] ManifestError),
    /// It imports what no claim of its tools covers.
    #[error("it imports {import}, which {why}")]
    Import {
        /// The import.
        import: String,
        /// Why it may not.
        why: &'static str,
    },
    /// Tools and closures of a native plugin are not the same.
    #[error("its tool {tool} {what}")]
    Closure {
        /// The tool.
        tool: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Another plugin has a tool of that name already.
    #[error("its tool {tool} is already part of {other}")]
    DuplicateTool {
        /// The tool.
        tool: String,
        /// Where the first one came from.
        other: String,
    },
    /// Another plugin has that name already.
    #[error("a plugin named {name} is already loaded from {other}")]
    DuplicatePlugin {
        /// The name.
        name: String,
        /// Where the first one came from.
        other: String,
    },
}

impl Plugin {
    /// Reads a plugin from the bytes of a component. Runs and compiles nothing.
    ///
    /// # Errors
    /// If the bytes are not a plugin, its manifest is wrong, or it imports what no claim covers.
    pub fn from_bytes(origin: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Problem> {
        let contents = read(&bytes)?;
        let manifest = Manifest::parse(&contents.manifest)?;
        check_imports(&contents.imports, &manifest)?;
        let mut imports = contents.imports;
        imports.sort();
        Ok(Self {
            manifest,
            origin: origin.into(),
            imports,
            standard: false,
            native: None,
            bytes: bytes.into(),
            digest: std::sync::OnceLock::new(),
            compiled: OnceCell::new(),
        })
    }

    /// A plugin of closures.
    ///
    /// # Errors
    /// If a tool has no closure, or a closure no tool.
    pub(crate) fn native(plugin: NativePlugin) -> Result<Self, Problem> {
        if let Some((tool, what)) = plugin.mismatch() {
            let tool = tool.to_owned();
            return Err(Problem::Closure { tool, what });
        }
        let manifest = plugin.manifest().clone();
        Ok(Self {
            origin: format!("native plugin {}", manifest.name),
            imports: Vec::new(),
            standard: true,
            bytes: serde_json::to_vec(&manifest).unwrap_or_default().into(),
            manifest,
            native: Some(plugin),
            digest: std::sync::OnceLock::new(),
            compiled: OnceCell::new(),
        })
    }

    /// The closures, if its tools are closures.
    pub(crate) fn closures(&self) -> Option<&NativePlugin> {
        self.native.as_ref()
    }

    /// The machine code of this plugin: compiled at the first call, by whoever comes first; the others wait for it
    /// without holding a thread.
    ///
    /// # Errors
    /// If it can't be compiled or linked.
    pub(crate) async fn compiled(self: &Arc<Self>, sandbox: &Arc<Sandbox>) -> Result<Compiled, SandboxError> {
        if let Some(done) = self.compiled.get() {
            return done.clone();
        }
        // A task of its own: whoever gives up waiting doesn't make the next one start anew.
        let (plugin, sandbox) = (Arc::clone(self), Arc::clone(sandbox));
        let work = tokio::spawn(async move {
            let bytes = || Arc::clone(&plugin.bytes);
            plugin
                .compiled
                .get_or_init(|| sandbox.compile_apart(bytes()))
                .await
                .clone()
        });
        work.await.map_err(|error| SandboxError::Engine(error.to_string()))?
    }

    /// One of the plugins that came with this host.
    ///
    /// # Errors
    /// As `from_bytes`.
    pub(crate) fn standard(name: &str, bytes: &[u8]) -> Result<Self, Problem> {
        let plugin = Self::from_bytes(format!("standard plugin {name}"), bytes.to_vec())?;
        Ok(Self {
            standard: true,
            ..plugin
        })
    }

    /// Whether it came with this host, or with the program that it is part of: then it is as trusted as the host.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        self.standard
    }

    /// The digest (BLAKE3) of its bytes.
    pub fn digest(&self) -> blake3::Hash {
        *self.digest.get_or_init(|| blake3::hash(&self.bytes))
    }

    /// The component's bytes; for a plugin of closures its manifest's.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn check_imports(imports: &[String], manifest: &Manifest) -> Result<(), Problem> {
    let claims = || manifest.tools.iter().flat_map(|tool| &tool.claims);
    for import in imports {
        let (covered, why) = match import_rule(import) {
            Covered::Always => (true, ""),
            Covered::ByClaim(ImportKind::Path) => (
                claims().any(Claim::is_path),
                "needs a path claim, and none of its tools has one",
            ),
            Covered::ByClaim(ImportKind::Network) => (
                claims().any(Claim::is_network),
                "needs a network claim, and none of its tools has one",
            ),
            Covered::ByClaim(ImportKind::Browser) if cfg!(not(feature = "browser")) => {
                (false, "this host was built without: its feature `browser` is off")
            }
            Covered::ByClaim(ImportKind::Browser) => (
                claims().any(Claim::is_browser),
                "needs a browser claim, and none of its tools has one",
            ),
            Covered::Never => (false, "this host gives to no plugin"),
        };
        if covered || !walls::stands(Wall::ImportRule) {
            continue;
        }
        let import = import.clone();
        return Err(Problem::Import { import, why });
    }
    Ok(())
}

/// All plugins and tools of a host.
#[derive(Debug, Default)]
pub struct Catalog {
    plugins: Vec<Arc<Plugin>>,
    tools: BTreeMap<String, Entry>,
}

impl Catalog {
    /// The tool of that name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Entry> {
        self.tools.get(name)
    }

    /// The name of the tool that is meant by one that isn't there, if one is near enough.
    pub(crate) fn nearest(&self, meant: &str) -> Option<&str> {
        near::nearest(self.tools.values().map(|entry| entry.tool.name.as_str()), meant)
    }

    /// All tools, by name.
    pub fn tools(&self) -> impl Iterator<Item = &Entry> {
        self.tools.values()
    }

    /// All plugins, in the order in which they were loaded.
    #[must_use]
    pub fn plugins(&self) -> &[Arc<Plugin>] {
        &self.plugins
    }

    /// Adds a plugin as a whole or not at all.
    ///
    /// # Errors
    /// If a plugin or tool of its name is there already.
    pub fn add(&mut self, plugin: Plugin) -> Result<(), LoadError> {
        self.add_shared(Arc::new(plugin))
    }

    /// The same for one that another catalog may have, too.
    ///
    /// # Errors
    /// As `add`.
    pub(crate) fn add_shared(&mut self, plugin: Arc<Plugin>) -> Result<(), LoadError> {
        if let Err(problem) = self.clashes(&plugin) {
            let origin = plugin.origin.clone();
            return Err(LoadError { origin, problem });
        }
        for tool in &plugin.manifest.tools {
            let entry = Entry {
                plugin: Arc::clone(&plugin),
                tool: Arc::new(tool.clone()),
            };
            self.tools.insert(tool.name.clone(), entry);
        }
        self.plugins.push(plugin);
        Ok(())
    }

    fn clashes(&self, plugin: &Plugin) -> Result<(), Problem> {
        let name = &plugin.manifest.name;
        if let Some(other) = self.plugins.iter().find(|other| other.manifest.name == *name) {
            return Err(Problem::DuplicatePlugin {
                name: name.clone(),
                other: other.origin.clone(),
            });
        }
        match plugin.manifest.tools.iter().find_map(|tool| self.tools.get(&tool.name)) {
            None => Ok(()),
            Some(entry) => Err(Problem::DuplicateTool {
                tool: entry.tool.name.clone(),
                other: entry.plugin.origin.clone(),
            }),
        }
    }

    /// Adds every `*.wasm` file of a folder, by name. A broken one is reported and the others load; where `before` has a plugin
    /// of that file, that is what is added, and one that has not changed is not made anew.
    pub fn add_folder(&mut self, folder: &Path, max_bytes: u64, before: &Self, problems: &mut Vec<LoadError>) {
        let files = match wasm_files(folder) {
            Ok(files) => files,
            Err(error) => {
                let origin = folder.display().to_string();
                return problems.push(LoadError {
                    origin,
                    problem: Problem::Io(error),
                });
            }
        };
        for file in files {
            let origin = file.display().to_string();
            let old = before.plugins.iter().find(|plugin| plugin.origin == origin);
            let read = read_file(&file, max_bytes).and_then(|bytes| match old {
                Some(old) if *old.bytes == *bytes => Ok(Arc::clone(old)),
                _ => Plugin::from_bytes(origin.clone(), bytes).map(Arc::new),
            });
            let plugin = match read {
                Ok(plugin) => Some(plugin),
                Err(problem) => {
                    problems.push(LoadError { origin, problem });
                    old.map(Arc::clone)
                }
            };
            if let Some(plugin) = plugin {
                problems.extend(self.add_shared(plugin).err());
            }
        }
    }
}

fn wasm_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "wasm") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The bytes of a plugin file, if it isn't too large.
///
/// # Errors
/// If it can't be read or is.
pub fn read_file(file: &Path, max_bytes: u64) -> Result<Vec<u8>, Problem> {
    let size = std::fs::metadata(file).map_err(Problem::Io)?.len();
    match size > max_bytes && walls::stands(Wall::ComponentSize) {
        true => Err(Problem::TooLarge(size, max_bytes)),
        false => std::fs::read(file).map_err(Problem::Io),
    }
}
