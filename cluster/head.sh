#!/usr/bin/env bash
# Start a Ray cluster for spinbot with this machine as its head.
#
#     cluster/head.sh [arguments of `ray start`]
#
# The first start makes the token ~/.ray/auth_token; machines that join need the same file. What the head knows stands in
# RocksDB (~/.ray/spinbot-gcs): started again after its death, it brings the services back by itself.
set -euo pipefail
source "$(dirname "$0")/ray.sh"
if [ -z "${RAY_AUTH_TOKEN:-}${RAY_AUTH_TOKEN_PATH:-}" ]; then ray get-auth-token --generate > /dev/null; fi
export RAY_gcs_storage="${RAY_gcs_storage:-rocksdb}" RAY_gcs_storage_path="${RAY_gcs_storage_path:-$HOME/.ray/spinbot-gcs}"
mkdir -p "$RAY_gcs_storage_path"
exec ray start --head "$@"
