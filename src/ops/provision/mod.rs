//! Provision: a bare Debian or Ubuntu becomes a server for apps, in eight steps, each repeatable and skipped when it was so already.

use crate::domain::plan::{Body, Plan, PlanStep};
use crate::domain::step::{OnLost, UnknownWord, text_enum};
use crate::render::caddyfile;
use crate::render::shell::Payload;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Raised when the steps change their meaning.
pub const VERSION: i64 = 1;

/// Slow mirrors, and other package managers that hold the lock for minutes.
const PACKAGES_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Steps that touch files alone.
const FILES_LIMIT: Duration = Duration::from_secs(2 * 60);

/// How long the firewall step waits to be confirmed. Less than [`FIREWALL_UNDO_S`], so that it is the step that says so.
const FIREWALL_CONFIRM_S: u64 = 45;

/// After this the server puts its firewall back by itself, also across a reboot.
const FIREWALL_UNDO_S: u64 = 60;

/// Where Docker and Caddy come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packages {
    /// The vendors' repositories when they answer, otherwise the distribution's packages.
    #[default]
    Auto,
    Vendor,
    Distro,
}

impl Packages {
    pub const ALL: [Packages; 3] = [Packages::Auto, Packages::Vendor, Packages::Distro];

    pub fn as_str(self) -> &'static str {
        match self {
            Packages::Auto => "auto",
            Packages::Vendor => "vendor",
            Packages::Distro => "distro",
        }
    }
}
text_enum!(Packages, "source of packages");

/// What the user chose; kept with the job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProvisionOptions {
    /// Also upgrade what is installed.
    pub upgrade: bool,
    pub packages: Packages,
}

/// All that a plan depends on.
#[derive(Clone, Debug)]
pub struct ProvisionFacts {
    pub server: String,
    /// The server's side of this very connection: the fourth word of `$SSH_CONNECTION`.
    pub ssh_port: u16,
    /// Our side of it, the first word: an address that must not ban itself.
    pub ssh_client: Option<String>,
    pub options: ProvisionOptions,
}

pub fn plan(facts: &ProvisionFacts) -> Plan {
    let step = |name, script: &str, limit| PlanStep {
        name,
        body: Body { script: Arc::from(script), payload: payload(facts, name).finish() },
        limit,
        on_lost: OnLost::Rerun,
        probe: None,
        undo: None,
        confirm: false,
    };
    let mut firewall =
        step("firewall", script!("provision/apt.sh", "provision/ufw.sh", "provision/firewall.sh"), PACKAGES_LIMIT);
    firewall.confirm = true;
    firewall.undo = Some(Body {
        script: Arc::from(script!("provision/firewall_undo.sh")),
        payload: payload(facts, "undo firewall").finish(),
    });
    Plan {
        version: VERSION,
        steps: vec![
            step("packages", script!("provision/apt.sh", "provision/packages.sh"), PACKAGES_LIMIT),
            step("docker", script!("provision/apt.sh", "provision/docker.sh"), PACKAGES_LIMIT),
            step("caddy", script!("provision/apt.sh", "provision/caddy.sh"), PACKAGES_LIMIT),
            step("fail2ban", script!("provision/apt.sh", "provision/fail2ban.sh"), PACKAGES_LIMIT),
            firewall,
            step("folders", script!("provision/folders.sh"), FILES_LIMIT),
            step("caddyfile", script!("provision/caddyfile.sh"), FILES_LIMIT),
            step("import", script!("caddy.sh", "provision/import.sh"), FILES_LIMIT),
        ],
    }
}

/// The same for all steps: each takes what it needs.
fn payload(facts: &ProvisionFacts, step: &str) -> Payload {
    let client = facts.ssh_client.as_deref().filter(|address| address.parse::<std::net::IpAddr>().is_ok());
    Payload::new()
        .set("STEP", step)
        .set("SERVER", &facts.server)
        .set("SSH_PORT", &facts.ssh_port.to_string())
        .set("SSH_CLIENT_ADDRESS", client.unwrap_or_default())
        .set("UPGRADE", if facts.options.upgrade { "yes" } else { "" })
        .set("PACKAGES", facts.options.packages.as_str())
        .set("CONFIRM_S", &FIREWALL_CONFIRM_S.to_string())
        .set("UNDO_S", &FIREWALL_UNDO_S.to_string())
        .set("CADDYFILE_HEADER", caddyfile::HEADER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::{outline, variables};

    fn facts() -> ProvisionFacts {
        ProvisionFacts {
            server: "prod-1".into(),
            ssh_port: 2222,
            ssh_client: Some("192.0.2.7".into()),
            options: ProvisionOptions { upgrade: true, packages: Packages::Vendor },
        }
    }

    #[test]
    fn the_plan() {
        insta::assert_snapshot!(outline(&plan(&facts())));
    }

    #[test]
    fn what_the_scripts_are_told() {
        insta::assert_snapshot!(variables(&plan(&facts()).steps[4].body));
    }

    #[test]
    fn an_address_that_is_none_is_not_written_into_a_file() {
        let facts = ProvisionFacts { ssh_client: Some("UNKNOWN\nx = y".into()), ..facts() };
        assert!(variables(&plan(&facts).steps[3].body).contains("SSH_CLIENT_ADDRESS=''\n"));
    }

    #[test]
    fn options_travel_with_the_job() {
        let text = serde_json::to_string(&facts().options).unwrap();
        assert_eq!(text, r#"{"upgrade":true,"packages":"vendor"}"#);
        assert_eq!(serde_json::from_str::<ProvisionOptions>("{}").unwrap(), ProvisionOptions::default());
    }
}
