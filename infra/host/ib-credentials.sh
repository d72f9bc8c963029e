#!/bin/bash
# Brings user name and password of the IB account from the parameter store into memory (/run), before each start of
# the gateway. Both are made by hand: docs/host.md. The container's user, 1000, reads them.
set -euo pipefail
: "${USER_PARAMETER:?}" "${PASSWORD_PARAMETER:?}" "${RUNTIME_DIRECTORY:?}"

value() {
  aws ssm get-parameter --with-decryption --name "$1" --query Parameter.Value --output text
}

umask 0277
rm -f "$RUNTIME_DIRECTORY/user.env" "$RUNTIME_DIRECTORY/tws_password"
user=$(value "$USER_PARAMETER")
password=$(value "$PASSWORD_PARAMETER")
echo "TWS_USERID=$user" >"$RUNTIME_DIRECTORY/user.env"
printf '%s' "$password" >"$RUNTIME_DIRECTORY/tws_password"
chown 1000:1000 "$RUNTIME_DIRECTORY/tws_password"
