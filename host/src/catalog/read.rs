//! Reads what a component says of itself: its manifest, imports and exports. No guest code is run and nothing compiled.
//! It must not judge claims or policy; it reports what stands in the file.

use wasmparser::{Encoding, Parser, Payload};

/// The custom section that holds the manifest.
pub(super) const MANIFEST_SECTION: &str = "toolyard:manifest";

/// The export that makes a component a plugin.
const TOOLS: &str = "toolyard:plugin/tools@0.1.0";

/// What a component says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Contents {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The names of all imports, in order.
    pub imports: Vec<String>,
}

/// Why a file is not a plugin.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReadError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Not WebAssembly, or broken.
    #[error("not a WebAssembly component: {0}")]
    Broken(String),
    /// A core module, not a component.
    #[error("a core WebAssembly module, not a component; build it for wasm32-wasip2")]
    CoreModule,
    /// No manifest.
    #[error("it has no custom section {MANIFEST_SECTION}; a plugin built with the SDK has one")]
    NoManifest,
    /// Two manifests.
    #[error("it has {0} custom sections {MANIFEST_SECTION}, and must have one")]
    ManyManifests(usize),
    /// Another world, or another version of it.
    #[error("it exports {0}, and must export {TOOLS}")]
    OtherExport(String),
}

/// Reads `bytes` as a plugin.
///
/// # Errors
/// If it isn't one.
pub fn read(bytes: &[u8]) -> Result<Contents, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    let mut found = Found::default();
    for payload in Parser::new(0).parse_all(bytes) {
        found.take(payload.map_err(|e| ReadError::Broken(e.message().to_owned()))?)?;
    }
    found.judge()
}

#[derive(Default)]
struct Found {
    /// How many modules and components we are inside of.
    depth: usize,
    manifests: Vec<Vec<u8>>,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Found {
    fn take(&mut self, payload: Payload<'_>) -> Result<(), ReadError> {
        let broken = |e: wasmparser::BinaryReaderError| ReadError::Broken(e.message().to_owned());
        match payload {
            Payload::Version { encoding, .. } => {
                if self.depth == 0 && encoding == Encoding::Module {
                    return Err(ReadError::CoreModule);
                }
                self.depth += 1;
            }
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                self.manifests.push(section.data().to_owned());
            }
            Payload::ComponentImportSection(imports) if self.depth == 1 => {
                for import in imports {
                    self.imports.push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if self.depth == 1 => {
                for export in exports {
                    self.exports.push(export.map_err(broken)?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn judge(mut self) -> Result<Contents, ReadError> {
        if !self.exports.iter().any(|name| name == TOOLS) {
            let others = match self.exports.is_empty() {
                true => "nothing".to_owned(),
                false => self.exports.join(", "),
            };
            return Err(ReadError::OtherExport(others));
        }
        match (self.manifests.pop(), self.manifests.len()) {
            (None, _) => Err(ReadError::NoManifest),
            (Some(manifest), 0) => Ok(Contents {
                manifest,
                imports: self.imports,
            }),
            (Some(_), others) => Err(ReadError::ManyManifests(others + 1)),
        }
    }
}
