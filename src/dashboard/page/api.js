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
/** Every kind that can be listed, by way of discovery: custom resources like built-in ones. */
export async function discover(again = false) {
  if (again) kinds = undefined;
  kinds ??= (async () => {
    const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const lists = await Promise.all(["/api", "/apis"].map((path) => json(path, { accept: aggregated })));
    const all = [];
    for (const group of lists.flatMap((list) => list.items)) {
      const version = group.versions?.[0];
      for (const resource of version?.resources ?? []) {
        if (!resource.verbs.includes("list")) continue;
        const name = group.metadata.name ?? "";
        all.push({
          group: name, version: version.version, plural: resource.resource, kind: resource.responseKind.kind,
          namespaced: resource.scope === "Namespaced", verbs: resource.verbs, short: resource.shortNames ?? [],
          subresources: (resource.subresources ?? []).map((sub) => sub.subresource),
          id: name ? `${resource.resource}.${name}` : resource.resource,
          base: name ? `/apis/${name}/${version.version}` : `/api/${version.version}`,
        });
      }
    }
    return all;
  })();
  return kinds;
}

/** The row of a kind by its id (`deployments.apps`) or by apiVersion and kind. */
export const kindOf = async (id) => (await discover()).find((one) => one.id === id);
export const kindNamed = async (apiVersion, kind) => {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  return (await discover()).find((one) => one.group === group && one.kind === kind);
};

/** Path of a collection or, with a name, of an object. */
export function pathOf(kind, namespace, name) {
  const place = kind.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${kind.base}${place}/${kind.plural}${name ? `/${encodeURIComponent(name)}` : ""}`;
}

/** Lines of a response as they come. */
export async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts;
  }
  if (rest) yield rest;
}

/**
 * Follows a collection, listing anew whenever a watch ends. `tell` hears {columns, rows} for a whole list and {change, rows}
 * after it. Rows are the server's own table rows, so that every kind has its columns.
 */
export async function follow(path, query, signal, tell) {
  const url = (more) => `${path}?${new URLSearchParams({ ...query, ...more })}`;
  for (let pause = 500; !signal.aborted; pause = Math.min(pause * 2, 15000)) {
    try {
      let continued = "", rows = [], columns, version;
      do {
        // a screenful first, so that there is something to see at once
        const page = await json(url({ includeObject: "Metadata", limit: columns ? 2500 : 100, ...(continued && { continue: continued }) }), { accept: TABLE, signal });
        columns ??= page.columnDefinitions;
        rows = rows.concat(page.rows ?? []);
        ({ continue: continued, resourceVersion: version } = page.metadata);
        tell({ columns, rows });
      } while (continued);
      const watch = await request(url({ includeObject: "Metadata", watch: 1, allowWatchBookmarks: true, resourceVersion: version }), { accept: TABLE, signal });
      pause = 500;
      for await (const line of lines(watch)) {
        const event = JSON.parse(line);
        if (event.type === "ERROR") break;
        if (event.type !== "BOOKMARK") tell({ change: event.type, rows: event.object.rows ?? [] });
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && [401, 403, 404, 405].includes(error.status)) throw error;
      tell({ trouble: `${t("lost")}: ${error.message}` });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
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
