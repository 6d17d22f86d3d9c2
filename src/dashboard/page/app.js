// The frame: signing in, the bar, the kinds at the side, and which page is shown. Addresses are behind #, so every page can be
// kept as a bookmark; no token is ever part of them.

import { discover, json, kindOf, onExpired, signIn, signOut, signedIn } from "./api.js";
import { fill, h, say } from "./dom.js";
import { creator } from "./editor.js";
import { groups } from "./kinds.js";
import { objectPage } from "./object.js";
import { overview } from "./overview.js";
import { address } from "./related.js";
import { liveTable } from "./table.js";
import { language, setLanguage, t } from "./text.js";
import { tracePage } from "./trace.js";
import { traceList } from "./traces.js";

const [bar, nav, main] = ["bar", "nav", "main"].map((id) => document.getElementById(id));
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light");
const dress = () => (root.dataset.theme = theme());
const turn = () => {
  localStorage.setItem("theme", theme() === "dark" ? "light" : "dark");
  dress();
};
dark.addEventListener("change", dress);
dress();
root.lang = language;
document.title = `rkube – ${t("title")}`;
document.getElementById("skip").textContent = t("skip");

let stop = new AbortController();
let table;
const filter = h("input", { type: "search", placeholder: `${t("filter")} (/)`, "aria-label": t("filter"), oninput: () => table?.refresh() });
const namespaces = h("select", { "aria-label": t("namespace"), onchange: () => {
  sessionStorage.setItem("namespace", namespaces.value);
  show();
} });
const namespace = () => sessionStorage.getItem("namespace") ?? "";

/** A page that has come is heard, and the tab is called by it: its heading gets the focus, unless something in it has. */
let arriving = false, moved = false;
new MutationObserver(() => {
  const heading = arriving && main.querySelector("h2");
  if (!heading) return;
  arriving = false;
  document.title = `${heading.textContent} – rkube`;
  heading.tabIndex = -1;
  if (moved && !document.querySelector("dialog[open]") && !main.contains(document.activeElement)) heading.focus();
}).observe(main, { childList: true, subtree: true });

/** Marks the link of the page that is shown. */
function mark() {
  const id = location.hash.split("/")[2];
  for (const link of nav.querySelectorAll("a")) {
    if (link.hash === (location.hash || "#/") || (id && link.hash === `#/list/${id}`)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function show() {
  if (!signedIn()) return login();
  stop.abort();
  stop = new AbortController();
  table = undefined;
  const [page = "", id, space, name, tab] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  mark();
  arriving = true;
  fill(main, h("p", { class: "quiet", role: "status" }, t("loading")));
  const signal = stop.signal;
  try {
    if (page === "list") {
      const kind = (await kindOf(id)) ?? ((await discover(true)), await kindOf(id));
      if (signal.aborted) return;
      if (!kind) throw new Error(`${id}: ${t("nothing")}`);
      const place = h("div", { class: "panel" });
      fill(main, h("h2", {}, kind.kind), place);
      table = liveTable(place, kind, { namespace: namespace(), filter: () => filter.value, link: (object) => address(kind, object), signal });
    } else if (page === "object") {
      await objectPage(main, id, space, name, tab, signal, (chosen) =>
        history.replaceState(null, "", `#/object/${[id, space, name].map(encodeURIComponent).join("/")}/${chosen}`));
    } else if (page === "create") creator(main, namespace());
    else if (page === "traces") await traceList(main, signal);
    else if (page === "trace") await tracePage(main, id, signal);
    else await overview(main, namespace(), signal);
  } catch (error) {
    if (!signal.aborted) fill(main, h("p", { class: "bad", role: "alert" }, error.message));
  }
}

function login(why = "") {
  stop.abort();
  arriving = true;
  fill(bar, brand());
  fill(nav);
  const token = h("input", { name: "token", type: "password", required: true, size: 50, autocomplete: "off", "aria-label": t("token") });
  const form = h("form", { class: "row", onsubmit: (event) => {
    event.preventDefault();
    signIn(token.value);
    start();
  } }, token, h("button", { class: "main" }, t("signIn")));
  fill(main, why && h("p", { class: "bad", role: "alert" }, why), h("h2", {}, t("signIn")), h("p", {}, t("signInHow")), form);
  token.focus();
}

const brand = () => [h("img", { src: "icon.svg", alt: "" }), h("h1", {}, "rkube")];

async function frame() {
  fill(bar, brand(), h("label", {}, namespaces), filter, h("span", { class: "gap" }),
    h("button", { onclick: () => (location.hash = "#/create") }, `+ ${t("create")}`),
    h("button", { onclick: turn, title: t("theme"), "aria-label": t("theme") }, "◐"),
    h("button", { onclick: () => setLanguage(language === "zh" ? "en" : "zh"), lang: language === "zh" ? "en" : "zh" }, language === "zh" ? "English" : "中文"),
    h("button", { onclick: () => (signOut(), login()) }, t("signOut")));
  const link = (href, text) => h("a", { href }, text);
  const links = [link("#/", t("overview")), link("#/traces", t("traces"))];
  const choose = (names) => {
    fill(namespaces, h("option", { value: "" }, t("allNamespaces")), names.map((name) => h("option", {}, name)));
    namespaces.value = namespace();
  };
  nav.setAttribute("aria-label", t("kinds"));
  fill(nav, links);
  choose(namespace() ? [namespace()] : []);
  const [found, kinds] = await Promise.all([json("/api/v1/namespaces").catch(() => undefined), groups()]);
  if (found) choose(found.items.map((one) => one.metadata.name));
  fill(nav, links, kinds.map(([title, kinds]) => [h("h2", {}, title), kinds.map((kind) => link(`#/list/${kind.id}`, kind.kind))]));
  mark();
}

async function start() {
  if (!signedIn()) return login();
  try {
    // beside one another: a page need not wait for the list of kinds
    await Promise.all([frame(), show()]);
  } catch (error) {
    if (signedIn()) fill(main, h("p", { class: "bad", role: "alert" }, error.message));
  }
}

onExpired(() => {
  signOut();
  login(t("expired"));
});
addEventListener("hashchange", () => {
  moved = true;
  show();
});
addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select, dialog, .screen") || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = { "/": () => filter.focus(), c: () => (location.hash = "#/create"), o: () => (location.hash = "#/"), t: turn, "?": () => say(t("keys"), 12) }[event.key];
  if (!act || !signedIn()) return;
  event.preventDefault();
  act();
});
start();
