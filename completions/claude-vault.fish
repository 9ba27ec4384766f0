# Completion of claude-vault for fish. The program itself computes the completions, so this file contains none of its
# commands.
function __claude_vault_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l typed (commandline -ct)
    set -l plain (string unescape -- $typed)
    or set plain $typed
    set -l reply (claude-vault complete fish $words "$plain" 2>/dev/null)
    or return
    set -l head (string split \t -- $reply[1])
    set -l start $head[2]
    switch $head[1]
        case files folders programs
            set -l before (string sub -l $start -- "$plain")
            set -l rest (string sub -s (math $start + 1) -- "$plain")
            switch $head[1]
                case files
                    set reply (__fish_complete_path "$rest")
                case folders
                    set reply (__fish_complete_directories "$rest" "")
                case programs
                    set reply (complete -C -- "$rest")
            end
            printf '%s\n' $before$reply
        case command
            # The command after `--` gets its own completion.
            set -l command (commandline -opc)
            set -l rest (string escape -- $command[(math $start + 1)..]) $typed
            set -q command[(math $start + 1)]; or set rest $typed
            complete -C "$rest"
        case '*'
            set -q reply[2]; and printf '%s\n' $reply[2..]
    end
end
complete -c claude-vault -e
complete -c claude-vault -f -k -a '(__claude_vault_complete)'
