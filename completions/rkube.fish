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
complete -c rkube -n "__fish_rkube_needs_command" -f -a "image" -d 'Composes, loads and lists images'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "ip" -d 'Prints a node\'s address'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "profile" -d 'Prints the profile in use, or lists all'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "version" -d 'Prints versions'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "completion" -d 'Prints a completion script'
complete -c rkube -n "__fish_rkube_needs_command" -f -a "generate-docs" -d 'Writes completion scripts, man pages and the reference of all commands into a folder'
complete -c rkube -n "__fish_rkube_using_subcommand start" -s n -l nodes -d 'Number of nodes: one control plane, the rest workers' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l subnet -d 'Addresses of the cluster\'s network, such as 192.168.49.0/24; chosen by rkube by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l apiserver-port -d 'Port on 127.0.0.1 for the API; a free one by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l pod-cidr -d 'Addresses of pods' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l service-cluster-ip-range -d 'Addresses of services' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l dns-domain -d 'The cluster\'s DNS domain' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l extra-config -d 'A setting of a component, such as kubelet.max-pods=50; may be given several times' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l base-image -d 'A node image that the container engine has, instead of the composed one' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l wait-timeout -d 'How long each wait may last, in seconds' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -l delete-on-failure -d 'Takes away what a failed first start made' -r -f -a "true\t''
false\t''"
complete -c rkube -n "__fish_rkube_using_subcommand start" -l debian-mirror -d 'A Debian mirror to ask after the host\'s own and the recipe\'s; may be given several times' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand start" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand start" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand start" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand stop" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand delete" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand delete" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand delete" -l all -d 'All clusters'
complete -c rkube -n "__fish_rkube_using_subcommand delete" -l purge -d 'Also downloads and settings; needs --all if there are several clusters'
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
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -f -a "compose" -d 'Composes an image from Debian packages, without a registry'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -f -a "load" -d 'Copies images into all nodes; only layers that a node lacks travel'
complete -c rkube -n "__fish_rkube_using_subcommand image; and not __fish_seen_subcommand_from compose load ls" -f -a "ls" -d 'Lists the images in the nodes'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -s t -l tag -d 'Image reference; the recipe\'s own by default' -r
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -l to -d 'Writes an archive instead of loading the image into the container engine' -r -F
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from compose" -l debian-mirror -d 'A Debian mirror to ask after the host\'s own and the recipe\'s; may be given several times' -r
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
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand image; and __fish_seen_subcommand_from ls" -s V -l version -d 'Print version'
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
complete -c rkube -n "__fish_rkube_using_subcommand profile; and not __fish_seen_subcommand_from list" -f -a "list" -d 'Lists all clusters'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more on stderr; twice for even more'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkube -n "__fish_rkube_using_subcommand profile; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c rkube -n "__fish_rkube_using_subcommand version" -s p -l profile -d 'The cluster\'s name' -r
complete -c rkube -n "__fish_rkube_using_subcommand version" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'For programs'"
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
