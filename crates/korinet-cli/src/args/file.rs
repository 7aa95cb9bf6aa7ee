use std::path::PathBuf;

use clap::Args;

use super::session::{Remote, Service};

#[derive(Debug, Args)]
pub(crate) struct SendFile {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// What to send; the receiver gives each the last part of its path as its name
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Tell what became of each file as a line of JSON on stdout, without a progress bar
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiveFile {
    #[command(flatten)]
    pub(crate) service: Service,
    /// Put files here, under the names that their senders give them
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Put one file here, whatever name its sender gives it, and end
    #[arg(long, value_name = "PATH", conflicts_with_all = ["dir", "count"])]
    pub(crate) output: Option<PathBuf>,
    /// Put files in the place of others that are there
    #[arg(long)]
    pub(crate) force: bool,
    /// End after so many files
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Tell what became of each file as a line of JSON on stdout, without a progress bar
    #[arg(long)]
    pub(crate) json: bool,
}
