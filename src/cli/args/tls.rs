//! Flags about encryption and certificates.

use clap::Args;
use serde::Deserialize;

use super::value::{CertificatePin, Line, TlsName};

/// Encryption and certificates; the same names are keys of the configuration file.
#[derive(Args, Deserialize, Debug, Clone, Default)]
#[command(next_help_heading = "TLS (one account only)")]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct TlsFlags {
    /// Encrypt by MODE [default: implicit for pop3s://, stls for pop3://]
    #[arg(long, value_name = "MODE", value_enum)]
    pub(crate) tls: Option<TlsName>,

    /// Trust the certificates in FILE (PEM) besides the system's
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) tls_ca: Option<Line>,

    /// Trust just the server certificate with this SHA-256, whatever its chain, name and dates
    #[arg(long, value_name = "sha256:HEX")]
    pub(crate) tls_pin: Option<CertificatePin>,

    /// Expect the certificate to be for NAME [default: the host]
    #[arg(long, value_name = "NAME")]
    pub(crate) tls_name: Option<Line>,

    /// Show the server the client certificate in FILE (PEM)
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_client_key",
        value_hint = clap::ValueHint::FilePath
    )]
    pub(crate) tls_client_cert: Option<Line>,

    /// Prove the client certificate with the private key in FILE (PEM)
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_client_cert",
        value_hint = clap::ValueHint::FilePath
    )]
    pub(crate) tls_client_key: Option<Line>,
}
