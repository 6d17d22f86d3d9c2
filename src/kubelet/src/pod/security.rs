//! Security contexts of pods and containers in CRI's terms.

use cri::v1;
use cri::v1::security_profile::ProfileType;
use k8s_openapi::api::core::v1::{
    AppArmorProfile, Capabilities, Container, PodSpec, SELinuxOptions, SeccompProfile, SecurityContext,
};

/// Why a container may not run as its spec asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecurityError {
    #[error("container has runAsNonRoot and image will run as root")]
    RunsAsRoot,
    #[error("container's runAsUser breaks non-root policy")]
    UserIsRoot,
    #[error("container has runAsNonRoot and image has non-numeric user ({0}), cannot verify user is non-root")]
    NamedUser(String),
}

/// The user an image runs as unless the spec says otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImageUser {
    pub(crate) uid: Option<i64>,
    pub(crate) name: String,
}

/// Namespaces the pod shares with the node or among its containers.
pub(crate) fn namespaces(spec: &PodSpec) -> v1::NamespaceOption {
    let mode = |host: Option<bool>| {
        if host == Some(true) {
            v1::NamespaceMode::Node
        } else {
            v1::NamespaceMode::Pod
        }
    };
    let pid = match (spec.host_pid, spec.share_process_namespace) {
        (Some(true), _) => v1::NamespaceMode::Node,
        (_, Some(true)) => v1::NamespaceMode::Pod,
        _ => v1::NamespaceMode::Container,
    };
    v1::NamespaceOption {
        network: mode(spec.host_network).into(),
        ipc: mode(spec.host_ipc).into(),
        pid: pid.into(),
        ..Default::default()
    }
}

/// The sandbox's own context.
pub(crate) fn of_sandbox(spec: &PodSpec) -> v1::LinuxSandboxSecurityContext {
    let context = spec.security_context.as_ref();
    let privileged = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten())
        .any(is_privileged);
    v1::LinuxSandboxSecurityContext {
        namespace_options: Some(namespaces(spec)),
        selinux_options: context
            .and_then(|context| context.se_linux_options.as_ref())
            .map(selinux),
        run_as_user: context
            .and_then(|context| context.run_as_user)
            .map(|value| v1::Int64Value { value }),
        run_as_group: run_as_group(
            context.and_then(|c| c.run_as_user),
            context.and_then(|c| c.run_as_group),
        ),
        supplemental_groups: groups(spec),
        supplemental_groups_policy: groups_policy(spec),
        privileged,
        // The pause process needs no more than the runtime's default; a pod's profile binds its containers.
        seccomp: Some(v1::SecurityProfile {
            profile_type: ProfileType::RuntimeDefault.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// One container's context. `image` is whom the image itself would run as.
pub(crate) fn of_container(
    spec: &PodSpec,
    container: &Container,
    image: &ImageUser,
) -> Result<v1::LinuxContainerSecurityContext, SecurityError> {
    let pod = spec.security_context.as_ref();
    let own = container.security_context.as_ref();
    let user = own
        .and_then(|own| own.run_as_user)
        .or_else(|| pod.and_then(|pod| pod.run_as_user));
    let group = own
        .and_then(|own| own.run_as_group)
        .or_else(|| pod.and_then(|pod| pod.run_as_group));
    let non_root = own
        .and_then(|own| own.run_as_non_root)
        .or_else(|| pod.and_then(|pod| pod.run_as_non_root));
    if non_root == Some(true) {
        check_non_root(user, image)?;
    }
    let privileged = is_privileged(container);
    let seccomp = own
        .and_then(|own| own.seccomp_profile.as_ref())
        .or_else(|| pod.and_then(|p| p.seccomp_profile.as_ref()));
    let apparmor = own
        .and_then(|own| own.app_armor_profile.as_ref())
        .or_else(|| pod.and_then(|p| p.app_armor_profile.as_ref()));
    let selinux_options = own
        .and_then(|own| own.se_linux_options.as_ref())
        .or_else(|| pod.and_then(|p| p.se_linux_options.as_ref()));
    let unmasked = privileged || own.and_then(|own| own.proc_mount.as_deref()) == Some("Unmasked");
    let user = user.or(image.uid);
    let (masked_paths, readonly_paths) = if unmasked {
        (Vec::new(), Vec::new())
    } else {
        (owned(MASKED), owned(READ_ONLY))
    };
    Ok(v1::LinuxContainerSecurityContext {
        capabilities: own.and_then(|own| own.capabilities.as_ref()).map(capabilities),
        privileged,
        namespace_options: Some(namespaces(spec)),
        selinux_options: selinux_options.map(selinux),
        run_as_user: user.map(|value| v1::Int64Value { value }),
        run_as_username: if user.is_none() {
            image.name.clone()
        } else {
            String::new()
        },
        run_as_group: group.map(|value| v1::Int64Value { value }),
        readonly_rootfs: own.and_then(|own| own.read_only_root_filesystem).unwrap_or_default(),
        supplemental_groups: groups(spec),
        supplemental_groups_policy: groups_policy(spec),
        no_new_privs: no_new_privileges(own),
        masked_paths,
        readonly_paths,
        seccomp: Some(seccomp_profile(seccomp, privileged)),
        apparmor: apparmor.map(apparmor_profile),
        ..Default::default()
    })
}

/// True if the container asks for all of the node's privileges.
pub(crate) fn is_privileged(container: &Container) -> bool {
    container
        .security_context
        .as_ref()
        .and_then(|context| context.privileged)
        == Some(true)
}

const MASKED: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];
const READ_ONLY: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

fn check_non_root(user: Option<i64>, image: &ImageUser) -> Result<(), SecurityError> {
    match (user, image.uid) {
        (Some(0), _) => Err(SecurityError::UserIsRoot),
        (None, Some(0)) => Err(SecurityError::RunsAsRoot),
        (Some(_), _) | (None, Some(_)) => Ok(()),
        (None, None) if !image.name.is_empty() => Err(SecurityError::NamedUser(image.name.clone())),
        (None, None) => Err(SecurityError::RunsAsRoot),
    }
}

fn run_as_group(user: Option<i64>, group: Option<i64>) -> Option<v1::Int64Value> {
    // CRI refuses a group without a user.
    user.and(group).map(|value| v1::Int64Value { value })
}

fn groups(spec: &PodSpec) -> Vec<i64> {
    let Some(context) = &spec.security_context else {
        return Vec::new();
    };
    context
        .fs_group
        .into_iter()
        .chain(context.supplemental_groups.iter().flatten().copied())
        .collect()
}

fn groups_policy(spec: &PodSpec) -> i32 {
    let policy = spec
        .security_context
        .as_ref()
        .and_then(|context| context.supplemental_groups_policy.as_deref());
    match policy {
        Some("Strict") => v1::SupplementalGroupsPolicy::Strict.into(),
        _ => v1::SupplementalGroupsPolicy::Merge.into(),
    }
}

fn no_new_privileges(context: Option<&SecurityContext>) -> bool {
    context.and_then(|context| context.allow_privilege_escalation) == Some(false)
}

fn capabilities(capabilities: &Capabilities) -> v1::Capability {
    v1::Capability {
        add_capabilities: capabilities.add.clone().unwrap_or_default(),
        drop_capabilities: capabilities.drop.clone().unwrap_or_default(),
        ..Default::default()
    }
}

fn selinux(options: &SELinuxOptions) -> v1::SeLinuxOption {
    v1::SeLinuxOption {
        user: options.user.clone().unwrap_or_default(),
        role: options.role.clone().unwrap_or_default(),
        r#type: options.type_.clone().unwrap_or_default(),
        level: options.level.clone().unwrap_or_default(),
    }
}

fn seccomp_profile(profile: Option<&SeccompProfile>, privileged: bool) -> v1::SecurityProfile {
    let unconfined = || v1::SecurityProfile {
        profile_type: ProfileType::Unconfined.into(),
        ..Default::default()
    };
    match profile {
        _ if privileged => unconfined(),
        Some(profile) if profile.type_ == "RuntimeDefault" => v1::SecurityProfile {
            profile_type: ProfileType::RuntimeDefault.into(),
            ..Default::default()
        },
        Some(profile) if profile.type_ == "Localhost" => v1::SecurityProfile {
            profile_type: ProfileType::Localhost.into(),
            localhost_ref: format!(
                "/var/lib/kubelet/seccomp/{}",
                profile.localhost_profile.as_deref().unwrap_or_default()
            ),
        },
        _ => unconfined(),
    }
}

fn apparmor_profile(profile: &AppArmorProfile) -> v1::SecurityProfile {
    let profile_type = match profile.type_.as_str() {
        "RuntimeDefault" => ProfileType::RuntimeDefault,
        "Localhost" => ProfileType::Localhost,
        _ => ProfileType::Unconfined,
    };
    v1::SecurityProfile {
        profile_type: profile_type.into(),
        localhost_ref: profile.localhost_profile.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_runs_as_root_breaks_run_as_non_root() {
        assert_eq!(
            check_non_root(
                None,
                &ImageUser {
                    uid: Some(0),
                    name: String::new()
                }
            ),
            Err(SecurityError::RunsAsRoot)
        );
        assert_eq!(
            check_non_root(Some(0), &ImageUser::default()),
            Err(SecurityError::UserIsRoot)
        );
        assert_eq!(check_non_root(Some(1), &ImageUser::default()), Ok(()));
        let named = ImageUser {
            uid: None,
            name: "app".into(),
        };
        assert_eq!(
            check_non_root(None, &named),
            Err(SecurityError::NamedUser("app".into()))
        );
    }
}
