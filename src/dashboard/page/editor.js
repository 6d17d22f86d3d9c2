// YAML to edit and to create. The server reads and writes it, so nothing of an object is lost on the way; before anything
// is saved it says in a dry run what would come of it.

import { json, kindNamed, pathOf, yaml } from "./api.js";
import { diff, excerpt } from "./diff.js";
import { doing, fill, h, say } from "./dom.js";
import { t } from "./text.js";
import { traceLink } from "./traces.js";

const YAML = "application/yaml";
/** Changes an object's metadata in its text, and nothing else that looks like it. */
const metadata = (text, change) => text.replace(/^metadata:\n(?: .*\n|\n)*/m, change);
const unmanaged = (text) => metadata(text, (block) => block.replace(/^ {2}managedFields:\n(?: {2}-.*\n| {4,}.*\n)*/m, ""));
/** What changes by itself is no change. */
const calm = (text) => metadata(unmanaged(text), (block) => block.replace(/^ {2}(resourceVersion|generation):.*\n/gm, ""));

export async function editor(place, kind, object, signal) {
  const path = pathOf(kind, object.metadata.namespace, object.metadata.name);
  const area = h("textarea", { spellcheck: "false", "aria-label": t("yaml"), autocapitalize: "off" });
  const changes = h("div", {});
  const save = h("button", { class: "main", disabled: true, onclick: doing(write) }, t("save"));
  let live = "";
  async function load() {
    live = await yaml(path, { signal });
    area.value = unmanaged(live);
    save.disabled = true;
    fill(changes);
  }
  /** Writes the text. If only the object's status has changed meanwhile, that is no conflict. */
  async function put(query) {
    const write = () => yaml(`${path}?fieldValidation=Strict${query}`, { method: "PUT", body: area.value, type: YAML });
    for (let again = 5; ; again -= 1) {
      try {
        return await write();
      } catch (error) {
        const now = again > 0 && error.status === 409 && (await yaml(path, { signal }));
        const line = (name, text) => new RegExp(`^ {2}${name}:.*$`, "m").exec(/^metadata:\n(?: .*\n|\n)*/m.exec(text)?.[0] ?? "")?.[0];
        if (!now || !line("generation", now) || line("generation", now) !== line("generation", live)) throw error;
        area.value = metadata(area.value, (block) => block.replace(line("resourceVersion", block), line("resourceVersion", now)));
      }
    }
  }
  async function review() {
    const after = await put("&dryRun=All");
    const pairs = excerpt(diff(calm(live), calm(after)));
    save.disabled = pairs.length === 0;
    fill(changes, h("p", { role: "status" }, pairs.length ? t("wouldChange") : t("unchanged")), pairs.length > 0 && lines(pairs));
  }
  async function write() {
    await put("");
    say(t("saved"), 12, traceLink());
    await load();
  }
  area.addEventListener("input", () => (save.disabled = true));
  fill(place, area, h("div", { class: "row" }, h("button", { onclick: doing(review) }, t("review")), save, h("button", { onclick: doing(load) }, t("reload"))), changes);
  await load();
}

const lines = (pairs) =>
  h("div", { class: "diff", tabindex: "0" }, pairs.map(([sign, line]) => h("div", { class: { "+": "added", "-": "removed" }[sign] ?? "" }, `${sign} ${line}`)));

/** What a document says it is; the rest of it is the server's to read. */
export function identity(document) {
  const top = (name) => new RegExp(`^["']?${name}["']?:\\s*["']?([^\\s"'#]+)`, "m").exec(document)?.[1];
  const block = /^metadata:[^\n]*\n((?:[ \t]+.*\n?|\s*\n)*)/m.exec(document)?.[1] ?? /^metadata:\s*(\{.*\})/m.exec(document)?.[1] ?? "";
  const inner = (name) => new RegExp(`(?:^ {1,8}|[{,]\\s*)["']?${name}["']?:\\s*["']?([^\\s"'#,}]+)`, "m").exec(block)?.[1];
  return { apiVersion: top("apiVersion"), kind: top("kind"), name: inner("name"), namespace: inner("namespace") };
}

/** A page to create objects from YAML, all of them or none checked first. */
export function creator(place, namespace) {
  const area = h("textarea", { spellcheck: "false", "aria-label": t("yaml"), placeholder: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: example\n" });
  const result = h("ul", { role: "status" });
  async function send(dry) {
    const documents = area.value.split(/^---\s*$/m).filter((document) => document.replace(/^\s*#.*$/gm, "").trim());
    fill(result);
    // a definition's kind is served a moment after it was made
    let defined = false;
    const find = async (said) => {
      for (let left = defined ? 20 : 1; ; left -= 1) {
        const kind = (await kindNamed(said.apiVersion, said.kind)) ?? (await kindNamed(said.apiVersion, said.kind, true));
        if (kind || left === 1) return kind;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    };
    for (const document of documents) {
      const said = identity(document);
      const title = `${said.kind ?? "?"} ${said.name ?? "?"}`;
      try {
        if (!said.apiVersion || !said.kind) throw new Error(t("nameless"));
        const kind = await find(said);
        if (!kind) throw new Error(t("noKind").replace("{kind}", said.kind).replace("{version}", said.apiVersion));
        const path = pathOf(kind, said.namespace ?? (namespace || "default"));
        const made = await json(`${path}?fieldValidation=Strict${dry ? "&dryRun=All" : ""}`, { method: "POST", body: document, type: YAML });
        defined ||= !dry && made.kind === "CustomResourceDefinition";
        result.append(h("li", { class: "good" }, `${made.kind} ${made.metadata.name}: ${dry ? t("checked") : t("done")}`, !dry && " ", !dry && traceLink()));
      } catch (error) {
        result.append(h("li", { class: "bad" }, `${title}: ${error.message}`, !dry && error.status && " ", !dry && error.status && traceLink()));
        if (!dry) break;
      }
    }
  }
  fill(place, h("h2", {}, t("create")), h("p", {}, t("createHow")), area,
    h("div", { class: "row" }, h("button", { onclick: doing(() => send(true)) }, t("check")), h("button", { class: "main", onclick: doing(() => send(false)) }, t("create"))), result);
  area.focus();
}
