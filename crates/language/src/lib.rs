//! The language front end (spec 1): from YAML text to a checked definition, or every diagnostic at once.
