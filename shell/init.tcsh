# claude-vault for tcsh:  eval "`claude-vault init tcsh`"   (in ~/.tcshrc)
# `claude-vault-login`, `-renew` and `-logout` change this shell. They have their own names because a
# tcsh alias cannot check for one subcommand and pass all others on unchanged.
alias claude-vault-login @LOGIN@;
alias claude-vault-logout @LOGOUT@;
alias claude-vault-renew @RENEW@;
