#!/usr/bin/env bash
# Let this machine work for the cluster whose head listens at ADDRESS, such as 10.0.0.10:6379.
#
#     cluster/join.sh ADDRESS [arguments of `ray start`]
#
# It needs spinbot in the head's version with the models it is to run (`spinbot models pull`), and the head's token.
set -euo pipefail
address="${1:?say the address of the head, as in: cluster/join.sh 10.0.0.10:6379}"
source "$(dirname "$0")/ray.sh"
if [ -z "${RAY_AUTH_TOKEN:-}${RAY_AUTH_TOKEN_PATH:-}" ] && [ ! -s ~/.ray/auth_token ]; then
    echo "there is no ~/.ray/auth_token: copy the head's to this machine" >&2
    exit 1
fi
exec ray start --address "$address" "${@:2}"
