# claude-vault for fish:  claude-vault init fish | source   (in config.fish)
# Then `claude-vault login`, `renew` and `logout` change this shell.
function claude-vault --description 'Sessions and secrets of Vault'
    switch "$argv[1]"
        case login logout renew
            set --local fish_trace # the trace would show the token
            set --local lines (command @BIN@ --source fish - $argv)
            set --local result $status
            string join -- \n $lines | source
            return $result
        case '*'
            command @BIN@ $argv
    end
end
