// What belongs to an object: its owners up to the root, all that it owns, the pods that it selects, the services in front
// of it. Owners are found by reference, whatever their kind.

import { json, kindNamed, kindOf, pathOf } from "./api.js";
import { fill, h } from "./dom.js";
import { t } from "./text.js";

/** The address of an object's page. */
export const address = (kind, object) =>
  `#/object/${kind.id}/${encodeURIComponent(object.metadata.namespace ?? "")}/${encodeURIComponent(object.metadata.name)}`;

const line = (kind, object, more = "") =>
  h("li", {}, h("span", { class: "quiet" }, `${kind.kind} `), h("a", { href: address(kind, object) }, object.metadata.name), more && h("span", { class: "quiet" }, ` ${more}`));

/** Kinds that own things, or are owned, in ordinary clusters; custom kinds come by reference. */
const OWNED = ["replicasets.apps", "controllerrevisions.apps", "pods", "jobs.batch", "endpointslices.discovery.k8s.io", "persistentvolumeclaims"];
const state = (object) => object.status?.phase ?? (object.status?.replicas !== undefined ? `${object.status.readyReplicas ?? 0}/${object.status.replicas}` : "");

export const selects = (selector, labels = {}) => selector && Object.keys(selector).length > 0 && Object.entries(selector).every(([key, value]) => labels[key] === value);

/** The labels that a workload or a service selects its pods by. */
export const selectorOf = (object) => object.spec?.selector?.matchLabels ?? (object.kind === "Service" || object.kind === "ReplicationController" ? object.spec?.selector : undefined);

export async function related(place, kind, object, signal) {
  const namespace = object.metadata.namespace;
  const list = async (id) => {
    const of = await kindOf(id);
    if (!of || (of.namespaced && !namespace)) return [of, []];
    const found = await json(pathOf(of, namespace), { signal }).catch(() => ({ items: [] }));
    return [of, found.items];
  };
  const all = namespace ? await Promise.all(OWNED.map(list)) : [];

  const owners = [];
  for (let at = object; at?.metadata.ownerReferences?.length && owners.length < 9; ) {
    const reference = at.metadata.ownerReferences.find((one) => one.controller) ?? at.metadata.ownerReferences[0];
    const of = await kindNamed(reference.apiVersion, reference.kind);
    at = of && (await json(pathOf(of, namespace, reference.name), { signal }).catch(() => undefined));
    if (!at) break;
    owners.unshift([of, at]);
  }
  const below = (owner, depth = 0) => {
    const children = depth > 5 ? [] : all.flatMap(([of, items]) => items.filter((item) => item.metadata.ownerReferences?.some((one) => one.uid === owner.metadata.uid)).map((item) => [of, item]));
    return children.length ? h("ul", {}, children.map(([of, item]) => {
      const entry = line(of, item, state(item));
      const more = below(item, depth + 1);
      if (more) entry.append(more);
      return entry;
    })) : null;
  };
  const parts = [];
  if (owners.length) parts.push(h("h3", {}, t("owner")), h("ul", {}, owners.map(([of, item]) => line(of, item, state(item)))));
  const children = below(object);
  if (children) parts.push(h("h3", {}, t("dependents")), children);

  const pods = all.find(([of]) => of?.id === "pods")?.[1] ?? [];
  const selector = selectorOf(object);
  if (selector) {
    const podKind = await kindOf("pods");
    const chosen = pods.filter((pod) => selects(selector, pod.metadata.labels));
    parts.push(h("h3", {}, t("selected")), h("ul", {}, chosen.map((pod) => line(podKind, pod, `${state(pod)} ${pod.status?.podIP ?? ""}`))));
  }
  const labels = kind.id === "pods" ? object.metadata.labels : object.spec?.template?.metadata?.labels;
  if (labels) {
    const [serviceKind, services] = await list("services");
    const front = services.filter((service) => selects(service.spec.selector, labels));
    if (front.length) parts.push(h("h3", {}, t("services")), h("ul", {}, front.map((service) => line(serviceKind, service, service.spec.clusterIP))));
  }
  if (kind.id === "services") {
    const [sliceKind, slices] = all.find(([of]) => of?.plural === "endpointslices") ?? [];
    const own = (slices ?? []).filter((slice) => slice.metadata.labels?.["kubernetes.io/service-name"] === object.metadata.name);
    parts.push(h("h3", {}, t("slices")), h("ul", {}, own.map((slice) => line(sliceKind, slice, (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses).join(", ")))));
  }
  fill(place, h("div", { class: "tree" }, parts.length ? parts : h("p", { class: "quiet" }, t("nothing"))));
}
