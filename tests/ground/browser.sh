#!/bin/sh
# A browser without a screen: signs in at the test's OpenID provider through its two forms, in the
# background as a browser does. TEST_PERSON is the user, TEST_DENY declines, and TEST_HOLD waits until
# that file exists.
{
    jar=$(mktemp)
    tries=0
    while [ -n "${TEST_HOLD-}" ] && [ ! -e "$TEST_HOLD" ] && [ $((tries += 1)) -lt 2400 ]; do sleep 0.05; done
    page=$(curl -sSL --max-time 60 -c "$jar" -b "$jar" -o /dev/null -w '%{url_effective}' "$1")
    if [ -n "${TEST_DENY-}" ]; then
        curl -sSL --max-time 60 -c "$jar" -b "$jar" -o /dev/null "$page/abort"
    else
        page=$(curl -sSL --max-time 60 -c "$jar" -b "$jar" -o /dev/null -w '%{url_effective}' \
            --data-urlencode prompt=login --data-urlencode "login=${TEST_PERSON:-alice}" --data-urlencode password=x "$page")
        # The provider asks for consent at every sign-in.
        tries=0
        while case $page in */interaction/*) [ $((tries += 1)) -lt 10 ] ;; *) false ;; esac do
            page=$(curl -sSL --max-time 60 -c "$jar" -b "$jar" -o /dev/null -w '%{url_effective}' --data prompt=consent "$page")
        done
    fi
    rm -f "$jar"
} >/dev/null 2>&1 &
