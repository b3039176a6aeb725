//! `validate --watch`: the files are checked again whenever one of them changes.

use std::{fs, io::ErrorKind, path::Path, time::Duration};

use super::{STANDARD_INPUT, ValidateArguments, check_once};
use crate::{
    commands::block_on,
    exit::{Exit, Failure},
    signals::StopSignals,
    terminal::{self, style},
};

/// How often the files are looked at. They are small, so their text is compared: no change is missed for its time stamp.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub(super) fn watch(arguments: &ValidateArguments) -> Result<Exit, Failure> {
    if arguments.files.iter().any(|path| path.as_os_str() == STANDARD_INPUT) {
        return Err(Failure::usage("--watch needs files; standard input can't be read again"));
    }
    block_on(async {
        let mut stop = StopSignals::listen().map_err(Failure::failed)?;
        let mut seen = None;
        loop {
            let now = state_of(arguments);
            if seen.as_ref() != Some(&now) {
                seen = Some(now);
                check(arguments)?;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stop.next() => return Ok(Exit::Interrupted),
            }
        }
    })
}

/// Checks once. What is wrong now may be mended in a moment, so only an output that is gone ends the watch.
fn check(arguments: &ValidateArguments) -> Result<(), Failure> {
    match check_once(arguments) {
        Ok(_) => {}
        Err(failure) if failure.exit == Exit::Usage => terminal::report(&failure),
        Err(failure) => return Err(failure),
    }
    terminal::tell(style::paint(style::DIM, "waiting for changes; Ctrl-C ends it"));
    Ok(())
}

/// The texts of all files, or why they can't be read.
fn state_of(arguments: &ValidateArguments) -> Vec<Result<Vec<u8>, ErrorKind>> {
    let text = |path: &Path| fs::read(path).map_err(|error| error.kind());
    arguments.files.iter().chain(&arguments.agents).map(|path| text(path)).collect()
}
