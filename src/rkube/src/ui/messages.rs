//! The message table: one static per language, so that a missing translation does not compile.

use cluster::Step;

use super::messages_en::EN;
use super::messages_zh::ZH;
use crate::failure::Hint;

/// Texts of one language.
#[derive(Debug)]
pub(crate) struct Messages {
    pub(crate) error_label: &'static str,
    pub(crate) hint_label: &'static str,
    pub(crate) compose_waiting: &'static str,
    pub(crate) compose_source: &'static str,
    pub(crate) compose_packages: &'static str,
    pub(crate) compose_unpacking: &'static str,
    pub(crate) compose_done: &'static str,
    pub(crate) start_title: &'static str,
    pub(crate) start_done: &'static str,
    pub(crate) start_done_kept: &'static str,
    pub(crate) start_unchanged: &'static str,
    pub(crate) start_flag_ignored: &'static str,
    pub(crate) dry_make: &'static str,
    pub(crate) dry_start: &'static str,
    pub(crate) dry_addons: &'static str,
    pub(crate) dry_done: &'static str,
    pub(crate) start_rolling_back: &'static str,
    pub(crate) start_left: &'static str,
    pub(crate) proxy_left_out: &'static str,
    pub(crate) step_image: &'static str,
    pub(crate) step_network: &'static str,
    pub(crate) step_certificates: &'static str,
    pub(crate) step_nodes: &'static str,
    pub(crate) step_kubeconfig: &'static str,
    pub(crate) step_api: &'static str,
    pub(crate) step_nodes_ready: &'static str,
    pub(crate) step_dns: &'static str,
    pub(crate) stop_done: &'static str,
    pub(crate) stop_unchanged: &'static str,
    pub(crate) no_clusters: &'static str,
    pub(crate) profile_set: &'static str,
    pub(crate) profile_invalid: &'static str,
    pub(crate) profile_no_engine: &'static str,
    pub(crate) pause_done: &'static str,
    pub(crate) unpause_done: &'static str,
    pub(crate) delete_done: &'static str,
    pub(crate) delete_unchanged: &'static str,
    pub(crate) kubectl_composing: &'static str,
    pub(crate) load_done: &'static str,
    pub(crate) bundle_loaded: &'static str,
    pub(crate) bundle_removed: &'static str,
    pub(crate) bundle_no_program: &'static str,
    pub(crate) bundle_other_rkube: &'static str,
    pub(crate) addon_enabled: &'static str,
    pub(crate) addon_enabled_later: &'static str,
    pub(crate) addon_disabled: &'static str,
    pub(crate) addon_configured: &'static str,
    pub(crate) addon_no_images: &'static str,
    pub(crate) hint_list_addons: &'static str,
    pub(crate) hint_list_profiles: &'static str,
    pub(crate) hint_enable_addon: &'static str,
    pub(crate) hint_unpause: &'static str,
    pub(crate) hint_start: &'static str,
    pub(crate) hint_delete: &'static str,
    pub(crate) hint_other_kubeconfig: &'static str,
    pub(crate) hint_other_profile: &'static str,
    pub(crate) hint_other_port: &'static str,
    pub(crate) hint_other_subnet: &'static str,
    pub(crate) hint_logs: &'static str,
    pub(crate) hint_install_kubectl: &'static str,
    pub(crate) hint_start_engine: &'static str,
    pub(crate) hint_other_mirror: &'static str,
    pub(crate) hint_mirrors: &'static str,
    pub(crate) ingress_at: &'static str,
    pub(crate) mirrors_kept: &'static str,
    pub(crate) mirrors_usual: &'static str,
    pub(crate) mirrors_told: &'static str,
    pub(crate) mirrors_registry: &'static str,
    pub(crate) mirrors_sources: &'static str,
    pub(crate) mirrors_from_node: &'static str,
    pub(crate) mirrors_from_host: &'static str,
    pub(crate) hint_free_disk: &'static str,
}

impl Messages {
    /// The table for a locale such as `zh_CN.UTF-8`.
    pub(crate) fn of(locale: &str) -> &'static Self {
        if locale.starts_with("zh") { &ZH } else { &EN }
    }

    /// Of a text in both languages, the one of this table.
    pub(crate) fn of_two<'a>(&self, english: &'a str, chinese: &'a str) -> &'a str {
        if std::ptr::eq(self, &raw const ZH) {
            chinese
        } else {
            english
        }
    }

    /// A step's name.
    pub(crate) fn step(&self, step: Step) -> &'static str {
        match step {
            Step::Image => self.step_image,
            Step::Network => self.step_network,
            Step::Certificates => self.step_certificates,
            Step::Nodes => self.step_nodes,
            Step::Kubeconfig => self.step_kubeconfig,
            Step::Api => self.step_api,
            Step::NodesReady => self.step_nodes_ready,
            Step::Dns => self.step_dns,
        }
    }

    /// What to do next.
    pub(crate) fn hint(&self, hint: Hint) -> &'static str {
        match hint {
            Hint::StartEngine => self.hint_start_engine,
            Hint::OtherMirror => self.hint_other_mirror,
            Hint::Mirrors => self.hint_mirrors,
            Hint::FreeDisk => self.hint_free_disk,
            Hint::Start => self.hint_start,
            Hint::Delete => self.hint_delete,
            Hint::OtherKubeconfig => self.hint_other_kubeconfig,
            Hint::OtherProfile => self.hint_other_profile,
            Hint::OtherPort => self.hint_other_port,
            Hint::OtherSubnet => self.hint_other_subnet,
            Hint::Logs => self.hint_logs,
            Hint::InstallKubectl => self.hint_install_kubectl,
            Hint::ListAddons => self.hint_list_addons,
            Hint::ListProfiles => self.hint_list_profiles,
            Hint::EnableAddon => self.hint_enable_addon,
            Hint::Unpause => self.hint_unpause,
        }
    }
}
