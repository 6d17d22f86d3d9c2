// What can be done to an object, each only where it makes sense and always as the signed-in user.

import { json, kindOf, patch, pathOf } from "./api.js";
import { ask, doing, h, say } from "./dom.js";
import { t } from "./text.js";
import { traceLink } from "./traces.js";

const RESTARTED = "kubectl.kubernetes.io/restartedAt";
const REVISION = "deployment.kubernetes.io/revision";

/** Buttons for an object; `changed` is called when it may be gone. */
export function actions(kind, object, gone) {
  const { namespace, name } = object.metadata;
  const path = pathOf(kind, namespace, name);
  const button = (text, work, danger) => h("button", { class: danger ? "danger" : "", onclick: doing(work) }, text);
  const done = () => say(t("done"), 12, traceLink());
  const buttons = [];

  if (kind.subresources.includes("scale"))
    buttons.push(button(t("scale"), async () => {
      const now = object.spec?.replicas ?? 1;
      const answer = await ask(`${t("scale")} ${name}`, h("label", {}, `${t("replicas")} `, h("input", { name: "replicas", type: "number", min: "0", value: now, required: true })));
      if (!answer) return;
      await patch(`${path}/scale`, { spec: { replicas: Number(answer.replicas) } });
      done();
    }));
  if (["deployments.apps", "daemonsets.apps", "statefulsets.apps"].includes(kind.id))
    buttons.push(button(t("restart"), async () => {
      await patch(path, { spec: { template: { metadata: { annotations: { [RESTARTED]: new Date().toISOString() } } } } });
      done();
    }));
  const history = HISTORIES[kind.id];
  if (history) buttons.push(button(t("rollBack"), () => rollBack(path, object, history)));
  if (kind.id === "nodes") {
    const off = object.spec.unschedulable === true;
    buttons.push(button(off ? t("uncordon") : t("cordon"), async () => {
      await patch(path, { spec: { unschedulable: off ? null : true } });
      done();
    }));
    buttons.push(button(t("drain"), () => drain(path, name), true));
  }
  if (kind.verbs.includes("delete"))
    buttons.push(button(t("delete"), async () => {
      if (!(await ask(`${t("delete")}: ${kind.kind} ${name}`, h("p", {}, t("really")), { danger: true, action: t("delete") }))) return;
      await json(path, { method: "DELETE", body: JSON.stringify({ propagationPolicy: "Background" }) });
      done();
      gone();
    }, true));
  return h("div", { class: "row" }, buttons);
}

/** How a deployment's past is kept: in replica sets, whose pod template replaces its own. */
const replicaSets = {
  id: "replicasets.apps",
  revision: (set) => Number(set.metadata.annotations?.[REVISION] ?? 0),
  template: (set) => set.spec.template,
  restore(path, set) {
    const template = structuredClone(set.spec.template);
    delete template.metadata?.labels?.["pod-template-hash"];
    return patch(path, [{ op: "replace", path: "/spec/template", value: template }], "json");
  },
};

/** And that of others: in controller revisions, which are strategic merge patches. */
const controllerRevisions = {
  id: "controllerrevisions.apps",
  revision: (one) => one.revision,
  template: (one) => one.data?.spec?.template,
  restore: (path, one) => patch(path, one.data, "strategic-merge"),
};

const HISTORIES = { "deployments.apps": replicaSets, "daemonsets.apps": controllerRevisions, "statefulsets.apps": controllerRevisions };

/** Puts the pod template of an older revision back, as kubectl does. */
async function rollBack(path, { metadata }, { id, revision, template, restore }) {
  const kept = await json(pathOf(await kindOf(id), metadata.namespace));
  const own = kept.items.filter((one) => one.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === metadata.uid));
  // the newest is what there is: one that is gone back to becomes the newest again
  const [, ...older] = own.sort((a, b) => revision(b) - revision(a));
  if (!older.length) return say(t("nothing"));
  const images = (one) => (template(one)?.spec?.containers ?? []).map((container) => container.image).join(", ");
  const choice = h("select", { name: "revision" }, older.map((one) => h("option", { value: revision(one) }, `${revision(one)}: ${images(one)}`)));
  const answer = await ask(t("rollBack"), h("label", {}, `${t("revision")} `, choice));
  const chosen = answer && older.find((one) => revision(one) === Number(answer.revision));
  if (!chosen) return;
  await restore(path, chosen);
  say(t("done"), 12, traceLink());
}

/** Cordons, then evicts one pod after the other; budgets are the server's to keep. */
async function drain(path, node) {
  if (!(await ask(`${t("drain")}: ${node}`, h("p", {}, t("really")), { danger: true, action: t("drain") }))) return;
  await patch(path, { spec: { unschedulable: true } });
  const kind = await kindOf("pods");
  const found = await json(`${pathOf(kind)}?fieldSelector=spec.nodeName%3D${encodeURIComponent(node)}`);
  const stays = (pod) => pod.metadata.ownerReferences?.some((one) => one.kind === "DaemonSet") || pod.metadata.annotations?.["kubernetes.io/config.mirror"];
  const failures = [];
  let count = 0;
  for (const pod of found.items.filter((one) => !stays(one))) {
    const { namespace, name } = pod.metadata;
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { namespace, name } };
    try {
      await json(`${pathOf(kind, namespace, name)}/eviction`, { method: "POST", body: JSON.stringify(eviction) });
      count++;
    } catch (error) {
      failures.push(`${namespace}/${name}: ${error.message}`);
    }
  }
  say([`${t("evicted")}: ${count}`, ...failures].join("\n"), 15);
}
