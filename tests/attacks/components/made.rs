//! Components made by hand: a tiny plugin whose parts can be exchanged one by one, and a real one with another manifest.
//! It must not run any of them.

use serde_json::{Value, json};

/// A plugin in text form. Each part is text of its own, so that an attack is the one part that differs.
pub struct Made {
    pub manifest: Vec<u8>,
    /// What it imports, and the core functions that are lowered from it.
    pub imports: String,
    /// `(with …)` of the core instance.
    pub with: String,
    /// Core imports.
    pub core_imports: String,
    /// What the core module holds beside its memory and its allocator.
    pub core: String,
    pub memory: String,
    /// The body of the export; its result is where the answer lies.
    pub body: String,
    pub export: String,
    pub function: String,
    /// Further parts of the component.
    pub more: String,
}

/// The manifest of a plugin with one tool that claims nothing.
pub fn manifest(plugin: &str, tool: &str) -> Value {
    json!({ "name": plugin, "version": "0.1.0", "tools": [{
        "name": tool, "description": "Made by hand.", "input_schema": { "type": "object", "properties": { "path": { "type": "string" } } },
    }] })
}

impl Default for Made {
    fn default() -> Self {
        Self {
            manifest: manifest("made", "made_tool").to_string().into_bytes(),
            imports: String::new(),
            with: String::new(),
            core_imports: String::new(),
            core: String::new(),
            memory: "1".into(),
            // An answer without content: ok, no pieces, nothing structured.
            body: "(i32.const 64)".into(),
            export: "toolyard:plugin/tools@0.1.0".into(),
            function: "call".into(),
            more: String::new(),
        }
    }
}

/// The types of the interface, by their names, after `before` and the name, each in a form of `after`.
const TYPES: [(&str, &str); 5] = [
    (
        "blob",
        r#"(record (field "media-type" string) (field "data" (list u8)))"#,
    ),
    (
        "content",
        r#"(variant (case "text" string) (case "json" string) (case "image" $blob) (case "blob" $blob))"#,
    ),
    (
        "output",
        r#"(record (field "content" (list $content)) (field "structured" (option string)))"#,
    ),
    (
        "failure-kind",
        r#"(enum "failed" "invalid-arguments" "denied" "not-found")"#,
    ),
    (
        "failure",
        r#"(record (field "kind" $failure-kind) (field "code" string) (field "message" string) (field "hint" (option string)))"#,
    ),
];

const CALL: &str = r#"(param "name" string) (param "arguments" string) (result (result $output (error $failure)))"#;

impl Made {
    /// With this body of its export.
    pub fn body(body: &str) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// The component's bytes, without a manifest.
    pub fn bare(&self) -> Vec<u8> {
        wat::parse_str(self.text()).unwrap_or_else(|error| panic!("{error}\n{}", self.text()))
    }

    /// The component's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        with_section(self.bare(), &self.manifest)
    }

    fn text(&self) -> String {
        let Self {
            imports,
            with,
            core_imports,
            core,
            memory,
            body,
            export,
            function,
            more,
            ..
        } = self;
        let inner: String = TYPES
            .map(|(name, form)| {
                format!("(type ${name}-of {form}) (import \"import-type-{name}\" (type ${name} (eq ${name}-of)))\n")
            })
            .concat();
        // What goes out names only what went out before it.
        let out = |form: &str| {
            ["blob", "content", "failure-kind"]
                .iter()
                .fold(form.to_owned(), |form, name| {
                    form.replace(&format!("${name})"), &format!("${name}-x)"))
                })
        };
        let again: String = TYPES
            .map(|(name, form)| {
                format!(
                    "(type ${name}-y {}) (export ${name}-x \"{name}\" (type ${name}-y))\n",
                    out(form)
                )
            })
            .concat();
        let outer: String = TYPES.map(|(name, form)| format!("(type ${name} {form})\n")).concat();
        let given: String = TYPES
            .map(|(name, _)| format!("(with \"import-type-{name}\" (type ${name}))\n"))
            .concat();
        let exported = CALL.replace("$output", "$output-x").replace("$failure", "$failure-x");
        format!(
            r#"(component
  {imports}
  (core module $code
    {core_imports}
    (memory (export "memory") {memory})
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
        (then (drop (memory.grow (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1))))))
      (local.get $at))
    {core}
    (func (export "call") (param i32 i32 i32 i32) (result i32) {body}))
  (core instance $run (instantiate $code {with}))
  {outer}
  (func $call {CALL}
    (canon lift (core func $run "call") (memory $run "memory") (realloc (func $run "realloc"))))
  (component $door
    {inner}
    (import "import-func" (func $f {CALL}))
    {again}
    (export "{function}" (func $f) (func {exported})))
  (instance $tools (instantiate $door (with "import-func" (func $call)) {given}))
  (export "{export}" (instance $tools))
  {more}
)"#
        )
    }
}

/// `component` with one more custom section: a manifest.
pub fn with_section(mut component: Vec<u8>, manifest: &[u8]) -> Vec<u8> {
    let name = b"toolyard:manifest";
    let mut body = leb(name.len());
    body.extend_from_slice(name);
    body.extend_from_slice(manifest);
    component.push(0);
    component.extend(leb(body.len()));
    component.extend(body);
    component
}

/// A real component with another manifest in the place of its own, wherever that is nested.
pub fn with_manifest(component: &[u8], manifest: &[u8]) -> Vec<u8> {
    let stripped = strip(component);
    assert!(stripped.len() < component.len(), "it has no manifest");
    with_section(stripped, manifest)
}

/// A module or component without its manifest.
fn strip(bytes: &[u8]) -> Vec<u8> {
    let mut kept = bytes[..8].to_vec();
    let mut at = 8;
    while at < bytes.len() {
        let id = bytes[at];
        let (length, start) = unleb(bytes, at + 1);
        let body = &bytes[start..start + length];
        at = start + length;
        // Custom sections say their name first; modules (1) and components (4) are nested in components alone.
        let is_component = bytes[4] == 0x0d;
        let body = match id {
            0 if body.get(1..18) == Some(b"toolyard:manifest") => continue,
            1 | 4 if is_component => strip(body),
            _ => body.to_vec(),
        };
        kept.push(id);
        kept.extend(leb(body.len()));
        kept.extend(body);
    }
    kept
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn unleb(bytes: &[u8], mut at: usize) -> (usize, usize) {
    let (mut number, mut shift) = (0, 0);
    loop {
        number |= usize::from(bytes[at] & 0x7f) << shift;
        shift += 7;
        at += 1;
        if bytes[at - 1] & 0x80 == 0 {
            return (number, at);
        }
    }
}

/// Random numbers that are the same in every run (xorshift).
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
