//! The ground that attacks are made on: a workspace with something beside it, a host over it, and what must hold after
//! every call whatever it tried. It must not make any attack.

use serde_json::{Value, json};
use toolyard::{Call, Content, Host, HostBuilder, Outcome, Status, report};
use toolyard_tests::{World, repository, run};

/// Paths in the workspace of most cases: files, folders, links of every kind, and what the policy denies.
pub fn files() -> Value {
    json!({
        "a/x.txt": "x\n", "a/y.txt": "y\n", "a/sub/z.txt": "z\n", "a/sub/deep/q.txt": "q\n", "b/w.txt": "w\n",
        "top.txt": "top\n", ".env": "KEY=hidden content\n", ".git/config": "[core]\n", "a/.env": "KEY=hidden content\n",
        "a/to_y": { "link": "y.txt" }, "a/to_b": { "link": "../b" }, "a/out": { "link": "../../outside" },
        "a/out_file": { "link": "../../outside/secret.txt" }, "a/abs": { "link": "/etc" },
        "a/chain": { "link": "out_file" }, "a/chain2": { "link": "to_out/secret.txt" }, "a/to_out": { "link": "out" },
        "a/dangling_out": { "link": "../../outside/new.txt" }, "a/out_slash": { "link": "../../outside/" },
        "a/loop": { "link": "loop" }, "a/loop1": { "link": "loop2" }, "a/loop2": { "link": "loop1" },
        "a/proc": { "link": "/proc/self" }, "a/zero": { "link": "/dev/zero" }, "a/evil": { "link": "../../work-evil" },
    })
}

/// A host over a workspace, and how all was before.
pub struct Ground {
    pub world: World,
    pub host: Host,
    before: Value,
}

impl Ground {
    /// A workspace with these files.
    pub fn with(files: &Value) -> Self {
        Self::of(World::with(files), |builder| builder)
    }

    /// A workspace, with a host of one's own making.
    pub fn of(world: World, change: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        // A sibling that begins like the workspace.
        let evil = world.around().join("work-evil");
        if !evil.exists() {
            std::fs::create_dir(&evil).expect("a sibling");
            std::fs::write(evil.join("secret.txt"), "hidden content\n").expect("a file");
        }
        let before = world.everything();
        let host = change(world.builder()).build().expect("a host");
        Self { world, host, before }
    }

    /// The usual workspace, looked up in both ways.
    pub fn both() -> [Self; 2] {
        let make = |stepwise: bool| {
            Self::of(World::with(&files()), |builder| match stepwise {
                true => builder.without_openat2(),
                false => builder,
            })
        };
        [make(false), make(true)]
    }

    /// Runs one call, of which nothing may show what is outside.
    pub fn call(&self, tool: &str, arguments: Value) -> Outcome {
        self.batch(vec![Call::new(tool, arguments)]).remove(0)
    }

    /// Runs calls, of which nothing may show what is outside.
    pub fn batch(&self, calls: Vec<Call>) -> Vec<Outcome> {
        let said: String = calls.iter().map(|call| call.arguments.to_string()).collect();
        let outcomes = run(&self.host, calls);
        outcomes.iter().for_each(|outcome| self.quiet(outcome, &said));
        outcomes
    }

    /// Nothing of an outcome shows what is outside, but what the caller said itself.
    pub fn quiet(&self, outcome: &Outcome, said: &str) {
        let shown = format!("{}{}", report::outcome(outcome), outcome.log);
        let hosts = [
            self.world.around().display().to_string(),
            repository().display().to_string(),
        ];
        let secrets = ["hidden content", "root:x:", "PATH="].map(str::to_owned);
        for secret in hosts.iter().chain(&secrets) {
            assert!(
                !shown.contains(secret.as_str()) || said.contains(secret.as_str()),
                "{secret} in {shown}"
            );
        }
    }

    /// Tries file operations under the grants in `claims`: how each went.
    pub fn tries(&self, claims: &Value, ops: &[Value]) -> Vec<Value> {
        let mut arguments = claims.clone();
        arguments["ops"] = json!(ops);
        let outcome = self.call("probe_fs", arguments);
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        match outcome.content.into_iter().next() {
            Some(Content::Json(Value::Array(tried))) => tried,
            other => panic!("{other:?}"),
        }
    }

    /// Nothing has changed, in the workspace or beside it.
    pub fn unchanged(&self) {
        assert_eq!(self.changed(), [""; 0]);
    }

    /// What has changed, in the workspace or beside it.
    pub fn changed(&self) -> Vec<String> {
        let now = self.world.everything();
        let names = |value: &Value| value.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
        let mut all = names(&self.before).unwrap_or_default();
        all.extend(names(&now).unwrap_or_default());
        all.sort();
        all.dedup();
        let changed = all
            .into_iter()
            .filter(|name| now.get(name) != self.before.get(name))
            .map(|name| format!("{name}: {:?} became {:?}", self.before.get(&name), now.get(&name)));
        changed.collect()
    }

    /// What is changed from here on is measured against what is there now.
    pub fn settle(&mut self) {
        self.before = self.world.everything();
    }

    /// The host answers the next good call.
    pub fn alive(&self) {
        alive(&self.host);
    }
}

/// Makes a host and drops it again, after it has compiled what most cases need.
pub fn warm_up() {
    let ground = Ground::with(&json!({ "a": "" }));
    ground.alive();
    let _ = ground.call("read_file", json!({ "path": "a" }));
}

/// The host answers a good call.
pub fn alive(host: &Host) {
    let outcome = run(host, vec![Call::new("probe_echo", json!({ "text": "alive" }))]).remove(0);
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    assert_eq!(outcome.content, [Content::Text("alive".into())]);
    assert_eq!(host.status(), []);
}

/// The call ended so, with an error of that code that names the tool.
pub fn ended(outcome: &Outcome, status: Status, code: &str) {
    let error = outcome
        .error
        .as_ref()
        .unwrap_or_else(|| panic!("no error: {outcome:?}"));
    assert_eq!((outcome.status, error.code.as_str()), (status, code), "{outcome:?}");
    assert!(
        error.message.contains(&outcome.tool),
        "it does not name {}: {error:?}",
        outcome.tool
    );
}

/// The operations that went well, as `op path`.
pub fn well(tried: &[Value]) -> Vec<String> {
    let well = tried
        .iter()
        .filter(|tried| tried["ok"] == true && tried["value"] != "false");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    well.map(|tried| format!("{} {}", text(&tried["op"]), text(&tried["path"])))
        .collect()
}

/// What each operation was told, without what it was tried on.
pub fn told(tried: &[Value]) -> Vec<(Value, Value, Value)> {
    let told = |tried: &Value| (tried["op"].clone(), tried["ok"].clone(), tried["error"].clone());
    tried.iter().map(told).collect()
}
