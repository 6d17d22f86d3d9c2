
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
            [CompletionResult]::new('image', 'image', [CompletionResultType]::ParameterValue, 'Composes, loads and lists images')
            [CompletionResult]::new('ip', 'ip', [CompletionResultType]::ParameterValue, 'Prints a node''s address')
            [CompletionResult]::new('profile', 'profile', [CompletionResultType]::ParameterValue, 'Prints the profile in use, or lists all')
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
            [CompletionResult]::new('--extra-config', '--extra-config', [CompletionResultType]::ParameterName, 'A setting of a component, such as kubelet.max-pods=50; may be given several times')
            [CompletionResult]::new('--base-image', '--base-image', [CompletionResultType]::ParameterName, 'A node image that the container engine has, instead of the composed one')
            [CompletionResult]::new('--wait-timeout', '--wait-timeout', [CompletionResultType]::ParameterName, 'How long each wait may last, in seconds')
            [CompletionResult]::new('--delete-on-failure', '--delete-on-failure', [CompletionResultType]::ParameterName, 'Takes away what a failed first start made')
            [CompletionResult]::new('--debian-mirror', '--debian-mirror', [CompletionResultType]::ParameterName, 'A Debian mirror to ask after the host''s own and the recipe''s; may be given several times')
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
        'rkube;stop' {
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
        'rkube;delete' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The cluster''s name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Output format')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'All clusters')
            [CompletionResult]::new('--purge', '--purge', [CompletionResultType]::ParameterName, 'Also downloads and settings; needs --all if there are several clusters')
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
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Image reference; the recipe''s own by default')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Image reference; the recipe''s own by default')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Writes an archive instead of loading the image into the container engine')
            [CompletionResult]::new('--debian-mirror', '--debian-mirror', [CompletionResultType]::ParameterName, 'A Debian mirror to ask after the host''s own and the recipe''s; may be given several times')
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
