//! A folder with files, links and hard links, and hosts over it. It must not compare anything.

use serde_json::{Map, Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use toolyard::{Call, Host, HostBuilder, Outcome};

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The test guest `probe`, as it was built.
///
/// # Panics
/// If it isn't there.
#[must_use]
pub fn probe() -> Vec<u8> {
    let file = repository().join("tests/guests/prebuilt/probe.wasm");
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}; plugins/build.sh makes it", file.display()))
}

/// A workspace in a temporary folder, with an outside beside it.
#[derive(Debug)]
pub struct World {
    folder: tempfile::TempDir,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty workspace, and `outside/secret.txt` beside it.
    ///
    /// # Panics
    /// If the disk fails.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("work")).expect("the workspace");
        fs::create_dir(folder.path().join("outside")).expect("the outside");
        fs::write(folder.path().join("outside/secret.txt"), "hidden content\n").expect("the secret");
        Self { folder }
    }

    /// A workspace with these files: text, `null` for a folder, `{"link": target}`, `{"hard": other}`,
    /// `{"mode": octal, "text": text}`.
    ///
    /// # Panics
    /// If the disk fails or the data is of another form.
    #[must_use]
    pub fn with(files: &Value) -> Self {
        let world = Self::new();
        world.add(files);
        world
    }

    /// Puts more files in.
    ///
    /// # Panics
    /// As `with`.
    pub fn add(&self, files: &Value) {
        for (name, what) in files.as_object().into_iter().flatten() {
            put(&self.path(), name, what);
        }
    }

    /// A folder `mount-NAME` beside the workspace with these files.
    ///
    /// # Panics
    /// As `with`.
    #[must_use]
    pub fn mount(&self, name: &str, files: &Value) -> PathBuf {
        let folder = self.folder.path().join(format!("mount-{name}"));
        fs::create_dir_all(&folder).expect("a folder");
        for (name, what) in files.as_object().into_iter().flatten() {
            put(&folder, name, what);
        }
        folder
    }

    /// The workspace's folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The folder beside it.
    #[must_use]
    pub fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    /// The text of a file.
    ///
    /// # Panics
    /// If it isn't there.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A builder of a host over this workspace, with the probe loaded and compiled code shared between tests.
    pub fn builder(&self) -> HostBuilder {
        let cache = repository().join("target/test-cache");
        Host::builder()
            .workspace(self.path())
            .component("probe.wasm", probe())
            .cache(cache)
    }

    /// A host over this workspace.
    ///
    /// # Panics
    /// If it can't be built or leaves a plugin out.
    #[must_use]
    pub fn host(&self) -> Host {
        let host = self.builder().build().expect("a host");
        assert!(host.problems().is_empty(), "{:?}", host.problems());
        host
    }

    /// Runs one call on a host of its own.
    ///
    /// # Panics
    /// If there is no outcome.
    #[must_use]
    pub fn call(&self, tool: &str, arguments: Value) -> Outcome {
        self.batch(vec![Call::new(tool, arguments)]).remove(0)
    }

    /// Runs a batch on a host of its own.
    ///
    /// # Panics
    /// If the batch is refused.
    #[must_use]
    pub fn batch(&self, calls: Vec<Call>) -> Vec<Outcome> {
        run(&self.host(), calls)
    }

    /// Everything in the workspace: names with what they are.
    ///
    /// # Panics
    /// If the disk fails.
    #[must_use]
    pub fn tree(&self) -> Value {
        tree(&self.path())
    }

    /// Everything in the workspace and beside it.
    ///
    /// # Panics
    /// If the disk fails.
    #[must_use]
    pub fn everything(&self) -> Value {
        tree(self.folder.path())
    }

    /// The folder that holds the workspace and what is beside it.
    #[must_use]
    pub fn around(&self) -> &Path {
        self.folder.path()
    }
}

/// Everything in a folder: names with what they are.
///
/// # Panics
/// If the disk fails.
#[must_use]
pub fn tree(folder: &Path) -> Value {
    let mut files = Map::new();
    collect(folder, "", &mut files);
    files.sort_keys();
    Value::Object(files)
}

/// Has everything compiled that these calls need, for tests in which time matters: a first compilation takes seconds.
///
/// # Panics
/// If there is no runtime.
pub fn warm(host: &Host, calls: &[Call]) {
    runtime().block_on(host.warm(calls));
}

fn put(base: &Path, name: &str, what: &Value) {
    let path = base.join(name);
    let made = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| match what {
            Value::Null => fs::create_dir_all(&path),
            Value::String(text) => fs::write(&path, text),
            other => match (other["link"].as_str(), other["hard"].as_str(), other["text"].as_str()) {
                (Some(target), _, _) => std::os::unix::fs::symlink(target, &path),
                (_, Some(target), _) => fs::hard_link(base.join(target), &path),
                (_, _, Some(text)) => fs::write(&path, text).and_then(|()| {
                    let mode = u32::from_str_radix(other["mode"].as_str().unwrap_or("644"), 8).expect("octal");
                    fs::set_permissions(&path, fs::Permissions::from_mode(mode))
                }),
                _ => panic!("{name}: {other} is no file"),
            },
        });
    made.unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// Runs a batch to its end.
///
/// # Panics
/// If the batch is refused.
#[must_use]
pub fn run(host: &Host, calls: Vec<Call>) -> Vec<Outcome> {
    runtime().block_on(host.batch(calls)).expect("a batch that makes sense")
}

fn collect(folder: &Path, prefix: &str, files: &mut Map<String, Value>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let record = fs::symlink_metadata(entry.path()).expect("a record");
        let what = if record.is_symlink() {
            json!({ "link": fs::read_link(entry.path()).expect("a link").to_string_lossy() })
        } else if record.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
            Value::Null
        } else if !record.is_file() {
            // A pipe, a socket, a device: to read one could take for ever.
            json!({ "other": format!("{:o}", record.mode()) })
        } else {
            let text = fs::read(entry.path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let text = text.unwrap_or_else(|error| error.kind().to_string());
            match (record.nlink(), record.mode() & 0o777) {
                (1, 0o644) => json!(text),
                (links, mode) => json!({ "text": text, "links": links, "mode": format!("{mode:o}") }),
            }
        };
        files.insert(name, what);
    }
}
