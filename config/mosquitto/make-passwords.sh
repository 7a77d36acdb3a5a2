#!/bin/sh
# Makes Mosquitto's password file from the secrets, hashed; run at every start, so the secrets are the one truth.
# mqtt_password: carewatch's own. watch_passwords: a line `watch_id:password` for each watch; # begins a comment.
# After a change: docker compose run --rm mosquitto-passwords && docker compose kill -s HUP mosquitto
set -eu
secrets=${SECRETS_DIR:-/run/secrets}
auth=${AUTH_DIR:-/mosquitto/auth}
umask 077

refuse() {
  echo "make-passwords: $1" >&2
  exit 1
}

[ -s "$secrets/mqtt_password" ] || refuse "secret mqtt_password is missing or empty; .env.example says how to make it"
[ -e "$secrets/watch_passwords" ] || refuse "secret watch_passwords is missing; without watches make it an empty file"

case $(cat "$secrets/mqtt_password") in
  *:*) refuse "secret mqtt_password holds a colon, which mosquitto_passwd does not understand; make one without" ;;
esac

# Names as in the contract (1 to 64 of A-Z a-z 0-9 . _ -), none twice, none that looks like carewatch's own.
watches=$(tr -d '\r' < "$secrets/watch_passwords" | grep -v -e '^[[:space:]]*$' -e '^#' || true)
wrong=$(printf '%s\n' "$watches" | grep -n -v -E -e '^[A-Za-z0-9._-]{1,64}:[^:]+$' -e '^$' | cut -d: -f1 | tr '\n' ' ')
[ -z "$wrong" ] || refuse "watch_passwords: not watch_id:password (a password without a colon), counting lines that say something: $wrong"
reserved=$(printf '%s\n' "$watches" | cut -d: -f1 | grep -i -E '^carewatch' || true)
[ -z "$reserved" ] || refuse "watch_passwords: names that begin with carewatch are its own: $reserved"
twice=$(printf '%s\n' "$watches" | cut -d: -f1 | sort | uniq -d)
[ -z "$twice" ] || refuse "watch_passwords: more than once: $twice"

new=$auth/passwords.new
printf 'carewatch:%s\n' "$(cat "$secrets/mqtt_password")" > "$new"
[ -z "$watches" ] || printf '%s\n' "$watches" >> "$new"
mosquitto_passwd -U "$new"
# The broker runs as the image's user and group 1883.
[ "$(id -u)" != 0 ] || chown "${BROKER_USER:-1883:1883}" "$auth" "$new"
mv "$new" "$auth/passwords"
echo "make-passwords: carewatch and $(printf '%s' "$watches" | grep -c '') watches can sign in"
