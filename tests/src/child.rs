//! A test that needs a process of its own: it runs its program again, for itself alone, and plays the child there.

use std::{any::type_name, env, process::Command};

/// Set for a child.
const ASKED: &str = "COPILOT_TESTS_CHILD";

/// What the parent asks of this process, where it is a child.
pub fn asked() -> Option<String> {
    env::var(ASKED).ok()
}

/// Whether this test has a process to itself; where it has none, it has been run in one.
pub fn is_alone<T: Fn()>(test: T) -> bool {
    if asked().is_none() {
        run(test, "alone", &[]);
        return false;
    }
    true
}

/// Runs this test, `T`, in a child that has no variables but these; gives what it printed. It must succeed.
pub fn run<T: Fn()>(_: T, asked: &str, variables: &[(&str, &str)]) -> String {
    let (_, test) = type_name::<T>().split_once("::").expect("a test stands in a crate");
    let mut command = Command::new(env::current_exe().expect("a test has a path"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env_clear();
    command.env(ASKED, asked).envs(variables.iter().copied());
    let output = command.output().expect("the test cannot be run again");
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text
}
