//! Puts the generated client into `OUT_DIR`: from the contract with the feature `codegen`, else the committed copy.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let out = Path::new(&env::var("OUT_DIR")?).join("client.rs");
    match client() {
        Ok(client) => fs::write(out, client)?,
        // What the contract's author needs to read, and nothing around it.
        Err(error) => println!("cargo::error={error}"),
    }
    Ok(())
}

/// A package holds no contract, and its committed copy was generated from the one that it was packed with.
#[cfg(feature = "codegen")]
fn client() -> Result<String, Box<dyn Error>> {
    use copilot_codegen::{Contract, generate};

    let contract = Path::new("../openapi/copilot.yaml");
    if !contract.exists() {
        return committed();
    }
    println!("cargo::rerun-if-changed={}", contract.display());
    println!("cargo::rerun-if-changed=build.rs");
    Ok(generate(&Contract::parse(&fs::read_to_string(contract)?)?)?)
}

#[cfg(not(feature = "codegen"))]
fn client() -> Result<String, Box<dyn Error>> {
    committed()
}

fn committed() -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed=generated/client.rs");
    println!("cargo::rerun-if-changed=build.rs");
    Ok(fs::read_to_string("generated/client.rs")?.replace("\r\n", "\n"))
}
