// What became of a request, as a tree of steps along a time line. It is read again until nothing more happens.

import { json } from "./api.js";
import { fill, h } from "./dom.js";
import { counting, language, t } from "./text.js";

const PAUSE = 500;
/** Without news for this long, and with all pods settled, it is over. */
const REST = 1500;
const LONGEST = 120000;
const WIDTH = 1000;
const pick = (both) => both?.[language === "zh" ? 1 : 0] ?? "";

let table;
const words = async () => (table ??= await json("words.json"));

export async function tracePage(place, id, signal) {
  const state = h("p", { role: "status", class: "quiet" }, t("loading"));
  const panel = h("div", { class: "scroll" });
  fill(place, h("h2", {}, h("a", { href: "#/traces" }, t("traces"))), state, panel);
  const said = await words();
  const closed = new Set();
  let count = -1, news = Date.now();
  for (const began = Date.now(); !signal.aborted && Date.now() - began < LONGEST; ) {
    const story = await json(`/traces/${id}`, { signal });
    if (story.entries.length !== count) {
      [count, news] = [story.entries.length, Date.now()];
      paint(panel, story, said, closed);
    }
    const over = story.pods.every((pod) => pod.settled) && Date.now() - news > REST;
    const withheld = story.withheld ? ` ${counting(pick(said.words.withheld), story.withheld)}` : "";
    state.textContent = (over ? t("atRest") : t("goesOn")) + withheld;
    if (over) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

function paint(panel, story, said, closed) {
  const zero = story.entries[0]?.at ?? 0;
  const end = Math.max(1, ...story.entries.map((entry) => entry.at + (entry.took ?? 0)));
  const focused = document.activeElement?.closest?.("tr")?.rowIndex;
  const hidden = (index) => {
    let depth = story.entries[index].depth;
    for (let at = index - 1; at >= 0 && depth > 0; at--)
      if (story.entries[at].depth < depth) {
        if (closed.has(at)) return true;
        depth = story.entries[at].depth;
      }
    return false;
  };
  const rows = story.entries.map((entry, index) => {
    if (hidden(index)) return false;
    const { text, why, more, warning } = line(entry, said);
    const parent = story.entries[index + 1]?.depth > entry.depth;
    const turn = () => {
      if (!parent) return;
      if (!closed.delete(index)) closed.add(index);
      paint(panel, story, said, closed);
    };
    const keys = (event) => {
      const row = event.currentTarget;
      const open = !closed.has(index);
      const act = {
        ArrowDown: () => row.nextElementSibling?.focus(), ArrowUp: () => row.previousElementSibling?.focus(),
        ArrowLeft: () => open && turn(), ArrowRight: () => open || turn(), Enter: turn,
      }[event.target === row ? event.key : ""];
      if (!act) return;
      event.preventDefault();
      act();
    };
    return h("tr", { role: "row", "aria-level": entry.depth + 1, "aria-expanded": parent ? String(!closed.has(index)) : null, tabindex: index === 0 ? 0 : -1, class: warning ? "warning" : "", onkeydown: keys },
      h("td", { class: "number", role: "gridcell" }, time(entry.at - zero)),
      indented(entry.depth, h("td", { class: "what", role: "gridcell" }, parent && h("span", { class: "quiet", "aria-hidden": "true", onclick: turn }, closed.has(index) ? "▸ " : "▾ "),
        h("span", { class: warning ? "bad" : "" }, text), why && h("span", { class: "why" }, why), more.map((one) => h("div", { class: "more" }, one)))),
      h("td", { class: "line", role: "gridcell" }, bar(entry, end)),
      h("td", { class: "number", role: "gridcell" }, entry.took ? time(entry.took) : ""));
  });
  const head = ["time", "step", "timeline", "took"].map((name) => h("th", { scope: "col", role: "columnheader" }, t(name)));
  fill(panel, h("table", { class: "trace", role: "treegrid", "aria-label": t("traces") }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)), h("tbody", { role: "rowgroup" }, rows)));
  if (focused > 0) panel.querySelectorAll("tr")[focused]?.focus({ preventScroll: true });
}

const time = (micros) => (Math.abs(micros) >= 1e6 ? `${(micros / 1e6).toFixed(2)} s` : `${(micros / 1e3).toFixed(1)} ms`);

function indented(depth, cell) {
  cell.style.paddingLeft = `${0.7 + depth * 1.1}rem`;
  return cell;
}

/** Where on the time line it was, at least a hair wide. */
function bar(entry, end) {
  const make = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const width = Math.max(4, ((entry.took ?? 0) / end) * WIDTH);
  const x = Math.min(WIDTH - width, (entry.at / end) * WIDTH);
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} 14`, preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(make("rect", { x, y: 3, width, height: 8 }));
  return svg;
}

/** What an entry says, what it is for, what more there is, and whether it went wrong. */
function line({ what, actor }, said) {
  const word = (name) => pick(said.words[name]);
  const why = (row) => pick(row?.why);
  const say = (text, because, more = [], warning = false) => ({ text, why: because, more, warning });
  const kind = actor.split(" ")[0];
  switch (what.type) {
    case "request": {
      const fields = what.fields.length ? `: ${what.fields.join(", ")}` : "";
      return say(h("span", {}, `${what.verb} ${what.path} `, h("span", { class: "quiet" }, actor), ` → ${cameTo(what, word)}${fields}`), "", [], what.code >= 400 && what.code !== 404);
    }
    case "phase": {
      const row = said.phases[what.name];
      const ends = { refused: ` ${word("refused")}`, changed: what.name === "admission" ? ` ${word("changed")}` : "", passed: "" }[what.outcome];
      const filled = what.outcome === "passed" ? word("nothing") : counting(word("filled"), Number(what.detail));
      const detail = what.name === "defaults" && (what.detail || what.outcome === "passed") ? filled : what.detail;
      return say(`${pick(row?.title) || what.name}${detail ? `: ${detail}` : ""}${ends}`, why((what.name === "admission" && said.plugins[what.detail]) || row), [], what.outcome === "refused");
    }
    case "told":
      return say(`${word("told")}: ${what.who.join(", ")}`, word("whyTold"));
    case "write": {
      const state = what.change === "updated" && what.state ? `: ${what.state}` : "";
      return say(h("span", {}, h("span", { class: "quiet" }, `${actor} → `), object(what.object), what.subresource && `/${what.subresource}`, ` ${cameTo(what, word)}${state}`), why(said.actors[kind]), [], what.code >= 400);
    }
    case "decision": {
      const thought = (one) => one.refused
        ? `${one.node} ✗ ${one.refused.plugin}: ${one.refused.reasons.join("; ")}`
        : `${one.node} = ${one.scores.reduce((sum, [, score]) => sum + score, 0)}: ${one.scores.filter(([, score]) => score).map((pair) => pair.join(" ")).join(", ")}`;
      const nodes = what.nodes.filter((one) => one.refused || one.scores.length).map(thought);
      return say(`scheduler: ${counting(word("nodes"), what.count)} → ${what.chosen ?? word("none")}`, word("whyDecision"), nodes, !what.chosen);
    }
    default: {
      const row = said.steps[what.step];
      const container = what.container && ` [${what.container}]`;
      return say(`${actor}${container}: ${pick(row?.title) || what.step}${what.detail && ` ${what.detail}`}`, why(row), [], what.warning);
    }
  }
}

function cameTo(what, word) {
  if (what.code >= 400) return `${what.code} ${what.reason}`;
  return what.change === "none" ? what.code : `${word(what.change)} (${word("revision")} ${what.revision})`;
}

function object({ group, resource, kind, namespace, name }) {
  const id = group ? `${resource}.${group}` : resource;
  return h("a", { href: `#/object/${[id, namespace, name].map(encodeURIComponent).join("/")}/summary` }, `${kind} ${namespace ? `${namespace}/` : ""}${name}`);
}
