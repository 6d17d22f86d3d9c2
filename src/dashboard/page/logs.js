// Logs of a pod, or of all pods of a workload, followed and searched.

import { followed, kindOf, json, pathOf } from "./api.js";
import { fill, h, say } from "./dom.js";
import { selectorOf, selects } from "./selectors.js";
import { t } from "./text.js";

/** More lines than this are nobody's to read; the oldest go. */
const KEPT = 5000;
const TAIL = 500;
/** Logs that are followed at once; the dashboard's server carries them all in one answer. */
const MOST = 100;

export async function logs(place, kind, object, signal) {
  const podKind = await kindOf("pods");
  const { namespace, name } = object.metadata;
  let pods = [object];
  if (kind.id !== "pods") {
    const selector = selectorOf(object);
    const found = await json(pathOf(podKind, namespace), { signal });
    pods = found.items.filter((pod) => selects(selector, pod.metadata.labels) || pod.metadata.ownerReferences?.some((one) => one.uid === object.metadata.uid));
  }
  const names = [...new Set(pods.flatMap((pod) => [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((container) => container.name)))];
  const container = h("select", { "aria-label": t("container"), onchange: restart }, h("option", { value: "" }, t("allContainers")), names.map((one) => h("option", {}, one)));
  const previous = h("input", { type: "checkbox", onchange: restart });
  const following = h("input", { type: "checkbox", checked: true });
  const search = h("input", { type: "search", placeholder: t("search"), "aria-label": t("search"), oninput: () => repaint() });
  const view = h("pre", { class: "log", tabindex: "0", role: "log", "aria-label": `${t("logs")} ${name}` });
  fill(place, h("div", { class: "row" }, container, h("label", {}, previous, " ", t("previous")), h("label", {}, following, " ", t("follow")), search), view);
  let kept = [], waiting = [], run = new AbortController();
  signal.addEventListener("abort", () => run.abort());

  const matches = (text) => text.toLowerCase().includes(search.value.toLowerCase());
  function element(text) {
    const wanted = search.value.toLowerCase();
    const line = h("div");
    if (!wanted) return line.append(text), line;
    for (let from = 0; ; ) {
      const at = text.toLowerCase().indexOf(wanted, from);
      if (at < 0) return line.append(text.slice(from)), line;
      line.append(text.slice(from, at), h("mark", {}, text.slice(at, at + wanted.length)));
      from = at + wanted.length;
    }
  }
  function repaint() {
    fill(view, kept.filter(matches).map(element));
    if (following.checked) view.scrollTop = view.scrollHeight;
  }
  const flush = setInterval(() => {
    if (!waiting.length) return;
    kept = kept.concat(waiting).slice(-KEPT);
    view.append(...waiting.filter(matches).map(element));
    waiting = [];
    while (view.childElementCount > KEPT) view.firstElementChild.remove();
    if (following.checked) view.scrollTop = view.scrollHeight;
  }, 150);
  signal.addEventListener("abort", () => clearInterval(flush));

  /** Follows all of them over one connection. */
  async function read(wanted) {
    const path = ([pod, one]) => {
      const query = new URLSearchParams({ container: one, tailLines: wanted.length > 10 ? TAIL / 5 : TAIL, ...(previous.checked ? { previous: true } : { follow: true }) });
      return `${pathOf(podKind, namespace, pod.metadata.name)}/log?${query}`;
    };
    const who = wanted.map(([pod, one]) => (wanted.length > 1 ? `${pod.metadata.name}/${one}: ` : ""));
    for await (const [index, line] of followed(wanted.map(path), run.signal)) waiting.push((who[index] ?? "") + line);
  }
  function restart() {
    run.abort();
    run = new AbortController();
    kept = [];
    waiting = [];
    fill(view);
    const wanted = pods.flatMap((pod) => pod.spec.containers.map((one) => [pod, one.name]).concat((pod.spec.initContainers ?? []).filter((one) => container.value === one.name).map((one) => [pod, one.name])))
      .filter(([, one]) => !container.value || one === container.value);
    if (!wanted.length) say(t("nothing"));
    if (wanted.length > MOST) say(`${t("tooMany")} ${MOST} / ${wanted.length}`);
    if (wanted.length) read(wanted.slice(0, MOST));
  }
  restart();
}
