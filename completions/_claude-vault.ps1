# Completion of claude-vault for PowerShell: claude-vault completions powershell | Out-String | Invoke-Expression
# The program itself answers, so that nothing here needs to know its commands.
Register-ArgumentCompleter -Native -CommandName 'claude-vault' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    # Each word behind a sign: old versions drop empty words.
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { "=$($_.ToString())" })
    $reply = @(& claude-vault complete powershell @words "=$wordToComplete" 2>$null)
    # Without an answer PowerShell offers files.
    if ($reply.Count -eq 0 -or -not $reply[0].StartsWith("names")) { return }
    $reply | Select-Object -Skip 1 | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
