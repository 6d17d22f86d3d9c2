// The page of one object: what it is, what belongs to it, its events, its YAML, and for pods and workloads logs and a
// terminal.

import { actions } from "./actions.js";
import { json, kindNamed, kindOf, pathOf } from "./api.js";
import { fill, h, tabs } from "./dom.js";
import { editor } from "./editor.js";
import { logs } from "./logs.js";
import { address, related } from "./related.js";
import { liveTable } from "./table.js";
import { terminal } from "./terminal.js";
import { age, t } from "./text.js";

const WORKLOADS = ["pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps", "jobs.batch", "replicationcontrollers", "services"];

export async function objectPage(place, id, namespace, name, tab, signal, ontab) {
  const kind = await kindOf(id);
  if (!kind) throw new Error(`${id}: ${t("nothing")}`);
  const object = await json(pathOf(kind, namespace, name), { signal });
  const panels = [
    ["summary", t("summary"), (at) => summary(at, kind, object)],
    ["related", t("related"), (at, stop) => related(at, kind, object, stop)],
    ["events", t("events"), (at, stop) => events(at, object, stop)],
    ["yaml", t("yaml"), (at, stop) => editor(at, kind, object, stop)],
  ];
  if (WORKLOADS.includes(id)) panels.push(["logs", t("logs"), (at, stop) => logs(at, kind, object, stop)]);
  if (id === "pods") panels.push(["terminal", t("terminal"), (at, stop) => terminal(at, kind, object, stop)]);
  const back = () => (location.hash = `#/list/${id}`);
  fill(place,
    h("div", { class: "row" }, h("h2", {}, h("a", { href: `#/list/${id}` }, kind.kind), ` ${namespace ? `${namespace}/` : ""}${name}`)),
    actions(kind, object, back), tabs(panels, tab, ontab, signal));
}

function summary(place, kind, object) {
  const { metadata, spec = {}, status = {} } = object;
  const pairs = (map) => Object.entries(map ?? {}).map(([key, value]) => h("div", {}, `${key}=${String(value).slice(0, 300)}`));
  const plain = (value) => value !== null && typeof value !== "object";
  const facts = [
    [t("created"), metadata.creationTimestamp && `${metadata.creationTimestamp} (${age(metadata.creationTimestamp)})`],
    ["UID", metadata.uid],
    ...Object.entries(spec).filter(([, value]) => plain(value)),
    ...Object.entries(status).filter(([, value]) => plain(value)).map(([key, value]) => [`status.${key}`, value]),
  ].filter(([, value]) => value !== undefined);
  const table = (label, names, rows) => h("div", { class: "scroll short" }, h("table", { "aria-label": t(label) },
    h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, t(name))))), h("tbody", {}, rows.map((cells) => h("tr", {}, cells)))));
  const conditions = Array.isArray(status.conditions) && status.conditions.length > 0 && [
    h("h3", {}, t("conditions")),
    table("conditions", ["type", "status", "reason", "message", "age"], status.conditions.map((one) => [h("td", { role: "rowheader" }, one.type), h("td", {}, one.status),
      h("td", {}, one.reason ?? ""), h("td", { class: "wrap" }, one.message ?? ""), h("td", {}, one.lastTransitionTime ? age(one.lastTransitionTime) : "")])),
  ];
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? spec.template?.spec?.containers ?? [])];
  const states = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const state = (container) => {
    const own = states.find((one) => one.name === container.name);
    const [name, detail] = Object.entries(own?.state ?? {})[0] ?? [];
    return own ? `${name}${detail?.reason ? ` (${detail.reason})` : ""}, ${own.restartCount}×` : "";
  };
  fill(place,
    h("dl", { class: "facts" }, facts.flatMap(([key, value]) => [h("dt", {}, key), h("dd", {}, String(value))])),
    Object.keys(metadata.labels ?? {}).length > 0 && [h("h3", {}, t("labels")), h("div", {}, pairs(metadata.labels))],
    Object.keys(metadata.annotations ?? {}).length > 0 && [h("h3", {}, t("annotations")), h("div", {}, pairs(metadata.annotations))],
    containers.length > 0 && kind.kind !== "Node" && [h("h3", {}, t("container")),
      table("container", ["name", "image", "status"], containers.map((one) => [h("td", { role: "rowheader" }, one.name), h("td", {}, one.image), h("td", {}, state(one))]))],
    conditions,
    metadata.ownerReferences && h("div", {}, h("h3", {}, t("owner")), metadata.ownerReferences.map((one) => owner(one, metadata.namespace))));
}

function owner(reference, namespace) {
  const link = h("a", {}, `${reference.kind} ${reference.name}`);
  kindNamed(reference.apiVersion, reference.kind).then((kind) => kind && (link.href = address(kind, { metadata: { namespace: kind.namespaced ? namespace : "", name: reference.name } })));
  return h("div", {}, link);
}

async function events(place, object, signal) {
  const kind = await kindOf("events");
  const fieldSelector = `involvedObject.name=${object.metadata.name},involvedObject.kind=${object.kind}`;
  liveTable(place, kind, { namespace: object.metadata.namespace, query: { fieldSelector }, signal });
}
