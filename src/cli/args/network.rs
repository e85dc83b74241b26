//! Flags about the way to the server and how long to wait on it.

use clap::Args;
use serde::Deserialize;

use super::value::{PipelinePolicy, Proxy, Timeout, Times};

/// The way to the server; the same names are keys of the configuration file.
#[derive(Args, Deserialize, Debug, Clone, Default)]
#[command(next_help_heading = "Network")]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct NetworkFlags {
    /// Connect through the SOCKS5 proxy at socks5://[USER@]HOST:PORT
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<Proxy>,

    /// Give up when the server is silent for DURATION [default: 60s]
    #[arg(long, value_name = "DURATION", allow_negative_numbers = true)]
    pub(crate) timeout: Option<Timeout>,

    /// Give up when the whole run takes longer than DURATION [default: 24h]
    #[arg(long, value_name = "DURATION", allow_negative_numbers = true)]
    pub(crate) max_time: Option<Timeout>,

    /// Have at most N commands under way, or wait for each answer with off [default: what the
    /// server offers]
    #[arg(long, value_name = "N|off")]
    pub(crate) pipeline: Option<PipelinePolicy>,

    /// Connect again up to N times in a row when the line drops [default: 3]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) retries: Option<Times>,

    /// Use IPv4 only
    #[arg(
        short = '4',
        long,
        num_args = 0,
        default_missing_value = "true",
        overrides_with = "ipv6"
    )]
    pub(crate) ipv4: Option<bool>,

    /// Use IPv6 only
    #[arg(
        short = '6',
        long,
        num_args = 0,
        default_missing_value = "true",
        overrides_with = "ipv4"
    )]
    pub(crate) ipv6: Option<bool>,
}
