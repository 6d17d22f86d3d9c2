# Runs in the virtual machine that `cargo xtask vm` boots: what a user does on the first day.
# Every line that begins with "check:" is read by the harness.
set -o pipefail
say() { echo "check: $*"; }
step() {
  local began=$SECONDS name=$1
  shift
  if "$@" >/root/out 2>&1; then say "ok $name ($((SECONDS - began)) s)"; else
    say "FAIL $name (exit $?)"
    sed 's/^/check:   /' /root/out
    rkube logs 2>&1 | tail -40 | sed 's/^/check:   log: /'
    say end
    exit 1
  fi
}
patiently() {
  local end=$((SECONDS + 300))
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 1
  done
}
running() { [ "$(kubectl get pod "$1" -o 'jsonpath={.status.phase}')" = Running ]; }
paused() { rkube status >/root/status; [ $? = 2 ] && grep -q 'apiserver: Paused' /root/status; }
resolves() { docker exec rkube /usr/bin/rkube node dns-check 10.96.0.10 kubernetes.default.svc.cluster.local 5; }
limited() { [ "$(kubectl exec limited -- cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max)" = "$(printf '67108864\n50000 100000')" ]; }
closed() { ! kubectl exec client -- wget -q -T 3 -O - http://web/; }
written() { kubectl exec disk -- sh -c 'printf hello | dd of=/dev/xvda conv=fsync' && [ "$(head -c 5 /root/disk)" = hello ]; }
wget_service() { kubectl exec client -- wget -q -T 10 -O - http://web/ | grep 'Welcome to nginx'; }

say "$(docker version --format 'Docker {{.Server.Version}}'), $(docker info --format '{{.Driver}}, control groups v{{.CgroupVersion}}, {{.CgroupDriver}}'), kernel $(uname -r)"
# before the node starts, which sees the devices that are there
step "a loop device" sh -c 'modprobe loop && truncate -s 16M /root/disk && losetup /dev/loop0 /root/disk'
step "start" rkube start --wait-timeout 900
sed 's/^/check:   /' /root/out
say "$(docker inspect rkube --format 'privileged: {{.HostConfig.Privileged}}'), memory: $(docker stats --no-stream --format '{{.MemUsage}}' rkube)"
say "image: $(docker image ls rkube/node --format '{{.Tag}} {{.Size}}')"
docker logs rkube 2>&1 | grep 'fix ' | sed 's/^/check:   /'
step "image compose busybox" rkube image compose busybox --to /root/busybox.tar
step "image compose nginx" rkube image compose nginx --to /root/nginx.tar
step "image load" rkube image load /root/busybox.tar /root/nginx.tar
step "run" kubectl run web --image=rkube.test/nginx:1 --port=80 --expose
step "web runs" patiently running web
step "client" kubectl run client --image=rkube.test/busybox:1 -- sleep 3600
step "client runs" patiently running client
step "pod reaches service by name" patiently wget_service
step "limited" kubectl run limited --image=rkube.test/busybox:1 --overrides='{"spec":{"containers":[{"name":"limited",
  "image":"rkube.test/busybox:1","command":["sleep","3600"],"resources":{"limits":{"memory":"64Mi","cpu":"500m"}}}]}}'
step "limited runs" patiently running limited
step "limits hold" limited
step "a block volume" kubectl create -f - <<YAML
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 16Mi}
  accessModes: [ReadWriteOnce]
  volumeMode: Block
  storageClassName: disks
  local: {path: /dev/loop0}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [rkube]}]}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {accessModes: [ReadWriteOnce], volumeMode: Block, storageClassName: disks, resources: {requests: {storage: 16Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: disk}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: data, persistentVolumeClaim: {claimName: disk}}]
  containers:
  - name: main
    image: rkube.test/busybox:1
    command: [sleep, '3600']
    volumeDevices: [{name: data, devicePath: /dev/xvda}]
YAML
step "its pod runs" patiently running disk
step "what it writes is on the disk" written
step "the pod goes" kubectl delete pod/disk pvc/disk pv/disk --timeout=60s
step "addons enable metrics-server" rkube addons enable metrics-server --wait-timeout 300
step "kubectl top" patiently kubectl top pod client
sed 's/^/check:   /' /root/out
step "a policy closes the service" kubectl create -f - <<YAML
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {run: web}}, policyTypes: [Ingress]}
YAML
step "and it is closed" patiently closed
step "the policy goes" kubectl delete networkpolicy closed
step "and it is open again" patiently wget_service
step "pause" rkube pause
step "is paused" patiently paused
step "names resolve while paused" resolves
step "unpause" rkube unpause
step "pod reaches service by name after a pause" patiently wget_service
step "stop" rkube stop
step "start again" rkube start --wait-timeout 900
step "pods are back" patiently running client
step "pod reaches service by name again" patiently wget_service
step "restart of the engine" systemctl restart docker
step "pods are back after it" patiently running client
step "pod reaches service by name after it" patiently wget_service
step "nothing to do" sh -c 'rkube start | grep "nothing to do"'
step "delete" rkube delete
left=$(docker ps -aq; docker volume ls -q; docker network ls -q --filter label=io.rkube.cluster)
if [ -z "$left" ]; then say "ok nothing is left"; else say "FAIL left: $left"; fi
say end
