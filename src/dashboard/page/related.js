// What belongs to an object: its owners up to the root, all that it owns, the pods that it selects, the services in front
// of it. Owners are found by reference, whatever their kind.

import { discover, json, kindNamed, kindOf, pathOf } from "./api.js";
import { fill, h } from "./dom.js";
import { selectorOf, selects, textOf } from "./selectors.js";
import { t } from "./text.js";

/** The address of an object's page. */
export const address = (kind, object) =>
  `#/object/${kind.id}/${encodeURIComponent(object.metadata.namespace ?? "")}/${encodeURIComponent(object.metadata.name)}`;

const line = (kind, object, more = "") =>
  h("li", {}, h("span", { class: "quiet" }, `${kind.kind} `), h("a", { href: address(kind, object) }, object.metadata.name), more && h("span", { class: "quiet" }, ` ${more}`));

const state = (object) => object.status?.phase ?? (object.status?.replicas !== undefined ? `${object.status.readyReplicas ?? 0}/${object.status.replicas}` : "");

/** Kinds whose state is told, and which are therefore read whole; of all others the metadata is enough. */
const WHOLE = ["replicasets.apps", "pods", "jobs.batch", "endpointslices.discovery.k8s.io", "persistentvolumeclaims"];
const METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
/** What may be owned: it is kept, and can be deleted. Of events there are many, and nobody owns them. */
const owned = (kind) => kind.verbs.includes("delete") && kind.kind !== "Event";
/** Objects of a kind that are looked at, kinds that are asked for at a time, and how long all of it may take. */
const MOST = 500;
const BESIDE = 4;
const PATIENCE = 15000;

/**
 * [kind, objects] of everything in a namespace, whatever its kind; of everything everywhere for an owner that is in no namespace.
 * What does not answer in time is left out; `more` is true if there is more than was looked at.
 */
async function everything(namespace, signal) {
  const kinds = (await discover()).filter((kind) => owned(kind) && (kind.namespaced || !namespace));
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  const all = [];
  let more = false;
  const next = async () => {
    for (let kind = kinds.shift(); kind; kind = kinds.shift()) {
      const whole = namespace && WHOLE.includes(kind.id);
      const options = { signal: patience, ...(!whole && { accept: METADATA }) };
      const found = await json(`${pathOf(kind, namespace)}?limit=${MOST}`, options).catch(() => ({ items: [] }));
      more ||= !!found.metadata?.continue || patience.aborted;
      all.push([kind, found.items]);
    }
  };
  await Promise.all(Array.from({ length: BESIDE }, next));
  all.sort(([a], [b]) => a.kind.localeCompare(b.kind));
  return { all, more };
}

export async function related(place, kind, object, signal) {
  const namespace = object.metadata.namespace;
  fill(place, h("p", { class: "quiet", role: "status" }, t("loading")));
  const { all, more } = await everything(namespace, signal);
  if (signal.aborted) return;
  const items = async (id) => [await kindOf(id), all.find(([of]) => of.id === id)?.[1] ?? []];

  const owners = [];
  for (let at = object; at?.metadata.ownerReferences?.length && owners.length < 9; ) {
    const reference = at.metadata.ownerReferences.find((one) => one.controller) ?? at.metadata.ownerReferences[0];
    const of = await kindNamed(reference.apiVersion, reference.kind);
    at = of && (await json(pathOf(of, namespace, reference.name), { signal }).catch(() => undefined));
    if (!at) break;
    owners.unshift([of, at]);
  }
  const children = new Map();
  for (const [of, found] of all)
    for (const item of found)
      for (const { uid } of item.metadata.ownerReferences ?? []) (children.get(uid) ?? children.set(uid, []).get(uid)).push([of, item]);
  const below = (owner, depth = 0) => {
    const own = depth > 5 ? [] : children.get(owner.metadata.uid) ?? [];
    return own.length ? h("ul", {}, own.map(([of, item]) => {
      const entry = line(of, item, state(item));
      const deeper = below(item, depth + 1);
      if (deeper) entry.append(deeper);
      return entry;
    })) : null;
  };
  const parts = [];
  if (owners.length) parts.push(h("h3", {}, t("owner")), h("ul", {}, owners.map(([of, item]) => line(of, item, state(item)))));
  const dependents = below(object);
  if (dependents) parts.push(h("h3", {}, t("dependents")), dependents);
  if (more) parts.push(h("p", { class: "quiet" }, t("notAll").replace("{}", MOST)));

  const selector = namespace && selectorOf(object);
  if (selector) {
    const podKind = await kindOf("pods");
    const query = new URLSearchParams({ labelSelector: textOf(selector), limit: MOST });
    const chosen = (await json(`${pathOf(podKind, namespace)}?${query}`, { signal }).catch(() => ({ items: [] }))).items;
    parts.push(h("h3", {}, t("selected")), h("ul", {}, chosen.map((pod) => line(podKind, pod, `${state(pod)} ${pod.status?.podIP ?? ""}`))));
  }
  const labels = kind.id === "pods" ? object.metadata.labels : object.spec?.template?.metadata?.labels;
  if (labels) {
    const serviceKind = await kindOf("services");
    const services = namespace ? (await json(pathOf(serviceKind, namespace), { signal }).catch(() => ({ items: [] }))).items : [];
    const front = services.filter((service) => selects(selectorOf({ ...service, kind: "Service" }), labels));
    if (front.length) parts.push(h("h3", {}, t("services")), h("ul", {}, front.map((service) => line(serviceKind, service, service.spec.clusterIP))));
  }
  if (kind.id === "services") {
    const [sliceKind, slices] = await items("endpointslices.discovery.k8s.io");
    const own = slices.filter((slice) => slice.metadata.labels?.["kubernetes.io/service-name"] === object.metadata.name);
    parts.push(h("h3", {}, t("slices")), h("ul", {}, own.map((slice) => line(sliceKind, slice, (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses).join(", ")))));
  }
  fill(place, h("div", { class: "tree" }, parts.length ? parts : h("p", { class: "quiet" }, t("nothing"))));
}
