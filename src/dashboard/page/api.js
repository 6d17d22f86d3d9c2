// The Kubernetes API as the signed-in user. The token is in this tab alone and gone with it.

import { t } from "./text.js";

const TOKEN = "token";
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

// the link that signs in has the token behind #, which no server ever sees
const handed = new URLSearchParams(location.hash.slice(1)).get("token");
if (handed) {
  sessionStorage.setItem(TOKEN, handed);
  history.replaceState(null, "", location.pathname);
}

export const signedIn = () => sessionStorage.getItem(TOKEN) !== null;
export const signIn = (token) => sessionStorage.setItem(TOKEN, token.trim());
export const signOut = () => sessionStorage.removeItem(TOKEN);

/** An answer that was no success: its message is the server's. */
export class Refused extends Error {
  constructor(status, message) {
    super(message || `HTTP ${status}`);
    this.status = status;
  }
}

let expired = () => {};
/** Called when the token is no longer good. */
export const onExpired = (then) => (expired = then);

let traced;
/** The identity of the last change made from here, by which its trace is found. */
export const lastTrace = () => traced;
function trace(headers) {
  const hex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  traced = hex(16);
  headers.traceparent = `00-${traced}-${hex(8)}-01`;
  headers.tracestate = "rkube=1";
}

/** A request; gives the response if it went well. */
export async function request(path, { method = "GET", body, type, accept = "application/json", signal } = {}) {
  const headers = { Accept: accept };
  if (signedIn()) headers.Authorization = `Bearer ${sessionStorage.getItem(TOKEN)}`;
  if (body !== undefined) headers["Content-Type"] = type ?? "application/json";
  if (method !== "GET" && path.startsWith("/api") && !path.includes("dryRun=")) trace(headers);
  const response = await fetch(path, { method, headers, body, signal });
  if (response.ok) return response;
  if (response.status === 401) expired();
  const text = await response.text();
  let message = text;
  try {
    message = JSON.parse(text).message ?? text;
  } catch {
    // a proxy's page, perhaps
  }
  throw new Refused(response.status, message);
}

export const json = async (path, options) => (await request(path, options)).json();
export const yaml = async (path, options) => (await request(path, { ...options, accept: "application/yaml" })).text();
export const patch = (path, change, kind = "merge") =>
  json(path, { method: "PATCH", body: JSON.stringify(change), type: `application/${kind}-patch+json` });

let kinds;
/** Every kind that can be listed, in every version, by way of discovery: custom resources like built-in ones. */
async function everyVersion(again) {
  if (again) kinds = undefined;
  kinds ??= (async () => {
    const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const lists = await Promise.all(["/api", "/apis"].map((path) => json(path, { accept: aggregated })));
    const all = [];
    for (const group of lists.flatMap((list) => list.items)) {
      const name = group.metadata.name ?? "";
      // a group's versions come in its order of preference, and each has resources that others lack
      const seen = new Set();
      for (const { version, resources = [] } of group.versions ?? [])
        for (const resource of resources) {
          if (!resource.verbs.includes("list")) continue;
          all.push({
            group: name, version, plural: resource.resource, kind: resource.responseKind.kind, preferred: !seen.has(resource.resource),
            namespaced: resource.scope === "Namespaced", verbs: resource.verbs, short: resource.shortNames ?? [],
            subresources: (resource.subresources ?? []).map((sub) => sub.subresource),
            id: name ? `${resource.resource}.${name}` : resource.resource,
            base: name ? `/apis/${name}/${version}` : `/api/${version}`,
          });
          seen.add(resource.resource);
        }
    }
    return all;
  })();
  // what failed is tried again by who asks next
  kinds.catch(() => (kinds = undefined));
  return kinds;
}
/** Every kind that can be listed, each in the version that its group prefers. */
export const discover = async (again = false) => (await everyVersion(again)).filter((kind) => kind.preferred);

/** The row of a kind by its id (`deployments.apps`), or by apiVersion and kind: of that version, if it is served. */
export const kindOf = async (id) => (await discover()).find((one) => one.id === id);
export const kindNamed = async (apiVersion, kind, again = false) => {
  const [version, group = ""] = apiVersion.split("/").reverse();
  const own = (await everyVersion(again)).filter((one) => one.group === group && one.kind === kind);
  return own.find((one) => one.version === version) ?? own[0];
};

/** Path of a collection or, with a name, of an object. */
export function pathOf(kind, namespace, name) {
  const place = kind.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${kind.base}${place}/${kind.plural}${name ? `/${encodeURIComponent(name)}` : ""}`;
}

/**
 * [index, line] of logs and watches as they come, over a WebSocket: a browser keeps six connections to a host for all its tabs,
 * and requests without an end would leave none for the next page.
 */
export async function* followed(paths, signal) {
  const connection = socket("/follow", "follow.rkube.io");
  let waiting = [], over = false, wake = () => {};
  connection.onopen = () => connection.send(JSON.stringify({ paths }));
  connection.onmessage = ({ data }) => {
    for (const line of data.split("\n")) if (line) waiting.push(line);
    wake();
  };
  const end = () => {
    over = true;
    wake();
  };
  connection.onclose = end;
  signal.addEventListener("abort", end);
  try {
    for (;;) {
      const now = waiting;
      waiting = [];
      for (const line of now) {
        const space = line.indexOf(" ");
        yield [Number(line.slice(0, space)), line.slice(space + 1)];
      }
      if (over && !waiting.length) return;
      if (!waiting.length) await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    connection.close();
    signal.removeEventListener("abort", end);
  }
}

/** Waits, but not when it is over already. */
const sleep = (time, signal) => new Promise((resolve) => {
  if (signal.aborted) return resolve();
  const end = () => {
    clearTimeout(clock);
    signal.removeEventListener("abort", end);
    resolve();
  };
  const clock = setTimeout(end, time);
  signal.addEventListener("abort", end);
});

/** How often what cannot be watched is listed. */
const AGAIN = 5000;

/** The rows of an answer; of a server that makes no tables, names and times of its objects. */
function tabled(page) {
  if (page.kind === "Table") return page;
  const columnDefinitions = [{ name: "Name", priority: 0 }, { name: "Age", priority: 0 }];
  const rows = (page.items ?? []).map(({ metadata }) => ({ cells: [metadata.name, metadata.creationTimestamp], object: { metadata } }));
  return { columnDefinitions, rows, metadata: page.metadata };
}

/**
 * Follows a collection, listing anew whenever a watch ends, or every few seconds if it is of a kind without watches. `tell` hears {columns, rows} for a whole list and {change, rows}
 * after it; `more` is how many rows of the list are still to come. Rows are the server's own table rows, so that every kind has its
 * columns.
 */
export async function follow(path, query, signal, tell, watched = true) {
  const url = (more) => `${path}?${new URLSearchParams({ ...query, ...more })}`;
  const lasting = [401, 403, 404, 405];
  let listed = false;
  for (let pause = 500; !signal.aborted; pause = Math.min(pause * 2, 15000)) {
    let since = Infinity;
    try {
      let continued = "", rows = [], columns, version;
      do {
        // a screenful first, so that there is something to see at once
        const page = tabled(await json(url({ includeObject: "Metadata", limit: columns ? 2500 : 100, ...(continued && { continue: continued }) }), { accept: TABLE, signal }));
        columns ??= page.columnDefinitions;
        rows = rows.concat(page.rows ?? []);
        ({ continue: continued, resourceVersion: version } = page.metadata ?? {});
        // a list that is shown already is replaced when the new one is whole
        if (!listed || !continued) tell({ columns, rows, more: continued ? page.metadata.remainingItemCount ?? 0 : 0 });
      } while (continued);
      listed = true;
      if (!watched) {
        do await sleep(AGAIN, signal);
        while (document.hidden && !signal.aborted);
        pause = 250;
        continue;
      }
      since = Date.now();
      const watch = url({ includeObject: "Metadata", watch: 1, allowWatchBookmarks: true, resourceVersion: version });
      for await (const [, line] of followed([watch], signal)) {
        const event = JSON.parse(line);
        if (event.type === "ERROR") {
          // listed again at once, then every few seconds
          if (event.object?.code === 405) [watched, pause] = [false, 500];
          else if (lasting.includes(event.object?.code)) throw new Refused(event.object.code, event.object.message);
          break;
        }
        if (event.type !== "BOOKMARK") tell({ change: event.type, rows: event.object.rows ?? [] });
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && lasting.includes(error.status)) throw error;
      tell({ trouble: `${t("lost")}: ${error.message}` });
    }
    // a watch that lasted was no trouble
    if (Date.now() - since > 10000) pause = 500;
    await sleep(pause, signal);
  }
}

/** A WebSocket with the token, which such a connection takes as a protocol. */
export function socket(path, protocol) {
  const token = btoa(sessionStorage.getItem(TOKEN) ?? "").replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const opened = new WebSocket(url, [`base64url.bearer.authorization.k8s.io.${token}`, protocol]);
  opened.binaryType = "arraybuffer";
  return opened;
}
