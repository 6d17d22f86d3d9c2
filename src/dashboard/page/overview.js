// The first page: how the cluster is, what needs attention, what was last warned of. Usage comes from metrics-server where it
// is enabled.

import { discover, follow, json, kindOf, pathOf } from "./api.js";
import { fill, h, say } from "./dom.js";
import { address } from "./related.js";
import { liveTable } from "./table.js";
import { bytes, cores, quantity, t } from "./text.js";

const EVERY = 5000;
/** Pods in need of attention that are shown. */
const TROUBLED = 20;
const WELL = /^(Running|Completed|Succeeded|ContainerCreating|PodInitializing|Terminating|Init:\d+\/\d+)$/;
const isTrue = (object, type) => object.status?.conditions?.some((one) => one.type === type && one.status === "True");

export async function overview(place, namespace, signal) {
  const cards = h("div", { class: "cards" });
  const nodesAt = h("div", { class: "cards" });
  const wrong = h("div", {});
  const events = h("div", {});
  fill(place, h("h2", {}, t("overview")), cards, h("h3", {}, t("nodes")), nodesAt, h("h3", {}, t("troubles")), wrong, h("h3", {}, t("warnings")), events);
  const [podKind, nodeKind, eventKind] = await Promise.all(["pods", "nodes", "events"].map(kindOf));
  const metered = (await discover()).some((kind) => kind.group === "metrics.k8s.io");
  const get = (path) => json(path, { signal }).catch(() => undefined);

  // pods come as table rows and by watch: thousands of whole objects every few seconds would be too much. How many there are the
  // first page of them says; what state they are in, only the last
  const pods = new Map();
  let status = -1, more = 0, nodes, usage, podUsage;
  const statusOf = (row) => String(row.cells[status]);
  const ofMetrics = (path) => (metered ? get(`/apis/metrics.k8s.io/v1beta1${path}`) : undefined);
  const card = (title, number, more) => h("div", { class: "card" }, h("span", { class: "quiet" }, title), h("b", {}, number), h("span", {}, more));
  function count() {
    const ready = (nodes?.items ?? []).filter((node) => isTrue(node, "Ready"));
    const total = (name) => (podUsage?.items ?? []).flatMap((pod) => pod.containers).reduce((sum, one) => sum + quantity(one.usage[name]), 0);
    const running = more ? "…" : [...pods.values()].filter((row) => statusOf(row) === "Running").length;
    fill(cards,
      card(t("nodes"), nodes?.items.length ?? "–", `${ready.length} ${t("ready")}`),
      card(t("pods"), status < 0 ? "–" : pods.size + more, status < 0 ? "" : `${running} ${t("running")}`),
      podUsage && card(`${t("cpu")} (${t("pods")})`, cores(total("cpu")), ""),
      podUsage && card(`${t("memory")} (${t("pods")})`, bytes(total("memory")), ""));
  }
  async function look() {
    const paths = [get(pathOf(nodeKind)), ofMetrics("/nodes"), ofMetrics(`${namespace ? `/namespaces/${namespace}` : ""}/pods`)];
    [nodes, usage, podUsage] = await Promise.all(paths);
    if (signal.aborted) return;
    count();
    fill(nodesAt, (nodes?.items ?? []).map((node) => {
      const used = usage?.items?.find((one) => one.metadata.name === node.metadata.name)?.usage;
      const bar = (name, show) => {
        const [now, most] = [quantity(used?.[name]), quantity(node.status.allocatable?.[name])];
        return h("div", {}, h("span", { class: "quiet" }, `${t(name)} ${show(now)} / ${show(most)}`), h("meter", { min: 0, max: most, high: most * 0.85, value: now, "aria-label": `${node.metadata.name} ${t(name)}` }));
      };
      const state = isTrue(node, "Ready") ? h("span", { class: "good" }, t("ready")) : h("span", { class: "bad" }, t("notReady"));
      return h("div", { class: "card" }, h("a", { href: address(nodeKind, node) }, node.metadata.name), " ", state,
        used ? [bar("cpu", cores), bar("memory", bytes)] : h("p", { class: "quiet" }, t("noMetrics")));
    }));
  }
  const whys = new Map();
  /** Says why, which only the whole object does; each version of it is asked for once. */
  async function why(row) {
    const { namespace: place, name, resourceVersion: version } = row.object.metadata;
    const key = `${place}/${name}`;
    if (whys.get(key)?.version !== version) {
      const pod = await get(pathOf(podKind, place, name));
      whys.set(key, { version, text: (pod && trouble(pod)) || "" });
    }
    return whys.get(key).text;
  }
  async function troubles() {
    if (more) return;
    const rows = [...pods.values()].filter((row) => !WELL.test(statusOf(row)));
    const shown = await Promise.all(rows.slice(0, TROUBLED).map(async (row) => [row, await why(row)]));
    if (signal.aborted) return;
    const wrongOnes = shown.filter(([, text]) => text);
    const others = rows.length - shown.length;
    fill(wrong, wrongOnes.length
      ? [h("ul", {}, wrongOnes.map(([row, text]) => h("li", {}, h("a", { href: address(podKind, row.object) }, `${row.object.metadata.namespace}/${row.object.metadata.name}`), " ", h("span", { class: "bad" }, text)))), others > 0 && h("p", { class: "quiet" }, `+ ${others}`)]
      : h("p", { class: "good" }, t("allWell")));
  }
  let due;
  const countSoon = () => (due ??= setTimeout(() => {
    due = undefined;
    if (signal.aborted) return;
    count();
    troubles().catch(() => {});
  }, 100));
  follow(pathOf(podKind, namespace), {}, signal, (news) => {
    if (news.trouble) return say(news.trouble);
    if (news.columns) {
      status = news.columns.findIndex((column) => column.name === "Status");
      more = news.more;
      pods.clear();
    }
    for (const row of news.rows)
      if (news.change === "DELETED") pods.delete(row.object.metadata.uid);
      else pods.set(row.object.metadata.uid, row);
    countSoon();
  }).catch(() => {});
  liveTable(events, eventKind, { namespace, query: { fieldSelector: "type=Warning" }, signal, short: true, label: t("warnings") });
  await look();
  if (signal.aborted) return;
  const clock = setInterval(() => document.hidden || look().catch(() => {}), EVERY);
  signal.addEventListener("abort", () => clearInterval(clock));
}

/** Why a pod is not as it should be; empty if it is. */
function trouble(pod) {
  const status = pod.status ?? {};
  if (status.phase === "Failed") return status.reason ?? status.phase;
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const waiting = containers.map((one) => one.state?.waiting).find((one) => one && !["ContainerCreating", "PodInitializing"].includes(one.reason));
  if (waiting) return [waiting.reason, waiting.message].filter(Boolean).join(": ");
  const unscheduled = status.conditions?.find((one) => one.type === "PodScheduled" && one.status === "False");
  return unscheduled?.message ?? "";
}
