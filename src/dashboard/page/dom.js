// Making elements, saying things, asking things. Knows nothing of Kubernetes. Text is always text, never markup.

import { t } from "./text.js";

/** An element: attributes, `on…` listeners, and children that are elements, texts or nothing. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat(9).filter((child) => child != null && child !== false));
  return element;
}

/** Puts children in place of all that is there. */
export const fill = (element, ...children) => element.replaceChildren(...children.flat(9).filter((c) => c != null && c !== false));

let timer;
/** Says a line to everybody, screen readers too; `more` is an element behind it. */
export function say(text, seconds = 6, more) {
  const said = document.getElementById("said");
  fill(said, text, more && " ", more);
  clearTimeout(timer);
  timer = setTimeout(() => (said.textContent = ""), seconds * 1000);
}

/** Asks in a dialog; gives the form's values, or nothing if it was cancelled. */
export function ask(title, body, { danger = false, action = t("ok") } = {}) {
  const dialog = document.getElementById("dialog");
  return new Promise((resolve) => {
    const cancel = h("button", { type: "button", onclick: () => dialog.close() }, t("cancel"));
    const go = h("button", { type: "submit", class: danger ? "danger" : "main" }, action);
    const form = h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), body, h("div", { class: "row" }, cancel, go));
    let answer;
    form.addEventListener("submit", () => (answer = Object.fromEntries(new FormData(form))));
    dialog.addEventListener("close", () => resolve(answer), { once: true });
    fill(dialog, form);
    dialog.showModal();
  });
}

/** Runs what a button does, and says what went wrong. The button cannot be pressed meanwhile, and has the focus again afterwards. */
export const doing = (work) => async (event) => {
  const button = event?.currentTarget;
  if (button) button.disabled = true;
  try {
    await work(event);
  } catch (error) {
    say(error.message, 15);
  } finally {
    if (button) button.disabled = false;
    const focused = document.activeElement;
    // what a dialog had focused is still said to be, though nobody sees it any more
    if (focused === document.body || !focused.checkVisibility()) button?.focus();
  }
};

/** Tabs; `panels` are [name, title, make]. Gives the element; a panel is made when it is first shown. */
export function tabs(panels, chosen, onchosen, end) {
  const place = h("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: "0" });
  const buttons = panels.map(([name, title], index) =>
    h("button", { role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => show(index), onkeydown: (event) => move(event, index) }, title));
  let stop;
  function show(index) {
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", at === index);
      button.tabIndex = at === index ? 0 : -1;
    });
    stop?.abort();
    stop = new AbortController();
    place.setAttribute("aria-labelledby", `tab-${panels[index][0]}`);
    fill(place);
    onchosen(panels[index][0]);
    Promise.resolve(panels[index][2](place, stop.signal)).catch((error) => stop.signal.aborted || say(error.message, 15));
  }
  function move(event, index) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (index + step + panels.length) % panels.length;
    buttons[next].focus();
    show(next);
  }
  end.addEventListener("abort", () => stop?.abort());
  show(Math.max(0, panels.findIndex(([name]) => name === chosen)));
  return [h("div", { role: "tablist", "aria-label": t("sections") }, buttons), place];
}
