//! Calls to the tools as the host makes them, natively, in a folder of each test's own.
//!
//! They must not depend on anything outside of that folder.

mod change;
mod edit;
mod list;
mod parts;
mod read;
mod search;
mod write;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use toolyard_sdk::prelude::*;
use toolyard_sdk::serde_json::from_str;

/// A folder that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "toolyard-fs-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    /// A folder with files, whose parents are made.
    fn with(files: &[(&str, &str)]) -> Scratch {
        let scratch = Scratch::new();
        for (name, content) in files {
            let path = scratch.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        scratch
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.0.join(name)).is_ok()
    }

    /// Calls a tool; paths in the arguments (`path`, `paths`, `from`, `to`) are names in this folder.
    fn call(&self, tool: &str, mut arguments: Value) -> Result<Output> {
        for key in ["path", "from", "to"] {
            if let Some(name) = arguments[key].as_str() {
                arguments[key] = json!(self.path(name));
            }
        }
        for name in arguments["paths"].as_array_mut().into_iter().flatten() {
            *name = json!(self.path(name.as_str().unwrap()));
        }
        let arguments = match arguments {
            Value::Object(members) => members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .collect::<Value>(),
            other => other,
        };
        crate::toolyard_call(tool, &arguments.to_string())
    }

    /// What the answer reads, with this folder's own path as `@`; a failure as `code: message (hint)`.
    fn text(&self, tool: &str, arguments: Value) -> String {
        let text = match self.call(tool, arguments) {
            Ok(output) => output.to_text(),
            Err(failure) => format!("{}: {failure}", failure.code()),
        };
        text.replace(self.0.to_str().unwrap(), "@")
    }

    /// The structured answer.
    fn data(&self, tool: &str, arguments: Value) -> Value {
        from_str(self.call(tool, arguments).unwrap().as_structured().unwrap()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_manifest_claims_what_the_tools_touch() {
    let manifest: Value = from_str(crate::toolyard_manifest()).unwrap();
    let claims = |tool: &Value| {
        let claims = tool["claims"].as_array().unwrap().iter().map(|claim| {
            let from = claim["path"]["from"].as_str().or(claim["path"].as_str()).unwrap();
            let (access, scope) = (&claim["access"], &claim["scope"]);
            let link = claim["symlink"].as_str().unwrap_or("follow");
            format!("{from} {} {} {link}", access.as_str().unwrap(), scope.as_str().unwrap())
        });
        format!(
            "{}: {}",
            tool["name"].as_str().unwrap(),
            claims.collect::<Vec<_>>().join(", ")
        )
    };
    let all: Vec<String> = manifest["tools"].as_array().unwrap().iter().map(claims).collect();
    let expected = [
        "read_file: $.path read file follow",
        "read_files: $.paths[*] read file follow",
        "write_file: $.path write file follow",
        "make_dir: $.path write file follow",
        "edit_file: $.path write file follow",
        "list_dir: $.path read directory follow",
        "file_info: $.path read file keep",
        "directory_tree: $.path read tree follow, .gitignore read file keep",
        "find_files: $.path read tree follow, .gitignore read file keep",
        "grep: $.path read tree follow, .gitignore read file keep",
        "copy_path: $.from read tree keep, $.to write tree keep",
        "move_path: $.from write tree keep, $.to write tree keep",
        "delete_path: $.path write tree keep",
    ];
    assert_eq!(all, expected);
}
