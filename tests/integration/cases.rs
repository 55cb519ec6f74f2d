//! Runs every file in `tests/cases`. It must not hold a case itself: a new case is a new file.

use toolyard_tests::{check_case, repository};

#[test]
fn all_cases() {
    let folder = repository().join("tests/cases");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    assert!(files.len() >= 20, "only {} cases", files.len());
    let failed: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let run = std::panic::catch_unwind(|| check_case(file));
            run.err().map(|_| file.display().to_string())
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {} cases failed: {failed:#?}",
        failed.len(),
        files.len()
    );
}
