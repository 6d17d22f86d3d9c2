// The list of traces that the cluster remembers, and links to them.

import { json, lastTrace } from "./api.js";
import { fill, h } from "./dom.js";
import { t } from "./text.js";

/** A link to what became of the change that was made last. */
export const traceLink = () => lastTrace() && h("a", { href: `#/trace/${lastTrace()}` }, t("showTrace"));

export async function traceList(place, signal) {
  const found = await json("/traces", { signal });
  const head = ["time", "user", "request", "code"];
  const row = (one) => h("tr", {},
    h("td", {}, new Date(one.at / 1000).toLocaleTimeString()),
    h("td", {}, one.user),
    h("td", {}, h("a", { href: `#/trace/${one.id}` }, `${one.verb} ${one.path}`)),
    h("td", { class: one.code < 400 ? "good" : "bad" }, one.code));
  fill(place, h("h2", {}, t("traces")), h("p", {}, t("tracesHow")),
    found.traces.length
      ? h("div", { class: "scroll" }, h("table", { "aria-label": t("traces") }, h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, t(name))))), h("tbody", {}, found.traces.map(row))))
      : h("p", { class: "quiet" }, t("nothing")));
}
