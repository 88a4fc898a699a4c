//! Where settings come from, and what is refused of them.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{Folder, SECRET, program, run, sandbox};

const EVENT: [&str; 6] = ["event", "custom_event", "--subtype", "brewed", "--user-id", "user-7"];

#[test]
fn the_command_line_counts_before_the_environment_before_the_folder_before_the_user() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let secret = folder.file("secret", format!("{SECRET}\n"));
    fs::set_permissions(folder.0.join(&secret), fs::Permissions::from_mode(0o600)).unwrap();
    let nowhere = "http://127.0.0.1:9";
    fs::create_dir(folder.0.join("copilot-cx")).unwrap();
    folder.file(
        "copilot-cx/config.toml",
        format!("client_id = \"me\"\nclient_secret_file = \"{secret}\"\nendpoint = \"{}\"\n", sandbox.url()),
    );
    let call = |arguments: &[&str], variables: &[(&str, &str)]| {
        run(program(&folder.0).envs(variables.iter().copied()), &[&EVENT[..], arguments].concat())
    };
    call(&[], &[]).expect(0, "accepted");
    folder.file("copilot-cx.toml", "client_id = \"another\"\n");
    call(&[], &[]).expect(3, "401");
    call(&[], &[("COPILOT_CLIENT_ID", "me")]).expect(0, "accepted");
    call(&["--client-id", "another"], &[("COPILOT_CLIENT_ID", "me")]).expect(3, "401");
    // What says more of endpoints counts as a whole, whatever those below say of one of them.
    folder.file("copilot-cx.toml", format!("client_id = \"me\"\ncollect_url = \"{nowhere}/v2/collect\"\n"));
    call(&["--endpoint", &sandbox.url()], &[]).expect(0, "accepted");
    call(&[], &[]).expect(4, "");
}

#[test]
fn secrets_that_others_can_read_are_refused() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let secret = folder.file("secret", SECRET);
    let mode = |mode| fs::set_permissions(folder.0.join(&secret), fs::Permissions::from_mode(mode)).unwrap();
    let call = |arguments: &[&str]| {
        let known = ["--client-id", "me", "--endpoint", &sandbox.url()].map(str::to_owned);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        run(&mut program(&folder.0), &[&EVENT[..], &known, arguments].concat())
    };
    mode(0o644);
    call(&["--client-secret-file", &secret]).expect(1, "chmod 600 secret");
    mode(0o600);
    call(&["--client-secret-file", &secret]).expect(0, "accepted");
    call(&["--client-secret", SECRET]).expect(1, "every user of this machine");
    call(&["--client-secret-file", "missing"]).expect(1, "missing");
    call(&[]).expect(1, "no client secret");
    folder.file("copilot-cx.toml", format!("client_secret = \"{SECRET}\"\n"));
    call(&[]).expect(1, "holds `client_secret`");
    folder.file("copilot-cx.toml", "\nclient_idd = \"me\"\n");
    call(&[]).expect(1, "copilot-cx.toml:2");
    // Whoever can write it could say where the credentials go.
    folder.file("copilot-cx.toml", "client_id = \"me\"\n");
    fs::set_permissions(folder.0.join("copilot-cx.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    call(&[]).expect(1, "any user can write it");
    run(&mut program(&folder.0), &["validate", "missing"]).expect(1, "missing cannot be read");
    fs::set_permissions(folder.0.join("copilot-cx.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    folder.file("copilot-cx.toml", "outbox = \"postgres://app:word@127.0.0.1/shop\"\n");
    call(&[]).expect(1, "holds a password");
    // As systemd hands it over.
    fs::remove_file(folder.0.join("copilot-cx.toml")).unwrap();
    fs::create_dir(folder.0.join("credentials")).unwrap();
    fs::rename(folder.0.join(&secret), folder.0.join("credentials/copilot-client-secret")).unwrap();
    let mut command = program(&folder.0);
    command.env("CREDENTIALS_DIRECTORY", folder.0.join("credentials")).env("COPILOT_ENDPOINT", sandbox.url());
    run(&mut command, &[&EVENT[..], &["--client-id", "me"]].concat()).expect(0, "accepted");
}
