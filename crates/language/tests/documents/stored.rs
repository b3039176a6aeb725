//! Definitions that are stored as JSON and read back, and texts of which only the version changes.

use procession_domain::{definition::Definition, value::Version};
use procession_language::set_version;

use super::valid;

const EXAMPLES: [&str; 2] = [
    include_str!("../diagnostics/examples/every-step-type.yaml"),
    include_str!("../diagnostics/examples/existing-spellings.yaml"),
];

#[test]
fn a_definition_read_back_is_the_same() {
    for yaml in EXAMPLES {
        let definition = valid(yaml);
        let stored = serde_json::to_string(&definition).unwrap();
        let read: Definition = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, definition);
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    }
}

#[test]
fn a_new_version_changes_nothing_else() {
    for yaml in EXAMPLES {
        let version = Version::new(7, 0).unwrap();
        let next = set_version(yaml, version).unwrap();
        assert_eq!(valid(&next).version(), version);
        let differing = |(old, new): &(&str, &str)| old != new;
        let changed: Vec<(&str, &str)> = yaml.lines().zip(next.lines()).filter(differing).collect();
        assert_eq!(changed.len(), 1, "{changed:?}");
        assert!(changed[0].1.starts_with("version: "), "{changed:?}");
    }
}
