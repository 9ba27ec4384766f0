# claude-vault for tcsh:  eval "`claude-vault init tcsh`"   (in ~/.tcshrc)
# `claude-vault-login`, `-renew` and `-logout` change this shell: no alias of tcsh can tell words
# apart and hand the others on unchanged.
alias claude-vault-login @LOGIN@;
alias claude-vault-logout @LOGOUT@;
alias claude-vault-renew @RENEW@;
