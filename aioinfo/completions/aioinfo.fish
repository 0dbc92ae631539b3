# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_aioinfo_global_optspecs
    string join \n j/json color= schema h/help V/version
end

function __fish_aioinfo_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_aioinfo_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_aioinfo_using_subcommand
    set -l cmd (__fish_aioinfo_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c aioinfo -n "__fish_aioinfo_needs_command" -l color -d 'Use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c aioinfo -n "__fish_aioinfo_needs_command" -s j -l json -d 'Print JSON, one object for a look'
complete -c aioinfo -n "__fish_aioinfo_needs_command" -l schema -d 'Print the schema of the JSON, and end'
complete -c aioinfo -n "__fish_aioinfo_needs_command" -s h -l help -d 'Print help'
complete -c aioinfo -n "__fish_aioinfo_needs_command" -s V -l version -d 'Print version'
complete -c aioinfo -n "__fish_aioinfo_needs_command" -a "check" -d 'Try whether AIO works here, what of it, and whether io_submit blocks'
complete -c aioinfo -n "__fish_aioinfo_needs_command" -a "watch" -d 'Show again and again'
complete -c aioinfo -n "__fish_aioinfo_using_subcommand check" -l color -d 'Use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c aioinfo -n "__fish_aioinfo_using_subcommand check" -s j -l json -d 'Print JSON, one object for a look'
complete -c aioinfo -n "__fish_aioinfo_using_subcommand check" -s h -l help -d 'Print help'
complete -c aioinfo -n "__fish_aioinfo_using_subcommand watch" -s n -l interval -d 'Time from one look to the next' -r
complete -c aioinfo -n "__fish_aioinfo_using_subcommand watch" -s c -l count -d 'End after N looks' -r
complete -c aioinfo -n "__fish_aioinfo_using_subcommand watch" -l color -d 'Use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c aioinfo -n "__fish_aioinfo_using_subcommand watch" -s j -l json -d 'Print JSON, one object for a look'
complete -c aioinfo -n "__fish_aioinfo_using_subcommand watch" -s h -l help -d 'Print help'
