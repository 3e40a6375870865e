//! What apt is configured to do, as `apt-config dump` prints it.

use crate::apt::facts::AptConfig;

impl AptConfig {
    /// Reads lines of the form `Some::Key "value";`; what is no such line is none of our business.
    pub(crate) fn parse(dump: &str) -> Self {
        let values = dump.lines().filter_map(|line| {
            let (key, value) = line.trim().strip_suffix("\";")?.split_once(" \"")?;
            Some((key.to_ascii_lowercase(), value.to_owned()))
        });
        Self { values: values.collect() }
    }
}
