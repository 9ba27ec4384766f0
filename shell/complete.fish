# Names of services and keys from Vault, where a session is.
function __claude_vault_words
    set -l value
    for word in (commandline -opc)
        if contains -- $word @VALUES@
            set value next
        else
            test -n "$value"; or string match -v -- '-*' $word
            set value
        end
    end
end
function __claude_vault_at
    set -l words (__claude_vault_words)
    test (count $words) -eq $argv[1]; and contains -- $words[2] $argv[2..]
end
complete -c claude-vault -n '__claude_vault_at 2 list ls get show set put register inject exec run' -f -a '(claude-vault complete-names 2>/dev/null)'
complete -c claude-vault -n '__claude_vault_at 3 get show set put register' -f -a '(claude-vault complete-names -- (__claude_vault_words)[3] 2>/dev/null)'
