# Completion of claude-vault for elvish: eval (claude-vault completions elvish | slurp)
# The program itself computes the completions, so this file contains none of its commands.
use str

set edit:completion:arg-completer[claude-vault] = {|@words|
    var reply = [(try { e:claude-vault complete elvish (all $words[1..]) 2>/dev/null } catch e { nop })]
    if (> (count $reply) 0) {
        var kind start = (str:split "\t" $reply[0])
        if (has-value [files folders] $kind) {
            edit:complete-filename $words[-1]
        } elif (eq $kind programs) {
            edit:complete-sudo sudo $words[-1]
        } elif (eq $kind command) {
            edit:complete-sudo sudo (all $words[$start..])
        } else {
            for line $reply[1..] {
                var word about = (str:split "\t" $line)
                if (eq $about '') {
                    put $word
                } else {
                    edit:complex-candidate $word &display=$word'  '$about
                }
            }
        }
    }
}
