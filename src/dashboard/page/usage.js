// What pods and nodes use now, as two columns more for their tables: read again every few seconds while metrics-server is there.

import { discover, json } from "./api.js";
import { bytes, cores, quantity, t } from "./text.js";

const EVERY = 10000;

/** Kinds whose use is known. */
export const metered = (kind) => kind.id === "pods" || kind.id === "nodes";

const key = ({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`;

/** What an object of the metrics API says in total. */
const total = (object, name) => (object.containers ?? [object]).reduce((sum, one) => sum + quantity(one.usage?.[name]), 0);

/** Tells {columns, cells} whenever they were read; never, if there are no metrics. */
export async function usageOf(kind, namespace, signal, tell) {
  const known = (await discover().catch(() => [])).some((one) => one.group === "metrics.k8s.io" && one.plural === kind.plural);
  if (!known || signal.aborted) return;
  const place = kind.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  async function look() {
    const found = await json(`/apis/metrics.k8s.io/v1beta1${place}/${kind.plural}`, { signal }).catch(() => undefined);
    if (!found || signal.aborted) return;
    const used = new Map(found.items.map((one) => [key(one), [total(one, "cpu"), total(one, "memory")]]));
    const column = (name, index) => ({ name: t(name), priority: 0, value: (object) => used.get(key(object))?.[index] ?? -1 });
    const shown = (numbers) => (numbers ? [cores(numbers[0]), bytes(numbers[1])] : ["", ""]);
    tell({ columns: [column("cpu", 0), column("memory", 1)], cells: (object) => shown(used.get(key(object))) });
  }
  await look();
  if (signal.aborted) return;
  const clock = setInterval(() => document.hidden || look(), EVERY);
  signal.addEventListener("abort", () => clearInterval(clock));
}
