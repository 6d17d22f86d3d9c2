
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'rkube' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'rkube'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'rkube' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Makes a cluster, or starts it again; changes nothing if it runs')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stops the cluster; everything in it is kept')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Removes the cluster and everything in it')
            [CompletionResult]::new('pause', 'pause', [CompletionResultType]::ParameterValue, 'Freezes the control plane; pods go on')
            [CompletionResult]::new('unpause', 'unpause', [CompletionResultType]::ParameterValue, 'Lets a frozen control plane go on')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Says what the nodes and their components are doing')
            [CompletionResult]::new('ssh', 'ssh', [CompletionResultType]::ParameterValue, 'Runs a shell or a program in a node; its exit code becomes ours')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Shows the nodes'' logs')
            [CompletionResult]::new('node', 'node', [CompletionResultType]::ParameterValue, 'Lists nodes')
            [CompletionResult]::new('kubectl', 'kubectl', [CompletionResultType]::ParameterValue, 'Runs a kubectl that fits the cluster, against it')
            [CompletionResult]::new('trace', 'trace', [CompletionResultType]::ParameterValue, 'Runs a command and shows what became of its requests: checks, controllers, scheduler, kubelets, with times')
            [CompletionResult]::new('dashboard', 'dashboard', [CompletionResultType]::ParameterValue, 'Opens a page for looking at the cluster and working on it; goes on until Ctrl-C')
            [CompletionResult]::new('addons', 'addons', [CompletionResultType]::ParameterValue, 'Lists addons, and brings them into the cluster or takes them out')
            [CompletionResult]::new('image', 'image', [CompletionResultType]::ParameterValue, 'Composes, loads and lists images')
            [CompletionResult]::new('bundle', 'bundle', [CompletionResultType]::ParameterValue, 'Brings a cluster to a machine without a network, in one file')
            [CompletionResult]::new('mirrors', 'mirrors', [CompletionResultType]::ParameterValue, 'Says where images come from, and changes it')
            [CompletionResult]::new('ip', 'ip', [CompletionResultType]::ParameterValue, 'Prints a node''s address')
            [CompletionResult]::new('profile', 'profile', [CompletionResultType]::ParameterValue, 'Prints the profile in use, chooses another one, or lists all')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Prints versions')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Prints a completion script')
            [CompletionResult]::new('generate-docs', 'generate-docs', [CompletionResultType]::ParameterValue, 'Writes completion scripts, man pages and the reference of all commands into a folder')
            break
        }
        'rkube;start' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Number of nodes: one control plane, the rest workers')
            [CompletionResult]::new('--nodes', '--nodes', [CompletionResultType]::ParameterName, 'Number of nodes: one control plane, the rest workers')
            [CompletionResult]::new('--subnet', '--subnet', [CompletionResultType]::ParameterName, 'Addresses of the cluster''s network, such as 192.168.49.0/24; chosen by rkube by default')
            [CompletionResult]::new('--apiserver-port', '--apiserver-port', [CompletionResultType]::ParameterName, 'Port on 127.0.0.1 for the API; a free one by default')
            [CompletionResult]::new('--pod-cidr', '--pod-cidr', [CompletionResultType]::ParameterName, 'Addresses of pods')
            [CompletionResult]::new('--service-cluster-ip-range', '--service-cluster-ip-range', [CompletionResultType]::ParameterName, 'Addresses of services')
            [CompletionResult]::new('--dns-domain', '--dns-domain', [CompletionResultType]::ParameterName, 'The cluster''s DNS domain')
            [CompletionResult]::new('--extra-config', '--extra-config', [CompletionResultType]::ParameterName, 'A setting of a component, such as kubelet.max-pods=50 or scheduler.config=FILE; may be given several times')
            [CompletionResult]::new('--base-image', '--base-image', [CompletionResultType]::ParameterName, 'A node image that the container engine has, instead of the composed one')
            [CompletionResult]::new('--bundle', '--bundle', [CompletionResultType]::ParameterName, 'A file that `rkube bundle save` wrote; the cluster then comes from it, without a network')
            [CompletionResult]::new('--addons', '--addons', [CompletionResultType]::ParameterName, 'Addons to enable; `rkube addons list` shows all')
            [CompletionResult]::new('--wait-timeout', '--wait-timeout', [CompletionResultType]::ParameterName, 'How long each wait may last, such as 6m or 1m30s; a plain number is seconds')
            [CompletionResult]::new('--delete-on-failure', '--delete-on-failure', [CompletionResultType]::ParameterName, 'Takes away what a failed first start made')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'The container engine; without it the first one that answers. A cluster stays with the one that it was made with')
            [CompletionResult]::new('--driver', '--driver', [CompletionResultType]::ParameterName, 'The container engine; without it the first one that answers. A cluster stays with the one that it was made with')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'What runs containers in the nodes; there is one')
            [CompletionResult]::new('--container-runtime', '--container-runtime', [CompletionResultType]::ParameterName, 'What runs containers in the nodes; there is one')
            [CompletionResult]::new('--kubernetes-version', '--kubernetes-version', [CompletionResultType]::ParameterName, 'The version that is expected, such as v1.36: rkube has the one that `rkube version` says, and refuses others')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'Processors that each node may use, such as 2 or 1.5; no-limit by default. Only a new cluster takes another value. Nodes report whole processors, and several nodes may have more in sum than the machine')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory that each node may use, such as 4g or 4096mb; a plain number is mebibytes; no-limit by default. Only a new cluster takes another value')
            [CompletionResult]::new('--debian-mirror', '--debian-mirror', [CompletionResultType]::ParameterName, 'A Debian mirror to ask after the host''s own and the recipe''s; may be given several times. With `RKUBE_DEBIAN_FROZEN=1` its releases may be out of date, as a snapshot''s are')
            [CompletionResult]::new('--image-mirror-country', '--image-mirror-country', [CompletionResultType]::ParameterName, 'Also asks the public mirrors of a country: cn, or auto for all of them after the registries themselves')
            [CompletionResult]::new('--image-repository', '--image-repository', [CompletionResultType]::ParameterName, 'A repository with copies of all images, such as mirror.example/ns; may be given several times. The node image is looked for as mirror.example/ns/rkube-node, with the tag that `rkube image compose node` gives it')
            [CompletionResult]::new('--registry-mirror', '--registry-mirror', [CompletionResultType]::ParameterName, 'A mirror of docker.io; may be given several times')
            [CompletionResult]::new('--insecure-registry', '--insecure-registry', [CompletionResultType]::ParameterName, 'A registry, or a network of them, whose certificates are not checked and that may speak plain HTTP')
            [CompletionResult]::new('--binary-mirror', '--binary-mirror', [CompletionResultType]::ParameterName, 'A place with what Kubernetes publishes, such as kubectl, laid out as its own; may be given several times')
            [CompletionResult]::new('--registries', '--registries', [CompletionResultType]::ParameterName, 'A file of mirrors and credentials in the format of k3s''s registries.yaml')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--keep-context', '--keep-context', [CompletionResultType]::ParameterName, 'Leaves the kubeconfig''s current context as it is')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Makes and changes nothing: checks what can be checked, and says what would be done')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;stop' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'All clusters')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;delete' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'All clusters whose profiles are here, or were; other users'' stay')
            [CompletionResult]::new('--purge', '--purge', [CompletionResultType]::ParameterName, 'Also everything below ~/.rkube (or `RKUBE_HOME`): downloads, settings, addons of your own, and what bundles brought; needs --all if there are several clusters')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;pause' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;unpause' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;status' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only this node')
            [CompletionResult]::new('--node', '--node', [CompletionResultType]::ParameterName, 'Only this node')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'A line per node of this shape instead, such as ''{{.Name}}: {{.Host}}''; there are Name, Host, Kubelet, APIServer, Kubeconfig and Worker')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'A line per node of this shape instead, such as ''{{.Name}}: {{.Host}}''; there are Name, Host, Kubelet, APIServer, Kubeconfig and Worker')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'What JSON is about: each node, or the whole cluster with codes like HTTP''s')
            [CompletionResult]::new('--layout', '--layout', [CompletionResultType]::ParameterName, 'What JSON is about: each node, or the whole cluster with codes like HTTP''s')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Says it again after every interval, until Ctrl-C; -w=5s for another one than 1s')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Says it again after every interval, until Ctrl-C; -w=5s for another one than 1s')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;ssh' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The node; the control plane by default')
            [CompletionResult]::new('--node', '--node', [CompletionResultType]::ParameterName, 'The node; the control plane by default')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;logs' {
            [CompletionResult]::new('--node', '--node', [CompletionResultType]::ParameterName, 'Only this node')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Number of lines')
            [CompletionResult]::new('--length', '--length', [CompletionResultType]::ParameterName, 'Number of lines')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Writes them there instead of on standard output')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Goes on as the log grows; the control plane''s, unless --node says otherwise')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Goes on as the log grows; the control plane''s, unless --node says otherwise')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;node' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Lists the cluster''s nodes and their addresses')
            break
        }
        'rkube;node;list' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;kubectl' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;trace' {
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait for what follows from the command, such as 90s or 5m; a plain number is seconds')
            [CompletionResult]::new('--show', '--show', [CompletionResultType]::ParameterName, 'Shows a trace that the cluster remembers')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The object''s namespace')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The object''s namespace')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Says in a few words what each step is for')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;dashboard' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port on 127.0.0.1; a free one by default')
            [CompletionResult]::new('--service-account', '--service-account', [CompletionResultType]::ParameterName, 'Signs in as this service account, to see what it may do; an administrator by default')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Prints the address, which signs in whoever has it, instead of opening a browser')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;addons' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Lists all addons and whether the cluster has them')
            [CompletionResult]::new('enable', 'enable', [CompletionResultType]::ParameterValue, 'Brings addons into the cluster and waits until they work')
            [CompletionResult]::new('disable', 'disable', [CompletionResultType]::ParameterValue, 'Takes an addon out of the cluster')
            [CompletionResult]::new('configure', 'configure', [CompletionResultType]::ParameterValue, 'Sets an addon''s settings; asks for them if none are given')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'Lists the images of an addon and where they come from')
            [CompletionResult]::new('open', 'open', [CompletionResultType]::ParameterValue, 'Opens an addon''s page in the browser; goes on until Ctrl-C')
            break
        }
        'rkube;addons;list' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;addons;enable' {
            [CompletionResult]::new('--images', '--images', [CompletionResultType]::ParameterName, 'Other images for the addon''s, by the names that `rkube addons images` shows')
            [CompletionResult]::new('--registries', '--registries', [CompletionResultType]::ParameterName, 'Other registries for the addon''s images')
            [CompletionResult]::new('--wait-timeout', '--wait-timeout', [CompletionResultType]::ParameterName, 'How long to wait for each addon, such as 90s or 1m30s; a plain number is seconds')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;addons;disable' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;addons;configure' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'A JSON file with the settings')
            [CompletionResult]::new('--config-file', '--config-file', [CompletionResultType]::ParameterName, 'A JSON file with the settings')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;addons;images' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;addons;open' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port on 127.0.0.1; a free one by default')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Prints the address instead of opening a browser')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;image' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('compose', 'compose', [CompletionResultType]::ParameterValue, 'Composes an image from Debian packages, without a registry')
            [CompletionResult]::new('load', 'load', [CompletionResultType]::ParameterValue, 'Copies images into all nodes; only layers that a node lacks travel')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'Lists the images in the nodes')
            break
        }
        'rkube;image;compose' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Image reference; by default the recipe''s own, and for node one whose tag stands for this recipe and this rkube')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Image reference; by default the recipe''s own, and for node one whose tag stands for this recipe and this rkube')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Writes an archive instead of loading the image into the container engine')
            [CompletionResult]::new('--debian-mirror', '--debian-mirror', [CompletionResultType]::ParameterName, 'A Debian mirror to ask after the host''s own and the recipe''s; may be given several times. With `RKUBE_DEBIAN_FROZEN=1` its releases may be out of date, as a snapshot''s are')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;image;load' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;image;ls' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How; -o json means the same as --format json')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;bundle' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('save', 'save', [CompletionResultType]::ParameterValue, 'Writes a file with all that a machine without a network needs: rkube, its node image, images of addons and others')
            [CompletionResult]::new('load', 'load', [CompletionResultType]::ParameterValue, 'Takes such a file in, once every digest in it has been checked; clusters then start from it')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'Lists the images that bundles have brought to this machine')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Removes images that bundles have brought; nodes keep theirs')
            break
        }
        'rkube;bundle;save' {
            [CompletionResult]::new('--addons', '--addons', [CompletionResultType]::ParameterName, 'Addons whose images come along; `rkube addons list` shows all')
            [CompletionResult]::new('--images', '--images', [CompletionResultType]::ParameterName, 'Other images that come along: of the container engine, a built-in recipe''s, or a registry''s')
            [CompletionResult]::new('--platform', '--platform', [CompletionResultType]::ParameterName, 'The machine that the bundle is for: linux/amd64 or linux/arm64; this one by default')
            [CompletionResult]::new('--program', '--program', [CompletionResultType]::ParameterName, 'The rkube for that machine; without it, a bundle for another platform holds none')
            [CompletionResult]::new('--debian-mirror', '--debian-mirror', [CompletionResultType]::ParameterName, 'A Debian mirror to ask after the host''s own and the recipe''s; may be given several times. With `RKUBE_DEBIAN_FROZEN=1` its releases may be out of date, as a snapshot''s are')
            [CompletionResult]::new('--image-mirror-country', '--image-mirror-country', [CompletionResultType]::ParameterName, 'Also asks the public mirrors of a country: cn, or auto for all of them after the registries themselves')
            [CompletionResult]::new('--image-repository', '--image-repository', [CompletionResultType]::ParameterName, 'A repository with copies of all images, such as mirror.example/ns; may be given several times. The node image is looked for as mirror.example/ns/rkube-node, with the tag that `rkube image compose node` gives it')
            [CompletionResult]::new('--registry-mirror', '--registry-mirror', [CompletionResultType]::ParameterName, 'A mirror of docker.io; may be given several times')
            [CompletionResult]::new('--insecure-registry', '--insecure-registry', [CompletionResultType]::ParameterName, 'A registry, or a network of them, whose certificates are not checked and that may speak plain HTTP')
            [CompletionResult]::new('--binary-mirror', '--binary-mirror', [CompletionResultType]::ParameterName, 'A place with what Kubernetes publishes, such as kubectl, laid out as its own; may be given several times')
            [CompletionResult]::new('--registries', '--registries', [CompletionResultType]::ParameterName, 'A file of mirrors and credentials in the format of k3s''s registries.yaml')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;bundle;load' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;bundle;ls' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;bundle;rm' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'All of them')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;mirrors' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Lists registries and where their images come from, in order')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Asks every source of an image, all at the same time, and shows what each says')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Sets a registry''s mirrors; running clusters use them at once, without a restart')
            break
        }
        'rkube;mirrors;list' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;mirrors;test' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Asks from this machine, even if there is a node to ask from')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;mirrors;set' {
            [CompletionResult]::new('--upstream', '--upstream', [CompletionResultType]::ParameterName, 'When the registry itself is asked; last by default')
            [CompletionResult]::new('--rewrite', '--rewrite', [CompletionResultType]::ParameterName, 'Rewrites the image''s path: a regular expression and what takes the place of what it finds. May be given several times')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'Name to log in with at the mirrors, or at the registry itself without mirrors')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'Certificates of an authority to trust there, as PEM')
            [CompletionResult]::new('--country', '--country', [CompletionResultType]::ParameterName, 'Also asks the public mirrors of a country: cn, auto for all of them, none to stop that')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--password-stdin', '--password-stdin', [CompletionResultType]::ParameterName, 'Reads the password from standard input')
            [CompletionResult]::new('--insecure-skip-verify', '--insecure-skip-verify', [CompletionResultType]::ParameterName, 'Accepts any certificate there')
            [CompletionResult]::new('--reset', '--reset', [CompletionResultType]::ParameterName, 'First forgets all that was set before: for all clusters, or with --cluster all that this one''s `start` was told')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'Only for this cluster')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;ip' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The node; the control plane by default')
            [CompletionResult]::new('--node', '--node', [CompletionResultType]::ParameterName, 'The node; the control plane by default')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;profile' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Lists all clusters')
            break
        }
        'rkube;profile;list' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Only what is on disk: the engine is not asked what runs')
            [CompletionResult]::new('--light', '--light', [CompletionResultType]::ParameterName, 'Only what is on disk: the engine is not asked what runs')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;version' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--short', '--short', [CompletionResultType]::ParameterName, 'Only rkube''s own')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;completion' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'rkube;generate-docs' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Says more on stderr; twice for even more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
