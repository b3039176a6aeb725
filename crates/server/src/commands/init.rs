//! `init`: a first process and the agents that it needs, which run at once.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    exit::{Exit, Failure},
    terminal,
};

const EXAMPLES: &str = "\
Examples:
  procession init
  procession init my-processes && procession run my-processes/hello.yaml

Files that are there are never changed.";

/// The files with their names.
const FILES: [(&str, &str); 2] = [
    ("hello.yaml", include_str!("../../first-process/hello.yaml")),
    ("agents.yaml", include_str!("../../first-process/agents.yaml")),
];

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InitArguments {
    /// The folder; it is made if it is missing.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

pub(super) fn run(arguments: &InitArguments) -> Result<Exit, Failure> {
    let folder = &arguments.folder;
    let taken = FILES.iter().map(|(name, _)| folder.join(name)).find(|path| path.exists());
    if let Some(path) = taken {
        return Err(already_there(&path));
    }
    fs::create_dir_all(folder)
        .map_err(|error| Failure::failed(format_args!("the folder {} can't be made: {error}", folder.display())))?;
    for (name, text) in FILES {
        write(&folder.join(name), text)?;
    }
    let here = |name: &str| folder.join(name).strip_prefix(".").map_or_else(|_| folder.join(name), Path::to_path_buf);
    for (name, _) in FILES {
        terminal::say(format_args!("wrote {}", here(name).display()))?;
    }
    let hello = here(FILES[0].0);
    let hello = hello.display();
    terminal::tell(format_args!(
        "Try next:\n  procession run {hello}\n  procession run {hello} --input topic=tea\n  procession validate {hello} --watch"
    ));
    Ok(Exit::Done)
}

fn already_there(path: &Path) -> Failure {
    Failure::usage(format_args!("{} is there already", path.display()))
        .hint("choose another folder, such as `procession init my-processes`")
}

/// Writes a new file, never over one that someone has put there meanwhile.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written =
        OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => already_there(path),
        _ => Failure::failed(format_args!("{} can't be written: {error}", path.display())),
    })
}
