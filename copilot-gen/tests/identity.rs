//! The code that this build compiled, generated or copied, is the committed copy byte for byte.

#[test]
fn the_compiled_client_is_the_committed_one() {
    let compiled = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    let committed = include_str!("../generated/client.rs").replace("\r\n", "\n");
    assert!(
        compiled == committed,
        "generated/client.rs is not what openapi/copilot.yaml says: run `cargo xtask gen`"
    );
}
