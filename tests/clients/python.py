"""The official Python client against a cluster: argument 1 is the namespace to work in."""

import sys
import threading

from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.stream import stream

NAMESPACE = sys.argv[1]
config.load_kube_config()
core = client.CoreV1Api()
apps = client.AppsV1Api()


def expect(condition, seen):
    if not condition:
        raise SystemExit(f"unexpected: {seen}")


def config_map(name, data, **meta):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, **meta), data=data)


def create_list_delete():
    made = core.create_namespaced_config_map(NAMESPACE, config_map("one", {"a": "1"}, labels={"kind": "test"}))
    expect(made.metadata.uid and made.metadata.creation_timestamp, made)
    core.create_namespaced_config_map(NAMESPACE, config_map("two", {"b": "2"}, labels={"kind": "test"}))
    listed = core.list_namespaced_config_map(NAMESPACE, label_selector="kind=test", limit=1)
    expect(len(listed.items) == 1 and listed.metadata._continue, listed.metadata)
    rest = core.list_namespaced_config_map(
        NAMESPACE, label_selector="kind=test", limit=1, _continue=listed.metadata._continue
    )
    names = [item.metadata.name for item in listed.items + rest.items]
    expect(names == ["one", "two"], names)
    try:
        core.create_namespaced_config_map(NAMESPACE, config_map("one", {}))
        raise SystemExit("created twice")
    except ApiException as error:
        expect(error.status == 409, error)


def patches():
    maps = DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
    for media, patch in [
        ("application/json-patch+json", [{"op": "add", "path": "/data/json", "value": "yes"}]),
        ("application/merge-patch+json", {"data": {"merge": "yes"}}),
        ("application/strategic-merge-patch+json", {"data": {"strategic": "yes"}}),
    ]:
        maps.patch(body=patch, name="one", namespace=NAMESPACE, content_type=media)
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"apply": "yes"}}
    maps.server_side_apply(body=applied, name="one", namespace=NAMESPACE, field_manager="python")
    data = core.read_namespaced_config_map("one", NAMESPACE).data
    expect(data == {"a": "1", "json": "yes", "merge": "yes", "strategic": "yes", "apply": "yes"}, data)
    # the typed method chooses the type by itself
    patched = core.patch_namespaced_config_map("one", NAMESPACE, {"data": {"a": None}})
    expect("a" not in patched.data, patched.data)


def watching():
    start = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version

    def change():
        core.create_namespaced_config_map(NAMESPACE, config_map("seen", {}))
        core.patch_namespaced_config_map("seen", NAMESPACE, {"data": {"x": "y"}})
        core.delete_namespaced_config_map("seen", NAMESPACE)

    changer = threading.Thread(target=change)
    changer.start()
    events = []
    watcher = watch.Watch()
    for event in watcher.stream(
        core.list_namespaced_config_map, NAMESPACE, resource_version=start, timeout_seconds=30
    ):
        events.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            watcher.stop()
    changer.join()
    expect(events == [("ADDED", "seen"), ("MODIFIED", "seen"), ("DELETED", "seen")], events)


def pod_streams():
    pod = client.V1Pod(
        metadata=client.V1ObjectMeta(name="talker"),
        spec=client.V1PodSpec(
            termination_grace_period_seconds=0,
            containers=[
                client.V1Container(
                    name="talker",
                    image="rkube.test/busybox:1",
                    command=["sh", "-c", "echo one; echo two; sleep 1000"],
                    resources=client.V1ResourceRequirements(requests={"cpu": "10m"}),
                )
            ],
        ),
    )
    core.create_namespaced_pod(NAMESPACE, pod)
    watcher = watch.Watch()
    for event in watcher.stream(
        core.list_namespaced_pod, NAMESPACE, field_selector="metadata.name=talker", timeout_seconds=60
    ):
        if event["object"].status.phase == "Running":
            watcher.stop()
    expect(core.read_namespaced_pod("talker", NAMESPACE).status.phase == "Running", "the pod does not run")
    lines = []
    watcher = watch.Watch()
    for line in watcher.stream(core.read_namespaced_pod_log, "talker", NAMESPACE):
        lines.append(line)
        if len(lines) == 2:
            watcher.stop()
    expect(lines == ["one", "two"], lines)
    said = stream(
        core.connect_get_namespaced_pod_exec,
        "talker",
        NAMESPACE,
        command=["sh", "-c", "echo out; echo err >&2"],
        stdout=True,
        stderr=True,
        stdin=False,
        tty=False,
    )
    expect(sorted(said.split()) == ["err", "out"], said)
    shell = stream(
        core.connect_get_namespaced_pod_exec,
        "talker",
        NAMESPACE,
        command=["sh"],
        stdin=True,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    shell.write_stdin("echo typed; exit 3\n")
    shell.run_forever(timeout=20)
    expect(shell.read_stdout() == "typed\n" and shell.returncode == 3, shell.returncode)
    core.delete_namespaced_pod("talker", NAMESPACE)


def dynamic():
    api = DynamicClient(client.ApiClient()).resources.get(api_version="apps/v1", kind="Deployment")
    labels = {"app": "none"}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "none"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "rkube.test/busybox:1"}]},
            },
        },
    }
    api.server_side_apply(body=manifest, namespace=NAMESPACE, field_manager="python")
    found = apps.read_namespaced_deployment("none", NAMESPACE)
    expect(found.spec.replicas == 0 and found.metadata.managed_fields, found)
    scale = apps.patch_namespaced_deployment_scale("none", NAMESPACE, {"spec": {"replicas": 0}})
    expect(scale.kind == "Scale", scale)
    api.delete(name="none", namespace=NAMESPACE)


create_list_delete()
patches()
watching()
pod_streams()
dynamic()
print("done")
