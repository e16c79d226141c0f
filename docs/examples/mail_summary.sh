#!/bin/sh
# Mails the summary of yesterday to the postmaster: mail_summary.sh LOG ...
# Ends with the status of the summary: 3 if rates are to be watched, 4 if sending is to pause, 1 if a log could not be read.
set -u
umask 077
state=${STATE_DIRECTORY:-/var/lib/bounces}
text=$(undeliverable summary --log --yesterday --before "$state/summary.json" --save "$state/summary.json" \
    --fail-on watch "$@" 2>&1)
status=$?
{
    printf 'To: %s\nSubject: Mail of yesterday on %s\n' "${POSTMASTER:-postmaster}" "$(uname -n)"
    printf 'Auto-Submitted: auto-generated\nMIME-Version: 1.0\n'
    printf 'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s\n' "$text"
} | "${SENDMAIL:-/usr/sbin/sendmail}" -t
exit "$status"
