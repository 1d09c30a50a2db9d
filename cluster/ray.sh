# What spinbot wants of Ray on every machine of a cluster. Read by head.sh and join.sh; say otherwise in the environment.

export RAY_AUTH_MODE="${RAY_AUTH_MODE:-token}"  # Ray listens on all interfaces: whoever reaches it runs code there
export RAY_worker_niceness="${RAY_worker_niceness:-0}"
export RAY_ENABLE_UV_RUN_RUNTIME_ENV="${RAY_ENABLE_UV_RUN_RUNTIME_ENV:-0}"
export RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="${RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO:-1}"
export RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD="${RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD:-0}"
export RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP="${RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP:-0}"

clone="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [ -x "$clone/.venv/bin/ray" ]; then PATH="$clone/.venv/bin:$PATH"; fi
