#!/bin/bash
# Makes an Amazon Linux 2023 instance the host of IB Gateway and one bridge. Runs at every start of the instance, changes
# what has to be changed and nothing else: a new deployment is a restart, a restart alone needs no network.
# What it is told comes as variables: infra/constructs/host-boot.ts.
set -euo pipefail
: "${BRIDGE:?}" "${GATEWAY_PORT:?}" "${TRADING_MODE:?}" "${VOLUME:?}" "${RELEASE:?}" "${RELEASE_URL:?}" "${OUTPUTS:?}"
: "${USER_PARAMETER:?}" "${PASSWORD_PARAMETER:?}" "${AWS_DEFAULT_REGION:?}"
export AWS_DEFAULT_REGION
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT

# The versions are those of the image: its repositories stand still.
for package in docker unzip xfsprogs; do
  rpm --quiet --query "$package" || dnf install --assumeyes --quiet "$package"
done

# What was not sent yet is on a volume of its own, which outlives the instance. While another instance still has it,
# this one waits: two bridges on one outbox would be one too many.
device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${VOLUME/-/}
token=$(curl --fail --silent --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
  http://169.254.169.254/latest/api/token)
instance=$(curl --fail --silent --header "X-aws-ec2-metadata-token: $token" \
  http://169.254.169.254/latest/meta-data/instance-id)
for _ in {1..90}; do
  [ -b "$device" ] && break
  aws ec2 attach-volume --volume-id "$VOLUME" --instance-id "$instance" --device /dev/sdf >/dev/null || true
  sleep 10
done
[ -b "$device" ] || { echo "the volume $VOLUME cannot be attached" >&2; exit 1; }
install --directory --mode 0700 /var/lib/private
state=/var/lib/private/slotwise-$BRIDGE
install --directory --mode 0700 "$state"
if ! mountpoint --quiet "$state"; then
  found=0
  blkid --probe "$device" >/dev/null || found=$?
  # 2 is a new one. mkfs itself refuses where it finds a file system.
  [ "$found" -ne 2 ] || mkfs.xfs -q "$device"
  mount --options noatime,nodev,noexec,nosuid "$device" "$state"
fi

# Node is in it, for this machine: nothing else is fetched.
release=/opt/slotwise-$RELEASE
if [ ! -e "$release/complete" ]; then
  aws s3 cp --quiet "$RELEASE_URL" "$work/release.zip"
  rm -rf "$release"
  install --directory --mode 0755 "$release"
  unzip -q "$work/release.zip" -d "$release"
  chmod --recursive u=rwX,go=rX "$release"
  chmod 0755 "$release/node_modules/.bin/node"
  touch "$release/complete"
fi
ln --symbolic --force --no-dereference "$release" /opt/slotwise
find /opt -maxdepth 1 -name 'slotwise-*' ! -path "$release" -exec rm -rf {} +

install --directory --mode 0755 /etc/slotwise
echo "$OUTPUTS" >/etc/slotwise/slotwise.outputs.json
cat >"/etc/slotwise/$BRIDGE.env" <<END
SLOTWISE_GATEWAY_PORT=$GATEWAY_PORT
END
cat >/etc/slotwise/ib-gateway.env <<END
TRADING_MODE=$TRADING_MODE
USER_PARAMETER=$USER_PARAMETER
PASSWORD_PARAMETER=$PASSWORD_PARAMETER
AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION
END

# Started here and not enabled: at a boot they would begin before their volume is there.
install --mode 0644 "/opt/slotwise/bridge/service/slotwise-bridge@.service" /opt/slotwise/host/ib-gateway.service \
  /etc/systemd/system/
systemctl daemon-reload
systemctl start docker.service
# Of the gateway a start may wait for parameters that nobody has made yet.
systemctl start --no-block ib-gateway.service
systemctl start "slotwise-bridge@$BRIDGE.service"
