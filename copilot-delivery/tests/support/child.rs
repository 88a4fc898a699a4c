//! Tests that need a process of their own: they run their program again, for themselves alone.

use std::{any::type_name, env, process::Command};

const ASKED: &str = "COPILOT_DELIVERY_TESTS_CHILD";

/// Whether this test has a process to itself; where it has none, it has been run in one.
pub(crate) fn is_alone<T: Fn()>(_: T) -> bool {
    if env::var_os(ASKED).is_some() {
        return true;
    }
    let (_, test) = type_name::<T>().split_once("::").expect("a test stands in a crate");
    let mut command = Command::new(env::current_exe().expect("a test has a path"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ASKED, "1");
    let output = command.output().expect("the test cannot be run again");
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}
