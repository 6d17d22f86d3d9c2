# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_rkube_global_optspecs
    string join \n p/profile= o/output= v/verbose h/help V/version
end

function __fish_rkube_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_rkube_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_rkube_using_subcommand
    set -l cmd (__fish_rkube_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c rkube -n "__fish_rkube_needs_command" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_needs_command" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_needs_command" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_needs_command" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "start" -d 'Makes a cluster, or starts it again; changes nothing if it runs'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "stop" -d 'Stops the cluster; everything in it is kept'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "delete" -d 'Removes the cluster and everything in it'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "pause" -d 'Freezes the control plane; pods go on'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "unpause" -d 'Lets a frozen control plane go on'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "status" -d 'Says what the nodes and their components are doing'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "ssh" -d 'Runs a shell or a program in a node; its exit code becomes ours'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "logs" -d 'Shows the nodes\' logs'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "node" -d 'Lists nodes'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "kubectl" -d 'Runs a kubectl that fits the cluster, against it'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "trace" -d 'Runs a command and shows what became of its requests: checks, controllers, scheduler, kubelets, with times'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "dashboard" -d 'Opens a page for looking at the cluster and working on it; goes on until Ctrl-C'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "addons" -d 'Lists addons, and brings them into the cluster or takes them out'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "image" -d 'Composes, loads and lists images'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "bundle" -d 'Brings a cluster to a machine without a network, in one file'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "mirrors" -d 'Says where images come from, and changes it'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "ip" -d 'Prints a node\'s address'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "profile" -d 'Prints the profile in use, chooses another one, or lists all'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "version" -d 'Prints versions'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "completion" -d 'Prints a completion script'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "generate-docs" -d 'Writes completion scripts, man pages and the reference of all commands into a folder'
complete -c rkube -n "__fish_rkube_using_subcommand start" -s n -l nodes -d 'Number of nodes: one control plane, the rest workers' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l subnet -d 'Addresses of the cluster\'s network, such as 192.168.49.0/24; chosen by rkube by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l apiserver-port -d 'Port on 127.0.0.1 for the API; a free one by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l pod-cidr -d 'Addresses of pods' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l service-cluster-ip-range -d 'Addresses of services' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l dns-domain -d 'The cluster\'s DNS domain' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l extra-config -d 'A setting of a component, such as kubelet.max-pods=50 or scheduler.config=FILE; may be given several times' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l base-image -d 'A node image that the container engine has, instead of the composed one' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l bundle -d 'A file that `rkube bundle save` wrote; the cluster then comes from it, without a network' -r -F
complete -c rkube -n "__fish_rkube_using_subcommand start" -l addons -d 'Addons to enable; `rkube addons list` shows all' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l wait-timeout -d 'How long each wait may last, such as 6m or 1m30s; a plain number is seconds' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l delete-on-failure -d 'Takes away what a failed first start made' -r -f -a "true\t''
false\t''"
complete -c rkube -n "__fish_rkube_using_subcommand start" -s d -l driver -d 'The container engine; without it the first one that answers. A cluster stays with the one that it was made with' -r -f -a "docker\t'Docker'
podman\t'Podman'"
complete -c rkube -n "__fish_rkube_using_subcommand start" -s c -l container-runtime -d 'What runs containers in the nodes; there is one' -r -f -a "containerd\t'containerd'"
complete -c rkube -n "__fish_rkube_using_subcommand start" -l kubernetes-version -d 'The version that is expected, such as v1.36: rkube has the one that `rkube version` says, and refuses others' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l cpus -d 'Processors that each node may use, such as 2 or 1.5; no-limit by default. Only a new cluster takes another value. Nodes report whole processors, and several nodes may have more in sum than the machine' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l memory -d 'Memory that each node may use, such as 4g or 4096mb; a plain number is mebibytes; no-limit by default. Only a new cluster takes another value' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l debian-mirror -d 'A Debian mirror to ask after the host\'s own and the recipe\'s; may be given several times. With `RKUBE_DEBIAN_FROZEN=1` its releases may be out of date, as a snapshot\'s are' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l image-mirror-country -d 'Also asks the public mirrors of a country: cn, or auto for all of them after the registries themselves' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l image-repository -d 'A repository with copies of all images, such as mirror.example/ns; may be given several times. The node image is looked for as mirror.example/ns/rkube-node, with the tag that `rkube image compose node` gives it' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l registry-mirror -d 'A mirror of docker.io; may be given several times' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l insecure-registry -d 'A registry, or a network of them, whose certificates are not checked and that may speak plain HTTP' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l binary-mirror -d 'A place with what Kubernetes publishes, such as kubectl, laid out as its own; may be given several times' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l registries -d 'A file of mirrors and credentials in the format of k3s\'s registries.yaml' -r -F
complete -c rkube -n "__fish_rkube_using_subcommand start" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand start" -l keep-context -d 'Leaves the kubeconfig\'s current context as it is'
complete -c rkube -n "__fish_rkube_using_subcommand start" -l dry-run -d 'Makes and changes nothing: checks what can be checked, and says what would be done'
complete -c rkube -n "__fish_rkube_using_subcommand start" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand start" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand stop" -l all -d 'All clusters'
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand delete" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand delete" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand delete" -l all -d 'All clusters whose profiles are here, or were; other users\' stay'
complete -c rkube -n "__fish_rkube_using_subcommand delete" -l purge -d 'Also everything below ~/.rkube (or `RKUBE_HOME`): downloads, settings, addons of your own, and what bundles brought; needs --all if there are several clusters'
complete -c rkube -n "__fish_rkube_using_subcommand delete" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand delete" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand pause" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand pause" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand pause" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand pause" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand unpause" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand unpause" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand unpause" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand unpause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand unpause" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand status" -s n -l node -d 'Only this node' -r
complete -c rkube -n "__fish_rkube_using_subcommand status" -s f -l format -d 'A line per node of this shape instead, such as \'{{.Name}}: {{.Host}}\'; there are Name, Host, Kubelet, APIServer, Kubeconfig and Worker' -r
complete -c rkube -n "__fish_rkube_using_subcommand status" -s l -l layout -d 'What JSON is about: each node, or the whole cluster with codes like HTTP\'s' -r -f -a "nodes\t'One entry per node'
cluster\t'The cluster with its nodes and components; JSON only'"
complete -c rkube -n "__fish_rkube_using_subcommand status" -s w -l watch -d 'Says it again after every interval, until Ctrl-C; -w=5s for another one than 1s' -r
complete -c rkube -n "__fish_rkube_using_subcommand status" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand status" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand status" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand status" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand ssh" -s n -l node -d 'The node; the control plane by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand ssh" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand ssh" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand ssh" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand ssh" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand ssh" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand logs" -l node -d 'Only this node' -r
complete -c rkube -n "__fish_rkube_using_subcommand logs" -s n -l length -d 'Number of lines' -r
complete -c rkube -n "__fish_rkube_using_subcommand logs" -l file -d 'Writes them there instead of on standard output' -r -F
complete -c rkube -n "__fish_rkube_using_subcommand logs" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand logs" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand logs" -s f -l follow -d 'Goes on as the log grows; the control plane\'s, unless --node says otherwise'
complete -c rkube -n "__fish_rkube_using_subcommand logs" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand logs" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand node; and not __fish_seen_subcommand_from list" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand node; and not __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand node; and not __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand node; and not __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand node; and not __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand node; and not __fish_seen_subcommand_from list" -f -a "list" -d 'Lists the cluster\'s nodes and their addresses'
complete -c rkube -n "__fish_rkube_using_subcommand node; and __fish_seen_subcommand_from list" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand node; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand node; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand node; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand node; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand kubectl" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand kubectl" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand kubectl" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand kubectl" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand kubectl" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand trace" -l timeout -d 'How long to wait for what follows from the command, such as 90s or 5m; a plain number is seconds' -r
complete -c rkube -n "__fish_rkube_using_subcommand trace" -l show -d 'Shows a trace that the cluster remembers' -r
complete -c rkube -n "__fish_rkube_using_subcommand trace" -s n -l namespace -d 'The object\'s namespace' -r
complete -c rkube -n "__fish_rkube_using_subcommand trace" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand trace" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand trace" -l explain -d 'Says in a few words what each step is for'
complete -c rkube -n "__fish_rkube_using_subcommand trace" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand trace" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand dashboard" -l port -d 'Port on 127.0.0.1; a free one by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand dashboard" -l service-account -d 'Signs in as this service account, to see what it may do; an administrator by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand dashboard" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand dashboard" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand dashboard" -l url -d 'Prints the address, which signs in whoever has it, instead of opening a browser'
complete -c rkube -n "__fish_rkube_using_subcommand dashboard" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand dashboard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand dashboard" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -f -a "list" -d 'Lists all addons and whether the cluster has them'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -f -a "enable" -d 'Brings addons into the cluster and waits until they work'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -f -a "disable" -d 'Takes an addon out of the cluster'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -f -a "configure" -d 'Sets an addon\'s settings; asks for them if none are given'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -f -a "images" -d 'Lists the images of an addon and where they come from'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and not __fish_seen_subcommand_from list enable disable configure images open" -f -a "open" -d 'Opens an addon\'s page in the browser; goes on until Ctrl-C'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from list" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from enable" -l images -d 'Other images for the addon\'s, by the names that `rkube addons images` shows' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from enable" -l registries -d 'Other registries for the addon\'s images' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from enable" -l wait-timeout -d 'How long to wait for each addon, such as 90s or 1m30s; a plain number is seconds' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from enable" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from enable" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from enable" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from enable" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from disable" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from disable" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from disable" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from disable" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from configure" -s f -l config-file -d 'A JSON file with the settings' -r -F
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from configure" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from configure" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from configure" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from configure" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from configure" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from images" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from images" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from images" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from images" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from images" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from open" -l port -d 'Port on 127.0.0.1; a free one by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from open" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from open" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from open" -l url -d 'Prints the address instead of opening a browser'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from open" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from open" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand addons; and __fish_seen_subcommand_from open" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -f -a "compose" -d 'Composes an image from Debian packages, without a registry'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -f -a "load" -d 'Copies images into all nodes; only layers that a node lacks travel'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -f -a "ls" -d 'Lists the images in the nodes'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -s t -l tag -d 'Image reference; by default the recipe\'s own, and for node one whose tag stands for this recipe and this rkube' -r
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -l to -d 'Writes an archive instead of loading the image into the container engine' -r -F
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -l debian-mirror -d 'A Debian mirror to ask after the host\'s own and the recipe\'s; may be given several times. With `RKUBE_DEBIAN_FROZEN=1` its releases may be out of date, as a snapshot\'s are' -r
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from load" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from load" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from load" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from load" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from load" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -l format -d 'How; -o json means the same as --format json' -r -f -a "short\t'A reference per line'
table\t'Names, tags, ids and sizes'
json\t'For programs'
yaml\t'The same as YAML'"
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and not __fish_seen_subcommand_from save load ls rm" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and not __fish_seen_subcommand_from save load ls rm" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and not __fish_seen_subcommand_from save load ls rm" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and not __fish_seen_subcommand_from save load ls rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and not __fish_seen_subcommand_from save load ls rm" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and not __fish_seen_subcommand_from save load ls rm" -f -a "save" -d 'Writes a file with all that a machine without a network needs: rkube, its node image, images of addons and others'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and not __fish_seen_subcommand_from save load ls rm" -f -a "load" -d 'Takes such a file in, once every digest in it has been checked; clusters then start from it'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and not __fish_seen_subcommand_from save load ls rm" -f -a "ls" -d 'Lists the images that bundles have brought to this machine'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and not __fish_seen_subcommand_from save load ls rm" -f -a "rm" -d 'Removes images that bundles have brought; nodes keep theirs'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l addons -d 'Addons whose images come along; `rkube addons list` shows all' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l images -d 'Other images that come along: of the container engine, a built-in recipe\'s, or a registry\'s' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l platform -d 'The machine that the bundle is for: linux/amd64 or linux/arm64; this one by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l program -d 'The rkube for that machine; without it, a bundle for another platform holds none' -r -F
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l debian-mirror -d 'A Debian mirror to ask after the host\'s own and the recipe\'s; may be given several times. With `RKUBE_DEBIAN_FROZEN=1` its releases may be out of date, as a snapshot\'s are' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l image-mirror-country -d 'Also asks the public mirrors of a country: cn, or auto for all of them after the registries themselves' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l image-repository -d 'A repository with copies of all images, such as mirror.example/ns; may be given several times. The node image is looked for as mirror.example/ns/rkube-node, with the tag that `rkube image compose node` gives it' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l registry-mirror -d 'A mirror of docker.io; may be given several times' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l insecure-registry -d 'A registry, or a network of them, whose certificates are not checked and that may speak plain HTTP' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l binary-mirror -d 'A place with what Kubernetes publishes, such as kubectl, laid out as its own; may be given several times' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -l registries -d 'A file of mirrors and credentials in the format of k3s\'s registries.yaml' -r -F
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from save" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from load" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from load" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from load" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from load" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from load" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from ls" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from ls" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from ls" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from rm" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from rm" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from rm" -l all -d 'All of them'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand bundle; and __fish_seen_subcommand_from rm" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and not __fish_seen_subcommand_from list test set" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and not __fish_seen_subcommand_from list test set" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and not __fish_seen_subcommand_from list test set" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and not __fish_seen_subcommand_from list test set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and not __fish_seen_subcommand_from list test set" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and not __fish_seen_subcommand_from list test set" -f -a "list" -d 'Lists registries and where their images come from, in order'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and not __fish_seen_subcommand_from list test set" -f -a "test" -d 'Asks every source of an image, all at the same time, and shows what each says'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and not __fish_seen_subcommand_from list test set" -f -a "set" -d 'Sets a registry\'s mirrors; running clusters use them at once, without a restart'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from list" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from test" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from test" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from test" -l host -d 'Asks from this machine, even if there is a node to ask from'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from test" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -l upstream -d 'When the registry itself is asked; last by default' -r -f -a "first\t'Before its mirrors'
last\t'After its mirrors'
never\t'Not at all'"
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -l rewrite -d 'Rewrites the image\'s path: a regular expression and what takes the place of what it finds. May be given several times' -r
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -l username -d 'Name to log in with at the mirrors, or at the registry itself without mirrors' -r
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -l ca-file -d 'Certificates of an authority to trust there, as PEM' -r -F
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -l country -d 'Also asks the public mirrors of a country: cn, auto for all of them, none to stop that' -r
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -l password-stdin -d 'Reads the password from standard input'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -l insecure-skip-verify -d 'Accepts any certificate there'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -l reset -d 'First forgets all that was set before: for all clusters, or with --cluster all that this one\'s `start` was told'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -l cluster -d 'Only for this cluster'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand mirrors; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand ip" -s n -l node -d 'The node; the control plane by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand ip" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand ip" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand ip" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand ip" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand ip" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and not __fish_seen_subcommand_from list" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand profile; and not __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand profile; and not __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and not __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and not __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and not __fish_seen_subcommand_from list" -a "list" -d 'Lists all clusters'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s l -l light -d 'Only what is on disk: the engine is not asked what runs'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand version" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand version" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand version" -l short -d 'Only rkube\'s own'
complete -c rkube -n "__fish_rkube_using_subcommand version" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand version" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand completion" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand completion" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand completion" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand completion" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand generate-docs" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand generate-docs" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand generate-docs" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand generate-docs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand generate-docs" -s V -l version -d 'Print version'
