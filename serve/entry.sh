#!/bin/sh
# Runs a command with the database's URL in its environment, the password taken from a secret of serve/compose.yaml.
set -eu
password=$(cat /run/secrets/database)
export SS_RAY_DATABASE="postgresql://ss_ray:${password}@database/ss_ray"
export SS_RAY_LEDGER="$SS_RAY_DATABASE"
exec "$@"
