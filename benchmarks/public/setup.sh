#!/usr/bin/env bash
# What the public yardsticks need beside crosstie, in .peers: the package of scMultiBench with its scores (1 GB with its
# requirements), and the metric code of SCMMIB (git, 30 MB).
set -euo pipefail
root=${CROSSTIE_PEERS:-$(cd "$(dirname "$0")/../.." && pwd)/.peers}
if [ ! -e "$root/public/.ready" ]; then
  "${PYTHON:-python3}" -m venv "$root/public"
  "$root/public/bin/python" -m pip install --quiet --disable-pip-version-check multibench-sc==0.4.0
  touch "$root/public/.ready"
fi
if [ ! -e "$root/SCMMI_Benchmark" ]; then
  git clone --quiet https://github.com/bm2-lab/SCMMI_Benchmark "$root/SCMMI_Benchmark"
  git -C "$root/SCMMI_Benchmark" checkout --quiet 5341740b541c9d8050fb74009c1605aa1bd1b27a
fi
