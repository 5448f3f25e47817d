//! Set-up of tracing: to stderr, as text or JSON. Quiet unless asked, so that the commands' own words stand alone.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

/// What is to be logged, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A filter in tracing's notation; stands above `verbose`.
    pub filter: Option<String>,
    /// How often `-v` was given: 0 nothing, 1 info, 2 debug, 3 trace.
    pub verbose: u8,
    pub json: bool,
    pub color: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("INFRAKT_LOG=`{filter}`: {source}")]
pub struct BadFilter {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

impl Options {
    /// At `info` unless asked otherwise: for processes whose stderr is a log.
    pub fn at_least_info(mut self) -> Self {
        self.verbose = self.verbose.max(1);
        self
    }

    fn directives(&self) -> Option<&str> {
        match (&self.filter, self.verbose) {
            (Some(filter), _) => Some(filter),
            (None, 0) => None,
            (None, 1) => Some("infrakt=info"),
            (None, 2) => Some("infrakt=debug"),
            (None, _) => Some("infrakt=trace"),
        }
    }
}

/// Installs the process's subscriber. Without anything to log none is installed: events then cost a load and a branch.
pub fn init(options: &Options) -> Result<(), BadFilter> {
    let Some(directives) = options.directives() else { return Ok(()) };
    let filter =
        EnvFilter::try_new(directives).map_err(|source| BadFilter { filter: directives.to_owned(), source })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_timer(SystemTime)
        .with_ansi(options.color);
    // An error means that a subscriber is there already (tests): it stays.
    let _ = if options.json { builder.json().flatten_event(true).try_init() } else { builder.try_init() };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_quiet_unless_asked() {
        assert_eq!(Options::default().directives(), None);
        assert_eq!(Options::default().at_least_info().directives(), Some("infrakt=info"));
        let asked = Options { filter: Some("warn".into()), verbose: 3, ..Options::default() };
        assert_eq!(asked.directives(), Some("warn"), "the variable is more exact than -v");
    }

    #[test]
    fn a_bad_filter_is_said() {
        let options = Options { filter: Some("infrakt=loud".into()), ..Options::default() };
        assert!(init(&options).unwrap_err().to_string().starts_with("INFRAKT_LOG=`infrakt=loud`: "));
    }
}
