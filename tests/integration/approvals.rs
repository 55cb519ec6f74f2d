//! What the policy refuses and a person allows, and the log of all that was decided. It must not need a terminal.

use crate::probes::check;
use crate::serve::Served;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use toolyard::{Answer, Answering, Approve, Call, Host, Outcome, Question, Status};
use toolyard_tests::{World, run};

/// Somebody who answers each question with the next answer, and the last one from then on.
struct Operator {
    answers: Mutex<Vec<Answer>>,
    asked: Mutex<Vec<String>>,
    /// A question waits until this many answers were released.
    released: tokio::sync::Semaphore,
}

impl Operator {
    fn new(answers: &[Answer], released: usize) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.iter().rev().copied().collect()),
            asked: Mutex::default(),
            released: tokio::sync::Semaphore::new(released),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a list").clone()
    }
}

impl Approve for Operator {
    fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a> {
        let asked = format!("{}: {}", question.tool, question.refusal.asked());
        self.asked.lock().expect("a list").push(asked);
        Box::pin(async move {
            self.released.acquire().await.expect("open").forget();
            let mut answers = self.answers.lock().expect("a list");
            match answers.len() {
                1 => answers[0],
                _ => answers.pop().expect("an answer"),
            }
        })
    }
}

const MANY: usize = 1000;

fn world() -> World {
    World::with(&json!({ ".env": "KEY=1\n", "a.txt": "a\n", "b.txt": "b\n" }))
}

fn host(world: &World, operator: &Arc<Operator>) -> Host {
    let operator: Arc<dyn Approve> = Arc::<Operator>::clone(operator);
    world.builder().approver(operator).build().expect("a host")
}

fn read(path: &str) -> Call {
    Call::new("read_file", json!({ "path": path }))
}

fn statuses(outcomes: &[Outcome]) -> Vec<Status> {
    outcomes.iter().map(|outcome| outcome.status).collect()
}

#[test]
fn once_and_always_and_no_and_never() {
    let world = world();
    let twice = || vec![read(".env"), read(".env")];
    for (answers, expect, questions) in [
        (&[Answer::Once, Answer::No][..], [Status::Ok, Status::Denied], 2),
        (&[Answer::Always, Answer::No], [Status::Ok, Status::Ok], 1),
        (&[Answer::No, Answer::Once], [Status::Denied, Status::Ok], 2),
        (&[Answer::Never, Answer::Once], [Status::Denied, Status::Denied], 1),
    ] {
        let operator = Operator::new(answers, MANY);
        let host = host(&world, &operator);
        let outcomes: Vec<Outcome> = twice()
            .into_iter()
            .map(|call| run(&host, vec![call]).remove(0))
            .collect();
        assert_eq!(statuses(&outcomes), expect, "{answers:?}: {outcomes:#?}");
        assert_eq!(
            operator.asked(),
            vec!["read_file: read of .env"; questions],
            "{answers:?}"
        );
        // Whoever was asked about is told apart from what the policy allows by itself.
        let notes: String = outcomes.iter().flat_map(|outcome| outcome.notes.clone()).collect();
        let allowed = answers
            .iter()
            .take(questions)
            .filter(|answer| matches!(answer, Answer::Once | Answer::Always));
        assert_eq!(
            notes.matches("beyond the policy: read of .env").count(),
            allowed.count(),
            "{notes}"
        );
        for outcome in outcomes.iter().filter(|outcome| outcome.status != Status::Ok) {
            check(outcome, Status::Denied, "denied");
        }
    }
    // What was allowed for reading is not allowed for writing, and not for another tool.
    let operator = Operator::new(&[Answer::Always, Answer::No], MANY);
    let host = host(&world, &operator);
    let write = Call::new("write_file", json!({ "path": ".env", "content": "x" }));
    let info = Call::new("file_info", json!({ "path": ".env" }));
    let outcomes: Vec<Outcome> = [read(".env"), write, info]
        .into_iter()
        .map(|call| run(&host, vec![call]).remove(0))
        .collect();
    assert_eq!(statuses(&outcomes), [Status::Ok, Status::Denied, Status::Denied]);
    assert_eq!(world.read(".env"), "KEY=1\n");
}

/// A call that waits for an answer holds nothing: others run, even those that conflict with it; it can be taken back; and
/// those that come after it wait for it.
#[test]
fn waiting_for_an_answer_blocks_nobody() {
    let world = world();
    let operator = Operator::new(&[Answer::Once], 0);
    let host = host(&world, &operator);
    let mut after = Call::new("read_file", json!({ "path": "b.txt" }));
    after.after = vec!["asks".into()];
    let calls = vec![
        Call::new("read_files", json!({ "paths": [".env", "a.txt"] })).with_id("asks"),
        Call::new("write_file", json!({ "path": "a.txt", "content": "new\n" })).with_id("conflicts"),
        read("b.txt").with_id("unrelated"),
        after.with_id("after"),
    ];
    let ended = Arc::new(AtomicUsize::new(0));
    let batch = host.submit(calls).expect("a batch");
    let begun = std::time::Instant::now();
    while host.status().len() > 2 || operator.asked().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", host.status());
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(world.read("a.txt"), "new\n", "the writer did not wait");
    assert!(host.status().iter().all(|call| !call.started));
    operator.released.add_permits(1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcomes = runtime.block_on(batch.outcomes());
    ended.fetch_add(1, Ordering::SeqCst);
    assert_eq!(statuses(&outcomes), [Status::Ok; 4], "{outcomes:#?}");
    // It saw what was there when it ran.
    assert!(
        format!("{:?}", outcomes[0].content).contains("new"),
        "{:#?}",
        outcomes[0]
    );
    let batch = host.submit(vec![read(".env")]).expect("a batch");
    while operator.asked().len() < 2 {
        std::thread::sleep(Duration::from_millis(2));
    }
    batch.cancel();
    let outcomes = runtime.block_on(batch.outcomes());
    assert_eq!(statuses(&outcomes), [Status::Cancelled]);
    operator.released.add_permits(1);
}

/// Without somebody to ask, a refusal is one; and what is asked about is asked again when its paths have changed.
#[test]
fn results_can_be_asked_about() {
    let world = world();
    let operator = Operator::new(&[Answer::Once], MANY);
    let host = host(&world, &operator);
    let first = Call::new("probe_echo", json!({ "text": ".env" })).with_id("1");
    let path = json!({ "$result": "1" });
    let calls = vec![first, Call::new("read_file", json!({ "path": path })).with_id("2")];
    let outcomes = run(&host, calls.clone());
    assert_eq!(statuses(&outcomes), [Status::Ok, Status::Ok], "{outcomes:#?}");
    let plain = world.builder().build().expect("a host");
    assert_eq!(statuses(&run(&plain, calls)), [Status::Ok, Status::Denied]);
}

/// What no answer could open is refused without a question: the files that the host itself trusts.
#[test]
fn nobody_is_asked_about_what_stays_closed() {
    let world = world();
    world.add(&json!({ "toolyard.toml": "[files]\nread = [\"**\"]\nwrite = [\"**\"]\n" }));
    for answer in [Answer::Once, Answer::Always] {
        let operator = Operator::new(&[answer], MANY);
        let host = host(&world, &operator);
        let write = Call::new("write_file", json!({ "path": "toolyard.toml", "content": "" }));
        let outcome = run(&host, vec![write]).remove(0);
        check(&outcome, Status::Denied, "denied");
        assert_eq!(operator.asked(), [""; 0], "{outcome:#?}");
    }
    assert!(world.read("toolyard.toml").starts_with("[files]"));
}

/// A call whose path is another's result could be anywhere; once that is there and somebody is asked, it is nowhere.
#[test]
fn a_result_that_is_asked_about_blocks_nobody() {
    let world = world();
    let operator = Operator::new(&[Answer::Once], 0);
    let host = host(&world, &operator);
    let first = Call::new("probe_echo", json!({ "text": ".env" })).with_id("1");
    let taking = json!({ "path": { "$result": "1" }, "content": "KEY=2\n" });
    let write = Call::new("write_file", json!({ "path": "a.txt", "content": "new\n" }));
    let calls = vec![first, Call::new("write_file", taking).with_id("2"), write];
    let batch = host.submit(calls).expect("a batch");
    let begun = std::time::Instant::now();
    while host.status().len() > 1 || operator.asked().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", host.status());
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(
        (world.read("a.txt"), world.read(".env")),
        ("new\n".into(), "KEY=1\n".into())
    );
    operator.released.add_permits(1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcomes = runtime.block_on(batch.outcomes());
    assert_eq!(statuses(&outcomes), [Status::Ok; 3], "{outcomes:#?}");
    assert_eq!(world.read(".env"), "KEY=2\n");
    assert!(outcomes[1].footprint.entries().len() == 1, "{outcomes:#?}");
}

/// An operator that fails takes no caller's outcome along.
#[test]
fn an_approver_that_panics() {
    struct Panics;
    impl Approve for Panics {
        fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a> {
            panic!("asked about {}", question.tool)
        }
    }
    let world = world();
    let host = world.builder().approver(Arc::new(Panics)).build().expect("a host");
    let outcomes = run(&host, vec![read(".env"), read("a.txt")]);
    check(&outcomes[0], Status::HostFailure, "host_failure");
    assert_eq!((outcomes[1].status, host.status().len()), (Status::Ok, 0));
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("the log");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn every_decision_and_end_is_written() {
    let world = world();
    let file = world.outside().join("audit.jsonl");
    let operator = Operator::new(&[Answer::Once], MANY);
    let approver: Arc<dyn Approve> = Arc::<Operator>::clone(&operator);
    let host = world.builder().audit(&file).approver(approver).build().expect("a host");
    let evil = "x\n{\"kind\":\"end\"}\u{1b}[2J";
    let calls = vec![
        read("a.txt").with_id("good"),
        read("../outside/secret.txt").with_id("outside"),
        Call::new("no_such_tool", json!({})).with_id("unknown"),
        Call::new("probe_fail", json!({ "code": "own_code", "message": evil })).with_id("fails"),
        read(".env").with_id(evil),
    ];
    let outcomes = run(&host, calls);
    assert_eq!(outcomes.len(), 5);
    let lines = lines(&file);
    let of = |id: &str, kind: &str| -> Vec<&Value> {
        lines
            .iter()
            .filter(|line| line["call"] == id && line["kind"] == kind)
            .collect()
    };
    let good = of("good", "decision");
    assert_eq!(good.len(), 1);
    assert_eq!(good[0]["decision"], "allowed");
    assert_eq!(
        good[0]["rules"],
        json!(["read = [\"**\"] in [files] of the built-in policy"])
    );
    assert_eq!(good[0]["footprint"][0]["resource"], "a.txt");
    assert_eq!(
        (good[0]["plugin"].as_str(), good[0]["component"].as_str().map(str::len)),
        (Some("fs"), Some(64))
    );
    let end = of("good", "end");
    assert_eq!((end.len(), &end[0]["status"]), (1, &json!("ok")));
    assert!(end[0]["run_us"].is_u64() && end[0]["wait_us"].is_u64());
    assert_eq!(of("outside", "decision")[0]["decision"], "refused");
    assert_eq!(of("unknown", "decision")[0]["code"], "unknown_tool");
    assert_eq!(of("fails", "end")[0]["status"], "failed");
    let asked = of(evil, "decision");
    assert_eq!(
        asked.iter().map(|line| &line["decision"]).collect::<Vec<_>>(),
        ["later", "allowed"]
    );
    assert_eq!(asked[1]["approved"][0]["resource"], ".env");
    let wrong = Call::new("read_file", json!({ "path": ["content in a wrong place"] }));
    check(
        &run(&host, vec![wrong]).remove(0),
        Status::InvalidArguments,
        "invalid_arguments",
    );
    // Contents, arguments and guests' words are nowhere.
    let text = std::fs::read_to_string(&file).expect("the log");
    assert!(
        !text.contains("KEY=1") && !text.contains("content in a") && text.is_ascii(),
        "{text}"
    );
    assert_eq!(lines.len(), 9, "{text}");
}

/// A decision that can't be written is a refusal, and nothing runs.
#[test]
fn a_log_that_is_full_stops_calls() {
    let world = world();
    let host = world.builder().audit("/dev/full").build().expect("a host");
    let write = Call::new("write_file", json!({ "path": "a.txt", "content": "new\n" }));
    let outcome = run(&host, vec![write]).remove(0);
    check(&outcome, Status::HostFailure, "audit_failed");
    assert_eq!(world.read("a.txt"), "a\n");
    let inside = world
        .builder()
        .audit("audit.jsonl")
        .build()
        .expect_err("tools could change it");
    assert!(inside.to_string().contains("where tools work"), "{inside}");
}

/// Asks about the calls of one tool and gets no answer; a call of any other tool is refused for good.
#[derive(Default)]
struct Deaf {
    asked: Mutex<Vec<String>>,
}

impl Approve for Deaf {
    fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a> {
        self.asked.lock().expect("a list").push(question.tool.clone());
        Box::pin(async move {
            match &*question.tool {
                "read_file" => std::future::pending().await,
                _ => Answer::Never,
            }
        })
    }
}

/// A client's open question keeps no other's from being asked, and what is answered for good binds the one who was asked.
#[test]
fn clients_are_asked_apart() {
    let world = world();
    let deaf = Arc::new(Deaf::default());
    let approver: Arc<dyn Approve> = Arc::<Deaf>::clone(&deaf);
    let host = world.builder().approver(approver).build().expect("a host");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let asked = || deaf.asked.lock().expect("a list").len();
    let info = || vec![Call::new("file_info", json!({ "path": ".env" }))];
    let (one, other) = (host.client(), host.client());
    let open = one.submit(vec![read(".env")]).expect("a batch");
    while asked() == 0 {
        std::thread::sleep(Duration::from_millis(2));
    }
    // The second time it is not asked, nor is what is the same client.
    for client in [&other, &other, &other.clone()] {
        let outcomes = runtime.block_on(client.batch(info())).expect("a batch");
        assert_eq!((statuses(&outcomes), asked()), (vec![Status::Denied], 2));
    }
    let third = host.client();
    runtime.block_on(third.batch(info())).expect("a batch");
    assert_eq!(asked(), 3);
    assert_eq!(statuses(&run(&host, info())), [Status::Denied]);
    assert_eq!(asked(), 4);
    assert_eq!(host.status().len(), 1);
    open.cancel();
    assert_eq!(statuses(&runtime.block_on(open.outcomes())), [Status::Cancelled]);
}

/// A question for a call that is gone is taken back, and the next one is asked.
#[test]
fn a_question_goes_with_its_call() {
    let world = World::with(&json!({ ".env": "x" }));
    let mut served = Served::start(world, &[], &json!({ "elicitation": {} }));
    let id = served.call("read_file", json!({ "path": ".env" }));
    let asked = served.hear().expect("a question");
    assert_eq!(asked["method"], json!("elicitation/create"));
    served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
    let told = served.hear().expect("a word");
    assert_eq!(told["method"], json!("notifications/cancelled"), "{told}");
    assert_eq!(told["params"]["requestId"], asked["id"]);
    let id = served.call("read_file", json!({ "path": ".env" }));
    let asked = served.hear().expect("a question");
    let answer = json!({ "action": "accept", "content": { "allow": "once" } });
    served.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": answer }));
    assert_eq!(served.answer(id)["result"]["isError"], json!(false));
}
