//! `copilot-cx completions`: what a shell needs to know to complete its command lines.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::{exit::Exit, out};

/// Print what completes command lines of copilot-cx in a shell
///
/// For bash: copilot-cx completions bash >~/.local/share/bash-completion/completions/copilot-cx
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, mut command: Command) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "copilot-cx", &mut script);
    if arguments.shell == Shell::Bash {
        // It writes the hyphen of the program's name in one way where it goes into a command, and in another where it comes out.
        // And it offers what is hidden.
        let text = String::from_utf8_lossy(&script).replace("copilot__subcmd__cx", "copilot__cx");
        let text = text.replace("--client-secret-file --client-secret ", "--client-secret-file ");
        script = text.into_bytes();
    }
    out::bytes(&script);
    Exit::Done
}
