# claude-vault for elvish:  eval (claude-vault init elvish | slurp)   (in rc.elv)
# Then `claude-vault login`, `renew` and `logout` change this shell. A failed login is an exception.
var program~ = (external @BIN@)
fn claude-vault {|@arguments|
  if (and (> (count $arguments) 0) (has-value [login logout renew] $arguments[0])) {
    var failed = $ok
    eval (try { program --source elvish - $@arguments | slurp } catch error { set failed = $error })
    if (not $failed) { fail $failed }
  } else {
    program $@arguments
  }
}
edit:add-var claude-vault~ $claude-vault~
