// A terminal into a container, over the API's own exec.

import { pathOf, socket } from "./api.js";
import { fill, h } from "./dom.js";
import { Screen } from "./screen.js";
import { t } from "./text.js";

const KEYS = {
  Enter: "\r", Backspace: "\x7f", Tab: "\t", Escape: "\x1b", ArrowUp: "\x1b[A", ArrowDown: "\x1b[B", ArrowRight: "\x1b[C",
  ArrowLeft: "\x1b[D", Home: "\x1b[H", End: "\x1b[F", Delete: "\x1b[3~", PageUp: "\x1b[5~", PageDown: "\x1b[6~",
};
const [WIDTH, HEIGHT] = [100, 30];
const [STDIN, ERROR, RESIZE] = [0, 3, 4];

export function terminal(place, kind, pod, signal) {
  const container = h("select", { "aria-label": t("container") }, pod.spec.containers.map((one) => h("option", {}, one.name)));
  const shell = h("input", { value: "sh", size: 12, "aria-label": t("shell") });
  const view = h("div", { class: "screen", tabindex: "0", role: "textbox", "aria-multiline": "true", "aria-label": t("terminal"), onkeydown: keys, onpaste: paste });
  let connection, screen;
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();

  function send(channel, text) {
    if (connection?.readyState !== WebSocket.OPEN) return;
    const bytes = encoder.encode(text);
    const message = new Uint8Array(bytes.length + 1);
    message[0] = channel;
    message.set(bytes, 1);
    connection.send(message);
  }
  function paint() {
    const [before, at, after] = screen.text();
    fill(view, before, h("span", { class: "cursor" }, at), after);
    view.scrollTop = view.scrollHeight;
  }
  function keys(event) {
    // the way out for the keyboard
    if (event.key === "Tab" && event.shiftKey) return;
    let text = KEYS[event.key];
    if (event.ctrlKey && !event.altKey && event.key.length === 1 && /[a-z[\]\\@ ]/i.test(event.key)) {
      if (["c", "C"].includes(event.key) && String(getSelection())) return;
      if (["v", "V"].includes(event.key)) return;
      text = String.fromCharCode(event.key.toUpperCase().charCodeAt(0) & 31);
    } else if (!text && event.key.length === 1 && !event.metaKey) text = event.key;
    if (text === undefined) return;
    event.preventDefault();
    send(STDIN, text);
  }
  function paste(event) {
    event.preventDefault();
    send(STDIN, event.clipboardData.getData("text").replaceAll("\n", "\r"));
  }
  function connect() {
    connection?.close();
    screen = new Screen(WIDTH, HEIGHT);
    paint();
    const query = new URLSearchParams({ container: container.value, stdin: true, stdout: true, tty: true });
    shell.value.split(" ").filter(Boolean).forEach((word) => query.append("command", word));
    const own = (connection = socket(`${pathOf(kind, pod.metadata.namespace, pod.metadata.name)}/exec?${query}`, "v5.channel.k8s.io"));
    own.onopen = () => {
      send(RESIZE, JSON.stringify({ Width: WIDTH, Height: HEIGHT }));
      view.focus();
    };
    own.onmessage = (message) => {
      const bytes = new Uint8Array(message.data);
      const text = decoder.decode(bytes.subarray(1), { stream: bytes[0] !== ERROR });
      if (bytes[0] !== ERROR) screen.write(text);
      else if (text) {
        const status = JSON.parse(text);
        if (status.status !== "Success") screen.write(`\r\n${status.message}`);
      }
      if (screen.reply) {
        send(STDIN, screen.reply);
        screen.reply = "";
      }
      paint();
    };
    own.onclose = () => {
      if (own !== connection) return;
      screen.write(`\r\n[${t("ended")}]\r\n`);
      paint();
    };
  }
  signal.addEventListener("abort", () => connection?.close());
  fill(place, h("div", { class: "row" }, container, shell, h("button", { class: "main", onclick: connect }, t("connect"))), view);
}
