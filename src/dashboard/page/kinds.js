// Kinds in groups for the list at the side. A kind that is not named here is found by discovery all the same.

import { discover } from "./api.js";
import { t } from "./text.js";

const GROUPS = [
  ["workloads", ["pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch", "replicasets.apps", "replicationcontrollers", "horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy"]],
  ["network", ["services", "ingresses.networking.k8s.io", "ingressclasses.networking.k8s.io", "endpointslices.discovery.k8s.io", "networkpolicies.networking.k8s.io"]],
  ["config", ["configmaps", "secrets", "resourcequotas", "limitranges"]],
  ["storage", ["persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"]],
  ["cluster", ["nodes", "namespaces", "events", "leases.coordination.k8s.io", "priorityclasses.scheduling.k8s.io"]],
  ["access", ["serviceaccounts", "roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io", "certificatesigningrequests.certificates.k8s.io"]],
];
const OWN = /(^|\.)k8s\.io$|^(apps|batch|autoscaling|policy|)$/;

/** [title, kinds] in the order to be shown. */
export async function groups() {
  const all = await discover();
  const known = new Set(GROUPS.flatMap(([, ids]) => ids));
  const of = (ids) => ids.map((id) => all.find((kind) => kind.id === id)).filter(Boolean);
  const rest = all.filter((kind) => !known.has(kind.id) && kind.id !== "events.events.k8s.io").sort((a, b) => a.kind.localeCompare(b.kind));
  return [
    ...GROUPS.map(([name, ids]) => [t(name), of(ids)]),
    [t("custom"), rest.filter((kind) => !OWN.test(kind.group))],
    [t("others"), rest.filter((kind) => OWN.test(kind.group))],
  ].filter(([, kinds]) => kinds.length);
}
