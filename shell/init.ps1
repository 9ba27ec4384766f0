# claude-vault for PowerShell:  claude-vault init powershell | Out-String | Invoke-Expression   (in $PROFILE)
# Then `claude-vault login` and `claude-vault logout` change this shell.
function claude-vault {
    if ($args.Count -gt 0 -and $args[0] -cin 'login', 'logout') {
        $lines = & @BIN@ --source powershell - @args | Out-String
        $result = $LASTEXITCODE
        if ($lines) { Invoke-Expression $lines }
        $global:LASTEXITCODE = $result
    } elseif ($MyInvocation.ExpectingInput) {
        $input | & @BIN@ @args
    } else {
        & @BIN@ @args
    }
}
