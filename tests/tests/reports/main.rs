//! What people have reported, replayed from outside: each file under `tests/reports` holds the files of one report, what
//! is done with the program, and what it must say. A report is an example of a kind; `variants` hold more of the kind.

#[cfg(test)]
mod model;
#[cfg(test)]
mod play;
#[cfg(test)]
mod report;

#[cfg(test)]
mod replay {
    use std::{fs, path::Path};

    use crate::{play::play, report::Report};

    /// All reports whose names begin so; a name that begins none is a slip in this file.
    fn replayed(beginning: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning)));
        files.sort();
        assert!(!files.is_empty(), "no report begins with `{beginning}`");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut failed = Vec::new();
        for path in &files {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let report: Report = serde_yaml::from_str(&fs::read_to_string(path).unwrap())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            for variant in report.variants() {
                if let Err(error) = runtime.block_on(play(&report, &variant)) {
                    failed.push(format!("{name} {variant:?}: {}\n{error:#}", report.right));
                }
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    }

    #[test]
    fn what_models_and_tool_servers_answer_is_taken_as_it_is_meant() {
        replayed("model-");
    }

    #[test]
    fn what_authors_write_is_never_lost_or_false_in_silence() {
        replayed("author-");
    }

    #[test]
    fn what_is_wrong_is_told_once_at_its_place_with_what_to_write() {
        replayed("words-");
    }

    #[test]
    fn what_clients_send_is_understood_or_refused() {
        replayed("client-");
    }
}
