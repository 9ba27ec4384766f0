# Completion of claude-vault for PowerShell: claude-vault completions powershell | Out-String | Invoke-Expression
# The program itself computes the completions, so this file contains none of its commands.
Register-ArgumentCompleter -Native -CommandName 'claude-vault' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    # Put a sign before each word, because old versions of PowerShell drop empty words.
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { "=$($_.ToString())" })
    $reply = @(& claude-vault complete powershell @words "=$wordToComplete" 2>$null)
    # Return nothing: PowerShell then offers files.
    if ($reply.Count -eq 0 -or -not $reply[0].StartsWith("names")) { return }
    $reply | Select-Object -Skip 1 | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
