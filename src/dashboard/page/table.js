// A live table of one kind: the server's own columns, sorted and filtered here. Only the rows in sight are in the document,
// so that thousands cost no more than a screenful.

import { follow, pathOf } from "./api.js";
import { fill, h, say } from "./dom.js";
import { age, counted, quantity, t } from "./text.js";
import { metered, usageOf } from "./usage.js";

const ROW = 29;
const SPARE = 12;
const order = new Intl.Collator(undefined, { numeric: true }).compare;
const GOOD = /^(Running|Ready|Active|Bound|Complete|Completed|Succeeded|Available|True|Normal|Approved,Issued)$/;
const BAD = /(Error|Failed|BackOff|Invalid|Evicted|OOMKilled|Unknown|NotReady|Lost|ErrImage|Warning)/;

/** Fills `place` with a table that follows `kind` until `signal`. `link` gives the address of a row's object. */
export function liveTable(place, kind, { namespace, query = {}, filter = () => "", link, signal, short = false, label = kind.kind }) {
  let listed = [], columns = [], usage, rows = new Map(), sorted = { index: -1, up: true }, shown = [], more = 0, due = false;
  // told when somebody filters, not whenever an object comes or goes
  const count = h("span", { class: "quiet", role: "status", "aria-live": "off" });
  const head = h("tr", { "aria-rowindex": 1 });
  const body = h("tbody");
  const table = h("table", { "aria-label": label, "aria-rowcount": -1 }, h("thead", {}, head), body);
  const scroll = h("div", { class: short ? "scroll short" : "scroll", onscroll: soon, onkeydown: keys }, table);
  fill(place, count, scroll);

  const withNamespace = kind.namespaced && !namespace;
  const cells = (row) => [...(withNamespace ? [row.object.metadata.namespace] : []), ...row.cells, ...(usage ? usage.cells(row.object) : [])];
  const visible = () => columns.map((column, index) => [column, index]).filter(([column]) => column.priority === 0);
  const key = (row) => row.object.metadata.uid ?? `${row.object.metadata.namespace}/${row.object.metadata.name}`;
  const text = (column, row, value) => (column.name === "Age" && row.object.metadata.creationTimestamp ? age(row.object.metadata.creationTimestamp) : String(value ?? ""));

  function heads() {
    const names = visible();
    fill(head, names.map(([column, index]) => {
      const now = sorted.index === index ? (sorted.up ? "ascending" : "descending") : "none";
      const arrow = { ascending: " ▲", descending: " ▼", none: "" }[now];
      return h("th", { scope: "col", "aria-sort": now, title: column.description }, h("button", { onclick: () => sortBy(index) }, column.name + arrow));
    }));
  }
  function sortBy(index) {
    sorted = { index, up: sorted.index === index ? !sorted.up : true };
    heads();
    refresh();
  }
  /** The columns: the server's, and before and behind them what this page knows itself. */
  function arrange() {
    const own = [...(withNamespace ? [{ name: t("namespace"), priority: 0 }] : []), ...listed, ...(usage ? usage.columns : [])];
    const more = own.length !== columns.length;
    columns = own;
    if (more) heads();
  }
  function value(row, index) {
    const column = columns[index];
    if (column.value) return column.value(row.object);
    if (column.name === "Age") return -Date.parse(row.object.metadata.creationTimestamp);
    const cell = cells(row)[index];
    if (typeof cell === "number") return cell;
    const plain = String(cell ?? "");
    return /^\d+(\.\d+)?([a-zA-Z]{0,2}|%)$/.test(plain) ? quantity(plain.replace("%", "")) : plain;
  }
  function refresh() {
    const wanted = filter().toLowerCase().split(/\s+/).filter(Boolean);
    shown = [...rows.values()].filter((row) => {
      const all = wanted.length ? [row.object.metadata.namespace, ...cells(row), ...Object.entries(row.object.metadata.labels ?? {}).map((pair) => pair.join("="))].join(" ").toLowerCase() : "";
      return wanted.every((word) => all.includes(word));
    });
    if (sorted.index >= 0)
      shown.sort((a, b) => {
        const [x, y] = [value(a, sorted.index), value(b, sorted.index)];
        const which = typeof x === "number" && typeof y === "number" ? x - y : order(String(x), String(y));
        return sorted.up ? which : -which;
      });
    count.setAttribute("aria-live", document.activeElement?.type === "search" ? "polite" : "off");
    const all = counted("rows", rows.size + more);
    const said = shown.length === rows.size ? all : `${shown.length} / ${all}`;
    if (count.textContent !== said) count.textContent = said;
    table.setAttribute("aria-rowcount", shown.length + 1);
    paint();
  }
  let painting = false;
  function soon() {
    if (painting) return;
    painting = true;
    requestAnimationFrame(() => {
      painting = false;
      paint();
    });
  }
  function paint() {
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - SPARE);
    const last = Math.min(shown.length, first + Math.ceil((scroll.clientHeight || 800) / ROW) + 2 * SPARE);
    const names = visible();
    const focused = document.activeElement?.closest?.("tr")?.dataset.key;
    const space = (rows) => {
      const cell = h("td", { colspan: names.length });
      // an attribute would give way to the height that every cell has
      cell.style.height = `${rows * ROW}px`;
      return h("tr", { class: "pad", "aria-hidden": "true" }, cell);
    };
    const lines = shown.slice(first, last).map((row, at) => {
      const all = cells(row);
      return h("tr", { "data-key": key(row), "aria-rowindex": first + at + 2, class: row.fresh ? "new" : "" },
        names.map(([column, index]) => {
          const said = text(column, row, all[index]);
          const name = column.name === "Name";
          const tone = column.name === "Status" || column.name === "Type" || column.name === "Reason" ? (GOOD.test(said) ? "good" : BAD.test(said) ? "bad" : "") : "";
          return h("td", { title: said, class: tone, role: name ? "rowheader" : null }, name && link ? h("a", { href: link(row.object) }, said) : said);
        }));
    });
    fill(body, first > 0 && space(first), lines, last < shown.length && space(shown.length - last),
      !shown.length && h("tr", {}, h("td", { colspan: Math.max(1, names.length), class: "quiet" }, t("nothing"))));
    if (focused) body.querySelector(`tr[data-key="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
  }
  function keys(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = event.target.closest("tr");
    if (!step || !row) return;
    event.preventDefault();
    const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
    next?.querySelector("a")?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }
  function later() {
    // many changes, one painting
    if (due) return;
    due = true;
    setTimeout(() => {
      due = false;
      if (!signal.aborted) refresh();
    }, 100);
  }

  const clock = setInterval(paint, 10000);
  signal.addEventListener("abort", () => clearInterval(clock));
  follow(pathOf(kind, namespace), query, signal, (news) => {
    if (news.trouble) return say(news.trouble);
    if (news.columns) {
      listed = news.columns;
      arrange();
      rows = new Map(news.rows.map((row) => [key(row), row]));
      more = news.more;
    } else {
      for (const row of news.rows) {
        if (news.change === "DELETED") rows.delete(key(row));
        else rows.set(key(row), Object.assign(row, { fresh: news.change === "ADDED" }));
      }
    }
    later();
  }, kind.verbs.includes("watch")).catch((error) => signal.aborted || fill(place, h("p", { class: "bad", role: "alert" }, error.message)));
  if (metered(kind))
    usageOf(kind, namespace, signal, (now) => {
      usage = now;
      if (!listed.length) return;
      arrange();
      later();
    });
  return { refresh };
}
