
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'claude-vault' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'claude-vault'
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
        'claude-vault' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Sign in with the browser; the shell holds the session for an hour')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'End the session: revoke the token, forget the variables')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show who is signed in and for how long')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List services, or the keys of one')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List services, or the keys of one')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Print one value, or all of a service')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Set keys of a service, after you said yes')
            [CompletionResult]::new('inject', 'inject', [CompletionResultType]::ParameterValue, 'Write a service''s .env or secrets.yaml')
            [CompletionResult]::new('exec', 'exec', [CompletionResultType]::ParameterValue, 'Run a program with a service''s secrets in its environment')
            [CompletionResult]::new('adopt', 'adopt', [CompletionResultType]::ParameterValue, 'Move a service''s files into Vault: .env, compose and secrets.yaml, with a way back')
            [CompletionResult]::new('scan', 'scan', [CompletionResultType]::ParameterValue, 'Find what looks like a secret in env, compose and YAML files; no value is shown')
            [CompletionResult]::new('example', 'example', [CompletionResultType]::ParameterValue, 'Write a template to commit, without the secrets of a .env or compose file')
            [CompletionResult]::new('approve', 'approve', [CompletionResultType]::ParameterValue, 'Answer the changes that an AI assistant asked for')
            [CompletionResult]::new('mcp', 'mcp', [CompletionResultType]::ParameterValue, 'Serve AI assistants over MCP, on standard input and output')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'Show the audit log, or check that nobody changed it')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Show what is set and where it came from; --all shows every setting')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Say what is wrong with this setup, and what mends it')
            [CompletionResult]::new('dev', 'dev', [CompletionResultType]::ParameterValue, 'Try it all on a throwaway server on this machine')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Print the function for a shell, or say what is missing here')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion of commands and options for a shell')
            [CompletionResult]::new('setup', 'setup', [CompletionResultType]::ParameterValue, 'Install for you alone, or uninstall')
            [CompletionResult]::new('complete-names', 'complete-names', [CompletionResultType]::ParameterValue, 'What the completions ask for while a person types')
            [CompletionResult]::new('dev-server', 'dev-server', [CompletionResultType]::ParameterValue, 'What `dev` starts its server through, so that the server ends with it')
            [CompletionResult]::new('dev-sign-in', 'dev-sign-in', [CompletionResultType]::ParameterValue, 'What stands in for the browser in `dev --tour`')
            break
        }
        'claude-vault;login' {
            [CompletionResult]::new('--method', '--method', [CompletionResultType]::ParameterName, 'How to sign in [default: oidc]')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'The role to ask Vault for, instead of its default')
            [CompletionResult]::new('--auth-mount', '--auth-mount', [CompletionResultType]::ParameterName, 'Where the login method is mounted [default: oidc, or jwt]')
            [CompletionResult]::new('--issuer', '--issuer', [CompletionResultType]::ParameterName, 'The identity provider to ask itself, for jwt and device')
            [CompletionResult]::new('--client-id', '--client-id', [CompletionResultType]::ParameterName, 'This program''s client ID there: a public client')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The port the browser comes back to; another one if it is taken [default: 8250]')
            [CompletionResult]::new('--browser', '--browser', [CompletionResultType]::ParameterName, 'The command that opens the URL, instead of BROWSER or the desktop''s')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait for you')
            [CompletionResult]::new('--shell', '--shell', [CompletionResultType]::ParameterName, 'The syntax to print, for: eval "$(claude-vault login)"')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--no-browser', '--no-browser', [CompletionResultType]::ParameterName, 'Do not open a browser here; the URL is printed either way')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Sign in again though the session is still alive')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;logout' {
            [CompletionResult]::new('--shell', '--shell', [CompletionResultType]::ParameterName, 'The syntax to print, for: eval "$(claude-vault logout)"')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--revoke', '--revoke', [CompletionResultType]::ParameterName, 'Revoke the token also if no login here made it')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;status' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;list' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;ls' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;get' {
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'An older version of the service')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'No line break after the value')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;set' {
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Make a random value of LENGTH characters [default: 32]')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Take the keys of a .env, YAML or JSON file; - reads standard input')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The format of the file, where its name does not tell')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'The program that reads the .env file, instead of guessing by the files beside it')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Take the variable NAME, which the file refers to, from the environment')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only these keys of the file')
            [CompletionResult]::new('--except', '--except', [CompletionResultType]::ParameterName, 'All keys of the file but these')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would change and stop')
            [CompletionResult]::new('--secrets-only', '--secrets-only', [CompletionResultType]::ParameterName, 'Only the keys of the file that look like secrets')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'Store every KEY=VALUE as text, also over a number or a boolean')
            [CompletionResult]::new('--no-confirm', '--no-confirm', [CompletionResultType]::ParameterName, 'Write without asking, for scripts')
            [CompletionResult]::new('--reveal', '--reveal', [CompletionResultType]::ParameterName, 'Show the new values in the plan')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;inject' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The format, instead of the one found')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'The file, instead of those found; FILE.example is its template')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'Who reads the .env file, instead of guessing by the files beside it: one or several, as in compose,shell')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every service that has a folder here')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Refuse keys whose names a .env file cannot hold, instead of leaving them out')
            [CompletionResult]::new('--gitignore', '--gitignore', [CompletionResultType]::ParameterName, 'Add the file and its backups to .gitignore where git would take them')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be updated, added, removed and kept, and write nothing')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Show which keys would change, and write nothing')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Write nothing, and exit with 1 when a value would change')
            [CompletionResult]::new('--reveal', '--reveal', [CompletionResultType]::ParameterName, 'With --diff: show the values too, on this terminal only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print failures only')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;exec' {
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only these keys, separated by commas')
            [CompletionResult]::new('--prefix', '--prefix', [CompletionResultType]::ParameterName, 'Put this before each variable''s name')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Refuse when two services have the same key')
            [CompletionResult]::new('--clean', '--clean', [CompletionResultType]::ParameterName, 'Nothing else in the environment')
            [CompletionResult]::new('--keep-token', '--keep-token', [CompletionResultType]::ParameterName, 'Leave the session''s variables in the environment')
            [CompletionResult]::new('--env-file-fd', '--env-file-fd', [CompletionResultType]::ParameterName, 'Pass them as a file in memory instead, for docker run --env-file {}')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;adopt' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The service of the files in the root itself, instead of the root folder''s name')
            [CompletionResult]::new('--prefer', '--prefer', [CompletionResultType]::ParameterName, 'Which value counts where Vault holds another one; without it, such a key is skipped')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every folder below the root')
            [CompletionResult]::new('--all-keys', '--all-keys', [CompletionResultType]::ParameterName, 'Store what is no secret too')
            [CompletionResult]::new('--undo', '--undo', [CompletionResultType]::ParameterName, 'Put the files back as they were, and take out of Vault what adopt added')
            [CompletionResult]::new('--done', '--done', [CompletionResultType]::ParameterName, 'Remove the backups, which hold the secrets in plain text; after that, undo is over')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be done and stop')
            [CompletionResult]::new('--no-confirm', '--no-confirm', [CompletionResultType]::ParameterName, 'Write without asking, for scripts')
            [CompletionResult]::new('--reveal', '--reveal', [CompletionResultType]::ParameterName, 'Show the new values in the plan')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;scan' {
            [CompletionResult]::new('--baseline', '--baseline', [CompletionResultType]::ParameterName, 'Known findings: files and keys, nothing that depends on a value')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'Who reads the env files, instead of guessing by the files beside them')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Show what is taken for no secret too')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Exit 1 when there is a secret that neither a comment nor the baseline allows')
            [CompletionResult]::new('--sarif', '--sarif', [CompletionResultType]::ParameterName, 'Print a SARIF 2.1.0 log')
            [CompletionResult]::new('--update-baseline', '--update-baseline', [CompletionResultType]::ParameterName, 'Write the baseline from what is found now')
            [CompletionResult]::new('--rules', '--rules', [CompletionResultType]::ParameterName, 'List the rules that decide')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Compare with every service in Vault, not only with the folder''s own')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;example' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Where to write [default: FILE.example, or docker-compose.example.yml beside a compose file]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Where to write [default: FILE.example, or docker-compose.example.yml beside a compose file]')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;approve' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('pending', 'pending', [CompletionResultType]::ParameterValue, 'Show what waits for you, and answer each change with yes or no')
            [CompletionResult]::new('open', 'open', [CompletionResultType]::ParameterValue, 'Open the pages of the changes that wait, in the browser')
            [CompletionResult]::new('enroll', 'enroll', [CompletionResultType]::ParameterValue, 'Add a passkey that approves changes')
            [CompletionResult]::new('address', 'address', [CompletionResultType]::ParameterValue, 'Say that Vault moved: step-up asks before it goes to another address')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List your passkeys')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove a passkey')
            break
        }
        'claude-vault;approve;pending' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;approve;open' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;approve;enroll' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;approve;address' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;approve;list' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;approve;remove' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'All of them, also when the store was changed by something else')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;mcp' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;audit' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that no line was edited, removed or moved')
            break
        }
        'claude-vault;audit;verify' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;config' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Show also the settings that have their defaults')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('edit', 'edit', [CompletionResultType]::ParameterValue, 'Open the config file in your editor, and check it afterwards')
            break
        }
        'claude-vault;config;edit' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;doctor' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;dev' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--tour', '--tour', [CompletionResultType]::ParameterName, 'Walk through the main job without a browser, showing each command and its output')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;init' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;completions' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;setup' {
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Where to install: DIR/bin, DIR/libexec and DIR/share [default: ~/.local]')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--uninstall', '--uninstall', [CompletionResultType]::ParameterName, 'Remove what was installed there')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;complete-names' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;dev-server' {
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Vault''s address, instead of VAULT_ADDR')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'claude-vault;dev-sign-in' {
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'The KV version 2 mount [default: secret]')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'The path below the mount where services lie; / for none [default: proxmox-services]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder that holds a folder for each service; nothing outside it is written')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--insecure-http', '--insecure-http', [CompletionResultType]::ParameterName, 'Allow a token to travel over plain http to another machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of text')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
