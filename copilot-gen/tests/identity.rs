//! The code that this build compiled is that of the contract, whether it was generated or is the committed copy.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::{fs, path::Path};

/// Without the feature, the compiled client is the committed copy: there is nothing to compare.
#[cfg(feature = "codegen")]
#[test]
fn the_compiled_client_is_the_committed_one() {
    assert!(Path::new("../openapi/copilot.yaml").exists(), "without it the committed copy was compiled");
    let compiled = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    let committed = include_str!("../generated/client.rs").replace("\r\n", "\n");
    assert!(
        compiled == committed,
        "generated/client.rs is not what openapi/copilot.yaml says: run `cargo xtask gen`"
    );
}

#[test]
fn the_compiled_client_is_that_of_the_contract_beside_it() {
    let contract = fs::read_to_string(Path::new("../openapi/copilot.json")).unwrap();
    let contract: serde_json::Value = serde_json::from_str(&contract).unwrap();
    assert_eq!(contract["info"]["x-contract-version"], copilot_gen::CONTRACT_VERSION);
    let mapping = contract["components"]["schemas"]["Event"]["discriminator"]["mapping"].as_object().unwrap();
    assert_eq!(mapping.len(), copilot_gen::EVENT_TYPES.len());
    assert!(copilot_gen::EVENT_TYPES.iter().all(|name| mapping.contains_key(*name)));
}
