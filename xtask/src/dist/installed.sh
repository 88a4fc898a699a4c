#!/bin/sh
# Run by `cargo xtask dist --check` in a Debian that has the package: the relay works there as its unit starts it.
set -eu

name=copilot-cx-relay
work=$(mktemp -d)
running=
trap 'for process in $running; do kill "$process" 2>/dev/null || true; done' EXIT

# What prints "listening on URL" first, in the background; says the URL.
started() {
    log=$1
    shift
    "$@" >"$log" &
    running="$running $!"
    for _ in $(seq 100); do
        if grep -q '^listening on ' "$log"; then
            sed -n 's/^listening on //p' "$log"
            return
        fi
        sleep 0.1
    done
    echo "does not listen: $*" >&2
    exit 1
}

# As the unit has it: a user of its own, its folder, the secret among systemd's credentials.
useradd --system --no-create-home $name
install -d -m 700 -o $name /var/lib/copilot-cx
secret=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
install -d -m 700 -o $name "$work/credentials"
printf '%s\n' "$secret" >"$work/credentials/copilot-client-secret"
chown $name "$work/credentials/copilot-client-secret"
chmod 400 "$work/credentials/copilot-client-secret"
chmod 755 "$work"

export COPILOT_CLIENT_ID=me CREDENTIALS_DIRECTORY="$work/credentials"
started "$work/sandbox" env COPILOT_CLIENT_SECRET="$secret" copilot-cx sandbox --client-id me >"$work/url"
sandbox=$(cat "$work/url")
copilot-cx doctor --endpoint "$sandbox" --send-test-event --user-id installed

command=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/$name.service)
cd /var/lib/copilot-cx
# shellcheck disable=SC2086 # It is a line of words.
started "$work/relay" setpriv --reuid $name --regid $name --clear-groups --inh-caps=-all \
    env HOME=/ COPILOT_ENDPOINT="$sandbox" $command --listen 127.0.0.1:0 >"$work/url"
relay=$!
copilot-cx doctor --endpoint "$(cat "$work/url")" --send-test-event --user-id installed

kill -TERM $relay
wait $relay # It fails where the relay does.
test "$(stat -c %a /var/lib/copilot-cx/relay.outbox)" = 600
