# claude-vault for PowerShell:  claude-vault init powershell | Out-String | Invoke-Expression   (in $PROFILE)
# `claude-vault-login`, `-renew` and `-logout` change this shell and throw an error if they fail. They do not
# replace the command `claude-vault`, because a function would lose a `--` among its arguments.
function claude-vault-session {
    $PSNativeCommandUseErrorActionPreference = $false
    $answer = & @BIN@ --source powershell - @args | Out-String
    $result = $LASTEXITCODE
    # Read the answer as data, because PowerShell can log everything that it runs as a script.
    if ($answer.Trim()) {
        foreach ($variable in (ConvertFrom-Json $answer).PSObject.Properties) {
            if ($null -eq $variable.Value) {
                Remove-Item -ErrorAction Ignore -LiteralPath "Env:$($variable.Name)"
            } else {
                Set-Item -LiteralPath "Env:$($variable.Name)" -Value $variable.Value
            }
        }
    }
    $global:LASTEXITCODE = $result
    if ($result) { throw "claude-vault ended with $result" }
}
function claude-vault-login { claude-vault-session login @args }
function claude-vault-logout { claude-vault-session logout @args }
function claude-vault-renew { claude-vault-session renew @args }
