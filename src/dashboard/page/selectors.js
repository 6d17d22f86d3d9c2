// Label selectors, of workloads and of services: whom they choose.

/** The requirements of an object's selector: [key, operator, values]. None if it selects nothing. */
export function selectorOf(object) {
  const selector = object.spec?.selector;
  if (!selector || typeof selector !== "object") return undefined;
  const plain = object.kind === "Service" || object.kind === "ReplicationController";
  return requirements(plain ? { matchLabels: selector } : selector);
}

function requirements({ matchLabels = {}, matchExpressions = [] }) {
  const labels = Object.entries(matchLabels).map(([key, value]) => [key, "In", [value]]);
  const all = labels.concat(matchExpressions.map((one) => [one.key, one.operator, one.values ?? []]));
  return all.length ? all : undefined;
}

/** A selector as the API takes it in a query. */
export const textOf = (selector) =>
  selector.map(([key, operator, values]) => ({ In: `${key} in (${values})`, NotIn: `${key} notin (${values})`, Exists: key, DoesNotExist: `!${key}` })[operator]).join(",");

/** Whether a selector chooses something with these labels. */
export const selects = (selector, labels = {}) =>
  !!selector && selector.every(([key, operator, values]) => {
    const has = Object.hasOwn(labels, key);
    switch (operator) {
      case "In": return has && values.includes(labels[key]);
      case "NotIn": return !has || !values.includes(labels[key]);
      case "Exists": return has;
      case "DoesNotExist": return !has;
      default: return false;
    }
  });
