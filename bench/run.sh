#!/bin/sh
# sh run.sh MINUTES OUT: paper B on one GPU, without network, over 60 s before MINUTES are up.
# Evidence appears below OUT as it is measured; the same call again carries on.
set -eu
began=$(date +%s)
[ $# -eq 2 ] || { echo "usage: sh run.sh MINUTES OUT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
cd "$here/strata"
[ -L results ] || { cp -R results/. "$out" && rm -r results; }
ln -sfn "$out" results
export PYTHONPATH="$here/strata/src:$here/lib" PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1
exec "${PYTHON:-python3}" bench/gpu_lws.py --profile large --minutes "$1" --since "$began"
